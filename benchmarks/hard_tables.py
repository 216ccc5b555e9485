"""Long runs of the reference engine on 53 tables, kept so that other engines are laid against them.

    nice -n 15 uv run python -m benchmarks.hard_tables [--only NAME ...] [--minutes M] [--enough ESS]

Every bundled model on its bundled table, and tables that are hard in one way each. Means, standard deviations and Monte
Carlo errors of every parameter are kept in ``results/long_nuts.jsonl``, one line a table: what is there and still of
the same model and table is not sampled again, unless more is asked of it. A run that passes its own checks is kept; the
effective sample size asked of every parameter is 20,000 or what `--enough` says, and what was reached is kept with it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import casepool as cp
from benchmarks import many_levels
from benchmarks.calibration_ranks import note, read_journal
from benchmarks.engines import Moments, moments
from benchmarks.results import FOLDER
from benchmarks.simulated_tables import HARD, USUAL, simulated
from benchmarks.structures import CURVE, KIND, LINE, SLOPE, SPREAD, Structure, structures
from casepool.inference import diagnostics
from casepool.inference.convergence import convergence
from casepool.inference.sampling import sample
from casepool.modelling import Design, Model, make_design, model_from_dict
from casepool.modelling.specification.model import model_dict

SEED = 20261128
STORE = FOLDER / "long_nuts.jsonl"
ENOUGH, FIRST, MOST = 20_000, 0.4, 60_000
"""Effective draws asked of every parameter; draws of each of four chains first, in these, and at most."""
BASKETS = "sarcoma_imatinib"
SMALL_STEPS = 0.998
"""Acceptance aimed at after a run in which a draw diverged, at 0.99 too."""
CHOSEN = (
    ("counts_partial", "separated"), ("counts_partial", "no difference"), ("counts_partial", "two clusters"),
    ("counts_partial", "one level huge"), ("counts_partial", "against the prior"),
    ("counts_partial", "one patient a level"), ("counts_robust", "one level off"), ("counts_exnex", "two clusters"),
    ("counts_exnex", "one patient a level"), ("counts_none", "separated"), ("counts_partial_40", "far apart"),
    ("patients_exnex", "one level off"), ("patients_missing_label", "much missing"), ("crossed_counts", "separated"),
    ("crossed_age_missing", "together"), ("smooth_age", "steep"), ("ordinal_age", "all of them"),
    ("ordinal_crossed", "two clusters"), ("exponential", "none of them"), ("exponential", "against the prior"),
    ("exponential_robust", "one level off"), ("weibull_late_entry", "against the prior"),
    ("weibull_late_entry", "ties"),
    ("weibull_late_entry", "usual"), ("piecewise", "short follow-up"), ("m_spline", "ties"),
    ("weibull_surgery", "usual"), ("exponential_surgery", "steep"), ("between_visits", "usual"),
    ("between_visits", "separated"),
)  # fmt: skip
"""Structures and in what way their table is hard."""
Cases = tuple[Model, pd.DataFrame]


def _bundled(name: str) -> Cases:
    return cp.model(name), cp.load(BASKETS if name.startswith("basket") else "alk_crizotinib")


def _made(structure: Structure, hard: str) -> Cases:
    rng = np.random.default_rng([SEED, *f"{structure.name}, {hard}".encode()])
    return structure.model, simulated(structure, HARD.get(hard, USUAL), rng)


def _counts(events: list[int], n: list[int], name: str = "basket_berry") -> Cases:
    """Lay counts by histology on a bundled basket model."""
    labels = [f"h{number:02d}" for number in range(len(n))]
    frame = pd.DataFrame({"histology": labels, "events": events, "n": n})
    types = {"histology": "category", "events": "integer", "n": "integer"}
    frame.attrs["codebook"] = {"name": "simulated", "columns": {key: {"type": kind} for key, kind in types.items()}}
    return cp.model(name), frame


def _ages_missing() -> Cases:
    """Lay a smooth curve of age over the bundled table, with three ages missing: thousands of rows."""
    outcome = {"column": "best_response", "levels": ["PD", "SD", "PR", "CR"], "success": ["PR", "CR"]}
    curve = {"age": CURVE["age"] | {"missing": "model"}}
    terms = {"histology": KIND["kind"], "partner": KIND["kind"], **curve}
    spreads = dict.fromkeys(("histology_sd", "partner_sd", "age_wiggle_sd"), SPREAD["kind_sd"])
    plain = {"family": "bernoulli", "outcome": outcome, "terms": terms, "priors": LINE | SLOPE | spreads}
    frame = cp.load("alk_crizotinib")
    known = np.flatnonzero(frame["age"].notna())[[2, 9, 17]]
    hidden = frame.assign(age=frame["age"].mask(frame.index.isin(known)))
    hidden.attrs = frame.attrs
    return model_from_dict(plain, name="smooth age"), hidden


def tables() -> dict[str, Callable[[], Cases]]:
    """Return what makes each model and table, by name."""
    made: dict[str, Callable[[], Cases]] = {name: lambda name=name: _bundled(name) for name in cp.list_models()}
    made |= {
        "none of anybody": lambda: _counts([0] * 10, [4, 8, 2, 9, 3, 1, 6, 12, 5, 7]),
        "separated": lambda: _counts([0, 9, 0, 12, 0, 7], [8, 9, 11, 12, 6, 7]),
        "a thousand a level": lambda: _counts([120, 180, 230, 310, 90], [1000] * 5),
        "two clusters, exnex": lambda: _counts([1, 2, 1, 2, 14, 15, 13], [20] * 7, "basket_exnex"),
    }
    known = structures()
    made |= {f"{name}, {hard}": lambda name=name, hard=hard: _made(known[name], hard) for name, hard in CHOSEN}
    return made | {
        "300 levels": lambda: (many_levels.model("partial"), many_levels.table(0)[0]),
        "three ages missing": _ages_missing,
    }


def digest(model: Model, frame: pd.DataFrame) -> str:
    """Return a few letters that change with a model or a table."""
    whole = json.dumps([model_dict(model), frame.astype(str).to_numpy().tolist()])
    return hashlib.sha256(whole.encode()).hexdigest()[:16]


def stored() -> dict[str, dict[str, Any]]:
    """Return the runs kept, by table."""
    return {entry["table"]: entry for entry in read_journal(STORE)}


def by_parameter(draws: dict[str, np.ndarray]) -> dict[str, Moments]:
    """Summarise every parameter: draws (chain, draw, ...) by name."""
    return {name: moments(values.reshape(*values.shape[:2], -1)) for name, values in draws.items()}


def long_run(design: Design, enough: int = ENOUGH) -> dict[str, Any]:
    """Sample a design until every parameter has draws enough, by smaller steps where a run fails its own checks."""
    draws, accept, started = int(FIRST * enough), 0.95, time.perf_counter()
    while True:
        settings = {"draws": draws, "tune": 2000, "chains": 4, "target_accept": accept}
        drawn, settings, _ = sample(design, SEED, settings, cores=1, progress=False)
        summary = convergence(drawn, "nuts")
        if summary["verdict"] == "fail" and summary["divergences"] and accept < SMALL_STEPS:
            accept = SMALL_STEPS
            continue
        values = drawn.parameters
        ess = min(float(np.nanmin(diagnostics.ess_bulk(own))) for own in values.values() if np.ptp(own) > 0)
        wanted = min(MOST, int(1.15 * draws * enough / ess))
        if ess >= enough or draws == MOST or wanted <= draws:
            break
        draws = wanted
    found = {
        name: {key: _short(array) for key, array in vars(own).items()} for name, own in by_parameter(values).items()
    }
    spent = round(time.perf_counter() - started, 1)
    return {"verdict": summary["verdict"], "divergences": summary["divergences"], "rhat": summary["rhat"],
            "ess": round(ess), "draws": draws, "target_accept": settings["target_accept"], "seconds": spent,
            "parameters": found}  # fmt: skip


def _short(array: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in array]


def read(entry: dict[str, Any]) -> dict[str, Moments]:
    """Return the moments of every parameter that a kept run holds."""
    return {name: Moments(**{key: np.array(v) for key, v in own.items()}) for name, own in entry["parameters"].items()}


@cache
def cases(name: str) -> Cases:
    """Return the model and the table of a name."""
    return tables()[name]()


def main() -> None:
    """Sample what is not kept yet, small tables first."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(tables()), metavar="NAME")
    parser.add_argument("--minutes", type=float, default=np.inf, help="no table is begun after these")
    parser.add_argument("--enough", type=int, default=ENOUGH, metavar="ESS", help="effective draws of every parameter")
    asked = parser.parse_args()
    started, known = time.monotonic(), stored()
    for name in sorted(asked.only or tables(), key=lambda name: len(make_design(*cases(name)).log_weight)):
        model, frame = cases(name)
        print_of = digest(model, frame)
        was = known.get(name, {})
        if was.get("digest") == print_of and (was["ess"] >= asked.enough or was["draws"] == MOST):
            continue
        if time.monotonic() - started > 60 * asked.minutes:
            break
        entry = {"table": name, "digest": print_of, **long_run(make_design(model, frame), asked.enough)}
        if entry["verdict"] != "fail":
            note(STORE, entry)
        told = {key: value for key, value in entry.items() if key != "parameters"}
        print(json.dumps(told), file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
