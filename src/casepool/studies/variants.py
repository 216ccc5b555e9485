"""One reported answer under other priors, other dates and other codings of the cases, in one table."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import flag_of, name_of, numbers_of, one_of, path_of
from casepool.arguments import times_of as from_0
from casepool.cases.codebook import Codebook
from casepool.cases.coding_keys import AS_RECORDED, LABEL
from casepool.cases.reading import resolve_typed
from casepool.cases.recoding import recode_typed
from casepool.errors import CasepoolError
from casepool.estimation.arms import dating_of, refuse_times
from casepool.estimation.draws import Fitted, open_draws
from casepool.estimation.material import folder_of, full_table
from casepool.inference.fit_contents import data_hash, engine_of, report_start_of, used_columns
from casepool.inference.fitting import Plan, planned
from casepool.modelling import Model
from casepool.modelling.design.times import default_times
from casepool.modelling.families.names import effect_of, log_intensity_of, sd_of
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.exposure import DATING
from casepool.studies.asked import ANSWERS, ask
from casepool.studies.worlds import Question, World, answered, read_inside

WIDTHS = (0.5, 2.0)
"""Half and twice as wide as the model states."""
EVALUABLE = "not_evaluable"
"""The decision of what patients without an outcome are counted as, which every response model has."""
COUNTED_AS = ("as_failure", "as_success")
Choices = Mapping[str, Sequence[str]]


def variants(
    fit: xr.DataTree,
    by: str | None = None,
    *,
    estimand: str = "contrast",
    widths: Sequence[float] = WIDTHS,
    datings: Sequence[str] = tuple(DATING),
    codings: Choices | None = None,
    cases: str | Path | pd.DataFrame | None = None,
    at: Sequence[float] | None = None,
    journal: str | Path | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Ask for an answer of a fit again under other priors, datings and codings, one of them changed at a time.

    Parameters
    ----------
    fit : xarray.DataTree
        Its seed and settings are used again, and its own answer comes first.
    by : str, optional
        As of the function that answers.
    estimand : {"contrast", "estimates", "survival"}
        Which public function answers, called with its defaults. With "survival" and `at` survival curves are told.
    widths : sequence of float
        How many times as wide as stated a prior is made: of `by`, the group standard deviation where its levels borrow,
        else its effect; of everyone, the intercept. A prior without a width stays as it is.
    datings : sequence of str
        How an exposure's dates are taken instead, where they are known between two: "intensity", "uniform", "early",
        "late".
    codings : mapping of str to sequence of str, optional
        Choices by decision; default all of the codebook, and for a response "not_evaluable" with "as_failure" and
        "as_success": patients without an outcome counted as the worst category, or as the best. ``{}`` for none.
        Choices under which the model reads the same of its patients are left out.
    cases : optional
        The table the fit was made from, for its codings, which a fit does not keep: a dataset's name, a folder, a file
        or a frame. By default a bundled dataset or a folder of the working folder of the fit's name, if its rows are
        those of the fit; without it there are no codings.
    at : sequence of float, optional
        Times of a survival model.
    journal : path, optional
        As of `multiverse`.
    progress : bool

    Returns
    -------
    pandas.DataFrame
        An estimate table, one block of rows a variant: ``prior``, ``dating`` and ``coding`` say of every row which
        prior of the parameter, dating and coding it is of; ``varied`` names the one that is not the fit's own
        ("" in the fit's own rows), ``width`` is the multiple of the prior's width, ``decision`` and ``choice`` name the
        coding. All fits are by one engine.

    Raises
    ------
    CasepoolError
        For cases that are not the fit's, unknown decisions, choices or datings, widths that are not above 0, and what
        the answering function refuses.

    See Also
    --------
    sensitivity, multiverse

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response", "alk_crizotinib", seed=1, progress=False)
    >>> table = cp.variants(fit, estimand="estimates", codings={"case_5": ["responder"]}, progress=False)
    >>> table[["varied", "coding", "n", "events"]].drop_duplicates().values.tolist()
    [['', 'as recorded', 30.0, 26.0], ['prior', 'as recorded', 30.0, 26.0], ['coding', 'case_5 responder', 31.0, 27.0]]
    """
    one_of(estimand, ANSWERS, "estimand")
    if by is not None:
        name_of(by, "by", "name a factor or exposure of the model, or leave it out")
    flag_of(progress, "progress")
    journal = None if journal is None else path_of(journal)
    asked = _checked(widths), _datings(datings), codings
    fitted = open_draws(fit)
    if at is not None and not fitted.is_survival:
        refuse_times(at)
    times = () if at is None else tuple(from_0(at))
    table = None if cases is None else _same_cases(fitted, *resolve_typed(cases))
    plan = planned(seed=fitted.seed, progress=progress, **fitted.study_settings)
    return variants_of(fitted, plan, Question(estimand, by), *asked, table=table, at=times, journal=journal)


