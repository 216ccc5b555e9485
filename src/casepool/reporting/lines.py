"""Rows of estimate tables become lines of tables that are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pandas as pd

from casepool.estimation.material import Material
from casepool.modelling.specification.cautions import lowered
from casepool.numbers import capital, counted, listed
from casepool.reporting.answers import ALIKE, Answers
from casepool.reporting.blocks import HEADS, Estimates, Group, Line
from casepool.reporting.patients import event_words
from casepool.reporting.questions import Chapter, raw_of
from casepool.reporting.scales import NOWHERE, Number, number_of, prior_of, scale_of
from casepool.writing import HIDDEN, HIDDEN_NOTE

MOST_LINES = 25
"""Levels a table shows one by one."""
WITH = {"yes": "with", "no": "without"}
FEWEST = 3
"""Patients from which a level of many keeps a line of its own."""


def by_level(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the rows of a table by level."""
    return {str(row["level"]): row for _, row in table.iterrows()}


def counts_of(material: Material, row: pd.Series) -> str:
    """Write how many of how many patients."""
    return f"{material.count(row['events'])} of {material.count(row['n'])}" if row["n"] > 0 else ""


def counted_number(material: Material, raw: pd.Series | None) -> Number | None:
    """Return a rate without a model; None where it would tell a count that is not told."""
    return None if raw is None or material.hides(raw["events"], raw["n"]) else number_of(raw)


def line_of(material: Material, own: Answers, row: pd.Series, name: str, *, label: str = "", style: str = "") -> Line:
    """Lay out one row, with the prior's own answer and, of a level, the raw rate."""
    raw = raw_of(own, str(row["by"]), str(row["level"])) if name == "estimates" and row["by"] in own.factors else None
    return Line(
        label or str(row["level"]),
        counts_of(material, row) if name == "estimates" else "",
        counted_number(material, raw),
        number_of(row),
        prior_of(row),
        str(row["told"]),
        row["verdict"] == "fail",
        style,
    )


def everyone_lines(material: Material, chapter: Chapter) -> list[Line]:
    """Lay out everyone's probability, once for each thing that may be reached; of two fits that with more patients."""
    found: dict[str, tuple[float, Line]] = {}
    for own, by in chapter.parts:
        if own.fitted.is_survival or by:
            continue
        for label, line, n in _reached(material, own):
            if label not in found or n > found[label][0]:
                found[label] = (n, line)
    return [line for _, line in found.values()]


def _reached(material: Material, own: Answers) -> list[tuple[str, Line, float]]:
    row = own.factors[""].shrunk.iloc[0]
    words = capital(event_words(material, own.fitted.model))
    return [(words, line_of(material, own, row, "estimates", label=words, style="all"), float(row["n"]))]


def new_line(material: Material, own: Answers) -> list[Line]:
    """Lay out what is said of a new patient, where that differs from the mean of those seen."""
    table = own.factors[""].new
    if table.empty or not any(term.kind == "group" for term in own.fitted.model.terms.values()):
        return []
    words = f"A new patient: {event_words(material, own.fitted.model)}"
    return [line_of(material, own, table.iloc[0], "new", label=words, style="new")]


def level_lines(material: Material, own: Answers, by: str) -> list[Line]:
    """Lay out the levels of a factor that have patients, and a new level."""
    part = own.factors[by]
    rows = part.shrunk[(part.shrunk["kind"] == "value") & (part.shrunk["n"] > 0)]
    lines = seen_lines(material, own, by, rows)
    unseen = part.new[~part.new["level"].isin(part.shrunk["level"])]
    label = f"A new {lowered(material.label(own.fitted.model.terms[by].source))}"
    return lines + [line_of(material, own, row, "new", label=label, style="new") for _, row in unseen.iterrows()]


def seen_lines(material: Material, own: Answers, by: str, rows: pd.DataFrame) -> list[Line]:
    """Lay out levels that have patients: each, equal ones of one patient in one line, of very many those of few so."""
    lines = [
        line_of(material, own, row, "estimates", label=level_words(material, own, by, str(row["level"])))
        for _, row in rows.iterrows()
    ]
    if len(lines) <= MOST_LINES:
        return _alike(lines, list(rows["n"]))
    few = rows["n"].to_numpy() < FEWEST
    kept = [line for line, is_few in zip(lines, few, strict=True) if not is_few]
    return [*kept, *_by_outcome(material, own, rows[few], [x for x, is_few in zip(lines, few, strict=True) if is_few])]


def _alike(lines: Sequence[Line], n: Sequence[float]) -> list[Line]:
    """Put levels of one patient each that have the same answer into one line."""
    found: dict[tuple[str, ...], list[Line]] = {}
    for place, (line, size) in enumerate(zip(lines, n, strict=True)):
        numbers = (line.counts, str(line.raw), str(line.answer), str(line.failed))
        found.setdefault(numbers if size == 1 else (str(place),), []).append(line)
    return [_together(own) for own in found.values()]


def _together(lines: Sequence[Line]) -> Line:
    if len(lines) == 1:
        return lines[0]
    return replace(
        lines[0], label=", ".join(x.label for x in lines), counts=f"{lines[0].counts} each", stands_for=lines
    )


def _by_outcome(material: Material, own: Answers, rows: pd.DataFrame, lines: Sequence[Line]) -> list[Line]:
    """Put levels of few patients into a line for those in which all had the event, some, and none."""
    words = event_words(material, own.fitted.model)
    shares = (rows["events"] / rows["n"]).to_numpy()
    kinds = {"all": shares == 1, "some": (shares > 0) & (shares < 1), "none": shares == 0}
    found = []
    for which, inside in kinds.items():
        some = [line for line, is_in in zip(lines, inside, strict=True) if is_in]
        if some:
            label = f"{counted(len(some), 'level')} with {which} of their patients with {words}"
            counts = " of ".join(material.count(rows.loc[inside, name].sum()) for name in ("events", "n"))
            failed = any(line.failed for line in some)
            found.append(Line(label, counts, failed=failed, note=_reach(some), stands_for=some))
    return found


