"""The calibration's own engine, its journal, and that its committed result still holds for the code."""

import itertools
import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

from benchmarks import (
    calibration,
    calibration_ranks,
    calibration_report,
    planted_bugs,
    results,
    simulated_effects,
    simulated_events,
)
from benchmarks.bands import band, counts_below, excess
from benchmarks.calibrated import studies
from benchmarks.calibration_ranks import NOBODY, RANKED, SEEDS, Journal, Kept
from benchmarks.fingerprints import fingerprint, short
from benchmarks.reported import reported
from benchmarks.simulated import simulate
from benchmarks.simulated_effects import GRID
from benchmarks.simulated_survival import risk
from casepool.arguments import ENGINES
from casepool.inference import engines
from casepool.modelling import make_design
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.families.splines import wiggle
from casepool.modelling.specification.exposure import DATING
from casepool.modelling.specification.outcome import BOTH, TYPE
from casepool.modelling.terms import labels, numbers
from casepool.modelling.terms.borrowings import BORROWINGS
from casepool.modelling.terms.joint import JOINT_KINDS, WAYS

STUDIES = studies()
COMMITTED = json.loads(calibration_report.PRINTS.read_text())
TRUE = {
    "shape": np.array(0.7),
    "scale": np.array(1.3),
    "surgery_effect": np.array(-0.8),
    "log_hazard": np.log([0.4, 1.7, 0.6]),
}


def test_every_family_borrowing_term_and_exposure_is_calibrated() -> None:
    every = {(name, form) for name, family in FAMILIES.items() for form in family.equation}
    assert every == {(study.model.family, study.model.form) for study in STUDIES.values()}
    terms = [term for study in STUDIES.values() for term in study.model.terms.values()]
    joint = {(own.kind, own.way) for study in STUDIES.values() for own in study.model.joint.values()}
    assert joint == set(itertools.product(JOINT_KINDS, WAYS))
    assert {study.model.family for study in STUDIES.values() if study.model.selection} == {"bernoulli", "ordinal"}
    assert any(study.model.joins_trials for study in STUDIES.values())
    assert {study.model.outcome.per for study in STUDIES.values()} >= {TYPE, BOTH}
    assert {term.kind for term in terms} == labels.KINDS.keys() | numbers.KINDS.keys()
    assert {term.kind for term in terms if term.each_step} == {"category", "banded", "linear"}
    assert {term.borrowing for term in terms if term.borrows} == BORROWINGS.keys()
    missing = {own.coded.term.kind for study in STUDIES.values() for own in study.design.terms.values()
               if own.coded.missing.any() and own.coded.term.missing == "model"}  # fmt: skip
    assert missing == labels.KINDS.keys() | numbers.KINDS.keys()
    exposures = [study.exposure for study in STUDIES.values() if study.exposure]
    assert {own.dating for own in exposures if own.begins} == DATING.keys()
    assert {own.as_ for own in exposures} == {"time_varying", "baseline", "landmark"}


@pytest.mark.parametrize("name", COMMITTED)
def test_the_committed_calibration_is_of_this_code(name: str) -> None:
    """Where this fails a family, its priors or an engine have changed: run `python -m benchmarks.calibration` again."""
    now = fingerprint(STUDIES[name])
    kept = COMMITTED[name]
    assert [now[key] for key in ("priors", "starts_centred", "engine")] == [
        kept[key] for key in ("priors", "starts_centred", "engine")
    ]
    np.testing.assert_allclose(now["log_density"], kept["log_density"], rtol=1e-9, atol=1e-9)
    assert now.get("effects", {}).keys() == kept.get("effects", {}).keys()
    for term, known in kept.get("effects", {}).items():
        own = dict(now["effects"][term])
        np.testing.assert_allclose(own.pop("first level", []), known.pop("first level", []), rtol=1e-9)
        assert own == known
    assert now["given_shape"].keys() == kept["given_shape"].keys()
    for parameter, density in kept["given_shape"].items():
        np.testing.assert_allclose(now["given_shape"][parameter], density, rtol=1e-9, atol=1e-9)


