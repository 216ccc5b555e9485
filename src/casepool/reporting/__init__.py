"""Answers become pictures and a report."""

from casepool.reporting.assembly import report as report
from casepool.reporting.dates import plot_tipping as plot_tipping
from casepool.reporting.effects import plot_effect as plot_effect
from casepool.reporting.foreseen import plot_prior_survival as plot_prior_survival
from casepool.reporting.foreseen import plot_survival_check as plot_survival_check
from casepool.reporting.forest import plot_forest as plot_forest
from casepool.reporting.lanes import plot_swimmer as plot_swimmer
from casepool.reporting.specification import plot_multiverse as plot_multiverse
from casepool.reporting.trajectories import plot_survival as plot_survival