def _reach(lines: Sequence[Line]) -> str:
    """Say from where to where the answers of lines reach."""
    known = sorted((line.answer for line in lines if line.answer), key=lambda answer: answer.estimate)
    ends = list(dict.fromkeys(answer.text for answer in known))
    return f"each {ends[0].removesuffix('%')} to {ends[-1]}" if len(ends) > 1 else f"each {''.join(ends)}"


def gathered(lines: Sequence[Line]) -> int:
    """Count the levels that share a line with others whose answers are not the same."""
    return sum(len(line.stands_for) for line in lines if line.stands_for and line.answer is None)


def level_words(material: Material, own: Answers, by: str, level: str) -> str:
    """Return what a reader calls a level: of a column that says yes or no, with or without it."""
    term = own.fitted.model.terms.get(by)
    column = material.codebook.columns.get(term.source) if term is not None else None
    if term is None or column is None or column.type != "boolean":
        return level
    return f"{WITH.get(level, level)} {lowered(material.label(term.source))}"


def pair_words(material: Material, own: Answers, by: str, pair: str) -> str:
    """Say which two levels are compared."""
    return " against ".join(level_words(material, own, by, level) for level in levels_of(own, by, pair))


def levels_of(own: Answers, by: str, pair: str) -> tuple[str, ...]:
    """Return the levels that a comparison is of, found among those there are; whatever else it is, as it is."""
    model, term = own.fitted.model, own.fitted.design.terms.get(by)
    arms = model.exposures[by].compared_arms(own.fitted.unit) if by in model.exposures else ()
    levels = arms or (term.coded.levels if term is not None else ())
    return next((both for both in itertools.permutations(levels, 2) if " vs ".join(both) == pair), (pair,))


def pair_groups(material: Material, own: Answers, by: str) -> list[Group]:
    """Lay out comparisons of two levels: difference, odds or hazard ratio, the probability that the first is ahead."""
    table = own.factors[by].pairs if by in own.factors else own.asked("contrast", by)
    groups: list[Group] = []
    for pair, same in [] if table is None else table.groupby("level", sort=False):
        kept = [same[same["kind"] == "difference"].head(1), same[_main_ratio(same)].head(1)]
        ahead = not kept[0].empty
        chances = same[same["kind"] == "probability"]
        ratio = str(kept[1]["estimand"].iloc[0]) if len(kept[1]) else ""
        lines = [
            line_of(material, own, row, "contrast", label=_measure(own, row, ratio, ahead=ahead))
            for part in [*kept, chances.head(1)]
            for _, row in part.iterrows()
        ]
        if by in own.factors and not own.fitted.model.is_survival:  # the region that `paired` asks about is told next
            near = f"Chance within {100 * ALIKE:g} points"
            lines += [line_of(material, own, row, "contrast", label=near) for _, row in chances[1:2].iterrows()]
        groups += grouped(lines, capital(pair_words(material, own, by, str(pair))))
    return groups


def _main_ratio(same: pd.DataFrame) -> pd.Series:
    """Choose the ratio that the model itself has, which is told last: of odds, hazards or times, not of risks."""
    ratios = same.index[same["kind"] == "ratio"]
    return pd.Series(same.index.isin(ratios[-1:]), index=same.index)


def _measure(own: Answers, row: pd.Series, ratio: str, *, ahead: bool) -> str:
    """Name a number of a comparison; its chance is that the first is `ahead`, or of the ratio's side of 1."""
    if row["kind"] == "probability":
        return "Chance the first is ahead" if ahead else chance_words(own, ratio)
    return "Difference" if row["kind"] == "difference" else capital(str(row["estimand"]))


def chance_words(own: Answers, ratio: str) -> str:
    """Say on which side of 1 a ratio is asked to lie: a hazard's below, all others above."""
    model = own.fitted.model
    below = model.is_survival and model.effects != "accelerated"
    return f"Chance of {ratio} {'below' if below else 'above'} 1"


def grouped(lines: Iterable[Line], heading: str = "") -> list[Group]:
    """Put neighbouring lines of one unit on one scale."""
    groups: list[tuple[str, list[Line]]] = []
    for line in lines:
        number = line.answer or line.raw
        unit = number.unit if number is not None else "probability"
        unit = "" if number is not None and not number.limits and line.raw is None else unit
        if not groups or groups[-1][0] != unit:
            groups.append((unit, []))
        groups[-1][1].append(line)
    return [
        Group(heading if place == 0 else "", scale_of(unit, _shown(own)) if unit else NOWHERE, own)
        for place, (unit, own) in enumerate(groups)
    ]


def _shown(lines: Sequence[Line]) -> list[Number | None]:
    return [number for line in lines for number in (line.answer, line.raw)]


def estimates_block(
    material: Material,
    caption: str,
    groups: Sequence[Group],
    notes: Sequence[str] = (),
    heads: tuple[str, str, str] = HEADS,
) -> Estimates:
    """Make a table of groups, with the notes its marks call for."""
    marked = any(HIDDEN in line.counts for group in groups for line in group.lines) and not material.public
    said = [*notes, *([HIDDEN_NOTE] if marked else [])]
    return Estimates(caption, groups, heads, said)


def adjusted(material: Material, own: Answers) -> str:
    """Say what a model allows for, empty where it has no terms."""
    terms = [material.label(term.source) for term in own.fitted.model.terms.values()]
    return f"allowing for {listed([lowered(term) for term in terms])}" if terms else ""
