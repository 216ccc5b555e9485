"""Whether a model file gives the priors its model needs, each on the support it needs."""

from __future__ import annotations

from casepool.errors import CasepoolError
from casepool.modelling.families.names import log_intensity_of
from casepool.modelling.specification.model import Model


def check_priors(made: Model, file: str) -> None:
    """Refuse priors that are missing, belong to nothing, or have the wrong support.

    Raises
    ------
    CasepoolError
        For the first thing wrong.
    """
    wanted = made.prior_keys
    spare = [log_intensity_of(exposure) for exposure in made.exposures]
    for name in wanted:
        if name not in made.priors:
            raise CasepoolError(
                "the model needs this prior",
                file=file,
                column=f"priors.{name}",
                remedy=f"add [priors.{name}]",
            )
    for key, prior in made.priors.items():
        parameter = made.parameter(key)
        owned = parameter is not None and parameter.key == key.partition(".")[0]
        if not owned and key not in spare:
            raise CasepoolError(
                "a prior for nothing in this model",
                file=file,
                column=f"priors.{key}",
                remedy=f"the model has {', '.join(wanted)}",
            )
        refusal = parameter.refusal(prior) if parameter else None
        if refusal:
            problem, remedy = refusal
            raise CasepoolError(problem, file=file, column=f"priors.{key}", remedy=remedy)
