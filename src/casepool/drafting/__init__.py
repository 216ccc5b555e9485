"""First models, drafted from what the columns of a table are."""

from casepool.drafting.drafts import draft as draft
from casepool.drafting.folders import new_dataset as new_dataset
