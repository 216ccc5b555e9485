"""The command line run: its streams, its refusals, its exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from casepool.cli import data, fits, models, pages, tables, trials
from casepool.cli.answering import BAD_INPUT
from casepool.cli.program import NAME, app
from casepool.cli.streams import forgiving
from casepool.errors import CasepoolError

FAMILIES = (data, models, fits, tables, trials, pages)
"""Modules whose import makes commands."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        forgiving(stream)
    try:
        try:
            app(args=arguments, prog_name=NAME)
        finally:
            sys.stdout.flush()
    except CasepoolError as error:
        print(f"casepool: {error}", *[error.paste] * bool(error.paste), sep="\n\n", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except OSError as error:  # of standard output, as files say theirs themselves
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter tries once more
        print(f"casepool: standard output cannot be written ({error.strerror}); send it elsewhere", file=sys.stderr)
        sys.exit(BAD_INPUT)
