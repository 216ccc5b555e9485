"""What is asked of a response: the probability of success, of one category, or of a category or better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casepool.modelling.specification.model import Model


@dataclass(frozen=True)
class Endpoint:
    """Some neighbouring categories.

    Parameters
    ----------
    at : str
        What an estimate table calls them in its column ``at``; "" where success and failure are all there is.
    codes : tuple of str
        The outcome's codes, worst first.
    first, last : int
        Positions of the first and last category.
    """

    at: str
    codes: tuple[str, ...]
    first: int
    last: int

    @property
    def words(self) -> str:
        """Name the endpoint with its codes: "at least PR (PR or CR)"; "" where it is success alone."""
        return f"{self.at} ({' or '.join(self.codes)})" if self.at and len(self.codes) > 1 else self.at

    def of(self, categories: list[np.ndarray]) -> np.ndarray:
        """Add up what belongs to the endpoint from one array per category."""
        return np.asarray(sum(categories[self.first : self.last + 1]))


def event(model: Model) -> Endpoint:
    """Return the endpoint a model calls success; of an ordinal one by default whatever is better than the worst."""
    if not model.is_ordinal:
        return Endpoint("", model.outcome.success, 1, 1)
    best = len(model.outcome.success) or len(model.outcome.levels) - 1
    return at_least(model)[-best]


def at_least(model: Model) -> list[Endpoint]:
    """Return an ordinal model's "this category or better", for every category but the worst; else success alone."""
    if not model.is_ordinal:
        return [event(model)]
    codes = model.outcome.levels
    return [Endpoint(f"at least {codes[k]}", codes[k:], k, len(codes) - 1) for k in range(1, len(codes))]


def endpoints(model: Model) -> list[Endpoint]:
    """Return all that is told of a model: an ordinal one's categories, worst first, then `at_least`."""
    if not model.is_ordinal:
        return [event(model)]
    single = [Endpoint(code, (code,), k, k) for k, code in enumerate(model.outcome.levels)]
    return single + at_least(model)
