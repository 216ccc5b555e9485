"""Figures of the patients and of counts, each drawn for a wide and for a narrow window by one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.modelling.specification.cautions import lowered
from casepool.numbers import counted
from casepool.plotting.survival_curves import time_ticks
from casepool.plotting.swimmer import UNNAMED, Lane, lanes_of
from casepool.reporting.blocks import Figure
from casepool.reporting.course import Codes, Patient, exposed_column, names_shown, patients_of, response_fit
from casepool.reporting.drawing import LETTER, Drawing, fitting

WIDE, NARROW = 700.0, 340.0
LANE = 17.0
SHORTEST = 5.0
"""Length of the mark of a date that is known."""
MOST_SQUARES = 120
"""Patients of whom each has a square; more are counted in a bar."""
MOST_LANES = 60
"""Patients of whom a page draws lanes."""
Draw = Callable[[float], Drawing]


def figure(caption: str, alt: str, draw: Draw, note: str = "") -> Figure:
    """Draw a figure for both windows."""
    return Figure(caption, alt, draw(WIDE), draw(NARROW), note)


def legend(drawing: Drawing, y: float, entries: Sequence[tuple[str, str, str]]) -> float:
    """Draw what colours mean, in as many rows as they take; entries are fill, stroke and words."""
    x = 0.0
    for fill, stroke, words in entries:
        need = 20 + LETTER * len(words) + 16
        if x and x + need > drawing.width:
            x, y = 0.0, y + 20
        if stroke == "slash":
            drawing.line((x + 1, y + 11), (x + 12, y), width=1.6)
        else:
            drawing.rect(x + 1, y, 11, 11, fill, stroke)
        drawing.text(x + 18, y + 10, fitting(words, drawing.width - 20), fill="ink")
        x += need
    return y + 20


def squares(material: Material) -> Figure | None:
    """Draw one square a patient, in the order of the answer, or a bar of many patients; None of a table of counts."""
    found = response_fit(material)
    if found is None:
        return None
    codes = found[1]
    patients = patients_of(material, codes)
    entries = _entries(material, codes, patients)
    label = lowered(material.label(codes.column))
    caption = f"The {material.count(len(patients))} patients, by {label}."
    if len(patients) > MOST_SQUARES:
        return _bars(material, caption, patients, codes)

    def draw(width: float) -> Drawing:
        return _squares(width, patients, codes, names=names_shown(material, patients), entries=entries)

    alt = f"One square a patient. {', '.join(words for _, _, words in entries)}."
    return figure(caption, alt, draw)


def _bars(material: Material, caption: str, patients: Sequence[Patient], codes: Codes) -> Figure:
    """Draw how many patients had each answer, of everyone and of who was exposed and who was not."""
    exposure = next((e for f in material.fits for e in f.model.exposures.values()), None)
    groups = [("everyone", patients)]
    if exposure is not None and exposed_column(material):
        groups += [(arm, [p for p in patients if p.exposed == yes]) for yes, arm in enumerate(exposure.arms)]
    names, colours, kinds = list(codes.codes), list(codes.colours), [*range(len(codes.codes))]
    missing = any(p.code is None for p in patients)
    answers: list[int | None] = [*kinds, *([None] * missing)]
    rows = [(name, [float(sum(p.code == code for p in own)) for code in answers]) for name, own in groups]
    return stacked(material, caption, rows, names + ["not evaluable"] * missing, colours + ["q0"] * missing)


def _entries(material: Material, codes: Codes, patients: Sequence[Patient]) -> list[tuple[str, str, str]]:
    """Say what every mark means, with the number of patients that have it."""
    entries = []
    for place, (code, colour) in enumerate(zip(codes.codes, codes.colours, strict=True)):
        entries.append((colour, "soft", f"{code}, {material.count(sum(p.code == place for p in patients))}"))
    if missing := sum(p.code is None for p in patients):
        entries.append(("q0", "soft", f"not evaluable, {material.count(missing)}"))
    exposure = next((e for f in material.fits for e in f.model.exposures.values()), None)
    if exposure is not None and exposed_column(material):
        entries.append(("", "red", f"{exposure.arms[1]}, {material.count(sum(p.exposed for p in patients))}"))
    followed = next((f for f in material.fits if f.is_survival), None)
    if followed is not None and any(p.event for p in patients):
        entries.append(
            ("", "slash", f"{followed.model.outcome.called}, {material.count(sum(p.event for p in patients))}")
        )
    return entries


def _squares(
    width: float, patients: Sequence[Patient], codes: Codes, *, names: bool, entries: Sequence[tuple[str, str, str]]
) -> Drawing:
    drawing = Drawing(width)
    size = (21.2 if width > 500 else 27.0) if names else 14.0
    across = max(int(width // size), 1)
    for place, patient in enumerate(patients):
        x, y = (place % across) * size + 1, (place // across) * size + 1
        side = size - 3
        colour = codes.colours[patient.code] if patient.code is not None else "q0"
        drawing.rect(x, y, side, side, colour, "soft")
        if patient.exposed:
            drawing.line((x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y), stroke="red", width=2.6)
        if names:
            light = colour in ("q1", "q4")
            drawing.text(
                x + side / 2,
                y + side / 2 + 4.5,
                patient.name,
                anchor="middle",
                size=12,
                fill="paper" if light else "ink",
            )
        if patient.event:
            drawing.line((x, y + side), (x + side, y), width=1.6)
    rows = -(-len(patients) // across)
    drawing.height = legend(drawing, rows * size + 6, entries)
    return drawing


def stacked(
    material: Material,
    caption: str,
    rows: Sequence[tuple[str, Sequence[float]]],
    names: Sequence[str],
    colours: Sequence[str],
    note: str = "",
    *,
    plain: bool = False,
) -> Figure:
    """Draw counts of several kinds as bars, a bar a row, each part with its number; `plain`: they are no patients."""
    write = (lambda x: f"{x:g}") if plain else material.count

    def draw(width: float) -> Drawing:
        drawing, room = Drawing(width), min(190.0, width * 0.43)
        y = legend(drawing, 0, [(c, "soft", n) for c, n in zip(colours, names, strict=True)]) + 4
        room = max(min(room, 1.15 * LETTER * max(len(label) for label, _ in rows) + 8), 60.0)
        most = max(sum(counts) for _, counts in rows) or 1
        for label, counts in rows:
            lines = wrap(label, (room - 8) / 1.15)
            for place, line in enumerate(lines):
                drawing.text(room - 8, y + 15 + 15 * place, line, anchor="end")
            x, scale = room, (width - room - 2) / most
            for count, colour in zip(counts, colours, strict=True):
                if not count:
                    continue
                drawing.rect(x, y, count * scale - 1, 20, colour, "soft")
                text = write(count)
                if count * scale > LETTER * len(text) + 2:
                    fill = "paper" if colour in ("q1", "q4") else "ink"
                    drawing.text(x + count * scale / 2, y + 15, text, anchor="middle", fill=fill)
                x += count * scale
            y += 26 + 15 * (len(lines) - 1)
        drawing.height = y
        return drawing

    said = [
        "; ".join(
            [f"{label}: " + ", ".join(f"{write(c)} {n}" for c, n in zip(counts, names, strict=True) if c) or label]
        )
        for label, counts in rows
    ]
    return figure(caption, f"Stacked bars, a bar a level. {'. '.join(said)}.", draw, note)


def flow(material: Material, rows: Sequence[tuple[str, Sequence[str]]], head: str) -> Figure:
    """Draw who is in which analysis: a box for the table, and one an outcome with who is left out of it."""

    def draw(width: float) -> Drawing:
        drawing = Drawing(width)
        across = max(min(len(rows), 3 if width > 500 else 1), 1)
        room = (width - 12 * (across - 1)) / across - 2
        drawing.rect(1, 1, min(width - 2, 330), 28, "", "soft")
        drawing.text(10, 20, fitting(head, 320), bold=True)
        y = 52.0
        drawing.line((30, 29), (30, y), stroke="soft")
        for start in range(0, len(rows), across):
            some = rows[start : start + across]
            boxes = [_lines_of(title, reasons, room - 16) for title, reasons in some]
            height = 12 + 17 * max(map(len, boxes))
            for place, lines in enumerate(boxes):
                x = 1 + place * (room + 12)
                drawing.rect(x, y, room, height, "", "soft")
                for line, (text, bold) in enumerate(lines):
                    drawing.text(x + 8, y + 18 + 17 * line, text, fill="ink" if bold else "soft", bold=bold)
            y += height + 12
        drawing.height = y - 10
        return drawing

    said = [f"{title} ({'; '.join(reasons)})" for title, reasons in rows]
    return figure("Who is in which analysis, and who is not.", f"Flow of patients. {head}. {'. '.join(said)}.", draw)


def _lines_of(title: str, reasons: Sequence[str], width: float) -> list[tuple[str, bool]]:
    """Break a box's title and reasons into lines, each with whether it is bold."""
    plain = [line for text in reasons for line in wrap(text, width)]
    return [(line, True) for line in wrap(title, width * 0.93)] + [(line, False) for line in plain]


