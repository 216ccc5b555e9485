"""One cell becomes the days a date may mean: one day, or all of a month, a year or a stated interval.

Read are ISO dates (2019-03-07, 2019-03, 2019), named months (7 March 2019, 07-Mar-2019, Mar 2019), numbers with the
year last (07/03/2019, 03/2019), parts written as unknown (2019-03-XX, UN-MAR-2019), intervals (2019-03-01/2019-04-15)
and the dates of spreadsheets. Nothing is taken for granted that a cell may also mean otherwise: two-digit years are
refused, and of 07/03/2019 the whole column, or the codebook, says which number is the month.
"""

from __future__ import annotations

import calendar
import datetime
import re
from typing import Any, NamedTuple

import pandas as pd

from casepool.cases.cells import BadCellError

DAY_FIRST, MONTH_FIRST, EXCEL = "day first", "month first", "excel"
FORMATS = (DAY_FIRST, MONTH_FIRST, EXCEL)
"""What ``format`` of a column of dates may say: the order of 07/03/2019, or that numbers count days as Excel does."""
YEARS = (1900, 2099)
SERIALS = range(10_000, 73_051)
"""Days since 30 December 1899, as a spreadsheet keeps dates: 1927 to 2099."""
LONGEST = 60
MONTHS = [name.casefold() for name in calendar.month_name]
NO_PART = r"x{1,2}|\?{1,2}|unk?|nk|00|--"
"""What stands for a day or a month nobody knows."""
Y, N, NAME, SEP = r"(?P<y>\d{4})", rf"\d{{1,2}}|{NO_PART}", r"[a-z]{3,9}\.?", r"[-/. ]"
CLOCK = r"(?:[t ]\d{1,2}:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]m)?(?:z|[-+]\d\d:?\d\d)?)?"
SHAPES = tuple(
    re.compile(shape)
    for shape in (
        Y,
        rf"{Y}(?P<m>\d\d)(?P<d>\d\d)",
        rf"{Y}(?P<s>[-/.])(?P<m>{N})(?:(?P=s)(?P<d>{N}){CLOCK})?",
        rf"{Y}{SEP}(?P<m>{NAME})(?:{SEP}(?P<d>{N}))?",
        rf"(?P<m>{N})[-/.]{Y}",
        rf"(?P<m>{NAME}){SEP}?{Y}",
        rf"(?P<d>{N})(?:st|nd|rd|th)?[-/. ]{{0,2}}(?P<m>{NAME}|(?:unk?|x{{2,3}}))[-/.,]? ?{Y}",
        rf"(?P<m>{NAME}) ?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,? {Y}",
    )
)
YEAR_LAST = re.compile(rf"(?P<a>{N})(?P<s>[-/.])(?P<b>{N})(?P=s){Y}{CLOCK}")
SHORT_YEAR = re.compile(rf"(?:{N})([-/.])(?:{N})\1\d\d|(?:(?:{N}){SEP}?)?{NAME}{SEP}?'?\d\d|\d\d?[-/.]\d\d")
WRITE = "write it as 2019-03-31, as 2019-03 or 2019 where no more is known, or as an interval, 2019-03-01/2019-04-15"


class BadDateError(BadCellError):
    """A cell that is no date, or may be several; with the remedy, in which braces hold the place of the column."""

    def __init__(self, expected: str, remedy: str = WRITE) -> None:
        super().__init__(expected)
        self.remedy = remedy


class Span(NamedTuple):
    """The first and the last day a date may mean."""

    first: datetime.date
    last: datetime.date


def order_of(value: object) -> str | None:
    """Return which order of day and month a cell shows; "" if it may be either, None if it leaves no choice."""
    found = YEAR_LAST.fullmatch(_plain(value)) if isinstance(value, str) else None
    if not found or not (found["a"].isdigit() and found["b"].isdigit()):
        return None
    one, other = int(found["a"]), int(found["b"])
    if 0 in (one, other) or one == other:
        return None
    return DAY_FIRST if one > 12 else MONTH_FIRST if other > 12 else ""


