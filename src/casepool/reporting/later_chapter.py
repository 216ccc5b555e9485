"""The chapter of treatments in turn: who got what, how often it helped, and what to expect of one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from casepool.cases.linked_tables import LinkedTable
from casepool.errors import CasepoolError
from casepool.estimation.contrasts import contrast_of
from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.estimation.response import estimates_of
from casepool.estimation.sequences import factors_of, sequence_of
from casepool.estimation.told import badge_of
from casepool.frequentist.proportions import clopper_pearson
from casepool.modelling.design.linked import lines_of
from casepool.modelling.specification.cautions import lowered
from casepool.modelling.specification.endpoints import event
from casepool.numbers import capital, chance_of, listed
from casepool.reporting.blocks import (
    Badge,
    Block,
    Cell,
    Estimates,
    Figure,
    Fold,
    Group,
    Line,
    Quote,
    Section,
    Table,
    Text,
)
from casepool.reporting.course import RANKS
from casepool.reporting.figures import stacked
from casepool.reporting.layouts import finished, plain
from casepool.reporting.lines import by_level, estimates_block, grouped
from casepool.reporting.questions import FAILED
from casepool.reporting.scales import PERCENT, Number, number_of, prior_of
from casepool.writing import HIDDEN

HEADS = ("Lines", "As counted, 95% CI", "Answer, 95% CrI")
MOST_ROWS = 15
"""Treatments a table shows, those of most lines."""
MOST_NAMED = 3
"""Treatments a sentence names."""


@dataclass(frozen=True)
class Given:
    """Treatments of a table of lines.

    Parameters
    ----------
    table : LinkedTable
    lines : sequence of dict
        Every line, with the patient's row in ``of``.
    fitted : Fitted or None
        A fit of some of them by treatment, the same patient's lines sharing an effect.
    """

    table: LinkedTable
    lines: Sequence[dict[str, str]]
    fitted: Fitted | None

    @property
    def what(self) -> str:
        """The item that says what was given: the fit's factor, else the first of the lists."""
        return self.fitted.model.terms[self.by].source if self.fitted else next(iter(self.table.lists))

    @property
    def answer(self) -> str:
        """The item that says how it went; "" where none does."""
        others = [name for name in self.table.lists if name != self.what]
        return self.fitted.model.outcome.column if self.fitted else next(iter(others), "")

    @property
    def by(self) -> str:
        """The factor of treatments of the fit."""
        return factors_of(self.fitted)[0] if self.fitted else ""

    @property
    def levels(self) -> list[str]:
        """The treatments of the fit, those of most lines that can be judged first."""
        if self.fitted is None:
            return []
        group = self.fitted.membership(self.by)
        n, _ = group.counts(self.fitted.design)
        return [group.levels[i] for i in np.argsort(-n, kind="stable") if n[i] > 0]


def chapters(material: Material, place: int) -> list[tuple[Section, Group]]:
    """Make a chapter of every table of lines, numbered from `place` on, with its line among the questions."""
    found: list[tuple[Section, Group]] = []
    for name, table in material.codebook.tables.items():
        if not table.lists or not {*table.lists.values()} <= {*material.cases.columns}:
            continue
        given = Given(table, lines_of(table, material.cases, material.codebook), _fit_of(material, name))
        if shown_treatments(material, given):
            at, short = place + len(found), _called(material, given)
            title = given.fitted.model.title if given.fitted else f"{short}: who got what?"
            pairs = contrast_of(given.fitted, given.by) if given.fitted and len(given.levels) > 1 else None
            section = Section(f"c{at}", title, body(material, given, pairs, f"q{at}"), short, at)
            found.append((section, question_line(material, given, pairs, f"c{at}")))
    return found


def question_line(material: Material, given: Given, pairs: pd.DataFrame | None, link: str) -> Group:
    """Lay out the answer to the treatment of most lines; without a fit how many lines there were."""
    label, fitted = _called(material, given), given.fitted
    if fitted is None:
        return Group("", PERCENT, [Line(label, material.count(len(given.lines), "line"), link=link)])
    first = given.levels[0]
    line = _line(material, fitted, label, _treatments(fitted, given)[first], counts=True)
    return Group("", PERCENT, [replace(line, counts=str(line.raw or HIDDEN), told=badge(fitted, given, pairs),
                                       note=f"{first}:", link=link)])  # fmt: skip


def _fit_of(material: Material, name: str) -> Fitted | None:
    """Return the first fit of a table by treatment and person."""
    for fitted in material.every:
        if fitted.model.outcome.table == name:
            try:
                factors_of(fitted)
            except CasepoolError:
                continue
            return fitted
    return None


def _called(material: Material, given: Given) -> str:
    return capital(material.label(given.table.lists[given.what]))


