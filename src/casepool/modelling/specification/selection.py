"""Selective publication: whose outcome made it more likely to be in the table at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from casepool.errors import CasepoolError
from casepool.modelling.families.facts import DATA
from casepool.modelling.families.parameters import Parameter, Role
from casepool.toml_files import check_keys

ALL = "cases"
"""What `rows` says where every patient of the table was published."""
EFFECT = "selection_effect"
PARAMETER = Parameter(
    EFFECT, Role.SELECTION, key=EFFECT, meaning="log of how many times as readily a success is published"
)


@dataclass(frozen=True)
class Selection:
    """Which patients were published because of how they did; the field is the key of ``[selection]``.

    Parameters
    ----------
    rows : str
        "cases", or a true/false column.
    """

    rows: str = field(metadata=DATA, default=ALL)

    @property
    def column(self) -> str:
        """The column that says who was published; "" where all were."""
        return "" if self.rows == ALL else self.rows

    def __str__(self) -> str:
        who = f"patients with `{self.column}`" if self.column else "all patients"
        return f"{who}: a success is published exp({EFFECT}) times as readily as any other outcome"


def read_selection(plain: Mapping[str, Any], *, file: str, survival: bool) -> Selection:
    """Read the table of a model file.

    Raises
    ------
    CasepoolError
        For another key, a value that is no column, or a survival model.
    """
    check_keys(plain, ["rows"], file=file, table="selection")
    if survival:
        raise CasepoolError(
            "deaths and follow-up are censored by the writing itself: of survival no selection can be fitted",
            file=file, column="selection", remedy="remove the table, and use selection_survival",
        )  # fmt: skip
    rows = plain.get("rows", ALL)
    if not isinstance(rows, str) or not rows:
        remedy = f'write "{ALL}", or the name of a true/false column'
        raise CasepoolError("must be a column", file=file, column="selection.rows", value=rows, remedy=remedy)
    return Selection(rows)
