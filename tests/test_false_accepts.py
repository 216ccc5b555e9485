"""The count of false accepts: a wrong engine is caught, a right one is not; nothing is lost or counted twice."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

from benchmarks import accepting, engines, false_accepts, false_accepts_report
from benchmarks.accepting import judged, known_structures
from benchmarks.engines import Refused, distance, moments
from benchmarks.reported_numbers import numbers
from benchmarks.simulated_tables import HARD, USUAL, simulated
from casepool.checking.reported import reported
from casepool.errors import CasepoolError
from casepool.estimation.draws import open_draws
from casepool.inference.evidence import false_accepts as record
from casepool.inference.graph import structure_key
from casepool.modelling import make_design

STRUCTURES = known_structures()
CHEAP = STRUCTURES["counts_none"]


def bent(tree: xr.DataTree, name: str, bend) -> xr.DataTree:
    """The fit with one parameter's draws changed."""
    whole = tree["posterior"].to_dataset()
    changed = tree.copy()
    changed["posterior"] = xr.DataTree(whole.assign({name: bend(whole[name])}))
    return changed


# What is compared


def test_moments_are_those_of_independent_draws() -> None:
    rng = np.random.default_rng(1)
    found = moments(rng.normal(3.0, 2.0, (4, 5_000, 40)))
    assert np.abs((found.mean - 3.0) / found.error).max() < 4.0
    assert np.abs((np.log(found.sd) - np.log(2.0)) / found.log_error).max() < 4.0
    np.testing.assert_allclose(found.error, 2.0 / np.sqrt(20_000), rtol=0.15)
    np.testing.assert_allclose(found.log_error, 1 / np.sqrt(2 * 20_000), rtol=0.15)


@pytest.mark.parametrize(("shift", "stretch"), [(0.0, 1.0), (0.3, 1.0), (0.0, 1.4), (0.0, 0.7)])
def test_what_is_off_in_mean_or_spread_is_told(shift, stretch) -> None:
    rng = np.random.default_rng(2)
    ours = moments(shift + stretch * rng.standard_normal((4, 2_000, 30)))
    off = distance(ours, moments(rng.standard_normal((4, 4_000, 30))), 0.15)
    assert (off[0] > 1).all() == (shift > 0)
    assert (off[1] > 1).all() == (stretch != 1.0)
    assert (off.max() < 1) == (shift == 0 and stretch == 1.0)


def test_a_constant_of_both_is_not_off_and_of_one_it_is() -> None:
    constant, moving = np.full((4, 100, 1), 2.0), np.random.default_rng(3).normal(2.0, 1.0, (4, 100, 1))
    assert (distance(moments(constant), moments(constant), 0.15) == 0).all()
    assert distance(moments(constant), moments(moving), 0.15)[1, 0] > 10
    assert distance(moments(moving * 1e-77), moments(moving * 1e-142), 0.15).max() < 1e-6


@pytest.mark.parametrize(("false", "accepted"), [(0, 1200), (1, 1200), (3, 40)])
def test_the_upper_limit_is_where_so_few_are_seen_once_in_twenty(false, accepted) -> None:
    limit = false_accepts_report.upper_limit(false, accepted)
    assert stats.binom.cdf(false, accepted, limit) == pytest.approx(0.05, abs=1e-9)
    assert false_accepts_report.upper_limit(4, 4) == false_accepts_report.upper_limit(0, 0) == 1.0


# Tables


@pytest.mark.parametrize("name", STRUCTURES)
def test_tables_of_a_structure_share_a_graph(name) -> None:
    """But for an exposure that nobody or somebody had."""
    keys = set()
    for number, hard in enumerate((USUAL, HARD["one patient a level"], HARD["much missing"], HARD["all of them"])):
        frame = simulated(STRUCTURES[name], hard, np.random.default_rng([number, *name.encode()]))
        keys.add(structure_key(make_design(STRUCTURES[name].model, frame)))
    assert len(keys) <= 1 + bool(STRUCTURES[name].model.exposures)


