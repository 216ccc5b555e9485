"""Published and exact numbers: Simon 1989, baskexact, binomial tails, an integral over a grid of their own."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import casepool as cp
from casepool.trials.decisions import Verdicts
from casepool.trials.enumeration import enumerated
from casepool.trials.files import design_from_dict

CLOSE = 2e-5


def design(sizes, model: str = "", null: float = 0.2, target: float = 0.4, limit: float = 0.95, **keys):
    named = {name: {"n": n} for name, n in zip("abcdefghij", sizes, strict=False)}
    success = {"success": {"probability_above": {"rate": "null", "more_than": limit}}} if model else {}
    top = {"null": null, "target": target, "baskets": named} | ({"model": model} if model else {})
    return design_from_dict(top | success | keys, name="reference")


def table(own, **how) -> pd.DataFrame:
    return cp.operating_characteristics(own, progress=False, **how)


def of(oc: pd.DataFrame, scenario: str, words: str) -> list[float]:
    return list(oc[(oc["scenario"] == scenario) & oc["estimand"].str.startswith(words)]["estimate"])


@pytest.mark.parametrize(
    ("rates", "first", "end", "expected"),
    [
        ((0.1, 0.3), (1, 10), (5, 29), (15.0141, 0.7361)),
        ((0.1, 0.3), (1, 15), (5, 25), (19.5096, None)),
        ((0.2, 0.4), (3, 13), (12, 43), (20.5803, 0.7473)),
        ((0.2, 0.4), (4, 18), (10, 33), (22.2547, None)),
    ],
)
def test_count_rules_give_the_table_of_simon(rates, first, end, expected) -> None:
    own = design(
        [[first[1], end[1]]], null=rates[0], target=rates[1],
        success={"responders": end[0] + 1}, futility={"responders": first[0]},
    )  # fmt: skip
    oc = table(own)
    assert of(oc, "null", "expected patients")[0] == pytest.approx(expected[0], abs=5e-5)
    if expected[1]:
        assert of(oc, "null", "closed for futility")[0] == pytest.approx(expected[1], abs=5e-5)
    assert of(oc, "null", "type I")[0] <= 0.05
    assert of(oc, "target", "power: ")[0] >= 0.8


def test_simons_errors_to_six_digits() -> None:
    oc = table("simon_two_stage")
    assert of(oc, "null", "type I")[0] == pytest.approx(0.047086, abs=5e-7)
    assert of(oc, "target", "power: ")[0] == pytest.approx(0.805063, abs=5e-7)


def test_independent_baskets_are_binomial_tails_and_their_family_error_a_product() -> None:
    oc = table(design([25], "basket_independent"))
    tail = stats.binom.sf(8, 25, [0.2, 0.4])
    assert of(oc, "null", "type I") == pytest.approx(tail[:1])
    assert of(oc, "target", "power: ") == pytest.approx(tail[1:])
    assert tail == pytest.approx([0.046774, 0.726469], abs=1e-6)
    three = table(design([15, 15, 15], "basket_independent"))
    error = of(three, "null", "type I")[0]
    assert error == pytest.approx(0.061051, abs=CLOSE)
    assert of(three, "null", "family-wise") == pytest.approx([1 - (1 - error) ** 3])
    assert of(three, "target", "power: ") == pytest.approx([0.596784] * 3, abs=CLOSE)
    assert of(three, "target", "power for all") == pytest.approx([0.212546], abs=CLOSE)


def test_three_baskets_that_borrow() -> None:
    oc = table(design([15, 15, 15], "basket_berry", scenarios={"one": {"rates": {"a": "target"}}}))
    assert of(oc, "null", "type I") == pytest.approx([0.025875] * 3, abs=CLOSE)
    assert of(oc, "null", "family-wise") == pytest.approx([0.061085], abs=CLOSE)
    assert of(oc, "null", "bias") == pytest.approx([0.003534] * 3, abs=CLOSE)
    assert of(oc, "null", "mean squared") == pytest.approx([0.004839] * 3, abs=CLOSE)
    assert of(oc, "null", "coverage") == pytest.approx([0.972340] * 3, abs=CLOSE)
    assert of(oc, "one", "power: ") == pytest.approx([0.383112], abs=CLOSE)
    assert of(oc, "one", "type I") == pytest.approx([0.065853] * 2, abs=CLOSE)
    assert of(oc, "one", "family-wise") == pytest.approx([0.111334], abs=CLOSE)
    assert of(oc, "one", "expected correct") == pytest.approx([2.251405], abs=CLOSE)
    assert of(oc, "one", "bias") == pytest.approx([-0.059051, 0.031791, 0.031791], abs=CLOSE)


def test_baskets_of_three_sizes_some_exchangeable() -> None:
    scenarios = {"one": {"rates": {"a": 0.3}}}
    oc = table(design([12, 18, 24], "basket_exnex", null=0.1, limit=0.9, scenarios=scenarios))
    assert of(oc, "one", "power: ") == pytest.approx([0.576960], abs=CLOSE)
    assert of(oc, "one", "type I") == pytest.approx([0.091022, 0.083609], abs=CLOSE)
    assert of(oc, "one", "family-wise") == pytest.approx([0.166277], abs=CLOSE)
    assert of(oc, "one", "expected correct") == pytest.approx([2.402329], abs=CLOSE)


def test_four_baskets_looked_at_half_way() -> None:
    own = design(
        [[10, 20], [10, 20], [5, 10], [5, 10]], "basket_exnex", null=0.1, target=0.3, limit=0.9,
        futility={"probability_above": {"rate": "target", "less_than": 0.1}},
        scenarios={"last": {"rates": [0.1, 0.1, 0.1, 0.5]}},
    )  # fmt: skip
    oc = table(own)
    assert of(oc, "null", "type I") == pytest.approx([0.043115] * 2 + [0.065148] * 2, abs=CLOSE)
    assert of(oc, "null", "family-wise") == pytest.approx([0.193235], abs=CLOSE)
    expected = of(oc, "null", "expected patients")[:4]
    assert expected == pytest.approx([12.639099] * 2 + [7.047550] * 2, abs=CLOSE)
    assert of(oc, "last", "type I") == pytest.approx([0.056623, 0.056623, 0.065179], abs=CLOSE)
    assert of(oc, "last", "power: ") == pytest.approx([0.929690], abs=CLOSE)
    expected = of(oc, "last", "expected patients")[:4]
    assert expected == pytest.approx([12.640382, 12.640382, 7.047550, 9.843750], abs=CLOSE)


def test_two_interims_with_early_success() -> None:
    own = design(
        [[8, 14, 20]] * 3, "basket_berry", scenarios={"one": {"rates": {"a": "target"}}},
        futility={"probability_above": {"rate": "target", "less_than": 0.15}},
        early_success={"probability_above": {"rate": "null", "more_than": 0.99}},
    )  # fmt: skip
    oc = table(own)
    assert of(oc, "one", "power: ") == pytest.approx([0.421436], abs=CLOSE)
    assert of(oc, "one", "type I") == pytest.approx([0.049759] * 2, abs=CLOSE)
    assert of(oc, "one", "family-wise") == pytest.approx([0.085105], abs=CLOSE)
    assert of(oc, "one", "expected patients")[:2] == pytest.approx([13.474726, 10.626702], abs=CLOSE)


def test_rates_drawn_from_published_cases() -> None:
    own = cp.trial_design("imatinib_baskets")
    exact = [one for one in own.scenarios if one.name == "published"]
    oc = table(type(own)(**vars(own) | {"scenarios": tuple(exact)}))
    assert of(oc, "published", "assurance") == pytest.approx([0.127810, 0.157196, 0.055840], abs=CLOSE)
    assert of(oc, "published", "right") == pytest.approx([0.685582, 0.623635, 0.890268], abs=CLOSE)
    assert of(oc, "published", "rate above null, given success") == pytest.approx(
        [0.683026, 0.767109, 0.317396], abs=CLOSE
    )
    success, above = (np.array(of(oc, "published", words)) for words in ("assurance", "rate above null, given success"))
    missed = np.array(of(oc, "published", "rate above null, given no success"))
    whole = success * above + (1 - success) * missed
    assert whole == pytest.approx([0.361203, 0.460342, 0.089339], abs=CLOSE), "what is known is not moved on average"


def test_calibrated_thresholds() -> None:
    berry = cp.calibrate(design([15] * 3, "basket_berry"), at=0.05, progress=False).calibration
    assert (berry.lower, berry.upper) == pytest.approx((0.953611, 0.954895), abs=CLOSE)
    assert (berry.found, berry.one_lower) == pytest.approx((0.047878, 0.052417), abs=CLOSE)
    assert berry.worst == pytest.approx(0.116, abs=1e-3)  # 0.1165 at the threshold written, 0.1162 higher up
    assert berry.threshold == 0.954
    alone = cp.calibrate(design([15] * 3, "basket_independent"), at=0.05, progress=False)
    found = alone.calibration
    assert (found.lower, found.upper) == pytest.approx((0.986229, 0.996978), abs=CLOSE)
    assert (found.found, found.one_lower) == pytest.approx((0.012665, 0.053204), abs=CLOSE)
    assert of(table(alone), "null", "family-wise") == pytest.approx([found.found])


def test_what_one_and_ten_more_patients_would_tell() -> None:
    more = cp.further_patients(
        "basket_exnex", "sarcoma_imatinib", rate=0.2, threshold=0.8, more=[1, 10], progress=False
    )
    own = more.set_index(["estimand", "at", "level"])["estimate"].sort_index()
    sd = own["expected reduction of its own sd"]
    for level, value in {
        "Rhabdomyosarcoma": 0.008208,
        "MPNST": 0.004959,
        "Ewing sarcoma": 0.002112,
        "MFH": 0.00059,
    }.items():
        assert sd[1][level] == pytest.approx(value, abs=CLOSE)
    assert sd[10]["Rhabdomyosarcoma"] == pytest.approx(0.042209, abs=CLOSE)
    loss = own["expected reduction of the loss of all decisions"]
    assert (loss[1] == 0).all()
    for level, value in {"MPNST": 0.026944, "Rhabdomyosarcoma": 0.016960, "Liposarcoma": 0.016026}.items():
        assert loss[10][level] == pytest.approx(value, abs=CLOSE)
    assert (own[own.index.get_level_values("at") == 10].to_numpy() >= own[own.index.get_level_values("at") == 1]).all()


def fujikawa(epsilon: float, tau: float, limit: float):
    """The rule of Fujikawa 2020: beta posteriors of 24 patients borrow by their Jensen-Shannon divergence."""
    grid, y = (np.arange(4000) + 0.5) / 4000, np.arange(25)
    density = stats.beta.pdf(grid, 1 + y[:, None], 25 - y[:, None]) / 4000

    def entropy(p: np.ndarray) -> np.ndarray:
        return -np.where(p > 0, p * np.log(np.where(p > 0, p, 1)), 0).sum(axis=-1)

    own = entropy(density)
    apart = np.array([entropy((density + one) / 2) for one in density]) - (own + own[:, None]) / 2
    weight = (1 - apart) ** epsilon
    weight[weight <= tau] = 0.0

    def judge(_: int, events: np.ndarray, n: np.ndarray) -> Verdicts:
        borrowed = weight[events[:, :, None], events[:, None]]
        a, b = ((borrowed * (1 + counts)[:, None]).sum(axis=2) for counts in (events, n - events))
        success = stats.beta.sf(0.2, a, b) >= limit
        return Verdicts(success, np.zeros_like(success), np.zeros(len(success), bool))

    return judge


@pytest.mark.parametrize(("tau", "each", "family"), [(0.0, 0.02158174, 0.03600149), (0.5, 0.03239555, 0.06315308)])
def test_the_enumerator_gives_baskexacts_numbers_for_its_rule(tau: float, each: float, family: float) -> None:
    ended = enumerated(np.full((3, 1), 24), fujikawa(2.0, tau, 0.99))
    weight = np.exp(ended.log_ways + stats.binom.logpmf(ended.events, 24, 0.2).sum(1)
                    - np.log(stats.binom.pmf(ended.events, 24, 0.5) * 2.0**24).sum(1))  # fmt: skip
    assert weight.sum() == pytest.approx(1.0)
    assert weight @ ended.success == pytest.approx([each] * 3, rel=1e-6)
    assert weight @ ended.success.any(axis=1) == pytest.approx(family, rel=1e-6)
