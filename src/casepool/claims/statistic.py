"""What a statistic of the registry is: what it reads, which conventions it knows, and what it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from casepool.claims.rows import Table, table_of_file
from casepool.errors import CasepoolError
from casepool.remarks import Count

Arguments = Mapping[str, Any]
Data = Any
"""What a statistic has read: plain tuples, so that two readings can be compared."""
Evidence = tuple[str | Count, ...]


@dataclass(frozen=True)
class Answer:
    """A recomputed number.

    Attributes
    ----------
    values : tuple of float
    evidence : tuple of str and Count
        Counts, expected cells, the patients concerned: one behind the other.
    labels : frozenset of str, optional
        Instead of values, where a claim lists labels.
    """

    values: tuple[float, ...]
    evidence: Evidence
    labels: frozenset[str] | None = None

    def said(self, *, public: bool) -> str:
        """Put the evidence into words, small counts marked unless the table is public."""
        return "".join(part.text(public=public) if isinstance(part, Count) else part for part in self.evidence)


@dataclass(frozen=True)
class Choice:
    """One convention of a statistic.

    Attributes
    ----------
    key, words : str
        As an argument names it, and as a sentence part.
    indefensible : str
        Why nobody would defend it; empty for a convention in honest use.
    """

    key: str
    words: str
    indefensible: str = ""


@dataclass(frozen=True)
class Statistic:
    """One entry of the registry.

    Attributes
    ----------
    shape : {"number", "pair", "limited", "numbers", "labels"}
        What a claim about it prints; "limited" is an estimate, its two limits, or all three.
    read : callable (Sources, Arguments) -> Data
    compute : callable (Data, choices by key) -> Answer or None
        None where the choices do not apply to the data.
    required, optional : tuple of str
        Names of the arguments, besides those of `choices`.
    choices : mapping of str to tuple of Choice
        Arguments that name a convention; the first is the default, the others are tried as alternatives.
    share : bool
        Whether its values are shares, which are printed as they are or, with a "%", as percentages.
    """

    shape: Literal["number", "pair", "limited", "numbers", "labels"]
    read: Callable[[Sources, Arguments], Data]
    compute: Callable[[Data, Mapping[str, str]], Answer | None]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    choices: Mapping[str, tuple[Choice, ...]] = field(default_factory=dict)
    share: bool = False


@dataclass(frozen=True)
class Sources:
    """The tables of a dataset: the cases under one coding, and the side tables of its folder."""

    cases: Table
    folder: Path
    _side: dict[str, Table] = field(default_factory=dict)

    def table(self, name: str = "") -> Table:
        """Return the cases, or a side table by its file name.

        Raises
        ------
        CasepoolError
            If there is no such file in the dataset's folder.
        """
        if not name:
            return self.cases
        if name not in self._side:
            if Path(name).name != name or name not in self._files:
                raise CasepoolError(
                    "there is no such side table",
                    value=name,
                    remedy=f"the folder holds {', '.join(self._files) or 'none'}",
                )
            self._side[name] = table_of_file(self.folder / name)
        return self._side[name]

    @cached_property
    def _files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.csv") if path.name != "cases.csv")


def listed(labels: tuple[str, ...] | list[str] | frozenset[str], none: str = "none") -> str:
    """Write labels as a list, numbers in their order."""
    found = sorted(labels, key=lambda label: (not label.isdigit(), int(label) if label.isdigit() else 0, label))
    return ", ".join(found) or none
