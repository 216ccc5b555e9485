"""Whose probability: a level brings its own target rate along, and ties count half."""

import numpy as np
import pytest
import xarray as xr

import casepool as cp
from casepool.estimation.contrasts import _measures
from casepool.estimation.draws import Fitted
from casepool.estimation.targets import ANSWERS
from casepool.modelling import make_design
from casepool.modelling.design.grouping import Membership, membership
from casepool.remarks import note_of
from tests.small import counts, half_normal, normal, response_model

RATES = [0.3, 0.1, 0.2, 0.1]


def basket(rates: list[float], groups: str) -> tuple[Fitted, Membership]:
    """A basket model with a column of target rates, and draws made up."""
    frame = cp.read_cases(counts([3, 1, 2, 4], [9, 8, 7, 6], group=list(groups), rate=rates))
    priors = {"intercept": normal(1.0), "group_sd": half_normal(1.0)}
    model = response_model({"group": {"kind": "group"}}, priors, target="rate")
    rng = np.random.default_rng(1)
    levels = len(set(groups))
    drawn = {"intercept": rng.normal(size=(2, 5)), "group_effect": rng.normal(size=(2, 5, levels))}
    tree = xr.DataTree()
    tree.attrs["seed"] = "1"
    fitted = Fitted(tree, model, make_design(model, frame), drawn | {"group_sd": np.ones((2, 5))}, "pass")
    return fitted, membership(fitted.design, frame, "group")


def test_a_basket_keeps_its_own_target_whoever_is_asked() -> None:
    fitted, group = basket(RATES, "abcd")
    observed, standardised, new = (ANSWERS[name](fitted, group) for name in ("observed", "standardised", "new"))
    np.testing.assert_allclose(standardised.categories[1], observed.categories[1], rtol=1e-12)
    np.testing.assert_allclose(new.categories[1][..., :4], observed.categories[1], rtol=1e-12)
    assert set(map(note_of, standardised.notes)) == {"at the level's own target rate"}
    assert note_of(new.notes[-1]) == "at the target rates of the patients of the fit"  # an unseen level has none


def test_targets_that_are_the_patients_stay_the_patients() -> None:
    fitted, group = basket(RATES, "abba")
    standardised = ANSWERS["standardised"](fitted, group)
    assert fitted.design.offset_at("group", "a") is None
    effect = fitted.parameters["intercept"] + fitted.parameters["group_effect"][..., 0]
    logits = np.log(np.array(RATES) / (1 - np.array(RATES)))
    expected = np.average(1 / (1 + np.exp(-(effect[..., None] + logits))), axis=-1, weights=[9, 8, 7, 6])
    np.testing.assert_allclose(standardised.categories[1][..., 0], expected, rtol=1e-12)
    assert set(map(note_of, standardised.notes)) == {"at the target rates of the patients of the fit"}


@pytest.mark.parametrize(("rates", "share"), [(([0.2, 0.2], [0.2, 0.2]), 0.5), (([0.2, 0.4], [0.2, 0.3]), 0.75)])
def test_superiority_and_its_reverse_sum_to_one(rates: tuple[list[float], list[float]], share: float) -> None:
    p, q = (np.array([values]) for values in rates)
    pairs = ((("a", "b"), (p, q)), (("b", "a"), (q, p)))
    chances = [_measures({}, "", "responds", names, *pair)[-1] for names, pair in pairs]
    assert [values.mean() for _, values in chances] == [share, 1 - share]
