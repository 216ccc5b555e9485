"""What a fit holds, and that the compiled graph, the stored likelihood and a refit say the same thing."""

import json

import numpy as np
import pandas as pd
import pymc as pm
import pytest
import xarray as xr

import casepool as cp
from casepool.arguments import ENGINES
from casepool.inference.convergence import convergence
from casepool.inference.diagnostics import LEAST_ESS
from casepool.inference.drawn import Drawn
from casepool.inference.fit_contents import cases_of, data_hash, model_of
from casepool.inference.graph import build_design
from casepool.inference.predictive import event_times
from casepool.inference.sampling import _compiled, _other_settings, compiled_graph
from casepool.modelling import make_design
from tests.small import counts, fixed, half_normal, normal, response_model, survival_model

GROUPS = ["posterior", "sample_stats", "log_likelihood", "log_prior", "observed_data", "constant_data", "patients"]
ONE_FACTOR = {"group": {"kind": "group"}}


def test_a_fit_has_the_groups_it_promises(response_fit: xr.DataTree) -> None:
    assert list(response_fit.children) == GROUPS


def test_every_patient_in_the_fit_has_one_finite_log_likelihood(
    response_fit: xr.DataTree, survival_fit: xr.DataTree
) -> None:
    for fit, patients in ((response_fit, 30), (survival_fit, 28)):
        values = fit["log_likelihood"]["outcome"]
        assert values.sizes["patient"] == patients
        assert np.isfinite(values).all()


def test_labels_never_codes_are_coordinates(response_fit: xr.DataTree) -> None:
    assert "EIMT" in response_fit["posterior"]["histology"].values
    assert "RANBP2" in response_fit["posterior"]["partner"].values
    assert response_fit["posterior"].sizes["partner"] == 17


def test_patients_left_out_are_listed_with_the_reason(response_fit: xr.DataTree) -> None:
    patients = response_fit["patients"].to_dataset()
    reasons = patients["left_out_because"].to_series()
    assert reasons[reasons != ""].to_dict() == dict.fromkeys(("5", "10", "12"), "no best_response")


@pytest.mark.parametrize("name", ["response_fit", "age_fit", "survival_fit", "baseline_fit"])
def test_shipped_fits_converge(name: str, request: pytest.FixtureRequest) -> None:
    summary = json.loads(request.getfixturevalue(name).attrs["convergence"])
    assert summary["verdict"] == "pass", summary
    assert summary["ess"] >= LEAST_ESS
    assert summary["divergences"] == 0


@pytest.mark.parametrize("name", ["objective_response", "overall_survival"])
def test_the_graph_and_the_stored_likelihood_agree(name: str, request: pytest.FixtureRequest) -> None:
    """pymc, asked for the log-likelihood of its own graph, gives what the fit stores."""
    fit = request.getfixturevalue("response_fit" if name == "objective_response" else "survival_fit")
    built = build_design(make_design(model_of(fit), cases_of(fit)))
    few = fit["posterior"].to_dataset().isel(chain=[0], draw=[0, 500, 999])
    for factor in ("histology", "partner"):
        if f"{factor}_effect" in few:
            few[f"{factor}_z"] = few[f"{factor}_effect"] / few[f"{factor}_sd"]
    if name == "overall_survival":  # the graph samples the median, log-normal about 23 months with 430 at 97.5%
        log_median = (np.log(np.log(2)) - few["intercept"]) / few["shape"]
        few["intercept_z"] = (np.log(23) - log_median) / (np.log(430 / 23) / 1.959963984540054)
    tree = xr.DataTree.from_dict({"posterior": few})
    pm.compute_log_likelihood(tree, model=built, progressbar=False, compile_kwargs={"mode": "FAST_COMPILE"})
    stored = fit["log_likelihood"]["outcome"]
    if "log_likelihood_dates" in fit.children:  # the graph has both at once
        stored = stored + fit["log_likelihood_dates"]["dates"]
    stored = stored.transpose("chain", "draw", "patient").isel(chain=[0], draw=[0, 500, 999])
    np.testing.assert_allclose(tree["log_likelihood"]["outcome"].values, stored.values, rtol=1e-9)


