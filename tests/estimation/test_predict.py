"""New patients: what the fit knows of them, unseen levels, missing covariates."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from tests.small import normal, response_model

NEW = pd.DataFrame(
    {
        "patient": ["known", "new histology", "six", "nothing known", "same new histology"],
        "histology": ["IMT", "Other", "IMT", None, "Other"],
        "partner": ["TPM3", "TPM3", "TPM3;CLTC", None, "CLTC"],
        "age": [18] * 5,  # where the model's line has its zero
    }
)


@pytest.fixture(scope="module")
def with_age() -> xr.DataTree:
    """A number and a plain category, nothing missing."""
    rng = np.random.default_rng(4)
    ages = rng.uniform(5, 60, 40).round()
    cases = pd.DataFrame({"age": ages, "sex": rng.choice(["F", "M"], 40), "events": rng.integers(0, 2, 40), "n": 1})
    terms = {"age": {"kind": "linear", "centre": 18, "scale": 10}, "sex": {"kind": "category", "reference": "F"}}
    priors = {"intercept": normal(1.5), "age_effect": normal(0.5), "sex_effect": normal(0.7)}
    return cp.fit(response_model(terms, priors), cases, seed=1, progress=False)


def draws(fit: xr.DataTree, **levels: str) -> np.ndarray:
    """Response probability computed from the posterior, here and not by the package."""
    posterior = fit["posterior"]
    eta = posterior["intercept"]
    for factor, level in levels.items():
        members = level.split(";")
        eta = eta + posterior[f"{factor}_effect"].sel({factor: members}).mean(factor)
    return 1 / (1 + np.exp(-eta.to_numpy()))


def test_a_known_patient_has_the_probability_of_its_levels(response_fit: xr.DataTree) -> None:
    table = cp.predict(response_fit, NEW).set_index("level")
    for name, partner in (("known", "TPM3"), ("six", "CLTC;TPM3")):
        p = draws(response_fit, histology="IMT", partner=partner)
        assert table.loc[name, "estimate"] == pytest.approx(np.median(p), rel=1e-12)
        assert table.loc[name, "lower"] == pytest.approx(np.quantile(p, 0.025), rel=1e-12)


def test_an_unseen_level_is_said_and_wider(response_fit: xr.DataTree) -> None:
    table = cp.predict(response_fit, NEW).set_index("level")
    assert "Other unseen" in table.loc["new histology", "note"]
    assert "unseen" not in table.loc["known", "note"]
    assert table.loc["new histology", "sd"] > table.loc["known", "sd"]


def test_a_missing_covariate_is_an_average_over_its_values(response_fit: xr.DataTree) -> None:
    """Histology unknown, partner known: the patients' histologies, weighed by how many have each."""
    new = pd.DataFrame({"histology": [None], "partner": ["TPM3"], "age": [18]})
    row = cp.predict(response_fit, new).iloc[0]
    n = cp.estimates(response_fit, "histology").set_index("level")["n"]
    p = sum(n[level] / 30 * draws(response_fit, histology=level, partner="TPM3") for level in n.index)
    assert row["mean"] == pytest.approx(p.mean(), rel=1e-9)
    assert "histology missing" in row["note"]


def test_rows_order_and_company_change_nothing(response_fit: xr.DataTree) -> None:
    whole = cp.predict(response_fit, NEW).set_index("level")["estimate"]
    turned = cp.predict(response_fit, NEW.iloc[::-1]).set_index("level")["estimate"]
    alone = cp.predict(response_fit, NEW.iloc[[1]]).set_index("level")["estimate"]
    pd.testing.assert_series_equal(whole.sort_index(), turned.sort_index(), rtol=1e-12)
    assert alone["new histology"] == whole["new histology"]


def test_an_absent_column_is_a_missing_covariate_and_no_column_is_refused(response_fit: xr.DataTree) -> None:
    table = cp.predict(response_fit, NEW[["histology", "age"]])
    assert table["note"].str.contains("partner missing").all()
    assert list(table["level"]) == ["1", "2", "3", "4", "5"]
    with pytest.raises(cp.CasepoolError, match="no column of the model"):
        cp.predict(response_fit, pd.DataFrame({"hair": ["red"]}))


def test_numbers_and_plain_categories(with_age: xr.DataTree) -> None:
    new = pd.DataFrame({"age": [18, 38, None, 18], "sex": ["F", "M", "F", "X"]})
    table = cp.predict(with_age, new)
    posterior = with_age["posterior"]
    intercept, age, male = (posterior[name].to_numpy().squeeze() for name in ("intercept", "age_effect", "sex_effect"))
    expected = [intercept, intercept + 2 * age + male]
    for row, eta in zip(range(2), expected, strict=True):
        assert table.loc[row, "estimate"] == pytest.approx(np.median(1 / (1 + np.exp(-eta))), rel=1e-12)
    ages = with_age["patients"]["age"].to_numpy()
    averaged = np.mean([1 / (1 + np.exp(-(intercept + (a - 18) / 10 * age))) for a in ages], axis=0)
    assert table.loc[2, "mean"] == pytest.approx(averaged.mean(), rel=1e-9)
    assert "age missing: averaged over the patients of the fit" in table.loc[2, "note"]
    assert "sex X unseen: its effect is drawn from its prior" in table.loc[3, "note"]
    assert table.loc[3, "sd"] > table.loc[0, "sd"]


def test_a_modelled_covariate_is_averaged_over_its_distribution(response_fit: xr.DataTree) -> None:
    row = cp.predict(response_fit, pd.DataFrame({"histology": ["IMT"], "partner": ["TPM3"]})).iloc[0]
    posterior = response_fit["posterior"]
    z = np.random.default_rng(1).standard_normal((1000, 1, 1))
    ages = 110 / (1 + np.exp(-(posterior["age_mean"].to_numpy() + posterior["age_spread"].to_numpy() * z)))
    p = draws(response_fit, histology="IMT", partner="TPM3")
    eta = np.log(p / (1 - p)) + posterior["age_effect"].to_numpy() * (ages - 18) / 10
    assert row["mean"] == pytest.approx((1 / (1 + np.exp(-eta))).mean(), abs=0.003)
    assert "age missing: averaged over its modelled distribution" in row["note"]


@pytest.mark.parametrize("twin", ["imt", "I MT", "I\u200bMT", "ＩＭＴ"])
def test_a_twin_of_a_level_of_the_fit_is_no_unseen_level(response_fit: xr.DataTree, twin: str) -> None:
    with pytest.raises(cp.CasepoolError, match="differs from the fit's level 'IMT'"):
        cp.predict(response_fit, pd.DataFrame({"histology": [twin], "partner": ["TPM3"], "age": [18]}))


@pytest.mark.parametrize("name", ["Histology", "HISTOLOGY ", "histo-logy"])
def test_a_twin_of_a_columns_name_is_no_missing_covariate(response_fit: xr.DataTree, name: str) -> None:
    for others in ({}, {"partner": ["TPM3"]}):
        with pytest.raises(cp.CasepoolError, match="rename it 'histology'"):
            cp.predict(response_fit, pd.DataFrame({name: ["IMT"], **others}))
