"""Levels of a factor or exposure compared: pairwise, with one of them, with the rest or with the mean of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import name_of, one_of
from casepool.errors import CasepoolError
from casepool.estimation.against import AGAINST, WEIGHTS, Comparison, against_rows, levels_asked
from casepool.estimation.arms import refuse_times
from casepool.estimation.comparing import compare
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows, probability_row
from casepool.estimation.number_ratios import has_no_levels, number_ratios
from casepool.estimation.pairs import pairs_of
from casepool.estimation.ratios import ratio_draws, ratio_table
from casepool.estimation.regions import Region, Rope, Ropes, Told, ropes_of, within
from casepool.estimation.targets import ANSWERS, TARGETS
from casepool.estimation.told import separated, with_told
from casepool.modelling.design.endpoint_counts import counted
from casepool.modelling.design.grouping import Membership
from casepool.modelling.families.names import effect_of
from casepool.modelling.specification.endpoints import at_least
from casepool.modelling.specification.prior_implications import ratio_name
from casepool.remarks import remark

ABOUT = ("estimand", "level", "at", "kind", "unit")
"""Columns that tell contrasts apart."""
OF_PAIRS = ("risk difference", "risk ratio", "odds ratio")
"""Estimands of two levels of a response that a region may be asked of, the default first."""
OF_THE_MODEL = {"cumulative": "cumulative odds ratio", "adjacent": "adjacent-category odds ratio"}
"""By the link of an ordinal model, its own odds ratio, of which one may be asked too."""


def contrast(  # noqa: PLR0913 - each kind of comparison has one or two of its own
    fit: xr.DataTree,
    by: str,
    *,
    target: str = "standardised",
    ci_prob: float = CI_PROB,
    rope: Region | Mapping[str, Region] | None = None,
    level: str | None = None,
    against: str | None = None,
    weights: str = "patients",
    reference: str | None = None,
    per: float | None = None,
    at: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Compare levels: risks of a response model, hazards (or times) of a survival model; or say what a number does.

    Parameters
    ----------
    fit : xarray.DataTree
    by : str
        A factor or exposure of the model: its levels pairwise, or as `against` and `reference` say. A linear term: the
        odds, hazard or time ratio of a step of it. A slope term: that ratio in every level, their mean, and the levels'
        ratios to each other. An interaction: by which ratio every cell leaves the sum of its two terms.
    target : {"standardised", "observed", "new"}
        Of a response model: which probabilities are compared, see `estimates`. With `against` both ``observed`` and
        ``standardised`` are told, ``observed`` alone if asked for, and of a column outside the model.
    ci_prob : float
        Width of the equal-tailed credible interval.
    rope : tuple of two floats, or mapping of str to such, optional
        Limits of a region of practical equivalence; adds the probability that the quantity lies between them. Of the
        risk difference, or (survival, numbers) of the ratio; a mapping names the estimands: ``{"odds ratio": (0.8,
        1.25)}``.
    level : str, optional
        With `against`: the level to compare; default every level with patients. Alone it means ``against="rest"``.
    against : {"rest", "mean"}, optional
        Compare a level with the rest, everybody else, or with the mean, of which it is part: in the patients there are
        (``observed``), set to every level (``standardised``; survival at `at`), and by the effects of the model (log
        odds, or a ratio). The raw difference with Fisher's test, or the log-rank test, stands beside. Notes say where
        only the prior tells the level apart, as `aliasing` does.
    weights : {"patients", "levels"}
        How other levels are weighed in the standardised rows: by their patients (of several members in shares) or
        alike.
    reference : str, optional
        Compare every level with this one only. How probably each is the best of all, `ranking` says.
    per : float, optional
        Of a number: for how large a step of it; default the term's `scale`.
    at : sequence of float, optional
        Of survival `against` something: times; default as of `survival`.

    Returns
    -------
    pandas.DataFrame
        An estimate table; ``level`` is "A vs B": A minus B, or A over B, B the earlier level or the reference; or
        "A vs the rest", "A vs the mean"; or "per 10 years". A posterior probability is a row of its own without limits.

    Raises
    ------
    CasepoolError
        If `by` is no factor of the model, there is nothing to compare, or an argument has no meaning here.

    See Also
    --------
    estimates, contrast_draws, classical

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, progress=False)
    >>> print(cp.contrast(fit, by="age"))
    18 and over vs under 18
    by: age; source: shrunk; model: objective_response_by_age_group; verdict: pass
    <BLANKLINE>
    estimand           n  events            estimate (95% CrI)  unit         told
    risk difference   27      23  -2.0 (-21.8 to +18.9) points  difference   data and prior
                                                                             together
    risk ratio        27      23            0.98 (0.76 to 1.3)  ratio        the data decide
    odds ratio        27      23            0.83 (0.16 to 4.3)  ratio        data and prior
                                                                             together
    P(18 and over     27      23                           41%  probability
    reaches PR or CR
    more often than
    under 18)
    <BLANKLINE>
    of the standardised probabilities
    3 patients without age (summed over its levels)
    left out: 3 patients (no best_response)
    drawn by lockstep
    Further columns: method, kind, mean, sd, ess, mcse, learnt, prior_estimate, prior_lower,
      prior_upper
    """
    check_probability(ci_prob)
    name_of(by, "by", "name a factor or exposure of the model")
    one_of(target, TARGETS, "target")
    asked = {"level": level, "against": against, "weights": weights, "reference": reference, "per": per, "at": at}
    return contrast_of(open_draws(fit), by, target=target, ci_prob=ci_prob, rope=rope, **asked)


