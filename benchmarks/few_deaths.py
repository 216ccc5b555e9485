"""Ask `classical` of small tables with few deaths: no number where there is no maximum, and every number right.

The likelihoods are written anew, in other parameters: every arm's own location instead of differences from a reference.
They are climbed between bounds from many starts.

uv run python -m benchmarks.few_deaths
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import get_context

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from benchmarks import results
from casepool.frequentist.answers import classical
from casepool.frequentist.maximum_likelihood import LOST, RISES, UNTOLD
from casepool.modelling import Model, model_from_dict

SEED, TABLES, STARTS = 20261129, 3000, 20
WIDE = 400.0
"""Bound of locations and coefficients: beside a steep hazard a ratio of e^50 may be the maximum."""
REACH = {"gompertz": 400.0}
"""Bound of a family's own parameter; else a logarithm: powers below e^-12 differ by rounding."""
LOG_REACH = 12.0
HELD_FAR = 200.0
"""Log ratio at which a likelihood that rises without end has reached its limit."""
KINDS = (
    ("exponential", "proportional"),
    ("exponential", "accelerated"),
    ("weibull", "proportional"),
    ("weibull", "accelerated"),
    ("gompertz", "proportional"),
    ("log_normal", "accelerated"),
    ("log_logistic", "accelerated"),
)
OWN = {"weibull": "shape", "gompertz": "shape", "log_normal": "scale", "log_logistic": "scale"}
TYPES = {
    "patient": {"type": "text"},
    "time": {"type": "number", "unit": "months"},
    "entry": {"type": "number", "unit": "months"},
    "start": {"type": "number", "unit": "months"},
    "event": {"type": "boolean"},
    "surgery": {"type": "boolean"},
    "arm": {"type": "category"},
}
DROP = float(stats.chi2.isf(0.05, 1))


@dataclass(frozen=True)
class Table:
    """A random table, the model asked of it, and what of it is asked."""

    frame: pd.DataFrame
    family: str
    effects: str
    arms: tuple[str, ...]
    exposed: bool
    late: bool

    @property
    def by(self) -> str | None:
        """An exposure, a factor, or everyone."""
        return "surgery" if self.exposed else "arm" if len(self.arms) > 1 else None

    @property
    def model(self) -> Model:
        """The model file."""
        priors = {"intercept": {"dist": "Normal", "mu": 0.0, "sigma": 1.0, "why": "benchmark"}}
        one = {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"}
        if self.family in OWN:
            priors[OWN[self.family]] = priors["intercept"] if self.family == "gompertz" else one
        plain: dict[str, object] = {"family": self.family, "effects": self.effects, "priors": priors}
        plain["outcome"] = {"time": "time", "event": "event", "unit": "months"} | (
            {"entry": "entry"} if self.late else {}
        )
        if len(self.arms) > 1:
            plain["terms"] = {"arm": {"kind": "category", "reference": self.arms[0]}}
            priors["arm_effect"] = priors["intercept"]
        if self.exposed:
            plain["exposure"] = {"surgery": {"column": "surgery", "start": "start", "dating": "uniform"}}
            priors["surgery_effect"] = priors["intercept"]
        return model_from_dict(plain, name="few deaths")


def table(number: int) -> Table:
    """Simulate 2 to 35 patients with few deaths, often tied or last, in one to four arms."""
    rng = np.random.default_rng([SEED, number])
    n, arms = int(rng.integers(2, 36)), int(rng.integers(1, 5))
    follow_up = np.ceil(rng.exponential(20.0, n)) if rng.random() < 0.5 else np.round(rng.exponential(20.0, n) + 0.1, 2)
    deaths = min(n, int(rng.integers(1, 5)))
    last = np.argsort(follow_up)[-deaths:] if rng.random() < 0.2 else rng.choice(n, deaths, replace=False)
    event = np.isin(np.arange(n), last)
    if rng.random() < 0.15:
        follow_up[event] = follow_up.max()
    labels = rng.integers(0, arms, n)
    kept = tuple(f"arm {k}" for k in np.unique(labels))
    exposed, late = bool(rng.random() < 0.35), bool(rng.random() < 0.2)
    surgery = rng.random(n) < rng.choice([0.0, 0.3, 0.6, 1.0])
    start = np.round(follow_up * rng.uniform(0.05, 0.95, n), 3)
    entry = np.round(follow_up * rng.uniform(0.0, 0.6, n) * (rng.random(n) < 0.5), 3)
    frame = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(n)],
            "time": follow_up,
            "event": event,
            "entry": entry,
            "arm": [f"arm {k}" for k in labels],
            "surgery": surgery,
            "start": np.where(surgery, start, np.nan),
        }
    )
    frame.attrs["codebook"] = {"name": "simulated", "columns": TYPES}
    return Table(frame, *KINDS[int(rng.integers(len(KINDS)))], kept, exposed, late)


