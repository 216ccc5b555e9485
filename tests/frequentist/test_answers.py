from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from casepool.cases import load, read_cases
from casepool.errors import CasepoolError
from casepool.frequentist.answers import classical
from casepool.frequentist.cox import fit_cox
from casepool.frequentist.logrank import log_rank
from casepool.modelling import make_design, model
from casepool.modelling.design.grouping import membership, patients_and_events
from casepool.modelling.specification.cautions import guard
from casepool.tables import COLUMNS
from tests.small import normal, survival_model

from . import freireich

TABLE_2 = np.array([[0, 1, 6, 3], [1, 2, 12, 2]])  # PD, SD, PR, CR; under 18, 18 and over

SURGERY = guard(who="was operated", what="surgery", free="alive")


def rows(table, **wanted):
    kept = table
    for column, value in wanted.items():
        kept = kept[kept[column] == value]
    return kept


def only_row(table, **wanted):
    found = rows(table, **wanted)
    assert len(found) == 1, found
    return found.iloc[0]


def frame(text):
    lines = [line.split() for line in text.strip().splitlines()]
    return pd.DataFrame(lines[1:], columns=lines[0])


@pytest.fixture(scope="module")
def by_age():
    return classical("objective_response_by_age_group", "alk_crizotinib", by="age")


@pytest.fixture(scope="module")
def by_surgery():
    return classical("overall_survival", "alk_crizotinib", by="surgery")


def test_the_layout_is_the_one_of_all_answers(by_age, by_surgery):
    for table in (by_age, by_surgery):
        assert tuple(table.columns) == COLUMNS
        assert set(table["source"]) == {"raw"}
        assert set(table["model"]) == {""}
        assert (table["method"] != "").all()
        assert (table["verdict"] == "").all()


def test_everyone_is_one_rate_by_two_intervals():
    table = classical("objective_response", "alk_crizotinib")
    assert table[["n", "events"]].to_numpy().tolist() == [[30, 26], [30, 26]]
    exact = stats.binomtest(26, 30).proportion_ci(method="exact")
    row = only_row(table, method="Clopper-Pearson")
    assert (row["estimate"], row["lower"], row["upper"]) == pytest.approx((26 / 30, exact.low, exact.high))


def test_levels_stand_as_on_the_posterior_side_and_are_counted_once():
    cases, asked = load("alk_crizotinib"), model("objective_response")
    design = make_design(asked, cases)
    for by in ("histology", "partner", "sex", "line"):
        group = membership(design, cases, by)
        table = rows(classical(asked, cases, by=by), method="Clopper-Pearson")
        assert table["level"].tolist() == list(group.levels)
        n, events = group.counts(design)
        assert table["n"].tolist() == n.tolist()
        assert table["events"].tolist() == events.tolist()


def test_nobody_and_everybody_get_a_one_sided_bound_and_an_empty_level_says_so():
    table = rows(classical("objective_response", "alk_crizotinib", by="histology"), method="Clopper-Pearson")
    everybody = only_row(table, level="EIMT")
    assert f"one-sided 95% lower bound {0.05 ** (1 / 9):.3f}" in everybody["note"]
    empty = only_row(table, level="STUMP")
    assert empty["n"] == 0
    assert np.isnan(empty[["estimate", "lower", "upper"]].astype(float)).all()
    assert "no evaluable patient" in empty["note"]


def test_the_printed_table_gives_the_chi_square_of_scipy_and_warns_of_small_expected_counts(by_age):
    oracle = stats.chi2_contingency(TABLE_2)
    tests = rows(by_age, method="Pearson chi-square")
    coded = tests[tests["estimand"].str.contains("PD, SD, PR, CR")].iloc[0]
    assert coded["estimate"] == pytest.approx(oracle.pvalue)
    assert coded["n"] == TABLE_2.sum()
    assert "6 of 8 below 5" in coded["note"]
    assert "warning" in coded["note"]
    binary = tests[~tests["estimand"].str.contains("PD, SD, PR, CR")].iloc[0]
    assert binary["estimate"] == pytest.approx(stats.chi2_contingency([[9, 1], [14, 3]], correction=False).pvalue)
    assert binary["level"] == "18 and over vs under 18"
    assert np.isnan(binary["lower"])