def contrast_draws(
    fit: xr.DataTree,
    by: str,
    *,
    target: str = "standardised",
    level: str | None = None,
    against: str | None = None,
    weights: str = "patients",
    reference: str | None = None,
    per: float | None = None,
    at: Sequence[float] | None = None,
) -> xr.DataArray:
    """Return the draws behind `contrast`: of every difference and ratio, to draw its density or ask about a region.

    Parameters
    ----------
    fit : xarray.DataTree
    by : str
        A factor or exposure of the model, or a number or term of two others.
    target : {"standardised", "observed", "new"}
        As of `contrast`.
    level, against, weights, reference, per, at
        As of `contrast`.

    Returns
    -------
    xarray.DataArray
        Dimensions ``contrast``, ``chain`` and ``draw``; of every contrast the coordinates ``estimand``, ``level``,
        ``at``, ``kind`` and ``unit`` of its row in the table, in that order of rows.

    Raises
    ------
    CasepoolError
        As of `contrast`.

    See Also
    --------
    contrast

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, progress=False)
    >>> draws = cp.contrast_draws(fit, "age")
    >>> difference = draws.isel(contrast=draws["estimand"] == "risk difference")
    >>> inside = (abs(difference) < 0.1).mean(["chain", "draw"])  # P(risk difference between -0.1 and 0.1)
    >>> difference["level"].values.tolist(), inside.shape
    (['18 and over vs under 18'], (1,))
    """
    name_of(by, "by", "name a factor or exposure of the model")
    one_of(target, TARGETS, "target")
    fitted = open_draws(fit)
    asked = Asked(target, level, against, weights, reference, per, at)
    told = _told(fitted, by, asked, None)
    told = ratio_draws(fitted, by, reference) if told is None else told
    told = [(row, draws) for row, draws in told if row.get("kind") in ("difference", "ratio")]
    chains, draws = fitted.shape
    coords = {"chain": range(chains), "draw": range(draws)}
    about = {name: ("contrast", [row.get(name, "") for row, _ in told]) for name in ABOUT}
    return xr.DataArray(
        np.stack([values for _, values in told]), {**coords, **about}, ("contrast", "chain", "draw"), name="contrast"
    )


@dataclass(frozen=True)
class Asked:
    """What is compared, as arguments of `contrast`."""

    target: str = "standardised"
    level: str | None = None
    against: str | None = None
    weights: str = "patients"
    reference: str | None = None
    per: float | None = None
    at: Sequence[float] | None = None

    @property
    def side(self) -> str | None:
        """What a level is compared with; the rest where only the level is named."""
        return "rest" if self.against is None and self.level is not None else self.against


