"""Pictures of what a model foresees: replicated Kaplan-Meier curves, and curves of the prior alone."""

import json
import re

import numpy as np
import pytest
import xarray as xr

import casepool as cp
from casepool.estimation.draws import open_draws
from casepool.modelling import model_from_dict
from casepool.modelling.specification.model import model_dict
from casepool.plotting.predictive_curves import replicated_curves


def line(ax, words: str) -> tuple[np.ndarray, np.ndarray]:
    [found] = [one for one in ax.lines if str(one.get_label()).startswith(words)]
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


@pytest.fixture(scope="module")
def checked(survival_fit: xr.DataTree):
    return cp.plot_survival_check(survival_fit)


def test_the_curve_seen_is_the_classical_one(checked) -> None:
    times, alive = line(checked, "Kaplan–Meier, seen (28)")
    table = cp.classical("overall_survival", "alk_crizotinib")
    for t in (12, 24, 36):
        [told] = table.loc[(table["at"] == t) & (table["method"] == "Kaplan-Meier"), "estimate"]
        assert alive[np.searchsorted(times, t, side="right") - 1] == pytest.approx(told)
    assert "95% interval" in checked.get_title(loc="left")


def test_replications_follow_the_posterior(survival_fit: xr.DataTree) -> None:
    """Nearly nobody is censored before 0.4 months: there the replicated curve is the model's survival, on average."""
    fitted = open_draws(survival_fit)
    early = 0.4
    mean = replicated_curves(fitted, np.array([early]))[:, 0]
    shape, eta = (fitted.parameters[name].ravel() for name in ("shape", "intercept"))
    expected = np.exp(-np.exp(eta) * early**shape)
    assert mean.mean() == pytest.approx(expected.mean(), abs=4 * mean.std() / np.sqrt(len(mean)))


def test_a_model_that_is_wrong_is_caught(survival_fit: xr.DataTree) -> None:
    """Draws of a tenfold hazard: what was seen lies above nearly every replication."""
    wrong = survival_fit.copy(deep=True)
    wrong["posterior"]["intercept"] = wrong["posterior"]["intercept"] + np.log(10)
    title = cp.plot_survival_check(wrong).get_title(loc="left")
    shares = [float(part.split()[-1]) for part in title.rpartition(": ")[2].split(",")]
    assert min(shares) > 0.97
    right = cp.plot_survival_check(survival_fit).get_title(loc="left")
    shares = [float(part.split()[-1]) for part in right.rpartition(": ")[2].split(",")]
    assert all(0.05 < share < 0.95 for share in shares)


def test_an_unconverged_fit_is_marked(survival_fit: xr.DataTree) -> None:
    fit = survival_fit.copy()
    fit.attrs["convergence"] = json.dumps({**json.loads(fit.attrs["convergence"]), "verdict": "fail"})
    assert "did not converge" in cp.plot_survival_check(fit).get_title(loc="left")


def test_prior_curves_are_the_ones_the_priors_state() -> None:
    """Median survival lognormal about 23 months with 430 at 97.5%: half the curves lie below a half at 23."""
    ax = cp.plot_prior_survival("overall_survival", "alk_crizotinib", seed=3)
    times, middle = line(ax, "median")
    assert np.interp(23, times, middle) == pytest.approx(0.5, abs=0.03)
    assert (np.diff(middle) <= 0).all()
    title = ax.get_title(loc="left")
    found = re.search(r"median time to death ([\d.]+) \(([\d.]+) to ([\d.]+)\)", title)
    assert found is not None
    assert [float(x) for x in found.groups()] == pytest.approx([23, 23**2 / 430, 430], rel=0.1)
    assert "Surgery: hazard ratio" in title


def test_a_fit_alone_says_the_same_as_its_model_and_cases(survival_fit: xr.DataTree) -> None:
    one = cp.plot_prior_survival(survival_fit, seed=5)
    other = cp.plot_prior_survival("overall_survival", "alk_crizotinib", seed=5)
    assert line(one, "median")[1] == pytest.approx(line(other, "median")[1])


def test_what_cannot_be_foreseen_is_refused(age_fit: xr.DataTree) -> None:
    with pytest.raises(cp.CasepoolError, match="no survival model"):
        cp.plot_survival_check(age_fit)
    with pytest.raises(cp.CasepoolError, match="has no patients"):
        cp.plot_prior_survival("overall_survival")
    plain = model_dict(cp.model("overall_survival"))
    flat = {"dist": "Flat", "why": "test"}
    with pytest.raises(cp.CasepoolError, match="Flat"):
        cp.plot_prior_survival(
            model_from_dict(plain | {"priors": plain["priors"] | {"surgery_effect": flat}}, name="flat"),
            "alk_crizotinib",
        )
