import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes

import casepool as cp
from casepool.modelling import model_from_dict
from casepool.modelling.specification.model import model_dict


@pytest.fixture(scope="module")
def smooth_fit() -> xr.DataTree:
    plain = model_dict(cp.model("objective_response"))
    plain["terms"]["age"] |= {"kind": "smooth", "knots": [6, 15, 30, 50]}
    plain["priors"]["age_wiggle_sd"] = {"dist": "HalfNormal", "sigma": 1.0}
    return cp.fit(model_from_dict(plain, name="smooth"), "alk_crizotinib", seed=1, draws=500, progress=False)


@pytest.fixture(scope="module")
def picture(response_fit: xr.DataTree) -> Axes:
    return cp.plot_effect(response_fit, "age")


def curve(ax: Axes) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(ax.lines[0].get_xdata()), np.asarray(ax.lines[0].get_ydata())


def marks(ax: Axes) -> tuple[list[float], list[float]]:
    """Where patients are marked at the top and at the bottom."""
    top, bottom = ([segment[0][0] for segment in lines.get_segments()] for lines in ax.collections[1:])
    return top, bottom


def test_the_curve_spans_the_recorded_ages_inside_its_band(picture: Axes) -> None:
    ages = cp.load("alk_crizotinib").dropna(subset=["age", "best_response"])["age"]
    x, y = curve(picture)
    assert [x[0], x[-1]] == pytest.approx([ages.min(), ages.max()])
    band = picture.collections[0].get_paths()[0].vertices
    for at, middle in zip(x, y, strict=True):
        limits = band[np.isclose(band[:, 0], at), 1]
        assert limits.min() < middle < limits.max()


def test_every_patient_of_known_age_is_marked_by_response(picture: Axes) -> None:
    cases = cp.load("alk_crizotinib").dropna(subset=["age", "best_response"])
    responded = cases["best_response"].isin(["PR", "CR"])
    top, bottom = marks(picture)
    assert sorted(top) == pytest.approx(sorted(cases["age"][responded]))
    assert sorted(bottom) == pytest.approx(sorted(cases["age"][~responded]))
    assert "3 of unknown age unmarked" in picture.get_title(loc="left")


def test_axes_and_interval_are_named(picture: Axes) -> None:
    assert picture.get_xlabel() == "Age (years)"
    assert picture.get_ylabel() == "Probability of PR or CR"
    assert "95% CrI" in picture.get_title(loc="left")


def test_a_linear_effect_leads_where_the_parameter_points(response_fit: xr.DataTree, picture: Axes) -> None:
    _, y = curve(picture)
    assert np.sign(y[-1] - y[0]) == np.sign(float(response_fit["posterior"]["age_effect"].median()))


def test_an_ordinal_fit_shows_success(ordinal_fit: xr.DataTree) -> None:
    ax = cp.plot_effect(ordinal_fit, "age")
    assert ax.get_ylabel() == "Probability of at least PR (PR or CR)"
    assert len(marks(ax)[1]) == 4


def test_a_smooth_fit_converges_bends_and_agrees_with_its_graph(smooth_fit: xr.DataTree) -> None:
    assert json.loads(smooth_fit.attrs["convergence"])["verdict"] == "pass"
    assert smooth_fit["posterior"]["age_wiggle"].dims == ("chain", "draw", "age_basis")
    x, y = curve(cp.plot_effect(smooth_fit, "age"))
    assert 0 < x[np.argmax(y)] < 61
    assert np.isfinite(cp.estimates(smooth_fit, "histology", target="new")["estimate"]).all()


def test_an_unconverged_fit_is_marked(response_fit: xr.DataTree) -> None:
    fit = response_fit.copy()
    fit.attrs["convergence"] = json.dumps({**json.loads(fit.attrs["convergence"]), "verdict": "fail"})
    assert "did not converge" in cp.plot_effect(fit, "age").get_title(loc="left")


@pytest.mark.parametrize(
    ("name", "term", "said"),
    [
        ("response_fit", "histology", "there are age"),
        ("age_fit", "age", "there is none"),
        ("survival_fit", "age", "plot_survival"),
    ],
)
def test_what_is_no_number_is_refused(name: str, term: str, said: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        cp.plot_effect(request.getfixturevalue(name), term)