def parse_date(value: Any, form: str = "") -> Span:
    """Read the days a cell may mean.

    Parameters
    ----------
    value : object
        A filled cell.
    form : str
        One of `FORMATS`; empty where no cell of the column asks for it.

    Raises
    ------
    BadDateError
        With what was expected, and the remedy.
    """
    if isinstance(value, pd.Period):
        return Span(_in_bounds(value.start_time.date()), _in_bounds(value.end_time.date()))
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, datetime.date):
        return Span(*[_in_bounds(value)] * 2)
    text = _plain(value)
    if isinstance(value, bool) or not text.isascii() or len(text) > LONGEST:
        raise BadDateError("a date")
    if re.fullmatch(r"\d+\.\d*", text) and (float(text).is_integer() or form == EXCEL):
        text = text.partition(".")[0]
    ends = re.fullmatch(r"(\d{4}\b.*?) ?/ ?(\d{4}\b.*)", text)
    if ends:
        first, last = (parse_date(end, form) for end in ends.groups())
        if last.last < first.first:
            raise BadDateError("an interval that ends after it begins", "exchange its ends")
        return Span(first.first, last.last)
    if text.isdigit() and int(text) in SERIALS and len(text) == 5:
        return _serial(int(text), form)
    return _of_parts(text, form)


def _of_parts(text: str, form: str) -> Span:
    """Read a date from its year and, where they are known, its month and day."""
    last = YEAR_LAST.fullmatch(text)
    if last:
        return _span(last["y"], *_in_order(last["a"], last["b"], form))
    for shape in SHAPES:
        found = shape.fullmatch(text)
        if found and (parts := found.groupdict()):
            return _span(parts["y"], parts.get("m"), parts.get("d"))
    if SHORT_YEAR.fullmatch(text):
        raise BadDateError("a year of four digits", "write the year in full, as 2019-03-31")
    raise BadDateError("a date")


def _in_order(one: str, other: str, form: str) -> tuple[str, str]:
    """Return month and day of two numbers; if one is unknown it is the day."""
    known = [_known(one), _known(other)]
    if known != [True, True] or int(one) == int(other):
        return (one, other) if known[0] else (other, one)
    order = form if form in (DAY_FIRST, MONTH_FIRST) else order_of(f"{one}/{other}/2000")
    if not order:
        raise BadDateError(
            "a date of which day and month can be told apart",
            f'add format = "{DAY_FIRST}" or format = "{MONTH_FIRST}" to {{column}}',
        )
    return (other, one) if order == DAY_FIRST else (one, other)


def _span(year: str, month: str | None, day: str | None) -> Span:
    """Return the days of a year, a month or a day."""
    y = int(year)
    if not YEARS[0] <= y <= YEARS[1]:
        raise BadDateError(f"a year from {YEARS[0]} to {YEARS[1]}", "correct the date")
    m = _month(month) if month and _known(month) else 0
    if not m:
        if day and _known(day):
            raise BadDateError("a month beside the day", "give the month, or the year alone")
        return Span(datetime.date(y, 1, 1), datetime.date(y, 12, 31))
    most = calendar.monthrange(y, m)[1]
    if not (day and _known(day)):
        return Span(datetime.date(y, m, 1), datetime.date(y, m, most))
    if not 1 <= int(day) <= most:
        raise BadDateError(f"a day from 1 to {most} in that month", "correct the date")
    return Span(*[datetime.date(y, m, int(day))] * 2)


def _month(text: str) -> int:
    """Return the number of a month."""
    if text.isdigit():
        if not 1 <= int(text) <= 12:
            said = "a month from 1 to 12 where the month stands"
            raise BadDateError(said, "correct the date, or the column's format")
        return int(text)
    name = "sep" if text.rstrip(".") == "sept" else text.rstrip(".")
    found = [number for number, month in enumerate(MONTHS) if month.startswith(name)]
    if len(found) != 1:
        raise BadDateError("a month by its English name or its number", WRITE)
    return found[0]


def _known(part: str) -> bool:
    return re.fullmatch(rf"{NO_PART}|x{{3}}", part) is None


def _serial(days: int, form: str) -> Span:
    if form != EXCEL:
        raise BadDateError(
            "a date, not the number a spreadsheet keeps for one",
            f'format the cells as dates in the spreadsheet, or add format = "{EXCEL}" to {{column}}',
        )
    return Span(*[datetime.date(1899, 12, 30) + datetime.timedelta(days=days)] * 2)


def _in_bounds(day: datetime.date) -> datetime.date:
    if not YEARS[0] <= day.year <= YEARS[1]:
        raise BadDateError(f"a year from {YEARS[0]} to {YEARS[1]}", "correct the date")
    return day


def _plain(value: object) -> str:
    return " ".join(str(value).split()).casefold()
