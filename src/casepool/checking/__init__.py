"""May this fit be believed."""

from casepool.checking.verdicts import check as check
