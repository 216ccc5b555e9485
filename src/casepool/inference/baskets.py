"""Posteriors of many basket tables at once, by quadrature: what a trial's design asks thousands of times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy import special

from casepool.arguments import numbers_of
from casepool.errors import CasepoolError
from casepool.inference.basket_sums import Fineness, Points, Sums, basket_sums, points_of
from casepool.inference.level_priors import LevelPriors, Part
from casepool.modelling import Model
from casepool.modelling import model as get_model
from casepool.modelling.families.names import own_of
from casepool.modelling.families.parameters import Laid, Role
from casepool.modelling.terms.labels import Group

FINENESS = (
    Fineness(56, 34, 28, 6.0),
    Fineness(84, 51, 42, 6.0),
    Fineness(126, 76, 63, 7.0),
    Fineness(189, 114, 94, 7.0),
)
"""Of sums: each finer and wider than the one before, until answers hold."""
SAME = 1e-5
"""Largest difference that finer sums may make to a probability, mean or mean square, or share of the evidence."""
LOOKED_AT = 5
"""Tables for which that is looked at, from the fewest events to the most."""
FAINT = 32.0
"""Below the largest log weight of a table: points fainter than this in all tables are left out."""
MANY = 6
"""Kinds of baskets to a table's baskets beyond which each table is asked about its own kinds alone."""
DECIMALS = 10
"""Kept of every answer: the rest depends on how many tables are summed together."""
MOST_PATIENTS = 100_000
TABLES_AT_ONCE = 200


def basket_posteriors(
    model: str | Path | Model,
    events: Any,
    n: Any,
    *,
    levels: Sequence[str] = (),
    above: Sequence[float] = (),
) -> xr.Dataset:
    """Return the posterior of every basket's rate, in each of many tables of counts.

    Nothing is drawn: intercept and standard deviation are summed over by Gauss-Legendre panels that end at the rates
    of `above`, and so is each basket's log odds. Tables that hold the same baskets in another order are computed once.

    Parameters
    ----------
    model : str or pathlib.Path or Model
        Of a binomial response, with one group factor and nothing else.
    events, n : integer array (tables, baskets) or (baskets,)
        Of `n` patients in each basket, how many had the event; a basket may have none yet.
    levels : sequence of str, optional
        Names of the baskets: needed where the model tells levels apart.
    above : sequence of float
        Rates between 0 and 1 to be exceeded.

    Returns
    -------
    xarray.Dataset
        ``mean`` and ``sd`` of each rate, ``exchangeable``, the probability that it is exchangeable with the others
        (table, basket); ``above`` (table, basket, target); ``log_evidence`` (table), the log probability of the table.
        Attributes: ``model``, and ``refinement``, the largest difference that finer sums made to some of the tables.

    Raises
    ------
    CasepoolError
        For a model of any other kind, counts that cannot be, and where the sums do not settle.

    See Also
    --------
    fit, operating_characteristics

    References
    ----------
    Berry SM, Broglio KR, Groshen S, Berry DA (2013). Bayesian hierarchical modeling of patient subpopulations.
    Clinical Trials 10:720-734. doi:10.1177/1740774513497539

    Examples
    --------
    >>> import casepool as cp
    >>> posteriors = cp.basket_posteriors("basket_pooled", [[1, 4, 2]], [[10, 12, 8]], above=[0.1])
    >>> sorted(posteriors.data_vars)
    ['above', 'exchangeable', 'log_evidence', 'mean', 'sd']
    """
    chosen = get_model(model)
    factor = factor_of(chosen)
    counts = _counts(events, n)
    names = _levels(chosen, factor, levels, counts.shape[2])
    targets = numbers_of(above, "above", "give rates, say [0.2]", "rates between 0 and 1") if np.size(above) else []
    if not all(0 < target < 1 for target in targets):
        raise CasepoolError("a rate asked about must lie between 0 and 1", value=targets, remedy="correct `above`")
    priors = LevelPriors(chosen, Laid({factor.name: names}))
    answers, difference = _settled(Baskets.of(priors, counts, np.array(targets)))
    return _dataset(answers, names, targets, {"model": chosen.name, "refinement": difference})


def factor_of(model: Model) -> Group:
    """Return a model's one factor, refusing models of another kind."""
    terms = list(model.terms.values())
    roles = {own.role for own in model.parameters if not own.if_missing}
    family = model.of_family
    what = None
    if family.is_survival or len(model.steps) != 1:
        what = "the outcome is no binomial response"
    elif model.exposures or len(terms) != 1 or not isinstance(terms[0], Group):
        what = "it has other terms than one group factor"
    elif not roles <= {Role.LOCATION, Role.SD, Role.EFFECT}:
        what = "it has parameters beside its linear predictor's"
    elif isinstance(model.outcome.target, str) and model.outcome.target:
        what = "its target rate stands in a column"
    elif any(own.given.distribution.name == "Flat" for own in model.parameters):
        what = "it has a Flat prior"
    if what or not isinstance(terms[0], Group):
        raise CasepoolError(
            f"this model cannot be summed over basket by basket: {what}",
            value=model.name,
            remedy="use a model like basket_exnex, basket_berry or basket_independent",
        )
    return terms[0]