def test_a_fingerprint_sees_a_prior_a_density_and_an_engine(monkeypatch) -> None:
    study = STUDIES["exponential"]
    wider = replace(study.model.priors["intercept"], parameters={"mu": -3.5, "sigma": 1.6})
    other = replace(study, model=replace(study.model, priors={**study.model.priors, "intercept": wider}))
    assert fingerprint(other)["priors"] != fingerprint(study)["priors"]
    before = fingerprint(study)["log_density"]
    bug = next(bug for bug in planted_bugs.BUGS if bug.name == "flipped sign")
    with planted_bugs.planted(bug):
        after = fingerprint(study)["log_density"]
    assert np.abs(np.subtract(after, before)).max() > 0.1
    before = short(fingerprint(study))
    monkeypatch.setattr("benchmarks.fingerprints.of_engines", lambda: "another")
    assert short(fingerprint(study)) != before


@pytest.mark.parametrize(("tables", "draws", "level"), [(50, 20, 0.95), (200, 7, 0.99)])
def test_a_band_holds_uniform_ranks_as_often_as_it_says(tables: int, draws: int, level: float) -> None:
    allowed = band(tables, draws, level)
    rng = np.random.default_rng(4)
    ranks = rng.integers(0, draws + 1, (4000, tables))
    inside = np.mean([excess(own, draws, allowed)[1] <= 1 for own in ranks])
    assert allowed.coverage >= level
    assert inside == pytest.approx(allowed.coverage, abs=4 * np.sqrt(level * (1 - level) / 4000))


def test_a_band_by_enumeration() -> None:
    """Three ranks on 0, 1, 2: all 27 outcomes counted."""
    allowed = band(3, 2, 0.9)
    outcomes = [np.array(ranks) for ranks in itertools.product(range(3), repeat=3)]
    below = [counts_below(ranks, 2) for ranks in outcomes]
    inside = [((allowed.lower <= b) & (b <= allowed.upper)).all() for b in below]
    assert allowed.coverage == pytest.approx(np.mean(inside), abs=1e-12)


@pytest.mark.parametrize(("shift", "outside"), [(1.0, False), (0.6, True)])
def test_ranks_that_crowd_leave_the_band(shift: float, outside: bool) -> None:
    ranks = (100 * np.random.default_rng(5).random(1000) ** shift).round().astype(int)
    assert (excess(ranks, 100, band(1000, 100, 0.9999))[1] > 1) is outside


@pytest.mark.parametrize("name", [name for name, study in STUDIES.items() if study.copies == 1])
def test_what_is_true_of_a_table_is_what_the_package_makes_of_the_true_parameters(name: str) -> None:
    """Every covariate, missing or not, and every strategy: written twice, from the equations and in the package."""
    study = STUDIES[name]
    table = simulate(study, np.random.default_rng(11))
    design = make_design(table.model, table.frame)
    draws = {key: np.asarray(values)[None, None] for key, values in table.parameters.items()}
    made, true = reported(study, design, table, draws)
    assert made.keys() == true.keys()
    for key, value in true.items():
        assert made[key][0] == pytest.approx(value, abs=1e-4), key


def test_a_curve_is_the_natural_spline_of_the_package() -> None:
    """By scipy's splines and quadrature here, by truncated powers and closed integrals there."""
    knots, weights, at = (-1.2, 0.0, 1.7, 3.7), np.array([0.4, -1.3]), np.linspace(-2.0, 6.0, 40)
    expected = wiggle(at, weights, knots, NUMPY)
    np.testing.assert_allclose(simulated_effects.curve(knots, weights, at), expected, atol=1e-10)


