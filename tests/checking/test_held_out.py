"""Patients left out together and alone, against integrals of the same models."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import integrate, special, stats

import casepool as cp
from casepool.checking.held_out import joint_score, refitted
from casepool.checking.importance import MOST_K, weighed
from casepool.checking.leave_one_out import leave_one_out
from casepool.estimation.draws import open_draws
from tests.small import counts, fixed, normal, response_model, survival_model

EVENTS, N = [4, 1, 3, 2], [5, 6, 3, 9]
FAST = {"seed": 3, "progress": False}


def likelihood(b: float, rows: list[int]) -> float:
    return float(np.prod([stats.binom.pmf(EVENTS[i], N[i], special.expit(b)) for i in rows]))


def integral(f: Callable[[float], float], sd: float) -> float:
    return float(integrate.quad(lambda b: f(b) * stats.norm.pdf(b, 0, sd), -8 * sd, 8 * sd)[0])


@pytest.fixture(scope="module")
def pooled() -> xr.DataTree:
    """An intercept only, so that every score is a ratio of two integrals."""
    table = counts(EVENTS, N, centre=["A", "A", "B", "C"])
    return cp.fit(response_model({}, {"intercept": normal(1.5)}), table, **FAST)


@pytest.fixture(scope="module")
def separate() -> xr.DataTree:
    """Levels about a known centre with a known spread, so that none says anything of another."""
    table = counts(EVENTS, N, kind=["A", "A", "B", "C"])
    model = response_model({"kind": {"kind": "group"}}, {"intercept": fixed(0.5), "kind_sd": fixed(1.2)})
    return cp.fit(model, table, **FAST)


def exact(held: list[int]) -> float:
    rest = [i for i in range(4) if i not in held]
    whole, without_ = (integral(lambda b, rows=rows: likelihood(b, rows), 1.5) for rows in (range(4), rest))
    return float(np.log(whole / without_))


def test_a_joint_score_is_a_ratio_of_marginal_likelihoods(pooled: xr.DataTree) -> None:
    table = cp.leave_out(pooled, "centre", progress=False).set_index("level")
    for level, held in {"A": [0, 1], "B": [2], "C": [3]}.items():
        assert table.loc[level, "score"] == pytest.approx(exact(held), abs=0.05)
        prior = np.log(integral(lambda b, rows=held: likelihood(b, rows), 1.5))
        assert table.loc[level, "score_prior"] == pytest.approx(prior, abs=0.06)
    assert table["score_pooled"].isna().all()
    apart = sum(exact([i]) for i in range(4))
    assert abs(table["score"].sum() - apart) > 0.1  # a joint score is no sum of single ones


def test_single_scores_are_exact_by_weights_and_by_refits(pooled: xr.DataTree) -> None:
    fitted = open_draws(pooled)
    found = weighed(fitted)
    alone = [np.arange(4) == i for i in range(4)]
    refits = refitted(fitted, [(own, "them") for own in alone], progress=False)
    for i, (held, refit) in enumerate(zip(alone, refits, strict=True)):
        assert found.elpd[i] == pytest.approx(exact([i]), abs=0.1 if found.k[i] < MOST_K else 1)
        assert joint_score(fitted.design.of_patients(held), refit.parameters) == pytest.approx(exact([i]), abs=0.08)


def test_a_high_k_is_answered_by_a_refit(pooled: xr.DataTree, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = open_draws(pooled)
    k = weighed(fitted).k
    monkeypatch.setattr("casepool.checking.leave_one_out.MOST_K", float(np.sort(k)[-2]))
    found = leave_one_out(fitted, refits=True, progress=False)
    place = int(k.argmax())
    assert found.exact.tolist() == [i == place for i in range(4)]
    assert found.elpd[place] == pytest.approx(exact([place]), abs=0.05)
    [(name, moved)] = found.moved.values()
    assert name == "intercept"
    rest = [i for i in range(4) if i != place]
    means = [
        integral(lambda b, rows=rows: b * likelihood(b, rows), 1.5)
        / integral(lambda b, rows=rows: likelihood(b, rows), 1.5)
        for rows in (rest, range(4))
    ]
    sd = float(fitted.parameters["intercept"].std())
    assert moved == pytest.approx((means[0] - means[1]) / sd, abs=0.1)


def test_levels_with_a_known_spread_are_predicted_from_it_alone(separate: xr.DataTree) -> None:
    table = cp.leave_out(separate, "kind", progress=False).set_index("level")
    for level, held in {"A": [0, 1], "B": [2], "C": [3]}.items():
        score = np.log(integral(lambda u, rows=held: likelihood(0.5 + u, rows), 1.2))
        assert table.loc[level, "score"] == pytest.approx(score, abs=0.06)
        assert table.loc[level, "score_pooled"] == pytest.approx(np.log(likelihood(0.5, held)), abs=1e-9)


def test_p_is_the_predictive_tail_times_the_levels(separate: xr.DataTree) -> None:
    table = cp.leave_out(separate, "kind", progress=False).set_index("level")

    def chance(k: int) -> float:
        return integral(lambda u: stats.binom.pmf(k, 9, special.expit(0.5 + u)), 1.2)

    each = np.array([chance(k) for k in range(10)])
    tails = np.minimum(np.cumsum(each), np.cumsum(each[::-1])[::-1])
    assert table.loc["C", "p"] == pytest.approx(min(1.0, 3 * each[tails <= tails[2] + 1e-12].sum()), abs=0.05)


def test_without_a_publication_it_asks_for_one(pooled: xr.DataTree) -> None:
    with pytest.raises(cp.CasepoolError, match="publication"):
        cp.leave_out(pooled, progress=False)
    one = cp.fit(response_model({}, {"intercept": normal(1.5)}), counts(EVENTS, N, centre=["A"] * 4), draws=20, **FAST)
    with pytest.raises(cp.CasepoolError, match="no two levels"):
        cp.leave_out(one, "centre", progress=False)


def test_survivals_of_a_level_are_predicted_from_a_known_spread() -> None:
    """A joint score is an integral over the level's effect: of d events in T months, by Gauss and Hermite."""
    followed = {
        "A": [(9.0, True), (30.0, True), (21.0, False)],
        "B": [(30.0, False), (18.0, False)],
        "C": [(4.0, True), (8.0, False)],
    }
    rows = [(kind, *one) for kind, each in followed.items() for one in each]
    model = survival_model({"intercept": fixed(-3.0), "kind_sd": fixed(1.0)}, terms={"kind": {"kind": "group"}})
    fit = cp.fit(model, pd.DataFrame(rows, columns=["kind", "time", "event"]), **FAST)
    table = cp.leave_out(fit, "kind", progress=False).set_index("level")
    z, weight = special.roots_hermitenorm(60)
    for level, each in followed.items():
        months, d = np.sum(each, axis=0)
        exact = np.log(np.exp(d * (z - 3) - months * np.exp(z - 3)) @ (weight / weight.sum()))
        assert table.loc[level, ["score", "score_prior"]].tolist() == pytest.approx([exact] * 2, abs=0.06), level
        assert table.loc[level, "events"] == d
