"""Which priors a model needs, by posterior name, and whether its file gives them."""

from __future__ import annotations

from casepool.errors import CasepoolError
from casepool.modelling.families import FAMILIES
from casepool.modelling.priors import DISTRIBUTIONS, SUPPORT_POSITIVE
from casepool.modelling.spec import Model, Term


def wanted_priors(model: Model) -> list[str]:
    """Posterior names that need a prior from the model file, in the order of the linear predictor."""
    family, groups = FAMILIES[model.family], [term for term in model.terms.values() if term.kind == "group"]
    names = [] if any(term.borrowing == "none" for term in groups) else [family.location]
    for term in model.terms.values():
        if term.kind != "group":
            names.append(f"{term.name}_effect")
        elif term.borrowing in ("partial", "robust", "exnex"):
            names.append(f"{term.name}_sd")
        if term.kind == "group" and term.borrowing in ("none", "exnex"):
            names.append(f"{term.name}_own")
        if term.kind == "smooth":
            names.append(f"{term.name}_wiggle_sd")
    given = {"log_hazard"} if len(model.outcome.levels) > 2 or not model.is_ordinal else {"cutpoint_gap"}
    names += [name for name in family.parameters if name not in given]
    for exposure in model.exposures.values():
        names.append(f"{exposure.name}_effect")
        if exposure.modelled:
            names.append(f"{exposure.name}_log_intensity")
    return names


def missing_priors(term: Term) -> list[str]:
    """Posterior names of the model of a term's missing values."""
    if term.missing == "drop":
        return []
    return [f"{term.name}_mean", f"{term.name}_spread"] if term.is_number else [f"{term.name}_share"]


def check_priors(made: Model, file: str) -> None:
    """Refuse priors that are missing, belong to nothing, or have the wrong support."""
    wanted = wanted_priors(made)
    nuisance = [name for term in made.terms.values() for name in missing_priors(term)]
    spare = [f"{exposure}_log_intensity" for exposure in made.exposures]
    for name in wanted:
        if name not in made.priors:
            raise CasepoolError(
                "the model needs this prior",
                file=file,
                column=f"priors.{name}",
                remedy=f"add [priors.{name}]",
            )
    for key, prior in made.priors.items():
        name = key.partition(".")[0]
        if name not in wanted + nuisance + spare:
            raise CasepoolError(
                "a prior for nothing in this model",
                file=file,
                column=f"priors.{key}",
                remedy=f"the model has {', '.join(wanted)}",
            )
        fixed = prior.dist == "Fixed"
        allowed = (prior.parameters.get("value", 1.0) > 0) if fixed else DISTRIBUTIONS[prior.dist].positive
        if _must_be_positive(made, name) and not allowed:
            raise CasepoolError(
                "a scale, or a gap between cumulative cutpoints, needs a prior on positive numbers",
                file=file,
                column=f"priors.{key}",
                remedy="use HalfNormal or LogNormal",
            )
        if name.endswith("_own") and prior.dist != "Normal":
            raise CasepoolError(
                "a level's own prior is Normal",
                file=file,
                column=f"priors.{key}",
                remedy='set dist = "Normal"',
            )
        if (prior.dist == "Dirichlet") != name.endswith("_share"):
            raise CasepoolError(
                "a Dirichlet prior belongs to a share, and a share has no other",
                file=file,
                column=f"priors.{key}",
                remedy="use another distribution",
            )


def _must_be_positive(made: Model, name: str) -> bool:
    """Say whether a parameter is a scale, or a gap: only adjacent cutpoints may stand in any order."""
    if name == "cutpoint_gap":
        return made.link == "cumulative"
    return name.endswith(SUPPORT_POSITIVE) or name == "scale" or (name == "shape" and made.family == "weibull")
