"""What a table of a page holds, as a frame: every cell in the words of the page, numbers of lines in full besides."""

from __future__ import annotations

import pandas as pd

from casepool.reporting.blocks import Estimates, Line, Table
from casepool.reporting.scales import Number

LIMITS = ("estimate", "lower", "upper")


def frame_of(block: Table | Estimates) -> pd.DataFrame:
    """Return a table as it is shown."""
    if isinstance(block, Table):
        rows = [[" – ".join(filter(None, (cell.text, cell.small))) for cell in row] for row in block.rows]
        return pd.DataFrame(rows, columns=_apart([head or "row" for head in block.headings]))
    each = [(group.heading, own) for group in block.groups for own in group.lines]
    lines = [_told(heading, line) for heading, own in each for line in own.stands_for or (own,)]
    frame = pd.DataFrame(lines)
    empty = [name for name in frame.columns if (frame[name] == "").all()]
    return frame.drop(columns=empty)


def _apart(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found


def _told(group: str, line: Line) -> dict[str, object]:
    row: dict[str, object] = {"group": group, "row": line.label, "printed": line.printed}
    row |= {
        "counts": line.counts,
        "as counted": str(line.raw or ""),
        "note": line.note,
        "answer": str(line.answer or ""),
    }
    row |= {"prior": str(line.prior or ""), "told": line.told, "unit": line.answer.unit if line.answer else ""}
    return row | _numbers("answer", line.answer) | _numbers("prior", line.prior)


def _numbers(name: str, number: Number | None) -> dict[str, object]:
    return {f"{name} {limit}": getattr(number, limit) if number else float("nan") for limit in LIMITS}
