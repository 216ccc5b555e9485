"""The stored densities of the structures, read from `densities.npz`; `make.py` says what they are."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

FILE = Path(__file__).parent / "densities.npz"


@dataclass(frozen=True)
class Stored:
    """Of one structure, at every point (the first axis of every array): what the model says there.

    Parameters
    ----------
    points, dlogp : dict of str to array
        By the name of a value variable: where it stands, and the gradient of `logp` along it.
    logp : array (points,)
        Joint log density on the unconstrained scale, Jacobians included.
    parameters : dict of str to array
        By posterior name, a vector's own axis last.
    log_likelihood : array (points, patients)
    log_prior : dict of str to array
        By the name of a parameter with a prior of its own.
    """

    points: dict
    logp: np.ndarray
    dlogp: dict
    parameters: dict
    log_likelihood: np.ndarray
    log_prior: dict


@cache
def everything():
    """Return the keys of the file by structure, and the open file."""
    archive = np.load(FILE, allow_pickle=False)
    keys = {}
    for key in archive.files:
        keys.setdefault(key.partition("/")[0], []).append(key)
    return keys, archive


def names():
    """Return the names of the structures whose densities are stored."""
    return list(everything()[0])


def stored(structure_name):
    """Return what is stored of one structure."""
    keys, archive = everything()
    whole = {key.partition("/")[2]: archive[key] for key in keys[structure_name]}
    parts = {"points": "point/", "dlogp": "dlogp/", "parameters": "parameter/", "log_prior": "log_prior/"}
    split = {field: {k.removeprefix(s): v for k, v in whole.items() if k.startswith(s)} for field, s in parts.items()}
    return Stored(logp=whole["logp"], log_likelihood=whole["log_likelihood"], **split)