def test_hard_tables_are_hard_as_described() -> None:
    def rates(how: str) -> np.ndarray:
        frame = simulated(STRUCTURES["counts_partial"], HARD[how], np.random.default_rng(4))
        return (frame["events"] / frame["n"]).to_numpy()

    assert set(rates("separated")) == {0.0, 1.0}
    assert (rates("none of them") < 0.1).all()
    assert np.ptp(rates("no difference")) < 0.6
    few = simulated(STRUCTURES["exponential"], HARD["none of them"], np.random.default_rng(5))
    assert few["event"].mean() < 0.1
    ties = simulated(STRUCTURES["exponential"], HARD["ties"], np.random.default_rng(6))
    assert ties["time"].nunique() <= 6
    much = simulated(STRUCTURES["patients_missing_label"], HARD["much missing"], np.random.default_rng(7))
    assert much["kind"].isna().mean() > 0.2


# One table


@pytest.fixture(scope="module")
def fitted() -> xr.DataTree:
    frame = simulated(CHEAP, USUAL, np.random.default_rng(8))
    return engines.fit("nuts", CHEAP.model, frame, seed=1)


def test_numbers_are_those_of_the_tables(fitted) -> None:
    """A logit's mean lies near the median of the probability, a difference is as printed."""
    told, table = numbers(fitted), reported(open_draws(fitted))
    found = dict(zip(told.names, told.moments.mean, strict=True))
    assert len(told.names) == len(table)
    differences = table[table["unit"] == "difference"]
    names = [", ".join((row.estimand, row.by, row.level)) for row in differences.itertuples()]
    np.testing.assert_allclose([found[name] for name in names], differences["mean"], rtol=1e-10)
    chances = table[table["method"] == "posterior probability"]
    assert told.chances.sum() == len(chances) > 0
    own = table[(table["unit"] == "probability") & (table["method"] == "posterior") & table["level"].ne("everyone")]
    own = own[own["estimand"] == own["estimand"].iloc[0]]
    means = [found[", ".join((row.estimand, row.by, row.level))] for row in own.itertuples()]
    assert (np.abs(special.expit(means) - own["estimate"]) < 0.5 * own["sd"]).all()
    assert len(own) == CHEAP.levels


WRONG = {
    "shifted": lambda values: values + 0.5 * values.std(("chain", "draw")),
    "too narrow": lambda values: values.mean(("chain", "draw")) + 0.6 * (values - values.mean(("chain", "draw"))),
}


@pytest.mark.parametrize("how", ["right", *WRONG])
def test_a_wrong_engine_is_caught_and_a_right_one_is_not(how) -> None:
    """The stand-in is nuts itself, its draws of one parameter moved or drawn together."""

    def stand_in(engine, model, frame, **asked) -> xr.DataTree:
        found = engines.fit("nuts", model, frame, **asked)
        return found if how == "right" else bent(found, "kind_effect", WRONG[how])

    entry = judged(CHEAP, "prior", 0, 9, ["wrong"], stand_in)
    assert entry["outcome"] == ("agrees" if how == "right" else "false"), entry
    assert entry["engine"] == "wrong"
    assert entry["suspect"] == (how != "right")


def test_what_an_engine_refuses_the_next_one_is_asked(monkeypatch) -> None:
    def refusing(engine, *_, **__):
        raise Refused(f"gate of {engine}")

    entry = judged(CHEAP, "hard", 0, 9, ["exact", "lockstep"], refusing)
    assert entry["outcome"] == "refused"
    assert entry["refused"] == {"exact": "gate of exact", "lockstep": "gate of lockstep"}

    def unusable(*_):
        raise CasepoolError("nobody has an outcome", remedy="none")

    monkeypatch.setattr(accepting, "simulated", unusable)
    assert judged(CHEAP, "hard", 1, 9, ["exact"], refusing)["outcome"] == "unusable"


