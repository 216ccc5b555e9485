"""Two states of a dataset compared: every reported number before and after, and what its change is owed to."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.cases.codebook import Codebook
from casepool.claims.files import FILE as PUBLISHED
from casepool.claims.verdicts import audit_of
from casepool.escaping import one_line
from casepool.estimation.draws import Fitted, open_draws
from casepool.inference.fitting import Plan, of_study, together
from casepool.living.answers import ABOUT, Key, Number, numbers_of
from casepool.living.decomposition import CORNERS, INGREDIENTS, Corner, Weights, error, in_order, shapley, summed, total
from casepool.living.foreseeing import foreseen
from casepool.living.states import State, row_labels
from casepool.modelling.design.making import design_of_typed, patient_labels
from casepool.modelling.design.times import default_times
from casepool.modelling.specification.model import model_dict
from casepool.numbers import capital
from casepool.presenting.layout import Block, layout_of
from casepool.presenting.terminal import text_of, width
from casepool.remarks import note_of, remark
from casepool.studies.worlds import World, read_inside
from casepool.tables import AnswerTable, marked_private

ESTIMATE, FORESEEN, CLAIM = "estimate", "foreseen", "claim"
"""Kinds of rows: a number that is followed, how probable a new case's outcome was, a printed claim."""
COLUMNS = (
    "kind", "model", *ABOUT, "statistic", "was", "estimate", "total", *INGREDIENTS,
    "mcse", "total_mcse", *(f"{name}_mcse" for name in INGREDIENTS), *(f"{name}_in_order" for name in INGREDIENTS),
    "verdict_was", "verdict", "note",
)  # fmt: skip
NUMBERS = tuple(name for name in COLUMNS if name in ("was", "estimate", "total", *INGREDIENTS)
                or name.endswith(("mcse", "in_order")))  # fmt: skip
SHOWN = {
    ESTIMATE: ("model", "estimand", "by", "level", "at", "was", "estimate", "total", *INGREDIENTS, "verdict", "note"),
    FORESEEN: ("model", "level", "estimand", "estimate", "note"),
    CLAIM: ("estimand", "verdict_was", "verdict"),
}
"""Columns that are printed of each kind."""
LEAD = ("line",)
"""Printed before them in a table of several changes."""
UNFORESEEN = "not in this model"
SURE = 2.0
"""Monte Carlo errors below which a part is not told from none."""
NEW = Number(math.nan, math.nan, "", "")
Row = dict[str, Any]


def changes(before: State, after: State, new: Sequence[str], plan: Plan, folder: Path) -> list[Row]:
    """Return what a change of a dataset moved: rows of `COLUMNS`, those of one model after those of another.

    Parameters
    ----------
    before, after : State
    new : sequence of str
        Identifiers of the rows that `after` has and `before` has not.
    plan : Plan
    folder : pathlib.Path
        Whose ``published.toml`` is audited, where it has one.
    """
    claims = list(_claims(before, after, folder))  # first, as nothing is fitted for what is refused
    return [row for name in after.models for row in _of_model(name, before, after, new, plan)] + claims


class Changes(AnswerTable):
    """Rows of a change, which print as up to three tables: what moved, new cases, claims. All columns stay in it."""

    def _printed(self, most: int | None = None) -> str:
        if not {"kind", *(name for names in SHOWN.values() for name in names)} <= set(self.columns):
            return super()._printed(most)
        lead = [name for name in LEAD if name in self.columns]
        of = {kind: self.loc[self["kind"] == kind, [*lead, *shown]] for kind, shown in SHOWN.items()}
        moved = [own for _, own in of[ESTIMATE].groupby("model", sort=False)]  # each model has other levels and times
        return "\n\n".join(_text(own, most) for own in (*moved, of[FORESEEN], of[CLAIM]) if len(own)) or "nothing moved"


def _text(table: pd.DataFrame, most: int | None) -> str:
    """Return rows of one kind as text, under what they are of."""
    if "level" not in table:  # claims, whose names are short
        return text_of(layout_of(table.rename(columns={"estimand": "claim"})), width(), most)
    laid_out = layout_of(table.drop(columns="estimand"))
    rows = [row for block in laid_out.groups for row in block.rows]
    heads = [capital(one_line(name)) for name in table["estimand"]]
    pairs = groupby(zip(heads, rows, strict=True), key=lambda both: both[0])
    groups = tuple(Block(head, [row for _, row in same]) for head, same in pairs)
    return text_of(replace(laid_out, groups=groups), width(), most)


def table_of(rows: Sequence[Row], *, public: bool) -> pd.DataFrame:
    """Lay rows of a change out as a table."""
    table = Changes(rows, columns=list(COLUMNS))
    table = table.astype(dict.fromkeys(NUMBERS, "float64"))
    texts = [name for name in COLUMNS if name not in NUMBERS]
    table[texts] = table[texts].astype(object).where(table[texts].notna(), "")
    return marked_private(table, public=public)


def _of_model(name: str, before: State, after: State, new: Sequence[str], plan: Plan) -> list[Row]:
    """Return the rows of one model: of up to eight fits, one for what each corner makes the model read."""
    worlds = corner_worlds(name, before, after)
    plan = of_study(plan, worlds[CORNERS[-1]].model, worlds[CORNERS[-1]].cases, worlds[CORNERS[-1]].codebook)
    fit_of, asked = _distinct(worlds)
    fits = together(plan, [(world.model, world.cases, world.codebook) for world in asked])
    numbers = [numbers_of(open_draws(fit)) for fit in fits]
    rows = [{"kind": ESTIMATE, "model": name, **row} for row in _moved(fit_of, numbers)]
    with_new = fit_of[True, False, False]  # the new cases under the coding and the priors of before
    labels = _labels(asked[with_new].cases, asked[with_new].codebook, new)
    told = list(_new_cases(open_draws(fits[with_new]), asked[with_new], labels, plan)) if labels else []
    return rows + [{"kind": FORESEEN, "model": name, **row} for row in told]


