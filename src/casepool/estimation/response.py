"""Response probabilities by level: arithmetic on the posterior, never a second model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of, one_of
from casepool.errors import CasepoolError
from casepool.estimation.arms import refuse_times
from casepool.estimation.crossed import moved
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.event_rates import rates_of
from casepool.estimation.exchangeability import exchangeability_rows
from casepool.estimation.ledger import own_shares
from casepool.estimation.regions import Region, Rope, Told, beyond, check_above, ropes_of, within
from casepool.estimation.survival import survival_of
from casepool.estimation.targets import ANSWERS, TARGETS, Answer, new_patient, over_patients
from casepool.estimation.told import with_told
from casepool.modelling.design.endpoint_counts import counted, reached
from casepool.modelling.design.grouping import Membership, patients_and_events
from casepool.modelling.specification.endpoints import endpoints
from casepool.modelling.terms.labels import Group
from casepool.remarks import NONE, remark

OBSERVED = "observed"
"""The target unless another is asked for."""


def estimates(
    fit: xr.DataTree,
    by: str | None = None,
    *,
    target: str = OBSERVED,
    at: Sequence[float] | None = None,
    ci_prob: float = CI_PROB,
    above: float | None = None,
    rope: Region | Mapping[str, Region] | None = None,
) -> pd.DataFrame:
    """Estimate response probabilities; of a survival model, survival as `survival` describes it by default.

    Parameters
    ----------
    fit : xarray.DataTree
        Of a response or a survival model.
    by : str, optional
        A factor of the model, or any labelled column of the cases (then only ``observed``); None: everyone. Of a
        survival model as of `survival`.
    target : {"observed", "standardised", "new"}
        ``observed``: mean probability of the level's own patients, comparable to the raw rate.
        ``standardised``: mean over all patients of the fit with this factor set to the level, other covariates
        kept. ``new``: the probability (not the 0/1 outcome) for one patient of that level whose other group
        effects are drawn anew and whose other covariates are a random patient's; with a row for an unseen level.
        For a patient with a missing covariate the probability is averaged over its modelled distribution. Of a
        survival model none but the default: `survival` says what it describes.
    at : sequence of float, optional
        Of a survival model, as of `survival`. Of events counted over times, in the model's unit: the probability of
        an event by each, of a new patient, beside the rate; so is the target ``new`` with or without.
    ci_prob : float
        Width of the equal-tailed credible interval.
    above : float, optional
        A threshold: adds the probability that each rate lies above it. Of a survival model as of `survival`.
    rope : tuple of two floats, optional
        A region: adds the probability that each rate lies within it. Of a survival model as of `survival`.

    Returns
    -------
    pandas.DataFrame
        An estimate table: posterior medians with limits, one row per level, levels without patients in the
        fit with n = 0. Of an ordinal model one row per level and category, and per level and "at least" a category,
        as ``at`` says. Of a factor with exnex borrowing also the probability that each level is exchangeable with
        the others, in rows of their own without limits, their level followed by "(exchangeable)". Of a survival
        model the table of ``survival(fit, by)``.

    Raises
    ------
    CasepoolError
        For an unknown grouping or target, a target given for a survival fit, or times for another.

    See Also
    --------
    contrast, ledger, classical, compare, plot_forest

    References
    ----------
    Jones HE, Ohlssen DI, Neuenschwander B, Racine A, Branson M (2011). Bayesian models for subgroup analysis in
    clinical trials. Clinical Trials 8:129-143. doi:10.1177/1740774510396933

    Berry SM, Broglio KR, Groshen S, Berry DA (2013). Bayesian hierarchical modeling of patient subpopulations.
    Clinical Trials 10:720-734. doi:10.1177/1740774513497539

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> print(cp.estimates(fit, by="histology"))
    Mean probability of the level's own patients
    by: histology; source: shrunk; model: basket_berry; method: posterior; unit:
    probability; verdict: pass
    <BLANKLINE>
    level              n  events  estimate (95% CrI)  told                     note
    Angiosarcoma      15       2    15% (6.6 to 25%)  mostly the prior
    Ewing sarcoma     13       0    13% (3.3 to 22%)  mostly the prior         1
    Fibrosarcoma      12       1    14% (5.4 to 24%)  mostly the prior
    Leiomyosarcoma    28       6    17% (9.5 to 29%)  data and prior together
    Liposarcoma       29       7     17% (10 to 30%)  data and prior together
    MFH               29       3    14% (6.2 to 22%)  data and prior together
    Osteosarcoma      26       5    16% (8.9 to 27%)  data and prior together
    MPNST              5       1    15% (6.2 to 31%)  mostly the prior
    Rhabdomyosarcoma   2       0    15% (4.7 to 28%)  mostly the prior         2
    Synovial sarcoma  20       3    15% (7.4 to 26%)  mostly the prior
    <BLANKLINE>
    1: one-sided 95% upper bound 0.203
    2: one-sided 95% upper bound 0.245
    drawn by exact
    Further columns: kind, mean, sd, ess, mcse, learnt, prior_estimate, prior_lower,
      prior_upper
    """
    check_probability(ci_prob)
    if by is not None:
        name_of(by, "by", "name a factor of the model, or leave it out")
    one_of(target, TARGETS, "target")
    return estimates_of(open_draws(fit), by, target=target, at=at, ci_prob=ci_prob, above=above, rope=rope)


@dataclass(frozen=True)
class Asked:
    """What is told of each rate: an interval of this width, and how probably it lies above a number, or in a region."""

    ci_prob: float
    above: float | None
    region: Region | None

    def chances(self, told: Iterable[Told], fitted: Fitted) -> list[dict[str, Any]]:
        """Return the rows of the probabilities asked for, of the rates there are."""
        rates = [(row, draws) for row, draws in told if not np.isnan(draws).any()]
        asked = [one for row, p in rates for one in (*beyond(row, p, self.above), *within(row, p, self.region))]
        return [probability_row(holds, row, fitted=fitted) for row, holds in asked]


def estimates_of(
    fitted: Fitted,
    by: str | None = None,
    *,
    target: str = OBSERVED,
    at: Sequence[float] | None = None,
    ci_prob: float = CI_PROB,
    above: float | None = None,
    rope: Rope = None,
) -> pd.DataFrame:
    """Estimate what `estimates` does, of a fit that is open."""
    if fitted.is_survival:
        _refuse_target(fitted, target)
        return survival_of(fitted, by, at=at, ci_prob=ci_prob, above=above, rope=rope)
    if fitted.model.outcome.has_rate and (at is not None or target == "new"):
        check_above(above)
        if above is not None or rope is not None:
            raise CasepoolError("a rate is asked about no threshold and no region", remedy="leave out above and rope")
        return with_told(fitted, lambda own: rates_of(own, by, at=at, ci_prob=ci_prob))
    refuse_times(at)
    check_above(above)
    asked = Asked(ci_prob, above, ropes_of(rope, ("probability",)).get("probability"))
    if by is None:
        return with_told(fitted, lambda own: _everyone(own, target, asked))
    group = fitted.membership(by)
    if target != "observed" and not group.is_term:
        raise CasepoolError(
            f"{by!r} is no term of the model, so only its own patients can be described",
            remedy='use target="observed"',
        )
    term = fitted.model.terms[by] if group.is_term else None
    borrows = isinstance(term, Group) and term.way.differs  # of levels that are taken as one all patients tell alike
    share = partial(own_shares, fitted, group) if borrows else None
    return with_told(fitted, lambda own: _by_level(own, group, target, asked), share)


def _by_level(fitted: Fitted, group: Membership, target: str, asked: Asked) -> pd.DataFrame:
    """Tabulate the levels of a factor."""
    answer = ANSWERS[target](fitted, group)
    if target == "observed":
        crossed = moved(fitted, group, answer.categories)
        answer = replace(answer, notes=tuple(note + said for note, said in zip(answer.notes, crossed, strict=True)))
    n, _ = group.counts(fitted.design)
    shared = {"by": group.by, "source": "shrunk"}
    about = [
        shared | {"level": level, "n": n[i] if i < len(n) else 0.0, "note": note + group.remarks(fitted.design)}
        for i, (level, note) in enumerate(zip(answer.levels, answer.notes, strict=True))
    ]
    rows = _rows(fitted, answer, about, group.members, TARGETS[target], asked)
    return fitted.table(rows + exchangeability_rows(fitted, group))


def _refuse_target(fitted: Fitted, target: str) -> None:
    """Refuse a target of a survival model, whose answers have one alone."""
    if target != OBSERVED:
        raise CasepoolError(
            f"{fitted.model.name!r} is a survival model, whose estimates are not of a target",
            value=target,
            remedy="leave `target` out, or use contrast(fit, by=...)",
        )


def _rows(
    fitted: Fitted, answer: Answer, about: list[dict[str, Any]], members: np.ndarray, target: str, asked: Asked
) -> list[dict[str, Any]]:
    """Describe every endpoint of every level; `members` (n, levels) says whose events count."""
    draws: list[np.ndarray] = []
    rows: list[dict[str, Any]] = []
    seen = reached(fitted.design)
    told = [(end, counted(fitted.design, end) @ members, end.of(answer.categories)) for end in endpoints(fitted.model)]
    for i, level in enumerate(about):
        for end, events, values in told:
            draws.append(values[..., i])
            rows.append(
                level
                | {
                    "estimand": f"{end.words}: {target}" if end.words else target,
                    "at": end.at,
                    "events": events[i] if i < len(events) else 0.0,
                    "unit": "probability",
                    "note": level["note"] + seen,
                }
            )
    stacked = np.stack(draws, axis=-1)
    found = _with_bounds(posterior_rows(stacked, rows, fitted=fitted, ci_prob=asked.ci_prob), stacked)
    return found + asked.chances(zip(rows, draws, strict=True), fitted)


def _with_bounds(rows: list[dict[str, Any]], draws: np.ndarray) -> list[dict[str, Any]]:
    """Add the one-sided 95% bound where nobody or everybody had the event, and empty rows without patients."""
    for i, row in enumerate(rows):
        if row["n"] > 0 and row["events"] in (0, row["n"]):
            side, q = ("upper", 0.95) if row["events"] == 0 else ("lower", 0.05)
            bound = f"{np.quantile(draws[..., i], q):.3f}"
            row["note"] = remark("one-sided bound", side=side, bound=bound) + row["note"]
        if np.isnan(row["estimate"]):
            row["verdict"] = ""
    return rows


def _everyone(fitted: Fitted, target: str, asked: Asked) -> pd.DataFrame:
    """Tabulate all patients of the fit together."""
    new = target == "new"
    categories = fitted.once(
        ("everyone", target),
        lambda: new_patient(fitted, None, None) if new else over_patients(fitted.design, fitted),
    )
    n, _ = patients_and_events(fitted.design)
    answer = Answer([p[..., None] for p in categories], ("everyone",), (NONE,))
    about = [{"by": "", "level": "everyone", "n": n.sum(), "source": "pooled", "note": NONE}]
    words = TARGETS[target] if new else "mean probability of all patients of the fit"
    return fitted.table(_rows(fitted, answer, about, np.ones((len(n), 1)), words, asked))