def _counts(events: Any, n: Any) -> np.ndarray:
    """Return events and n as integers (2, tables, baskets)."""
    try:
        both = np.array(np.broadcast_arrays(np.atleast_2d(events), np.atleast_2d(n)))
    except ValueError:
        raise CasepoolError(
            "events and n do not belong to the same tables",
            value=f"{np.shape(events)} and {np.shape(n)}",
            remedy="give two arrays (tables, baskets)",
        ) from None
    if min(np.ndim(events), np.ndim(n)) == 0 or both.ndim != 3 or both.size == 0 or both.dtype.kind not in "iu":
        raise CasepoolError(
            "events and n are whole numbers, tables by baskets",
            value=f"{both.dtype} of shape {both.shape[1:]}",
            remedy="give two integer arrays (tables, baskets)",
        )
    bad = (both[0] < 0) | (both[0] > both[1]) | (both[1] > MOST_PATIENTS)
    if bad.any():
        table, basket = (int(place) for place in np.argwhere(bad)[0])
        raise CasepoolError(
            f"events must lie between 0 and n, and n must not exceed {MOST_PATIENTS}",
            row=f"table {table}",
            column=f"basket {basket}",
            value=f"{both[0, table, basket]} of {both[1, table, basket]}",
            remedy="correct the counts",
        )
    return both.astype(np.int64)


def _levels(model: Model, factor: Group, levels: Sequence[str], baskets: int) -> tuple[str, ...]:
    """Return the names of the baskets, refusing to guess which is which."""
    own = own_of(factor.name)
    apart = isinstance(factor.exchangeable, Mapping) or any(key.startswith(f"{own}.") for key in model.priors)
    if np.size(levels) == 0 and not apart:
        return tuple(str(number + 1) for number in range(baskets))
    names = tuple(levels) if isinstance(levels, Iterable) and not isinstance(levels, str) else ()
    if len(names) != baskets or len(set(names)) != baskets or not all(isinstance(name, str) for name in names):
        raise CasepoolError(
            f"`levels` must name each of the {baskets} baskets once",
            value=levels,
            remedy=f"give the levels of {factor.name!r} in the order of the columns",
        )
    return names


