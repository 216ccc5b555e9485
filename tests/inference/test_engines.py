"""Engines are asked in turn, say why they decline, and one makes all fits of a study: with toys in their places.

Every toy draws from the prior, and needs no compiler.
"""

import json
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.checking import held_out
from casepool.checking.held_out import refitted
from casepool.checking.importance import weighed
from casepool.estimation.draws import open_draws
from casepool.inference import engines
from casepool.inference.convergence import NOT_ASKED, carried, convergence, convergence_of
from casepool.inference.drawn import Drawn, EngineRefusal
from casepool.inference.fit_contents import engine_of, settings_of
from casepool.reporting.checklist import _converged
from casepool.studies import worlds
from tests.inference.toys import FINE, MODEL, TABLE, toy
from tests.small import half_normal, normal, response_model, survival_model

GROUPS = {"posterior", "sample_stats", "log_likelihood", "log_prior", "observed_data", "constant_data", "patients"}
QUIET = {"seed": 1, "progress": False}
Test = Callable[[object], bool]


@dataclass
class Toys:
    """What drew, call by call, and which designs each engine declines."""

    calls: list[str] = field(default_factory=list)
    declines: dict[str, Test] = field(default_factory=dict)

    def draw(self, engine: str, design, seed: int, *, chains: int, draws: int) -> Drawn:
        self.calls.append(engine)
        if self.declines.get(engine, lambda _: False)(design):
            raise EngineRefusal("toy", f"{engine} is a toy")
        return toy(engine, design, seed, chains, draws)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> Toys:
    made = Toys()

    def of(engine: str):
        return lambda design, seed, *, chains, draws, progress: made.draw(
            engine, design, seed, chains=chains, draws=draws
        )

    def sample(design, seed, settings, *, cores=None, progress=True):
        size = {name: settings[name] for name in ("chains", "draws")}
        assert set(settings) == {"draws", "chains", "tune", "target_accept"}
        return made.draw("nuts", design, seed, **size), settings, ""

    for engine in ("exact", "lockstep"):
        monkeypatch.setitem(engines.DRAWING, engine, of(engine))
    stub = types.ModuleType("casepool.inference.sampling")
    stub.sample = sample
    monkeypatch.setitem(sys.modules, "casepool.inference.sampling", stub)
    return made


def always(_: object) -> bool:
    return True


def ran(fit: xr.DataTree) -> str:
    return json.loads(fit.attrs["engine"])["run"]


def refused(fit: xr.DataTree) -> dict[str, str]:
    return {name: why["gate"] for name, why in json.loads(fit.attrs["engine"])["refused"].items()}


@pytest.mark.parametrize("engine", engines.ENGINES)
def test_every_engine_gives_the_same_tree(toys: Toys, engine: str) -> None:
    fit = cp.fit(MODEL, TABLE, engine=engine, **QUIET)
    assert set(fit.children) == GROUPS
    assert fit["posterior"]["group_effect"].dims == ("chain", "draw", "group")
    assert fit["posterior"]["group_effect"].shape == (4, 1000, 4)
    assert fit["posterior"]["group"].values.tolist() == ["a", "b", "c", "d"]
    assert fit["sample_stats"]["diverging"].shape == (4, 1000)
    asked = json.loads(fit.attrs["engine"])
    assert asked == {"asked": engine, "run": engine, "gauges": FINE[engine], "refused": {}}
    assert fit.attrs["inference_library"].startswith("nutpie " if engine == "nuts" else "casepool ")
    settings = json.loads(fit.attrs["settings"])
    own = {"tune", "target_accept"} if engine == "nuts" else set()
    assert set(settings) == {"engine", "draws", "chains"} | own
    again = cp.fit(MODEL, TABLE, **QUIET, **settings)
    xr.testing.assert_equal(again["posterior"], fit["posterior"])
    assert set(cp.verify(fit, progress=False)["verdict"]) == {"pass"}


def test_the_shape_asked_for_is_stored(toys: Toys) -> None:
    fit = cp.fit(MODEL, TABLE, engine="lockstep", draws=300, chains=2, **QUIET)
    assert dict(fit["posterior"].sizes) | {"group": 4} == {"chain": 2, "draw": 300, "group": 4}


