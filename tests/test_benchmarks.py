"""The benchmarks' own engine, against the package's likelihood and against a grid."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import casepool as cp
from benchmarks import speed, speed_report
from benchmarks import weibull_posterior as engine
from benchmarks.immortal_time import DOCUMENT, LANDMARK, TABLE, frame_of, hide, page, simulate, verdicts
from casepool.modelling import make_design, model_from_dict
from casepool.modelling.design.likelihood import data_of, log_likelihood
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.specification.model import model_dict

INTERVAL = {"earliest": "low", "latest": "high"}
WAYS = {
    "intensity": (INTERVAL, lambda cohort, dates: engine.dated(cohort, dates, intensity=True)),
    "uniform": (INTERVAL | {"dating": "uniform"}, lambda cohort, dates: engine.dated(cohort, dates, intensity=False)),
    "landmark": (
        INTERVAL | {"dating": "uniform", "as": "landmark", "landmark": LANDMARK},
        lambda cohort, dates: engine.by_landmark(cohort, dates, LANDMARK),
    ),
    "baseline": ({"as": "baseline"}, lambda cohort, dates: engine.fixed(cohort)),
    "known": ({"start": "start", "dating": "uniform"}, lambda cohort, dates: engine.known_dates(cohort)),
}


@pytest.fixture(scope="module")
def cohort() -> engine.Cohort:
    return simulate(np.random.default_rng(5), 40, 0.4, "frequent", "rising")


@pytest.mark.parametrize("how", ["narrow", "hidden"])
@pytest.mark.parametrize("way", WAYS)
def test_every_analysis_has_the_packages_likelihood(cohort, way, how) -> None:
    exposure, likelihood = WAYS[way]
    dates = hide(np.random.default_rng(6), cohort, how)
    plain = json.loads(json.dumps(model_dict(cp.model("overall_survival"))))
    plain["outcome"] = {"time": "time", "event": "event"}
    plain["exposure"] = {"surgery": {"column": "surgery", **exposure}}
    if way != "intensity":
        plain["priors"].pop("surgery_log_intensity")
    frame = frame_of(cohort, dates).assign(start=np.where(cohort.ever, cohort.start, np.nan))
    data = data_of(make_design(model_from_dict(plain, name="check"), frame))
    for point in ([-3.5, 0.2, -0.7, -4.0], [-4.5, -0.4, 0.6, -3.0]):
        names = ("intercept", "shape", "surgery_effect", "surgery_log_intensity")
        values = dict(zip(names, np.array(point), strict=True)) | {"shape": np.exp(point[1])}
        expected = log_likelihood(data, values, NUMPY).sum()
        assert likelihood(cohort, dates)(np.array([point]))[0] == pytest.approx(expected, abs=1e-6)


def test_a_skewed_posterior_agrees_with_a_grid() -> None:
    """Log-gamma in the third of three independent parameters: quantiles are known."""

    def log_posterior(points):
        return -0.5 * points[:, 0] ** 2 - 0.5 * points[:, 1] ** 2 + 3 * points[:, 2] - np.exp(points[:, 2])

    found = engine.summarise(log_posterior, np.zeros(3))
    expected = np.log(stats.gamma(3).ppf([0.5, 0.025, 0.975]))
    spread = np.diff(np.log(stats.gamma(3).ppf([0.16, 0.84])))[0] / 2
    assert [found.median, found.lower, found.upper] == pytest.approx(expected, abs=0.1 * spread)


def test_cohorts_are_as_described() -> None:
    """Without an effect the operated and the others have one hazard, and a constant rate of surgery is seen."""
    one = simulate(np.random.default_rng(8), 40_000, 1.0, "frequent", "constant")
    assert one.event.sum() / one.time.sum() == pytest.approx(0.036, rel=0.02)
    waited = np.minimum(one.start, one.time).sum()
    assert one.ever.sum() / waited == pytest.approx(0.015, rel=0.03)
    exposed = (one.time - one.start)[one.ever].sum()
    less = simulate(np.random.default_rng(9), 40_000, 0.4, "frequent", "constant")
    after = less.event[less.ever].sum() / (less.time - less.start)[less.ever].sum()
    assert after == pytest.approx(0.4 * 0.036, rel=0.05)
    assert one.event[one.ever].sum() / exposed == pytest.approx(0.036, rel=0.05)


def test_the_page_of_the_documentation_is_made_from_the_results_kept() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == page(pd.read_csv(TABLE, keep_default_na=False))


def test_the_results_kept_are_as_promised() -> None:
    """The default covers where its assumption holds; ever against never is seen to fail; every integral was good."""
    table = pd.read_csv(TABLE, keep_default_na=False)
    assert table["cohorts"].eq(500).all()
    assert verdicts(table).value_counts().drop("").to_dict() == {"yes": 24 + 8}
    assert table["least ess"].min() > 100


def test_speed_is_compared_within_a_round() -> None:
    """A machine that slows down between rounds changes no ratio, and a round that one side lacks makes none."""
    mine = [{"round": number, "cpu": 2.0 * slow} for number, slow in ((1, 1.0), (2, 3.0), (3, 5.0))]
    theirs = [{"round": number, "cpu": 8.0 * slow} for number, slow in ((2, 3.0), (1, 1.0))]
    assert speed_report.ratios(mine, theirs, "cpu") == [0.25, 0.25]


def test_imports_add_up_by_package() -> None:
    told = (
        "import time: self [us] | cumulative | imported package\n"
        "import time:       100 |        100 |   numpy.linalg\n"
        "import time:       200 |        300 | numpy\n"
        "a warning of somebody\n"
        "import time:        50 |         50 |     json.decoder\n"
    )
    assert speed.imports(told) == pytest.approx({"numpy": 3e-4, "Python's own": 5e-5})
