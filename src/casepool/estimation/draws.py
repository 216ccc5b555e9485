"""Draws of a quantity become rows of an estimate table: median, interval, precision, verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.cases import Codebook
from casepool.errors import CasepoolError
from casepool.inference import diagnostics
from casepool.inference.convergence import RHAT, convergence_of, is_refit, verdict_of, worst
from casepool.inference.diagnostics import LEAST_ESS, MOST_RHAT
from casepool.inference.fit_contents import (
    Contents,
    contents_of,
    engine_of,
    engine_remarks,
    parameters_of,
    provisional,
    study_settings,
)
from casepool.inference.fit_format import refuse_what_is_no_fit
from casepool.inference.predictive import prior_draws
from casepool.modelling import Design, Model
from casepool.modelling.design.grouping import Membership, membership
from casepool.modelling.design.likelihood import models_dates, outcome_and_dates
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.design.touched import touched
from casepool.modelling.design.wording import labels_of
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, Remarks, remark
from casepool.tables import AnswerTable, estimate_table, marked_private

CI_PROB = 0.95
"""Width of an interval unless another is asked for."""
BEFORE = (1, 2000)
"""Draws of the prior whose intervals are laid beside the posterior's: their widths are right to 2%."""
HUGE = 1e12
"""Stands for infinity while quantiles and effective sample sizes are computed."""