def contrast_of(fitted: Fitted, by: str, *, ci_prob: float = CI_PROB, rope: Rope = None, **asked: Any) -> pd.DataFrame:
    """Compare levels as `contrast` does, of a fit that is open."""
    what = Asked(**asked)
    found = _told(fitted, by, what, rope)
    if found is None:
        ropes = ropes_of(rope, (ratio_name(fitted.model),))
        return with_told(fitted, lambda own: ratio_table(own, by, ci_prob, ropes, what.reference))
    table = with_told(fitted, lambda own: _table(_told(own, by, what, rope) or [], own, ci_prob))
    if what.side is None:
        return table
    from casepool.estimation.raw_beside import raw_rows  # an optimiser, which tables of a fit do without

    comparison, places = _comparison(fitted, by, what, {})
    return compare(table, fitted.table(raw_rows(comparison, places)))


def _told(fitted: Fitted, by: str, asked: Asked, rope: Rope) -> list[Told] | None:
    """Return the rows of a comparison, each with its draws; None of pairs of a survival model."""
    _refuse_idle(fitted, by, asked)
    if asked.side is not None:
        names = ("risk difference", "log odds difference")
        if fitted.is_survival:
            names = (ratio_name(fitted.model), "difference in survival")
        comparison, places = _comparison(fitted, by, asked, ropes_of(rope, names))
        targets = ["observed", "standardised"] if comparison.group.is_term else ["observed"]
        return against_rows(comparison, places, targets[: 1 if asked.target == "observed" else 2], asked.at)
    if has_no_levels(fitted, by):
        return number_ratios(fitted, by, per=asked.per, ropes=ropes_of(rope, (ratio_name(fitted.model),)))
    if fitted.is_survival:
        return None
    allowed = (*OF_PAIRS, *([OF_THE_MODEL[fitted.model.link]] if fitted.model.is_ordinal else []))
    return _compared(fitted, by, asked.target, ropes_of(rope, allowed), asked.reference)


def _comparison(fitted: Fitted, by: str, asked: Asked, ropes: Ropes) -> tuple[Comparison, list[int]]:
    """Return what levels are compared with, and the places of those levels."""
    group = fitted.membership(by)
    places = levels_asked(fitted, group, asked.level)
    return Comparison(fitted, group, str(asked.side), asked.weights, ropes), places


def _refuse_idle(fitted: Fitted, by: str, asked: Asked) -> None:
    """Refuse arguments that have no meaning for what is compared."""
    for word, allowed, name in ((asked.side, AGAINST, "against"), (asked.weights, WEIGHTS, "weights")):
        if word is not None:
            one_of(name_of(word, name, f"one of {', '.join(allowed)}"), allowed, name)
    if asked.level is not None:
        name_of(asked.level, "level", "name a level of the factor")
    if asked.reference is not None:
        name_of(asked.reference, "reference", "name a level of the factor")
    number = has_no_levels(fitted, by)
    if by in fitted.model.exposures or number:
        what = "a number, a slope or an interaction" if number else "an exposure"
        for name, given in {"against": asked.side, "reference": asked.reference}.items():
            if given is not None:
                raise CasepoolError(f"{by!r} is {what}, without a rest", column=name, value=given, remedy="leave out")
    if asked.side is not None and asked.reference is not None:
        raise CasepoolError("`against` and `reference` exclude each other", remedy="keep one")
    if asked.side is not None and asked.target == "new":
        raise CasepoolError("a level is not set against the rest of new patients", column="target", value="new",
                            remedy='use "standardised" or "observed"')  # fmt: skip
    if asked.side is None or not fitted.is_survival:
        refuse_times(asked.at)
    if asked.side is None and asked.weights != "patients":
        raise CasepoolError("weights are of a comparison with the rest or the mean", value=asked.weights,
                            remedy='add against="rest"')  # fmt: skip
    if asked.per is not None and not number:
        raise CasepoolError("per is the step of a number", value=asked.per, remedy="leave it out")


