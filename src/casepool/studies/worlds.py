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
from casepool.modelling.design.wording import worded
from casepool.modelling.specification.model import model_dict
from casepool.progress import say, steps
from casepool.remarks import note_of, plain_remarks, read_remarks
from casepool.studies.asked import ask_facts
from casepool.studies.journal import Journal, open_journal
from casepool.tables import COLUMNS, AnswerTable, marked_private
from casepool.workers import Piece, client_of, in_order


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
    client: Any = None,
) -> pd.DataFrame:
    """Answer a question in every one of so many worlds, one block of rows after the other.

    Worlds in which a model reads the same data share one fit. One that is at hand is not made again, unless another
    engine makes the others. Worlds are made one by one as they are asked: there may be thousands. Workers of a cluster
    are handed those after the first, which says whether its engine declines, before their rows are asked one by one.
    """
    workers = client_of(client)
    with open_journal(journal, progress=plan.progress) as finished:
        _say_old(finished, plan.progress)

        def told(choice: Choice) -> Iterator[pd.DataFrame]:
            for number, world in enumerate(steps(plan.progress, worlds(), "combinations", of), start=1):
                what = f"{world.model.name}, combination {number} of {of} ({world.what})"
                yield _answer(world, choice, plan, question, finished, what).assign(**world.columns)
                if number == 1 and workers:
                    _answer_by(workers, worlds(), choice, plan, question, finished)

        blocks = in_turn(asked_of(plan.engine, codebook), plan.settings, told, progress=plan.progress)
    return marked_private(pd.concat(blocks, ignore_index=True), public=codebook.public)


def _answer(world: World, choice: Choice, plan: Plan, question: Question, finished: Journal, what: str) -> pd.DataFrame:
    """Return the answer of one world: of the fit at hand, as it is finished, or of a new fit."""
    if world.answer is not None and world.engine == choice.engine:
        return world.answer
    key = _key(world, plan, choice.engine, question)
    public = world.codebook.public
    if _read(finished.known.get(key)) is None:
        finished.add(key, rows_of(world, choice, plan, question, what), public=public)
    rows = [row | {"note": note_of(row["note"], public=public)} for row in _read(finished.known[key]) or ()]
    return AnswerTable(rows)


def rows_of(world: World, choice: Choice, plan: Plan, question: Question, what: str) -> list[dict[str, Any]]:
    """Return the rows of a new fit's answer, as a journal keeps them: ``note`` as kinds and slots of remarks."""
    fit = fit_by(choice, plan, world.model, world.cases, world.codebook, what=what)
    table = ask_facts(question.estimand, open_draws(fit), question.by)
    rows = [{str(name): value for name, value in row.items()} for row in table.to_dict(orient="records")]
    return [row | {"note": plain_remarks(row["note"], public=world.codebook.public)} for row in rows]


def _answer_by(
    workers: Any, worlds: Iterable[World], choice: Choice, plan: Plan, question: Question, finished: Journal
) -> None:
    """Let workers answer every world that is not finished; its answer is kept as soon as it is there."""
    quiet = replace(plan, progress=False)
    pieces: dict[str, Piece] = {}
    public = True
    for world in worlds:
        at_hand = world.answer is not None and world.engine == choice.engine
        key = "" if at_hand else _key(world, plan, choice.engine, question)
        if key and key not in pieces and _read(finished.known.get(key)) is None:
            what = f"{world.model.name} ({world.what})"
            public = public and world.codebook.public
            bare_world = replace(world, columns={}, answer=None)
            pieces[key] = Piece(what, rows_of, (bare_world, choice, quiet, question, what))
    keys = list(pieces)

    def keep(place: int, rows: list[dict[str, Any]]) -> None:
        finished.add(keys[place], rows, public=public)

    for _ in steps(plan.progress, in_order([*pieces.values()], workers, keep), "fits by workers", len(pieces)):
        pass


def _read(rows: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Return the rows of an estimate table that a journal holds, with remarks in ``note``; None where it holds none."""
    if rows is None or not all(set(COLUMNS) <= row.keys() for row in rows):
        return None
    try:
        return [row | {"note": read_remarks(row["note"])} for row in rows]
    except ValueError:
        return None


def _say_old(finished: Journal, progress: bool) -> None:
    """Say that answers of which a journal holds sentences, as it did once, are not used."""
    old = sum(any(isinstance(row.get("note"), str) for row in rows) for rows in finished.known.values())
    say(progress and old > 0, f"{finished.path}: {old} answers of an earlier form are not used, and asked anew")


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
    """Identify an answer by all it depends on: model and its words, data it reads, seed, settings, question, versions.

    The engine is the one asked of this fit, with the version of its gates: where a study goes from one to another, it
    asks anew for what it has.
    """
    start = ["quick"] * plan.quick + ([] if plan.report_start is None else [plan.report_start])
    made = [plan.seed, dict(plan.settings), engine, GATES, *start, *world.codebook.at]
    asked = [question.estimand, question.by]
    own = model_dict(worded(world.model, world.codebook))
    parts = [own, data_read(world, question.by), *made, *asked, versions()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
