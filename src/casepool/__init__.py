"""Bayesian hierarchical analysis of rare-disease case data.

The public names, each loaded when first used: ``import casepool`` takes no sampler along.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from casepool.cases import codings as codings
    from casepool.cases import list_datasets as list_datasets
    from casepool.cases import load as load
    from casepool.cases import new_dataset as new_dataset
    from casepool.cases import read_cases as read_cases
    from casepool.cases import recode as recode
    from casepool.cases import validate as validate
    from casepool.checking import check as check
    from casepool.checking import compare_models as compare_models
    from casepool.checking import leave_out as leave_out
    from casepool.checking import power_scaling as power_scaling
    from casepool.claims import audit as audit
    from casepool.errors import CasepoolError as CasepoolError
    from casepool.estimation import aliasing as aliasing
    from casepool.estimation import compare as compare
    from casepool.estimation import contrast as contrast
    from casepool.estimation import cumulative_incidence as cumulative_incidence
    from casepool.estimation import estimates as estimates
    from casepool.estimation import ledger as ledger
    from casepool.estimation import predict as predict
    from casepool.estimation import ranking as ranking
    from casepool.estimation import survival as survival
    from casepool.frequentist.answers import classical as classical
    from casepool.inference.baskets import basket_posteriors as basket_posteriors
    from casepool.inference.files import open_fit as open_fit
    from casepool.inference.files import save_fit as save_fit
    from casepool.inference.fitting import fit as fit
    from casepool.inference.fitting import refit as refit
    from casepool.inference.graph import build as build
    from casepool.inference.reproduction import verify as verify
    from casepool.modelling import Model as Model
    from casepool.modelling import list_models as list_models
    from casepool.modelling import model as model
    from casepool.plotting import plot_effect as plot_effect
    from casepool.plotting import plot_forest as plot_forest
    from casepool.plotting import plot_multiverse as plot_multiverse
    from casepool.plotting import plot_prior_survival as plot_prior_survival
    from casepool.plotting import plot_survival as plot_survival
    from casepool.plotting import plot_survival_check as plot_survival_check
    from casepool.plotting import plot_swimmer as plot_swimmer
    from casepool.plotting import plot_tipping as plot_tipping
    from casepool.reporting import report as report
    from casepool.studies import exposure_sensitivity as exposure_sensitivity
    from casepool.studies import multiverse as multiverse
    from casepool.studies import replacement as replacement
    from casepool.studies import sensitivity as sensitivity
    from casepool.studies import tipping as tipping
    from casepool.writing import write_table as write_table

__version__ = "0.2.0.dev0"

_HOMES = {
    "cases": ("codings", "list_datasets", "load", "new_dataset", "read_cases", "recode", "validate"),
    "checking": ("check", "compare_models", "leave_out", "power_scaling"),
    "errors": ("CasepoolError",),
    "estimation": (
        *("aliasing", "compare", "contrast", "cumulative_incidence", "estimates", "ledger", "predict", "ranking"),
        "survival",
    ),
    "frequentist.answers": ("classical",),
    "claims": ("audit",),
    "inference.baskets": ("basket_posteriors",),
    "inference.files": ("open_fit", "save_fit"),
    "inference.fitting": ("fit", "refit"),
    "inference.graph": ("build",),
    "inference.reproduction": ("verify",),
    "modelling": ("Model", "list_models", "model"),
    "plotting": (
        *("plot_effect", "plot_forest", "plot_multiverse", "plot_prior_survival", "plot_survival"),
        *("plot_survival_check", "plot_swimmer", "plot_tipping"),
    ),
    "reporting": ("report",),
    "studies": ("exposure_sensitivity", "multiverse", "replacement", "sensitivity", "tipping"),
    "writing": ("write_table",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}
__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'casepool' has no attribute {name!r}")
    return getattr(import_module(f"casepool.{_HOME_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__
