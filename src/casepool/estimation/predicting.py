"""Predictions for patients: of a response its probability, of survival their curve, from when they are alive on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.errors import CasepoolError
from casepool.estimation.arms import dating_of, refuse_times, said_dates, times_of
from casepool.estimation.curves import Onward, Strategy, curve, paths_of, said_start
from casepool.estimation.draws import CI_PROB, Fitted, check_probability, effective_weights, open_draws, posterior_rows
from casepool.estimation.new_patients import Newcomers, read_patients
from casepool.estimation.patients_told import ALIVE_AT, TABLE
from casepool.estimation.survival import mark_extrapolated, quantities_of_curve, until_of
from casepool.estimation.told import of_exposure
from casepool.inference.diagnostics import LEAST_ESS
from casepool.modelling.design.likelihood import category_chances
from casepool.modelling.specification.endpoints import endpoints
from casepool.remarks import NONE, Remarks, remark


def predict(
    fit: xr.DataTree,
    patients: pd.DataFrame,
    *,
    at: Sequence[float] | None = None,
    start: float | None = None,
    restricted_to: float | None = None,
    ci_prob: float = CI_PROB,
) -> pd.DataFrame:
    """Predict the response probability, or the survival, of patients.

    Parameters
    ----------
    fit : xarray.DataTree
    patients : pandas.DataFrame
        One row per patient, with the columns of the model's terms; any other column but the identifier and those named
        below is passed over. An empty cell or an absent column is a missing covariate; a label the fit never saw is an
        unseen level. Labels and names that differ from the fit's in case or spaces only are refused.

        A cell of the column ``in_fit`` names a patient of the fit: it has the values it has there, and no others may be
        given. A cell of ``alive_at``, of a survival model, says until when the patient is known to be without the
        event, in the model's unit since time zero.
    at : sequence of float, optional
        Of a survival model: times since time zero, in its unit; default those of `survival`.
    start : float, optional
        Of a survival model with an exposure: when it begins in the strategy, as of `survival`.
    restricted_to : float, optional
        Of a survival model: limit of the restricted mean, since time zero; default the last of `at`.
    ci_prob : float
        Width of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        An estimate table, ``level`` the identifier. Of a response one row per patient (of an ordinal model one per
        patient and category, and "at least" a category): the probability, not the outcome, is what is estimated. Of
        survival the probabilities at times, the median and the restricted mean of every patient, of a model with an
        exposure under each of its strategies; a median that most draws do not reach is infinite. ``note`` says what was
        unseen or missing, and what lies beyond the last follow-up.

    Raises
    ------
    CasepoolError
        For a table without any column of the model's terms, a value the model refuses, a patient of the fit who had the
        event by ``alive_at``, one whose survival until then leaves fewer than 400 effective draws, or times where none
        are told.

    See Also
    --------
    estimates, survival

    Notes
    -----
    An unseen level's effect is drawn from the factor's distribution (from its prior where nothing is borrowed), once
    for all patients with that label: its curve is an average over effects, not the curve of an average effect. A
    missing covariate is averaged over its modelled distribution where the fit has one, otherwise over the patients of
    the fit.

    Who is alive at t has the curve S(u) / S(t) from then on, in every draw. That a new patient survived to t is data:
    by Bayes' rule a draw weighs S(t), so that the mean over draws is E[S(u)] / E[S(t)], and limits are weighed alike.
    It is what the patient added to the cases, censored at t, and a refit would say. Of a patient of the fit what
    follow-up there knows counts already, and only survival beyond it weighs. A patient's own hazard cannot be known:
    these are curves of patients of whom the same is known.

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("objective_response", "alk_crizotinib", seed=1, progress=False)
    >>> import pandas as pd
    >>> patient = pd.DataFrame({"histology": ["IMT"], "partner": ["TPM3"], "age": [12.0]})
    >>> print(cp.predict(fit, patient))
    Probability of response for this patient
    by: patient; source: shrunk; model: objective_response; method: posterior; unit:
    probability; verdict: pass
    <BLANKLINE>
    level  estimate (95% CrI)
    1       90% (60 to 99.4%)
    <BLANKLINE>
    3 patients without age (integrated over its distribution)
    left out: 3 patients (no best_response)
    drawn by lockstep
    Further columns: kind, mean, sd, ess, mcse
    """
    check_probability(ci_prob)
    fitted = open_draws(fit)
    if fitted.is_survival:
        times = times_of(fitted, at)
        until = until_of(times, restricted_to)
        return _survival(read_patients(fitted, patients), times, start, until, ci_prob)
    for name, given in {"at": at, "start": start, "restricted_to": restricted_to}.items():
        refuse_times(given, name)
    return _response(read_patients(fitted, patients), ci_prob)


def _response(new: Newcomers, ci_prob: float) -> pd.DataFrame:
    """Tabulate every patient's probabilities of a response."""
    fitted = new.fitted
    rows: list[dict[str, Any]] = []
    draws: list[np.ndarray] = []
    for i, label in enumerate(new.labels):
        categories = [p[..., 0] for p in category_chances(new.design(i), fitted.parameters)]
        for end in endpoints(fitted.model):
            words = f"{end.words}: probability" if end.words else "probability of response"
            about = {"estimand": f"{words} for this patient", "at": end.at, "level": label}
            rows.append(about | {"by": "patient", "source": "shrunk", "unit": "probability", "note": new.notes[i]})
            draws.append(end.of(categories))
    return fitted.table(posterior_rows(np.stack(draws, axis=-1), rows, fitted=fitted, ci_prob=ci_prob))


