"""Ratios, rates, survival at a time, cross tables, means and correlations of a paper, held to what others print."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import contingency

from casepool.claims import audit, read_claims
from casepool.claims.printed import read_printed
from casepool.claims.registry import STATISTICS
from casepool.claims.verdicts import CANNOT, ONLY_AS, REPRODUCES
from casepool.errors import CasepoolError

from .folders import REMISSION, audited, folder_of, remission

ARMS = {"time": "weeks", "event": "relapse", "by": "arm"}
OF_6MP = {"time": "weeks", "event": "relapse", "where": {"arm": "6-MP"}}
# What R 4.2.2 prints of the 6-MP trial (survival 3.5-3: coxph, survfit, survdiff); its Efron and log-rank numbers stand
# in many course notes, and the log-rank P, the medians and the curve in Kleinbaum and Klein, Survival Analysis.
PRINTED_BY_R = [
    ("0.2076 (95% CI 0.09251-0.4659)", "hazard_ratio", ARMS),
    ("4.817", "hazard_ratio", {**ARMS, "level": "placebo"}),
    ("4.817", "hazard_ratio", {**ARMS, "direction": "turned"}),
    ("0.2210887 (0.09907057 to 0.4933877)", "hazard_ratio", {**ARMS, "method": "breslow"}),
    ("p= 4.17e-05", "survival_test", {**ARMS, "test": "log_rank"}),
    ("p= 5.26e-05", "survival_test", {**ARMS, "test": "cox"}),
    ("0.753 (0.503-0.889)", "survival_at", {**OF_6MP, "at": 10}),
    ("75.3% (58.6% to 96.8%)", "survival_at", {**OF_6MP, "at": 10, "limits": "log"}),
    ("23", "median_survival", OF_6MP),
    ("13-NR", "median_survival_limits", OF_6MP),
    ("13 to not estimable", "median_survival_limits", OF_6MP),
    ("0.2501", "hazard_ratio", {**ARMS, "adjusted": ["log_wbc"]}),
]


@pytest.fixture(scope="module")
def of_remission(tmp_path_factory):
    return audited(tmp_path_factory.mktemp("remission"), remission(), PRINTED_BY_R, codebook=REMISSION)


def test_what_r_prints_of_a_trial_reproduces_under_the_method_it_names(of_remission):
    bad = of_remission[of_remission["verdict"] != REPRODUCES]
    assert bad.empty, bad[["printed", "recomputed", "reproduces_as"]].to_string()
    assert of_remission["evidence"].str.contains("21").all()


def test_another_method_is_named_and_one_nobody_would_defend_too(tmp_path):
    claims = [
        ("0.22 (0.10-0.49)", "hazard_ratio", ARMS),
        ("4.82", "hazard_ratio", ARMS),
        ("22 weeks", "median_survival", OF_6MP),
        ("0.99", "hazard_ratio", ARMS),
    ]
    found = audited(tmp_path / "d", remission(), claims, codebook=REMISSION)
    assert found["verdict"].tolist() == [ONLY_AS, ONLY_AS, CANNOT, CANNOT]
    assert found["reproduces_as"][0].startswith("Cox model, ties as Breslow (1 of the 3")
    assert found["reproduces_as"][1].startswith("the two groups the other way round (1 of the 3")


# Two by two tables: events and others of the first group, then of the second.
TABLES = [((7, 12), (1, 7)), ((26, 14), (15, 30)), ((3, 2), (9, 40))]


@pytest.mark.parametrize("counts", TABLES)
def test_ratios_of_rates_are_those_of_scipy(tmp_path, counts):
    (a, b), (c, d) = counts
    rows = {"arm": ["x"] * (a + b) + ["y"] * (c + d), "hit": ["yes"] * a + ["no"] * b + ["yes"] * c + ["no"] * d}
    risk, product = contingency.relative_risk(a, a + b, c, c + d), contingency.odds_ratio(counts, kind="sample")
    fisher = contingency.odds_ratio(counts)
    arms = {"by": "arm", "level": "x", "where": {"hit": True}}

    def told(found):
        value = getattr(found, "statistic", None) or found.relative_risk
        limits = found.confidence_interval()
        return f"{value:.6f} ({limits.low:.6f}-{limits.high:.6f})"

    claims = [
        (told(risk), "risk_ratio", arms),
        (told(product), "odds_ratio", arms),
        (told(fisher), "odds_ratio", {**arms, "method": "conditional"}),
        (told(product), "odds_ratio", {"counts": [list(row) for row in counts]}),
    ]
    found = audited(tmp_path / "d", pd.DataFrame(rows), claims)
    assert found["verdict"].eq(REPRODUCES).all(), found[["printed", "recomputed"]].to_string()


def test_a_rate_is_printed_with_limits_of_a_named_kind(tmp_path):
    # 26 of 30: R 4.2.2 prints binom.test 0.6927816 to 0.9624465, prop.test without correction 0.7031867 to 0.9469034.
    frame = pd.DataFrame({"hit": ["yes"] * 26 + ["no"] * 4})
    claims = [
        ("86.7% (95% CI 69.3-96.2)", "rate", {"where": {"hit": True}}),
        ("0.6927816-0.9624465", "rate", {"where": {"hit": True}}),
        ("70.3% to 94.7%", "rate", {"where": {"hit": True}, "limits": "wilson"}),
        ("70.3% to 94.7%", "rate", {"where": {"hit": True}}),
    ]
    found = audited(tmp_path / "d", frame, claims)
    assert found["verdict"].tolist() == [REPRODUCES, REPRODUCES, REPRODUCES, ONLY_AS]
    assert "score limits (Wilson)" in found["reproduces_as"][3]


# R's own data and what R 4.2.2 prints of them: `sleep` (Student 1908), and the tuna of Hollander and Wolfe
# (?cor.test, Spearman with exact = FALSE).
SLEEP = pd.DataFrame(
    {
        "extra": [
            0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0, 1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4
        ],
        "drug": ["first"] * 10 + ["second"] * 10,
    }
)  # fmt: skip
TUNA = pd.DataFrame(
    {"x": [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1], "y": [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8]}
)
BY_DRUG = {"column": "extra", "by": "drug", "level": "first"}
OF_SLEEP = [
    ("p-value = 0.07939", "test_of_means", {**BY_DRUG, "test": "welch"}),
    ("0.07919", "test_of_means", BY_DRUG),
    ("0.06933", "test_of_means", {**BY_DRUG, "test": "rank"}),
    ("0.06372", "test_of_means", {**BY_DRUG, "test": "rank_uncorrected"}),
    ("-1.58 (-3.3655, 0.2055)", "mean_difference", BY_DRUG),
    ("-3.3639 to 0.2039", "mean_difference", {**BY_DRUG, "variances": "equal"}),
    ("-0.025 to 3.400", "quartiles", {"column": "extra"}),
    ("-0.075 to 3.400", "quartiles", {"column": "extra", "quartiles": "weibull"}),
    ("-0.05 to 3.40", "quartiles", {"column": "extra", "quartiles": "averaged_inverted_cdf"}),
    ("-0.05 to 3.40", "quartiles", {"column": "extra", "quartiles": "tukey"}),
    ("0.75 ± 1.789", "mean_spread", {"column": "extra", "where": {"drug": "first"}}),
    ("0.75 (0.566)", "mean_spread", {"column": "extra", "where": {"drug": "first"}, "spread": "standard_error"}),
]
OF_TUNA = [
    ("0.571 (-0.150 to 0.896)", "correlation", {"column": "x", "with": "y"}),
    ("0.1082", "correlation_test", {"column": "x", "with": "y"}),
    ("0.4444", "correlation", {"column": "x", "with": "y", "of": "kendall"}),
    ("0.1194", "correlation_test", {"column": "x", "with": "y", "of": "kendall"}),
    ("0.60", "correlation", {"column": "x", "with": "y", "of": "spearman"}),
    ("0.0876", "correlation_test", {"column": "x", "with": "y", "of": "spearman"}),
]
OF_PAIRS = [
    ("0.002833", "test_of_means", {"column": "one", "minus": "two", "test": "welch"}),
    ("0.002833", "test_of_means", {"column": "one", "minus": "two"}),
    ("-1.58 (-2.460 to -0.700)", "mean_difference", {"column": "one", "minus": "two"}),
    ("-1.58 (-2.460 to -0.700)", "mean_difference", {"column": "one", "minus": "two", "variances": "equal"}),
    ("-2.460 to -0.700", "mean_limits", {"column": "one", "minus": "two"}),
    ("0.009091", "test_of_means", {"column": "one", "minus": "two", "test": "rank"}),
]
PAIRS = pd.DataFrame({"one": SLEEP["extra"][:10].to_numpy(), "two": SLEEP["extra"][10:].to_numpy()})


@pytest.mark.parametrize(("frame", "claims"), [(SLEEP, OF_SLEEP), (TUNA, OF_TUNA), (PAIRS, OF_PAIRS)])
def test_means_tests_and_correlations_are_those_r_prints(tmp_path, frame, claims):
    found = audited(tmp_path / "d", frame, claims)
    bad = found[found["verdict"] != REPRODUCES]
    assert bad.empty, bad[["printed", "recomputed", "reproduces_as"]].to_string()


def test_a_cross_table_is_all_of_its_cells_and_its_percentages_are_of_something(tmp_path):
    rows = {"response": ["CR", "CR", "PD", "PD", "PD", "SD"], "sex": ["F", "M", "F", "F", "M", "M"]}
    book = '\n[columns.response]\ntype = "ordered"\nlevels = ["PD", "SD", "PR", "CR"]\n'
    table = {"rows": "response", "columns": "sex"}
    claims = [
        ("2/1, 0/1, 1/1", "cross_table", table),
        ("1/1, 0/0, 0/1, 2/1", "cross_table", {**table, "row_labels": ["CR", "PR", "SD", "PD"]}),
        ("67, 33, 0, 33, 33, 33", "cross_table", {**table, "cells": "columns"}),
        ("67, 33, 0, 100, 50, 50", "cross_table", {**table, "cells": "columns"}),
        ("2/1, 1/0, 1/1", "cross_table", table),
    ]
    found = audited(tmp_path / "d", pd.DataFrame(rows), claims, codebook=book)
    assert found["verdict"].tolist() == [REPRODUCES, REPRODUCES, REPRODUCES, ONLY_AS, CANNOT]
    assert found["reproduces_as"][3].startswith("percent of each row (1 of the 5")
    assert found["recomputed"][0] == "2, 1, 0, 1, 1, 1"


@pytest.mark.parametrize(
    ("text", "values", "agrees"),
    [
        ("NR (NR-NR)", (np.inf, np.nan, np.inf), True),
        ("NR (12-NR)", (np.inf, 12.2, np.inf), True),
        ("NR (12-NR)", (np.inf, np.nan, np.inf), False),
        ("NE", (np.inf,), True),
        ("NE", (np.nan,), True),
        ("not estimable", (12.0,), False),
        ("not reached", (np.nan,), False),
        ("0.5 (95% CI 0.1-∞)", (0.5, 0.1, np.inf), True),
        ("0.50 (90%-CI: 0.25-1.00)", (0.5, 0.25, 1.0), True),
    ],
)
def test_what_was_not_reached_is_read_as_such_and_the_width_of_limits_is_no_number(text, values, agrees):
    assert read_printed(text).agrees(values) is agrees


BAD = {
    "width": (("0.2 (90% CI 0.1-0.4)", "hazard_ratio", ARMS), "limits are recomputed at 95%"),
    "numbers": (("1, 2, 3, 4", "hazard_ratio", ARMS), "gives 1 or 2 or 3"),
    "label": (("0.2", "hazard_ratio", {**ARMS, "level": "5-MP"}), "there is no such label"),
    "event": (("0.2", "hazard_ratio", {**ARMS, "event": "arm"}), "neither true nor false"),
    "code": (("0.2", "hazard_ratio", {**ARMS, "event": "arm", "event_levels": ["dead"]}), "there is no such label"),
    "covariate": (("0.2", "hazard_ratio", {**ARMS, "adjusted": ["arm"]}), "a covariate must be numbers"),
    "groups": (("0.2", "hazard_ratio", {**ARMS, "by": "weeks"}), "name level, and reference"),
    "counts": (("0.2", "risk_ratio", {"counts": [[1, 2]]}), "two groups of patients"),
    "neither": (("0.2", "risk_ratio", {"by": "arm"}), "two rates need by and where"),
    "method": (("0.2", "hazard_ratio", {**ARMS, "method": "weibull"}), "unknown convention"),
    "cells": (
        ("2", "cross_table", {"rows": "arm", "columns": "relapse", "row_labels": ["x"]}),
        "no label of row_labels",
    ),
    "form": (("0.2", "likelihood_ratio", {}), "unknown statistic"),
    "unfilled": (("?", "hazard_ratio", ARMS), "still to be filled in"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_such_claim_is_refused_by_name(tmp_path, case):
    claim, problem = BAD[case]
    with pytest.raises(CasepoolError) as refusal:
        audit(folder_of(tmp_path / "d", remission(), [claim], codebook=REMISSION))
    said = str(refusal.value)
    assert problem in said
    assert "d/published.toml" in said
    assert "'c0'" in said
    assert "\n" not in said


def test_every_statistic_is_documented_and_its_first_convention_is_one_of_its_choices():
    page = (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")
    for name, statistic in STATISTICS.items():
        assert f"`{name}`" in page
        for key, choices in statistic.choices.items():
            assert f"`{key}`" in page
            assert all(f"`{choice.key}`" in page or f"`{choice.key.rpartition('_')[2]}`" in page or
                       f"`_{choice.key.rpartition('_')[2]}`" in page for choice in choices), name  # fmt: skip


def test_small_groups_of_a_private_table_are_marked_in_the_evidence(tmp_path):
    frame = remission().iloc[[0, 1, 20, 21, 22, 23, 24]]
    path = folder_of(tmp_path / "d", frame, [("0.5", "hazard_ratio", ARMS)], codebook=REMISSION, public=False)
    [row] = audit(path).to_dict("records")
    assert "6-MP: 3 patients, 2† events" in row["evidence"]
    assert "P1" not in row["evidence"]
    assert len(read_claims(path)) == 1
