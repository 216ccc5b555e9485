"""Laws of the joint density itself, parameters and outcomes together, without a sampler."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from casepool.inference.graph import build_design
from casepool.modelling import make_design, model_from_dict
from tests.small import counts, fixed, half_normal, normal, response_model

TABLE = counts([6, 0, 2, 0, 7], [6, 2, 4, 9, 10], group=list("abcde"))
RNG = np.random.default_rng(8)
CODES = ["PD", "SD", "CR"]


def density(model, cases):
    """The log density of a model as a function of its free parameters, by name."""
    built = build_design(make_design(model, cases))
    compiled = built.compile_logp(jacobian=False, mode="FAST_COMPILE")
    return lambda **values: float(compiled({built.rvs_to_values[rv].name: values[rv.name] for rv in built.free_RVs}))


def grouped(borrowing: str, priors: dict, **term):
    return response_model({"group": {"kind": "group", "borrowing": borrowing, **term}}, priors)


def ordinal(borrowing: str, priors: dict):
    plain = {
        "family": "ordinal",
        "outcome": {"column": "response", "levels": CODES, "n": "n"},
        "terms": {"group": {"kind": "group", "borrowing": borrowing}},
        "priors": priors | {"cutpoint_gap": fixed(1.3)},
    }
    return model_from_dict(plain, name="small")


ORDINAL = pd.DataFrame(
    {"group": list("aabbcde"), "response": ["PD", "CR", "SD", "CR", "PD", "SD", "CR"], "n": [2, 3, 1, 4, 2, 6, 1]}
)


@pytest.mark.parametrize("outcome", ["bernoulli", "ordinal"])
def test_fixed_spread_and_centre_is_no_borrowing_exactly(outcome: str) -> None:
    """Partial borrowing with spread s and intercept m against own priors Normal(m, s), up to the change of variable."""
    m, s = -0.5, 1.2
    own = {"group_own": normal(s, mu=m)}
    if outcome == "bernoulli":
        together = density(grouped("partial", {"intercept": fixed(m), "group_sd": fixed(s)}), TABLE)
        apart = density(grouped("none", own), TABLE)
    else:  # the log odds of leaving the worst category are the effect less the first cutpoint
        together = density(ordinal("partial", {"first_cutpoint": fixed(-m), "group_sd": fixed(s)}), ORDINAL)
        apart = density(ordinal("none", own), ORDINAL)
    for z in RNG.normal(size=(5, 5)):
        assert apart(group_effect=m + s * z) == pytest.approx(together(group_z=z) - 5 * math.log(s), abs=1e-10)


@pytest.mark.parametrize(("borrowing", "term"), [("partial", {}), ("robust", {}), ("exnex", {"exchangeable": 1.0})])
def test_a_vanishing_spread_is_complete_borrowing(borrowing: str, term: dict) -> None:
    priors = {"intercept": normal(1.5), "group_sd": fixed(1e-6)}
    priors |= {"group_own": normal(2.0)} if borrowing == "exnex" else {}
    nearly = density(grouped(borrowing, priors, **term), TABLE)
    complete = density(grouped("complete", {"intercept": normal(1.5)}), TABLE)
    for x, z in zip(RNG.normal(size=4), RNG.normal(size=(4, 5)), strict=True):
        own = stats.t.logpdf(z, 4) if borrowing == "robust" else stats.norm.logpdf(z)
        assert nearly(intercept=x, group_z=z) - own.sum() == pytest.approx(complete(intercept=x), rel=1e-6)


@pytest.mark.parametrize("borrowing", ["partial", "exnex"])
def test_the_names_of_levels_and_the_order_of_rows_change_nothing(borrowing: str) -> None:
    priors = {"intercept": normal(1.5), "group_sd": half_normal(1.0)}
    priors |= {"group_own": normal(2.0, mu=0.3)} if borrowing == "exnex" else {}
    model = grouped(borrowing, priors)
    own = density(model, TABLE)
    names = dict(zip("abcde", "zxmyk", strict=True))
    renamed = density(model, TABLE.assign(group=TABLE["group"].map(names)))
    turned = density(model, TABLE.iloc[[3, 0, 4, 1, 2]].reset_index(drop=True))
    order = np.argsort(list(names.values()))
    for z in RNG.normal(size=(4, 5)):
        values = {"intercept": 0.4, "group_sd": 0.8}
        expected = own(**values, group_z=z)
        assert renamed(**values, group_z=z[order]) == pytest.approx(expected, abs=1e-10)
        assert turned(**values, group_z=z) == pytest.approx(expected, abs=1e-10)
