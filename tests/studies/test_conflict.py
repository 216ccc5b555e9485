"""Cases against the trials their prior is made of: P values by enumeration, the vague part by marginal likelihoods."""

import numpy as np
import pytest
from scipy import integrate, special, stats

import casepool as cp
from casepool.modelling import Model, model_from_dict
from tests.small import counts, half_normal, normal

STUDIES = [{"study": name, "events": y, "n": n} for name, y, n in (("a", 6, 12), ("b", 12, 14), ("c", 5, 7))]
TABLE = counts([1, 1, 3], [9, 6, 4], site=["x", "y", "z"])
WEIGHT = 0.2


def model(terms: bool, **keys: object) -> Model:
    stated = {"from": "trials", "method": "predictive", "mean": normal(2.0), "between": half_normal(1.0)} | keys
    plain = {
        "family": "bernoulli",
        "outcome": {"events": "events", "n": "n"},
        "evidence": {"trials": {"studies": STUDIES} | ({"about": {"site": "x"}} if terms else {})},
        "priors": {"intercept": stated},
    }
    if terms:
        plain |= {"terms": {"site": {"kind": "group"}}}
        plain["priors"]["site_sd"] = half_normal(1.0)
    return model_from_dict(plain, name="conflict")


def predicted(prior, count: int, n: int) -> float:
    """Probability of a count under a prior of its log odds, by quadrature."""
    law = lambda t: np.exp(prior.log_density(np.array(t))) * stats.binom.pmf(count, n, special.expit(t))  # noqa: E731
    return integrate.quad(law, -25, 25, limit=400, points=[-3, 0, 2])[0]


@pytest.mark.parametrize(("terms", "seen", "n"), [(False, 5, 19), (True, 1, 9)])
def test_p_values_are_sums_over_all_counts_of_those_the_trials_are_about(terms, seen, n) -> None:
    made = model(terms, robust=WEIGHT, vague=normal(2.0))
    table = cp.trial_conflict(cp.fit(made, TABLE, seed=1, progress=False), progress=False)
    law = np.array([predicted(made.prior("intercept"), count, n) for count in range(n + 1)])
    assert law.sum() == pytest.approx(1, abs=1e-6)
    p = table[table["kind"] == "P value"]["estimate"].tolist()
    assert p == pytest.approx([law[seen:].sum(), law[law <= law[seen] * (1 + 1e-7)].sum()], abs=2e-4)
    assert table["events"].tolist() == [seen] * len(table)


def test_the_vague_part_weighs_by_marginal_likelihoods_and_trials_in_conflict_lend_little() -> None:
    made = model(False, robust=WEIGHT, vague=normal(2.0))
    fit = cp.fit(made, TABLE, seed=1, progress=False)
    table = cp.trial_conflict(fit, progress=False)
    trials, vague = model(False).prior("intercept"), model(False, robust=1.0, vague=normal(2.0)).prior("intercept")
    likely = WEIGHT * predicted(vague, 5, 19), (1 - WEIGHT) * predicted(trials, 5, 19)
    row = table[table["kind"] == "probability"].iloc[0]
    assert row["estimate"] == pytest.approx(likely[0] / sum(likely), abs=0.02)
    assert row["estimate"] > WEIGHT
    borrowed = table[table["unit"] == "patients"].iloc[0]["estimate"]
    assert borrowed < 4


def test_what_is_borrowed_is_the_worth_beyond_the_cases_under_the_prior_of_the_mean_alone() -> None:
    made = model(False, method="commensurate", between=half_normal(0.3))
    table = cp.trial_conflict(cp.fit(made, counts([8], [10]), seed=1, progress=False), progress=False)
    worth = []
    for prior in (made.prior("intercept"), model_from_dict(
        {"family": "bernoulli", "outcome": {"events": "events", "n": "n"}, "priors": {"intercept": normal(2.0)}},
        name="alone",
    ).prior("intercept")):  # fmt: skip
        law = lambda t, k: (  # noqa: E731
            np.exp(prior.log_density(np.array(t))) * stats.binom.pmf(8, 10, special.expit(t)) * special.expit(t) ** k  # noqa: B023
        )
        total, first, second = (integrate.quad(law, -15, 15, args=(k,), limit=300)[0] for k in range(3))
        mean = first / total
        worth.append(mean * (1 - mean) / (second / total - mean**2) - 1)
    assert table[table["unit"] == "patients"].iloc[0]["estimate"] == pytest.approx(worth[0] - worth[1], rel=0.12)


def test_what_trials_say_is_told_study_by_study_and_under_both_spreads() -> None:
    table = cp.trial_prior("objective_response_selection")
    raw = table[table["source"] == "raw"]
    assert dict(zip(raw["level"], raw["events"], strict=True)) == {"CREATE": 6, "ADVL0912": 12, "A8081013": 5}
    exact = table[table["method"] == "exact, on a grid"]
    assert exact["prior"].nunique() == len(exact) == 2
    normals = table[table["method"].str.contains("normal component")]
    assert normals["estimate"].to_numpy() == pytest.approx(exact["estimate"].to_numpy(), abs=0.01)
    worth = table[table["method"] == "by moments"]["estimate"].to_numpy()
    assert worth == pytest.approx([5.3, 10.5], abs=0.06)
    with pytest.raises(cp.CasepoolError, match="has no trials"):
        cp.trial_prior("objective_response")


def test_one_study_says_that_its_spread_is_the_priors() -> None:
    alone = {"evidence": {"trials": {"studies": STUDIES[:1]}}}
    from casepool.modelling.specification.model import model_dict

    table = cp.trial_prior(model_from_dict(model_dict(model(False)) | alone, name="one"))
    assert table["note"].str.contains("one study says nothing").sum() == 4
