"""The numbers a paper prints, as data, and their recomputation."""

from casepool.frequentist.claims.files import Claim as Claim
from casepool.frequentist.claims.files import Reading as Reading
from casepool.frequentist.claims.files import read_claims as read_claims
from casepool.frequentist.claims.registry import STATISTICS as STATISTICS
from casepool.frequentist.claims.verdicts import audit as audit