def body(material: Material, given: Given, pairs: pd.DataFrame | None, id_: str) -> list[Block]:
    """Lay out badge, sentence to quote, figure, tables, limits and folds."""
    fitted, limits_ = given.fitted, Text(limits(material, given), "cannot")
    if fitted is None:
        return [Quote(quote(material, given), id_), who_got_what(material, given), limits_]
    blocks: list[Block] = [Badge(badge(fitted, given, pairs)), Quote(quote(material, given, pairs), id_)]
    told: list[Block] = [answers_figure(material, fitted, given), answers_table(material, fitted, given, pairs)]
    blocks += [
        Text(persons(material, fitted)),
        limits_,
        Fold("Answers by treatment, and one after another", told),
        Fold("Who got what", [who_got_what(material, given)]),
    ]
    if pairs is not None:
        caption = f"{_called(material, given)}: every comparison"
        blocks.append(Fold("Every comparison", [plain(caption, pairs, mark_rare=not material.public)]))
    return blocks


def badge(fitted: Fitted, given: Given, pairs: pd.DataFrame | None) -> str:
    """Say how much the data tell of the two treatments of most lines, or of the only one."""
    if fitted.verdict == "fail":
        return FAILED
    return badge_of(
        next(iter(_treatments(fitted, given).values())) if pairs is None else _of_pair(given, pairs, "difference"), []
    )


def quote(material: Material, given: Given, pairs: pd.DataFrame | None = None) -> str:
    """Say how many lines there were, how many helped, and what is to be expected of one after another."""
    lines, patients = len(given.lines), len({line["of"] for line in given.lines})
    said = f"{material.count(patients, 'patient')} had {material.count(lines, 'line')} of {_lower(material, given)}"
    fitted = given.fitted
    if fitted is None:
        return f"{said}."
    n, events = (values.sum() for values in fitted.membership(given.by).counts(fitted.design))
    said += (
        f"; of the {material.count(float(n))} lines of {_kinds(given)} that could be judged, "
        f"{material.count(float(events))} had {_reached(fitted)}"
    )
    if pairs is None:
        return f"{said}."
    first, then = given.levels[:2]
    alone = number_of(_treatments(fitted, given)[first])
    after = number_of(_turn(fitted, first, then)[f"{then} after {first}"])
    chance = _of_pair(given, pairs, "probability")
    ahead, behind = str(chance["level"]).split(" vs ")
    return (
        f"{said}; with {first} the probability is {alone.said if alone else 'not known'}, with {then} in a new patient "
        f"in whom {first} failed {after.said if after else 'not known'}; the chance that {ahead} helps more often than "
        f"{behind} is {chance_of(float(chance['estimate']))}, which is not to say that one order is better."
    )


def _kinds(given: Given) -> str:
    """Name the treatments that are told of, or say how many they are."""
    return listed(sorted(given.levels)) if len(given.levels) <= MOST_NAMED else f"{len(given.levels)} kinds"


def _treatments(fitted: Fitted, given: Given) -> dict[str, pd.Series]:
    """Return the response to every treatment with lines, by treatment."""
    table = estimates_of(fitted, given.by)
    return by_level(table[(table["kind"] == "value") & (table["n"] > 0)])


def _turn(fitted: Fitted, first: str, then: str) -> dict[str, pd.Series]:
    """Return what is to be expected of one treatment after another, by what it is of."""
    return by_level(sequence_of(fitted, first, then))


def _of_pair(given: Given, pairs: pd.DataFrame, kind: str) -> pd.Series:
    """Return a comparison of the two treatments of most lines, whichever of them it names first."""
    first, second = given.levels[:2]
    names = [f"{first} vs {second}", f"{second} vs {first}"]
    return pairs[pairs["level"].isin(names) & (pairs["kind"] == kind)].iloc[0]


def _lower(material: Material, given: Given) -> str:
    return lowered(material.label(given.table.lists[given.what]))


def _reached(fitted: Fitted) -> str:
    return " or ".join(event(fitted.model).codes) or "the event"


def shown_treatments(material: Material, given: Given) -> list[str]:
    """Return the treatments that may be named, those of the fit first, then by number of lines."""
    if not material.public:
        return given.levels
    counts = pd.Series([line[given.what] for line in given.lines if line[given.what]]).value_counts(sort=True)
    return [
        *given.levels,
        *sorted((str(x) for x in counts.index if x not in given.levels), key=lambda x: (-counts[x], x)),
    ]