def test_the_exact_test_of_two_rates_is_fishers(by_age):
    exact = rows(by_age, method="Fisher-Freeman-Halton").iloc[0]
    assert exact["estimate"] == pytest.approx(stats.fisher_exact([[9, 1], [14, 3]]).pvalue)
    assert "5 tables" in exact["note"]


def test_patients_of_several_levels_count_in_each_rate_and_once_in_tests():
    table = classical("objective_response", "alk_crizotinib", by="partner")
    rates = rows(table, method="Clopper-Pearson")
    assert rates["n"].sum() == 35  # 30 patients, one of them in six levels
    assert rates["note"].str.contains("patients in several levels (14)", regex=False).all()
    test = rows(table, method="Pearson chi-square").iloc[0]
    assert test["n"] == 30
    assert "'several'" in test["note"]


def test_a_table_of_counts_answers_like_the_patients_it_stands_for():
    patients = frame("histology best_response\nA PR\nA PR\nA PD\nB PD\nB CR\nB SD\nB SD")
    counts = frame("histology n events\nA 3 2\nB 4 1")
    simple = model_without_terms()
    one = classical(simple, patients, by="histology")
    other = classical(simple, counts, by="histology")
    binary = one[~one["estimand"].str.contains("PD, SD")]
    pd.testing.assert_frame_equal(
        binary[["level", "n", "events", "method", "estimate", "lower", "upper"]].reset_index(drop=True),
        other[["level", "n", "events", "method", "estimate", "lower", "upper"]].reset_index(drop=True),
    )


def model_without_terms():
    return replace(model("objective_response"), terms={})


def test_a_test_of_too_many_tables_says_so():
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"centre": rng.integers(0, 12, 400), "best_response": rng.choice(["PD", "SD", "PR", "CR"], 400)}
    )
    found = classical(model_without_terms(), table.astype(str), by="centre")
    row = found[found["estimand"].str.contains("PD, SD") & (found["method"] == "Fisher-Freeman-Halton, sampled")].iloc[
        0
    ]
    chi = found[found["estimand"].str.contains("PD, SD") & (found["method"] == "Pearson chi-square")].iloc[0]
    assert row["estimate"] == pytest.approx(chi["estimate"], abs=0.05)  # 400 patients: nearly the approximation
    assert "9,999 tables with these margins drawn (seed 1)" in row["note"]
    assert "Monte Carlo error 0.00" in row["note"]


def test_one_level_leaves_nothing_to_compare():
    table = classical(model_without_terms(), frame("site best_response\nX PR\nX PD"), by="site")
    assert "nothing to compare" in only_row(table, unit="P value")["note"]


def test_survival_of_all_by_hand():
    # Deaths at 10 and 30 of 4, 3 and 1 at risk: 3/4, then 3/4 * 1/2.
    cases = frame("patient os_months death\na 10 true\nb 20 false\nc 30 true\nd 40 false")
    asked = model("overall_survival")
    table = classical(replace(asked, exposures={}), cases, at=[5, 12, 35, 50])
    table = rows(table, method="Kaplan-Meier").reset_index(drop=True)
    assert table["estimate"].tolist()[:3] == pytest.approx([1, 0.75, 0.375])
    assert np.isnan(table["estimate"][3])
    assert "beyond the last follow-up (40 months)" in table["note"][3]
    assert np.isnan(table["lower"][0])
    assert "4 at risk" in table["note"][0]
    assert table["estimate"][4] == 30
    assert "midpoint" in table["note"][4]