@dataclass(frozen=True)
class Anew:
    """A likelihood written anew: a location of every arm, an exposure's coefficient, the family's own parameter."""

    asked: Table

    @cached_property
    def unit(self) -> float:
        """The time that counts as 1: when events are, where locations and the own parameter do not pull together."""
        return float(self.asked.frame.loc[self.asked.frame["event"], "time"].mean())

    @property
    def reach(self) -> np.ndarray:
        """How far out every parameter is looked for."""
        own = [REACH.get(self.asked.family, LOG_REACH)] * (self.asked.family in OWN)
        return np.array([WIDE] * (self.size - len(own)) + own)

    @cached_property
    def seen(self) -> tuple[np.ndarray, ...]:
        """Time, event, entry, switch, arm."""
        frame = self.asked.frame
        time, nothing = frame["time"].to_numpy() / self.unit, np.zeros(len(frame))
        entry = frame["entry"].to_numpy() / self.unit if self.asked.late else nothing
        start = np.where(frame["surgery"], frame["start"] / self.unit, np.inf)
        arm = np.array([self.asked.arms.index(label) for label in frame["arm"]])
        return time, frame["event"].to_numpy(), entry, start if self.asked.exposed else nothing + np.inf, arm

    @property
    def size(self) -> int:
        """Number of parameters."""
        return len(self.asked.arms) + self.asked.exposed + (self.asked.family in OWN)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The two parameters whose difference every ratio is; -1 where it is one alone."""
        many = len(self.asked.arms)
        return [(many, -1)] if self.asked.exposed else [(k, 0) for k in range(1, many)]

    def log_survival(self, u: np.ndarray, own: float) -> np.ndarray:
        """Of a patient whose hazard is not multiplied and whose time is not stretched."""
        if self.asked.family == "gompertz":
            return -u if abs(own) < 1e-9 else -np.exp(-own) * np.expm1(own * u) / own
        z = np.log(u) * np.exp(own)
        if self.asked.family == "log_normal":
            return np.asarray(special.log_ndtr(-z))
        return -np.logaddexp(0.0, z) if self.asked.family == "log_logistic" else -np.exp(z)

    def log_hazard(self, u: np.ndarray, own: float) -> np.ndarray:
        """Of the same patient."""
        if self.asked.family == "gompertz":
            return own * (u - 1.0)
        z = np.log(u) * np.exp(own)
        if self.asked.family == "log_normal":
            ratio = -z * z / 2 - np.log(2 * np.pi) / 2 - special.log_ndtr(-z)
        else:
            ratio = -np.logaddexp(0.0, -z) if self.asked.family == "log_logistic" else z
        return np.asarray(ratio + own - np.log(u))

    def fallen(self, x: np.ndarray) -> float:
        """Return minus the log-likelihood."""
        time, event, entry, switch, arm = self.seen
        own, beta = self._others(x)
        place, exposed = x[arm], switch < time
        with np.errstate(all="ignore"):
            if self.asked.effects == "accelerated":
                late, early = (self._stretched(at, switch, place, beta) for at in (time, entry))
                risk = self.log_survival(early, own) - self.log_survival(late, own)
                hazard = self.log_hazard(late, own) - place - beta * exposed
            else:
                before = self.log_survival(np.minimum(entry, switch), own)
                before = before - self.log_survival(np.minimum(time, switch), own)
                whole = self.log_survival(entry, own) - self.log_survival(time, own)
                risk = np.exp(place) * (before + np.exp(beta) * np.where(exposed, whole - before, 0.0))
                hazard = self.log_hazard(time, own) + place + beta * exposed
            total = float(risk.sum() - hazard[event].sum())
        return min(total, 1e6) if np.isfinite(total) else 1e6

    def survival(self, x: np.ndarray, to: float) -> float:
        """Return survival to a time, averaged over the patients, never exposed."""
        own, _ = self._others(x)
        place, at = x[self.seen[-1]], np.full(len(self.asked.frame), to / self.unit)
        if self.asked.effects == "accelerated":
            return float(np.exp(self.log_survival(at * np.exp(-place), own)).mean())
        return float(np.exp(np.exp(place) * self.log_survival(at, own)).mean())

    def _others(self, x: np.ndarray) -> tuple[float, float]:
        own = x[-1] if self.asked.family in OWN else 0.0
        return float(own), float(x[len(self.asked.arms)]) if self.asked.exposed else 0.0

    @staticmethod
    def _stretched(at: np.ndarray, switch: np.ndarray, place: np.ndarray, beta: float) -> np.ndarray:
        return np.exp(-place) * (np.minimum(at, switch) + np.exp(-beta) * np.maximum(at - switch, 0.0))


@dataclass(frozen=True)
class Search:
    """A likelihood written anew, climbed between bounds from several starts."""

    fallen: Callable[[np.ndarray], float]
    reach: np.ndarray
    arms: int
    starts: int
    number: int

    @cached_property
    def best(self) -> tuple[float, np.ndarray]:
        """The highest of all."""
        return self.highest()

    def highest(self, share: float = 1.0) -> tuple[float, np.ndarray]:
        """Return the highest log-likelihood between bounds, and where it is."""
        rng = np.random.default_rng([SEED, self.number, 1])
        starts = [rng.normal(0, 1.0 + 2.0 * (k % 3), len(self.reach)) for k in range(self.starts)]
        return self._climbed(starts, share * self.reach, np.asarray)

    def held(self, best: np.ndarray, pair: tuple[int, int], ratio: float) -> float:
        """Return the highest log-likelihood with a ratio held, from the highest of all moved there in several ways."""
        place, base = pair
        whole = [best.copy() for _ in range(3)]
        if base >= 0:
            whole[0][place] = best[base] + ratio
            whole[1][base] = best[place] - ratio
            middle = (best[place] + best[base]) / 2
            whole[2][[place, base]] = middle + ratio / 2, middle - ratio / 2
        else:
            for share, point in zip((0.0, 1.0, 0.5), whole, strict=True):
                point[: self.arms] += share * (best[place] - ratio)
                point[place] = ratio
        free = [i for i in range(len(self.reach)) if i != place]

        def at(x: np.ndarray) -> np.ndarray:
            point = np.zeros(len(self.reach))
            point[free] = x
            point[place] = ratio + (point[base] if base >= 0 else 0.0)
            return point

        if not free:
            return -self.fallen(at(np.zeros(0)))
        return self._climbed([point[free] for point in whole], self.reach[free], at)[0]

    def _climbed(
        self, starts: list[np.ndarray], reach: np.ndarray, at: Callable[[np.ndarray], np.ndarray]
    ) -> tuple[float, np.ndarray]:
        def fallen(x: np.ndarray) -> float:
            return self.fallen(at(x))

        bounds = list(zip(-reach, reach, strict=True))
        ends = [
            optimize.minimize(
                fallen, one.clip(-reach, reach), method="L-BFGS-B", bounds=bounds, options={"maxiter": 60}
            )
            for one in starts
        ]
        best = min(ends, key=lambda end: end.fun)
        fine = {"ftol": 1e-13, "gtol": 1e-8}
        best = optimize.minimize(fallen, best.x, method="L-BFGS-B", bounds=bounds, options=fine)
        steps = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 150 * len(bounds)}
        polished = optimize.minimize(fallen, best.x, method="Nelder-Mead", bounds=bounds, options=steps)
        best = min(best, polished, key=lambda end: end.fun)
        return -best.fun, at(best.x)


def checked(number: int, starts: int) -> tuple[str, list[str]]:
    """Ask one table; return what was answered, and what is wrong with it."""
    asked = table(number)
    rows = classical(asked.model, asked.frame, by=asked.by, at=[12.0])
    rows = rows[rows["method"].str.startswith("maximum likelihood")]
    written = Anew(asked)
    anew, pairs = Search(written.fallen, written.reach, len(asked.arms), starts, number), written.pairs
    if asked.by is None:
        return _survival(rows[rows["at"] == 12.0], rows["note"].iloc[0], anew, written)
    ratios = rows[rows["kind"] == "ratio"]
    if len(ratios) != len(pairs):
        return "rows missing", [f"{len(ratios)} ratios for {len(pairs)} pairs"]
    kinds, wrong = [], []
    for (_, row), pair in zip(ratios.iterrows(), pairs, strict=True):
        kind, said = _ratio(row, pair, anew)
        kinds.append(kind)
        wrong += said
    return kinds[0], wrong


def _ratio(row: pd.Series, pair: tuple[int, int], anew: Search) -> tuple[str, list[str]]:
    note = row["note"]
    if np.isnan(row["estimate"]):
        kind = next((kind for kind in (RISES, UNTOLD, LOST) if kind in note), note)
        return kind, _reason(kind, pair, anew)
    best, point = anew.best
    log_ratio, limits = np.log(row["estimate"]) if row["estimate"] else -np.inf, row[["lower", "upper"]].astype(float)
    wrong = []
    if np.isfinite(log_ratio):
        kind = "a maximum"
        height = anew.held(point, pair, log_ratio)
        if abs(best - height) > 1e-4:
            wrong.append(f"log-likelihood {height:.6g} at the estimate {row['estimate']:.5g}, {best:.6g} elsewhere")
    else:
        kind = "a limit at one side"
        height = anew.held(point, pair, np.sign(log_ratio) * HELD_FAR)
        if height < best - 1e-3:
            wrong.append(f"estimate {row['estimate']}, yet {best - height:.3g} lower there: {point}")
    for limit in limits:
        if limit and np.isfinite(limit):
            height = anew.held(point, pair, float(np.log(limit)))
            if abs(2 * (best - height) - DROP) > 0.01:
                wrong.append(f"deviance {2 * (best - height):.5g} at the limit {limit:.5g}")
    return kind, wrong


def _survival(row: pd.DataFrame, note: str, anew: Search, written: Anew) -> tuple[str, list[str]]:
    if row.empty:
        kind = next((kind for kind in (RISES, LOST) if kind in note), note)
        return kind, _reason(kind, (-1, -1), anew)
    (best, point), (near, _) = anew.best, anew.highest(0.5)
    wrong = [f"{best:.6g} far out, {near:.6g} near"] if abs(best - near) > 1e-4 else []
    told, alive = float(row["estimate"].iloc[0]), written.survival(point, 12.0)
    return "a maximum", wrong + ([f"survival {told:.5g}, anew {alive:.5g}"] if abs(told - alive) > 2e-3 else [])


def _reason(kind: str, pair: tuple[int, int], anew: Search) -> list[str]:
    """Say what speaks against a likelihood's having no maximum."""
    if kind in (RISES, LOST):
        near, far = (anew.highest(share)[0] for share in (0.5, 1.0))
        return [] if far > near + 1e-5 else [f"{far:.6g} far out is no more than {near:.6g} near"]
    if kind == UNTOLD:
        best, point = anew.best
        ends = [anew.held(point, pair, ratio) for ratio in (-HELD_FAR, HELD_FAR)]
        return [] if min(ends) > best - 1e-3 else [f"a ratio is told: {ends}, {best}"]
    return [f"another reason: {kind}"]


