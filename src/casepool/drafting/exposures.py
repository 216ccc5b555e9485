"""The exposure of a table: a flag, and the dates between which, or at which, it began."""

from __future__ import annotations

import re
from collections.abc import Collection

from casepool.cases.roles import EXPOSURE, RESECTION
from casepool.drafting.looking import Table
from casepool.drafting.names import safe_name
from casepool.drafting.words import EARLIEST, FLAG, LATEST, START, UNTIL, bare
from casepool.modelling.specification.exposure import Exposure


def exposure_of(table: Table, used: Collection[str]) -> tuple[Exposure | None, tuple[str, ...]]:
    """Return the first exposure of a table, and what was taken for granted about it."""
    found = [*_declared(table), *_named(table, used)]
    if not found:
        return None, ()
    first, *others = found
    taken = [f"only {first.column!r} is an exposure of the draft, not {', '.join(repr(e.column) for e in others)}"]
    dates = [name for name in (first.earliest, first.latest, first.start) if name]
    said = f"{first.column!r} is taken for an exposure that began "
    at = f"at {dates[0]!r}" if dates else "at any time"
    when = f"between {' and '.join(map(repr, dates))}" if dates[1:] else at
    sure = all(table.column(name).role for name in (first.column, *dates))
    return first, (*taken * bool(others), *[said + when] * (not sure))


def _declared(table: Table) -> list[Exposure]:
    """Return the exposures whose flag has its role."""
    found = []
    for exposure in table.record.exposures():
        flag = table.record.one(EXPOSURE, RESECTION, exposure=exposure)
        dates = {role: table.record.one(role, exposure=exposure) for role in ("earliest", "latest", "start")}
        if flag:
            found.append(_made(exposure or _stem(flag), flag, dates))
    return found


def _named(table: Table, used: Collection[str]) -> list[Exposure]:
    """Return the exposures of which a flag and dates that begin with its name are there."""
    numbers = [name for name in table.names if table.is_number(name) and table.free(name) and name not in used]
    found = []
    for flag in table.names:
        if flag in used or not table.free(flag) or not _is_flag(table, flag):
            continue
        stem = _stem(flag)
        ends = {bare(name).removeprefix(f"{stem}_"): name for name in numbers if bare(name).startswith(f"{stem}_")}
        until = next((name for name in numbers if re.fullmatch(UNTIL + re.escape(stem), bare(name))), "")
        ends |= {"start": until} if until else {}
        roles = {"earliest": EARLIEST, "latest": LATEST, "start": START}
        dates = {role: next((ends[end] for end in ends if re.fullmatch(p, end)), "") for role, p in roles.items()}
        if dates["start"] or (dates["earliest"] and dates["latest"]):
            found.append(_made(stem, flag, dates))
    return found


def _is_flag(table: Table, name: str) -> bool:
    column = table.column(name)
    return column.type == "boolean" or (column.type == "integer" and set(table.cells(name)) <= {0, 1})


def _stem(flag: str) -> str:
    return re.sub(FLAG, "", bare(flag))


def _made(stem: str, flag: str, dates: dict[str, str]) -> Exposure:
    """Make an exposure of its columns; an interval needs both ends, and takes the place of a date."""
    interval = bool(dates["earliest"] and dates["latest"])
    earliest, latest = (dates["earliest"], dates["latest"]) if interval else ("", "")
    start = "" if interval else dates["start"]
    what = re.sub(FLAG, "", re.sub(r"[\W_]+", " ", flag).strip())
    return Exposure(safe_name(stem, ()), flag, earliest, latest, start, what=what)
