"""The command line: a thin mirror of the Python names.

Exit status 0, 2 on bad input, 3 without convergence, 4 where a fit does not reproduce.
"""

from casepool.cli.program import app as app
from casepool.cli.running import main as main