def who_got_what(material: Material, given: Given) -> Table:
    """Lay out lines, patients and how many can be judged, of every treatment."""
    names = shown_treatments(material, given)[:MOST_ROWS]
    rest = [line for line in given.lines if line[given.what] not in names]
    parts = [(name, [line for line in given.lines if line[given.what] == name]) for name in names]
    parts += [("Others, or not named", rest)] if rest else []
    rows = [_row(material, given, name, own) for name, own in [("All", given.lines), *parts]]
    known = [material.label(given.table.lists[given.answer])] if given.answer else []
    headings = ["", "lines", "patients", *(f"{lowered(label)} known" for label in known)]
    return finished(Table(f"{_called(material, given)}.", headings, rows), not material.public)


def _row(material: Material, given: Given, name: str, lines: Sequence[dict[str, str]]) -> list[Cell]:
    counts = [len(lines), len({line["of"] for line in lines})]
    counts += [sum(bool(line[given.answer]) for line in lines)] if given.answer else []
    return [Cell(name), *(Cell(material.count(count)) for count in counts)]


def answers_figure(material: Material, fitted: Fitted, given: Given) -> Figure:
    """Draw how each treatment's lines went, those that cannot be judged too."""
    codes = list(reversed(fitted.model.outcome.levels))
    last = max(len(codes) - 1, 1)
    colours = [RANKS[round(i * (len(RANKS) - 1) / last)] for i in range(len(codes))]

    def counts(lines: Sequence[dict[str, str]]) -> list[float]:
        known = [float(sum(line[given.answer] == code for line in lines)) for code in codes]
        return [*known, len(lines) - sum(known)]

    rows = [(name, counts([x for x in given.lines if x[given.what] == name])) for name in given.levels]
    n = material.count(sum(sum(row) for _, row in rows), "line")
    caption = f"{capital(material.label(given.table.lists[given.answer]))}, of {n}."
    return stacked(material, caption, rows, [*codes, "not evaluable"], [*colours, "q0"])


def answers_table(material: Material, fitted: Fitted, given: Given, pairs: pd.DataFrame | None) -> Estimates:
    """Lay out the response to each treatment, the pair of most lines compared, and in either order."""
    table = _treatments(fitted, given)
    groups = grouped([_line(material, fitted, name, table[name], counts=True) for name in given.levels])
    if pairs is not None:
        groups += _sequences(material, fitted, given)
        groups += _compared(material, fitted, given, pairs)
    return estimates_block(material, f"{capital(_reached(fitted))}, by treatment.", groups, heads=HEADS)


def _line(material: Material, fitted: Fitted, label: str, row: pd.Series, *, counts: bool = False) -> Line:
    raw = None
    if counts and not material.hides(row["events"], row["n"]):
        raw = Number(row["events"] / row["n"], *clopper_pearson(int(row["events"]), int(row["n"])), "probability")
    text = f"{material.count(row['events'])} of {material.count(row['n'])}" if counts else ""
    failed = fitted.verdict == "fail"
    return Line(label, text, raw, number_of(row), prior_of(row), str(row["told"]), failed)


def _sequences(material: Material, fitted: Fitted, given: Given) -> list[Group]:
    """Lay out the two treatments of most lines in either order, of one new patient."""
    first, then = given.levels[:2]
    one, other = _turn(fitted, first, then), _turn(fitted, then, first)
    said = [
        (f"{then}, where {first} failed", one[f"{then} after {first}"]),
        (f"{first}, where {then} failed", other[f"{first} after {then}"]),
        ("One of the two, in either order", one[f"{first} or {then}"]),
    ]
    return grouped([_line(material, fitted, label, row) for label, row in said], "The same new patient")


def _compared(material: Material, fitted: Fitted, given: Given, pairs: pd.DataFrame) -> list[Group]:
    row = _of_pair(given, pairs, "difference")
    return grouped([_line(material, fitted, "Difference", row)], str(row["level"]).replace(" vs ", " against "))


def persons(material: Material, fitted: Fitted) -> str:
    """Say who alone tells how alike the lines of one patient are."""
    group = fitted.membership(factors_of(fitted)[1])
    n, _ = group.counts(fitted.design)
    several = [group.levels[i] for i in np.flatnonzero(n > 1)]
    everyone = material.count(int((n > 0).sum()), "patient")
    if not several:
        return (
            f"None of {everyone} has more than one line that can be judged: how alike the lines of one patient are is "
            "the prior's to say."
        )
    who = f" ({listed(several)})" if material.public else ""
    return (
        f"Of {everyone} with a line that can be judged, {material.count(len(several))}{who} "
        f"{'has' if len(several) == 1 else 'have'} more than one, and alone tell what a failure says of the next line."
    )


def limits(material: Material, given: Given) -> str:
    """Say what lines of treatment cannot show."""
    treated = len(material.cases)
    got = material.count(len({line["of"] for line in given.lines}))
    return (
        f"What it cannot show: which order is better. {got} of {material.count(treated)} came to a further line: they "
        "lived to get it, who was given what was chosen, and why the line before was left, for failure, harm or "
        "another reason, no model here knows."
    )
