"""No public function takes what it cannot use: every argument of a wrong type is refused, and nothing is sampled."""

import functools
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import nutpie
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool._resources import bundled
from casepool.inference import engines

DATA, RESPONSE, SURVIVAL = "alk_crizotinib", "objective_response", "overall_survival"
WRONG: dict[str, Any] = {
    "None": None,
    "int": 5,
    "float": 1.5,
    "nan": float("nan"),
    "bytes": b"x",
    "strange text": "a\0",
    "object": object(),
    "list": [object()],
    "Mapping": {"a": []},
    "array": np.array([[1.0, 2.0]]),
    "pd.DataFrame": pd.DataFrame({"x": ["a", "b"]}),
    "True in words": "True",
}
"""What no argument but one of that type may be; a text of this kind, NaN and an object in a list none at all."""
NOTHING_IS_WRONG = {"validate": "a bad table is a row of the answer"}
PUBLIC = {name: getattr(cp, name) for name in cp.__all__ if inspect.isfunction(getattr(cp, name))}


@functools.cache
def cases() -> pd.DataFrame:
    return cp.load(DATA)


@functools.cache
def answers() -> pd.DataFrame:
    return cp.classical(RESPONSE, DATA)


def good(
    response: xr.DataTree, survival: xr.DataTree, selected: xr.DataTree, lines: xr.DataTree, folder: Path
) -> dict[str, dict[str, Any]]:
    """Arguments each public function would work with, and must not get to while one of them is wrong."""
    raw = {"model": RESPONSE, "cases": DATA}
    timed = {"model": SURVIVAL, "cases": DATA}
    table, frame = answers(), cases()
    assessments = pd.DataFrame({"patient": ["a", "a"], "time": [0.0, 2.0], "size": [30.0, 20.0]})
    of_fit = ("aliasing", "check", "coefficients", "leave_out", "power_scaling", "verify", "estimates", "sensitivity")
    by_level = ("contrast", "contrast_draws", "ledger", "ranking")
    of_survival = ("exposure_sensitivity", "followed", "plot_survival", "plot_survival_check", "survival")
    of_table = ("plot_forest", "plot_further_patients", "plot_multiverse", "plot_operating_characteristics",
                "plot_power", "plot_tipping")  # fmt: skip
    return {
        **{name: {"fit": response} for name in of_fit},
        **{name: {"fit": response, "by": "histology"} for name in by_level},
        **{name: {"fit": survival} for name in of_survival},
        **{name: {"table": table} for name in of_table},
        "add": {"folder": bundled("data") / DATA, "seed": 1},
        "adopt": raw | {"tree": response},
        "adverse_events": {"cases": DATA},
        "any_event": {"fit": response},
        "audit": {"dataset": DATA},
        "basket_posteriors": {"model": "basket_berry", "events": [3, 0], "n": [5, 4]},
        "build": raw,
        "calibrate": {"design": "imatinib_baskets", "at": 0.05},
        "characteristics": {"cases": DATA},
        "classical": timed,
        "codings": {"dataset": DATA},
        "compare": {},
        "compare_models": {"fits": [response, response]},
        "cumulative_incidence": {"fits": [survival, survival]},
        "draft": {"kind": "response", "cases": frame, "path": folder / "draft.toml"},
        "draft_claims": {"dataset": DATA, "path": folder / "claims.toml"},
        "fit": raw | {"seed": 1},
        "from_formula": {
            **{"formula": "best_response ~ age", "cases": DATA, "family": "bernoulli", "success": ["PR", "CR"]},
            "path": folder / "mine.toml",
        },
        "further_patients": {"model": "basket_berry", "cases": "sarcoma_imatinib", "rate": 0.2, "threshold": 0.8},
        "flow": {"fits": response},
        "history": {"folder": bundled("data") / DATA},
        "list_datasets": {},
        "list_models": {},
        "list_trials": {},
        "load": {"name": DATA},
        "model": {"source": RESPONSE},
        "multiverse": {
            **{"model": RESPONSE, "dataset": DATA, "by": "histology", "seed": 1},
            "codings": {"adjuvant": ["left_out"]},
        },
        "new_dataset": {"folder": folder / "new", "table": frame},
        "operating_characteristics": {"designs": "simon_two_stage"},
        "open_fit": {"path": folder / "none.nc"},
        "plot_decisions": {"design": "simon_two_stage", "first": "everyone", "second": "nobody"},
        "plot_diagnostics": {"fit": response},
        "plot_effect": {"fit": response, "term": "age"},
        "plot_prior_survival": {"model_or_fit": SURVIVAL, "cases": DATA},
        "plot_spider": {"assessments": assessments, "size": "size"},
        "plot_swimmer": {"cases_or_fit": DATA, "model": SURVIVAL},
        "plot_waterfall": {"cases": DATA},
        "predict": {"fit": response, "patients": pd.DataFrame({"histology": ["EIMT"]})},
        "read_cases": {"source": frame},
        "recode": {"cases": frame},
        "refit": {"designs": [(RESPONSE, DATA)], "seed": 1},
        "replacement": {"dataset": DATA, "seed": 1},
        "report": {"fits": response, "path": folder / "report.html"},
        "save_fit": {"fit": response, "path": folder / "fit.nc"},
        "selection": {"fit": selected},
        "selection_curve": {"events": 26, "n": 30},
        "selection_survival": timed,
        "sequence": {"fit": lines, "first": "Ceritinib", "then": "Alectinib"},
        "simulate": {"design": "simon_two_stage", "seed": 1},
        "tipping": timed,
        "trial_design": {"source": "simon_two_stage"},
        "trial_conflict": {"fit": selected},
        "trial_overlap": {"fit": selected},
        "trial_prior": {"model": "objective_response_selection"},
        "variants": {"fit": response, "by": "histology"},
        "write_table": {"table": table, "path": folder / "table.csv"},
    }