def _survival(new: Newcomers, times: list[float], start: float | None, until: float, ci_prob: float) -> pd.DataFrame:
    """Tabulate every patient's curve under each strategy."""
    fitted, table = new.fitted, list[dict[str, Any]]()
    quantities = quantities_of_curve(fitted, times, until)
    exposure = next(iter(fitted.model.exposures.values()), None)
    shared: dict[str, Any] = {"by": "patient", "source": "shrunk"}
    said = NONE
    if exposure is not None:
        said = said_start(fitted, exposure, start) + said_dates(exposure, fitted)
        shared |= {"dating": dating_of(exposure)} | of_exposure(exposure)
    for i, label in enumerate(new.labels):
        for arm in arms_of_patient(new, i, start):
            weights, rows = arm.curve.weights, list[dict[str, Any]]()
            note = new.notes[i] + _weighed(fitted, weights) + said
            for own in quantities:
                row = shared | {"level": label, "at": own["at"], "note": note}
                row["estimand"] = f"{own['what']} for this patient{arm.words}"
                row["unit"] = fitted.unit if own["unit"] == "median" else own["unit"]
                if isinstance(own["at"], float):
                    mark_extrapolated(row, own["at"], fitted)
                rows.append(row)
            draws = np.stack([own["of"](arm) for own in quantities], axis=-1)
            table += posterior_rows(draws, rows, fitted=fitted, ci_prob=ci_prob, weights=weights)
    for row in table:
        if row["at"] == "":
            mark_extrapolated(row, row["estimate"], fitted)
    return fitted.table(table)


def arms_of_patient(new: Newcomers, i: int, start: float | None) -> list[Strategy]:
    """Return the curves of one patient under each path of the exposure, from when it is known to be alive on.

    Their words are what follows the patient's name: from when on, and which path.

    Raises
    ------
    CasepoolError
        If draws weighed by survival until then are worth too few; without an exposure, for a start.
    """
    fitted, told = new.fitted, new.told
    alive_at, counted = float(told.alive_at[i]), float(told.counted[i])
    known = f", {fitted.model.outcome.without} at {alive_at:g} {fitted.unit}" if alive_at else ""
    found = []
    for _, described, switch in _paths(fitted, start):
        own = curve(fitted, new.design(i), switch)
        if alive_at:
            own = Onward(own.design, fitted, own.hazard, own.switch, own.origin, alive_at, counted)
            _refuse_few(own, i)
        words = known + (f": {described}" if described else "")
        found.append(Strategy(new.labels[i], words, switch, own, np.nan, np.nan))
    return found


def _paths(fitted: Fitted, start: float | None) -> list[tuple[str, str, float]]:
    if fitted.model.exposures:
        return paths_of(fitted, start)
    if start is not None:
        raise CasepoolError("only an exposure has a start", value=start, remedy="leave it out")
    return [("", "", np.inf)]


def _refuse_few(own: Onward, i: int) -> None:
    """Refuse draws that survival until `alive_at` leaves too few of."""
    if own.weights is None or (worth := effective_weights(own.weights)) >= LEAST_ESS:
        return
    raise CasepoolError(
        f"surviving until then leaves {worth:.0f} of {own.weights.size} draws, fewer than {LEAST_ESS}",
        file=TABLE,
        row=f"row {i + 1}",
        column=ALIVE_AT,
        value=own.alive_at,
        remedy="add the patient and refit",
    )


def _weighed(fitted: Fitted, weights: np.ndarray | None) -> Remarks:
    """Say what weighing leaves of the draws."""
    if weights is None:
        return NONE
    worth = f"{effective_weights(weights):.0f}"
    return remark("weighed by survival", free=fitted.model.outcome.without, worth=worth, draws=weights.size)
