"""A dataset that grows: cases added, what that moved and why, and a log that shows whether it was changed."""

from casepool.living.adding import add as add
from casepool.living.looking_back import history as history
from casepool.living.verifying import verify as verify
