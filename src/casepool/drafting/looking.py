"""A table as a draft sees it: its columns, the codes they hold, and what these mean."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from casepool.cases.column import Column
from casepool.cases.columns import labels_of
from casepool.cases.record import Record
from casepool.cases.role_inference import codes_of
from casepool.cases.roles import TRAIT
from casepool.cases.tables import Examined
from casepool.drafting.words import is_named, keys_in
from casepool.errors import CasepoolError

MOST_CODES = 12
"""Codes of an outcome, at most; more are no codes."""
Codes = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table whose columns were read, with the roles its codebook declares or names say."""

    name: str
    record: Record
    patients: str

    @property
    def names(self) -> list[str]:
        """The columns, but the one that names patients and the one that names publications."""
        apart = (self.patients, self.record.codebook.publication)
        return [name for name in self.record.columns if name not in apart]

    def column(self, name: str) -> Column:
        """Return what is known of a column."""
        return self.record.codebook.columns[name]

    def cells(self, name: str) -> list[object]:
        """Return the filled cells of a column as read."""
        return [value for value in self.record.columns[name].values if value is not None]

    def codes(self, name: str) -> Codes:
        """Return the codes of a column as a model file writes them: those listed, then those seen."""
        column = self.column(name)
        if column.type == "boolean":
            return ("no", "yes")
        cells: Iterable[object] = self.cells(name)
        if column.type == "set":
            cells = [label for cell in cells for label in labels_of(cell, column)]
        return tuple(codes_of(column, cells))

    def is_coded(self, name: str) -> bool:
        """Tell whether a column may hold codes: two or more, and not many."""
        coded = self.column(name).type in ("category", "ordered", "boolean", "integer")
        return coded and 2 <= len(self.codes(name)) <= MOST_CODES

    def is_number(self, name: str) -> bool:
        """Tell whether a column holds numbers."""
        return self.column(name).type in ("number", "integer")

    def meaning(self, name: str, code: str) -> str:
        """Return what a code means by the key in the column's name, or else the code."""
        return keys_in(name).get(code, code)

    def free(self, name: str) -> bool:
        """Tell whether the codebook leaves open what a column is."""
        return self.column(name).role in ("", TRAIT)

    def called(self, pattern: str, among: Iterable[str]) -> list[str]:
        """Return the columns of some whose name is as a pattern says, if the codebook gives them no role."""
        return [name for name in among if is_named(pattern, name) and self.free(name)]

    def first(self, patterns: Collection[str], among: Collection[str]) -> tuple[str, list[str]]:
        """Return the column that the first pattern names which names any, and the others it names; empty if none."""
        named = next((found for pattern in patterns if (found := self.called(pattern, among))), [])
        return (named[0], named[1:]) if named else ("", [])

    def refuse(self, problem: str, remedy: str) -> CasepoolError:
        """Make the refusal of a draft that the table gives no ground for."""
        return CasepoolError(problem, file=self.name, remedy=remedy)


def table_of(found: Examined) -> Table:
    """Return a table that was looked through, whatever is still wrong with single cells."""
    record = found.record or Record(found.columns, found.codebook)
    return Table(found.codebook.name, record, found.codebook.id)
