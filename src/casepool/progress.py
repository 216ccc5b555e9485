"""What is going on, said on standard error: lines, and on a terminal a bar with counts and the time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from threading import Timer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress

AFTER = 2.0
"""Seconds of work before a bar is drawn, or a count said."""
EVERY = 10.0
"""Seconds between counts that are said where there is no terminal."""


class _Bars:
    """The bars that are drawn: one display for all counts, however deep within each other."""

    def __init__(self) -> None:
        self.display: Progress | None = None
        self.timer: Timer | None = None
        self.depth = 0

    def open(self, what: str, of: int) -> Any:
        """Begin to count; the first count brings the display, drawn once the work has taken a while."""
        if self.display is None:
            self.display = _display()
            self.timer = Timer(AFTER, self.display.start)
            self.timer.daemon = True
            self.timer.start()
        self.depth += 1
        return self.display.add_task(what, total=of)

    def close(self, task: Any) -> None:
        """End a count; the last one takes the display away."""
        self.depth -= 1
        if self.display is None or self.timer is None:
            return
        if self.depth:
            self.display.remove_task(task)
            return
        self.timer.cancel()
        self.timer.join()
        self.display.stop()
        self.display = self.timer = None


BARS = _Bars()


def say(progress: bool, text: str) -> None:
    """Say on standard error what is going on."""
    if progress:
        print(f"casepool: {text}", file=sys.stderr, flush=True)


def doing(progress: bool, text: str) -> None:
    """Say what is being done now: nothing beside a bar, which counts it."""
    say(progress and not is_counting(), text)


def is_counting() -> bool:
    """Whether a bar is drawn, or about to be: no other may be then."""
    return BARS.display is not None


def steps[T](progress: bool, work: Iterable[T], what: str, of: int | None = None) -> Iterator[T]:
    """Hand on pieces of work one by one, and say how many are done and how long the rest will take.

    Parameters
    ----------
    progress : bool
        Whether to say anything.
    work : iterable
    what : str
        What is counted, in words.
    of : int, optional
        How many pieces there are; by default as many as `work` has.
    """
    total = of if of is not None else len(work) if isinstance(work, Sequence) else 0
    if not progress or total < 2:
        yield from work
    elif sys.stderr.isatty():
        yield from _drawn(work, what, total)
    else:
        yield from _said(work, what, total)


def _drawn[T](work: Iterable[T], what: str, total: int) -> Iterator[T]:
    task = BARS.open(what, total)
    try:
        for piece in work:
            yield piece
            if BARS.display is not None:
                BARS.display.advance(task)
    finally:
        BARS.close(task)


def _said[T](work: Iterable[T], what: str, total: int) -> Iterator[T]:
    begun = last = time.monotonic()
    for done, piece in enumerate(work, start=1):
        yield piece
        now = time.monotonic()
        if done < total and now - begun > AFTER and (now - last > EVERY or last == begun):
            last = now
            say(True, f"{what}: {done} of {total}, about {time_left((now - begun) / done * (total - done))} left")


def time_left(seconds: float) -> str:
    """Write a time as one reads it on a clock: ``0:07``, ``2:05``, ``1:02:05``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _display() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = [TextColumn("casepool: {task.description}", markup=False), BarColumn(), MofNCompleteColumn()]
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)
