"""Draws become answers, by array arithmetic."""

from casepool.estimation.comparing import compare as compare
from casepool.estimation.response import estimates as estimates
from casepool.estimation.survival import contrast as contrast
from casepool.estimation.survival import survival as survival
