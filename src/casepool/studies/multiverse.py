"""The same question under every combination of coding decisions: fitted once each, resumable."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from casepool.arguments import name_of, one_of, seed_of
from casepool.cases.codebook import Codebook
from casepool.cases.coding_keys import AS_RECORDED
from casepool.cases.reading import resolve_typed
from casepool.cases.recoding import recode_typed
from casepool.cases.tables import missing_column
from casepool.errors import CasepoolError
from casepool.inference.fitting import Plan, of_study, planned
from casepool.modelling import Model
from casepool.modelling import model as get_model
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.design.times import default_times
from casepool.studies.asked import ANSWERS, refuse_unanswerable
from casepool.studies.worlds import Question, World, answered

if TYPE_CHECKING:
    from distributed import Client


def multiverse(
    model: str | Path | Model,
    dataset: str | Path | pd.DataFrame,
    *,
    by: str,
    seed: int,
    engine: str | None = None,
    estimand: str = "contrast",
    codings: Mapping[str, Sequence[str]] | None = None,
    journal: str | Path | None = None,
    client: Client | None = None,
    progress: bool = True,
    **settings: Any,
) -> pd.DataFrame:
    """Answer one question under every combination of the codings a dataset declares.

    Parameters
    ----------
    model : str or pathlib.Path or Model
    dataset : str or pathlib.Path or pandas.DataFrame
        Cases with a codebook that declares codings.
    by : str
        The factor or exposure asked about.
    seed : int
        Of every fit.
    engine : str, optional
        As of `fit`; one for all fits.
    estimand : {"contrast", "estimates", "survival"}
        Which public function answers, called with its defaults.
    codings : mapping of str to sequence of str, optional
        Choices to combine, by decision; default all choices of all decisions. ``as_recorded`` is always one.
    journal : path, optional
        A file that keeps every finished answer, so that a call that was cut short goes on where it stopped. It
        may serve several questions: an answer is used again only for the same model, data, seed, settings and engine,
        and only if its line is as it was written. One process writes a journal at a time (``<journal>.lock``).
    client : distributed.Client, optional
        Whose workers make the fits (``casepool[dask]``); numbers are the same without one.
    progress : bool
    **settings
        As of `fit`.

    Returns
    -------
    pandas.DataFrame
        An estimate table with one block of rows per combination, and a column for each decision. Combinations
        that leave the model the same data share one fit.

    Raises
    ------
    CasepoolError
        For an unknown decision or choice, a combination the model refuses, or a journal that another process is
        writing or that is some other file.

    See Also
    --------
    codings, variants, plot_multiverse

    References
    ----------
    Steegen S, Tuerlinckx F, Gelman A, Vanpaemel W (2016). Increasing transparency through a multiverse analysis.
    Perspectives on Psychological Science 11:702-712. doi:10.1177/1745691616658637

    Examples
    --------
    >>> import casepool as cp
    >>> few = {"case_5": ["responder"]}
    >>> asked = {"by": "histology", "seed": 1, "estimand": "estimates", "codings": few, "progress": False}
    >>> table = cp.multiverse("objective_response", "alk_crizotinib", **asked)
    >>> table.groupby("case_5")["n"].sum().to_dict()
    {'as_recorded': 30.0, 'responder': 31.0}
    """
    seed = seed_of(seed)
    one_of(estimand, ANSWERS, "estimand")
    name_of(by, "by", "name a factor or exposure of the model")
    chosen, (cases, codebook) = get_model(model), resolve_typed(dataset)
    plan = planned(seed=seed, engine=engine, progress=progress, **settings)
    return multiverse_of(
        chosen, cases, codebook, plan, by=by, estimand=estimand, codings=codings, journal=journal, client=client
    )


def multiverse_of(
    chosen: Model,
    cases: pd.DataFrame,
    codebook: Codebook,
    plan: Plan,
    *,
    by: str,
    estimand: str = "contrast",
    codings: Mapping[str, Sequence[str]] | None = None,
    journal: str | Path | None = None,
    client: Client | None = None,
) -> pd.DataFrame:
    """Answer as `multiverse` does, of typed cases."""
    if by not in {*chosen.terms, *chosen.exposures, *cases.columns}:
        raise missing_column(cases, codebook, by, "`by`")
    worlds, plan = list(_combinations(codebook, codings)), of_study(plan, chosen, cases, codebook)
    if chosen.is_survival:  # told at the same times in all combinations
        codebook = replace(codebook, at=tuple(default_times(design_of_typed(chosen, cases, codebook), codebook)))
    refuse_unanswerable(estimand, design_of_typed(chosen, cases, codebook), cases, codebook, by)
    for decision, choice in {pair for choices in worlds for pair in choices.items()}:
        recode_typed(cases, codebook, {decision: choice})  # what cannot be applied is refused before anything is drawn

    def made() -> Iterator[World]:
        for choices in worlds:
            frame, book = recode_typed(cases, codebook, choices)
            yield World(chosen, frame, book, _label(choices), {"coding": _label(choices), **choices})

    return answered(made, len(worlds), codebook, plan, Question(estimand, by), journal, client)


def _label(choices: Mapping[str, str]) -> str:
    changed = [f"{decision} {choice}" for decision, choice in choices.items() if choice != AS_RECORDED]
    return ", ".join(changed) or "as recorded"


def _combinations(codebook: Codebook, codings: Mapping[str, Sequence[str]] | None) -> Iterator[dict[str, str]]:
    """Yield every combination of choices, the one as recorded first."""
    offered = codebook.codings if codings is None else codings
    if not isinstance(offered, Mapping):
        raise CasepoolError("codings are choices by decision", value=offered, remedy='pass {"decision": ["choice"]}')
    if not offered:
        raise CasepoolError("the codebook declares no codings", remedy="add [codings.<decision>.<choice>] to it")
    for decision, choices in offered.items():
        if not isinstance(choices, Collection) or isinstance(choices, str):
            raise CasepoolError(
                "choices are a list", column=decision, value=choices, remedy=f"write {decision}=[{choices!r}]"
            )
    lists = [[AS_RECORDED, *(choice for choice in choices if choice != AS_RECORDED)] for choices in offered.values()]
    for picked in itertools.product(*lists):
        yield dict(zip(offered, picked, strict=True))
