"""How often a design is right and wrong, what it costs, and how well its numbers estimate: a table of answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from casepool.arguments import flag_of
from casepool.errors import CasepoolError
from casepool.remarks import NONE, Remarks, remark
from casepool.studies.journal import open_journal
from casepool.tables import estimate_table
from casepool.trials.enumeration import FUTILE, SUCCEEDED
from casepool.trials.execution import AUTO, Course, Execution
from casepool.trials.files import trial_design
from casepool.trials.specification import TrialDesign
from casepool.trials.true_rates import factor_name

if TYPE_CHECKING:
    from distributed import Client

TYPE_I, POWER = "type I error: probability of success", "power: probability of success"
ASSURANCE, FAMILY_WISE = "assurance: probability of success", "family-wise error"
WORST = "worst family-wise error over the scenarios"
INTERVAL, ENUMERATED, SIMULATED = "95% Monte Carlo interval", "enumerated", "simulated"
Z = 1.959963984540054
BEHIND = ("mcse", "design", "scenario", "true_rate", "trials", "distinct")
"""Columns behind those of every table of answers."""


def operating_characteristics(
    designs: str | Path | TrialDesign | Sequence[str | Path | TrialDesign],
    *,
    seed: int | None = None,
    trials: int = 10_000,
    method: str = AUTO,
    journal: str | Path | None = None,
    client: Client | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Say how often a design is right and wrong under each of its scenarios.

    Parameters
    ----------
    designs : str or pathlib.Path or TrialDesign, or a sequence of them
        Several are looked at with the same patients.
    seed : int, optional
        Of simulated patients; enumeration needs none.
    trials : int
        Simulated for each scenario.
    method : {"auto", "enumeration", "simulation"}
        ``enumeration`` follows every course the trial may take, and is exact; ``auto`` does so where these are few.
    journal : str or pathlib.Path, optional
        A file that keeps posteriors, so that a run cut short goes on.
    client : distributed.Client, optional
        Whose workers compute posteriors (``casepool[dask]``); numbers are the same to the byte without one.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pandas.DataFrame
        An estimate table, one row a number, and behind it ``mcse``, ``design``, ``scenario``, ``true_rate``, ``trials``
        and ``distinct`` (different tables at the end). ``source`` is "enumerated" or "simulated"; limits are those of
        Monte Carlo error, empty where a number is exact. Where rates are drawn, the trial's decisions are right if a
        basket succeeds that lies above its null, and one does not that lies below.

    Raises
    ------
    CasepoolError
        For a design that cannot be carried out, a rule that no outcome fulfils, and simulation without a seed.

    See Also
    --------
    simulate, calibrate, plot_operating_characteristics

    Notes
    -----
    That borrowing raises both power and error is no law: the table says what a design does.

    References
    ----------
    Simon R (1989). Optimal two-stage designs for phase II clinical trials. Controlled Clinical Trials 10:1-10.
    doi:10.1016/0197-2456(89)90015-9

    Examples
    --------
    >>> import casepool as cp
    >>> table = cp.operating_characteristics("simon_two_stage")
    >>> print(table[table["scenario"] == "null"][["estimand", "estimate"]].head(3))
    estimand                              estimate
    type I error: probability of success   0.04709
    closed for futility                     0.7361
    early success                                0
    """
    flag_of(progress, "progress")
    listed = designs if isinstance(designs, list | tuple) else [designs]
    if not listed:
        raise CasepoolError("there is no design", value=designs, remedy="give one, or its name")
    chosen = [trial_design(own) for own in listed]  # type: ignore[arg-type]
    with open_journal(journal, progress=progress) as kept:
        how: dict[str, Any] = {"method": method, "seed": seed, "trials": trials, "progress": progress, "client": client}
        runs = [Execution.of(own, kept, **how) for own in chosen]
        rows = [row for run in runs for row in rows_of(run)]
    return table_of(rows)