def main(tables: int = TABLES, workers: int = 1) -> None:
    """Ask of every table, and write the dated result after every hundred."""
    counts: Counter[str] = Counter()
    wrong: list[tuple[int, str]] = []
    started = time.perf_counter()
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        answers = pool.map(partial(checked, starts=STARTS), range(tables))
        for number, (kind, said) in enumerate(answers):
            counts[kind] += 1
            wrong += [(number, one) for one in said]
            if number % 100 == 99 or number == tables - 1:
                spent = time.perf_counter() - started
                print(f"{number + 1} tables, {len(wrong)} wrong, {spent:.0f} s", file=sys.stderr, flush=True)
                _write(number + 1, counts, wrong)


def _write(tables: int, counts: Counter[str], wrong: list[tuple[int, str]]) -> None:
    said = (
        f"Seed {SEED}: {tables} tables of 2 to 35 patients with one to four deaths in one to four arms, with and "
        "without an exposure and late entry; every family. Each likelihood was written anew in other parameters and "
        f"climbed from {STARTS} starts: at its highest, with the answered ratio held, and at its limits. The first "
        "ratio of each table is counted."
    )
    answered = pd.DataFrame(counts.most_common(), columns=["what was answered", "tables"])
    found = pd.DataFrame(wrong or [("none", "")], columns=["table", "what is wrong"])
    results.write("few_deaths", "Few deaths", said, {"Answers": answered, "Wrong": found})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=TABLES)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    main(asked.tables, asked.workers)
