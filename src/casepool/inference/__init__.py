"""A Design becomes draws."""

from casepool.inference.fitting import fit as fit
from casepool.inference.fitting import refit as refit
from casepool.inference.graph import build as build
