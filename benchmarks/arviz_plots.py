"""Draw every plot of ArviZ of a fit of every kind by every engine, and say which do not apply, and why.

    uv run python -m benchmarks.arviz_plots [--no-nuts]

Writes ``benchmarks/results/arviz_plots.md``. `documented` lays out for ``docs/arviz.md`` how each is asked for, and a
test draws those of the engines that need no compiler.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import arviz as az
import matplotlib as mpl
import numpy as np
import xarray as xr

import casepool as cp

DOCUMENT = Path(__file__).parent / "results" / "arviz_plots.md"
KINDS = {
    **{"counts": "basket_berry", "response": "objective_response"},
    **{"ordinal": "best_response", "survival": "overall_survival"},
}
"""What a fit is of, each with a bundled model."""
DATASETS = {"counts": "sarcoma_imatinib"}
NO_COMPILER = {"counts": "exact", "response": "lockstep", "ordinal": "lockstep", "survival": "lockstep"}
FOLLOWED = {"var_names": "followed"}
Plot = Callable[[xr.DataTree, str], Any]
CENSORED = "a censored time is not when the event came: use plot_ppc_censored, or plot_survival_check"
SEVERAL = "a row is several patients, and calibration is asked of one"


@dataclass(frozen=True)
class Use:
    """How a plot is asked for.

    Parameters
    ----------
    how : str
        Its arguments in words of Python, for readers.
    drawn : callable
        Takes a fit and its kind.
    not_for : mapping of str to str
        By kind or engine for which it does not apply, why.
    """

    how: str
    drawn: Plot
    not_for: Mapping[str, str] = field(default_factory=dict)


def scalars(fit: xr.DataTree) -> list[str]:
    """Return the names of the parameters that are single numbers."""
    return [str(name) for name, own in fit["posterior"].data_vars.items() if own.ndim == 2]


def _effect(fit: xr.DataTree) -> str:
    """Return the name of a parameter of which 0 is a question."""
    return next((name for name in scalars(fit) if name.endswith("_effect")), "intercept")


def _plain(name: str, how: str = "fit", not_for: Mapping[str, str] | None = None) -> Use:
    return Use(how, lambda fit, kind: getattr(az, name)(fit), not_for or {})


def _narrow(name: str) -> Use:
    return Use("fit, var_names=[...]", lambda fit, kind: getattr(az, name)(fit, var_names=scalars(fit)))


def _of_time(name: str, not_for: Mapping[str, str] | None = None) -> Use:
    """Of survival the times that follow-up would have shown, which are what was seen."""
    how = 'fit; of survival var_names="followed"'
    return Use(how, lambda fit, kind: getattr(az, name)(fit, **(FOLLOWED if kind == "survival" else {})), not_for or {})


def _calibration(name: str, **more: Any) -> Use:
    def drawn(fit: xr.DataTree, kind: str) -> Any:
        values = {key: value(fit) for key, value in more.items()}
        return getattr(az, name)(fit, data_type="ordinal" if kind == "ordinal" else "binary", **values)

    said = "".join(f", {key}=numbers" for key in more)
    return Use(f'fit{said}; of ordinal data_type="ordinal"', drawn, {"counts": SEVERAL, "survival": CENSORED})


def _patients(fit: xr.DataTree) -> np.ndarray:
    """Return a number for every patient in a fit: what residuals are drawn along."""
    return np.arange(fit["observed_data"].sizes["patient"], dtype=float)


BINARY = {"response": "of 0 and 1 there are no quantiles: use plot_ppc_pava"}
USES: dict[str, Use] = {
    **{
        name: _plain(name)
        for name in (
            *("plot_autocorr", "plot_convergence_dist", "plot_dgof", "plot_dist", "plot_ess", "plot_ess_evolution"),
            *("plot_forest", "plot_mcse", "plot_parallel", "plot_prior_posterior", "plot_rank", "plot_rank_dist"),
            *("plot_ridge", "plot_trace", "plot_trace_dist"),
        )
    },
    **{name: _narrow(name) for name in ("plot_dgof_dist", "plot_pair", "plot_psense_dist", "plot_psense_quantities")},
    "plot_bf": Use("fit, var_names=effect", lambda fit, kind: az.plot_bf(fit, var_names=_effect(fit))),
    "plot_compare": Use("az.compare({...})", lambda fit, kind: az.plot_compare(az.compare({"a": fit, "b": fit}))),
    "plot_khat": Use("az.loo(fit, pointwise=True)", lambda fit, kind: az.plot_khat(az.loo(fit, pointwise=True))),
    "plot_pair_focus": Use(
        "fit, focus_var=name, var_names=[...]",
        lambda fit, kind: az.plot_pair_focus(fit, focus_var=scalars(fit)[0], var_names=scalars(fit)[1:]),
    ),
    "plot_energy": _plain(
        "plot_energy",
        not_for={"exact": "its draws are independent: no energy", "lockstep": "its chains keep no energy"},
    ),
    "plot_ppc_censored": Use(
        'fit, var_names="outcome"',
        lambda fit, kind: az.plot_ppc_censored(fit, var_names="outcome"),
        dict.fromkeys(("counts", "response", "ordinal"), "nothing is censored"),
    ),
    "plot_ppc_dist": _of_time("plot_ppc_dist", BINARY),
    "plot_ppc_dist_pit": _of_time("plot_ppc_dist_pit", BINARY),
    "plot_ppc_interval": _of_time("plot_ppc_interval"),
    "plot_ppc_pit": _of_time("plot_ppc_pit", BINARY),
    "plot_ppc_tstat": _of_time("plot_ppc_tstat", BINARY),
    "plot_ppc_rootogram": _plain("plot_ppc_rootogram", not_for={**BINARY, "survival": "times are no counts"}),
    "plot_ppc_pava": _calibration("plot_ppc_pava"),
    "plot_ppc_pava_residuals": _calibration("plot_ppc_pava_residuals", x_var=_patients),
    "plot_loo_pava": _calibration("plot_loo_pava"),
    "plot_loo_interval": _plain("plot_loo_interval", not_for={"survival": CENSORED}),
    "plot_loo_pit": _plain("plot_loo_pit", not_for={**BINARY, "survival": CENSORED}),
    "plot_lm": _plain("plot_lm", not_for=dict.fromkeys(KINDS, "a fit keeps no covariate as x: use plot_effect")),
    "plot_ecdf_pit": _plain("plot_ecdf_pit", not_for=dict.fromkeys(KINDS, "of calibrations, not of a fit")),
}
"""Every plot of ArviZ."""


def every_plot() -> list[str]:
    """Return the names of ArviZ's plots."""
    return sorted(name for name in dir(az) if name.startswith("plot_") and callable(getattr(az, name)))


