"""The graph in PyMC's own hands: replicates of the right law, drawings of it, and other outcomes observed."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr
from scipy import stats

import casepool as cp
from casepool.inference.outcome_variable import unobservable
from casepool.inference.predictive import drawn_outcome, prior_draws
from casepool.modelling import model_from_dict
from casepool.modelling.design.making import make_design
from tests.oracle.structures import BUNDLED
from tests.small import counts, half_normal, normal, response_model, survival_model

QUICK = {"mode": "FAST_COMPILE"}
DRAWS = 300


@contextmanager
def no_potentials_said() -> Iterator[None]:
    """PyMC says of every model with a Potential that its prior draws pass over it, as draws of a prior should."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The effect of Potentials")
        yield


def prior_predictive(name: str, draws: int) -> np.ndarray:
    with cp.build(name, BUNDLED[name]), no_potentials_said():
        drawn = pm.sample_prior_predictive(draws, var_names=["outcome"], random_seed=1, compile_kwargs=QUICK)
    return drawn["prior_predictive"]["outcome"].to_numpy()[0]


@pytest.mark.parametrize("name", ["basket_berry", "best_response_by_age_group", "overall_survival"])
def test_the_prior_predicts_in_pymc_what_it_predicts_here(name: str) -> None:
    """Of every patient pooled: the two samples differ by no more than two of one law do."""
    design, rng = make_design(cp.model(name), cp.load(BUNDLED[name])), np.random.default_rng(5)
    ours = drawn_outcome(design, prior_draws(design, rng, (1, DRAWS)), rng)[0]
    theirs = prior_predictive(name, DRAWS)
    assert theirs.shape == ours.shape
    assert theirs.dtype == ours.dtype
    for patient in (0, -1):
        assert stats.ks_2samp(ours[:, patient], theirs[:, patient]).pvalue > 1e-4
    assert stats.ttest_ind(np.log1p(ours).mean(axis=1), np.log1p(theirs).mean(axis=1)).pvalue > 1e-4


@pytest.mark.parametrize("name", cp.list_models())
def test_a_graph_of_every_bundled_model_can_be_drawn(name: str) -> None:
    drawn = pm.model_to_mermaid(cp.build(name, BUNDLED[name]))
    for parameter in make_design(cp.model(name), cp.load(BUNDLED[name])).declared:
        assert f"{parameter.name} --> outcome" in drawn


def at(model: pm.Model, **fixed: float) -> np.ndarray:
    """Replicate outcomes at fixed parameters: array (draws, patients)."""
    lead = {"chain": [0], "draw": np.arange(DRAWS)}
    held = xr.Dataset({k: (("chain", "draw"), np.full((1, DRAWS), v)) for k, v in fixed.items()}, lead)
    with model:
        drawn = pm.sample_posterior_predictive(
            held, random_seed=1, progressbar=False, compile_kwargs=QUICK, freeze_vars=list(fixed)
        )
    return drawn["posterior_predictive"]["outcome"].to_numpy()[0]


def test_replicated_counts_are_binomial() -> None:
    model = response_model({}, {"intercept": normal(1.0)})
    drawn = at(cp.build(model, counts([3, 0], [10, 4])), intercept=0.7)
    p = 1 / (1 + np.exp(-0.7))
    for row, n in enumerate((10, 4)):
        seen = np.bincount(drawn[:, row], minlength=n + 1)
        expected = DRAWS * stats.binom.pmf(np.arange(n + 1), n, p)
        kept = expected > 5
        assert (np.abs(seen - expected)[kept] < 4 * np.sqrt(expected[kept])).all()


def test_replicated_times_are_those_of_the_family() -> None:
    """Of a Weibull with the cumulative hazard exp(eta) t^shape; an event may come long after follow-up."""
    drawn = at(cp.build("time_on_crizotinib", "alk_crizotinib"), shape=1.3, intercept=-2.0)
    law = stats.weibull_min(1.3, scale=np.exp(2.0 / 1.3))
    assert stats.kstest(drawn[:, 0], law.cdf).pvalue > 1e-4


def followed(time: list[float], event: list[bool]) -> pd.DataFrame:
    return pd.DataFrame({"patient": ["a", "b", "c"], "time": time, "event": event})


def graded(codes: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"patient": ["a", "b", "c"], "best_response": codes})


BEST = {"column": "best_response", "levels": ["PD", "SD", "PR"]}
STEPS = {"first_cutpoint": normal(1.0, -1.0), "cutpoint_gap": half_normal(1.0)}
ORDINAL = model_from_dict({"family": "ordinal", "outcome": BEST, "priors": STEPS}, name="small")
COUNTED, TIMED = response_model({}, {"intercept": normal(1.0)}), survival_model({"intercept": normal(1.0, -3.0)})


@pytest.mark.parametrize(
    ("model", "table", "outcome", "as_told"),
    [
        (COUNTED, counts([3, 0], [10, 4]), [1, 4], counts([1, 4], [10, 4])),
        (ORDINAL, graded(["PD", "SD", "PR"]), [2, 2, 0], graded(["PR", "PR", "PD"])),
        (  # of whom follow-up ends at 5, 8 (censored) and, as the longest of the table, 12
            TIMED,
            followed([5.0, 8.0, 12.0], [True, False, True]),
            [6.0, 20.0, np.inf],
            followed([6.0, 8.0, 12.0], [True, False, False]),
        ),
    ],
    ids=["counts", "ordinal", "times"],
)
def test_another_outcome_is_observed_as_a_table_with_it_would_be(model, table, outcome, as_told) -> None:
    """What simulation-based calibration asks: the density of a graph that PyMC gave another outcome."""
    built = cp.build(model, table)
    given = pm.observe(built, {"outcome": np.array(outcome)}).compile_logp(**QUICK)
    read, seen = (each.compile_logp(**QUICK) for each in (cp.build(model, as_told), built))
    point = built.initial_point()
    assert given(point) == pytest.approx(read(point), rel=1e-12)
    assert given(point) != pytest.approx(seen(point), rel=1e-3)


def test_an_outcome_that_says_too_little_is_refused() -> None:
    """Of a time-varying exposure the date and the event would have to be given together."""
    built = cp.build("overall_survival", "alk_crizotinib")
    with pytest.raises(cp.CasepoolError, match="exposures seen began while patients were event-free"):
        pm.observe(built, {"outcome": np.ones(28)}).logp()
    refused = {n for n in cp.list_models() if unobservable(make_design(cp.model(n), cp.load(BUNDLED[n])))}
    assert refused == {"overall_survival", "death_of_disease"}


def test_data_put_in_later_are_refused_where_outcomes_are_drawn() -> None:
    built = cp.build(response_model({}, {"intercept": normal(1.0)}), counts([3], [10]))
    with built:
        pm.set_data({"n_data": [20.0]})
        with pytest.raises(cp.CasepoolError, match="'n' of the graph"):
            pm.sample_prior_predictive(1, compile_kwargs=QUICK)


def test_pieces_of_a_hazard_are_laid_out_at_the_times_seen() -> None:
    priors = {"hazard_sd": half_normal(1.0), "intercept": normal(1.0, -3.0)}
    model = survival_model(priors, "piecewise_exponential", cuts=[6])
    table = followed([5.0, 8.0, 12.0], [True, False, True])
    assert "laid out" in unobservable(make_design(model, table))
