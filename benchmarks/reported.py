"""What a calibration ranks: parameters, group effects and reported estimands, of the draws and in truth."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import xarray as xr

from benchmarks.simulated import Simulated
from benchmarks.simulated_survival import HORIZON, MEAN_TO
from benchmarks.study import Study
from casepool.estimation.curves import curve
from casepool.estimation.draws import Fitted
from casepool.estimation.targets import ANSWERS, over_patients
from casepool.modelling import Design, make_design
from casepool.modelling.design.density import Density
from casepool.modelling.design.grouping import membership
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.parameters import Parameter

Draws = Mapping[str, np.ndarray]


def reported(
    study: Study, design: Design, table: Simulated, drawn: Draws
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Return every ranked quantity: its draws, arrays (draws,), and its true value.

    The log-likelihood of the whole table is one of them: it tells a posterior that ignores data from one that does
    not (Modrak 2023).
    """
    of_draws: dict[str, np.ndarray] = {}
    of_truth: dict[str, float] = {}
    for own in design.declared:
        true = table.parameters[own.name]
        for place, label in zip(np.ndindex(true.shape), _labels(design, own), strict=True):
            of_draws[label], of_truth[label] = drawn[own.name][(0, slice(None), *place)], float(true[place])
    density = Density(design)
    of_draws["log likelihood"] = density.log_likelihood({k: v[0] for k, v in drawn.items()}, NUMPY).sum(axis=-1)
    truth = {name: np.asarray(values)[None] for name, values in table.parameters.items()}
    of_truth["log likelihood"] = float(density.log_likelihood(truth, NUMPY).sum())
    fitted = Fitted(xr.DataTree(), table.model, design, drawn, "pass")
    answers = _survival(study, fitted, table) if study.survival else _responses(fitted, table)
    return {**of_draws, **answers}, {**of_truth, **table.estimands}


def _labels(design: Design, own: Parameter) -> list[str]:
    """Name every entry of a parameter, by the labels of its dimensions."""
    if not own.dims:
        return [own.name]
    axes = [design.laid.labels[dim] for dim in own.dims]
    return [f"{own.name}[{', '.join(place)}]" for place in itertools.product(*axes)]


def _responses(fitted: Fitted, table: Simulated) -> dict[str, np.ndarray]:
    """Average the probability of each endpoint over everyone, and over the patients of each histology."""
    overall = over_patients(fitted.design, fitted)
    if "histology" not in table.frame:
        return {"response, everyone": overall[1][0]}
    group = membership(fitted.design, table.frame, "histology")
    by_level = ANSWERS["observed"](fitted, group).categories
    ends = {"response": [1]} if len(overall) == 2 else {"DCR": [1, 2, 3], "ORR": [2, 3], "CR": [3]}
    found = {}
    for end, categories in ends.items():
        found[f"{end}, everyone"] = sum(overall[k] for k in categories)[0]
        for i, level in enumerate(group.levels):
            found[f"{end}, {level}"] = sum(by_level[k] for k in categories)[0, :, i]
    return {name: values for name, values in found.items() if name in table.estimands}


def _survival(study: Study, fitted: Fitted, table: Simulated) -> dict[str, np.ndarray]:
    """Compute survival under each strategy, the difference, and the restricted mean."""
    early = {name: replace(exposure, dating="early") for name, exposure in study.model.exposures.items()}
    design = make_design(replace(study.model, exposures=early), table.frame)
    never = curve(fitted, design, np.inf)
    found = {
        "survival, never operated": never.survival(HORIZON)[0],
        "restricted mean, never operated": never.restricted_mean(MEAN_TO)[0],
    }
    if study.exposure:
        found["survival, operated"] = curve(fitted, design, study.operated_at).survival(HORIZON)[0]
        found["difference in survival"] = found["survival, operated"] - found["survival, never operated"]
    return found
