"""Draws become answers, by array arithmetic."""

from casepool.estimation.comparing import compare as compare
from casepool.estimation.contrasts import contrast as contrast
from casepool.estimation.contrasts import contrast_draws as contrast_draws
from casepool.estimation.estimability import aliasing as aliasing
from casepool.estimation.followed import followed as followed
from casepool.estimation.incidence import cumulative_incidence as cumulative_incidence
from casepool.estimation.ledger import ledger as ledger
from casepool.estimation.patient_flow import flow as flow
from casepool.estimation.predicting import predict as predict
from casepool.estimation.published import selection as selection
from casepool.estimation.ranks import ranking as ranking
from casepool.estimation.response import estimates as estimates
from casepool.estimation.sequences import any_event as any_event
from casepool.estimation.sequences import sequence as sequence
from casepool.estimation.survival import survival as survival
from casepool.estimation.trial_rows import trial_prior as trial_prior