@pytest.mark.parametrize("name", [name for name, study in STUDIES.items() if study.survival and study.copies == 1])
@pytest.mark.parametrize("switch", [4.0, np.inf])
def test_a_simulated_time_has_the_hazard_it_was_drawn_from(name: str, switch: float) -> None:
    """The cumulative hazard is the integral of exp(eta) h0, by quadrature of scipy's densities, and is inverted."""
    study = STUDIES[name]
    true = dict(TRUE)
    if study.model.family == "m_spline":
        true["log_hazard"] = np.log([0.1, 0.2, 0.3, 0.15, 0.15, 0.1])
    if study.model.family == "gompertz":
        true["shape"] = np.array(0.03)
    hazard, eta = risk(study, true), -2.1 if study.model.effects == "proportional" else 2.1
    for time in (0.3, 3.9, 7.0, 30.0):
        assert hazard.when(hazard.total(time, switch, eta), switch, eta) == pytest.approx(time, rel=1e-9)
    of = {
        "weibull": stats.weibull_min(0.7),
        "exponential": stats.expon(),
        "gompertz": stats.gompertz(1 / 0.03, scale=1 / 0.03),
        "log_normal": stats.lognorm(1.3),
        "log_logistic": stats.fisk(1 / 1.3),
    }.get(study.model.family)
    if of is not None:
        proportional = study.model.effects == "proportional"
        plain = -of.logsf(9.0) * np.exp(eta) if proportional else -of.logsf(9.0 * np.exp(-eta))
        assert hazard.total(9.0, np.inf, eta) == pytest.approx(plain, rel=1e-10)
        if proportional:
            late = np.exp(eta) * (-of.logsf(4.0) - np.exp(-0.8) * (of.logsf(9.0) - of.logsf(4.0)))
        else:
            late = -of.logsf((4.0 + 5.0 * np.exp(0.8)) * np.exp(-eta))
        if study.exposure:
            assert hazard.total(9.0, 4.0, eta) == pytest.approx(late, rel=1e-10)


def test_simulated_tables_are_as_described() -> None:
    """Operations at the rate drawn, deaths at the hazard drawn, dates inside the intervals that hide them."""
    study = replace(STUDIES["weibull"], copies=10)
    rng = np.random.default_rng(6)
    died, operations, dying, waiting = 0.0, 0.0, np.zeros(2), np.zeros(2)
    for _ in range(12):
        table = simulate(study, rng)
        frame = table.frame[table.frame["os_months"].notna()]
        ever, end = frame["surgery_any"].astype(bool), frame["os_months"].to_numpy()
        known = frame[frame["surgery_earliest"].notna()]
        assert (known["surgery_earliest"] < known["surgery_latest"]).all()
        assert (known["surgery_latest"] <= known["os_months"]).all()
        died += frame["death"].astype(float).sum()
        operations += ever.sum()
        # whoever was operated at the earlier or the later end of the interval: the truth lies between
        ends = (frame["surgery_earliest"].fillna(0.0), frame["surgery_latest"].fillna(frame["os_months"]))
        switches = [np.where(ever, date, np.inf) for date in ends]
        hazard, eta = risk(study, table.parameters), float(table.parameters["intercept"])
        totals = [sum(hazard.total(t, s, eta) for t, s in zip(end, switch, strict=True)) for switch in switches]
        dying += np.sort(totals)  # which end gives more depends on the sign of the effect
        rho = np.exp(table.parameters["surgery_log_intensity"])
        waiting += [rho * np.minimum(end, switch).sum() for switch in switches]
    for seen, (low, high) in ((died, dying), (operations, waiting)):
        assert low - 4 * np.sqrt(low) < seen < high + 4 * np.sqrt(high)


def test_types_that_were_seen_are_binomial_given_one() -> None:
    """Counts of a listed type by its cell probabilities, in 4,000 draws."""
    rng = np.random.default_rng(8)
    for n, p in ((5, 0.3), (33, 0.02)):
        counts = np.bincount([simulated_events.at_least_one(n, p, rng) for _ in range(4000)], minlength=n + 1)
        expected = stats.binom.pmf(np.arange(n + 1), n, p) * (np.arange(n + 1) > 0)
        expected *= 4000 / expected.sum()
        assert (np.abs(counts - expected) < 4 * np.sqrt(expected) + 1e-9 + (expected < 1) * 3).all()


