"""Tables of dates instead of times, whose days are known, and what is done to them."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from benchmarks.hostile import REFUSE, WARN, Rng
from benchmarks.hostile_tables import Contents

MONTH = 365.25 / 12
FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %b %Y", "%d-%b-%Y", "%Y%m%d", "%B %d, %Y", "")
"""How a column of dates is written; "" as the spreadsheet's own."""


def _written(rng: Rng, days: list[datetime.date], form: str) -> list[Any]:
    if form:
        return [day.strftime(form) for day in days]
    return [datetime.datetime(day.year, day.month, day.day) for day in days]


def _dates(rng: Rng, t: Contents, form: str) -> None:
    """Put dates of a beginning and an end beside the times; both columns show the order of day and month."""
    start = [datetime.date(2015, 1, 1) + datetime.timedelta(days=rng.randrange(1500)) for _ in range(t.n)]
    ended = [day + datetime.timedelta(days=rng.randint(1, 1500)) for day in start]
    start[0], ended[0] = datetime.date(2015, 3, 25), datetime.date(2016, 7, 30)
    unit = rng.choice([None, "days", "months"])
    t.cells |= {"start": _written(rng, start, form), "ended": _written(rng, ended, form)}
    t.names = list(t.cells)
    t.patch("start", type="date")
    t.patch("ended", type="date", unit=unit)
    assert t.book is not None
    t.book["file"] = {"time_zero": "start"}
    per = 1.0 if unit == "days" else MONTH
    t.read = {"start": [0.0] * t.n, "ended": [(b - a).days / per for a, b in zip(start, ended, strict=True)]}


def dated(rng: Rng, t: Contents) -> None:
    """Write dates in one of the ways there are."""
    _dates(rng, t, rng.choice(FORMS))


def partly_dated(rng: Rng, t: Contents) -> None:
    """Write one date to its month or year only, so that its own cell is empty and its limits are not."""
    _dates(rng, t, "%Y-%m-%d")
    row, length = rng.randrange(t.n), rng.choice([4, 7])
    ended = t.cells["ended"][row]
    t.cells["ended"][row] = rng.choice([ended[:length], (ended[:length] + "-XX-XX")[:10]])
    low, high = t.read["ended"][:], t.read["ended"][:]
    first = datetime.date.fromisoformat((ended[:length] + "-01-01")[:10])
    after = first.replace(year=first.year + 1) if length == 4 else (first + datetime.timedelta(days=31)).replace(day=1)
    zero = datetime.date.fromisoformat(t.cells["start"][row])
    per = low[row] and (datetime.date.fromisoformat(ended) - zero).days / low[row]
    low[row] = max((first - zero).days, 0) / per
    high[row] = ((after - zero).days - 1) / per
    t.read["ended"][row] = low[row] if low[row] == high[row] else None
    t.read |= {"ended_earliest": low, "ended_latest": high} if low[row] != high[row] else {}


def spoilt_date(rng: Rng, t: Contents) -> None:
    """Write what is no date, may be two, or cannot be."""
    _dates(rng, t, "%Y-%m-%d")
    words = [
        "31/12/19",
        "12-Mar-19",
        "31/02/2019",
        "2019-13-01",
        "43891",
        "ca. 2019",
        "Q1 2019",
        "0",
        "-1",
        "1e3",
        "7 Mai 2019",
    ]
    t.put(
        rng,
        "ended",
        rng.choice([*words, "03/04/2019", "2014", "2014-12-31", "1850-01-01", "2019/", "XX/XX/XXXX"]),
        REFUSE,
    )


def no_zero(rng: Rng, t: Contents) -> None:
    """Leave time zero out of a row."""
    _dates(rng, t, "%Y-%m-%d")
    t.put(rng, "start", None, WARN)
    t.told_values = False


def unclear_order(rng: Rng, t: Contents) -> None:
    """Write dates of which the order of day and month can be told from no cell, told or not."""
    days = [datetime.date(2019, 1 + i % 5, 6 + i % 6) for i in range(t.n)]
    form = rng.choice(["%d/%m/%Y", "%m/%d/%Y"])
    _dates(rng, t, "%Y-%m-%d")
    t.cells["ended"] = [day.strftime(form) for day in days]
    t.cells["start"] = ["2018-01-01"] * t.n
    per = 1.0 if t.book and t.book["columns"]["ended"].get("unit") == "days" else MONTH
    t.read["ended"] = [(day - datetime.date(2018, 1, 1)).days / per for day in days]
    if rng.random() < 0.5:
        t.patch("ended", format="day first" if form == "%d/%m/%Y" else "month first")
    else:
        t.must(REFUSE, None, "ended", "day first", "month first")


DATED: list[Callable[[Rng, Contents], None]] = [dated, partly_dated, spoilt_date, no_zero, unclear_order]
"""What is done to a table of dates."""