def test_the_first_that_does_not_decline_runs_and_the_reasons_of_others_are_kept(toys: Toys, capsys) -> None:
    assert ran(cp.fit(MODEL, TABLE, engine="auto", **QUIET)) == "exact"
    toys.declines["exact"] = always
    fit = cp.fit(MODEL, TABLE, engine="auto", seed=1)
    assert json.loads(fit.attrs["engine"]) == {
        "asked": "auto",
        "run": "lockstep",
        "gauges": FINE["lockstep"],
        "refused": {"exact": {"gate": "toy", "why": "exact is a toy"}},
    }
    assert capsys.readouterr().err == f"casepool: {MODEL.name}: drawn by lockstep\n"
    toys.declines["lockstep"] = always
    fit = cp.fit(MODEL, TABLE, engine="auto", seed=1)
    assert (ran(fit), list(refused(fit))) == ("nuts", ["exact", "lockstep"])
    assert said(capsys)[-2:] == [
        "lockstep declines (lockstep is a toy): nuts takes over",
        f"{MODEL.name}: drawn by nuts",
    ]
    assert toys.calls == ["exact", *("exact", "lockstep"), *("exact", "lockstep", "nuts")]


@pytest.mark.parametrize("engine", ["exact", "lockstep"])
def test_an_engine_asked_for_by_name_is_no_other(toys: Toys, engine: str) -> None:
    toys.declines[engine] = always
    with pytest.raises(cp.CasepoolError, match=rf"'{engine}' declines: {engine} is a toy.*auto.*nuts"):
        cp.fit(MODEL, TABLE, engine=engine, **QUIET)
    assert toys.calls == [engine]


@pytest.mark.parametrize("given", [{"tune": 1000}, {"target_accept": 0.9}])
def test_settings_of_nuts_mean_nuts(toys: Toys, capsys, given: dict) -> None:
    fit = cp.fit(MODEL, TABLE, engine="auto", seed=1, **given)
    assert ran(fit) == "nuts"
    assert refused(fit) == {"exact": "settings", "lockstep": "settings"}
    assert next(iter(given)) in capsys.readouterr().err
    for engine in ("exact", "lockstep"):
        with pytest.raises(cp.CasepoolError, match=rf"'{engine}'.*{next(iter(given))}"):
            cp.fit(MODEL, TABLE, engine=engine, **QUIET, **given)
    assert toys.calls == ["nuts"]


def test_cores_are_no_setting_of_nuts_alone(toys: Toys) -> None:
    assert ran(cp.fit(MODEL, TABLE, engine="exact", cores=1, **QUIET)) == "exact"


def test_the_codebook_says_what_is_asked_where_the_call_does_not(toys: Toys) -> None:
    book = {"name": "t", "columns": {"group": {"type": "category"}}, "engine": "lockstep"}
    cases = TABLE.copy()
    assert engine_of(cp.fit(MODEL, cases, **QUIET))["asked"] == engines.DEFAULT
    cases.attrs["codebook"] = (
        cp.read_cases(cases).attrs["codebook"] | book | {"columns": cp.read_cases(cases).attrs["codebook"]["columns"]}
    )
    assert ran(cp.fit(MODEL, cases, **QUIET)) == "lockstep"
    assert ran(cp.fit(MODEL, cases, engine="exact", **QUIET)) == "exact"


@pytest.mark.parametrize("engine", ["NUTS", "", 1, ["exact"], True])
def test_an_unknown_engine_is_refused(engine: object) -> None:
    with pytest.raises(cp.CasepoolError, match=r"unknown engine.*auto, exact, lockstep, nuts"):
        cp.fit(MODEL, TABLE, engine=engine, **QUIET)


def said(capsys) -> list[str]:
    """Return what was said on standard error."""
    return [line.removeprefix("casepool: ") for line in capsys.readouterr().err.splitlines()]


def patients_are(number: int) -> Test:
    return lambda design: len(design.patients) == number


TABLES = [(MODEL, TABLE.head(rows)) for rows in (4, 3, 2)]


