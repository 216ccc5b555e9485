"""May this fit be believed."""

from casepool.checking.leaving import leave_out as leave_out
from casepool.checking.scaling import power_scaling as power_scaling
from casepool.checking.verdicts import check as check
from casepool.checking.weighing import compare_models as compare_models