def variants_of(
    fitted: Fitted,
    plan: Plan,
    question: Question,
    widths: Sequence[float] = WIDTHS,
    datings: Sequence[str] = tuple(DATING),
    codings: Choices | None = None,
    *,
    table: tuple[pd.DataFrame, Codebook] | None = None,
    at: tuple[float, ...] = (),
    journal: str | Path | None = None,
) -> pd.DataFrame:
    """Ask as `variants` does, of a fit that is open; `table` is the one it was made from, looked for if not given."""
    if fitted.is_survival:  # told at the same times in all variants
        at = at or tuple(default_times(fitted.design, fitted.codebook))
        fitted = replace(fitted, codebook=replace(fitted.codebook, at=at))
    plan = replace(plan, report_start=report_start_of(fitted.tree))
    own = _own(fitted, question.by)
    worlds = [*_priors(own, question.by, widths), *_dated(own, fitted, datings)]
    worlds += _coded(own, fitted, question.by, codings, table or _found(fitted))
    # what cannot be asked is refused before anything is drawn
    own = replace(own, answer=ask(question.estimand, fitted, question.by), engine=engine_of(fitted.tree)["run"])
    worlds.insert(0, own)
    return answered(lambda: worlds, len(worlds), own.codebook, plan, question, journal)


def _own(fitted: Fitted, by: str | None) -> World:
    """Return the fit's own world."""
    exposure = next(iter(fitted.model.exposures.values()), None)
    prior = fitted.model.priors.get(_key_of(fitted.model, by) or "")
    columns = {
        "prior": "" if prior is None else str(prior),
        "dating": "" if exposure is None else dating_of(exposure),
        "coding": "as recorded",
        **{"varied": "", "width": 1.0, "decision": "", "choice": ""},
    }
    return World(fitted.model, fitted.cases, fitted.codebook, "as it is", columns)


def _varied(own: World, what: str, columns: Mapping[str, Any], **changed: Any) -> World:
    return replace(own, what=what, columns={**own.columns, **columns}, **changed)


# Priors


def _key_of(model: Model, by: str | None) -> str | None:
    """Return the parameter whose prior an answer hangs on: how far levels differ, an effect, or the intercept."""
    name = "intercept" if by is None else sd_of(by) if sd_of(by) in model.priors else effect_of(by)
    return name if name in model.priors else None


def widened(prior: Prior, times: float, *, scale: bool = False) -> Prior | None:
    """Return a prior some times as wide about its place, of a `scale` about 0; None of one without a width."""
    if prior.elicited.get("from") in ("median_time", "trials"):
        return None
    wider = prior.distribution.wider(prior.parameters, times, scale=scale)
    return None if wider is None else Prior(prior.dist, wider, f"{times:g} times as wide")


def _priors(own: World, by: str | None, widths: Sequence[float]) -> Iterator[World]:
    key = _key_of(own.model, by)
    for times in widths if key is not None else ():
        prior = widened(own.model.priors[key], times, scale=_is_scale(own.model, key)) if key is not None else None
        if prior is not None and key is not None:
            columns = {"prior": str(prior), "varied": "prior", "width": times}
            model = replace(own.model, priors={**own.model.priors, key: prior})
            yield _varied(own, f"{key} ~ {prior}", columns, model=model)


def _is_scale(model: Model, key: str) -> bool:
    parameter = model.parameter(key)
    return parameter is not None and parameter.support.positive


def _checked(widths: Sequence[float]) -> list[float]:
    if isinstance(widths, Sequence) and not isinstance(widths, str) and not len(widths):
        return []
    found = numbers_of(widths, "widths", "give positive numbers, say [0.5, 2]")
    if not all(width > 0 for width in found):
        raise CasepoolError("a width must be positive", value=tuple(found), remedy="give positive numbers")
    return [width for width in found if width != 1]


