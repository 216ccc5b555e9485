"""May this fit be believed."""

from casepool.checking.held_out import leave_out as leave_out
from casepool.checking.model_comparison import compare_models as compare_models
from casepool.checking.prior_sensitivity import power_scaling as power_scaling
from casepool.checking.verdicts import check as check
