"""The chapter of adverse events: every denominator, what silence leaves open, and how often types occur."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from casepool.cases.linked_tables import ACTIONS, LinkedTable
from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.estimation.response import estimates_of
from casepool.estimation.told import UNKNOWABLE, badge_of
from casepool.frequentist.event_rows import Person, adverse_events_of, events_of, had_by
from casepool.frequentist.proportions import clopper_pearson
from casepool.modelling.specification.cautions import lowered
from casepool.modelling.specification.outcome import PATIENT, TYPE
from casepool.numbers import capital, shown, with_interval
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
from casepool.reporting.figures import stacked
from casepool.reporting.layouts import finished
from casepool.reporting.lines import by_level, estimates_block, grouped
from casepool.reporting.questions import FAILED
from casepool.reporting.scales import PERCENT, Number, number_of, prior_of
from casepool.writing import HIDDEN

KINDS = ("with an event told of", "reported on, none listed", "nothing reported")
"""What is known of a patient; that nothing is reported never means that nothing happened."""
SILENT = " were silence none"
"""What makes of those reported on a share of those treated."""
MOST_SINGLE = 3
"""Types of one patient each that are shown one by one."""


@dataclass(frozen=True)
class Told:
    """What a table of events tells.

    Parameters
    ----------
    name : str
        Of ``[tables.<name>]``.
    table : LinkedTable
    rows : sequence of dict
        Its rows that are of the cases.
    rates : pandas.DataFrame
        What `adverse_events` answers.
    """

    name: str
    table: LinkedTable
    rows: Sequence[dict[str, str]]
    rates: pd.DataFrame

    @property
    def words(self) -> str:
        """What its events are called."""
        return self.name.replace("_", " ")

    @property
    def denominators(self) -> tuple[int, int, int]:
        """Patients treated, those reported on, and those with an event."""
        treated, telling, had = (int(n) for n in self.rates["n"].iloc[:3])
        return treated, telling, had

    @property
    def bounds(self) -> list[float]:
        """The least the share may be, the most where reports are complete, and where they are not."""
        return [float(x) for x in self.rates.loc[self.rates["kind"] == "bound", "estimate"]]

    @property
    def is_open(self) -> bool:
        """Whether silence leaves anything open: patients nothing is reported of, or types nobody looked for."""
        treated, telling, _ = self.denominators
        return telling < treated or not self.table.types

    def is_hidden(self, material: Material) -> bool:
        """Whether shares would tell counts that are not told."""
        treated, telling, had = self.denominators
        return material.hides(treated, telling, had, treated - telling)


def events_told(material: Material) -> list[Told]:
    """Return what the tables of events beside the cases tell, as far as these are at hand."""
    book, cases = material.codebook, material.cases
    found = []
    for name in book.linked:
        table = book.tables[name]
        if not {book.id, *filter(None, (table.unit, table.reported))} <= {*cases.columns}:
            continue
        rates = adverse_events_of(cases, book, name)
        if rates["n"].iloc[0] > 0:
            found.append(Told(name, table, events_of(cases, book, name), rates))
    return found


def chapters(material: Material, place: int) -> list[tuple[Section, Group]]:
    """Make a chapter of every table of events, numbered from `place` on, with its line among the questions."""
    found = []
    for at, told in enumerate(events_told(material), start=place):
        name = capital(told.words)
        section = Section(f"c{at}", f"{name}: how many, and which?", body(material, told, f"q{at}"), name, at)
        found.append((section, question_line(material, told, f"c{at}")))
    return found


def question_line(material: Material, told: Told, link: str) -> Group:
    """Lay out what was counted among those treated and between which bounds the share lies."""
    hidden = told.is_hidden(material)
    raw = None if hidden else number_of(told.rates.iloc[0])
    low, high = (shown(told.bounds[at], "probability") for at in (0, -1))
    note = f"{low} to {high}" if told.is_open and not hidden else ""
    label = f"How many had {told.words}?"
    line = Line(
        label, HIDDEN if raw is None else str(raw), raw, None, None, badge(material, told), note=note, link=link
    )
    return Group("", PERCENT, [line])


def body(material: Material, told: Told, id_: str) -> list[Block]:
    """Lay out badge, sentence to quote, figure, tables and limits; folded every type, and what was done."""
    types = type_lines(material, told)
    few, acted = gathered(material, types), _acted(material, told)
    blocks: list[Block] = [Badge(word) for word in [badge(material, told)] if word]
    kinds = [("Any", told.denominators[-1]), *_graded(material, told)]
    grades = denominators_table(material, told, f"Patients with {told.words}, of three denominators.", kinds)
    blocks += [Quote(quote(material, told), id_), grades]
    blocks.append(Text(limits(told), tone="cannot"))
    drawn: list[Block] = [reported_figure(material, told), *([_types_table(material, told, few)] if few else [])]
    blocks.append(Fold("What is reported, and by type", drawn))
    if len(few) < len(types):
        blocks.append(Fold("Every type", [_types_table(material, told, types)]))
    if acted:
        caption = f"What was done about {told.words}, the worst of each patient"
        blocks.append(Fold("What was done", [denominators_table(material, told, caption, acted)]))
    return blocks


def fit_of(material: Material, told: Told, per: str) -> Fitted | None:
    """Return the first fit of a table's events told `per` type or patient, one of all its rows before one of some."""
    found = [f for f in material.every if (f.model.outcome.table, f.model.outcome.per) == (told.name, per)]
    return min(found, key=lambda fitted: bool(fitted.model.outcome.where), default=None)


