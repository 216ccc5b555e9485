"""Every public function is asked of a table that is not public, or it is said where that is, or why it is not."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr
from matplotlib.text import Text

import casepool as cp
from tests.safety.test_canaries import CANARY, leaks
from tests.small import half_normal, normal, response_model, survival_model

FEW = {"seed": 1, "engine": "lockstep", "progress": False}
CODEBOOK = f"""
public = false
title = "Cases"
at = [3.0]
[columns.patient]
type = "text"
[columns.site]
type = "category"
levels = ["limb", "trunk"]
[columns.response]
type = "ordered"
levels = ["no", "yes"]
[columns.age]
type = "number"
[columns.months]
type = "number"
unit = "months"
role = "time"
[columns.died]
type = "boolean"
role = "event"
[columns.operated]
type = "boolean"
role = "exposure"
[columns.from_month]
type = "number"
role = "earliest"
[columns.to_month]
type = "number"
role = "latest"
[columns.shrunk]
type = "number"
[columns.{CANARY}_nickname]
type = "category"
[columns.told]
type = "category"
levels = ["events"]
[tables.adverse_events]
file = "events.csv"
reported = "told"
types = ["rash"]
"""
EXPOSED = {"column": "operated", "earliest": "from_month", "latest": "to_month", "dating": "uniform"}


@dataclass(frozen=True)
class Private:
    """A folder, two models of its cases and their fits."""

    folder: Path
    response: cp.Model
    survival: cp.Model
    of_response: xr.DataTree
    of_survival: xr.DataTree


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Private:
    folder = tmp_path_factory.mktemp("clinics") / f"{CANARY}_clinic"
    folder.mkdir()
    n, operated = 12, [i % 3 == 0 for i in range(12)]
    pd.DataFrame(
        {
            "patient": [f"{CANARY}{i}" for i in range(n)],
            "site": ["limb"] * 8 + ["trunk"] * 4,
            "response": ["yes", "no", "yes", "yes"] * 3,
            "age": [20 + 3 * i for i in range(n)],
            "months": [4 + 2 * i for i in range(n)],
            "died": [i % 2 == 0 for i in range(n)],
            "operated": operated,
            "from_month": [1 if ever else None for ever in operated],
            "to_month": [3 if ever else None for ever in operated],
            "shrunk": [-40 + 7 * i for i in range(n)],
            f"{CANARY}_nickname": [f"{CANARY}{i % 3}" for i in range(n)],
            "told": ["events"] * n,
        }
    ).to_csv(folder / "cases.csv", index=False)
    events = [f"{CANARY}{i},rash,1,2" for i in range(3)]
    (folder / "events.csv").write_text("\n".join(["patient,event,grade_low,grade_high", *events]), encoding="utf-8")
    (folder / "codebook.toml").write_text(CODEBOOK, encoding="utf-8")
    priors = {"intercept": normal(1.5), "site_sd": half_normal(1.0), "age_effect": normal(0.5)}
    terms = {"site": {"kind": "group"}, "age": {"kind": "linear", "centre": 30, "scale": 10}}
    response = response_model(terms, priors)
    priors = {"intercept": normal(1.5, -3), "operated_effect": normal(1.0)}
    survival = survival_model(
        priors, outcome={"time": "months", "event": "died"}, exposure={"operated": EXPOSED}
    )  # fmt: skip
    fits = (cp.fit(model, folder, **FEW) for model in (response, survival))
    return Private(folder, response, survival, *fits)


def further(own: Private) -> pd.DataFrame:
    plain = response_model({"site": {"kind": "group"}}, {"intercept": normal(1.5), "site_sd": half_normal(1.0)})
    return cp.further_patients(plain, own.folder, rate=0.5, threshold=0.9, more=(1,), progress=False)


def both(own: Private) -> list[xr.DataTree]:
    plain = response_model({}, {"intercept": normal(1.5)}, name="plain")
    return [own.of_response, cp.fit(plain, own.folder, **FEW)]


Asked = Callable[[Private], Any]
ASKED: dict[str, Asked] = {
    "adverse_events": lambda o: cp.adverse_events(o.folder),
    "aliasing": lambda o: cp.aliasing(o.of_response),
    "build": lambda o: cp.build(o.response, o.folder),
    "characteristics": lambda o: cp.characteristics(o.folder, "site"),
    "check": lambda o: cp.check(o.of_survival, refits=False, progress=False),
    "classical": lambda o: cp.classical(o.survival, o.folder, "operated"),
    "compare": lambda o: cp.compare(cp.estimates(o.of_response, "site"), cp.classical(o.response, o.folder, "site")),
    "compare_models": lambda o: cp.compare_models(both(o), refits=False, progress=False),
    "contrast": lambda o: cp.contrast(o.of_survival, "operated"),
    "contrast_draws": lambda o: cp.contrast_draws(o.of_response, "site"),
    "estimates": lambda o: cp.estimates(o.of_response, "site"),
    "exposure_sensitivity": lambda o: cp.exposure_sensitivity(o.of_survival, progress=False),
    "flow": lambda o: cp.flow([o.of_response, o.of_survival]),
    "followed": lambda o: cp.followed(o.of_survival, at=[3.0]),
    "further_patients": further,
    "leave_out": lambda o: cp.leave_out(o.of_response, "site", progress=False),
    "ledger": lambda o: cp.ledger(o.of_response, "site"),
    "plot_diagnostics": lambda o: cp.plot_diagnostics(o.of_response),
    "plot_effect": lambda o: cp.plot_effect(o.of_response, "age"),
    "plot_forest": lambda o: cp.plot_forest(cp.estimates(o.of_response, "site")),
    "plot_further_patients": lambda o: cp.plot_further_patients(further(o)),
    "plot_prior_survival": lambda o: cp.plot_prior_survival(o.of_survival),
    "plot_survival": lambda o: cp.plot_survival(o.of_survival),
    "plot_survival_check": lambda o: cp.plot_survival_check(o.of_survival),
    "plot_swimmer": lambda o: cp.plot_swimmer(o.of_survival),
    "plot_tipping": lambda o: cp.plot_tipping(cp.tipping(o.survival, o.folder, fractions=(0.0, 1.0), **FEW)),
    "plot_waterfall": lambda o: cp.plot_waterfall(o.folder, change="shrunk", response="response"),
    "power_scaling": lambda o: cp.power_scaling(o.of_response),
    "predict": lambda o: cp.predict(o.of_survival, pd.DataFrame({"in_fit": ["1", "2"]})),
    "ranking": lambda o: cp.ranking(o.of_response, "site"),
    "refit": lambda o: cp.refit([(o.response, cp.read_cases(o.folder))], **FEW)[0],
    "sensitivity": lambda o: cp.sensitivity(o.of_response, scales=[0.5], progress=False),
    "survival": lambda o: cp.survival(o.of_survival),
    "tipping": lambda o: cp.tipping(o.survival, o.folder, fractions=(0.0, 1.0), **FEW),
    "variants": lambda o: cp.variants(o.of_response, "site", cases=o.folder, widths=[2.0], progress=False),
    "verify": lambda o: cp.verify(o.of_response, progress=False),
    "write_table": lambda o: cp.write_table(cp.estimates(o.of_response, "site"), o.folder / "t.md").read_text("utf-8"),
}
THERE = "tests/safety/test_canaries.py"
LIVING = "tests/living/test_leaving.py"
OWNER = "writes or reads the owner's own files for the owner: cells and names are what is asked for"
OF_NO_CASES = "knows no cases, or only printed ones"
DRAWS = "hands on draws and counts of levels alone, as estimates does"
ELSEWHERE = {
    **dict.fromkeys(("fit", "save_fit", "open_fit", "report", "multiverse"), THERE),
    **dict.fromkeys(("add", "history"), LIVING),
    **dict.fromkeys(("draft", "new_dataset", "validate", "load", "read_cases", "recode", "codings"), OWNER),
    **dict.fromkeys(("list_datasets", "list_models", "list_trials", "model", "from_formula"), OF_NO_CASES),
    **dict.fromkeys(("trial_design", "simulate", "operating_characteristics", "calibrate"), OF_NO_CASES),
    **dict.fromkeys(("plot_decisions", "plot_operating_characteristics", "plot_power"), OF_NO_CASES),
    **dict.fromkeys(("basket_posteriors", "trial_prior", "selection_curve", "selection_survival"), OF_NO_CASES),
    **dict.fromkeys(("audit", "replacement"), "of papers, which are published"),
    "coefficients": "tests/safety/test_canaries.py",
    "draft_claims": "tests/claims/test_drafts.py",
    **dict.fromkeys(("selection", "trial_conflict", "trial_overlap"), DRAWS),
    **dict.fromkeys(("any_event", "sequence", "cumulative_incidence"), DRAWS),
    "adopt": "lays draws of others down as fit does its own",
    "plot_multiverse": "draws the rows of a table of multiverse, whose words hold none",
    "plot_spider": "asked below, of assessments",
}


def words(told: Any) -> Iterator[str]:
    """Yield all that a reader may see of an answer: cells, attributes, the texts of a figure, names of a model."""
    if isinstance(told, pd.DataFrame):
        yield from (told.to_csv(), str(told), str(told.attrs))
    elif hasattr(told, "figure"):
        yield from (text.get_text() for text in told.figure.findobj(Text))
    elif isinstance(told, xr.DataTree | xr.DataArray | xr.Dataset):
        yield from (str(told.to_dict()), str(dict(told.attrs)))
    elif hasattr(told, "coords"):
        yield f"{told.coords} {told.named_vars}"
    else:
        yield str(told)


def test_every_public_function_is_asked_or_told_of() -> None:
    public = {name for name in cp.__all__ if inspect.isfunction(getattr(cp, name))}
    assert public - set(ASKED) == set(ELSEWHERE)
    assert set(ASKED) <= public


@pytest.mark.parametrize("name", ASKED)
def test_nothing_leaves(name: str, own: Private) -> None:
    told = list(words(ASKED[name](own)))
    assert any(told)
    assert not [text for text in told if leaks(text)]
