"""Where the pieces of a model's hazard meet on its table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from casepool.errors import CasepoolError
from casepool.modelling.families.basis_hazards import Pieces, constant_pieces, m_splines
from casepool.modelling.specification.model import Model


def pieces_of(model: Model, outcome: Mapping[str, np.ndarray]) -> Pieces | None:
    """Return the pieces of a model's hazard on its table; None of a hazard without.

    Raises
    ------
    CasepoolError
        If there are too few different event times for the pieces asked for.
    """
    if model.knots:
        return m_splines(model.knots, model.outcome.unit)
    if model.cuts or model.pieces:
        return constant_pieces(model.cuts or event_quantiles(model, outcome), model.outcome.unit)
    return None


def event_quantiles(model: Model, outcome: Mapping[str, np.ndarray]) -> tuple[float, ...]:
    """Return the cuts that share the events out evenly between `model.pieces` pieces."""
    times = outcome["time"][outcome["event"] == 1]
    shares = np.arange(1, model.pieces) / model.pieces
    cuts = np.quantile(times, shares) if len(times) else np.zeros(0)
    if len(np.unique(cuts)) < model.pieces - 1 or not (cuts > 0).all():
        raise CasepoolError(
            f"the {len(times)} events cannot be shared out between {model.pieces} pieces",
            file=model.name,
            column="pieces",
            value=model.pieces,
            remedy="ask for fewer pieces, or name the cuts",
        )
    return tuple(float(cut) for cut in cuts)
