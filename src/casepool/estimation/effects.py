"""A response's probability along a number of the model: arrays, for a picture."""

from __future__ import annotations

import numpy as np

from casepool.estimation.draws import Fitted
from casepool.estimation.targets import over_patients
from casepool.modelling.specification.endpoints import event


def probability_along(fitted: Fitted, term: str, values: np.ndarray) -> np.ndarray:
    """Probability of success over all patients of the fit, each set to a value of a number, all else kept.

    Parameters
    ----------
    fitted : Fitted
    term : str
        A linear or smooth term.
    values : array (values,)

    Returns
    -------
    array (chain, draw, values)
    """
    success = event(fitted.model)
    each = [success.of(over_patients(fitted.design.at_value(term, float(value)), fitted)) for value in values]
    return np.stack(each, axis=-1)