def wrap(text: str, width: float) -> list[str]:
    """Break words into lines of a width, and words where they do not fit."""
    lines, most = [""], max(int(width / LETTER), 8)
    for part in (word[i : i + most] for word in text.split() for i in range(0, len(word), most)):
        if lines[-1] and len(lines[-1]) + 1 + len(part) > most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {part}".strip()
    return lines


def swimmer(material: Material, fitted: Fitted) -> Figure:
    """Draw every patient's course, the longest follow-up first."""
    lanes = lanes_of(material.cases, material.codebook, fitted.model, UNNAMED)
    lanes = [lane for lane in lanes if np.isfinite(lane.end)]
    unit, out = fitted.model.outcome.unit, fitted.model.outcome
    exposure = next(iter(fitted.model.exposures.values()), None)
    ticks = time_ticks(unit, max((lane.end for lane in lanes), default=1.0))
    marks = (
        [("q3", "soft", "followed"), ("q4", "soft", "on treatment")] if any(np.isfinite(x.on) for x in lanes) else []
    )
    if exposure is not None and exposure.begins:
        spans = [high - low for low, high in (lane.exposed for lane in lanes) if np.isfinite(low)]
        within = "at some time within" if all(spans) else "or the time within which it began"
        marks += [("red", "", f"{exposure.called}, {within}" if any(spans) else exposure.called)] if spans else []

    def draw(width: float) -> Drawing:
        drawing, room = Drawing(width), min(150.0, width * 0.3)
        y = legend(drawing, 0, marks) + 16 if marks else 16.0
        scale = (width - room - 22) / ticks[-1]
        step = 1 if width > 500 else 2
        for t in ticks[::step]:
            drawing.line((room + t * scale, y), (room + t * scale, y + LANE * len(lanes) + 2), stroke="rule")
            drawing.text(room + t * scale, y - 4, f"{t:g}", anchor="middle", fill="soft")
        for place, lane in enumerate(lanes):
            _lane(drawing, lane, room, y + 3 + LANE * place, scale)
        drawing.height = y + LANE * len(lanes) + 6
        return drawing

    events = sum(lane.event for lane in lanes)
    last = max((lane.end for lane in lanes), default=0)
    alt = (
        f"Swimmer plot of {counted(len(lanes), 'patient')} with follow-up, up to {last:g} {unit}. "
        f"{material.count(events)} had {out.called}, marked by a cross; an arrow is the last contact."
    )
    note = f"Cross: {out.called}. Arrow: last contact, {out.without}."
    return figure(f"Every patient's course, in {unit} since time zero.", alt, draw, note)


def _lane(drawing: Drawing, lane: Lane, room: float, y: float, scale: float) -> None:
    drawing.text(room - 6, y + 11, fitting(lane.label.strip(), room - 6), anchor="end")
    start, end = room + lane.entry * scale, room + lane.end * scale
    drawing.rect(start, y + 1, max(end - start, 1), 9, "q3", "soft")
    if np.isfinite(lane.on):
        on = min(lane.on, lane.end)
        drawing.rect(start, y + 1, max(room + on * scale - start, 1), 9, "q4")
    low, high = lane.exposed
    if np.isfinite(low):
        drawing.line(
            (room + low * scale, y + 13),
            (room + max(min(high, lane.end) * scale, low * scale + SHORTEST), y + 13),
            stroke="red",
            width=2.2,
        )
    drawing.text(end + 4, y + 11, "×" if lane.event else "›", bold=True)


def lanes_allowed(material: Material) -> Fitted | None:
    """Return the survival fit whose courses may be drawn: of a public table that is not too long."""
    if not material.public or len(material.cases) > MOST_LANES:
        return None
    return next((fitted for fitted in material.fits if fitted.is_survival), None)
