"""Figures of a response: how many had each answer, and where the answers of levels come from."""

from __future__ import annotations

from casepool.estimation.ledger import ledger_of
from casepool.estimation.level_order import in_order, own_order
from casepool.estimation.material import Material
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.design.making import patient_labels
from casepool.modelling.specification.cautions import lowered
from casepool.numbers import capital
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Figure
from casepool.reporting.course import codes_of
from casepool.reporting.figures import stacked
from casepool.reporting.lines import level_words
from casepool.reporting.patients import event_words, outcome_name, total
from casepool.reporting.pieces import named
from casepool.reporting.questions import FEWEST

MOST_BARS = 10
"""Levels a figure shows, the largest first."""


def bars_of_codes(material: Material, own: Answers, by: str) -> Figure | None:
    """Draw how many had each answer, by level; of a table of counts how many had the event."""
    if not by:  # by the first factor, unless that has such a figure in its own chapter
        by = next((name for name in own.factors if name), "")
        if total(own.fitted)[0] < FEWEST or own.factors[by].pairs is not None:
            return None
    part = own.factors[by]
    seen = part.shrunk[(part.shrunk["kind"] == "value") & (part.shrunk["n"] > 0)].drop_duplicates("level")
    seen = seen.head(MOST_BARS)
    codes = codes_of(own.fitted.model)
    design = own.fitted.design
    if by == "":
        return None
    group = own.fitted.membership(by)
    n, events = patients_and_events(design)
    if codes is None or codes.column not in own.fitted.cases.columns:
        names, colours = [event_words(material, own.fitted.model), "without"], ["q4", "q0"]
        parts: dict[str, list[float]] = {
            level: [events @ group.members[:, i], (n - events) @ group.members[:, i]]
            for i, level in enumerate(group.levels)
        }
        whole = [events.sum(), (n - events).sum()]
    else:
        names, colours = list(codes.codes), list(codes.colours)
        of = dict(zip(_labels(own), own.fitted.cases[codes.column], strict=True))
        found = [str(of[patient]) for patient in design.patients]
        hits = [[float(n[i]) * (answer == code) for i, answer in enumerate(found)] for code in codes.codes]
        parts = {
            level: [sum(x for x, inside in zip(hit, group.members[:, i], strict=True) if inside) for hit in hits]
            for i, level in enumerate(group.levels)
        }
        whole = [sum(hit) for hit in hits]
    rows = [
        ("everyone", whole),
        *((level_words(material, own, by, level), parts[level]) for level in seen["level"] if level in parts),
    ]
    label = lowered(named(material, own, by))
    total_ = material.count(float(n.sum()))
    what = lowered(outcome_name(material, own.fitted.model))
    note = f"The {MOST_BARS} largest levels." if len(group.levels) > MOST_BARS else ""
    return stacked(material, f"{capital(what)} of {total_} evaluable patients, by {label}.", rows, names, colours, note)


def _labels(own: Answers) -> list[str]:
    return patient_labels(own.fitted.cases, own.fitted.codebook)


def ledger_figure(material: Material, own: Answers, by: str) -> Figure | None:
    """Draw where each level's answer comes from: its own patients, the other levels, the prior."""
    if own.fitted.design.improper:
        return None
    table = in_order(ledger_of(own.fitted, by), own_order(own.fitted, by))
    known = table[(table["n"] > 0) & table["share_own"].notna()]
    table = known.head(MOST_BARS)
    if table.empty:
        return None
    rows = [
        (str(r["level"]), [round(100 * r[f"share_{key}"]) for key in ("own", "siblings", "prior")])
        for _, r in table.iterrows()
    ]
    names = ["its own patients", "other levels", "the prior"]
    label = lowered(named(material, own, by))
    caption = f"Where the answer of each {label} comes from, in per cent."
    note = f"The {len(rows)} largest." if len(known) > len(rows) else ""
    return stacked(material, caption, rows, names, ["q4", "q3", "q0"], note, plain=True)