@dataclass(frozen=True)
class Baskets:
    """Distinct tables of baskets, as counts of kinds; a kind is events and n under one prior.

    Parameters
    ----------
    priors : LevelPriors
    targets : array (targets,)
        Rates asked about.
    kinds : array (kinds, 3)
        Events, n (parts of patients where they weigh less than one), and the basket whose prior it has.
    tables : integer array (distinct, kinds)
        How many baskets of each kind a table has; from the fewest events to the most.
    table, kind : integer array (tables,) and (tables, baskets)
        Where to find the answers of the tables asked about.
    """

    priors: LevelPriors
    targets: np.ndarray
    kinds: np.ndarray
    tables: np.ndarray
    table: np.ndarray
    kind: np.ndarray

    @classmethod
    def of(cls, priors: LevelPriors, counts: np.ndarray, targets: np.ndarray) -> Baskets:
        """Sort tables (2, tables, baskets) out."""
        same = alike(priors, counts.shape[2])
        each = np.stack([*counts, np.broadcast_to(same, counts.shape[1:])], axis=-1)
        kinds, kind = np.unique(each.reshape(-1, 3), axis=0, return_inverse=True)
        kind = kind.reshape(counts.shape[1:])
        distinct, table = np.unique(np.sort(kind, axis=1), axis=0, return_inverse=True)
        order = np.argsort(kinds[distinct, 0].sum(axis=1), kind="stable")  # tables alike are summed together
        distinct, table = distinct[order], np.argsort(order, kind="stable")[table.ravel()]
        tables = np.zeros((len(distinct), len(kinds)))
        np.add.at(tables, (np.arange(len(distinct))[:, None], distinct), 1)
        return cls(priors, targets, kinds, tables, table, kind)

    def answers(self, fineness: Fineness, tables: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return answers of some distinct tables: (tables, kinds, 3 + targets), and their log evidence (tables,)."""
        found, evidence = self.without_ways(fineness, tables)
        return found, evidence + tables @ _log_ways(self.kinds)

    def without_ways(
        self, fineness: Fineness, tables: np.ndarray, known: dict[tuple[float, ...], np.ndarray] | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the same, evidence without binomial coefficients; `known` keeps the sums of kinds for more tables."""
        target = self.priors.model.outcome.target
        offset = float(special.logit(target)) if target else 0.0
        thresholds = special.logit(self.targets) - offset
        points = points_of(self.priors, thresholds, fineness)
        parts = self.priors.parts(points.made, points.zero)
        used = np.flatnonzero(tables.any(axis=0))
        known = {} if known is None else known
        for kind in self.kinds[used]:
            if tuple(kind) not in known:
                known[tuple(kind)] = self._sums(kind, parts, points, (thresholds, offset, fineness.basket))
        found = np.full((len(tables), len(self.kinds), 3 + len(self.targets)), np.nan)
        evidence = np.empty(len(tables))
        sums = np.zeros((0, 0, 0))
        for start in range(0, len(tables), TABLES_AT_ONCE):
            some = slice(start, start + TABLES_AT_ONCE)
            own = np.flatnonzero(tables[some].any(axis=0))
            if start == 0 or not np.array_equal(own, used):
                used, sums = own, np.stack([known[tuple(kind)] for kind in self.kinds[own]])
            found[some, used], evidence[some] = _summed(tables[some][:, used], sums, points.log_weight)
        return found, evidence

    def _sums(
        self, kind: np.ndarray, parts: list[list[Part]], points: Points, how: tuple[np.ndarray, float, int]
    ) -> np.ndarray:
        thresholds, offset, nodes = how
        sums = Sums(float(kind[0]), float(kind[1]), thresholds, offset, nodes)
        return basket_sums(
            sums, parts[int(kind[2])] if parts else [], points.zero, float(self.priors.model.has_zero_point)
        )


def alike(priors: LevelPriors, baskets: int) -> np.ndarray:
    """Return for every basket the first that has the same prior: integer array (baskets,)."""
    points = points_of(priors, np.zeros(0), Fineness(2, 2, 2, 1.0))
    parts = priors.parts(points.made, points.zero)
    if not parts:
        return np.zeros(baskets, int)
    told = [
        np.concatenate([np.broadcast_to(v, len(points.zero)) for p in own for v in (p.log_share, p.at, p.pull.scale)])
        for own in parts
    ]
    return np.array([next(i for i, other in enumerate(told) if np.array_equal(other, own)) for own in told])


def _log_ways(kinds: np.ndarray) -> np.ndarray:
    """Return the log binomial coefficient of every kind."""
    y, n = kinds[:, 0], kinds[:, 1]
    return np.asarray(special.gammaln(n + 1) - special.gammaln(y + 1) - special.gammaln(n - y + 1))


def _summed(tables: np.ndarray, sums: np.ndarray, log_weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum over all points: answers (tables, kinds, 3 + targets) and log evidence (tables,)."""
    log_p = tables @ np.ascontiguousarray(sums[:, 0])
    log_p += log_weight
    top = log_p.max(axis=1, keepdims=True)
    log_p -= top
    kept = np.flatnonzero((log_p > -FAINT).any(axis=0))
    weight = np.exp(log_p[:, kept])
    total = weight.sum(axis=1, keepdims=True)
    shares = sums[:, 1:, kept]
    if len(sums) <= MANY * tables[0].sum():
        found = weight @ shares.reshape(-1, len(kept)).T
        return (found / total).reshape(len(tables), *shares.shape[:2]), (top + np.log(total))[:, 0]
    found = np.full((len(tables), *shares.shape[:2]), np.nan)
    for kind, share in enumerate(shares):  # a table holds few of so many kinds
        rows = np.flatnonzero(tables[:, kind])
        found[rows, kind] = weight[rows] @ share.T
    return found / total[..., None], (top + np.log(total))[:, 0]


def _settled(baskets: Baskets) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """Return answers (tables, baskets, 3 + targets) and evidence of all tables, as fine as they need, and how good."""
    places = np.unique(np.linspace(0, len(baskets.tables) - 1, LOOKED_AT).astype(int))
    looked_at, difference = baskets.tables[places], np.inf
    finer = baskets.answers(FINENESS[0], looked_at)
    for fineness, next_one in pairwise(FINENESS):
        found, finer = finer, baskets.answers(next_one, looked_at)
        apart = np.abs(found[0] - finer[0])[looked_at > 0], np.abs(np.expm1(found[1] - finer[1]))
        difference = float(max(one.max() for one in apart))
        if difference <= SAME:
            answers, evidence = baskets.answers(fineness, baskets.tables)
            return (answers[baskets.table[:, None], baskets.kind], evidence[baskets.table]), difference
    raise CasepoolError(
        "the sums over this model's parameters do not settle",
        value=f"{difference:.2g} apart",
        remedy="give narrower priors, or fit the tables one by one",
    )


def _dataset(
    answers: tuple[np.ndarray, np.ndarray], names: tuple[str, ...], targets: list[float], attrs: dict[str, Any]
) -> xr.Dataset:
    found, evidence = answers
    mean, square, shares, exchangeable = found[..., 0], found[..., 1], found[..., 2:-1], found[..., -1]
    data = {
        "mean": (("table", "basket"), mean),
        "sd": (("table", "basket"), np.sqrt(np.maximum(square - mean**2, 0.0))),
        "above": (("table", "basket", "target"), shares),
        "exchangeable": (("table", "basket"), exchangeable),
        "log_evidence": (("table",), evidence),
    }
    rounded = {name: (dims, np.round(values, DECIMALS)) for name, (dims, values) in data.items()}
    return xr.Dataset(rounded, coords={"basket": list(names), "target": targets}, attrs=attrs)
