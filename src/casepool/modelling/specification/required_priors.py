"""Whether a model file gives the priors its model needs, each on the support it needs."""

from __future__ import annotations

from collections.abc import Collection

from casepool.errors import CasepoolError
from casepool.modelling.families.parameters import CUTPOINTS, Parameter
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import FAMILIES, GAP, REPORTING
from casepool.modelling.families.trial_laws import TRIALS
from casepool.modelling.specification.default_priors import default_priors, prior_text
from casepool.modelling.specification.model import Model
from casepool.modelling.specification.selection import PARAMETER as SELECTION
from casepool.modelling.specification.trials import TABLE
from casepool.modelling.terms.labels import Group


def given_by(stated: Collection[str]) -> set[str]:
    """Return the priors that stated ones give: those of cutpoints that of the first and of the gaps too."""
    return {*stated, *((FAMILIES["ordinal"].location.name, GAP) if CUTPOINTS in stated else ())}


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
    owners |= {CUTPOINTS: made.of_family.location} if made.is_ordinal and made.has_zero_point else {}
    owners |= {own.key: own for own in made.parameters if own.key}
    owners |= {SELECTION.key: SELECTION} if made.selection else {}
    owners |= {REPORTING.key: REPORTING} if made.outcome.per else {}
    for key, prior in made.priors.items():
        if made.outcome.has_rate and key != REPORTING.key and prior.elicited.get("from") == "probability":
            raise CasepoolError("a model with times has rates, and no probability without a time", file=file,
                                column=f"priors.{key}", remedy="give a distribution of the log rate")  # fmt: skip
        owner = owners.get(key.partition(".")[0])
        if owner is None:
            raise CasepoolError(
                "a prior for nothing in this model",
                file=file,
                column=f"priors.{key}",
                remedy=f"the model has {', '.join(made.prior_keys)}",
            )
        refusal = owner.refusal(prior) or _refusal_of_level(made, owner, key, prior)
        if refusal:
            problem, remedy = refusal
            raise CasepoolError(problem, file=file, column=f"priors.{key}", remedy=remedy)


def _refusal_of_level(made: Model, owner: Parameter, key: str, prior: Prior) -> tuple[str, str] | None:
    """Say what is wrong with a prior of one level, or of one cutpoint, and the remedy; None where nothing is."""
    head, dot, level = key.partition(".")
    if not dot or not owner.is_stated:
        return None
    if head == CUTPOINTS and level not in made.steps:
        return "no such cutpoint", f"name one of {', '.join(made.steps)}"
    if head != CUTPOINTS and owner.dims[:1] != (owner.owner,):
        return "an effect without levels has one prior", f"state it in [priors.{head}]"
    if head not in made.priors:
        return "a prior of one level, and none of the others", f"add [priors.{head}]"
    whole = made.priors[head].dist
    if prior.dist != whole or whole in ("Mixture", "Fixed"):
        words = f"the prior of one level is of the distribution of the others, {whole}"
        return words, "use one of Normal, StudentT" if whole in ("Mixture", "Fixed") else f'set dist = "{whole}"'
    return None


def check_trials(made: Model, file: str) -> None:
    """Refuse trials that no prior is made of, a prior of them that is no intercept's, and a level they cannot be about.

    Raises
    ------
    CasepoolError
        For the first thing wrong.
    """
    if made.trials is None:
        return
    users = [key for key, prior in made.priors.items() if prior.elicited.get("from") == TRIALS]
    place: dict[str, str] = {"file": file, "column": f"priors.{users[0]}" if users else TABLE}
    if not users:
        remedy = 'set from = "trials" in [priors.intercept], or remove the table'
        raise CasepoolError("no prior is made of these trials", remedy=remedy, **place)
    if users != [made.of_family.location.name] or made.is_ordinal or made.is_survival:
        problem = "trials count events: they inform the intercept of a bernoulli model alone"
        raise CasepoolError(problem, remedy="state another prior here", **place)
    if made.outcome.target:
        problem = "trials tell a rate, and this intercept is one against a target"
        raise CasepoolError(problem, remedy="remove outcome.target", **place)
    if not made.trials.about:
        return
    term = made.terms.get(made.trials.about[0])
    if not isinstance(term, Group) or term.way.has_own or not term.parameters(made.of_family, made.priors):
        raise CasepoolError(
            "trials are about a level of a group term whose levels have effects and no prior of their own",
            file=file, column=f"{TABLE}.about", value=made.trials.about[0],
            remedy=f"name one of {', '.join(made.terms) or 'the terms (there are none)'}, or remove `about`",
        )  # fmt: skip