def numbers_now(name: str, state: State, plan: Plan) -> dict[Key, Number]:
    """Return the numbers of one model of a dataset as it is."""
    worlds = corner_worlds(name, state, state)
    world = worlds[CORNERS[-1]]
    plan = of_study(plan, world.model, world.cases, world.codebook)
    return numbers_of(open_draws(together(plan, [(world.model, world.cases, world.codebook)])[0]))


def corner_worlds(name: str, before: State, after: State) -> dict[Corner, World]:
    """Return what a model reads at every corner: the table, the coding and the priors each old or new.

    A model that was not reported before is taken as it is. Survival is told at the same times everywhere.
    """
    models = before.models.get(name, after.models[name]), after.models[name]
    found: dict[Corner, World] = {}
    for corner in CORNERS:
        data, coding, prior = corner
        state = replace(after if data else before, coding=(after if coding else before).coding)
        cases, book = state.coded()
        found[corner] = World(models[prior], cases, book, "", {})
    last = found[CORNERS[-1]]
    if not last.model.is_survival:
        return found
    times = tuple(default_times(design_of_typed(last.model, last.cases, last.codebook), last.codebook))
    return {corner: replace(own, codebook=replace(own.codebook, at=times)) for corner, own in found.items()}


def _distinct(worlds: Mapping[Corner, World]) -> tuple[dict[Corner, int], list[World]]:
    """Return the number of every corner's fit, and what is to be fitted: once for all that read the same."""
    asked: dict[str, World] = {}
    keys = {
        corner: json.dumps([model_dict(world.model), read_inside(world, None)], sort_keys=True)
        for corner, world in worlds.items()
    }
    for corner in reversed(CORNERS):  # of equals the newest stands for all
        asked.setdefault(keys[corner], worlds[corner])
    place = {key: i for i, key in enumerate(asked)}
    return {corner: place[key] for corner, key in keys.items()}, list(asked.values())


def _moved(fit_of: Mapping[Corner, int], numbers: Sequence[Mapping[Key, Number]]) -> Iterator[Row]:
    """Yield a row for every number of the newest fit: before, after, and the parts of its change."""
    whole, parts, plain = total(fit_of), shapley(fit_of), in_order(fit_of)
    old, new = numbers[fit_of[CORNERS[0]]], numbers[fit_of[CORNERS[-1]]]
    for key, now in new.items():
        was = old.get(key, NEW)
        own = [each.get(key, NEW) for each in numbers]
        row = dict(zip(ABOUT, key, strict=True)) | {"statistic": now.statistic, "was": was.value}
        row |= {"estimate": now.value, "mcse": now.mcse, "verdict_was": was.verdict, "verdict": now.verdict}
        row |= {"note": "" if key in old else note_of(remark("new number"))}
        yield row | _part("total", whole, own) | _parts(parts, plain, own, row["note"])


def _part(name: str, weights: Weights, own: Sequence[Number]) -> Row:
    part = summed(weights, lambda fit: own[fit].value)
    return {name: part, f"{name}_mcse": error(weights, lambda fit: own[fit].mcse)}


def _parts(parts: Mapping[str, Weights], plain: Mapping[str, Weights], own: Sequence[Number], note: str) -> Row:
    """Return the part of every ingredient, in the mean over orders and in the plain one; small ones are said."""
    row: Row = {}
    small = []
    for name, weights in parts.items():
        row |= _part(name, weights, own)
        row[f"{name}_in_order"] = summed(plain[name], lambda fit: own[fit].value)
        small += [name] if weights and abs(row[name]) < SURE * row[f"{name}_mcse"] else []
    said = note_of(remark("within draws", parts=" and ".join(small))) if small else ""
    return row | {"note": note or said}


def _labels(cases: pd.DataFrame, codebook: Codebook, new: Sequence[str]) -> list[str]:
    """Return what a fit calls the new rows."""
    pairs = zip(patient_labels(cases, codebook), row_labels(cases, codebook), strict=True)
    return [label for label, own in pairs if own in set(new)]


def _new_cases(fitted: Fitted, world: World, labels: Sequence[str], plan: Plan) -> Iterator[Row]:
    """Yield how probable the outcome of every new case was, and why where a model does not say."""
    told = list(foreseen(fitted, labels, progress=plan.progress))
    yield from told
    left_out = design_of_typed(world.model, world.cases, world.codebook).left_out
    for label in labels:
        if label not in {row["level"] for row in told}:
            note = note_of(remark("new case", reason=left_out.get(label, "nobody else is in the fit")))
            yield {"estimand": UNFORESEEN, "level": label, "note": note}


def _claims(before: State, after: State, folder: Path) -> Iterator[Row]:
    """Yield the printed claims whose verdict changed."""
    if not (folder / PUBLISHED).is_file():
        return
    old, new = (audit_of(folder, state.coded()[0]).set_index("claim")["verdict"] for state in (before, after))
    for claim in new.index:
        if old[claim] != new[claim]:
            yield {"kind": CLAIM, "estimand": claim, "verdict_was": old[claim], "verdict": new[claim]}
