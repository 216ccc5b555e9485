"""Sample the very posterior of a casepool model with nutpie and print ArviZ's summary: pymc_built.py MODEL DATASET.

The graph is casepool's own `pm.Model`; all that follows is what any user of PyMC would write.
"""

import sys

import arviz as az
import pymc as pm

import casepool as cp

with cp.build(*sys.argv[1:]):
    draws = pm.sample(1000, tune=1000, chains=4, target_accept=0.9, nuts_sampler="nutpie", random_seed=1,
                      progressbar=False)  # fmt: skip
print(az.summary(draws).to_string())
