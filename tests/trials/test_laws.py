"""Laws that hold whatever the design: enumeration against simulation, permutations, limits, kills and resumption."""

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.inference.baskets import FINENESS
from casepool.modelling.specification.files import model_from_dict
from casepool.trials.files import design_from_dict

SHARE = {"probability_above": {"rate": "null", "more_than": 0.9}}
EARLY = {"futility": {"probability_above": {"rate": "target", "less_than": 0.15}}}


def design(sizes: dict, model: str = "basket_berry", **keys):
    named = {name: {"n": n} if not isinstance(n, dict) else n for name, n in sizes.items()}
    plain = {"model": model, "null": 0.2, "target": 0.5, "baskets": named, "success": SHARE} | keys
    return design_from_dict(plain, name="law")


def table(own, **how) -> pd.DataFrame:
    return cp.operating_characteristics(own, progress=False, **how)


@pytest.mark.parametrize("number", range(20))
def test_simulation_agrees_with_enumeration_in_every_row(number: int) -> None:
    rng = np.random.default_rng(number)
    first = rng.integers(2, 6, 2)
    sizes = {name: [int(n), int(n + rng.integers(2, 6))] for name, n in zip("ab", first, strict=True)}
    rules = {"success": {"responders": int(rng.integers(3, 5))}, "futility": {"responders": int(rng.integers(0, 2))}}
    early = {"early_success": {"responders": 4}} if number % 2 else {}
    closed = "revised" if number % 3 == 0 else "kept"
    model = rules | early | {"looks": {"closed": closed}}
    own = design(sizes, "basket_independent", **model)
    exact, drawn = table(own), table(own, method="simulation", seed=number, trials=1000)
    off = (exact["estimate"] - drawn["estimate"]).abs()
    rare = np.sqrt(1e-3 / drawn["trials"])  # where no simulated trial shows what is rare
    assert (exact["estimand"] == drawn["estimand"]).all()
    assert (off <= 4 * drawn["mcse"].fillna(0) + rare).all(), off.max()


@pytest.fixture(scope="module")
def early() -> pd.DataFrame:
    return table(design({"a": [3, 6], "b": [3, 6], "c": [2, 5]}, **EARLY))


def numbers(oc: pd.DataFrame, level: str) -> list[float]:
    return list(oc[(oc["level"] == level) & (oc["by"] != "")]["estimate"])


def test_twins_are_alike_and_baskets_in_another_order_have_the_same_numbers(early: pd.DataFrame) -> None:
    assert numbers(early, "a") == pytest.approx(numbers(early, "b"), abs=1e-12)
    other = table(design({"c": [2, 5], "b": [3, 6], "a": [3, 6]}, **EARLY))
    for level in "abc":
        assert numbers(other, level) == pytest.approx(numbers(early, level), abs=1e-12)


def test_simulated_patients_belong_to_their_basket_whatever_else_is_there() -> None:
    keys = {"success": {"responders": 4}}
    few = cp.simulate(design({"a": 6, "b": 8}, **keys), seed=3, trials=20, progress=False)
    more = cp.simulate(design({"c": 4, "b": 9, "a": 6}, **keys), seed=3, trials=1500, progress=False)
    for name in ("null", "target"):
        own, other = (t[(t["scenario"] == name) & (t["basket"] == "a")] for t in (few, more))
        assert list(own["events"]) == list(other["events"])[:20]
    events = more.pivot_table(index=["trial", "basket"], columns="scenario", values="events")
    assert (events["target"] >= events["null"]).all(), "nobody ceases to respond as the rate rises"


def test_simulated_baskets_in_another_order_have_the_same_decisions() -> None:
    sizes = {"a": [3, 6], "b": [3, 6], "c": [2, 5]}
    tables = [
        cp.simulate(design(own, **EARLY), seed=1, trials=60, progress=False)
        for own in (sizes, dict(reversed(sizes.items())))
    ]
    each = [own.sort_values(["scenario", "trial", "basket"]).reset_index(drop=True) for own in tables]
    pd.testing.assert_frame_equal(*each, check_exact=True)


def changed(name, keys: tuple[str, ...], value: float):
    plain = tomllib.loads(cp.model(name).to_toml())
    inner = plain
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return model_from_dict(plain, name="limit")


