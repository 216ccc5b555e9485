"""The trial that follows from a table of cases: its design as text, how often it is wrong, its thresholds."""

from casepool.trials.calibration import calibrate as calibrate
from casepool.trials.characteristics import operating_characteristics as operating_characteristics
from casepool.trials.characteristics import simulate as simulate
from casepool.trials.files import list_trials as list_trials
from casepool.trials.files import trial_design as trial_design
from casepool.trials.further_patients import further_patients as further_patients
from casepool.trials.specification import TrialDesign as TrialDesign