# The count


@pytest.fixture
def journal(tmp_path, monkeypatch):
    """A journal with a seed drawn; every third table of a cheap structure is refused, every one of `all refused` is."""

    def quick(structure, half, number, seed, asked, fit):
        gone = number % 3 == 2 or structure.name == "counts_exnex"
        accepted = {"engine": "exact", "suspect": False, "off": 0.2, "what": "mean of x", "refused": {}}
        found = {"outcome": "refused", "refused": {"exact": "k"}} if gone else {"outcome": "agrees", **accepted}
        entry = {"structure": structure.name, "half": half, "number": number, "seed": seed, "how": "", "seconds": 1.0}
        return entry | found

    monkeypatch.setattr(false_accepts, "judged", quick)
    path = tmp_path / "journal.jsonl"
    false_accepts.draw_seed(path)
    return path


def work(journal, quota: int, names=("counts_none", "counts_exnex"), until: float = np.inf) -> list[dict]:
    false_accepts.work(names, quota, journal, ["exact"], until)
    return false_accepts.finished(journal, false_accepts.seed_of(journal))


def test_refused_tables_are_replaced_until_the_quota_or_the_end_of_patience(journal) -> None:
    done = work(journal, 4)
    assert sum(entry["outcome"] == "agrees" for entry in done if entry["structure"] == "counts_none") == 8
    assert sum(entry["structure"] == "counts_exnex" for entry in done) == 2 * false_accepts.MOST_TRIED * 4


def test_a_kill_loses_one_table_at_most_and_none_is_judged_twice(journal) -> None:
    before = work(journal, 2)
    journal.write_bytes(journal.read_bytes()[:-30])  # torn in the midst of the last line
    assert len(false_accepts.finished(journal, false_accepts.seed_of(journal))) == len(before) - 1
    after = work(journal, 2)
    assert {tuple(map(str, entry.values())) for entry in after} == {tuple(map(str, entry.values())) for entry in before}
    lines = [json.loads(line) for line in journal.read_text().splitlines() if line.endswith("}")]
    assert len(lines) == len(before) + 1  # and the seed
    work(journal, 2)
    assert len(false_accepts.finished(journal, false_accepts.seed_of(journal))) == len(before)


def test_a_journal_cut_short_has_as_many_tables_of_each(journal) -> None:
    done = work(journal, 3, names=("counts_none", "counts_partial"))
    first = [(entry["structure"], entry["half"]) for entry in done[:8]]
    assert all(first.count(cell) == 2 for cell in first)
    assert work(journal, 9, until=0.0) == done  # no time left: nothing is begun


def test_the_seed_is_drawn_once_and_other_engines_make_lines_stale(journal, monkeypatch) -> None:
    with pytest.raises(SystemExit):
        false_accepts.draw_seed(journal)
    seed, done = false_accepts.seed_of(journal), work(journal, 2)
    assert done
    monkeypatch.setattr(false_accepts, "of_this", lambda: "another engine")
    assert false_accepts.finished(journal, seed) == []
    assert false_accepts.seed_of(journal) is None


def test_the_record_says_what_was_counted(journal, tmp_path, monkeypatch) -> None:
    done = work(journal, 4)
    done[0] = {**done[0], "outcome": "false", "suspect": True, "off_again": 1.3, "what_again": "sd of x"}
    monkeypatch.setattr(false_accepts_report.results, "FOLDER", tmp_path)
    page = false_accepts_report.write(done, 7, tmp_path / "record.toml").read_text(encoding="utf-8")
    found = record(tmp_path / "record.toml")
    assert found.current
    assert (found.all.accepted, found.all.false, found.draw_seed) == (8, 1, 7)
    assert found.all.upper == pytest.approx(stats.beta.ppf(0.95, 2, 7), abs=1e-6)
    assert found.structure["counts_exnex"].upper == 1.0
    assert "sd of x" in page
    assert "| exact | k | counts_exnex | 24 |" in page
