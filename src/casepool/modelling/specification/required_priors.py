"""Whether a model file gives the priors its model needs, each on the support it needs."""

from __future__ import annotations

from collections.abc import Collection

from casepool.errors import CasepoolError
from casepool.modelling.specification.default_priors import default_priors, prior_text
from casepool.modelling.specification.model import Model


def refuse_missing(made: Model, given: Collection[str], file: str) -> None:
    """Refuse a model that needs priors its file does not give: all of them at once, with text to paste."""
    missing = [name for name in made.prior_keys if name not in given]
    if missing:
        raise CasepoolError(
            f"the model needs {'this prior' if len(missing) == 1 else f'{len(missing)} more priors'}",
            file=file,
            column=f"priors.{missing[0]}",
            remedy=f"add {', '.join(f'[priors.{name}]' for name in missing)}",
            paste=prior_text(default_priors(made, missing)),
        )


def check_priors(made: Model, file: str) -> None:
    """Refuse priors that belong to nothing, or have the wrong support.

    That of an exposure's intensity may stand there unused, where its dates are not modelled.

    Raises
    ------
    CasepoolError
        For the first thing wrong.
    """
    owners = {exposure.intensity.key: exposure.intensity for exposure in made.exposures.values()}
    owners |= {own.key: own for own in made.parameters if own.key}
    for key, prior in made.priors.items():
        owner = owners.get(key.partition(".")[0])
        if owner is None:
            raise CasepoolError(
                "a prior for nothing in this model",
                file=file,
                column=f"priors.{key}",
                remedy=f"the model has {', '.join(made.prior_keys)}",
            )
        if refusal := owner.refusal(prior):
            problem, remedy = refusal
            raise CasepoolError(problem, file=file, column=f"priors.{key}", remedy=remedy)