@pytest.mark.parametrize(
    ("declines", "by", "gates"),
    [
        ({}, "exact", {}),
        ({"exact": patients_are(4)}, "lockstep", {"exact": "toy"}),
        ({"exact": patients_are(2)}, "nuts", {"exact": "toy", "lockstep": "study"}),
        ({"exact": patients_are(4), "lockstep": patients_are(3)}, "nuts", {"exact": "toy", "lockstep": "toy"}),
    ],
)
def test_one_engine_makes_all_fits_of_a_study(toys: Toys, capsys, declines, by: str, gates: dict) -> None:
    toys.declines |= declines
    fits = cp.refit(TABLES, seed=1, engine="auto")
    assert [ran(fit) for fit in fits] == [by] * 3
    assert [refused(fit) for fit in fits] == [gates] * 3
    lines = said(capsys)
    assert lines[-3:] == [f"{MODEL.name}, refit {place} of 3: drawn by {by}" for place in (1, 2, 3)]
    assert sum("declines" in line for line in lines) == (by == "nuts")
    assert all("all fits" in line for line in lines if "declines" in line)


@pytest.fixture
def free(toys: Toys) -> xr.DataTree:
    """A fit that was free to take any engine."""
    fit = cp.fit(MODEL, TABLE, engine="auto", **QUIET)
    toys.calls.clear()
    return fit


def test_refits_are_by_the_engine_of_the_fit(toys: Toys, free: xr.DataTree) -> None:
    table = cp.sensitivity(free, scales=[0.5, 1.0], progress=False)
    assert toys.calls == ["exact"]  # under its own prior the fit answers
    own = table["model"].str.contains("the model's own") & (table["unit"] == "probability")
    estimates = cp.estimates(free, "group")
    assert table[own]["estimate"].tolist() == estimates[estimates["unit"] == "probability"]["estimate"].tolist()


def test_where_one_refit_is_declined_all_are_by_nuts_the_own_prior_too(toys: Toys, free: xr.DataTree) -> None:
    toys.declines["exact"] = lambda design: design.model.priors["group_sd"].parameters["sigma"] == 2.0
    table = cp.sensitivity(free, scales=[1.0, 2.0], progress=False)
    rows = table[table["unit"] == "probability"]
    assert toys.calls == ["exact", "nuts", "nuts"]
    assert rows["note"].str.contains(r"drawn by nuts, as exact \(toy\) and lockstep \(study\) declined").all()
    by_nuts = cp.estimates(cp.fit(MODEL, TABLE, engine="nuts", **QUIET), "group")
    own = rows["model"].str.contains("the model's own")
    assert rows[own]["estimate"].tolist() == by_nuts[by_nuts["unit"] == "probability"]["estimate"].tolist()


@pytest.mark.parametrize("attributes", [("engine",), ()])
def test_a_fit_by_nuts_keeps_nuts(toys: Toys, attributes: tuple[str, ...]) -> None:
    """One asked for by name; and one made before there were engines, which says of none."""
    fit = cp.fit(MODEL, TABLE, engine="nuts", tune=300, **QUIET)
    for name in attributes:
        del fit.attrs[name]
        fit.attrs["settings"] = json.dumps({"draws": 1000, "tune": 300, "chains": 4, "target_accept": 0.9})
    toys.calls.clear()
    assert settings_of(fit) == {"engine": "nuts", "draws": 1000, "tune": 300, "chains": 4, "target_accept": 0.9}
    assert engine_of(fit)["asked"] == "nuts"
    cp.sensitivity(fit, scales=[0.5, 2.0], progress=False)
    cp.leave_out(fit, "group", progress=False)
    cp.verify(fit, progress=False)
    assert set(toys.calls) == {"nuts"}


def test_patients_are_left_out_by_one_engine(toys: Toys, free: xr.DataTree) -> None:
    held = [np.arange(4) == i for i in range(4)]
    toys.declines["exact"] = lambda design: "row 2" not in design.patients
    refits = refitted(open_draws(free), [(own, "them") for own in held], progress=False)
    assert toys.calls == ["exact"] * 3 + ["nuts"] * 4
    assert len(refits) == 4


