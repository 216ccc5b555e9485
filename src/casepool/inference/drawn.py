"""What an engine hands back, and how it declines: every engine turns a Design into draws of the same layout."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Drawn:
    """Draws of a posterior, and what the engine has to say for them.

    Parameters
    ----------
    parameters : mapping of str to array (chain, draw, ...)
        Every parameter of `Design.parameters`, by name, a vector's own axes last.
    stats : mapping of str to array (chain, draw)
        The group ``sample_stats``.
    gauges : mapping
        What the engine measured of itself, by name: numbers, whole numbers and words.
    """

    parameters: Mapping[str, np.ndarray]
    stats: Mapping[str, np.ndarray]
    gauges: Mapping[str, Any]


class EngineRefusal(Exception):  # noqa: N818 - no error: another engine takes over
    """An engine declines a design: before drawing as it is not made for it, or after as its own gates say no.

    Parameters
    ----------
    gate : str
        Name of what said no, such as ``"exnex"`` or ``"nested_rhat"``.
    why : str
        The same in words for a reader, without a full stop.
    """

    def __init__(self, gate: str, why: str) -> None:
        super().__init__(why)
        self.gate, self.why = gate, why