@dataclass(frozen=True)
class Fitted:
    """A fit opened: everything inner code asks of it, read once.

    A public function opens a fit and hands it to a function of what was opened; inner code calls the latter.

    Parameters
    ----------
    tree : xarray.DataTree
    model : Model
    design : Design
    parameters : mapping of str to array (chain, draw, ...)
    verdict : str
        As it was when the fit was opened; `judged` reads it again.
    cases : pandas.DataFrame
        The table, as far as the fit keeps it; without rows where draws are no fit's. Inner code does not write to it.
    codebook : Codebook
        That of `cases`.
    of_prior : bool
        Whether its parameters are draws of the prior, of which no diagnostics are asked.
    asks_told : bool
        Whether tables say how much the data tell.
    in_words : bool
        Whether tables put remarks into words.
    shares : dict of str to mapping of str to float
        By factor, what part of a level's answer is its own patients': kept when first asked for.
    made : dict
        What `once` made.
    """

    tree: xr.DataTree
    model: Model
    design: Design
    parameters: Mapping[str, np.ndarray]
    verdict: str
    # fields, as `replace` would drop what is merely cached, and the table would be typed again
    cases: pd.DataFrame = field(default_factory=pd.DataFrame)
    codebook: Codebook = field(default_factory=Codebook)
    of_prior: bool = False
    asks_told: bool = True
    in_words: bool = True
    shares: dict[str, Mapping[str, float]] = field(default_factory=dict)
    made: dict[tuple[Any, ...], tuple[Any, ...]] = field(default_factory=dict)

    def once[T](self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return what was made of these draws and this Design under a key, made when first asked for.

        What `replace` makes of a fit shares it, as far as it has the same draws and Design.
        """
        own = (id(self.parameters), id(self.design), *key)
        if own not in self.made:
            self.made[own] = (self.parameters, self.design, make())  # kept alive, so that no other has their ids
        found: T = self.made[own][-1]
        return found

    @property
    def seed(self) -> int:
        """Seed of the fit; draws of estimands are seeded by it."""
        return int(self.tree.attrs["seed"])

    @property
    def is_survival(self) -> bool:
        """Whether the model is of survival."""
        return self.model.is_survival

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of chains and of draws of each."""
        chains, draws = next(iter(self.parameters.values())).shape[:2]
        return chains, draws

    @property
    def contents(self) -> Contents:
        """What the fit was made from."""
        return Contents(self.design, self.cases, self.codebook)

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """Settings that the fit says it was drawn with."""
        found: dict[str, Any] = json.loads(self.tree.attrs["settings"])
        return found

    @cached_property
    def study_settings(self) -> Mapping[str, Any]:
        """Settings of refits, the engine among them."""
        return study_settings(self.tree)

    @cached_property
    def convergence(self) -> Mapping[str, Any]:
        """What its sampler's diagnostics found."""
        return convergence_of(self.tree)

    @cached_property
    def undated(self) -> Design:
        """The Design with one row where only dates were summed over: dates play no part in a strategy."""
        found = design_of_typed(without_dates(self.model), self.cases, self.codebook)
        return replace(found, cells=self.design.cells)

    @cached_property
    def before(self) -> Fitted:
        """The same fit before it saw the outcomes: draws of the prior."""
        drawn = self.once(("before",), lambda: prior_draws(self.design, stream(self.seed, Stream.TOLD), BEFORE))
        return replace(self, parameters=drawn, of_prior=True, asks_told=False)

    @cached_property
    def likelihoods(self) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihood of every patient, of the outcome and of the dates of an exposure: (chain, draw, patients).

        A fit of casepool 0.1.0 keeps their sum.
        """
        outcome = _stored(self.tree, "log_likelihood", "outcome")
        if not models_dates(self.design):
            return outcome, np.zeros(outcome.shape)
        if "log_likelihood_dates" in self.tree.children:
            return outcome, _stored(self.tree, "log_likelihood_dates", "dates")
        dates = outcome_and_dates(self.design, self.parameters)[1]
        return outcome - dates, dates

    def membership(self, by: str) -> Membership:
        """Group the patients of the fit by a factor of the model or a labelled column."""
        return membership(self.design, self.cases, by, self.codebook)

    def judged(self) -> Fitted:
        """Return the fit with the verdict it has now: `check` keeps its answers in it."""
        return replace(self, verdict=verdict_of(self.tree))

    @cached_property
    def remarks(self) -> Remarks:
        """What every table of this fit says.

        How many patients each choice about missing values touches; that it is quick, or has priors of a draft; how it
        was drawn, where that was not by nuts as ever; and that a refit was asked less.
        """
        said = touched(self.design) + provisional(self.tree, self.model) + engine_remarks(self.tree)
        return said + (remark("refit") if is_refit(self.tree) else NONE)

    @cached_property
    def independent(self) -> bool:
        """Whether draws are independent, so that R-hat has nothing to say of them."""
        return engine_of(self.tree)["run"] not in RHAT

    def noted(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a row whose note ends with what every table of this fit says."""
        return {**row, "note": row.get("note", NONE) + self.remarks}

    @property
    def public(self) -> bool:
        """Whether the codebook lets identifiers and small counts be shown."""
        return self.codebook.public

    def table(self, rows: Iterable[Any], columns: Sequence[str] = ()) -> pd.DataFrame:
        """Lay rows out as an estimate table, or in other `columns`: what is told of a fit knows if it is public."""
        if not columns:
            rows = list(rows)
            labels = self.labels(r.get("by", "") for r in rows)
            return estimate_table(rows, posterior=True, public=self.public, labels=labels, in_words=self.in_words)
        return marked_private(AnswerTable(list(rows), columns=list(columns)), public=self.public)

    def labels(self, by: Iterable[str] = ()) -> dict[str, dict[str, str]]:
        """Return what readers call the terms, the exposures, other columns, and the model."""
        return labels_of(self.model, self.codebook, by)

    @property
    def unit(self) -> str:
        """Unit of time of a survival model."""
        return self.model.outcome.unit


def _stored(tree: xr.DataTree, group: str, name: str) -> np.ndarray:
    return tree[group].to_dataset()[name].transpose("chain", "draw", "patient").to_numpy()


def without_dates(model: Model) -> Model:
    """Return a model that takes every date as the earliest, so that a Design of it sums over none."""
    early = {name: replace(exposure, dating="early") for name, exposure in model.exposures.items()}
    return replace(model, exposures=early)


def open_draws(fit: xr.DataTree) -> Fitted:
    """Open a fit for estimation.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.
    """
    refuse_what_is_no_fit(fit)
    own, parameters = contents_of(fit), parameters_of(fit["posterior"].to_dataset())
    return Fitted(fit, own.design.model, own.design, parameters, verdict_of(fit), own.cases, own.codebook)


def open_all(fits: xr.DataTree | Sequence[xr.DataTree]) -> list[Fitted]:
    """Open several fits for estimation, refusing what is no sequence of them."""
    trees = [fits] if isinstance(fits, xr.DataTree) or not isinstance(fits, Sequence) else fits
    return [open_draws(tree) for tree in trees]


def refuse_survival(fitted: Fitted) -> None:
    """Refuse a survival model where responses are asked for."""
    if fitted.is_survival:
        raise CasepoolError(
            f"{fitted.model.name!r} is a survival model",
            remedy="use survival(fit, by=...) or contrast(fit, by=...)",
        )


def check_probability(ci_prob: float) -> None:
    """Refuse an interval width that is none."""
    if not isinstance(ci_prob, float) or not 0 < ci_prob < 1:
        raise CasepoolError("ci_prob must lie between 0 and 1", value=ci_prob, remedy="0.95 is usual")


def quantiles(draws: np.ndarray, probabilities: list[float], weights: np.ndarray | None = None) -> np.ndarray:
    """Quantiles of draws that may be infinite, over all chains and draws (the first two axes), which may be weighed."""
    clipped = np.clip(draws, -HUGE, HUGE)
    if weights is None:
        found = np.quantile(clipped, probabilities, axis=(0, 1))
    else:
        each = clipped.reshape(weights.size, -1).T
        rows = [np.quantile(own, probabilities, weights=weights.ravel(), method="inverted_cdf") for own in each]
        found = np.stack(rows, axis=-1).reshape(len(probabilities), *draws.shape[2:])
    return np.asarray(np.where(np.abs(found) >= 0.9 * HUGE, np.copysign(np.inf, found), found))


def effective_weights(weights: np.ndarray) -> float:
    """Return how many draws of equal weight weighted ones are worth (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def posterior_rows(
    draws: np.ndarray,
    rows: list[dict[str, Any]],
    *,
    fitted: Fitted,
    ci_prob: float,
    weights: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Complete rows of an estimate table from the draws of what they describe.

    Parameters
    ----------
    draws : array (chain, draw, rows)
    rows : list of dict
        What each row is: estimand, by, level, n, events, unit, note and the like.
    fitted : Fitted
    ci_prob : float
        Width of the equal-tailed interval.
    weights : array (chain, draw), optional
        Of each draw, where they do not weigh alike.

    Returns
    -------
    list of dict
        With the posterior median, limits, mean, standard deviation, effective sample size (the smaller of bulk
        and tail), Monte Carlo error of the median, and the worse of the fit's and the row's own verdict. A number
        whose own R-hat is too large says so in ``note``, whatever the parameters' are; of independent draws it is
        not asked.
    """
    tail = (1 - ci_prob) / 2
    middle, lower, upper = quantiles(draws, [0.5, tail, 1 - tail], weights)
    ess, mcse, rhat = _precision(np.clip(draws, -HUGE, HUGE), fitted)
    if weights is not None:
        ess = ess * effective_weights(weights) / weights.size
        mcse = _weighed_error(draws, weights, ess)
    varies = draws.min(axis=(0, 1)) < draws.max(axis=(0, 1))
    out = []
    for i, row in enumerate(rows):
        finite = bool((np.abs(draws[..., i]) < HUGE).all())
        mean, sd = _moments(draws[..., i], weights) if finite else (np.nan, np.nan)
        constant = not varies[i]
        apart = not constant and rhat[i] >= MOST_RHAT
        poor = "fail" if not constant and (apart or not ess[i] >= LEAST_ESS) else ""
        said = {"note": remark("chains differ", rhat=f"{rhat[i]:.3f}") + row.get("note", NONE)} if apart else {}
        out.append(
            {
                "model": fitted.model.name,
                "method": "posterior",
                "interval": f"{100 * ci_prob:g}% CrI",
                "estimate": middle[i],
                "lower": lower[i],
                "upper": upper[i],
                "mean": mean if finite else np.inf if draws[..., i].min() >= 0 else np.nan,
                "sd": sd,
                "ess": ess[i],
                "mcse": 0.0 if constant else mcse[i],
                "verdict": worst(fitted.verdict, poor),
                **fitted.noted(row | said),
            }
        )
    return out


def _moments(draws: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    """Return mean and standard deviation of one number's draws, array (chain, draw), which may be weighed."""
    if weights is None:
        return draws.mean(), draws.std()
    mean = float(np.average(draws, weights=weights))
    return mean, float(np.sqrt(np.average((draws - mean) ** 2, weights=weights)))


def _weighed_error(draws: np.ndarray, weights: np.ndarray, ess: np.ndarray) -> np.ndarray:
    """Return the Monte Carlo error of weighted medians, (rows,): half the way between the quantiles an error apart."""
    each = np.moveaxis(draws[..., None], 2, 0)
    off = [0.5 / np.sqrt(n) for n in np.maximum(ess, 1.0)]
    limits = [quantiles(own, [0.5 - e, 0.5 + e], weights)[:, 0] for own, e in zip(each, off, strict=True)]
    with np.errstate(invalid="ignore"):  # of a median that is never reached
        return np.array([(high - low) / 2 for low, high in limits])


def _precision(draws: np.ndarray, fitted: Fitted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return effective draws, Monte Carlo errors of medians, and R-hat, each (rows,), NaN where it is not asked."""
    unasked = np.full(draws.shape[-1], np.nan)
    if fitted.of_prior:
        return unasked, unasked, unasked
    ess = np.fmin(diagnostics.ess_bulk(draws), diagnostics.ess_tail(draws))
    rhat = unasked if fitted.independent else diagnostics.rhat(draws)
    return ess, diagnostics.mcse_quantile(draws, 0.5), rhat


def probability_row(holds: np.ndarray, row: Mapping[str, Any], *, fitted: Fitted) -> dict[str, Any]:
    """Complete a row for a posterior probability: the share of draws in which something holds, no limits.

    Its effective sample size and Monte Carlo error are those of a mean, which say when chains disagree; of what
    always or never holds there are none.
    """
    share = float(holds.mean())
    values = np.asarray(holds, dtype=float)
    ess = mcse = float("nan")
    if values.min() < values.max():
        ess, mcse = float(diagnostics.ess_mean(values)), float(diagnostics.mcse_mean(values))
    return {
        "model": fitted.model.name,
        "method": "posterior probability",
        "kind": "probability",
        "unit": "probability",
        "estimate": share,
        "mean": share,
        "ess": ess,
        "mcse": mcse,
        "verdict": worst(fitted.verdict, "fail" if ess < LEAST_ESS else ""),
        **fitted.noted(row),
    }
