"""A table as its roles see it: columns looked up by what they are, times in days, codes as true or false."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from casepool.cases.cells import BadCellError, parse_boolean
from casepool.cases.codebook import Codebook
from casepool.cases.column import Column
from casepool.cases.columns import Recorded
from casepool.cases.role_inference import presumed
from casepool.cases.roles import EXPOSURE, RESECTION
from casepool.cases.units import DAYS, named_unit


class Record:
    """The columns of n patients, by role.

    Parameters
    ----------
    columns : mapping of str to Recorded
        Every column of the table as read.
    codebook : Codebook
        Which declares the roles; those it does not are presumed where names say them (`presuming.presumed`).
    """

    def __init__(self, columns: Mapping[str, Recorded], codebook: Codebook) -> None:
        kinds = {name: codebook.columns[name] for name in columns if name != codebook.id}
        self.presumed = presumed(kinds, {name: columns[name].values for name in kinds})
        self.columns, self.codebook = columns, replace(codebook, columns={**codebook.columns, **self.presumed})
        self.n = max((len(column.values) for column in columns.values()), default=0)

    def having(self, *roles: str) -> list[str]:
        """Return the columns of the table that have one of the roles, in its order."""
        return [name for name in self.columns if self.codebook.columns[name].role in roles]

    def one(self, *roles: str, exposure: str | None = None) -> str:
        """Return the first column with one of the roles (of an exposure, if named), or empty text."""
        kinds = self.codebook.columns
        return next((n for n in self.having(*roles) if exposure is None or kinds[n].exposure == exposure), "")

    def exposures(self) -> list[str]:
        """Return the names of the exposures, in the order of their columns."""
        names = self.having(EXPOSURE, RESECTION, "earliest", "latest", "start")
        return list(dict.fromkeys(self.codebook.columns[name].exposure for name in names))

    def unread(self, name: str, row: int) -> bool:
        """Tell whether a cell is filled but was refused, so that no rule should speak of it again."""
        return row in self.columns[name].unread

    def shown(self, name: str, row: int) -> Any:
        """Return a cell as it was read, in its own unit."""
        return self.columns[name].values[row]

    def days(self, name: str) -> list[float | None]:
        """Return n times in days; a column that tells no unit is in that of the role ``time``, or else in months."""
        unit = self.unit(name) or self.unit(self.one("time")) or "months"
        return [None if v is None else v * DAYS[unit] for v in self.columns[name].values]

    def unit(self, name: str) -> str:
        """Return the unit a column has, or else tells by its name; empty text where it tells none."""
        return (self.codebook.columns[name].unit or named_unit(name)) if name else ""

    def comparable(self, name: str, other: str) -> bool:
        """Tell whether two times may be compared: if a role was presumed, either both have a unit or neither has."""
        told = [bool(self.unit(column)) for column in (name, other)]
        return told[0] == told[1] or not {name, other} & set(self.presumed)

    def flags(self, name: str) -> list[bool | None]:
        """Return n truth values: codes among `counts` are true; empty cells are None."""
        column = self.codebook.columns[name]
        values = self.columns[name].values
        told = {value: _flag(value, column) for value in set(values) - {None}}
        return [told.get(value) for value in values]


def _flag(value: Any, column: Column) -> bool | None:
    if column.counts:
        return str(value) in column.counts
    try:
        return parse_boolean(value, column)
    except BadCellError:  # a column typed by another codebook than the one that gives the role
        return None
