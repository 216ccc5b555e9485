"""A fit that did not work is marked wherever it appears: every public function that takes a fit or makes one.

So is a fit of cases that are not public: every table made of it knows, so that small counts are marked.
"""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cli import main
from casepool.studies.replacement import sentence
from tests.small import half_normal, normal, response_model
from tests.studies.test_tipping import INTERVAL, PRIORS, cohort, survival_model

TINY = {"draws": 20, "seed": 1, "progress": False}
ENOUGH = {"seed": 1, "progress": False}
TABLE = pd.DataFrame(
    {
        "patient": [f"p{i}" for i in range(12)],
        "events": [1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0],
        "n": 1,
        "kind": list("AABBCCAABBCC"),
        "age": [5.0, 8.0, 30.0, 22.0, 41.0, 60.0, 12.0, 19.0, 33.0, 50.0, 27.0, 3.0],
    }
)


def small_response(name: str = "response", **priors: dict):
    terms = {"kind": {"kind": "group"}, "age": {"kind": "linear", "centre": 18, "scale": 10}}
    own = {"intercept": normal(1.5), "kind_sd": half_normal(1), "age_effect": normal(0.5)}
    return response_model(terms, own | priors, name)


@pytest.fixture(scope="module")
def response() -> xr.DataTree:
    return cp.fit(small_response(), TABLE, **TINY)


@pytest.fixture(scope="module")
def followed() -> xr.DataTree:
    return cp.fit(survival_model(PRIORS, exposure=INTERVAL), cohort(), **TINY)


def rows_marked(table: pd.DataFrame) -> bool:
    number = "estimate" if "estimate" in table.columns else "shrunk"
    told = table[table[number].notna()]
    return len(told) > 0 and set(told["verdict"]) == {"fail"}


def titled(axes: Any) -> bool:
    return "did not converge" in axes.get_title(loc="left") + axes.get_title()


def marked(name: str, told: Any) -> bool:
    if not isinstance(told, pd.DataFrame):
        return titled(told)
    if name in ("check", "leave_out"):
        return "fail" in set(told["verdict"])
    return set(told["verdict"]) == {"fail"} or rows_marked(told)


RESPONSE: dict[str, Callable[[xr.DataTree], Any]] = {
    "aliasing": cp.aliasing,
    "check": lambda f: cp.check(f, progress=False),
    "compare_models": lambda f: cp.compare_models([f, f], progress=False, refits=False),
    "contrast": lambda f: cp.contrast(f, "kind"),
    "coefficients": cp.coefficients,
    "variants": lambda f: cp.variants(f, "kind", cases=TABLE, widths=[0.5], progress=False),
    "estimates": lambda f: cp.estimates(f, "kind"),
    "estimates of a new patient": lambda f: cp.estimates(f, "kind", target="new"),
    "leave_out": lambda f: cp.leave_out(f, "kind", progress=False),
    "ledger": lambda f: cp.ledger(f, "kind"),
    "plot_diagnostics": cp.plot_diagnostics,
    "plot_effect": lambda f: cp.plot_effect(f, "age"),
    "plot_forest": lambda f: cp.plot_forest(cp.estimates(f, "kind")),
    "power_scaling": cp.power_scaling,
    "predict": lambda f: cp.predict(f, pd.DataFrame({"kind": ["A", "new"], "age": [3.0, np.nan]})),
    "ranking": lambda f: cp.ranking(f, "kind"),
    "sensitivity": lambda f: cp.sensitivity(f, scales=[0.5], progress=False),
    "compare": lambda f: cp.compare(cp.estimates(f, "kind"), cp.estimates(f).drop(columns="mcse")),
}
SELECTED: dict[str, Callable[[xr.DataTree], Any]] = {
    "selection": cp.selection,
    "trial_conflict": lambda f: cp.trial_conflict(f, progress=False).query("kind != 'P value'"),  # which need no draws
    "trial_overlap": lambda f: cp.trial_overlap(f, most=1, progress=False),
}
SURVIVAL: dict[str, Callable[[xr.DataTree], Any]] = {
    "check": lambda f: cp.check(f, progress=False),
    "contrast": lambda f: cp.contrast(f, "surgery"),
    "exposure_sensitivity": lambda f: cp.exposure_sensitivity(f, progress=False),
    "plot_survival": cp.plot_survival,
    "plot_survival_check": cp.plot_survival_check,
    "survival": cp.survival,
    "cumulative_incidence": lambda f: cp.cumulative_incidence([f, none_died(f)]),
}
ELSEWHERE = {
    "any_event": "test_an_unconverged_fit_of_events_is_marked",
    "sequence": "test_an_unconverged_fit_of_lines_is_marked",
    "contrast_draws": "hands on the draws themselves, and no number made of them",
    "flow": "counts patients of the table, whatever was drawn",
    "followed": "counts patients at risk, whatever was drawn",
    "verify": "tells whether the draws come again, whatever they are",
    "save_fit": "test_a_file_keeps_the_mark",
    "report": "test_a_report_and_the_command_line_are_marked",
}


def none_died(fit: xr.DataTree) -> xr.DataTree:
    """The same patients and follow-up, as if nobody had died of a second cause."""
    return cp.fit(survival_model(PRIORS, exposure=INTERVAL), cohort().assign(event=False), **TINY)


def test_every_public_function_of_a_fit_is_followed() -> None:
    public = {name: getattr(cp, name) for name in cp.__all__ if inspect.isfunction(getattr(cp, name))}
    taking = {name for name, f in public.items() if {"fit", "fits"} & set(inspect.signature(f).parameters)}
    assert taking <= set(RESPONSE) | set(SELECTED) | set(SURVIVAL) | set(ELSEWHERE)


