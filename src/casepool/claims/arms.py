"""The two groups a claim compares: which patients belong to each, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass

from casepool.claims.rows import Table, members, need
from casepool.claims.statistic import Arguments, listed
from casepool.errors import CasepoolError

ARMS = ("by", "level", "reference")
"""Arguments that name two groups: a column, the label that is compared, and what it is compared with."""


@dataclass(frozen=True)
class Arms:
    """Two groups of rows, by position.

    Attributes
    ----------
    names : (str, str)
        The group that is compared, and the other one.
    places : (tuple of int, tuple of int)
    left_out : tuple of str
        Rows of neither.
    """

    names: tuple[str, str]
    places: tuple[tuple[int, ...], tuple[int, ...]]
    left_out: tuple[str, ...]

    @property
    def said(self) -> str:
        """Say who is in neither group, as a sentence part."""
        return f"; left out: {listed(self.left_out)}" if self.left_out else ""


def labels_in_order(table: Table, inside: list[int], column: str) -> tuple[str, ...]:
    """Return the labels of a column, those with a declared order first."""
    need(table, column)
    seen = {label for i in inside for label in members(table.rows[i][column])}
    declared = table.order.get(column, ())
    return tuple(level for level in declared if level in seen) + tuple(sorted(seen - set(declared)))


def arms_of(table: Table, inside: list[int], arguments: Arguments) -> Arms:
    """Tell two groups of rows apart: `level` against `reference`, or against all others.

    Without a level the second of two labels is compared with the first.

    Raises
    ------
    CasepoolError
        If a label is not in the column, or none is named where there are not just two.
    """
    by = arguments["by"]
    labels = labels_in_order(table, inside, by)
    level, reference = arguments.get("level"), arguments.get("reference")
    for label in filter(None, (level, reference)):
        if label not in labels and label not in table.order.get(by, ()):
            raise CasepoolError(
                "there is no such label", column=by, value=label, remedy=f"its labels are {', '.join(labels)}"
            )
    if level is None and len(labels) != 2:
        raise CasepoolError(
            f"the column has {len(labels)} labels", column=by, value=labels, remedy="name level, and reference"
        )
    if level is None:
        level = next(label for label in reversed(labels) if label != reference)
    own = {i: members(table.rows[i][by]) for i in inside}
    compared = tuple(i for i in inside if own[i] == (level,))
    wanted = labels if reference is None else (reference,)
    others = tuple(i for i in inside if own[i] and own[i] != (level,) and set(own[i]) <= set(wanted) - {level})
    rest = [label for label in wanted if label != level]
    name = rest[0] if len(rest) == 1 else f"not {level}"
    out = tuple(table.labels[i] for i in inside if i not in {*compared, *others})
    return Arms((level, name), (compared, others), out)