def test_events_told_of_are_as_described() -> None:
    """A unit is silent unless it tells and has an event; events follow the hazard where all is told."""
    study, rng = STUDIES["rates"], np.random.default_rng(9)
    seen, expected, spread = 0.0, 0.0, 0.0
    for _ in range(4):
        frame, true = study.patients(), simulate(study, rng).parameters
        levels = {name: term.coded.levels for name, term in study.design.terms.items()}
        table, p = simulated_events.events(study, frame, {**true, "reporting": np.array(1.0)}, levels, rng)
        happened = table["events"].groupby(table["unit"]).transform("any").astype(bool)
        assert (happened == table["told"]).all()
        seen, expected, spread = seen + table["events"].sum(), expected + p.sum(), spread + (p * (1 - p)).sum()
        silent, _ = simulated_events.events(study, frame, {**true, "reporting": np.array(0.0)}, levels, rng)
        assert not silent[["events", "told"]].any(axis=None)
    assert seen == pytest.approx(expected, abs=4 * np.sqrt(spread))


def test_a_missing_age_is_averaged_over() -> None:
    """The grid stands for a standard normal: against quadrature of a logistic curve of age."""
    for mean, spread in ((-1.0, 0.8), (0.5, 1.5)):
        expected = integrate.quad(
            lambda z, m=mean, s=spread: stats.norm.pdf(z) * special.expit(0.3 * (110 * special.expit(m + s * z) - 18)),
            -9, 9,
        )[0]  # fmt: skip
        ages = simulated_effects.AGE * special.expit(mean + spread * GRID)
        assert special.expit(0.3 * (ages - 18)).mean() == pytest.approx(expected, abs=1e-4)


def _journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.jsonl", dict.fromkeys(STUDIES, "now"))


def _entry(rank: int, engine: str = "lockstep") -> dict[str, Any]:
    how = {"engine": engine, "refused": {"exact": "terms"}, "verdict": "pass", "ess": 900, "seconds": 0.1}
    return {**how, "ranks": {"x": rank, "y": RANKED - rank}}


def test_a_kill_loses_one_table_at_most_and_the_run_goes_on(tmp_path, monkeypatch) -> None:
    journal, done = _journal(tmp_path), []
    monkeypatch.setattr(calibration.Journal, "of", lambda path, studies: journal)

    def ranks_of(study, number, seed):
        done.append((study.name, number))
        return _entry(number)

    monkeypatch.setattr(calibration, "ranks_of", ranks_of)
    tables = [("exponential", number) for number in range(4)]
    calibration.work(tables, SEEDS[0], journal.path, 0.0)
    assert not done  # no time left
    calibration.work(tables[::2], SEEDS[0], journal.path, np.inf)
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-40])  # torn in the midst of the last line
    calibration.work(tables, SEEDS[0], journal.path, np.inf)
    assert [number for _, number in done] == [0, 2, 1, 2, 3]
    study = STUDIES["exponential"]
    kept = journal.read([study], SEEDS[0])[study.name]
    assert {name: list(ranks) for name, ranks in kept.ranks.items()} == {"x": [0, 1, 2, 3], "y": [100, 99, 98, 97]}
    calibration.work(tables, SEEDS[1], journal.path, np.inf)  # another seed is another run
    assert len(done) == 9
    later = replace(journal, prints={study.name: "of another engine"})
    assert not later.read([study], SEEDS[0])[study.name].entries
    assert calibration_report.earlier(later)["tables"].sum() == 8


def test_a_journal_cut_short_is_a_fair_sample() -> None:
    """Every study is as far as any other at any time, to a table."""
    chosen = [STUDIES["bernoulli"], STUDIES["bernoulli_exnex"], STUDIES["m_spline"]]
    tables = calibration.in_turns(chosen, None)
    assert len(set(tables)) == len(tables) == sum(study.tables for study in chosen)
    for cut in (100, 777, 2000):
        share = cut / len(tables)
        count = Counter(name for name, _ in tables[:cut])
        assert all(abs(count[study.name] - share * study.tables) <= 1 for study in chosen)


