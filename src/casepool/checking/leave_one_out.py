"""One patient left out: by importance sampling where that can be trusted, by a refit where it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from casepool.checking.held_out import joint_score, refitted, refuse_shared
from casepool.checking.importance import MOST_K, weighed
from casepool.estimation.draws import Fitted


@dataclass(frozen=True)
class LeftOneOut:
    """Leave-one-out scores of a fit.

    Parameters
    ----------
    elpd : array (n,)
        Log predictive density of each patient given all others.
    k : array (n,)
        Pareto k of the importance weights.
    exact : boolean array (n,)
        Whether the score comes from a refit without the patient.
    moved : mapping of str to tuple of (str, float)
        By patient refitted without: the scalar parameter whose mean moves most, and by how many posterior
        standard deviations.
    unconverged : tuple of str
        Patients whose refit did not converge.
    """

    elpd: np.ndarray
    k: np.ndarray
    exact: np.ndarray
    moved: Mapping[str, tuple[str, float]]
    unconverged: tuple[str, ...] = ()

    @property
    def in_doubt(self) -> np.ndarray:
        """Which patients' scores importance sampling cannot tell, and no refit has: boolean array (n,)."""
        return np.asarray((self.k > MOST_K) & ~self.exact)


def leave_one_out(fitted: Fitted, *, refits: bool, progress: bool) -> LeftOneOut:
    """Score every patient by the others: Pareto-smoothed importance sampling, exact where its k is high if asked."""
    refuse_shared(fitted)
    found = weighed(fitted)
    elpd, k = found.elpd.copy(), found.k
    exact, moved, unconverged = np.zeros(len(k), dtype=bool), {}, []
    high: list[int] = list(np.flatnonzero(k > MOST_K)) if refits and len(k) > 1 else []
    left_out = [
        (np.arange(len(k)) == i, f"patient {fitted.design.patients[i]} ({place} of {len(high)})")
        for place, i in enumerate(high, start=1)
    ]
    for i, refit in zip(high, refitted(fitted, left_out, progress=progress), strict=True):
        patient, held = fitted.design.patients[i], np.arange(len(k)) == i
        elpd[i], exact[i] = joint_score(fitted.design.of_patients(held), refit.parameters), True
        moved[patient] = _moved(fitted.parameters, refit.parameters)
        if not refit.converged:
            unconverged.append(patient)
    return LeftOneOut(elpd, k, exact, moved, tuple(unconverged))


def _moved(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> tuple[str, float]:
    """Return the single parameter whose mean moves most, and by how many posterior standard deviations."""
    shifts = {
        name: float((after[name].mean() - values.mean()) / values.std())
        for name, values in before.items()
        if values.ndim == 2 and name in after and values.std() > 0
    }
    name = max(shifts, key=lambda key: abs(shifts[key]), default="")
    return name, shifts.get(name, 0.0)
