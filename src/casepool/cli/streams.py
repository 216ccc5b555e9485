"""Standard output and error of any encoding: a letter that one lacks stops nothing."""

from __future__ import annotations

import codecs
import io
from typing import Any

from casepool.escaping import plain_signs

ERRORS = "casepool"
"""Name of what becomes of characters that an encoding lacks."""


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write what a sign stands for in plain letters, where it is one casepool writes; else its number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = plain_signs(error.object[error.start : error.end])
    return text.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(ERRORS, _replaced)


def forgiving(stream: Any) -> None:
    """Let a stream of text take any character."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=ERRORS)