def test_levels_that_need_no_refit_do_not_choose_the_engine(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that declines the first refit gives way to the next one, whatever was answered before without any."""
    toys.declines["exact"] = always
    fit = cp.fit(MODEL, TABLE, engine="auto", **QUIET)
    found = replace(weighed(open_draws(fit)), k=np.array([0.1, 0.9, 0.9, 0.9]))
    monkeypatch.setattr(held_out, "weighed", lambda fitted: found)
    toys.calls.clear()
    assert len(cp.leave_out(fit, "group", progress=False)) == 4
    assert toys.calls == ["exact", *["lockstep"] * 3]


def test_a_fit_that_names_its_engine_is_not_refitted_by_another(toys: Toys) -> None:
    fit = cp.fit(MODEL, TABLE, engine="exact", **QUIET)
    toys.declines["exact"] = always
    with pytest.raises(cp.CasepoolError, match="'exact' declines"):
        cp.sensitivity(fit, scales=[0.5], progress=False)


def coded() -> pd.DataFrame:
    cases = cp.read_cases(TABLE)
    choices = {"fewer": {"why": "test", "drop": ["row 3"]}, "fewest": {"why": "test", "drop": ["row 2", "row 3"]}}
    cases.attrs["codebook"] = cases.attrs["codebook"] | {"codings": {"who": choices}}
    return cases


def test_a_journal_keeps_engines_and_their_gates_apart(toys: Toys, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(**more) -> list[str]:
        toys.calls.clear()
        options = {"by": "group", "estimand": "estimates", "journal": tmp_path / "journal"} | QUIET
        cp.multiverse(MODEL, coded(), **options, **{"engine": "auto"} | more)
        return list(toys.calls)

    toys.declines["exact"] = patients_are(2)
    assert ask() == ["exact"] * 3 + ["nuts"] * 3
    assert ask() == ["exact"]  # declines the last again, and nuts has answered all
    assert ask(engine="nuts") == []
    assert ask(engine="lockstep") == ["lockstep"] * 3
    toys.declines.clear()
    assert ask() == ["exact"]
    monkeypatch.setattr(worlds, "GATES", engines.GATES + 1)
    assert ask() == ["exact"] * 3


def test_a_refit_of_a_study_is_asked_only_whether_it_converged(toys: Toys) -> None:
    model = survival_model(
        {"intercept": normal(1.0, -3.0), "surgery_effect": normal(1.0)},
        exposure={"earliest": "first", "latest": "last", "dating": "uniform"},
    )
    cases = pd.DataFrame(
        {
            "patient": list("abcd"),
            "time": [9.0, 8.0, 7.0, 6.0],
            "event": [True, False, True, False],
            "surgery": [True, True, False, False],
            "first": [1.0, 2.0, np.nan, np.nan],
            "last": [5.0, 2.0, np.nan, np.nan],
        }
    )
    table = cp.tipping(model, cases, engine="exact", fractions=[0.0, 1.0], **QUIET)
    assert table["note"].iloc[:-1].str.endswith("drawn by exact; of this refit only convergence was asked").all()
    whole = cp.fit(model, cases, engine="exact", **QUIET)
    assert NOT_ASKED not in {row["verdict"] for row in carried(whole)}
    assert not cp.contrast(whole, "surgery")["note"].str.contains("refit").any()


def test_a_refit_of_a_study_says_what_was_not_asked(toys: Toys, free: xr.DataTree) -> None:
    from casepool.inference.fitting import again

    [refit] = again(free, [response_model({"group": {"kind": "group"}}, MODEL_PRIORS)], progress=False)
    assert {row["verdict"] for row in carried(refit)} == {NOT_ASKED}
    assert {"log_likelihood", "log_prior"} & set(refit.children) == set()
    assert convergence_of(refit)["engine"] == "exact"


MODEL_PRIORS = {"intercept": normal(1.5), "group_sd": half_normal(0.5)}


@pytest.mark.parametrize(
    ("engine", "gauges", "stats", "verdict"),
    [
        ("exact", {}, {}, "pass"),
        ("exact", {"k": 0.7}, {}, "fail"),
        ("exact", {"k": float("nan")}, {}, "fail"),
        ("exact", {"kish": 399.0}, {}, "fail"),
        ("exact", {}, {"diverging": True}, "fail"),
        ("lockstep", {}, {}, "pass"),
        ("lockstep", {"nested_rhat": 1.01}, {}, "fail"),
        ("lockstep", {"nested_rhat": float("nan")}, {}, "fail"),
        ("lockstep", {}, {"acceptance_rate": 0.59}, "concern"),
        ("lockstep", {}, {"diverging": True}, "fail"),
        ("nuts", {}, {}, "pass"),
        ("nuts", {}, {"diverging": True}, "fail"),
        ("nuts", {}, {"energy": np.cumsum(np.random.default_rng(1).normal(size=(4, 1000)), axis=1)}, "concern"),
    ],
)
def test_every_engine_answers_for_itself(engine: str, gauges: dict, stats: dict, verdict: str) -> None:
    rng = np.random.default_rng(1)
    own = {"acceptance_rate": 0.9, "energy": rng.normal(size=(4, 1000)), "diverging": False} | stats
    drawn = Drawn(
        {"x": rng.normal(size=(4, 1000))},
        {name: np.broadcast_to(values, (4, 1000)) for name, values in own.items()},
        FINE[engine] | gauges,
    )
    found = convergence(drawn, engine)
    assert found["verdict"] == verdict
    assert (found["rhat"] is None) == (engine == "exact")
    assert (found["bfmi"] is None) == (engine != "nuts")
    assert found["ess"] > 3000
    json.dumps(found)


def test_draws_that_hang_together_fail_by_any_engine() -> None:
    rng = np.random.default_rng(2)
    stuck = np.repeat(rng.normal(size=(4, 25)), 40, axis=1)
    stats = {name: np.full((4, 1000), 0.9) for name in ("acceptance_rate", "energy")}
    stats["energy"] = rng.normal(size=(4, 1000))
    for engine in engines.ENGINES:
        drawn = Drawn({"x": stuck}, stats | {"diverging": np.zeros((4, 1000), bool)}, FINE[engine])
        assert convergence(drawn, engine)["verdict"] == "fail"


def test_check_says_what_is_asked_of_which_engine(toys: Toys) -> None:
    said = {}
    for engine in engines.ENGINES:
        fit = cp.fit(MODEL, TABLE, engine=engine, **QUIET)
        said[engine] = cp.check(fit, progress=False).set_index("question")
        assert "engine" not in said[engine].index
    exact, lockstep, nuts = (said[engine] for engine in engines.ENGINES)
    assert exact.loc["energy", "verdict"] == NOT_ASKED
    assert exact.loc["convergence", "value"] == FINE["exact"]["k"]
    assert "R-hat not asked" in exact.loc["convergence", "sentence"]
    assert "drawn by exact" in exact.loc["convergence", "sentence"]
    assert "R-hat not asked" in exact.loc["reported numbers", "sentence"]
    assert "nested R-hat is 1.002" in lockstep.loc["convergence", "sentence"]
    assert lockstep.loc["energy", "verdict"] == "pass"
    assert "R-hat not asked" not in lockstep.loc["reported numbers", "sentence"]
    assert "drawn by" not in nuts.loc["convergence", "sentence"]
    assert "E-BFMI" in nuts.loc["energy", "sentence"]


def test_pages_and_tables_name_the_engine(toys: Toys) -> None:
    for engine, words in {"exact": "R-hat not asked", "lockstep": "largest nested R-hat 1.002"}.items():
        fit = cp.fit(MODEL, TABLE, engine=engine, **QUIET)
        assert words in _converged(open_draws(fit))
        assert f"drawn by {engine}" in _converged(open_draws(fit))
        assert cp.estimates(fit)["note"].str.endswith(f"drawn by {engine}").all()


def test_r_hat_of_a_number_is_not_asked_of_independent_draws(toys: Toys, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chains that lie apart by chance are marked where draws come of chains, and nowhere else."""
    monkeypatch.setattr("casepool.inference.diagnostics.rhat", lambda draws: np.full(draws.shape[2:], 1.2))
    marked = {}
    for engine in engines.ENGINES:
        table = cp.estimates(cp.fit(MODEL, TABLE, engine=engine, **QUIET), "group")
        marked[engine] = table["note"].str.contains("chains differ").any()
    assert marked == {"exact": False, "lockstep": True, "nuts": True}


def test_an_engine_without_a_compiler_takes_none_along() -> None:
    code = """
import sys
import casepool as cp
from casepool.inference import engines
from tests.inference.toys import MODEL, TABLE, toy
engines.DRAWING["exact"] = lambda d, seed, *, chains, draws, progress: toy("exact", d, seed, chains, draws)
for engine in ("exact", "lockstep"):  # a toy, and the engine itself
    fit = cp.fit(MODEL, TABLE, seed=1, engine=engine, progress=False)
    cp.estimates(fit, "group"), cp.contrast(fit, "group")
print(*sorted({"pymc", "pytensor", "nutpie", "numba", "arviz", "arviz_stats", "matplotlib"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
