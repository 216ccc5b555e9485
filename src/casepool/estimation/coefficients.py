"""Every coefficient of a fit in one table: zero point, ratios of effects, spreads of levels, the family's own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr

from casepool.estimation.contrasts import OF_THE_MODEL
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, open_draws, posterior_rows
from casepool.estimation.regions import Told
from casepool.estimation.told import COEFFICIENT, with_told
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.families.parameters import CUTPOINTS, Parameter, Role
from casepool.modelling.families.registry import GAP
from casepool.modelling.specification.prior_implications import ratio_name
from casepool.modelling.terms.numbers import as_number
from casepool.remarks import NONE, Remarks, remark

SPREADS = (Role.SD, Role.CURVE_SD)


def coefficients(fit: xr.DataTree, *, ci_prob: float = CI_PROB) -> pd.DataFrame:
    """Tabulate every coefficient of a model: what a regression table of a paper lays out.

    Parameters
    ----------
    fit : xarray.DataTree
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table in the order of the linear predictor. Effects of a category, a band, a number or an exposure
        are odds, hazard, time or rate ratios, against the reference or per step of the number (``by`` is the term,
        ``at`` a step between categories where effects differ by it). Zero point, cutpoints, effects of levels that
        inform each other, slopes and cells stand on the scale of the linear predictor (unit "coefficient"); standard
        deviations of levels and the family's own parameters as the model has them, by their names in the posterior.
        Parameters that are fixed, and those of what is missing, are left out.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.

    See Also
    --------
    estimates, contrast

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, progress=False)
    >>> cp.coefficients(fit)[["estimand", "level", "unit"]].values.tolist()
    [['intercept', 'everyone', 'coefficient'], ['odds ratio', '18 and over vs under 18', 'ratio']]
    """
    check_probability(ci_prob)
    return coefficients_of(open_draws(fit), ci_prob=ci_prob)


def coefficients_of(fitted: Fitted, *, ci_prob: float = CI_PROB) -> pd.DataFrame:
    """Tabulate as `coefficients` does, of a fit that is open."""
    table = with_told(fitted, lambda own: _table(own, ci_prob))
    if "learnt" not in table:
        return table
    borrowing = table["by"].isin([own.name for own in fitted.model.terms.values() if own.borrows]).to_numpy()
    borrowed = borrowing & (table["unit"] == COEFFICIENT).to_numpy()  # of which `ledger` says whose patients tell
    told, learnt = (table[name].where(~borrowed, empty) for name, empty in (("told", ""), ("learnt", np.nan)))
    return table.assign(told=told, learnt=learnt)


def _table(fitted: Fitted, ci_prob: float) -> pd.DataFrame:
    ordered = sorted(fitted.design.parameters, key=lambda own: own.role is not Role.LOCATION and own.name != GAP)
    told = [one for own in ordered if own.is_free and not own.if_missing for one in _of(fitted, own)]
    rows = [row for row, _ in told]
    draws = np.stack([values for _, values in told], axis=-1)
    return fitted.table(posterior_rows(draws, rows, fitted=fitted, ci_prob=ci_prob))


def _of(fitted: Fitted, own: Parameter) -> Iterator[Told]:
    """Yield the rows of one parameter, each with its draws."""
    n, events = (float(values.sum()) for values in patients_and_events(fitted.design))
    shared = {"by": own.owner, "level": "everyone", "n": n, "events": events, "source": "shrunk", "kind": "value"}
    shared |= {"estimand": own.name}
    values = fitted.parameters[own.name]
    if own.name == GAP:
        cutpoints = fitted.parameters[fitted.model.of_family.location.name][..., None] if _has_first(fitted) else 0.0
        values = cutpoints + np.cumsum(values, axis=-1)
        for k, step in enumerate(fitted.model.steps[1:]):
            row = {"estimand": "cutpoint", "at": step, "unit": COEFFICIENT, "note": _prior(fitted, own, step)}
            yield shared | row, values[..., k]
        return
    if own.role is Role.LOCATION and fitted.model.is_ordinal:
        step = fitted.model.steps[0]
        yield (
            shared | {"estimand": "cutpoint", "at": step, "unit": COEFFICIENT, "note": _prior(fitted, own, step)},
            values,
        )
        return
    ratio = own.role is Role.EFFECT and own.is_stated and own.owner not in fitted.model.joint
    name = OF_THE_MODEL.get(fitted.model.link) or ratio_name(fitted.model)
    what = {"estimand": name, "unit": "ratio", "kind": "ratio"} if ratio else {"unit": _unit(fitted, own)}
    for index in np.ndindex(own.shape(fitted.design.laid)):
        labels = {dim: fitted.design.laid.labels[dim][k] for dim, k in zip(own.dims, index, strict=True)}
        at = labels.pop("step", "") or labels.pop("piece", "")
        label = ", ".join(labels.values())
        row = {"at": at, "level": _level(fitted, own, label, ratio=ratio), "note": _prior(fitted, own, label)}
        drawn = values[..., *index]
        counts = {} if ratio else _counts(fitted, labels)
        yield shared | what | row | counts, np.exp(drawn) if ratio else drawn


def _counts(fitted: Fitted, labels: dict[str, str]) -> dict[str, float]:
    """Count the patients and events of one level of a factor: unknown of a cell, everyone's of no level."""
    if not labels:
        return {}
    found = [(term, label) for term, label in labels.items() if term in fitted.design.terms]
    if len(found) != 1:
        return {"n": np.nan, "events": np.nan}
    [(term, label)] = found
    group = fitted.membership(term)
    place = group.levels.index(label)
    n, events = (float(values[place]) for values in group.counts(fitted.design))
    return {"n": n, "events": events}


def _has_first(fitted: Fitted) -> bool:
    return fitted.model.of_family.location.name in fitted.parameters


def _unit(fitted: Fitted, own: Parameter) -> str:
    """Return the unit of a parameter that is no ratio: the linear predictor's but for spreads and the family's."""
    if own.role in SPREADS:
        return f"log {ratio_name(fitted.model).removesuffix(' ratio')}"
    return "parameter" if own.role is Role.FAMILY and own.support.positive else COEFFICIENT


def _level(fitted: Fitted, own: Parameter, label: str, *, ratio: bool) -> str:
    """Say what a ratio compares, or which level an effect is of."""
    if own.owner in fitted.model.exposures:
        without, with_ = fitted.model.exposures[own.owner].arms
        return f"{with_} vs {without}" if ratio else "everyone"
    if not ratio:
        return label or "everyone"
    coded = fitted.design.terms[own.owner].coded
    if coded.term.is_number and not label:
        column = fitted.codebook.columns.get(coded.term.source)
        return f"per {as_number(coded.term).scale:g} {column.unit if column is not None else ''}".strip()
    [reference] = [level for level in coded.levels if not coded.choice_of(level).any()]
    return f"{label} vs {reference}"


def _prior(fitted: Fitted, own: Parameter, label: str) -> Remarks:
    """Say the prior that a model file states of a parameter: that of its level or cutpoint where this has its own."""
    priors, name = fitted.model.priors, CUTPOINTS if own.key == CUTPOINTS else own.name
    stated = priors.get(f"{name}.{label}", priors.get(name))
    return NONE if stated is None else remark("prior of the coefficient", prior=stated)