def _compared(fitted: Fitted, by: str, target: str, ropes: Ropes, reference: str | None = None) -> list[Told]:
    """Compare the levels of a factor pairwise: risk difference, risk ratio, odds ratio, probability of superiority.

    With a region of practical equivalence also the probability that a quantity lies inside it. Of an ordinal model for
    every "at least" a category, followed by the odds ratio of its equation.
    """
    group = fitted.membership(by)
    if not group.is_term and target != "observed":
        raise CasepoolError(f"{by!r} is no term of the model", remedy='use target="observed"')
    categories = ANSWERS[target](fitted, group).categories
    n, successes = group.counts(fitted.design)
    told: list[Told] = []
    for b, a in pairs_of(group, n, reference):
        pair = {"by": by, "level": f"{group.levels[a]} vs {group.levels[b]}", "n": n[a] + n[b], "source": "shrunk"}
        for end in at_least(fitted.model):
            events = counted(fitted.design, end) @ group.members
            p = end.of(categories)
            own = pair | {
                "at": end.at,
                "events": events[a] + events[b],
                "note": remark("of probabilities", target=target),
                **separated(events[[a, b]], n[[a, b]]),
            }
            does = f"reaches {end.at}" if end.at else fitted.model.outcome.reaches
            measures = _measures(own, end.at, does, (group.levels[a], group.levels[b]), p[..., a], p[..., b])
            told += measures
            told += [one for name, of in zip(OF_PAIRS, measures, strict=False) for one in within(*of, ropes.get(name))]
        told += _odds_of_the_model(
            fitted,
            group,
            pair | {"events": successes[a] + successes[b], **separated(successes[[a, b]], n[[a, b]])},
            (int(a), int(b)),
            ropes,
        )
    if not told:
        raise CasepoolError(f"{by!r} has one level with patients, so nothing to compare", remedy="use another factor")
    return told


def _measures(
    row: dict[str, Any], at: str, does: str, names: tuple[str, str], p: np.ndarray, q: np.ndarray
) -> list[Told]:
    """Compare two probabilities of one endpoint; what ties, as under complete borrowing, counts half either way."""
    of = f", {at}" if at else ""
    return [
        (row | {"estimand": f"risk difference{of}", "unit": "difference", "kind": "difference"}, p - q),
        (row | {"estimand": f"risk ratio{of}", "unit": "ratio", "kind": "ratio"}, p / q),
        (row | {"estimand": f"odds ratio{of}", "unit": "ratio", "kind": "ratio"}, _odds(p) / _odds(q)),
        (row | {"estimand": f"P({names[0]} {does} more often than {names[1]})"}, (p > q) + 0.5 * (p == q)),
    ]


def _odds(p: np.ndarray) -> np.ndarray:
    """Odds of a probability, which are finite where rounding made it 0 or 1."""
    inside = np.clip(p, np.finfo(float).tiny, 1 - np.finfo(float).epsneg)
    return np.asarray(inside / (1 - inside))


def _odds_of_the_model(
    fitted: Fitted, group: Membership, pair: dict[str, Any], places: tuple[int, int], ropes: Ropes
) -> list[Told]:
    """Return an ordinal model's own odds ratio, which its equation takes to be the same at every category.

    With effects by category there is one for each step between categories.
    """
    effect = fitted.parameters.get(effect_of(group.by))
    if not fitted.model.is_ordinal or effect is None or not group.is_term:
        return []
    coded = fitted.design.terms[group.by].coded
    high, low = (coded.choice_of(group.levels[place]) for place in places)
    apart = high - low
    name = OF_THE_MODEL[fitted.model.link]
    by_category = coded.term.each_step
    each = {step: effect[..., j] for j, step in enumerate(fitted.model.steps)} if by_category else {"": effect}
    told: list[Told] = []
    for at, own in each.items():
        log_ratio = own @ apart
        row = pair | {"at": at, "note": remark("better categories")}
        ratio = (row | {"estimand": name, "unit": "ratio", "kind": "ratio"}, np.exp(log_ratio))
        told += [ratio, (row | {"estimand": f"P({name} > 1)"}, log_ratio > 0), *within(*ratio, ropes.get(name))]
    return told


def _table(told: list[Told], fitted: Fitted, ci_prob: float) -> pd.DataFrame:
    """Summarise quantities by their draws, and what holds or not by its share of the draws."""
    chances = ["unit" not in row for row, _ in told]
    quantities = [(row, values) for (row, values), chance in zip(told, chances, strict=True) if not chance]
    draws = np.stack([values for _, values in quantities], axis=-1)
    summarised = iter(posterior_rows(draws, [row for row, _ in quantities], fitted=fitted, ci_prob=ci_prob))
    rows = [
        probability_row(values, row, fitted=fitted) if chance else next(summarised)
        for (row, values), chance in zip(told, chances, strict=True)
    ]
    return fitted.table(rows)
