"""Patients left out together, and predicted by what the others say: levels of a factor, publications, one patient.

Refits share the graph of the fit, so that each costs its draws only; a patient alone mostly needs none.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from scipy import special

from casepool.arguments import flag_of, name_of
from casepool.checking.importance import MOST_K, weighed
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted, open_draws
from casepool.inference.agreement import limits, tail_chance, verdict_of_p
from casepool.inference.convergence import mixed, worst
from casepool.inference.engines import Choice, in_turn, run
from casepool.inference.fit_contents import QUICK
from casepool.inference.predictive import counts_of, prior_draws, replicate_follow_up
from casepool.modelling import Design
from casepool.modelling.design.cells import parents_of
from casepool.modelling.design.likelihood import category_chances, outcome_and_dates
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.responses import category_counts
from casepool.modelling.terms.joint import Slope
from casepool.modelling.terms.labels import Group
from casepool.progress import steps
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, note_of, remark
from casepool.workers import Piece, client_of, in_order

if TYPE_CHECKING:
    from distributed import Client

COLUMNS = (
    "by", "level", "n", "events", "score", "score_pooled", "score_prior", "expected_lower", "expected_upper", "p",
    "verdict", "note",
)  # fmt: skip
REPEATS = 10
"""Outcomes replicated for every draw, so that a small P value can be told after multiplying by the levels."""
MOST_DRAWS = 500
"""Of each chain of a refit: scores and predictions need fewer than what is reported."""
LOOSE_RHAT, FEWEST_DRAWS, LOST = 1.05, 100, 0.01
"""Of a refit: largest R-hat, fewest effective draws, and share of draws that may diverge."""
PRIOR_DRAWS = (4, 1000)
Parameters = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Refit:
    """Draws of a model fitted to some of the patients.

    Parameters
    ----------
    parameters : mapping of str to array (chain, draw, ...)
    converged : bool
    """

    parameters: Parameters
    converged: bool


Held = tuple[np.ndarray, str]
"""Patients held out of a refit: boolean array (n,), and who they are in words."""


def refitted(fitted: Fitted, left_out: Sequence[Held], *, progress: bool, client: Any = None) -> list[Refit]:
    """Return refits without some patients, all by one engine: that of the fit, unless it declines.

    Every one has the seed and settings of the fit, but `MOST_DRAWS` at most. Workers of a cluster, if there is one,
    make those after the first, which says whether its engine declines.
    """
    workers = client_of(client)
    settings = dict(fitted.study_settings)
    asked = settings.pop("engine")
    settings.pop(QUICK, None)
    settings |= {name: min(settings[name], MOST_DRAWS) for name in ("draws", "tune") if name in settings}

    def by(choice: Choice) -> Iterator[Refit]:
        pieces = [_piece(fitted, held, settings, choice.engine, progress and not workers) for held in left_out]
        made = itertools.chain(in_order(pieces[:1]), in_order(pieces[1:], workers))
        yield from steps(progress, made, f"{fitted.model.name}, refits", len(pieces))

    return in_turn(asked, settings, by, progress=progress)


def _piece(fitted: Fitted, left_out: Held, settings: Mapping[str, Any], engine: str, progress: bool) -> Piece:
    held, who = left_out
    what = f"{fitted.model.name} without {who}"
    design = fitted.design.of_patients(~held)
    return Piece(what, refit_of, (design, fitted.seed, dict(settings), engine, what, progress))


def refit_of(design: Design, seed: int, settings: Mapping[str, Any], engine: str, what: str, progress: bool) -> Refit:
    """Draw a model of some of the patients."""
    limits = {"most_rhat": LOOSE_RHAT, "least_ess": FEWEST_DRAWS, "lost": LOST}
    sampled = run(design, seed, settings, engine, what=what, progress=progress)
    size = settings["chains"] * settings["draws"]
    return Refit(sampled.drawn.parameters, mixed(sampled.convergence, size, **limits))


def leave_out(
    fit: xr.DataTree, by: str | None = None, *, client: Client | None = None, progress: bool = True
) -> pd.DataFrame:
    """Leave out all patients of a level together, level by level, and predict them from the others.

    Parameters
    ----------
    fit : xarray.DataTree
    by : str, optional
        A factor of the model, or any labelled column of the cases; by default the column that the codebook names as
        ``publication``.
    client : distributed.Client, optional
        Whose workers make the refits (``casepool[dask]``); numbers are the same without one.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pandas.DataFrame
        One row a level with patients: ``score``, the joint log predictive density of all its patients, which no
        sum of single patients' scores is; beside it the same if the level were an average one (``score_pooled``; of
        a factor that borrows) and from the prior alone (``score_prior``); the 95% interval of what was predicted,
        in responders (ordinal: sum of the categories, the worst 0) or events; ``p``, two-sided and multiplied by the
        number of levels; ``verdict``.

    Raises
    ------
    CasepoolError
        For an unknown grouping, or one that leaves nobody to fit.

    See Also
    --------
    check, compare_models

    Notes
    -----
    The effect of a level left out is drawn from the distribution of the factor's effects, so that `p` asks whether
    the level is one of them (Marshall and Spiegelhalter 2007). Of a survival model `p` looks at the number of events
    and at the sum of follow-up times, whichever is the more extreme. A level of one patient is left out by importance
    sampling where its Pareto k allows it, any other by a refit.

    References
    ----------
    Marshall EC, Spiegelhalter DJ (2007). Identifying outliers in Bayesian hierarchical models: a simulation-based
    approach. Bayesian Analysis 2:409-444. doi:10.1214/07-BA218

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> left = cp.leave_out(fit, by="histology", progress=False)
    >>> len(left)
    10
    """
    if by is not None:
        name_of(by, "by", "name a factor of the model, or leave it out")
    return leave_out_of(open_draws(fit), by, progress=flag_of(progress, "progress"), client=client)


def leave_out_of(fitted: Fitted, by: str | None, *, progress: bool, client: Any = None) -> pd.DataFrame:
    """Leave out level by level as `leave_out` does, of a fit that is open."""
    refuse_shared(fitted)
    by = by or fitted.codebook.publication
    if not by:
        raise CasepoolError(
            "no column says which publication a row comes from",
            column="publication",
            remedy='write publication = "reference", say, into codebook.toml and fit again, or give `by`',
        )
    group = fitted.membership(by)
    n, events = group.counts(fitted.design)
    seen = [i for i in np.flatnonzero(n > 0) if not group.members[:, i].all()]
    if len(seen) < 2:
        raise CasepoolError(f"{by!r} has no two levels with patients", remedy="use another column")
    held = {f"{by} {group.levels[i]}": group.members[:, i] for i in seen}
    refits = _without(fitted, held, progress=progress, client=client)
    rows = []
    for i, refit in zip(seen, refits, strict=True):
        about = {"by": by, "level": group.levels[i], "n": n[i], "events": events[i]}
        rows.append(about | _scored(fitted, refit, group.members[:, i], by, group.levels[i], len(seen)))
    table = fitted.table(rows, COLUMNS)
    table.attrs["unconverged"] = sum(not refit.converged for refit in refits)
    return table


def refuse_shared(fitted: Fitted) -> None:
    """Refuse a fit of which no row can be left out by itself."""
    if fitted.design.shared:
        said = (
            f"rows of {fitted.model.name!r} share one likelihood (silence, or whose an event is): none can be left out"
        )
        raise CasepoolError(said, remedy='compare models with per = "type" and without times')


def _without(fitted: Fitted, held: Mapping[str, np.ndarray], *, progress: bool, client: Any) -> list[Refit]:
    """Return draws without some patients, by who they are: weighed again for one where that can be, else of a refit."""
    single = weighed(fitted)
    found: dict[str, Refit] = {}
    for who, own in held.items():
        if own.sum() == 1 and single.k[own][0] <= MOST_K:
            found[who] = Refit(single.draws_without(fitted, int(np.argmax(own))), converged=True)
    others = [who for who in held if who not in found]
    left_out = [(held[who], f"{who} ({place} of {len(others)})") for place, who in enumerate(others, start=1)]
    found |= zip(others, refitted(fitted, left_out, progress=progress, client=client), strict=True)
    return [found[who] for who in held]


def _scored(fitted: Fitted, refit: Refit, held: np.ndarray, by: str, level: str, levels: int) -> dict[str, Any]:
    """Score the patients held out, and say how far they lie from what was predicted."""
    design = fitted.design.of_patients(held)
    rng = stream(fitted.seed, Stream.LEFT_OUT)
    flat = fitted.design.improper
    prior = None if flat else prior_draws(design, rng, PRIOR_DRAWS)
    average = _average(fitted, refit.parameters, by, level)
    seen, replicated = _predicted(fitted.design, held, refit.parameters, rng)
    p = min(1.0, levels * tail_chance(seen, replicated)[0])
    lower, upper = np.quantile(replicated[:, 0], [0.025, 0.975])
    return {
        "score": joint_score(design, refit.parameters),
        "score_pooled": joint_score(design, average) if average else np.nan,
        "score_prior": joint_score(design, prior) if prior else np.nan,
        "expected_lower": lower,
        "expected_upper": upper,
        "p": p,
        "verdict": worst(verdict_of_p(p), fitted.verdict),
        "note": note_of(NONE if refit.converged else remark("did not converge")),
    }


def _average(fitted: Fitted, parameters: Parameters, by: str, level: str) -> dict[str, np.ndarray] | None:
    """Return the draws with the level's effect at the middle of its factor's; None of what is no borrowing factor."""
    term, effect = fitted.model.terms.get(by), parameters.get(effect_of(by))
    if not isinstance(term, Group) or effect is None or not term.way.informs:
        return None
    effect = effect.copy()
    effect[:, :, fitted.design.terms[by].coded.levels.index(level)] = 0.0
    return {**parameters, effect_of(by): effect, **_average_joint(fitted, parameters, by, level)}


def _average_joint(fitted: Fitted, parameters: Parameters, by: str, level: str) -> dict[str, np.ndarray]:
    """Return slopes and cells of a level at the middle of those of all levels, where they borrow."""
    found, place = {}, fitted.design.terms[by].coded.levels.index(level)
    for name, own in fitted.model.joint.items():
        if own.way == "none" or by not in own.parents:
            continue
        values = parameters[own.effect].copy()
        if isinstance(own, Slope):
            values[:, :, place] = parameters[effect_of(own.of)]
        else:
            side = parents_of(fitted.model, own).index(by)
            values[:, :, [cell[side] == place for cell in fitted.design.cells[name]]] = 0.0
        found[own.effect] = values
    return found


def joint_score(design: Design, parameters: Parameters) -> float:
    """Return the log of the mean over draws of the likelihood of all patients' outcomes together."""
    joint = outcome_and_dates(design, parameters)[0].sum(axis=-1)
    return float(special.logsumexp(joint) - np.log(joint.size))


