"""What is asked of a response: the probability of success, of one category, or of a category or better."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from casepool.modelling.design import Design
from casepool.modelling.responses import category_counts
from casepool.modelling.spec import Model


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


def steps(model: Model) -> tuple[str, ...]:
    """Name the steps from each category to the next: "PD | SD"."""
    codes = model.outcome.levels if model.is_ordinal else ("failure", "success")
    return tuple(f"{worse} | {better}" for worse, better in itertools.pairwise(codes))


def counted(design: Design, endpoint: Endpoint) -> np.ndarray:
    """Return how many of the patients each row of the fit stands for reached an endpoint: array (n,)."""
    return endpoint.of(category_counts(design.outcome, len(steps(design.model)) + 1))


def reached_note(design: Design) -> str:
    """Say which categories nobody reached, or that all patients share one; "" if every one was reached."""
    if not design.model.is_ordinal:
        return ""
    codes = design.model.outcome.levels
    totals = [counts.sum() for counts in category_counts(design.outcome, len(codes))]
    empty = [code for code, total in zip(codes, totals, strict=True) if not total]
    if len(empty) == len(codes) - 1:
        [only] = set(codes) - set(empty)
        return f"only {only} was reached: how far apart the categories lie is the prior's"
    return f"nobody in the fit reached {' or '.join(empty)}" if empty else ""