def badge(material: Material, told: Told) -> str:
    """Say how much the table tells: nothing for sure where silence leaves it open; else what the model's rows say."""
    fits = [fitted for per in (PATIENT, TYPE) if (fitted := fit_of(material, told, per)) is not None]
    if any(fitted.verdict == "fail" for fitted in fits):
        return FAILED
    if told.is_open:
        return UNKNOWABLE
    return badge_of(estimates_of(fits[0]).iloc[0], []) if fits else ""


def unit_words(material: Material, told: Told) -> str:
    """Name what tells of events or is silent as one: a publication, or as the codebook calls it."""
    unit = told.table.unit
    if not unit:
        return "patient"
    return "publication" if unit == material.codebook.publication else lowered(material.label(unit))


def quote(material: Material, told: Told) -> str:
    """Say how many had an event, of every denominator, and between which bounds the share lies."""
    treated, telling, had = told.denominators
    if told.is_hidden(material):
        return (
            f"{capital(told.words)} are told of in {material.count(had)} of {material.count(treated, 'patient')} "
            f"treated, of whom {material.count(telling)} are reported on; that nothing is reported does not mean none."
        )
    low, middle, high = (shown(bound, "probability") for bound in told.bounds)
    first, second = (
        with_interval(row["estimate"], row["lower"], row["upper"], "probability").replace("(", "(95% CI ", 1)
        for _, row in told.rates.head(2).iterrows()
    )
    said = (
        f"{capital(told.words)} are told of in {material.count(had)} of {material.count(treated, 'patient')} treated, "
        f"{first}{SILENT if telling < treated else ''}, and of {material.count(telling)} reported on, {second}"
    )
    if telling < treated:
        said += f"; of the other {material.count(treated - telling)} nothing is reported, which does not mean none"
        low = f"between {low} and {middle}"
    return f"{said}; the share of those treated is {low} if the reports are complete, and up to {high} if not."


def reported_figure(material: Material, told: Told) -> Figure:
    """Draw of how many patients an event is told, none is listed, and nothing is reported."""
    treated, telling, had = told.denominators
    rows = [("everyone treated", [float(had), float(telling - had), float(treated - telling)])]
    note = f"Reported on: the {unit_words(material, told)} tells of an event or of none."
    return stacked(material, f"What is reported of {told.words}.", rows, KINDS, ["q1", "q3", "q0"], note)


def denominators_table(material: Material, told: Told, caption: str, counts: Sequence[tuple[str, int]]) -> Table:
    """Lay out how many had an event of each kind, of every denominator side by side."""
    sizes = told.denominators
    rows = [
        [Cell(words), Cell(material.count(k)), *(Cell(_rate(material, k, n)) for n in sizes)] for words, k in counts
    ]  # fmt: skip
    is_silent = sizes[1] < sizes[0]
    heads = (f"treated,{SILENT}" if is_silent else "treated", "reported on", "with an event")
    headings = ["", "patients", *(f"of {material.count(n)} {w}" for n, w in zip(sizes, heads, strict=True))]
    notes = [
        "A patient counts once in a row. 95% CI."
        + " Not reported is not none: the first share is the least." * is_silent
    ]
    return finished(Table(caption, headings, rows, notes), not material.public)


def _rate(material: Material, k: int, n: int) -> str:
    return "–" if material.hides(k, n) else with_interval(k / n, *clopper_pearson(k, n), "probability") if n else "–"


def _graded(material: Material, told: Told) -> list[tuple[str, int]]:
    rows = [
        row | {"grade": " to ".join(dict.fromkeys((row["grade_low"], row.get("grade_high") or row["grade_low"])))}
        for row in told.rows
        if row.get("grade_low")
    ]
    found = had_by(material.codebook, told.name, rows, "grade")
    return [(f"Grade {grade}", len(found[grade])) for grade in sorted(found)]