def wrong_arguments(name: str) -> Iterator[tuple[str, Any]]:
    """Yield every argument of a public function with a value of each type its annotation does not name."""
    for argument in inspect.signature(PUBLIC[name]).parameters.values():
        kind = str(argument.annotation)
        if argument.kind is argument.VAR_KEYWORD:
            continue
        own = kind.replace("float", "float int") if "[" not in kind else kind.partition("[")[0] + kind.partition("]")[2]
        for type_, value in WRONG.items():
            if type_ not in own.replace("|", " ").split() and ("bool" in own or type_ != "True in words"):
                yield argument.name, value


@pytest.mark.parametrize("name", sorted(set(PUBLIC) - set(NOTHING_IS_WRONG)))
def test_every_argument_of_a_wrong_type_is_refused(
    name: str,
    response_fit: xr.DataTree,
    survival_fit: xr.DataTree,
    selection_fit: xr.DataTree,
    lines_fit: xr.DataTree,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def reached(*_: Any, **__: Any) -> None:
        raise AssertionError("sampled with a wrong argument")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(nutpie, "compile_pymc_model", reached)
    monkeypatch.setattr(nutpie, "sample", reached)
    for engine in engines.DRAWING:
        monkeypatch.setitem(engines.DRAWING, engine, reached)
    arguments = good(response_fit, survival_fit, selection_fit, lines_fit, tmp_path)[name]
    taken = [f"{key}={value!r}: {said}" for key, value in wrong_arguments(name)
             if (said := outcome(PUBLIC[name], arguments, key, value))]  # fmt: skip
    assert not taken
    assert not list(tmp_path.iterdir())


def outcome(function: Callable[..., Any], arguments: dict[str, Any], key: str, value: Any) -> str:
    """Say what a function did with a wrong argument if it did not refuse it."""
    starred = inspect.signature(function).parameters[key].kind is inspect.Parameter.VAR_POSITIONAL
    try:
        function(*[value] if starred else [], **(arguments if starred else arguments | {key: value}))
    except cp.CasepoolError as refusal:
        return f"in several lines: {refusal}" if "\n" in str(refusal) else ""
    except Exception as error:
        return f"{type(error).__name__} {error}"[:200]
    return "accepted"


def test_what_looks_right_and_is_not_is_refused_too(response_fit: xr.DataTree, survival_fit: xr.DataTree) -> None:
    table, rows = cp.classical(RESPONSE, DATA), pd.DataFrame([["EIMT", "EIMT"]], columns=["histology"] * 2)
    doors: list[Callable[[], Any]] = [
        lambda: cp.contrast(response_fit, "histology", target="bogus"),
        lambda: cp.estimates(response_fit, ["histology"]),
        lambda: cp.survival(survival_fit, at=["a"]),
        lambda: cp.survival(survival_fit, at=[]),
        lambda: cp.sensitivity(response_fit, scales=[float("inf")]),
        lambda: cp.sensitivity(response_fit, scales="a"),
        lambda: cp.predict(response_fit, rows),
        lambda: cp.predict(response_fit, rows.iloc[:0, :1]),
        lambda: cp.exposure_sensitivity(xr.DataTree()),
        lambda: cp.multiverse(RESPONSE, DATA, by="nothing", seed=1),
        lambda: cp.compare_models([response_fit, response_fit], "nothing"),
        lambda: cp.compare([table]),
        lambda: cp.write_table(table, "s/a\0.csv"),
        lambda: cp.new_dataset("a" * 300, DATA),
        lambda: cp.model("a" * 300 + ".toml"),
    ]
    for door in doors:
        with pytest.raises(cp.CasepoolError):
            door()