@pytest.mark.parametrize("name", RESPONSE)
def test_an_unconverged_response_fit_is_marked(name: str, response: xr.DataTree) -> None:
    assert marked(name, RESPONSE[name](response))


@pytest.fixture(scope="module")
def selected() -> xr.DataTree:
    return cp.fit("objective_response_selection", "alk_crizotinib", **TINY)


@pytest.mark.parametrize("name", SELECTED)
def test_an_unconverged_fit_of_published_cases_is_marked(name: str, selected: xr.DataTree) -> None:
    assert marked(name, SELECTED[name](selected))


def test_an_unconverged_fit_of_lines_is_marked() -> None:
    fit = cp.fit("next_inhibitor", "alk_crizotinib", **TINY)
    assert marked("sequence", cp.sequence(fit, "Ceritinib", "Alectinib"))


def test_an_unconverged_fit_of_events_is_marked() -> None:
    fit = cp.fit("adverse_events_by_patient_and_type", "alk_crizotinib", **TINY)
    assert marked("any_event", cp.any_event(fit))


@pytest.mark.parametrize("name", SURVIVAL)
def test_an_unconverged_survival_fit_is_marked(name: str, followed: xr.DataTree) -> None:
    assert marked(name, SURVIVAL[name](followed))


def hidden(fit: xr.DataTree) -> xr.DataTree:
    """The same fit, had its codebook said that the cases are not public."""
    fit = fit.copy()
    fit.attrs["codebook"] = json.dumps(json.loads(fit.attrs["codebook"]) | {"public": False})
    patients = fit["patients"].to_dataset()
    fit["patients"] = patients.assign_coords(patient=[str(i + 1) for i in range(patients.sizes["patient"])])
    return fit


@pytest.mark.parametrize("name", [name for name in RESPONSE if not name.startswith("plot")])
def test_a_table_of_a_response_fit_that_is_not_public_knows(name: str, response: xr.DataTree) -> None:
    assert RESPONSE[name](response).attrs.get("public", True)
    assert RESPONSE[name](hidden(response)).attrs["public"] is False


@pytest.mark.parametrize("name", ["check", "contrast", "exposure_sensitivity", "survival"])
def test_a_table_of_a_survival_fit_that_is_not_public_knows(name: str, followed: xr.DataTree) -> None:
    assert SURVIVAL[name](hidden(followed)).attrs["public"] is False


def test_what_refits_by_itself_is_marked_too() -> None:
    table = cp.tipping(survival_model(PRIORS, exposure=INTERVAL), cohort(), fractions=[0, 1], **TINY)
    assert set(table["verdict"]) == {"fail"}
    assert titled(cp.plot_tipping(table))
    row = table[table["unit"] == "ratio"].iloc[0]
    assert "did not converge" in sentence(row)
    worlds = pd.concat([table[table["unit"] == "ratio"].assign(who=coding) for coding in ("as_recorded", "other")])
    assert titled(cp.plot_multiverse(worlds.assign(level="one")))


def test_a_file_keeps_the_mark(response: xr.DataTree, tmp_path: Path) -> None:
    assert rows_marked(cp.estimates(cp.open_fit(cp.save_fit(response, tmp_path / "fit.nc")), "kind"))


def test_a_report_is_marked(response: xr.DataTree, tmp_path: Path) -> None:
    page = cp.report(response, tmp_path / "page.html", progress=False).read_text(encoding="utf-8")
    assert "not converged, or failed a check" in page


@pytest.mark.parametrize("line", [["check"], ["estimates"], ["estimates", "--by", "kind"]])
def test_the_command_line_is_marked(line: list[str], response, tmp_path: Path, capsys) -> None:
    path = cp.save_fit(response, tmp_path / "fit.nc")
    with pytest.raises(SystemExit) as left:
        main([line[0], str(path), *line[1:]])
    assert left.value.code == 3
    assert "fail" in capsys.readouterr().out


def test_what_check_finds_marks_what_is_made_afterwards() -> None:
    """A converged fit whose prior the data contradict is marked from the start; what a check finds stays."""
    fit = cp.fit(small_response("contradicted", intercept=normal(0.05, 9.0)), TABLE, **ENOUGH)
    assert rows_marked(cp.estimates(fit))
    assert titled(cp.plot_forest(cp.estimates(fit)))
    table = cp.check(fit, progress=False).set_index("question")
    assert table.loc["convergence", "verdict"] == "pass"
    assert table.loc["prior against data", "verdict"] == "fail"


def test_questions_not_asked_say_so_and_answers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = cp.fit(small_response("sound"), TABLE, **ENOUGH)
    assert set(cp.estimates(fit)["verdict"]) == {"pass"}
    first = cp.check(fit, progress=False).set_index("question")
    assert first.loc["levels of kind left out", "verdict"] == "not asked"
    assert "refits=True" in first.loc["levels of kind left out", "sentence"]
    full = cp.check(fit, refits=True, progress=False).set_index("question")
    assert full.loc["levels of kind left out", "verdict"] == "pass"
    monkeypatch.setattr("casepool.checking.verdicts.leave_out_of", None)  # not called again
    pd.testing.assert_frame_equal(cp.check(fit, progress=False).set_index("question"), full)
    fit.attrs["checks"] = fit.attrs["checks"].replace('"pass"', '"concern"', 1)
    assert set(cp.estimates(fit)["verdict"]) == {"concern"}
    assert "raised a concern" in cp.plot_forest(cp.estimates(fit)).get_title(loc="left")