def test_no_difference_between_baskets_is_one_basket_and_none_exchangeable_are_many() -> None:
    """A prior of the standard deviation that shrinks to 0, and a share of exchangeable levels that does."""
    events, n = np.array([[1, 4, 9]]), np.array([[6, 12, 15]])
    alike = changed("basket_berry", ("priors", "histology_sd", "sigma"), 1e-5)
    one = changed("basket_pooled", ("priors", "intercept", "mu"), float(np.log(3 / 7)))  # where berry's target lies
    one = changed(one, ("priors", "intercept", "sigma"), 2.0)
    found = [cp.basket_posteriors(own, events, n, above=[0.3]) for own in (alike, one)]
    for name in ("mean", "above"):
        assert found[0][name].to_numpy() == pytest.approx(found[1][name].to_numpy(), abs=1e-5)
    alone = changed("basket_exnex", ("terms", "histology", "exchangeable"), 1e-9)
    found = [cp.basket_posteriors(own, events, n, above=[0.3]) for own in (alone, "basket_independent")]
    for name in ("mean", "above"):
        assert found[0][name].to_numpy() == pytest.approx(found[1][name].to_numpy(), abs=1e-5)


def test_twice_the_nodes_turn_no_decision_but_where_a_table_says_so(monkeypatch) -> None:
    own = design({"a": [3, 6], "b": [3, 6], "c": [2, 5]}, "basket_exnex", **EARLY)
    coarse = cp.simulate(own, seed=1, trials=200, progress=False)
    monkeypatch.setattr("casepool.trials.analysis.FINENESS", FINENESS[2:])
    fine = cp.simulate(own, seed=1, trials=200, progress=False)
    assert list(fine["decision"]) == list(coarse["decision"])
    assert (fine["probability"] - coarse["probability"]).abs().max() < 1e-5


def test_the_order_of_tables_in_a_file_changes_nothing(early: pd.DataFrame) -> None:
    own = design({"a": [3, 6], "b": [3, 6], "c": [2, 5]}, looks={"closed": "kept"}, **EARLY)
    plain = tomllib.loads(own.to_toml())
    other = design_from_dict(dict(reversed(plain.items())), name="law")
    pd.testing.assert_frame_equal(table(other), early.assign(design=other.name), check_exact=True)


def test_a_journal_that_was_cut_short_gives_the_same_bytes(tmp_path: Path, monkeypatch, early: pd.DataFrame) -> None:
    monkeypatch.setattr("casepool.trials.analysis.AT_ONCE", 30)
    own, path = design({"a": [3, 6], "b": [3, 6], "c": [2, 5]}, **EARLY), tmp_path / "journal"
    whole = table(own, journal=path)
    pd.testing.assert_frame_equal(whole, early, check_exact=True)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[::3]) + lines[1][:40])  # some of them, out of order, and one cut in the middle
    pd.testing.assert_frame_equal(table(own, journal=path), early, check_exact=True)
    longer = design({"a": [3, 6], "b": [3, 6], "c": [2, 6]}, **EARLY)
    pd.testing.assert_frame_equal(table(longer, journal=path), table(longer), rtol=1e-9)


def test_a_threshold_near_0_or_1_decides_everything() -> None:
    for limit, success in ((1e-9, 1.0), (1 - 1e-9, 0.0)):
        share = {"probability_above": {"rate": "null", "more_than": limit}}
        oc = table(
            design({"a": 5, "b": 40}, "basket_independent", success=share, scenarios={"all": {"rates": [0.2, 1e-6]}})
        )
        found = oc[(oc["scenario"] == "all") & oc["estimand"].str.contains("probability of success")]["estimate"]
        assert found.iloc[0] == pytest.approx(success, abs=1e-6)


def test_pooled_baskets_decide_alike() -> None:
    trials = cp.simulate(design({"a": 4, "b": 9}, "basket_pooled"), seed=1, trials=200, progress=False)
    own, other = (list(trials[trials["basket"] == name]["decision"]) for name in "ab")
    assert own == other


def test_without_a_rule_nobody_is_futile_and_the_sure_succeed() -> None:
    oc = table(design({"a": [4, 8]}, scenarios={"sure": {"rates": [1.0]}}))
    assert (oc[oc["estimand"] == "closed for futility"]["estimate"] == 0).all()
    assert oc[(oc["scenario"] == "sure") & oc["estimand"].str.startswith("power: ")]["estimate"].item() == 1.0


def test_decisions_drawn_from_the_analysis_own_prior_are_calibrated() -> None:
    """Its 95% intervals and probabilities are then exactly what they say: seen in simulated truths."""
    own = design({"a": 8, "b": 8}, "basket_independent", scenarios={"prior": {"drawn_from": "prior"}})
    exact, drawn = table(own, method="auto"), table(own, method="simulation", seed=2, trials=4000)
    for words in ("right decision", "rate above null, given success", "assurance"):
        pair = [t[(t["scenario"] == "prior") & t["estimand"].str.startswith(words)] for t in (exact, drawn)]
        assert (np.abs(pair[0]["estimate"] - pair[1]["estimate"].to_numpy()) <= 4 * pair[1]["mcse"].to_numpy()).all()


