"""One question put to several fits, each of its own model and cases: by one engine, finished answers kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.cases.codebook import Codebook
from casepool.cases.tables import bare
from casepool.estimation.draws import open_draws
from casepool.inference.engines import GATES, Choice, asked_of, in_turn
from casepool.inference.fit_contents import data_hash, versions
from casepool.inference.fitting import Plan, fit_by
from casepool.modelling import Model
from casepool.modelling.design.making import design_of_typed, patient_labels
from casepool.modelling.specification.model import model_dict
from casepool.progress import steps
from casepool.studies.asked import ask
from casepool.studies.journal import Journal, open_journal
from casepool.tables import COLUMNS, AnswerTable, marked_private


@dataclass(frozen=True)
class Question:
    """What is asked of every fit: which public function answers, and by what."""

    estimand: str
    by: str | None


@dataclass(frozen=True)
class World:
    """A model and cases that an answer is asked of.

    Parameters
    ----------
    model : Model
    cases : pandas.DataFrame
        Typed.
    codebook : Codebook
    what : str
        What is particular to it, in words.
    columns : mapping of str to value
        What the rows of its answer say of it.
    answer : pandas.DataFrame, optional
        Its answer, where a fit is at hand.
    engine : str
        What drew that fit.
    """

    model: Model
    cases: pd.DataFrame
    codebook: Codebook
    what: str
    columns: Mapping[str, Any]
    answer: pd.DataFrame | None = None
    engine: str = ""


def answered(
    worlds: Callable[[], Iterable[World]],
    of: int,
    codebook: Codebook,
    plan: Plan,
    question: Question,
    journal: str | Path | None,
) -> pd.DataFrame:
    """Answer a question in every one of so many worlds, one block of rows after the other.

    Worlds in which a model reads the same data share one fit. One that is at hand is not made again, unless another
    engine makes the others. Worlds are made one by one as they are asked: there may be thousands.
    """
    with open_journal(journal, progress=plan.progress) as finished:

        def told(choice: Choice) -> Iterator[pd.DataFrame]:
            for number, world in enumerate(steps(plan.progress, worlds(), "combinations", of), start=1):
                what = f"{world.model.name}, combination {number} of {of} ({world.what})"
                yield _answer(world, choice, plan, question, finished, what).assign(**world.columns)

        blocks = in_turn(asked_of(plan.engine, codebook), plan.settings, told, progress=plan.progress)
    return marked_private(pd.concat(blocks, ignore_index=True), public=codebook.public)


def _answer(world: World, choice: Choice, plan: Plan, question: Question, finished: Journal, what: str) -> pd.DataFrame:
    """Return the answer of one world: of the fit at hand, as it is finished, or of a new fit."""
    if world.answer is not None and world.engine == choice.engine:
        return world.answer
    key = _key(world, plan, choice.engine, question)
    if not _is_answer(finished.known.get(key)):
        fit = fit_by(choice, plan, world.model, world.cases, world.codebook, what=what)
        table = ask(question.estimand, open_draws(fit), question.by)
        finished.add(key, [{str(k): v for k, v in row.items()} for row in table.to_dict(orient="records")])
    return AnswerTable(finished.known[key])


def _is_answer(rows: list[dict[str, Any]] | None) -> bool:
    """Whether rows that a journal holds are those of an estimate table."""
    return rows is not None and all(set(COLUMNS) <= row.keys() for row in rows)


def data_read(world: World, by: str | None) -> str:
    """Return the hash of the data that a world's model and question read."""
    frame = world.cases
    columns = [column for column in [world.codebook.id, *world.model.columns()] if column in frame.columns]
    columns += [by] if by is not None and by in frame.columns and by not in columns else []
    return data_hash(frame, columns)


def read_inside(world: World, by: str | None) -> str:
    """Return the hash of what is read of the patients who are in a world's fit."""
    inside = {*design_of_typed(world.model, world.cases, world.codebook).patients}
    kept = [label in inside for label in patient_labels(bare(world.cases), world.codebook)]
    return data_read(replace(world, cases=bare(world.cases)[kept]), by)


def _key(world: World, plan: Plan, engine: str, question: Question) -> str:
    """Identify an answer by all it depends on: model, data the model reads, seed, settings, question, versions.

    The engine is the one asked of this fit, with the version of its gates: where a study goes from one to another, it
    asks anew for what it has.
    """
    start = ["quick"] * plan.quick + ([] if plan.report_start is None else [plan.report_start])
    made = [plan.seed, dict(plan.settings), engine, GATES, *start, *world.codebook.at]
    asked = [question.estimand, question.by]
    parts = [model_dict(world.model), data_read(world, question.by), *made, *asked, versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