# Dates


def _datings(datings: Sequence[str]) -> list[str]:
    if isinstance(datings, str) or not isinstance(datings, Sequence):
        raise CasepoolError("`datings` are a list", value=datings, remedy='pass ["early", "late"], say')
    return [one_of(dating, DATING, "dating") for dating in datings]


def _dated(own: World, fitted: Fitted, datings: Sequence[str]) -> Iterator[World]:
    """Yield the other datings of an exposure whose dates lie between two."""
    exposure = next((one for one in own.model.exposures.values() if one.begins), None)
    inside = fitted.design.exposed
    if exposure is None or not (fitted.design.earliest[inside] < fitted.design.latest[inside]).any():
        return
    known = log_intensity_of(exposure.name) in own.model.priors  # to model dates needs a prior of how often they come
    for dating in datings:
        if dating != exposure.dating and (known or dating != "intensity"):
            changed = {exposure.name: replace(exposure, dating=dating)}
            columns = {"dating": dating, "varied": "dating"}
            yield _varied(own, f"dates {dating}", columns, model=replace(own.model, exposures=changed))


# Codings


def _found(fitted: Fitted) -> tuple[pd.DataFrame, Codebook] | None:
    """Look for the table a fit was made from."""
    folder = folder_of(str(fitted.tree.attrs["dataset"]))
    return None if folder is None else full_table(folder, [fitted])


def _same_cases(fitted: Fitted, frame: pd.DataFrame, codebook: Codebook) -> tuple[pd.DataFrame, Codebook]:
    """Return typed cases, refusing those a fit was not made from."""
    columns = used_columns(fitted.model, frame, codebook)
    if data_hash(frame, columns) != fitted.tree.attrs["data_sha256"]:
        raise CasepoolError(
            "these are not the rows the fit was made from", file=codebook.name, remedy="pass the table of the fit"
        )
    return frame, codebook


def _coded(
    own: World, fitted: Fitted, by: str | None, codings: Choices | None, table: tuple[pd.DataFrame, Codebook] | None
) -> Iterator[World]:
    """Yield the world of every choice under which the model reads other data."""
    frame, codebook = table or (fitted.cases, fitted.codebook)
    book = replace(
        codebook, codings={**_not_evaluable(own.model, frame, codebook), **codebook.codings}, at=fitted.codebook.at
    )
    recorded = read_inside(replace(own, cases=frame, codebook=book), by)
    for decision, choice in _choices(book, codings):
        cases, coded = recode_typed(frame, book, {decision: choice})
        told = book.codings[decision].get(choice, {}).get(LABEL, "") if decision == EVALUABLE else ""
        words = told or f"{decision} {choice}"
        columns = {"coding": words, "varied": "coding", "decision": decision, "choice": choice}
        world = _varied(own, words, columns, cases=cases, codebook=coded)
        if read_inside(world, by) != recorded:
            yield world


def _choices(codebook: Codebook, codings: Choices | None) -> Iterator[tuple[str, str]]:
    offered = codebook.codings if codings is None else codings
    if not isinstance(offered, Mapping):
        raise CasepoolError("codings are choices by decision", value=offered, remedy='pass {"decision": ["choice"]}')
    for decision, choices in offered.items():
        if isinstance(choices, str) or not isinstance(choices, Collection):
            raise CasepoolError("choices are a list", value=choices, remedy=f"write {{{decision!r}: [{choices!r}]}}")
        yield from ((decision, choice) for choice in (AS_RECORDED, *choices))


def _not_evaluable(model: Model, frame: pd.DataFrame, book: Codebook) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the decision of what those count as who have no outcome: the worst category or the best; or none."""
    outcome = model.outcome
    if model.is_survival or not {outcome.column, book.id} <= {*frame.columns}:
        return {}
    lost = frame[outcome.column].isna().to_numpy()
    patients = np.asarray(frame[book.id])[lost].tolist()
    if not patients:
        return {}
    return {
        EVALUABLE: {
            choice: {
                LABEL: f"not evaluable counted as {code}",
                "set": [{book.id: patient, outcome.column: code} for patient in patients],
            }
            for choice, code in zip(COUNTED_AS, (outcome.levels[0], outcome.levels[-1]), strict=True)
        }
    }