def test_ranks_are_judged_by_study_and_by_engine() -> None:
    """Ranks of one engine that crowd leave its band, also where another's hide them."""
    rng, study = np.random.default_rng(3), STUDIES["exponential"]
    entries = [_entry(int(rng.integers(RANKED + 1))) for _ in range(900)]
    entries += [_entry(int(rng.integers(40)), "nuts") for _ in range(40)]
    entries += [{"engine": NOBODY, "refused": {}, "ranks": {}}]
    listed = tuple({**entry, "ranks": list(entry["ranks"].values())} for entry in entries)
    runs = [{study.name: Kept(study, SEEDS[0], ("x", "y"), listed)}]
    whole = calibration_report.summary(runs)
    assert (whole["tables"].item(), whole["verdict"].item()) == (940, "inside")
    judged = calibration_report.by_engine(runs).set_index("engine")["verdict"]
    assert judged.to_dict() == {"lockstep": "inside", "nuts": "outside"}
    assert calibration_report.engines(runs).set_index("engine")["tables"].to_dict() == {"lockstep": 900, "nuts": 40}
    gates = calibration_report.gates(runs).set_index(["engine", "gate"])["tables"].to_dict()
    assert gates == {("exact", "terms"): 940, (NOBODY, "gave up"): 1}


@pytest.mark.parametrize(("name", "engine"), [("counts_none", "exact"), ("weibull_landmark", "lockstep")])
def test_a_table_is_ranked_by_the_engine_that_auto_picks(name: str, engine: str) -> None:
    entry = calibration_ranks.ranks_of(STUDIES[name], 0, SEEDS[0])
    assert entry["engine"] == engine
    assert set(entry["refused"]) == set(ENGINES[: ENGINES.index(engine)])
    assert all(0 <= rank <= RANKED for rank in entry["ranks"].values())


def test_calibration_by_auto_catches_a_planted_fault() -> None:
    """Of the likelihood, in few tables, by an engine that needs no compiler."""
    bug = next(bug for bug in planted_bugs.BUGS if bug.name == "flipped sign")
    study, outside = planted_bugs.study_of(bug.study), {}
    for name, fault in (("clean", nullcontext()), ("planted", planted_bugs.planted(bug))):
        with fault:
            entries = [calibration_ranks.ranks_of(study, number, SEEDS[0]) for number in range(12)]
        assert {entry["engine"] for entry in entries} == {"lockstep"}
        ranks = {key: np.array([entry["ranks"][key] for entry in entries]) for key in entries[0]["ranks"]}
        outside[name] = planted_bugs.worst(ranks)[2]
    assert outside["clean"] == 0
    assert outside["planted"] > 0


def test_every_number_of_the_result_is_of_the_studies() -> None:
    table = pd.read_csv(calibration_report.TABLE)
    first = table[table["seed"] == SEEDS[0]]
    assert set(first["study"]) == set(COMMITTED)
    out = (table["share of band"] > 1) == (table["inside"] == "NO")
    assert out.all()
    said = (results.FOLDER / f"{calibration_report.NAME}.md").read_text(encoding="utf-8")
    assert all(f"| {study} |" in said for study in COMMITTED)


SLOW = ("prior counted twice", "wrong Jacobian", "recorded ages ignored", "accelerated sign")
"""Left to the benchmark: seconds each."""


@pytest.mark.parametrize("bug", [bug for bug in planted_bugs.BUGS if bug.name not in SLOW], ids=lambda bug: bug.name)
def test_a_law_catches_a_planted_fault(bug: planted_bugs.Bug) -> None:
    assert planted_bugs.law_catches(bug)


@pytest.mark.parametrize("number", [16, 31])
def test_a_gompertz_chain_leaves_where_it_started(number: int) -> None:
    """Both stayed for good at a shape near 1 a month (R-hat 3) while every start was scattered by 1."""
    study, seed = STUDIES["gompertz"], 20261125
    table = simulate(study, np.random.default_rng([seed, *study.name.encode(), number]))
    settings = {"draws": 300, "tune": 400, "chains": 2}
    sampled = engines.run(make_design(study.model, table.frame), seed + number, settings, "nuts", progress=False)
    assert sampled.convergence["rhat"] < 1.05
    assert np.abs(sampled.drawn.parameters["shape"]).max() < 0.5  # ten standard deviations of its prior
