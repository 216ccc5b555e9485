"""What is going on, said on standard error."""

from __future__ import annotations

import sys


def say(progress: bool, text: str) -> None:
    """Say on standard error what is going on."""
    if progress:
        print(f"casepool: {text}", file=sys.stderr, flush=True)
