"""Survival of patients: of unseen levels, of patients of the fit, from a time they are alive at, under strategies."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import special

import casepool as cp
from casepool.estimation.draws import quantiles
from tests.estimation.frailty import log_rate, refitted
from tests.small import half_normal, normal, survival_model

FITS = Path(__file__).parents[1] / "oracle" / "fits"
FAST = {"seed": 1, "progress": False}
EIMT = {"patient": ["x"], "histology": ["EIMT"]}


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    return cp.load("alk_crizotinib")


def row(fit: xr.DataTree, at: float = 36.0, **cells: object) -> pd.Series:
    """What is predicted of one patient at one time."""
    table = cp.predict(fit, pd.DataFrame({name: [cell] for name, cell in cells.items()}), at=[at])
    return table[table["unit"] == "probability"].iloc[0]


def near(one: pd.Series, other: pd.Series) -> None:
    """Agree as fits of 4,000 effective draws do: means to 0.1 standard deviations, limits to 0.2."""
    sd = other["sd"]
    assert one["mean"] == pytest.approx(other["mean"], abs=0.1 * sd)
    assert tuple(one[["lower", "upper"]]) == pytest.approx(tuple(other[["lower", "upper"]]), abs=0.2 * sd)


def test_what_an_exact_grid_says_of_the_papers_28_patients(frailty: xr.DataTree) -> None:
    """Numbers of a grid over zero point, standard deviation and effects, made without casepool."""
    known = row(frailty, at=24, histology="EIMT")
    assert known["mean"] == pytest.approx(0.756, abs=0.1 * known["sd"])
    assert tuple(known[["lower", "upper"]]) == pytest.approx((0.535, 0.919), abs=0.2 * known["sd"])
    unseen = row(frailty, at=24, histology="Other")
    assert unseen["mean"] == pytest.approx(0.713, abs=0.1 * unseen["sd"])
    assert tuple(unseen[["lower", "upper"]]) == pytest.approx((0.182, 0.949), abs=0.2 * unseen["sd"])
    inside, outside = row(frailty, in_fit=1, alive_at=24), row(frailty, histology="EIMT", alive_at=24)
    assert inside["mean"] == pytest.approx(0.8676, abs=0.1 * inside["sd"])
    assert outside["mean"] == pytest.approx(0.8751, abs=0.1 * outside["sd"])


def test_closed_forms_of_a_constant_hazard(frailty: xr.DataTree) -> None:
    rate = np.exp(log_rate(frailty, "EIMT"))
    for alive_at, who in ((0.0, EIMT), (24.0, {"in_fit": [1]})):
        table = cp.predict(frailty, pd.DataFrame(who | {"alive_at": [alive_at]}), at=[36], restricted_to=48)
        expected = {
            "survival at 36": np.exp(-rate * (36 - alive_at)),
            "median survival": alive_at + np.log(2) / rate,
            "restricted mean survival to 48": alive_at - np.expm1(-rate * (48 - alive_at)) / rate,
        }
        for words, draws in expected.items():
            own = table[table["estimand"].str.startswith(words)].iloc[0]
            assert own["estimate"] == pytest.approx(np.median(draws), rel=1e-9), words
            assert own["upper"] == pytest.approx(np.quantile(draws, 0.975), rel=1e-9), words


def test_an_unseen_level_averages_curves_and_not_effects(frailty: xr.DataTree) -> None:
    posterior = frailty["posterior"]
    z, weight = special.roots_hermitenorm(40)
    each = posterior["intercept"].to_numpy()[..., None] + posterior["histology_sd"].to_numpy()[..., None] * z
    exact = (np.exp(-24 * np.exp(each)) @ (weight / weight.sum())).mean()
    own = row(frailty, at=24, histology="Other")
    assert own["mean"] == pytest.approx(exact, abs=0.008)
    of_mean = np.exp(-24 * np.exp(posterior["intercept"].to_numpy())).mean()
    assert abs(own["mean"] - of_mean) > 0.008
    assert "Other unseen" in own["note"]


def test_surviving_outside_the_fit_is_data(frailty: xr.DataTree) -> None:
    rate = np.exp(log_rate(frailty, "EIMT"))
    own = row(frailty, histology="EIMT", alive_at=24)
    assert own["mean"] == pytest.approx(np.exp(-36 * rate).mean() / np.exp(-24 * rate).mean(), rel=1e-12)


def test_a_new_patient_alive_at_t_is_one_added_to_the_cases_and_censored_there(
    frailty: xr.DataTree, cases: pd.DataFrame
) -> None:
    added = pd.DataFrame({"patient": [34], "histology": ["EIMT"], "os_months": [48.0], "death": [False]})
    again = refitted(pd.concat([cases, added.astype(cases.dtypes[added.columns])], ignore_index=True))
    near(row(frailty, 60.0, histology="EIMT", alive_at=48), row(again, 60.0, in_fit=34, alive_at=48))


def test_a_patient_of_the_fit_alive_later_is_one_followed_for_longer(frailty: xr.DataTree, cases: pd.DataFrame) -> None:
    """Patient 2 was last seen in month 14: what came before counts already, what came after weighs."""
    longer = cases.copy()
    longer.loc[longer["patient"] == 2, "os_months"] = 54.0
    later = row(frailty, 60.0, in_fit=2, alive_at=54)
    near(later, row(refitted(longer), 60.0, in_fit=2, alive_at=54))
    assert "chance of being" in later["note"]
    assert "chance of being" not in row(frailty, in_fit=2, alive_at=14)["note"]
    assert later["mean"] < row(frailty, 60.0, histology="EIMT", alive_at=54)["mean"]


def test_the_longer_alive_the_better_and_at_once_it_is_certain(frailty: xr.DataTree) -> None:
    for who in ({"histology": "EIMT"}, {"in_fit": 1}, {"histology": None}):
        each = pd.DataFrame([who | {"alive_at": t} for t in (0, 6, 12, 24, 36)])
        table = cp.predict(frailty, each, at=[36])
        means = table.loc[table["unit"] == "probability", "mean"].to_numpy()
        assert np.all(np.diff(means) > 0)
        assert means[-1] == 1


def test_where_the_rate_is_known_no_survival_tells_more_of_it() -> None:
    table = pd.DataFrame({"time": [3.0, 5.0], "event": [True, False]})
    fit = cp.fit(survival_model({"intercept": normal(1e-7, -3.0)}), table, **FAST)
    told = cp.predict(fit, pd.DataFrame({"alive_at": [20.0, 20.0], "in_fit": [2, None]}), at=[25])
    alive = told[told["unit"] == "probability"]["mean"]
    np.testing.assert_allclose(alive, np.exp(-5 * np.exp(-3.0)), rtol=1e-6)


def test_a_patient_of_the_fit_is_its_values(frailty: xr.DataTree) -> None:
    numbers = ["estimate", "lower", "upper", "mean", "sd"]
    own = cp.predict(frailty, pd.DataFrame({"in_fit": ["1"]}), at=[12, 36])
    same = cp.predict(frailty, pd.DataFrame(EIMT), at=[12, 36])
    pd.testing.assert_frame_equal(own[numbers], same[numbers], rtol=1e-12)
    assert set(own["level"]) == {"1"}
    assert own["note"].str.contains("patient 1 of the fit").all()


def test_a_missing_label_is_one_of_the_patients_and_survival_tells_which(
    frailty: xr.DataTree, cases: pd.DataFrame
) -> None:
    n = cases.loc[cases["os_months"].notna(), "histology"].value_counts(normalize=True)
    curve = {t: sum(w * np.exp(-t * np.exp(log_rate(frailty, h))) for h, w in n.items()) for t in (12, 36)}
    own = row(frailty, histology=None, alive_at=12)
    assert own["mean"] == pytest.approx(curve[36].mean() / curve[12].mean(), rel=1e-9)


def test_weights_are_as_many_equal_draws() -> None:
    rng = np.random.default_rng(1)
    draws, times = rng.standard_normal((2, 30, 1)), rng.integers(1, 5, (2, 30))
    draws[0, :3] = np.inf
    again = np.repeat(draws.ravel(), times.ravel())
    asked = [0.025, 0.5, 0.99]
    expected = np.quantile(np.where(np.isinf(again), 1e9, again), asked, method="inverted_cdf")
    found = quantiles(draws, asked, times.astype(float))[:, 0]
    np.testing.assert_array_equal(found, np.where(expected == 1e9, np.inf, expected))


def test_a_new_patient_under_a_strategy_is_everyone_where_no_term_tells_them_apart(survival_fit: xr.DataTree) -> None:
    whole = cp.survival(survival_fit, at=[3, 12, 36])
    whole = whole[(whole["kind"] == "value") & ~whole["estimand"].str.startswith("hazard")]
    own = cp.predict(survival_fit, pd.DataFrame({"patient": ["x"]}), at=[3, 12, 36])
    for arm in ("never operated", "operated at month 6 if still alive"):
        there = whole[whole["estimand"].str.endswith(f": {arm}")]["estimate"].tolist()
        here = own[own["estimand"].str.endswith(f": {arm}")]
        assert here["estimate"].tolist() == pytest.approx(there, rel=1e-12)
    assert own["note"].str.contains("an association").all()
    never, operated = own[own["at"] == 3.0]["estimate"]
    assert never == operated  # an operation in month 6 changes nothing before
    moved = cp.predict(survival_fit, pd.DataFrame({"patient": ["x"]}), at=[3], start=0)
    never, operated = moved[(moved["at"] == 3.0) & (moved["unit"] == "probability")]["estimate"]
    assert never < operated


def test_a_hazard_made_of_pieces_keeps_those_of_the_fit() -> None:
    table = pd.DataFrame({"time": [1.0, 3, 5, 7, 9, 12], "event": [True, False, True, True, False, True]})
    priors = {"intercept": normal(1.0, -3.0), "hazard_sd": half_normal(1.0)}
    fit = cp.fit(survival_model(priors, "piecewise_exponential", cuts=[4, 6]), table, draws=250, **FAST)
    here = cp.predict(fit, pd.DataFrame({"patient": ["x"]}), at=[5, 8])
    there = cp.survival(fit, at=[5, 8]).set_index("estimand")["estimate"]
    for place, estimand in enumerate(["survival at 5 months", "survival at 8 months", "median survival"]):
        assert here["estimate"].iloc[place] == pytest.approx(there[f"{estimand}: everyone"], rel=1e-12)


@pytest.mark.parametrize(
    "name", ["exposure_frailty_missing", "exposure_landmark", "frailty_exnex", "log_normal_between", "m_spline"]
)
def test_the_curves_of_the_patients_of_a_fit_average_to_everyones(name: str) -> None:
    """Whatever the family, the exposure, the borrowing and what is missing."""
    fit = cp.open_fit(FITS / f"{name}.nc")
    who = fit["observed_data"]["patient"].to_numpy().astype(str)
    told = {"at": [4, 15], "restricted_to": 12}
    each, everyone = cp.predict(fit, pd.DataFrame({"in_fit": who}), **told), cp.survival(fit, **told)
    everyone = everyone[(everyone["kind"] == "value") & ~everyone["estimand"].str.startswith("hazard")]
    arms = 2 if fit["posterior"].get("surgery_effect") is not None else 1
    means = each["mean"].to_numpy().reshape(len(who), arms, 4).mean(axis=0)[:, [0, 1, 3]]
    finite = everyone["mean"].to_numpy().reshape(4, arms).T[:, [0, 1, 3]]
    np.testing.assert_allclose(means, finite, rtol=1e-9)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"alive_at": 2000, "histology": "EIMT"}, "row 1, column 'alive_at': surviving .* add the patient and refit"),
        ({"alive_at": "soon", "histology": "EIMT"}, "row 1, column 'alive_at': this is no time from 0 .value 'soon'"),
        ({"alive_at": True, "histology": "EIMT"}, "no time from 0"),
        ({"alive_at": -1.0, "histology": "EIMT"}, "no time from 0"),
        ({"alive_at": float("inf"), "histology": "EIMT"}, "no time from 0"),
        ({"Alive at": 24, "histology": "EIMT"}, "rename it 'alive_at'"),
        ({"in_fit": 99}, "row 1, column 'in_fit': the fit has no such patient .value 99"),
        ({"in_fit": 20}, "the fit leaves this patient out .no os_months"),
        ({"in_fit": 1, "histology": "IMT"}, "column 'histology': a patient of the fit has its own value"),
        ({"in_fit": 6, "alive_at": 4.0}, "by then this patient of the fit had the event"),
        ({"patient": "x"}, "no column of the model"),
    ],
)
def test_what_cannot_be_is_refused(frailty: xr.DataTree, cells: dict, message: str) -> None:
    with pytest.raises(cp.CasepoolError, match=message):
        row(frailty, **cells)


def test_times_belong_to_survival_and_a_start_to_an_exposure(response_fit: xr.DataTree, frailty: xr.DataTree) -> None:
    new = pd.DataFrame({"histology": ["EIMT"]})
    for given in ({"at": [12]}, {"start": 1.0}, {"restricted_to": 12.0}):
        with pytest.raises(cp.CasepoolError, match=f"column '{next(iter(given))}': only survival models have times"):
            cp.predict(response_fit, new, **given)
    with pytest.raises(cp.CasepoolError, match="only an exposure has a start"):
        cp.predict(frailty, new, start=1.0)
    with pytest.raises(cp.CasepoolError, match="restricted_to"):
        cp.predict(frailty, new, restricted_to=0)


def test_of_a_response_a_patient_of_the_fit_has_its_own_values_too(response_fit: xr.DataTree) -> None:
    own = cp.predict(response_fit, pd.DataFrame({"in_fit": ["1"]})).iloc[0]
    values = pd.DataFrame({"histology": ["EIMT"], "partner": ["RANBP2"], "age": [44]})
    assert own["estimate"] == cp.predict(response_fit, values).iloc[0]["estimate"]
