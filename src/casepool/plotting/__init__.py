"""Answers become pictures: one file a plot, named after it."""

from casepool.plotting.diagnostics import plot_diagnostics as plot_diagnostics
from casepool.plotting.effect_curve import plot_effect as plot_effect
from casepool.plotting.forest import plot_forest as plot_forest
from casepool.plotting.predictive_curves import plot_prior_survival as plot_prior_survival
from casepool.plotting.predictive_curves import plot_survival_check as plot_survival_check
from casepool.plotting.specification_curve import plot_multiverse as plot_multiverse
from casepool.plotting.spider import plot_spider as plot_spider
from casepool.plotting.survival_curves import plot_survival as plot_survival
from casepool.plotting.swimmer import plot_swimmer as plot_swimmer
from casepool.plotting.tipping_curve import plot_tipping as plot_tipping
from casepool.plotting.trial_designs import plot_decisions as plot_decisions
from casepool.plotting.trial_designs import plot_further_patients as plot_further_patients
from casepool.plotting.trial_designs import plot_operating_characteristics as plot_operating_characteristics
from casepool.plotting.trial_designs import plot_power as plot_power
from casepool.plotting.waterfall import plot_waterfall as plot_waterfall
