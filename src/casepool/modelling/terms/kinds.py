"""Every kind of term a model file may name."""

from __future__ import annotations

from casepool.modelling.terms import labels, numbers
from casepool.modelling.terms.term import Term

KINDS: dict[str, type[Term]] = {**labels.KINDS, **numbers.KINDS}
"""By the name a model file gives it."""
