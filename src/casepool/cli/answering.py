"""How a command answers: its table printed or written, and the exit status of what may not be used."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from casepool.presenting.files import refuse_table_at, table_text, write_table
from casepool.replacing import read_by

if TYPE_CHECKING:
    import pandas as pd

BAD_INPUT, NOT_CONVERGED, NOT_REPRODUCED = 2, 3, 4


def writable(out: Path | None, force: bool, *read: str | Path) -> None:
    """Refuse a file that the answer cannot be written to, before any work."""
    if out is not None:
        refuse_table_at(out, overwrite=force, inputs=read_by(*read))


def answered(table: pd.DataFrame, *, csv: bool, out: Path | None, force: bool) -> None:
    """Write a table to a file, or print it: for a terminal, or as comma-separated values with every column."""
    if out is None:
        print(table_text(table, "csv") if csv else printed(table))
    else:
        print(f"wrote {write_table(table, out, overwrite=force)}")


def printed(table: pd.DataFrame) -> str:
    """Return a table as it prints."""
    from casepool.tables import printed as text_of

    return text_of(table)


def stop_if_unconverged(fits: Sequence[Any]) -> None:
    """Leave with the status of fits whose numbers must not be used, if any is one."""
    from casepool.inference.convergence import said_of

    bad = [said for fit in fits if (said := said_of(fit))]
    if bad:
        why = "; ".join(dict.fromkeys(bad))
        print(f"casepool: {len(bad)} of {len(fits)} fits: {why}; do not use their numbers", file=sys.stderr)
        raise typer.Exit(NOT_CONVERGED)


def stop_if_failed(table: pd.DataFrame) -> None:
    """Leave with the same status if a row of a table did not converge."""
    if "fail" in set(table.get("verdict", ())):
        print("casepool: some of these numbers did not converge; do not use them", file=sys.stderr)
        raise typer.Exit(NOT_CONVERGED)
