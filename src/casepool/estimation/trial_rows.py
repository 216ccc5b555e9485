"""What trials say before any case is looked at: the prior made of them, exact and as normals, and its worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from casepool.errors import CasepoolError
from casepool.frequentist.proportions import clopper_pearson
from casepool.modelling import Model
from casepool.modelling import model as get_model
from casepool.modelling.families.evidence_synthesis import (
    OnGrid,
    information_ratio_of,
    moment_worth,
    of_probability,
)
from casepool.modelling.families.priors import Prior
from casepool.modelling.specification.trial_priors import exact_of, of_components, spread_of
from casepool.modelling.specification.trials import Trials
from casepool.modelling.terms.labels import Group
from casepool.remarks import NONE, Remarks, remark
from casepool.tables import estimate_table

SPREADS = (0.5, 1.0)
"""Half-normal scales of the spread between studies, always told beside each other (Friede 2017, Roever 2021)."""
MIDDLE = np.array([0.5, 0.025, 0.975])
PATIENTS = "patients"
"""Unit of what a prior is worth."""


def trial_prior(model: str | Path | Model) -> pd.DataFrame:
    """Tell what trials say of the rate before the cases: study by study, as a prior, and its worth in patients.

    Parameters
    ----------
    model : str or pathlib.Path or Model
        With ``[evidence.trials]``.

    Returns
    -------
    pandas.DataFrame
        An estimate table: every study with its raw rate; the rate in one more study, exact and as the normals that
        stand for it, under the model's spread between studies and under half-normal ones of 0.5 and 1; what this prior
        is worth in patients, by its moments (a beta's of the same mean and standard deviation) and by its expected
        local information ratio (Neuenschwander, Weber, Schmidli and O'Hagan 2020); and, where the prior is robust, the
        same of the whole with its vague part. ``prior`` says which spread.

    Raises
    ------
    CasepoolError
        If the model has no trials.

    See Also
    --------
    trial_conflict, trial_overlap, selection

    Notes
    -----
    The information ratio of a wide normal grows again, as its mass lies where a patient tells nothing: it is told
    beside the moments, never alone.

    References
    ----------
    Schmidli H, Gsteiger S, Roychoudhury S, O'Hagan A, Spiegelhalter D, Neuenschwander B (2014). Robust
    meta-analytic-predictive priors in clinical trials with historical control information. Biometrics 70:1023-1032.
    doi:10.1111/biom.12242

    Examples
    --------
    >>> import casepool as cp
    >>> print(cp.trial_prior("objective_response_selection")[["estimand", "estimate", "lower", "upper"]].head(3))
    estimand: probability that a patient of the study reaches PR or CR
    <BLANKLINE>
    estimate   lower   upper
         0.5  0.2109  0.7891
      0.8571  0.5719  0.9822
      0.7143  0.2904  0.9633
    """
    made = get_model(model)
    prior, trials = of_trials(made)
    rows = [*_studies(made, trials), *_predicted(made, prior, trials), *_whole(made, prior)]
    return estimate_table({"model": made.name, **row} for row in rows)


def of_trials(made: Model) -> tuple[Prior, Trials]:
    """Return the prior that is made of trials, and these.

    Raises
    ------
    CasepoolError
        If the model has none.
    """
    if made.from_trials is None or made.trials is None:
        remedy = 'add [evidence.trials], and set from = "trials" in [priors.intercept]'
        raise CasepoolError(f"the model {made.name!r} has no trials", remedy=remedy)
    return made.from_trials, made.trials


def _studies(made: Model, trials: Trials) -> Iterator[dict[str, Any]]:
    for name, events, n in trials.studies:
        lower, upper = clopper_pearson(events, n)
        yield {
            "estimand": f"probability that a patient of the study {made.outcome.reaches}",
            "by": "study", "level": name, "n": n, "events": events, "source": "raw", "model": "",
            "method": "Clopper-Pearson", "estimate": events / n, "lower": lower, "upper": upper,
            "interval": "95% CI", "unit": "probability",
        }  # fmt: skip


def _predicted(made: Model, prior: Prior, trials: Trials) -> Iterator[dict[str, Any]]:
    """Describe the exact prior beside its normals, under every spread."""
    own = spread_of(prior)
    halves = [Prior("HalfNormal", {"sigma": scale}) for scale in SPREADS] if own is not None else []
    others = [each for each in halves if own is not None and (each.dist, each.parameters) != (own.dist, own.parameters)]
    for between in [None, *others]:
        exact = exact_of(prior, trials, between)
        normals, said = of_components(exact), {"prior": _named(prior, between or own)}
        note = _cautions(made, trials)
        about = {"estimand": f"probability that a patient of one more study {made.outcome.reaches}", **said}
        mean, sd = exact.mean_and_sd(probability=True)
        yield _row(about, special.expit(exact.quantile(MIDDLE)), "exact, on a grid", (mean, sd), note)
        count = len(normals.parameters["weights"])
        method = f"{count} normal component{'s' * (count > 1)}"
        yield _row(about, special.expit(normals.quantile(MIDDLE)), method, of_probability(normals), note)
        yield from _worths((mean, sd), normals, said, "the trials are worth")


def _whole(made: Model, prior: Prior) -> Iterator[dict[str, Any]]:
    """Describe a prior with its vague part."""
    weight = float(prior.elicited.get("robust", 0.0))
    if not weight:
        return
    moments = of_probability(prior)
    about = {
        "estimand": f"probability that a patient {made.outcome.reaches}, before the cases",
        "prior": _named(prior, spread_of(prior)),
    }
    yield _row(
        about, special.expit(prior.quantile(MIDDLE)), "with the vague part", moments, remark("vague", weight=weight)
    )
    yield from _worths(moments, prior, {"prior": about["prior"]}, "the whole prior is worth")


def _worths(
    moments: tuple[float, float], normals: Prior, said: Mapping[str, Any], what: str
) -> Iterator[dict[str, Any]]:
    for method, worth in (
        ("by moments", moment_worth(*moments)),
        ("by local information", information_ratio_of(normals)),
    ):
        yield {
            "estimand": f"patients that {what}", "source": "pooled", "method": method, "unit": PATIENTS,
            "estimate": worth, **said,
        }  # fmt: skip


def _row(
    about: Mapping[str, Any], told: np.ndarray, method: str, moments: tuple[float, float], note: Remarks
) -> dict[str, Any]:
    estimate, lower, upper = (float(x) for x in told)
    said = remark("mean and sd", mean=f"{moments[0]:.3f}", sd=f"{moments[1]:.3f}")
    return {
        **about, "source": "pooled", "method": method, "estimate": estimate, "lower": lower, "upper": upper,
        "interval": "95% CrI", "unit": "probability", "note": said + note,
    }  # fmt: skip


def _named(prior: Prior, between: Prior | None) -> str:
    method = prior.elicited["method"]
    return f"{method}, weight {prior.elicited['weight']:g}" if between is None else f"{method}, spread ~ {between}"


def _cautions(made: Model, trials: Trials) -> Remarks:
    """Say what the trials cannot tell: their spread, of one study alone; of which level they are."""
    prior = made.from_trials
    between = spread_of(prior) if prior is not None else None
    alone = len(trials.studies) == 1 and between is not None and between.dist != "Fixed"
    factors = [name for name, term in made.terms.items() if isinstance(term, Group)]
    whose = remark("trials of the mean level", terms=" and ".join(factors)) if factors and not trials.about else NONE
    return (remark("one study") if alone else NONE) + whose


def predicted(made: Model) -> OnGrid:
    """Return the exact distribution of the rate in one more study, as log odds."""
    return exact_of(*of_trials(made))