def table_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Lay rows out, with the columns of trials behind."""
    table = estimate_table([{k: v for k, v in row.items() if k not in BEHIND} for row in rows])
    for name in BEHIND:
        empty: Any = "" if name in ("design", "scenario") else np.nan
        table[name] = [row.get(name, empty) for row in rows]
    return table


def rows_of(run: Execution) -> list[dict[str, Any]]:
    """Return all rows of one design."""
    design = run.design
    common = {"model": design.model_text, "method": design.rule_text(), "design": design.name}
    found: list[dict[str, Any]] = []
    worst: dict[str, Any] = {}
    for course in run.courses():
        about = common | {
            "scenario": course.scenario.name, "trials": course.trials or np.nan, "distinct": course.distinct,
            "source": SIMULATED if course.trials else ENUMERATED, "note": _remarks(design, course),
        }  # fmt: skip
        rows = [about | row for row in (*_by_basket(design, course), *_of_trial(design, course))]
        error = next((row for row in rows if row["estimand"] == FAMILY_WISE), None)
        if error and error["estimate"] > worst.get("estimate", -1.0):
            worst = error
        found += rows
    return [*found, worst | {"estimand": WORST}] if worst else found


def _remarks(design: TrialDesign, course: Course) -> Remarks:
    drawn = course.scenario.drawn
    said = remark("given the cases") if design.cases else NONE
    if drawn:
        said += remark("drawn rates") + (remark("shifted rates", shift=f"{drawn.shift:+g}") if drawn.shift else NONE)
        said += remark("scored by the truth" if course.trials else "scored by the posterior")
    return said


def number(course: Course, values: np.ndarray, given: np.ndarray | None = None) -> dict[str, Any]:
    """Return the mean of values (rows,) with its Monte Carlo error, among the rows `given` if any."""
    weight = course.weight if given is None else course.weight * given
    total = weight.sum()
    if total <= 0:
        return {"estimate": np.nan}
    estimate = float(weight @ values / total) if np.ptp(values) else float(values[0])
    if not course.trials:
        return {"estimate": estimate}
    size = course.trials * float(total)
    spread = float(np.sqrt(max(weight @ (values - estimate) ** 2 / total, 0.0) / size))
    if set(np.unique(values)) <= {0.0, 1.0}:
        low, high = wilson(estimate, size)
    else:
        low, high = estimate - Z * spread, estimate + Z * spread
    return {"estimate": estimate, "lower": low, "upper": high, "interval": INTERVAL, "mcse": spread}


def wilson(p: float, n: float) -> tuple[float, float]:
    """Return Wilson's 95% limits of a proportion of n."""
    middle, half = p + Z**2 / (2 * n), Z * np.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return max(float((middle - half) / (1 + Z**2 / n)), 0.0), min(float((middle + half) / (1 + Z**2 / n)), 1.0)


def _by_basket(design: TrialDesign, course: Course) -> Iterator[dict[str, Any]]:
    ended, drawn = course.ended, course.scenario.drawn is not None
    by = factor_name(design)
    for j, basket in enumerate(design.baskets):
        rate = np.nan if drawn or course.rates is None else float(course.rates[0, j])
        about = {"by": by, "level": basket.name, "n": basket.n[-1], "true_rate": rate}
        words = ASSURANCE if drawn else TYPE_I if rate <= basket.null else POWER
        success = ended.success[:, j].astype(float)
        yield about | {"estimand": words, "unit": "probability"} | number(course, success)
        if design.number_of_looks > 1:
            for name, code in (("closed for futility", FUTILE), ("early success", SUCCEEDED)):
                hit = (ended.early[:, j] == code).astype(float)
                yield about | {"estimand": name, "unit": "probability"} | number(course, hit)
        patients = ended.recruited[:, j].astype(float)
        yield about | {"estimand": "expected patients", "unit": "patients"} | number(course, patients)
        yield from (about | row for row in _scores(course, j, success))


def _scores(course: Course, j: int, success: np.ndarray) -> Iterator[dict[str, Any]]:
    """Score estimates of one basket, and the decisions where its rate is drawn."""
    told = course.told
    if told is not None:
        mean = told.mean[:, j]
        if course.rates is not None:
            off, square = mean - course.rates[:, j], np.square(mean - course.rates[:, j])
        else:
            assert course.drawn is not None  # noqa: S101 - rates not known row by row come from a posterior
            off = mean - course.drawn.mean[:, j]
            square = course.drawn.sd[:, j] ** 2 + off**2
        yield {"estimand": "bias of the posterior mean", "unit": "difference"} | number(course, off)
        yield {"estimand": "mean squared error of the posterior mean", "unit": ""} | number(course, square)
    if course.covered is not None:
        hit = course.covered[:, j].astype(float)
        yield {"estimand": "coverage of the 95% interval", "unit": "probability"} | number(course, hit)
    if course.above is not None:
        above, unit = course.above[:, j], {"unit": "probability"}
        right = success * above + (1 - success) * (1 - above)
        yield unit | {"estimand": "right decision"} | number(course, right)
        yield unit | {"estimand": "rate above null, given success"} | number(course, above, success)
        yield unit | {"estimand": "rate above null, given no success"} | number(course, above, 1 - success)


