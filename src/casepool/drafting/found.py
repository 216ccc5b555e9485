"""What a draft found to be the outcome of a table."""

from __future__ import annotations

from dataclasses import dataclass

from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.outcome import Outcome


@dataclass(frozen=True)
class Found:
    """An outcome, and the exposure of a survival outcome.

    Parameters
    ----------
    asked : tuple of str
        What the table cannot tell, and must be said before anything is fitted.
    taken : tuple of str
        What was taken for granted, to be looked at.
    """

    family: str
    outcome: Outcome
    effects: str = ""
    link: str = ""
    exposure: Exposure | None = None
    asked: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns it reads, which are no factors."""
        return self.outcome.columns() + (self.exposure.columns() if self.exposure else [])