def test_a_journal_gives_the_same_table_and_computes_nothing_twice(tmp_path: Path, monkeypatch, early) -> None:
    own, path = design({"a": [3, 6], "b": [3, 6], "c": [2, 5]}, **EARLY), tmp_path / "journal"
    table(own, journal=path)
    monkeypatch.setattr("casepool.trials.analysis.Analysis.computed", None)
    pd.testing.assert_frame_equal(table(own, journal=path), early)


def test_patients_who_enter_in_time_are_no_more_than_planned_and_looks_wait_for_outcomes() -> None:
    keys = {"success": {"responders": 5}, "futility": {"responders": 1}}
    timed = {name: {"n": [5, 10], "accrual": pace} for name, pace in (("a", 1.0), ("b", 3.0))}
    for looks in ({"response_after": 2}, {"when": "months", "at": [6, 12]}, {"when": "total", "at": [8, 20]}):
        own = design(timed, "basket_independent", looks=looks, **keys)
        trials = cp.simulate(own, seed=1, trials=300, progress=False)
        assert (trials["n"] <= 10).all()
        assert (trials["events"] <= trials["n"]).all()
        futile = trials[trials["decision"] == "futility"]
        assert (futile["closed_at"] == 1).all()
        months = table(own, seed=1, trials=300).set_index("estimand").loc["expected months", "estimate"]
        assert (months > 0).all()
    waits = [
        table(design(timed, "basket_independent", looks={"response_after": after}, **keys), seed=1, trials=300)
        for after in (0, 4)
    ]
    months = [t[(t["estimand"] == "expected months") & (t["scenario"] == "target")]["estimate"].item() for t in waits]
    assert months[1] == pytest.approx(months[0] + 4, abs=0.5)


def test_a_predictive_rule_closes_those_who_can_no_longer_succeed() -> None:
    own = design({"a": [8, 10]}, "basket_independent", futility={"predictive": 0.001})
    trials = cp.simulate(own, seed=1, trials=500, progress=False)
    closed = trials[trials["decision"] == "futility"]
    least = trials[trials["decision"] == "success"]["events"].min()
    assert len(closed)
    assert (closed["events"] + 2 < least).all()


def test_a_calibrated_error_is_held_and_one_step_lower_is_not() -> None:
    for over in ("null", "configurations"):
        found = cp.calibrate(design({"a": 6, "b": 9}), at=0.1, over=over, progress=False)
        own = found.calibration
        assert own.found <= 0.1 < own.one_lower
        assert own.lower <= own.threshold < own.upper
        assert own.worst >= own.found - 1e-12
    assert own.worst <= 0.1


def test_more_patients_never_tell_less() -> None:
    cases = pd.DataFrame({"histology": ["x", "y"], "n": [6, 3], "events": [2, 2]})
    more = cp.further_patients(
        "basket_berry", cases, rate=0.3, threshold=0.7, more=[1, 2, 4], baskets=["new"], progress=False
    )
    assert set(more["level"]) == {"x", "y", "new"}
    assert (more["estimate"] >= 0).all()
    wide = more.pivot_table(index=["estimand", "level"], columns="at", values="estimate")
    assert (wide.diff(axis=1).iloc[:, 1:] >= -1e-9).all(axis=None)


def test_the_figures_show_what_the_tables_say(early: pd.DataFrame) -> None:
    ax = cp.plot_operating_characteristics(early)
    assert len(ax.get_yticklabels()) == early["scenario"].nunique()
    curve = table("simon_two_stage")
    rates = cp.plot_power(curve).lines[0].get_xdata()
    assert list(rates) == sorted(set(curve["true_rate"].dropna()))
    with pytest.raises(cp.CasepoolError, match="no two rates"):
        cp.plot_power(early.iloc[:1])
    cells = cp.plot_decisions(design({"a": 4, "b": 4}, success={"responders": 3}), "a", "b").collections[0].get_array()
    assert list(np.ravel(cells)[[0, 3, 15, 24]]) == [0, 1, 2, 3]
    with pytest.raises(cp.CasepoolError, match="no such basket"):
        cp.plot_decisions("imatinib_baskets", "MFH", "Chordoma")