def test_default_times_follow_the_unit_of_the_model():
    table = classical("overall_survival", "alk_crizotinib")
    assert table["at"].tolist() == [12, 24, 36] * 2 + ["", ""]
    assert (table["n"] == 28).all()
    assert (table["events"] == 7).all()


def test_by_a_factor_each_level_has_its_curve_and_the_log_rank_is_scipys():
    cases = load("alk_crizotinib")
    table = classical("overall_survival", cases, by="sex")
    used = cases[cases["os_months"].notna() & cases["death"].notna()]
    sides = []
    for sex in ("F", "M"):
        side = used[used["sex"] == sex]
        died = side["death"].to_numpy(dtype=bool)
        times = side["os_months"].to_numpy()
        sides.append(stats.CensoredData(uncensored=times[died], right=times[~died]))
        assert only_row(table, level=sex, at=12, method="Kaplan-Meier")["n"] == len(side)
    oracle = stats.logrank(*sides)
    test = only_row(table, method="log-rank")
    assert test["estimate"] == pytest.approx(oracle.pvalue)
    assert test["level"] == "M vs F"


def test_by_an_exposure_there_are_three_datings_and_the_guard(by_surgery):
    ever = by_surgery[by_surgery["method"].str.contains("ever against never")]
    assert ever["note"].str.contains(SURGERY, regex=False).all()
    assert "Firth" in ever["method"].iloc[-1]
    for dating in ("earliest", "middle", "latest"):
        test = only_row(by_surgery, method=f"Mantel-Byar, {dating} date")
        curves = rows(by_surgery, method=f"Simon-Makuch, {dating} date")
        assert set(curves["level"]) == {"before or without surgery", "after surgery"}
        assert 0 < test["estimate"] < 1
        assert rows(curves, level="after surgery")["events"].eq(0).all()
    everyone = rows(by_surgery, level="everyone")
    assert set(everyone["method"]) == {"Kaplan-Meier", "Nelson-Aalen", "reverse Kaplan-Meier"}
    assert "never operated" not in set(rows(by_surgery, method="Kaplan-Meier")["level"])


def test_the_time_dependent_cox_is_the_fit_of_follow_up_split_by_hand(by_surgery):
    used = load("alk_crizotinib").dropna(subset="os_months")
    long = []
    for t, d, z, a in zip(used["os_months"], used["death"], used["surgery_any"], used["surgery_earliest"], strict=True):
        if not z or a > 0:
            long.append((0.0, a if z else t, d and not z, 0.0))
        if z:
            long.append((a, t, d, 1.0))
    entry, time, event, exposed = (np.array(column, dtype=float) for column in zip(*long, strict=True))
    expected = fit_cox(time, event, exposed, entry=entry, penalised=True)
    got = only_row(by_surgery, method="Cox, Firth-penalised, earliest date", unit="ratio")
    assert np.log(got["estimate"]) == pytest.approx(expected.coefficients[0], abs=1e-6)
    assert np.log([got["lower"], got["upper"]]) == pytest.approx(expected.profile[0], abs=1e-5)


def test_cumulative_hazards_are_nelson_and_aalens():
    """Of the 6-MP arm in the textbook: 0.2 at 10 weeks is the sum 3/21 + 1/17 + 1/15 less nothing."""
    cases = pd.DataFrame({"patient": range(21), "os_months": freireich.MERCAPTOPURINE, "death": freireich.RELAPSED})
    table = classical(replace(model("overall_survival"), exposures={}), cases, at=[2, 10])
    told = rows(table, method="Nelson-Aalen")
    expected = 3 / 21 + 1 / 17 + 1 / 15
    assert told["estimate"].tolist() == pytest.approx([0.0, expected])
    spread = np.sqrt(3 / 21**2 + 1 / 17**2 + 1 / 15**2) / expected
    assert told["upper"].iloc[1] == pytest.approx(expected * np.exp(1.959964 * spread))
    assert "no limits" in told["note"].iloc[0]


