"""Who gets published, beside a response: what a printed rate stands for were responders written up more readily."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.estimation.published import selection_of
from casepool.frequentist.proportions import clopper_pearson
from casepool.frequentist.selection_rows import POOLED, curve_of, shifted
from casepool.modelling.specification.trials import Study
from casepool.numbers import shown
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Badge, Block, Figure, Fold, Line, Text
from casepool.reporting.cautions import published, trials_of
from casepool.reporting.drawing import Drawing, fitting
from casepool.reporting.figures import figure, legend
from casepool.reporting.lines import estimates_block, grouped
from casepool.reporting.patients import event_words
from casepool.reporting.questions import FAILED
from casepool.reporting.scales import Number, number_of
from casepool.tables import EVERYONE

DECIDED = 0.5
"""Share of what a prior left open below which the prior decides."""
ASKED = (1.0, 2.0, 3.0, 5.0)
TICKS = (0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
GRID, HEIGHT = 61, 220.0
ROOM = 80.0
"""Pixels to the right of a crossing that its name takes, else it stands to the left."""


@dataclass(frozen=True)
class Selected:
    """What is known of selection beside one response.

    Parameters
    ----------
    events, n : int
        Published patients with a response, and all that were evaluable.
    words : str
        What they had.
    studies : sequence of (str, int, int)
        Trials of unselected patients.
    table : pandas.DataFrame
        The closed-form curve and where it meets the trials.
    fitted : Fitted or None
    rows : pandas.DataFrame or None
        What `selection` answers of the fit.
    """

    events: int
    n: int
    words: str
    studies: Sequence[Study]
    table: pd.DataFrame
    fitted: Fitted | None = None
    rows: pd.DataFrame | None = None

    @property
    def meets(self) -> pd.DataFrame:
        """The ratio at which the curve meets the trials together, and each."""
        return self.table[self.table["by"] == "study"].set_index("level")

    def rate_at(self, ratio: float) -> float:
        """Return the unselected rate at a ratio."""
        return shifted(self.events / self.n, ratio)

    @property
    def unselected(self) -> Number | None:
        """The model's unselected rate."""
        return None if self.rows is None else number_of(self.rows.iloc[1])

    @property
    def ratio(self) -> Number | None:
        """The model's ratio of publication; None where it is fixed."""
        found = None if self.rows is None else self.rows[(self.rows["kind"] == "ratio") & (self.rows["at"] == "")]
        return None if found is None or found.empty else number_of(found.iloc[0])


def selected(material: Material, own: Answers) -> Selected | None:
    """Gather what is known of selection beside everyone's answer; None without a fit or trials of published cases."""
    model = own.fitted.model
    fitted = next((f for f in material.every if f.model.selection and _same(f, own.fitted)), None)
    row = own.factors[""].shrunk.iloc[0]
    rows = None if fitted is None else selection_of(fitted)
    counted = row if rows is None else rows.iloc[0]
    events, n = int(counted["events"]), int(counted["n"])
    if fitted is not None and fitted.model.trials is not None:
        studies: Sequence[Study] = fitted.model.trials.studies
    else:
        studies = [(t.trial.partition(" (")[0], t.events, t.n) for t in trials_of(material.folder)]
    if not published(material) or n == 0 or (fitted is None and not studies):
        return None
    return Selected(events, n, event_words(material, model), studies, curve_of(events, n, ASKED, studies), fitted, rows)


def _same(fitted: Fitted, own: Fitted) -> bool:
    one, other = fitted.model.outcome, own.model.outcome
    return (one.column or one.events, {*one.success}) == (other.column or other.events, {*other.success})


def blocks(material: Material, own: Answers) -> Iterator[Block]:
    """Lay out three sentences, the curve, and the rate at several ratios beside the trials."""
    known = selected(material, own)
    if known is None:
        return
    inside: list[Block] = [Badge(word) for word in [badge(known)] if word]
    yield Text(" ".join(sentences(material, known)))
    yield Fold(
        "If patients who responded were published more readily",
        [*inside, curve(material, known), table(material, known)],
    )


def badge(known: Selected) -> str:
    """Say how much the table tells of the ratio; nothing where no model was asked or the ratio is fixed."""
    if known.fitted is None or known.rows is None:
        return ""
    if known.fitted.verdict == "fail":
        return FAILED
    return next((str(word) for word in known.rows["told"] if word), "")


def sentences(material: Material, known: Selected) -> list[str]:
    """Say what the ratio is, what the table tells of it, and what the printed rate becomes."""
    first = (
        f"A patient who had {known.words} may have been written up more readily than one who had not; how many "
        "times as readily is the ratio of publication, 1 if it made no difference."
    )
    ratio, rate = known.ratio, known.unselected
    second = "The table by itself tells nothing of it."
    if known.rows is not None and ratio is not None:
        share = known.rows.loc[known.rows["unit"] == "share", "estimate"].iloc[0]
        beside = " laid beside the trials, of unselected patients," if known.studies else " with its prior,"
        second = (
            f"The table by itself tells nothing of it;{beside} it is {ratio.said}, and of what the prior left open "
            f"about it {shown(share, 'probability')} is settled{': the prior decides' if share < DECIDED else ''}."
        )
    counted = f"{material.count(known.events)} of {material.count(known.n)}"
    own = known.events / known.n
    becomes = f"at a ratio of 3 it would be {shown(known.rate_at(3.0), 'probability')}"
    if known.studies:
        pooled = known.meets.iloc[0]
        becomes += (
            f", and it is that of all trials together ({pooled['events']:g} of {pooled['n']:g}) at a ratio of "
            f"{shown(pooled['estimate'], 'ratio')}"
        )
    said = f"the answer for unselected patients is {rate.said}; " if rate is not None else ""
    third = f"Printed are {counted}, {shown(own, 'probability')}; {said}without a model, {becomes}."
    return [first, second, third]


