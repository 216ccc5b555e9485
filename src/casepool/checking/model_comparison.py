"""Models weighed against each other: predictive scores, stacking weights, and the answer under each and stacked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from casepool.arguments import flag_of, name_of
from casepool.checking.leave_one_out import LeftOneOut, leave_one_out
from casepool.errors import CasepoolError
from casepool.estimation.arms import arms_of, refuse_times, times_of
from casepool.estimation.draws import HUGE, Fitted, check_probability, open_all, posterior_rows
from casepool.estimation.targets import ANSWERS, over_patients
from casepool.inference.convergence import worst
from casepool.modelling.design.endpoint_counts import counted
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.specification.endpoints import endpoints
from casepool.remarks import NONE, Count, Patients, Remarks, remark
from casepool.tables import estimate_table

SCORE = "log predictive density of patients left out one at a time"
LEAST_WEIGHT = 1e-3
"""Weight below which a model's verdict no longer marks what is stacked."""
Told = tuple[dict[str, Any], np.ndarray]


def compare_models(
    fits: Sequence[xr.DataTree],
    by: str | None = None,
    *,
    at: Sequence[float] | None = None,
    refits: bool = True,
    ci_prob: float = 0.95,
    progress: bool = True,
) -> pd.DataFrame:
    """Weigh models of the same patients and outcome against each other.

    Parameters
    ----------
    fits : sequence of xarray.DataTree
        Two or more.
    by : str, optional
        The factor (or exposure) whose levels are answered about; default everyone, or the exposure of a survival
        model that has one.
    at : sequence of float, optional
        Of survival models: times in their unit; default the codebook's `at`, else round numbers that follow-up reaches.
    refits : bool
        Whether to leave out by a refit those patients whom importance sampling cannot.
    ci_prob : float
        Width of the intervals.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        An estimate table. For every model, best first: its expected log predictive density with a normal interval
        (unit "log score", ``sd`` its standard error), the difference from the best one with its own standard error,
        and its stacking weight (unit "weight"). Then the answer, probabilities of response or survival at times, under
        every model and stacked: the mixture of their posteriors by weight (source "stacked").

    Raises
    ------
    CasepoolError
        For fewer than two fits, or fits of other patients or another outcome.

    See Also
    --------
    check, leave_out

    Notes
    -----
    Vehtari, Gelman and Gabry (2017); a difference of fewer than four, or within twice its standard error, says
    little. Weights maximise the sum over patients of the log of the weighted predictive densities (Yao, Vehtari,
    Simpson and Gelman 2018). With 20 to 200 patients they are uncertain themselves.

    References
    ----------
    Vehtari A, Gelman A, Gabry J (2017). Practical Bayesian model evaluation using leave-one-out cross-validation
    and WAIC. Statistics and Computing 27:1413-1432. doi:10.1007/s11222-016-9696-4

    Yao Y, Vehtari A, Simpson D, Gelman A (2018). Using stacking to average Bayesian predictive distributions.
    Bayesian Analysis 13:917-1007. doi:10.1214/17-BA1091

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> pooled = cp.fit("basket_pooled", "sarcoma_imatinib", seed=1, progress=False)
    >>> compared = cp.compare_models([fit, pooled], refits=False)
    >>> compared["model"].tolist()[:2]
    ['basket_pooled', 'basket_pooled']
    """
    check_probability(ci_prob)
    flag_of(refits, "refits")
    flag_of(progress, "progress")
    if by is not None:
        name_of(by, "by", "name a factor of the model, or leave it out")
    opened = open_all(fits)
    _refuse_unlike(opened)
    told = [_told(fitted, by, at) for fitted in opened]  # what cannot be asked is refused before any refit
    names = _names(opened)
    left = [leave_one_out(fitted, refits=refits, progress=progress) for fitted in opened]
    elpd = np.stack([found.elpd for found in left], axis=1)
    weights = stacking_weights(elpd)
    doubts = [
        remark("in doubt", patients=Patients(tuple(np.array(opened[0].design.patients)[found.in_doubt].tolist())))
        if found.in_doubt.any()
        else remark("refitted without", n=Count(int(found.exact.sum()), "patient"))
        if found.exact.any()
        else NONE
        for found in left
    ]
    rows = _scores(opened, names, left, weights, doubts, ci_prob)
    rows += _answers(opened, names, weights, told, ci_prob)
    return estimate_table(rows, posterior=True, public=all(fitted.public for fitted in opened))


