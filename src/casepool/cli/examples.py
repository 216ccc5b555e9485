"""Which commands stand together in the help, and an example of each that can be typed as it is.

A new command is an entry of `GROUPS` too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

GROUPS: Mapping[str, Mapping[str, str]] = {
    "Data": {
        "datasets": "casepool datasets",
        "validate": "casepool validate my_disease/",
        "new": "casepool new my_disease/ --from my.xlsx",
        "characteristics": "casepool characteristics --data alk_crizotinib --by sex",
        "codings": "casepool codings alk_crizotinib",
        "add": "casepool add my_disease/ case.toml",
        "history": "casepool history my_disease/",
    },
    "Models": {
        "models": "casepool models",
        "show": "casepool show objective_response",
        "draft": "casepool draft survival my_disease/ --median 24 --upper 120",
    },
    "Fits": {
        "fit": "casepool fit objective_response --data alk_crizotinib --out fit.nc",
        "adopt": "casepool adopt mine.nc --model objective_response --data alk_crizotinib --out fit.nc",
        "check": "casepool check fit.nc",
        "verify": "casepool verify fit.nc",
        "compare-models": "casepool compare-models one.nc two.nc",
        "leave-out": "casepool leave-out fit.nc --by histology",
        "aliasing": "casepool aliasing fit.nc",
        "power-scaling": "casepool power-scaling fit.nc",
    },
    "Answers of a fit": {
        "estimates": "casepool estimates fit.nc --by histology",
        "coefficients": "casepool coefficients fit.nc",
        "contrast": "casepool contrast fit.nc --by age",
        "survival": "casepool survival fit.nc --by surgery --at 12 --at 24",
        "compare": "casepool compare fit.nc --by histology",
        "ranking": "casepool ranking fit.nc --by histology",
        "ledger": "casepool ledger fit.nc --by histology",
        "predict": "casepool predict fit.nc new.csv",
        "followed": "casepool followed fit.nc --at 12",
        "flow": "casepool flow fit.nc",
        "cumulative-incidence": "casepool cumulative-incidence relapse.nc death.nc --at 12",
        "any-event": "casepool any-event events.nc",
        "sequence": "casepool sequence lines.nc --first ceritinib --then alectinib",
    },
    "Trials, and who gets published": {
        "trial-prior": "casepool trial-prior objective_response_selection",
        "trial-conflict": "casepool trial-conflict fit.nc",
        "trial-overlap": "casepool trial-overlap fit.nc",
        "selection": "casepool selection fit.nc",
        "selection-curve": "casepool selection-curve 26 30 --trials alk_imt_trials",
        "selection-survival": "casepool selection-survival overall_survival --data alk_crizotinib --at 24",
    },
    "Answers without a prior": {
        "classical": "casepool classical objective_response --data alk_crizotinib --by sex",
        "audit": "casepool audit alk_crizotinib",
        "claims": "casepool claims draft my_disease/",
        "adverse-events": "casepool adverse-events --data alk_crizotinib",
    },
    "Studies, which fit many times": {
        "sensitivity": "casepool sensitivity fit.nc --scales 0.5 --scales 2",
        "variants": "casepool variants fit.nc --by age --journal variants.journal",
        "exposure-sensitivity": "casepool exposure-sensitivity fit.nc",
        "tipping": "casepool tipping overall_survival --data alk_crizotinib",
        "multiverse": "casepool multiverse overall_survival alk_crizotinib --by surgery",
        "replacement": "casepool replacement alk_crizotinib",
    },
    "The trial that follows": {
        "trials": "casepool trials",
        "operating-characteristics": "casepool operating-characteristics simon_two_stage",
        "simulate": "casepool simulate simon_two_stage --trials 100",
        "calibrate": "casepool calibrate imatinib_baskets --at 0.1 --out mine.toml",
        "further-patients": "casepool further-patients basket_berry --data sarcoma_imatinib --rate 0.2 --threshold 0.8",
    },
    "Pages and figures": {
        "report": "casepool report my_disease/ --out report.html",
        "plot": "casepool plot fit.nc forest --by histology --out forest.svg",
    },
}
"""By the heading of a group: its commands in order, each with an example."""
FURTHER = "Further"
"""Heads commands that no group names."""


def example_of(name: str) -> str:
    """Return the example of a command, "" where there is none."""
    return next((group[name] for group in GROUPS.values() if name in group), "")


def grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the commands that there are by group, those of none last."""
    there = list(names)
    found = {head: [name for name in group if name in there] for head, group in GROUPS.items()}
    known = {name for group in found.values() for name in group}
    found[FURTHER] = [name for name in there if name not in known]
    return {head: group for head, group in found.items() if group}