def table(material: Material, known: Selected) -> Block:
    """Lay out the rate at several ratios, the trials, and the answer."""
    curve_rows = known.table[(known.table["level"] == EVERYONE) & (known.table["at"] != "")]
    lines = [
        Line(f"{'As printed' if row['at'] == '1' else f'Published {row["at"]} times as readily'}", raw=number_of(row))
        for _, row in curve_rows.iterrows()
    ]
    groups = grouped(lines, "The cases, without a model")
    if known.unselected is not None and known.rows is not None and known.fitted is not None:
        failed = known.fitted.verdict == "fail"
        names = ("Published patients", "Unselected patients")
        answers = [Line(name, answer=number_of(row), failed=failed) for name, (_, row) in
                   zip(names, known.rows.head(2).iterrows(), strict=True)]  # fmt: skip
        groups += grouped(answers, "The cases and the trials in one model" if known.studies else "In a model")
    studies = [
        Line(name, f"{k} of {n}", Number(k / n, *clopper_pearson(k, n), "probability"), note=_met(known, name))
        for name, k, n in known.studies
    ]
    groups += grouped(studies, "The trials")
    return estimates_block(material, f"The rate of {known.words} among unselected patients.", groups)


def _met(known: Selected, name: str) -> str:
    return f"met at a ratio of {shown(float(known.meets['estimate'].to_dict()[name]), 'ratio')}"


def curve(material: Material, known: Selected) -> Figure:
    """Draw the unselected rate over the ratio of publication, and where it meets the trials."""
    met = known.meets["estimate"] if known.studies else pd.Series(dtype=float)
    inside = {str(name): float(x) for name, x in met.items() if TICKS[0] <= x <= TICKS[-1]}
    low = max((t for t in TICKS if t <= min([1.0, *inside.values()])), default=TICKS[0])
    high = min((t for t in TICKS if t >= max([5.0, *inside.values()])), default=TICKS[-1])
    ratios = np.geomspace(low, high, GRID)
    limits = clopper_pearson(known.events, known.n)
    rate, ratio = known.unselected, known.ratio
    entries = [("blue", "", "without a model, 95% CI"), ("red", "", "where it meets trials")]
    entries = entries[: 1 + bool(inside)] + ([("ink", "", "the answer, 95% CrI")] if rate and ratio else [])

    def draw(width: float) -> Drawing:
        drawing, left = Drawing(width), 44.0
        y = legend(drawing, 0, entries) + 12
        across = (width - left - 16) / math.log(high / low)

        def at(x: float, p: float) -> tuple[float, float]:
            return left + math.log(x / low) * across, y + (1 - p) * HEIGHT

        for p in (0, 0.25, 0.5, 0.75, 1):
            drawing.line(at(low, p), at(high, p), stroke="rule")
            drawing.text(left - 6, at(low, p)[1] + 4, f"{100 * p:g}%", anchor="end", fill="soft")
        upper, lower = ([at(x, shifted(end, x)) for x in ratios] for end in reversed(limits))
        drawing.area([*upper, *reversed(lower)], "blue")
        drawing.line(*(at(x, known.rate_at(x)) for x in ratios), stroke="blue", width=2.2)
        for place, (name, x) in enumerate(sorted(inside.items(), key=lambda item: item[1])):
            drawing.line(at(x, 0), at(x, known.rate_at(x)), stroke="red", dashed=True)
            px, py = at(x, known.rate_at(x))
            drawing.rect(px - 3.5, py - 3.5, 7, 7, "red")
            end = px > width - 120 or any(0 < at(later, 0)[0] - px < ROOM for later in inside.values())
            words, base = fitting("all trials" if name == POOLED else name, 110), at(x, 0)[1] - 6 - 17 * place
            drawing.text(px - 5 if end else px + 5, base, words, anchor="end" if end else "start")
        if rate and ratio:
            middle = min(max(ratio.estimate, low), high)
            drawing.line(at(middle, rate.lower), at(middle, rate.upper), width=2.2)
            px, py = at(middle, rate.estimate)
            drawing.rect(px - 4, py - 4, 8, 8, "ink")
        for t in (t for t in TICKS if low <= t <= high):
            drawing.text(at(t, 0)[0], y + HEIGHT + 18, f"{t:g}", anchor="middle", fill="soft")
        drawing.text(left, y + HEIGHT + 38, "Times as readily published", fill="soft")
        drawing.height = y + HEIGHT + 46
        return drawing

    said = "; ".join(f"{name} at {shown(x, 'ratio')}" for name, x in inside.items()) or "no trial within the figure"
    caption = f"{known.words}: the rate of unselected patients, by how readily who had it was published."
    alt = (
        f"Curve that falls from {shown(known.rate_at(low), 'probability')} at a ratio of {low:g} to "
        f"{shown(known.rate_at(high), 'probability')} at {high:g}; it meets the trials: {said}."
    )
    return figure(caption, alt, draw, "The ratio is on a logarithmic scale.")
