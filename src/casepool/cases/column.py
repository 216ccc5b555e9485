"""One column of a table of cases: its type, and what its values mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

TYPES = ("number", "integer", "category", "ordered", "set", "list", "boolean", "date", "text")
NUMBERS = ("number", "integer")
SPELT = ("category", "ordered", "set")
"""Types whose labels are compared by spelling."""
LABELLED = ("category", "ordered", "set", "boolean")
"""Types whose values are labels a table can be split by."""


@dataclass(frozen=True)
class Column:
    """One column of a table of cases.

    Parameters
    ----------
    type : str
        One of `TYPES`.
    unit, label : str
        Unit of the values (of dates, of the times they become), and the name a reader sees.
    range : tuple of two floats, optional
        Smallest and largest value allowed.
    levels : tuple of str
        The codes allowed, in order; empty allows any.
    separator : str
        What stands between the members of a ``set`` or ``list``.
    aliases : mapping of str to str
        Spellings read as another one.
    role : str
        What the column is to the rules of `validate`: one of `casepool.cases.roles.ROLES`, or empty.
    exposure : str
        Which exposure a column with the role ``exposure``, ``resection``, ``earliest`` or ``latest`` belongs to.
    counts : tuple of str
        The codes that count for the role: of a ``status`` those that mean the event, of a ``response`` those of a
        responder, of ``event`` and the other true/false roles those that mean true.
    what, done : str
        Of an exposure or an event what it is called in a sentence ("surgery"), and of an exposure what was done to
        those who had it ("operated"), where the model file does not say.
    explains : str
        Another column, of which this one says why a cell is empty.
    format : str
        Of dates, how they are written where that cannot be told from them: one of `casepool.cases.dates.FORMATS`.
    followed : str
        Of a time, the sign behind it ("14+") of patients who were still followed then, without the event.
    censored_at : str
        Of the dates of an event, the column of dates until which patients without one were followed.
    """

    type: str
    unit: str = ""
    label: str = ""
    range: tuple[float, float] | None = None
    levels: tuple[str, ...] = ()
    separator: str = ";"
    aliases: Mapping[str, str] = field(default_factory=dict)
    role: str = ""
    exposure: str = ""
    counts: tuple[str, ...] = ()
    what: str = ""
    done: str = ""
    explains: str = ""
    format: str = ""
    followed: str = ""
    censored_at: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what the column says of itself, as a plain mapping without what it leaves open."""
        filled = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in filled.items()}