def test_a_refit_with_other_data_is_what_a_fresh_compilation_gives() -> None:
    """Outcomes, sizes, number of rows and prior scales of the second fit reach the graph compiled for the first."""
    first = response_model(ONE_FACTOR, {"intercept": normal(1.5), "group_sd": half_normal(1.0)})
    second = response_model(ONE_FACTOR, {"intercept": normal(0.3, mu=-1.0), "group_sd": half_normal(0.2)})
    one = counts([3, 0, 5], [4, 6, 5], group=["a", "b", "c"])
    two = counts([1, 2, 9, 0], [7, 2, 30, 3], group=["x", "y", "z", "y"])
    short = {"seed": 3, "engine": "nuts", "draws": 100, "tune": 100, "progress": False}
    cp.fit(first, one, **short)
    before = len(_compiled)
    reused = cp.fit(second, two, **short)
    assert len(_compiled) == before
    assert list(reused["posterior"]["group"].values) == ["x", "y", "z"]
    _compiled.popitem()  # the graph used last
    fresh = cp.fit(second, two, **short)
    xr.testing.assert_identical(
        reused["posterior"].to_dataset().drop_attrs(), fresh["posterior"].to_dataset().drop_attrs()
    )


def test_every_input_of_the_graph_can_be_replaced() -> None:
    """A name that with_data does not know would leave old data in a refit without a word."""
    model = response_model(ONE_FACTOR, {"intercept": normal(1.5), "group_sd": half_normal(1.0)})
    compiled_graph(make_design(model, counts([1, 2, 3], [4, 4, 4], group=["a", "b", "c"])), progress=False)
    names = {variable.name for variable in next(reversed(_compiled.values())).shared_var_keys}
    assert names == {"events_data", "n_data", "offset_data", "log_weight_data", "group_data"} | {
        "intercept_mu",
        "intercept_sigma",
        "group_sd_sigma",
    }


def test_the_table_without_its_codebook_gives_the_same_estimates(age_fit: xr.DataTree) -> None:
    import pandas as pd

    from casepool._resources import bundled

    bare = pd.read_csv(bundled("data") / "alk_crizotinib" / "cases.csv")
    fit = cp.fit("objective_response_by_age_group", bare, seed=1, progress=False)
    pd.testing.assert_frame_equal(cp.estimates(fit, "age"), cp.estimates(age_fit, "age"))


@pytest.mark.parametrize(
    ("found", "asked", "changed"),
    [
        ({"divergences": 3}, {}, {"target_accept": 0.99}),
        ({"divergences": 3}, {"target_accept": 0.99}, {}),
        ({"ess": 130.0, "rhat": 1.03}, {}, {"draws": 5000}),
        ({"ess": 500.0, "rhat": 1.02}, {}, {"draws": 5000}),
        ({"ess": 500.0}, {}, {}),
        ({"ess": 130.0}, {"draws": 5000}, {}),  # the second time
        ({"ess": 130.0}, {"draws": 300}, {}),  # fewer were asked for than the defaults
        ({"ess": 30.0}, {}, {}),  # five times as many would still be too few
        ({"ess": 130.0, "rhat": 1.3}, {}, {}),  # chains that disagree
    ],
)
def test_a_fit_is_sampled_again_only_where_that_may_mend_it(found: dict, asked: dict, changed: dict) -> None:
    summary = {"divergences": 0, "ess": 900.0, "ess_of": "x", "rhat": 1.0} | found
    failed = summary["divergences"] or summary["ess"] < 400 or summary["rhat"] >= 1.01
    settings = {"draws": 1000, "tune": 1000, "chains": 4, "target_accept": 0.9} | asked
    other, why = _other_settings(summary | {"verdict": "fail" if failed else "pass"}, settings)
    assert other == settings | changed
    assert bool(why) == bool(changed)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_fixed_parameter_does_not_move(engine: str) -> None:
    model = response_model(ONE_FACTOR, {"intercept": fixed(0.5), "group_sd": half_normal(1.0)})
    fit = cp.fit(model, counts([1, 4], [5, 5], group=["a", "b"]), seed=1, engine=engine, draws=100, progress=False)
    assert (fit["posterior"]["intercept"] == 0.5).all()


