"""How answers vary: the same model, refitted many ways."""

from casepool.studies.conflict import trial_conflict as trial_conflict
from casepool.studies.exposure import exposure_sensitivity as exposure_sensitivity
from casepool.studies.multiverse import multiverse as multiverse
from casepool.studies.overlap import trial_overlap as trial_overlap
from casepool.studies.replacement import replacement as replacement
from casepool.studies.sensitivity import sensitivity as sensitivity
from casepool.studies.tipping import tipping as tipping
from casepool.studies.variants import variants as variants
