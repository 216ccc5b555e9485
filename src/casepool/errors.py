"""The one error a user of casepool meets: what is wrong, where, and what to do about it."""

from __future__ import annotations

from typing import Any

from casepool.escaping import one_line, printable, shorten


class RowName(str):
    """A row as a user finds it, "row 5 (patient 5), line 6", and its number."""

    number: int

    def __new__(cls, number: int, who: str = "", line: int | None = None) -> RowName:
        """Name a row by its number, who is in it, and its line in the file."""
        made = super().__new__(cls, f"row {number}" + f" ({who})" * bool(who) + (f", line {line}" if line else ""))
        made.number = number
        return made


class CasepoolError(ValueError):
    """Refusal of bad input, in one line.

    Parameters
    ----------
    problem : str
        What is wrong, as a sentence part without a full stop.
    remedy : str
        What the user can do about it.
    file : str, optional
        The file, dataset or model the problem is in.
    row : str, optional
        The row, as the user would find it ("row 5 (patient 7)").
    column : str, optional
        The column or key.
    value : object, optional
        The offending value; shown by ``repr``, shortened.
    paste : str, optional
        Text that would mend it if it were pasted where the remedy says. It is no part of the line; a traceback and the
        command line show it below.

    See Also
    --------
    validate, read_cases

    Examples
    --------
    >>> import casepool as cp
    >>> try:
    ...     cp.load("no_such_table")
    ... except cp.CasepoolError as refusal:
    ...     print(str(refusal).split(";")[0])
    there is no bundled dataset of this name (value 'no_such_table')
    """

    def __init__(
        self,
        problem: str,
        *,
        remedy: str,
        file: str | None = None,
        row: str | None = None,
        column: str | None = None,
        value: object = None,
        paste: str = "",
    ) -> None:
        self.problem, self.remedy = one_line(problem), remedy
        self.file, self.row, self.column, self.value = file, row, column, value
        place = [part for part in (file, row and shorten(row), f"column {column!r}" if column else None) if part]
        shown = "" if value is None else f" (value {shorten(repr(plain(value)))})"
        message = f"{', '.join(place)}{': ' if place else ''}{problem}{shown}; {remedy}"
        super().__init__(one_line(message))
        self.paste = printable(paste)
        if paste:
            self.add_note(f"\n{self.paste}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a refusal come back from another process as it is."""
        return _refusal, (type(self), str(self), vars(self))


def _refusal(kind: type[CasepoolError], message: str, told: dict[str, Any]) -> CasepoolError:
    made = kind.__new__(kind, message)
    made.args = (message,)
    made.__dict__.update(told)
    return made


def plain(value: Any) -> Any:
    """Return a value as Python writes it: what numpy wraps is ``200`` to a reader, not ``np.int64(200)``."""
    if isinstance(value, list | tuple):
        return type(value)([plain(item) for item in value])
    return value.tolist() if hasattr(value, "tolist") else value
