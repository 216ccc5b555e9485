"""The numbers a paper prints, as data, and their recomputation."""

from casepool.claims.drafts import draft_claims as draft_claims
from casepool.claims.files import Claim as Claim
from casepool.claims.files import Reading as Reading
from casepool.claims.files import read_claims as read_claims
from casepool.claims.registry import STATISTICS as STATISTICS
from casepool.claims.verdicts import audit as audit
