"""What was measured becomes a page and a picture: medians and ranges over rounds, ratios within a round."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from benchmarks import results

BASE, HAND, LOOP, BY_HAND = "PyMC + nutpie", "PyMC by hand", "numpy loop", "objective_response"
SAME = (BASE, "exact", "lockstep", "nuts")
"""Who samples the very posterior."""
FLOOR = "numpy, pandas, xarray, scipy.special"
PROMISED = (BY_HAND, "overall_survival", "best_response")
MOST_RATIO, MOST_MEMORY = 0.2, 250.0
REFITS_ALLOWED = {
    ("lockstep", "objective_response"): 0.6, ("lockstep", "overall_survival"): 0.6, ("lockstep", "best_response"): 1.3,
    ("exact", "basket_exnex"): 0.25, ("exact", "basket_berry"): 0.25,
}  # fmt: skip
REPORT_ALLOWED = 25.0
Entries = Sequence[Mapping[str, Any]]


def summary(values: Sequence[float]) -> str:
    """Write a median and a range."""
    if not values:
        return "not measured"
    low, middle, high = np.quantile(values, [0, 0.5, 1])
    return f"{middle:.3g} ({low:.3g} to {high:.3g})" if len(values) > 1 else f"{middle:.3g}"


def of(entries: Entries, kind: str) -> dict[tuple[str, str], Entries]:
    """Return the measurements of a kind that ended well, by program and model."""
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in entries:
        if entry["kind"] == kind and not entry["exit"]:
            found.setdefault((entry["program"], entry["model"]), []).append(entry)
    return dict(found)


def ratios(mine: Entries, theirs: Entries, what: str) -> list[float]:
    """Divide by what another program took in the same round."""
    by_round = {entry["round"]: entry[what] for entry in theirs}
    return [entry[what] / by_round[entry["round"]] for entry in mine if entry["round"] in by_round]


def taken(mine: Entries, loop: Entries) -> dict[str, str]:
    """Return the cells that every measured program has."""
    return {
        "CPU s": summary([entry["cpu"] for entry in mine]),
        "CPU, in numpy loops": summary(ratios(mine, loop, "cpu")),
        "wall s": summary([entry["wall"] for entry in mine]),
        "peak MB": f"{max(entry['memory'] for entry in mine):.0f}",
        "rounds": str(len(mine)),
    }


def fresh_table(entries: Entries) -> pd.DataFrame:
    """Lay out fresh processes, each beside PyMC with nutpie on the same model."""
    fresh, loop, rows = of(entries, "fresh"), of(entries, "other")[LOOP, ""], []
    for (program, model), mine in fresh.items():
        compared = {
            f"{what}, of {BASE}": summary(ratios(mine, fresh.get((BASE, model), ()), key))
            for what, key in (("CPU", "cpu"), ("wall", "wall"))
        }
        rows.append({"model": model, "program": program, **compared, **taken(mine, loop)})
    return pd.DataFrame(rows)


def refits_table(entries: Entries) -> pd.DataFrame:
    """Lay out refits in one process."""
    rows = [
        {"model": model, "engine": engine, "CPU s": summary([s for entry in mine for s in entry["refits"]])}
        for (engine, model), mine in of(entries, "refits").items()
    ]
    return pd.DataFrame(rows)


def other_table(entries: Entries) -> pd.DataFrame:
    """Lay out everything else."""
    others = of(entries, "other")
    return pd.DataFrame([{"what": what, **taken(mine, others[LOOP, ""])} for (what, _), mine in others.items()])


def imports_table(entries: Entries) -> pd.DataFrame:
    """Lay out what a fresh process spends on importing, package by package, most first."""
    runs = [entry["imports"] for mine in of(entries, "imports").values() for entry in mine]
    own = pd.DataFrame(runs).fillna(0.0).median().sort_values(ascending=False)
    rows = {**own.head(8), "all others": own.iloc[8:].sum(), "all": own.sum()}
    return pd.DataFrame({"package": list(rows), "seconds": list(rows.values())})


def promised(entries: Entries) -> pd.DataFrame:
    """Lay what was promised beside what was found."""
    fresh, refits, rows = of(entries, "fresh"), of(entries, "refits"), []

    def asked(what: str, allowed: float, found: Sequence[float], taken: Callable[..., Any] = np.median) -> None:
        number = float(taken(found)) if len(found) else np.nan
        kept = "not measured" if np.isnan(number) else "yes" if number <= allowed else "**no**"
        rows.append({"promise": what, "at most": allowed, "found": number, "kept": kept})

    for model in PROMISED:
        mine = fresh.get(("lockstep", model), ())
        for other in (BASE, HAND) if model == BY_HAND else (BASE,):
            for what, key in (("CPU", "cpu"), ("wall time", "wall")):
                found = ratios(mine, fresh.get((other, model), ()), key)
                asked(f"{model}: {what} of a fresh process, of {other}", MOST_RATIO, found)
        asked(f"{model}: peak MB", MOST_MEMORY, [entry["memory"] for entry in mine], np.max)
    for (engine, model), allowed in REFITS_ALLOWED.items():
        seconds = [s for entry in refits.get((engine, model), ()) for s in entry["refits"]]
        asked(f"{model}: CPU s of a refit, {engine}", allowed, seconds)
    reports = [mine for (what, _), mine in of(entries, "other").items() if what.startswith("casepool report")]
    asked("CPU s of the report of the bundled table", REPORT_ALLOWED, [e["cpu"] for mine in reports for e in mine])
    return pd.DataFrame(rows)


def floor(entries: Entries) -> list[str]:
    """Say how much of a fresh process is the imports that nothing can do without."""
    mine, others = of(entries, "fresh").get(("lockstep", BY_HAND), ()), of(entries, "other")
    least = next((found for (what, _), found in others.items() if FLOOR in what), ())
    shares = ratios(least, mine, "cpu")
    told = f"of lockstep's CPU time on {BY_HAND} a process that only imports {FLOOR} takes a share of {summary(shares)}"
    return [f"The floor is imports: {told}; package by package it is laid out below."] if shares else []


def said(entries: Entries, there: Mapping[str, str]) -> str:
    """Say what was done, what was not there, and what failed."""
    own = {name: version(name) for name in ("pymc", "nutpie", "numpy")}
    peers = ", ".join(f"{name} {number}" for name, number in (own | dict(there)).items() if number and name != HAND)
    absent = [name for name, number in there.items() if not number]
    failed = sorted({f"{e['program']} {e['model']} (round {e['round']})" for e in entries if e["exit"]})
    lines = [
        "Every round runs everything once, one program after the other; medians (range) over rounds, ratios taken "
        f"within a round. {os.cpu_count()} cores of {platform.machine()}, shared with other work: the load over 15 "
        f"minutes was {os.getloadavg()[2]:.0f} at the end. Seconds feel that, those of the CPU too, as the numpy loop "
        f"does; ratios are what counts. {peers}.",
        "A program begins as a fresh process, byte-compiled, and ends with its table printed; what compilers keep from "
        "earlier runs is there for everybody. Everywhere 4 chains of 1,000 draws after 1,000 of warm-up, on both cores "
        "where nutpie samples.",
        f"{BASE} samples the very posterior: the `pm.Model` that `casepool.build` makes, summarised by ArviZ. "
        "casepool's time holds more than sampling: log likelihood and log prior of every draw, convergence, and "
        "agreement of model and data. A model by hand, in Bambi and in R is one of complete cases, 27 of the 30 "
        "patients, with several partners of one patient as one label: by hand nobody sums over what is missing. "
        "rstanarm has a prior of its own for the groups' sds. brms compiles the model in C++.",
        *floor(entries),
        f"Not installed, so not measured: {', '.join(absent)}." if absent else "",
        f"Ended without a table: {', '.join(failed)}." if failed else "",
        "![What a fresh process takes](speed.svg)",
    ]
    return "\n\n".join(line for line in lines if line)


def picture(entries: Entries, path: Path) -> None:
    """Draw the CPU time of every fresh process in units of PyMC with nutpie's, and its memory."""
    fresh = of(entries, "fresh")
    models = list(dict.fromkeys(model for _, model in fresh))
    heights = [sum(model == one for _, model in fresh) for one in models]
    figure = Figure(figsize=(9, 0.36 * sum(heights) + 0.7 * len(models)), layout="constrained")
    panels = figure.subplots(len(models), 2, sharex="col", squeeze=False, height_ratios=heights, width_ratios=[3, 1])
    for (left, right), model in zip(panels, models, strict=True):
        mine = {program: found for (program, own), found in fresh.items() if own == model}
        relative = {name: ratios(found, mine.get(BASE, ()), "cpu") or [np.nan] for name, found in mine.items()}
        names = sorted(relative, key=lambda name: np.median(relative[name]), reverse=True)
        _dots(left, [relative[name] for name in names], lambda value: f"{value:.2g}")
        _dots(right, [[entry["memory"] for entry in mine[name]] for name in names], lambda value: f"{value:.0f}")
        left.axvline(MOST_RATIO, color="0.6", linestyle=":", linewidth=1)
        right.axvline(MOST_MEMORY, color="0.6", linestyle=":", linewidth=1)
        left.set_yticks(range(len(names)), [name if name in SAME else f"{name}, complete cases" for name in names])
        right.set_yticks([])
        left.set_title(model, loc="left", fontsize=10, fontweight="bold")
    panels[-1][0].set_xlabel(f"CPU time to a printed table, {BASE} = 1 (dotted: a fifth)")
    panels[-1][1].set_xlabel("peak MB (dotted: 250)")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=120)


def _dots(axes: Any, values: Sequence[Sequence[float]], written: Callable[[float], str]) -> None:
    """Draw a median with a range in every row, and its number."""
    for row, found in enumerate(values):
        middle = float(np.median(found))
        axes.plot([min(found), max(found)], [row, row], color="#4477aa", linewidth=3, alpha=0.4)
        axes.plot(middle, row, "o", color="#4477aa")
        axes.annotate(written(middle), (max(found), row), (7, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_ylim(-0.6, len(values) - 0.4)
    axes.margins(x=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def write(entries: Entries, there: Mapping[str, str]) -> Path:
    """Write the page and the picture."""
    tables = {
        "What was promised": promised(entries),
        "A fresh process to a printed table": fresh_table(entries),
        "Refits in one process, log likelihood and tables included": refits_table(entries),
        "What the floor is made of: imports of a fresh process, as `-X importtime` tells": imports_table(entries),
        "All else": other_table(entries),
    }
    picture(entries, results.FOLDER / "speed.svg")
    return results.write("speed", "Time to an answer", said(entries, there), tables)