def _of_trial(design: TrialDesign, course: Course) -> Iterator[dict[str, Any]]:
    ended, about = course.ended, {"by": "", "level": "everyone", "n": sum(design.most.values())}
    chance = about | {"unit": "probability"}
    success = ended.success
    if course.scenario.drawn is None and course.rates is not None:
        active = course.rates[0] > design.null
        false, true = success & ~active, success & active
        if not active.all():
            yield chance | {"estimand": FAMILY_WISE} | number(course, false.any(axis=1).astype(float))
        if active.any():
            yield chance | {"estimand": "power for any"} | number(course, true.any(axis=1).astype(float))
            every = success[:, active].all(axis=1).astype(float)
            yield chance | {"estimand": "power for all"} | number(course, every)
        right = success == active
        mean = right.sum(axis=1).astype(float)
        yield about | {"estimand": "expected correct decisions", "unit": "decisions"} | number(course, mean)
        yield chance | {"estimand": "all decisions correct"} | number(course, right.all(axis=1).astype(float))
        proportion = false.sum(axis=1) / np.maximum(success.sum(axis=1), 1)
        yield chance | {"estimand": "false discovery proportion"} | number(course, proportion)
    patients = ended.recruited.sum(axis=1).astype(float)
    yield about | {"estimand": "expected patients", "unit": "patients"} | number(course, patients)
    if design.has_accrual:
        yield about | {"estimand": "expected months", "unit": "months"} | number(course, ended.months)
    hanging = ended.hanging.astype(float)
    yield chance | {"estimand": "a decision within rounding of its limit"} | number(course, hanging)


def simulate(
    design: str | Path | TrialDesign,
    *,
    seed: int,
    trials: int = 10_000,
    journal: str | Path | None = None,
    client: Client | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Simulate trials of a design under each of its scenarios.

    Parameters
    ----------
    design : str or pathlib.Path or TrialDesign
    seed : int
        Equal seeds give equal patients: whatever the scenario, the design's sizes and the number of trials.
    trials : int
        For each scenario.
    journal, client, progress
        As of `operating_characteristics`.

    Returns
    -------
    pandas.DataFrame
        One row per scenario, trial and basket: ``true_rate``, ``n`` and ``events`` analysed at the end, ``closed_at``
        (the look at which the basket was closed, 0 if none), ``decision`` ("success", "futility" or "no success"), and
        of a design with a model ``mean`` and ``sd`` of the rate, and ``probability`` that it lies above null.

    Raises
    ------
    CasepoolError
        As `operating_characteristics`.

    See Also
    --------
    operating_characteristics

    Examples
    --------
    >>> import casepool as cp
    >>> print(cp.simulate("simon_two_stage", seed=1, trials=100, progress=False).head(2))
      scenario  trial    basket  true_rate   n  events  closed_at  decision
    0     null      1  everyone        0.1  10       1          1  futility
    1     null      2  everyone        0.1  10       0          1  futility
    """
    flag_of(progress, "progress")
    chosen = trial_design(design)
    with open_journal(journal, progress=progress) as kept:
        how: dict[str, Any] = {"seed": seed, "trials": trials, "progress": progress, "client": client}
        run = Execution.of(chosen, kept, method="simulation", **how)
        return pd.concat([_rows_of_trials(run, course) for course in run.courses()], ignore_index=True)


def _rows_of_trials(run: Execution, course: Course) -> pd.DataFrame:
    design, ended = run.design, course.ended
    size = len(design.baskets)
    words = np.where(ended.success, "success", np.where(ended.early == FUTILE, "futility", "no success"))
    found: dict[str, Any] = {
        "scenario": course.scenario.name,
        "trial": np.repeat(np.arange(1, course.trials + 1), size),
        "basket": np.tile(design.names, course.trials),
        "true_rate": np.asarray(course.rates).ravel(),
        "n": ended.n.ravel(), "events": ended.events.ravel(), "closed_at": ended.closed_at.ravel(),
        "decision": words.ravel(),
    }  # fmt: skip
    if course.told is not None:
        above = run.decisions.above(course.told, design.null)
        found |= {"mean": course.told.mean.ravel(), "sd": course.told.sd.ravel(), "probability": above.ravel()}
    return pd.DataFrame(found)
