"""Independent draws from a grid. PLACEHOLDER, to be overwritten by the engine."""

from __future__ import annotations

from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.modelling import Design


def draw(design: Design, seed: int, *, chains: int, draws: int, progress: bool) -> Drawn:
    """Decline every design, as the engine is not written yet."""
    raise EngineRefusal("unwritten", "the engine 'exact' is not written yet")
