"""The statistics a claim may name."""

from __future__ import annotations

from casepool.claims.comparisons import COMPARISONS
from casepool.claims.counts import COUNTS
from casepool.claims.measurements import MEASUREMENTS
from casepool.claims.ratios import RATIOS
from casepool.claims.statistic import Statistic
from casepool.claims.survivals import SURVIVALS

STATISTICS: dict[str, Statistic] = {**COUNTS, **COMPARISONS, **SURVIVALS, **RATIOS, **MEASUREMENTS}
"""Every statistic by name; a new one is a new entry."""
