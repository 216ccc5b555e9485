"""The statistics a claim may name."""

from __future__ import annotations

from casepool.frequentist.claims.comparisons import COMPARISONS
from casepool.frequentist.claims.counts import COUNTS
from casepool.frequentist.claims.statistic import Statistic
from casepool.frequentist.claims.survivals import SURVIVALS

STATISTICS: dict[str, Statistic] = {**COUNTS, **COMPARISONS, **SURVIVALS}
"""Every statistic by name; a new one is a new entry."""
