"""Pieces of work, done here or by the workers of a Dask cluster, whose answers are the same to the byte.

Dask is imported only where a client is given. Nothing is drawn, kept on disk or shared by workers: a piece holds all it
needs, its name says its content, and what it gives goes back to the caller, who keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from threading import Lock
from typing import Any

from threadpoolctl import threadpool_limits

from casepool.errors import CasepoolError
from casepool.progress import say

AHEAD = 3
"""Pieces sent ahead for each thread of the cluster: enough that none waits, few enough that they need no memory."""
EVERY, PATIENCE = 5.0, 300.0
"""Seconds between looks whether the cluster has workers, and for how long it may have none."""
ONE_BY_ONE = Lock()
"""Held by the piece that a process does."""


@dataclass(frozen=True)
class Piece:
    """Some work.

    Parameters
    ----------
    what : str
        In words, for who is told that it cannot be done.
    function : callable
        Of a module, so that workers find it by name.
    arguments : tuple
    halves : callable, optional
        Makes two smaller pieces of it, and one answer of theirs; gives none of what cannot be parted.
    """

    what: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    halves: Callable[[], tuple[Piece, Piece, Callable[[Any, Any], Any]] | None] | None = None

    def done(self) -> Any:
        """Do it here."""
        return self.function(*self.arguments)


Kept = Callable[[int, Any], None]
"""Told the place of a piece, and its answer, as soon as that is there."""


def client_of(given: Any) -> Any:
    """Return a client of a Dask cluster, or None, refusing what is neither."""
    if given is None:
        return None
    try:
        from distributed import Client
    except ImportError:
        raise CasepoolError(
            "a client needs Dask, which is not installed", value=type(given).__name__,
            remedy='install it with pip install "casepool[dask]"',
        ) from None  # fmt: skip
    if not isinstance(given, Client):
        raise CasepoolError(
            "`client` is no distributed.Client", value=type(given).__name__, remedy="pass client=Client(cluster)"
        )
    if given.asynchronous or given.status != "running":
        problem = "is asynchronous" if given.asynchronous else f"is {given.status}"
        raise CasepoolError(f"the client {problem}", remedy="pass one that is connected, made by Client(cluster)")
    return given


def in_order(pieces: Sequence[Piece], client: Any = None, kept: Kept = lambda *_: None) -> Iterator[Any]:
    """Hand on the answers of pieces in their order, done here or by workers.

    Parameters
    ----------
    pieces : sequence of Piece
    client : distributed.Client, optional
    kept : callable, optional
        Told of every answer as it is there, in whatever order, so that nothing finished is lost.

    Raises
    ------
    CasepoolError
        Where a piece kills every worker it is given to, when all else is done and kept; and what a piece itself raises.
    """
    if client is None or len(pieces) < 2:
        for place, piece in enumerate(pieces):
            answer = piece.done()
            kept(place, answer)
            yield answer
        return
    waiting: dict[int, Any] = {}
    following = 0
    for place, answer in _by_workers(pieces, client):
        kept(place, answer)
        waiting[place] = answer
        while following in waiting:
            yield waiting.pop(following)
            following += 1


def _by_workers(pieces: Sequence[Piece], client: Any) -> Iterator[tuple[int, Any]]:
    """Hand on places and answers as workers finish; last those that Dask gave up, as others may be to blame."""
    threads = sum(client.nthreads().values())
    say(not threads, "waiting for the first worker of the cluster")
    places = iter(range(len(pieces)))
    sent: dict[Any, int] = {}
    accused: list[int] = []

    def send(most: int) -> None:
        for place in islice(places, most):
            sent[_submitted(client, pieces[place])] = place

    try:
        send(AHEAD * max(threads, 1))
        while sent:
            future = _over(sent, client)
            place = sent.pop(future)
            try:
                answer = _answer(future)
            except _Killing:
                accused.append(place)
            else:
                yield place, answer
            send(1)
    finally:
        client.cancel([*sent])
    fatal: list[str] = []
    for place in accused:
        try:
            yield place, _alone(pieces[place], client)
        except _Killing as killing:
            fatal += killing.args
    if fatal:
        raise CasepoolError(
            "this work kills every worker that is given it, and all else is done", value=", ".join(fatal),
            remedy="give workers more memory, or leave it out",
        )  # fmt: skip


class _Killing(Exception):  # noqa: N818 - caught in this file
    """Work that was given to several workers, all of which died; of what is done alone, in words."""


def _alone(piece: Piece, client: Any) -> Any:
    """Do a piece while nothing else is done, parted where it kills workers, until it is known what does."""
    try:
        return _answer(_over([_submitted(client, piece, "-alone")], client))
    except _Killing:
        parted = piece.halves() if piece.halves else None
    if parted is None:
        raise _Killing(piece.what)
    first, second, joined = parted
    answers: list[Any] = []
    fatal: list[str] = []
    for half in (first, second):
        try:
            answers.append(_alone(half, client))
        except _Killing as killing:
            fatal += killing.args
    if fatal:
        raise _Killing(*fatal)
    return joined(*answers)


def _submitted(client: Any, piece: Piece, again: str = "") -> Any:
    """Send a piece, under a name that says its content."""
    from dask.tokenize import tokenize

    key = f"casepool-{tokenize(piece.function, piece.arguments)}{again}"
    return client.submit(_carried_out, version("casepool"), piece.function, piece.arguments, key=key, pure=False)


def _over(sent: Iterable[Any], client: Any) -> Any:
    """Wait for work that is over, as long as the cluster has workers, or gets some."""
    from distributed import wait

    seen = time.monotonic()
    while True:
        try:
            return next(iter(wait([*sent], timeout=EVERY, return_when="FIRST_COMPLETED").done))
        except TimeoutError:
            if client.nthreads():
                seen = time.monotonic()
            elif time.monotonic() - seen > PATIENCE:
                raise CasepoolError(
                    "the cluster has no workers left", value=f"none for {PATIENCE:.0f} s",
                    remedy="start it anew; a journal keeps what is done",
                ) from None  # fmt: skip


def _answer(future: Any) -> Any:
    """Return the answer of work that is over, or raise what it raised."""
    from distributed import KilledWorker

    error = None if future.cancelled() else future.exception()
    if future.cancelled():
        raise CasepoolError(
            "the connection to the cluster is lost", remedy="start it anew; a journal keeps what is done"
        )
    if isinstance(error, KilledWorker):
        future.release()
        raise _Killing
    if isinstance(error, ImportError) or (error and isinstance(error.__cause__, ImportError)):
        missing = error.__cause__ or error
        raise CasepoolError(
            f"a worker lacks what casepool needs ({missing})", remedy="install the same casepool where workers run"
        )
    if error is not None:
        raise error
    answer = future.result()
    future.release()  # or it would be worked out again when its worker dies
    return answer


def _carried_out(expected: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Do a piece in a worker: one at a time, as sums hang on how many threads linear algebra has."""
    own = version("casepool")
    if own != expected:
        raise CasepoolError(
            "a worker has another version of casepool", value=f"{own}, not {expected}",
            remedy="install the same one where workers run",
        )  # fmt: skip
    with ONE_BY_ONE, threadpool_limits(limits=1, user_api="blas"):
        return function(*arguments)