def stacking_weights(elpd: np.ndarray) -> np.ndarray:
    """Return the weights that predict left-out patients best.

    Parameters
    ----------
    elpd : array (patients, models)
        Log predictive densities.

    Returns
    -------
    array (models,)
        On the simplex; the problem is concave.
    """
    models = elpd.shape[1]
    density = np.exp(elpd - elpd.max(axis=1, keepdims=True))

    def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
        mixed = np.maximum(density @ w, 1e-300)
        return -float(np.log(mixed).mean()), -(density / mixed[:, None]).mean(axis=0)

    from scipy import optimize

    found = optimize.minimize(
        loss,
        np.full(models, 1 / models),
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * models,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(models)},
        options={"ftol": 1e-12, "maxiter": 1000},
    )
    weights = np.clip(found.x, 0.0, 1.0)
    return np.asarray(weights / weights.sum())


def _refuse_unlike(opened: Sequence[Fitted]) -> None:
    """Refuse fits whose scores are not of the same thing, naming what differs."""
    if len(opened) < 2:
        raise CasepoolError("one model has nothing to be compared with", value=len(opened), remedy="pass two or more")
    first = opened[0]
    for other in opened[1:]:
        pair = f"{first.model.name!r} and {other.model.name!r}"
        if set(first.design.patients) != set(other.design.patients):
            differ = sorted(set(first.design.patients) ^ set(other.design.patients))
            raise CasepoolError(
                f"{pair} are fits of different patients",
                row=f"patient {', '.join(differ[:10])}{', ...' if len(differ) > 10 else ''}",
                remedy="fit both to the patients that have what either needs",
            )
        if first.design.patients != other.design.patients:
            raise CasepoolError(f"{pair} have the patients in another order", remedy="fit both to one table")
        for name in sorted((set(first.design.outcome) | set(other.design.outcome)) - {"offset"}):
            one, two = first.design.outcome.get(name), other.design.outcome.get(name)
            if one is None or two is None or not np.array_equal(one, two):
                place = 0 if one is None or two is None else int(np.argmax(one != two))
                raise CasepoolError(
                    f"{pair} are fits of different outcomes ({name})",
                    row=f"patient {first.design.patients[place]}",
                    remedy="compare models of one outcome, in one unit",
                )


def _names(opened: Sequence[Fitted]) -> list[str]:
    """Name every model, numbered where names repeat."""
    names = [fitted.model.name for fitted in opened]
    return [f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names, start=1)]


def _scores(
    opened: Sequence[Fitted],
    names: list[str],
    left: Sequence[LeftOneOut],
    weights: np.ndarray,
    doubts: Sequence[Remarks],
    ci_prob: float,
) -> list[dict[str, Any]]:
    """Tell every model's score, its distance from the best, and its weight, the best model first."""
    elpd = np.stack([found.elpd for found in left], axis=1)
    patients, best = len(elpd), int(elpd.sum(axis=0).argmax())
    reach = special.ndtri((1 + ci_prob) / 2)
    n, events = (float(part.sum()) for part in patients_and_events(opened[best].design))
    rows = []
    for i in np.argsort(-elpd.sum(axis=0), kind="stable"):
        verdict = worst(opened[i].verdict, "concern" if left[i].in_doubt.any() else "")
        about = {"level": "everyone", "n": n, "events": events, "source": "pooled", "model": names[i]}
        about |= {"verdict": verdict, "note": doubts[i], "method": "leave-one-out"}
        parts = [("expected " + SCORE, elpd[:, i])]
        parts += [(f"difference from {names[best]} in expected " + SCORE, elpd[:, i] - elpd[:, best])] * int(i != best)
        for (words, values), kind in zip(parts, ("value", "difference"), strict=False):
            total, se = float(values.sum()), float(np.sqrt(patients * values.var(ddof=1)))
            limits = {"lower": total - reach * se, "upper": total + reach * se}
            number = {"estimate": total, "mean": total, "sd": se, "interval": f"{100 * ci_prob:g}% CI"}
            rows.append(about | number | limits | {"estimand": words, "unit": "log score", "kind": kind})
        weight = {"estimand": "stacking weight", "unit": "weight", "estimate": float(weights[i])}
        rows.append(about | weight | {"method": "stacking"})
    return rows