def refusals(name: str, kind: str, engine: str) -> list[str]:
    """Say why a plot does not apply; nothing where it does."""
    return [USES[name].not_for[key] for key in (kind, engine) if key in USES[name].not_for]


def fitted(kind: str, engine: str) -> xr.DataTree:
    """Fit the model of a kind, replicates and all."""
    cases = DATASETS.get(kind, "alk_crizotinib")
    return cp.fit(KINDS[kind], cases, seed=1, engine=engine, predictive=True, progress=False)


def draw(name: str, fit: xr.DataTree, kind: str) -> Any:
    """Draw a plot as it is documented.

    Only warnings that a reader should act on are let through: that Pareto k is large, or a row discrete, stands in the
    figure.
    """
    with warnings.catch_warnings():
        for said in ("Estimated shape parameter of Pareto", "Variables .* look", "Found chain dimension"):
            warnings.filterwarnings("ignore", said)
        return USES[name].drawn(fit, kind)


def documented() -> Iterator[str]:
    """Lay the plots out for the documentation: how each is asked for, and what it is not for."""
    yield "| plot | takes | not for |"
    yield "|---|---|---|"
    for name in every_plot():
        own = USES[name]
        why: dict[str, list[str]] = {}
        for key, said in own.not_for.items():
            why.setdefault(said, []).append(key)
        nobody = len(own.not_for) == len(KINDS)
        refused = "; ".join(f"{'any fit' if nobody else ', '.join(keys)}: {said}" for said, keys in why.items())
        yield f"| `{name}` | {'' if nobody else f'`{own.how}`'} | {refused} |"


def measured(engines: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Draw everything, and lay out what came of it."""
    columns = [(kind, engine) for kind, each in engines.items() for engine in each]
    fits = {column: fitted(*column) for column in columns}
    yield f"| plot | {' | '.join(' '.join(column) for column in columns)} |"
    yield "|" + "---|" * (len(columns) + 1)
    for name in every_plot():
        yield f"| {name} | {' | '.join(_came_of(name, *column, fits[column]) for column in columns)} |"


def _came_of(name: str, kind: str, engine: str, fit: xr.DataTree) -> str:
    from matplotlib import pyplot as plt

    if refusals(name, kind, engine):
        return "not for it"
    try:
        draw(name, fit, kind)
    except Exception as error:  # whatever ArviZ may raise
        return f"raises {type(error).__name__}: {error}"
    finally:
        plt.close("all")
    return "drawn"


def main() -> None:
    """Draw every plot and write what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--no-nuts", action="store_true", help="leave out the engine that compiles")
    nuts = () if parser.parse_args().no_nuts else ("nuts",)
    mpl.use("Agg")
    warnings.simplefilter("error")
    engines = {kind: (engine, *(nuts if kind != "counts" else ())) for kind, engine in NO_COMPILER.items()}
    lines = [*measured(engines)]
    head = f"# ArviZ's plots of casepool's fits\n\n{time.strftime('%Y-%m-%d')}, casepool {cp.__version__}, "
    head += (
        f"arviz {version('arviz')}, arviz-plots {version('arviz-plots')}. Made by `benchmarks/arviz_plots.py`; what "
    )
    head += "a plot is not for, and why, stands in `docs/arviz.md`.\n\n"
    DOCUMENT.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