def test_predictive_groups_on_request() -> None:
    model = response_model(ONE_FACTOR, {"intercept": normal(1.5), "group_sd": half_normal(1.0)})
    table = counts([3, 0, 5], [4, 6, 5], group=["a", "b", "c"])
    fit = cp.fit(model, table, seed=1, predictive=True, progress=False)
    replicated = fit["posterior_predictive"]["outcome"]
    assert (replicated <= np.array([4, 6, 5])).all()
    assert (replicated >= 0).all()
    assert replicated.dtype.kind == fit["observed_data"]["outcome"].dtype.kind == "i"
    assert float(replicated.mean(["chain", "draw"])[1]) < 2 < float(replicated.mean(["chain", "draw"])[2])
    assert abs(float(fit["prior"]["intercept"].std()) - 1.5) < 0.1
    assert fit["prior_predictive"]["outcome"].sizes["patient"] == 3


def test_replicated_times_stay_inside_each_patients_follow_up() -> None:
    fit = cp.fit("overall_survival", "alk_crizotinib", seed=1, draws=100, predictive=True, progress=False)
    replicated = fit["posterior_predictive"]
    times, uncensored = replicated["followed"], replicated["outcome"]
    assert (times <= uncensored).all()
    assert (times < uncensored).any()
    observed, event = fit["observed_data"]["outcome"], fit["constant_data"]["event"]
    assert (times <= xr.where(event == 1, observed.max(), observed)).all()
    assert (times > 0).all()


def test_replicated_times_are_those_of_the_hazard_and_infinite_for_the_cured() -> None:
    """Of a Gompertz hazard that falls, exp(a + b t) with b below 0, a share exp(exp(a) / b) never has the event."""
    level, slope = -2.0, -0.2
    priors = {"intercept": fixed(level), "shape": fixed(slope)}
    cases = pd.DataFrame({"time": [3.0, 9.0, 5.0], "event": [True, False, True]})
    design = make_design(survival_model(priors, "gompertz"), cases)
    at = {"intercept": np.full((1, 4000), level), "shape": np.full((1, 4000), slope)}
    times = event_times(design, at, np.random.default_rng(3))
    cured = np.exp(np.exp(level) / slope)
    assert np.isinf(times).mean() == pytest.approx(cured, abs=0.02)
    alive = np.exp(-np.exp(level) * np.expm1(slope * 4.0) / slope)
    assert (times > 4.0).mean() == pytest.approx(alive, abs=0.02)


def test_the_hash_follows_the_cells_and_not_their_spelling() -> None:
    cases = cp.load("alk_crizotinib")
    other = cases.copy()
    other.loc[3, "age"] = 25.0
    columns = ["age", "best_response"]
    assert data_hash(cases, columns) == data_hash(cases.astype({"age": object}), columns)
    assert data_hash(cases, columns) != data_hash(other, columns)


@pytest.mark.parametrize(
    "bad",
    [
        *({"seed": -1}, {"seed": 1.5}, {"draws": 0}, {"draws": "100"}, {"draws": 100.0}, {"draws": float("nan")}),
        *({"tune": True}, {"chains": 10**20}, {"cores": 0}, {"cores": "a"}, {"cores": -1}, {"cores": 1.5}),
        *({"target_accept": 1.0}, {"target_accept": "x"}, {"target_accept": float("nan")}),
    ],
)
def test_impossible_settings_are_refused(bad: dict, response_fit: xr.DataTree) -> None:
    with pytest.raises(cp.CasepoolError, match=str(*bad)):
        cp.fit("objective_response", "alk_crizotinib", progress=False, **{"seed": 1, **bad})
    if "cores" in bad:
        with pytest.raises(cp.CasepoolError, match="cores"):
            cp.verify(response_fit, **bad)


def test_chains_that_no_other_agrees_with_fail() -> None:
    """One chain, or chains that never moved, have no R-hat, and none does not count as a good one."""
    rng = np.random.default_rng(1)
    stats = {"diverging": np.zeros((1, 1000), dtype=bool), "energy": rng.random((1, 1000))}
    for draws in (rng.normal(size=(1, 1000)), np.ones((1, 1000))):
        found = convergence(Drawn({"intercept": draws}, stats, {}), "nuts")
        assert np.isnan(found["rhat"])
        assert found["verdict"] == "fail"


def test_a_model_without_a_free_parameter_is_refused() -> None:
    with pytest.raises(cp.CasepoolError, match="nothing to estimate"):
        cp.fit(response_model({}, {"intercept": fixed(0.3)}), counts([1], [4]), seed=1, progress=False)