def _answers(
    opened: Sequence[Fitted], names: list[str], weights: np.ndarray, told: list[list[Told]], ci_prob: float
) -> list[dict[str, Any]]:
    """Tell the same quantities under every model, and under their mixture."""
    asked = [(row["estimand"], row["level"], row["at"]) for row, _ in told[0]]
    for name, other in zip(names, told, strict=True):
        if [(row["estimand"], row["level"], row["at"]) for row, _ in other] != asked:
            raise CasepoolError(f"{name!r} does not answer what {names[0]!r} does", remedy="use another `by`, or none")
    rows: list[dict[str, Any]] = []
    for q, (about, _) in enumerate(told[0]):
        for name, fitted, each in zip(names, opened, told, strict=True):
            row, draws = each[q]
            rows += posterior_rows(draws[..., None], [row | {"model": name}], fitted=fitted, ci_prob=ci_prob)
        values = [each[q][1].ravel() for each in told]
        verdict = worst(*(f.verdict for f, w in zip(opened, weights, strict=True) if w >= LEAST_WEIGHT))
        mixed = about | {
            "source": "stacked",
            "model": " and ".join(names),
            "verdict": verdict,
            "method": "stacking",
        }
        rows.append(mixed | mixture(values, weights, ci_prob))
    return rows


def mixture(values: Sequence[np.ndarray], weights: np.ndarray, ci_prob: float) -> dict[str, Any]:
    """Summarise the mixture of several posteriors by weight: every draw counts its model's weight over their number."""
    everything = np.concatenate(values)
    share = np.concatenate([np.full(len(v), w / len(v)) for v, w in zip(values, weights, strict=True)])
    tail = (1 - ci_prob) / 2
    clipped = np.clip(everything, -HUGE, HUGE)
    kept = share > 0
    cuts = np.quantile(clipped[kept], [0.5, tail, 1 - tail], weights=share[kept], method="inverted_cdf")
    middle, lower, upper = np.where(np.abs(cuts) >= HUGE, np.copysign(np.inf, cuts), cuts)
    mean = float(np.average(everything, weights=share))
    return {
        "estimate": middle,
        "lower": lower,
        "upper": upper,
        "mean": mean,
        "sd": float(np.sqrt(np.average((everything - mean) ** 2, weights=share))),
        "interval": f"{100 * ci_prob:g}% CrI",
    }


def _told(fitted: Fitted, by: str | None, at: Sequence[float] | None) -> list[Told]:
    """Return what a model answers: rows of an estimate table with their draws (chain, draw)."""
    if fitted.is_survival:
        return _survival(fitted, by, times_of(fitted, at))
    refuse_times(at)
    n, _ = patients_and_events(fitted.design)
    levels: tuple[str, ...] = ("everyone",)
    members = np.ones((len(n), 1))
    if by is None:
        categories = [p[..., None] for p in over_patients(fitted.design, fitted)]
    else:
        group = fitted.membership(by)
        levels, members, categories = group.levels, group.members, ANSWERS["observed"](fitted, group).categories
    told = []
    for i, level in enumerate(levels):
        for end in endpoints(fitted.model):
            count = n @ members[:, i]
            if not count:
                continue
            words = f"{end.words}: mean probability".removeprefix(": ")
            row: dict[str, Any] = {"estimand": words, "by": by or "", "level": level, "at": end.at, "n": count}
            row["events"] = counted(fitted.design, end) @ members[:, i]
            row |= {"source": "shrunk" if by else "pooled", "unit": "probability"}
            told.append((row, end.of(categories)[..., i]))
    return told


def _survival(fitted: Fitted, by: str | None, times: list[float]) -> list[Told]:
    arms, common = arms_of(fitted, by, None)
    told, what = [], fitted.model.outcome.staying
    for at in times:
        for arm in arms:
            row = common | {"estimand": f"{what} at {at:g} {fitted.unit}: {arm.words}", "level": arm.level, "at": at}
            row |= {"n": arm.n, "events": arm.events, "unit": "probability"}
            told.append((row, arm.curve.survival(at)))
    return told
