"""Engines in place of the real ones, which draw from the prior and need no compiler, and what they are given."""

import numpy as np

from casepool.inference.drawn import Drawn
from casepool.inference.engines import ENGINES
from casepool.inference.predictive import prior_draws
from tests.small import counts, half_normal, normal, response_model

MODEL = response_model({"group": {"kind": "group"}}, {"intercept": normal(1.5), "group_sd": half_normal(1.0)})
TABLE = counts([3, 0, 5, 2], [4, 6, 5, 7], group=["a", "b", "c", "d"])
FINE = {
    "exact": {"k": 0.1, "kish": 3900.0, "proposals": 4000, "refinement": 1e-4},
    "lockstep": {"nested_rhat": 1.002},
    "nuts": {},
}


def toy(engine: str, design, seed: int, chains: int, draws: int) -> Drawn:
    rng = np.random.default_rng([seed, ENGINES.index(engine)])
    parameters = prior_draws(design, rng, (chains, draws))
    names = {"exact": ["lp"], "lockstep": ["lp", "acceptance_rate", "n_steps"], "nuts": ["energy", "logp"]}[engine]
    stats = {name: rng.uniform(0.8, 1.0, (chains, draws)) for name in names}
    stats |= {"superchain": np.tile(np.arange(draws) // 25 % 4, (chains, 1))} if engine == "lockstep" else {}
    return Drawn(parameters, stats | {"diverging": np.zeros((chains, draws), dtype=bool)}, dict(FINE[engine]))