def _predicted(
    whole: Design, held: np.ndarray, parameters: Parameters, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is looked at of the patients held out, and the same of outcomes replicated for every draw."""
    design, shape = whole.of_patients(held), next(iter(parameters.values())).shape[:2]
    if not design.model.is_survival:
        return _categories(design, parameters, rng)
    rows = []
    for _ in range(REPEATS):
        until = limits(whole.outcome, shape, rng)[..., held]
        time, event, _ = replicate_follow_up(design, parameters, until, rng)
        rows.append(np.stack([event.sum(axis=-1).ravel(), time.sum(axis=-1).ravel()], axis=1))
    seen = np.array([design.outcome["event"].sum(), design.outcome["time"].sum()])
    return seen, np.concatenate(rows).astype(float)


def _categories(design: Design, parameters: Parameters, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Add up the patients' categories, the worst 0 and the next 1: of a plain response, count responders."""

    def total(counts: list[np.ndarray]) -> np.ndarray:
        return np.asarray(sum(k * each.sum(axis=-1) for k, each in enumerate(counts))).ravel()

    chances = category_chances(design, parameters)
    drawn = [counts_of(design, chances, rng) for _ in range(REPEATS)]
    return total(category_counts(design.outcome, len(drawn[0]))), np.concatenate([total(d) for d in drawn])[:, None]
