"""A Design becomes draws."""

from casepool.inference.files import open_fit as open_fit
from casepool.inference.files import save_fit as save_fit
from casepool.inference.fitting import fit as fit
from casepool.inference.fitting import refit as refit
from casepool.inference.graph import build as build
from casepool.inference.reproduction import verify as verify
