"""Which levels of a factor are compared with which."""

from __future__ import annotations

import itertools

import numpy as np

from casepool.errors import CasepoolError
from casepool.modelling.design.grouping import Membership


def pairs_of(group: Membership, n: np.ndarray, reference: str | None) -> list[tuple[int, int]]:
    """Return the places of every two levels with patients, the earlier first; or of a reference and each other level.

    Parameters
    ----------
    group : Membership
    n : array (levels,)
        Patients of each level.
    reference : str, optional

    Raises
    ------
    CasepoolError
        If the reference is no level with patients.
    """
    seen = [int(i) for i in np.flatnonzero(n > 0)]
    if reference is None:
        return list(itertools.combinations(seen, 2))
    known = [group.levels[i] for i in seen]
    if reference not in known:
        raise CasepoolError(
            "the reference is no level with patients in the fit",
            column=group.by,
            value=reference,
            remedy=f"choose one of {', '.join(known)}",
        )
    first = group.levels.index(reference)
    return [(first, i) for i in seen if i != first]