def test_follow_up_that_begins_late_is_split_too():
    """Patients who enter late are at risk from then on; who was operated by then enters operated."""
    asked = survival_model(
        {"intercept": normal(1), "surgery_effect": normal(1)},
        exposure={"start": "start", "dating": "uniform"},
        outcome={"entry": "entry"},
    )
    cases = pd.DataFrame(
        {
            "patient": list("abcdef"),
            "time": [4.0, 6, 9, 11, 12, 20],
            "event": [True, True, False, True, True, False],
            "surgery": [False, True, True, False, True, False],
            "start": [None, 1.0, 7, None, 3, None],
            "entry": [0.0, 2, 5, 0, 3, 20],
        }
    )
    table = classical(asked, cases, by="surgery", at=[10])
    long = {"entry": [0, 2, 5, 7, 0, 3], "time": [4, 6, 7, 9, 11, 12], "event": [1, 1, 0, 0, 1, 1]}
    arm = np.array([0, 1, 0, 1, 0, 1], dtype=bool)
    expected = log_rank(long["time"], long["event"], arm, entry=long["entry"])
    assert only_row(table, method="Mantel-Byar, middle date")["estimate"] == pytest.approx(expected.p, rel=1e-9)
    # f enters at the end of follow-up, and is at risk of nothing
    assert (rows(table, method="Kaplan-Meier")["n"] == 5).all()


def test_events_in_intervals_are_not_passed_off_as_exact():
    asked = survival_model({"intercept": normal(1)}, outcome={"time": "", "event": "", "lower": "low", "upper": "high"})
    cases = pd.DataFrame({"patient": list("abc"), "low": [1.0, 3, 9], "high": [4.0, 8, None]})
    table = classical(asked, cases, at=[5])
    curve = table[table["method"].str.startswith(("Kaplan", "Nelson"))]
    assert curve["method"].str.contains("ends of their intervals").all()
    assert curve["note"].str.contains("put at its end").all()
    assert table["method"].str.startswith("maximum likelihood").any()  # which needs no such thing


def test_patients_ever_in_an_arm_are_counted_by_dating(by_surgery):
    after = rows(by_surgery, level="after surgery").groupby("method")["n"].first()
    # At the latest date 14, 28 and 30 (end of follow-up), 7, 1 and 8 have no time after it.
    assert after.to_dict() == {
        "Simon-Makuch, earliest date": 10,
        "Simon-Makuch, middle date": 10,
        "Simon-Makuch, latest date": 4,
    }


def test_an_ever_never_curve_stands_only_beside_a_baseline_model():
    table = classical("overall_survival_baseline", "alk_crizotinib", by="surgery")
    curves = rows(table, method="Kaplan-Meier")
    guarded = curves[curves["level"] != "everyone"]
    assert set(guarded["level"]) == {"never operated", "operated"}
    assert guarded["note"].str.contains(SURGERY, regex=False).all()


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(CasepoolError, match="number in this model"):
        classical("objective_response", "alk_crizotinib", by="age")
    with pytest.raises(CasepoolError, match="no such column"):
        classical("objective_response", "alk_crizotinib", by="histolgy")
    with pytest.raises(CasepoolError, match="has no times"):
        classical("objective_response", "alk_crizotinib", at=[12])
    with pytest.raises(CasepoolError, match="times from 0"):
        classical("overall_survival", "alk_crizotinib", at=[-1])


def test_counts_agree_with_the_design_of_the_model(by_age):
    design = make_design(model("objective_response_by_age_group"), read_cases(load("alk_crizotinib")))
    n, events = patients_and_events(design)
    everyone = classical("objective_response_by_age_group", "alk_crizotinib")
    assert everyone["n"].iloc[0] == n.sum()
    assert everyone["events"].iloc[0] == events.sum()
    assert rows(by_age, method="Wilson")["note"].str.contains("3 patients without age").all()