def _acted(material: Material, told: Told) -> list[tuple[str, int]]:
    """Count the worst that was done about the events of a patient."""
    found = had_by(material.codebook, told.name, [row for row in told.rows if row.get("action")], "action")
    counts, before = list[tuple[str, int]](), set[Person]()
    for action in reversed(ACTIONS):
        counts.append((capital(action), len(found.get(action, set()) - before)))
        before |= found.get(action, set())
    return [(words, k) for words, k in reversed(counts) if k]


def type_lines(material: Material, told: Told) -> list[Line]:
    """Lay out every type: reported counts and, of a fit per type, its rate; none where types may not be shown."""
    treated = told.denominators[0]
    counts = {kind: len(who) for kind, who in had_by(
        material.codebook, told.name, told.rows, told.table.event).items()}  # fmt: skip
    if told.table.types:
        counts |= {kind: 0 for kind in told.table.types if kind not in counts}
    elif not material.public:
        return []
    fitted = fit_of(material, told, TYPE)
    answers, unseen = ({}, pd.DataFrame()) if fitted is None else _rates_of(fitted, told)
    lines = []
    for kind, k in counts.items():
        raw = _counted(material, k, treated)
        lines.append(_line(fitted, kind, material.count(k), raw, answers.get(kind)))
    lines += [_line(fitted, f"A type not {'seen' if not told.table.types else 'listed'} yet", "", None, row, "new")
              for _, row in unseen.iterrows()]  # fmt: skip
    return [*_any_lines(material, told), *lines]


def _counted(material: Material, k: int, n: int) -> Number | None:
    return None if material.hides(k, n) else Number(k / n, *clopper_pearson(k, n), "probability")


def _any_lines(material: Material, told: Told) -> list[Line]:
    """Lay out the answers of fits per patient: any event of theirs."""
    fits = [f for f in material.every if (f.model.outcome.table, f.model.outcome.per) == (told.name, PATIENT)]
    lines = []
    for fitted in fits:
        row = estimates_of(fitted).iloc[0]
        k = int(row["events"])
        raw = _counted(material, k, int(row["n"]))
        counts = material.count(k)
        lines.append(_line(fitted, capital(fitted.model.title), counts, raw, row, "all"))
    return lines


def _line(
    fitted: Fitted | None, label: str, counts: str, raw: Number | None, row: pd.Series | None, style: str = ""
) -> Line:
    if fitted is None or row is None:
        return Line(label, counts, raw, style=style)
    return Line(label, counts, raw, number_of(row), prior_of(row), str(row["told"]), fitted.verdict == "fail", style)


def _rates_of(fitted: Fitted, told: Told) -> tuple[dict[str, pd.Series], pd.DataFrame]:
    """Return the rates of types, by type, and the row of one nobody has seen."""
    by = next(name for name, term in fitted.model.terms.items() if term.source == told.table.event)
    own, new = estimates_of(fitted, by), estimates_of(fitted, by, target="new")
    own = own[own["kind"] == "value"]
    return by_level(own), new[~new["level"].isin(own["level"]) & (new["kind"] == "value")]


def gathered(material: Material, lines: Sequence[Line]) -> list[Line]:
    """Put types of one patient each into one line, as their answers are alike."""
    single = [x for x in lines if not x.style and x.counts == material.count(1)]
    if len(single) <= MOST_SINGLE:
        return list(lines)
    one = single[0]
    label = f"Each of {len(single)} types told of in one patient"
    kept = [x for x in lines if x not in single]
    at = next((i for i, x in enumerate(kept) if x.style == "new"), len(kept))
    return [*kept[:at], Line(label, one.counts, one.raw, one.answer, one.prior, one.told, one.failed), *kept[at:]]


def _types_table(material: Material, told: Told, lines: Sequence[Line]) -> Estimates:
    caption = f"{capital(told.words)} by type, of those treated."
    treated, telling, had = (material.count(n) for n in told.denominators)
    sizes = f"Of {treated} treated, {telling} reported on, {had} with an event"
    heads = ("Patients", "As counted of treated, 95% CI", "Answer, 95% CrI")
    return estimates_block(material, caption, grouped(lines, sizes), list(_type_notes(material, told)), heads)


def _type_notes(material: Material, told: Told) -> Iterator[str]:
    yield "As counted takes what is not reported for none, and so is the least it can be."
    fitted = fit_of(material, told, TYPE)
    if fitted is None:
        return
    if not told.table.types:
        yield "Only types that occurred are listed; the answer allows for that."
    if fitted.model.reporting_is_fixed:
        share = fitted.model.prior("reporting").parameters["value"]
        yield f"The answer takes it that {'every' if share == 1 else f'{share:.0%} of each'} type was told of."


def limits(told: Told) -> str:
    """Say what a table of adverse events cannot show."""
    missing = [
        f"that the treatment caused {told.words}, as nobody untreated is in the table",
        "how often they occur, as the worst are written up, and mild ones, or that there were none, seldom",
    ]
    return f"What it cannot show: {'; nor '.join(missing)}."
