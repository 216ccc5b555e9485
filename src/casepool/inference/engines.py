"""Which engine draws: those asked for in turn, why others declined, and one engine for all fits of a study."""

from __future__ import annotations

import copyreg
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from casepool.arguments import AUTO, ENGINES, NUTS
from casepool.cases import Codebook
from casepool.errors import CasepoolError
from casepool.inference import exact, lockstep
from casepool.inference.convergence import convergence
from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.modelling import Design
from casepool.progress import doing, say

GATES = 1
"""Version of what makes engines decline: answers kept on disk are those of one."""
DEFAULT = AUTO
"""What is asked for where neither the call nor the codebook names an engine."""
DRAWING: dict[str, Callable[..., Drawn]] = {"exact": exact.draw, "lockstep": lockstep.draw}
"""Engines that need no compiler."""
OF_NUTS = {"tune": 1000, "target_accept": 0.9}
"""Settings of the no-U-turn sampler alone, and what they are where nobody gives them."""
AT_ONCE = ("exact",)
"""Engines that decline before any work or have drawn within a second: said to draw when they have."""
Refused = Mapping[str, Mapping[str, str]]
copyreg.pickle(EngineRefusal, lambda own: (EngineRefusal, (own.gate, own.why)))  # comes back from workers as it is


@dataclass(frozen=True)
class Choice:
    """The engine that is to draw, and why no earlier one is.

    Parameters
    ----------
    asked : str
        One of `ASKED`.
    engine : str
        One of `ENGINES`.
    refused : mapping of str to mapping
        By engine that declined: ``gate``, the name of what said no, and ``why``, the same in words.
    """

    asked: str
    engine: str
    refused: Refused = field(default_factory=dict)


@dataclass(frozen=True)
class Sampled:
    """Draws of one design by one engine.

    Parameters
    ----------
    drawn : Drawn
    settings : mapping
        What `fit` takes to draw the same again, the engine among them.
    convergence : mapping
        As of `convergence`.
    retried : str
        What went wrong the first time, if anything.
    """

    drawn: Drawn
    settings: Mapping[str, Any]
    convergence: Mapping[str, Any]
    retried: str = ""


def asked_of(engine: str | None, codebook: Codebook) -> str:
    """Return what is asked for: by the caller, else by the codebook, else the default."""
    return engine or codebook.engine or DEFAULT


def run(
    design: Design,
    seed: int,
    settings: Mapping[str, Any],
    engine: str,
    *,
    what: str = "",
    cores: int | None = None,
    progress: bool,
) -> Sampled:
    """Draw from a posterior by one engine.

    Parameters
    ----------
    design : Design
    seed : int
    settings : mapping
        ``draws`` and ``chains``; ``tune`` and ``target_accept`` where they were given.
    engine : str
        One of `ENGINES`.
    what : str
        What is drawn, in words; else the name of the model.
    cores : int, optional
        Of nuts alone.
    progress : bool

    Raises
    ------
    EngineRefusal
        If the engine declines.
    """
    said = f"{what or design.model.name}: drawn by {engine}"
    doing(progress and engine not in AT_ONCE, said)
    if engine == NUTS:
        from casepool.inference.sampling import sample  # a compiler, which the other engines do without

        drawn, kept, retried = sample(design, seed, OF_NUTS | dict(settings), cores=cores, progress=progress)
    elif engine == "exact" and design.shared:
        raise EngineRefusal("shared", "rows share one likelihood")
    else:
        size = {name: int(settings[name]) for name in ("draws", "chains")}
        with np.errstate(over="ignore", invalid="ignore"):  # far out under a vague prior: no finite density, no mode
            drawn = DRAWING[engine](design, seed, progress=progress, **size)
        kept, retried = size, ""
    doing(progress and engine in AT_ONCE, said)
    return Sampled(drawn, {"engine": engine, **kept}, convergence(drawn, engine), retried)


def in_turn[T](
    asked: str, settings: Mapping[str, Any], made: Callable[[Choice], Iterable[T]], *, progress: bool
) -> list[T]:
    """Make all fits of a study by one engine: the first of those asked for that declines none of them.

    An engine that declines the first fit gives way to the next one; where it declines a later one, all of them are
    made anew by nuts, as a study in which engines differed would show them as if they were priors or codings.

    Parameters
    ----------
    asked : str
        One of `ASKED`.
    settings : mapping
        As of `run`.
    made : callable
        Takes a `Choice`; yields what is made of one fit after the other, and lets `EngineRefusal` through.
    progress : bool

    Returns
    -------
    list
        What was made.

    Raises
    ------
    CasepoolError
        If an engine asked for by name declines, or takes none of the settings given.
    """
    choice = _first(asked, settings, progress)
    while True:
        done: list[T] = []
        try:
            # linear algebra in one thread: sums of several hang on their number, and are no faster here
            with threadpool_limits(limits=1, user_api="blas"):
                for each in made(choice):
                    done.append(each)
        except EngineRefusal as refusal:
            choice = _next(choice, refusal, later=bool(done), progress=progress)
        else:
            return done


def _first(asked: str, settings: Mapping[str, Any], progress: bool) -> Choice:
    """Choose whom to ask first: settings of nuts alone mean nuts, and are refused with another engine."""
    own = [name for name in OF_NUTS if name in settings]
    if asked == NUTS or (asked == AUTO and not own):
        return Choice(asked, NUTS if asked == NUTS else ENGINES[0])
    if not own:
        return Choice(asked, asked)
    why = f"{' and '.join(own)} {'is a setting' if len(own) == 1 else 'are settings'} of nuts alone"
    if asked != AUTO:
        raise CasepoolError(f"the engine {asked!r} does not take them: {why}", remedy='leave out, or engine="nuts"')
    say(progress, f"{why}: drawing by nuts")
    return Choice(asked, NUTS, {name: {"gate": "settings", "why": why} for name in DRAWING})


def _next(choice: Choice, refusal: EngineRefusal, *, later: bool, progress: bool) -> Choice:
    """Choose whom to ask after one declined the first fit of a study, or a later one."""
    if choice.asked != AUTO:
        raise CasepoolError(
            f"the engine {choice.engine!r} declines: {refusal.why}", remedy='use engine="auto" or engine="nuts"'
        ) from None
    rest = ENGINES[ENGINES.index(choice.engine) + 1 :]
    following = NUTS if later else rest[0]
    refused = {**choice.refused, choice.engine: {"gate": refusal.gate, "why": refusal.why}}
    passed_over = {"gate": "study", "why": f"{choice.engine} declined a later fit of the same study"}
    refused |= dict.fromkeys(rest[: rest.index(following)], passed_over)
    fits = "nuts makes all fits of the study" if later else "nuts takes over"
    say(progress and following == NUTS, f"{choice.engine} declines ({refusal.why}): {fits}")
    return Choice(choice.asked, following, refused)
