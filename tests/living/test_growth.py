"""A dataset that grows by a case, or is coded or held to priors otherwise: what moved, why, and what is written."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, special, stats

import casepool as cp
from casepool.living import adding
from casepool.living.chain import FILE, lines_of
from casepool.living.states import table_digest
from tests.living.datasets import CASE, QUIET, RESPONSE, crizotinib, estimates, files, grown, small

OTHER = {"patient": "j", "site": "trunk", "response": "yes", "months": 2.5, "died": True}
NARROW = {"dist": "HalfNormal", "sigma": 0.5, "why": "test"}
PARTS = ("data", "coding", "prior")


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The bundled table with another patient with EIMT and stable disease, case 5 a responder, and a narrower prior."""
    folder = crizotinib(tmp_path_factory.mktemp("reference") / "crizotinib")
    case = {"patient": 34, "histology": "EIMT", "best_response": "SD"}
    changed = {"coding": {"case_5": "responder"}, "priors": {"histology": {"histology_sd": NARROW}}}
    return cp.add(folder, case, **changed, **QUIET)


def test_the_parts_are_those_of_exact_grids(reference: pd.DataFrame) -> None:
    row = next(row for row in estimates(reference).values() if row["level"] == "EIMT")
    expected = {"was": 0.8949, "estimate": 0.8445, "data": -0.0405, "coding": 0.0036, "prior": -0.0136}
    expected |= {"data_in_order": -0.0467, "coding_in_order": 0.0039, "prior_in_order": -0.0077}
    for name, value in expected.items():
        assert row[name] == pytest.approx(value, abs=0.004), name  # 0.10 posterior sd is 0.006, four errors 0.004
    assert row["statistic"] == "mean"
    foreseen = reference[reference["kind"] == "foreseen"].iloc[0]
    assert (foreseen["level"], foreseen["estimate"]) == ("34", pytest.approx(0.105, abs=0.006))


def test_parts_add_up_and_small_ones_are_said(reference: pd.DataFrame) -> None:
    rows = [row for row in estimates(reference).values() if np.isfinite(row["was"])]
    assert len(rows) > 5
    for row in rows:
        assert sum(row[name] for name in PARTS) == pytest.approx(row["total"], abs=1e-12)
        assert sum(row[f"{name}_in_order"] for name in PARTS) == pytest.approx(row["total"], abs=1e-12)
        assert row["total"] == pytest.approx(row["estimate"] - row["was"], abs=1e-12)
        small_ones = [name for name in PARTS if abs(row[name]) < 2 * row[f"{name}_mcse"]]
        said = row["note"].removesuffix(": not more than the draws can tell")
        assert said == " and ".join(small_ones)
    new = estimates(reference)["histology", "mean probability of the level's own patients", "STUMP", ""]
    assert np.isnan(new["was"])  # its one patient is case 5
    assert "no such number before" in str(reference)


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same two cases added one after the other, the other way about, and both at once."""
    folder = tmp_path_factory.mktemp("orders")
    made = {name: small(folder / name) for name in ("ab", "ba", "both")}
    for case in (CASE, OTHER):
        grown(made["ab"], case)
    for case in (OTHER, CASE):
        grown(made["ba"], case)
    grown(made["both"], [CASE, OTHER])
    return made


def test_the_order_of_two_cases_does_not_matter(both_ways: dict[str, Path]) -> None:
    last = {name: lines_of(folder)[-1] for name, folder in both_ways.items()}
    assert len({line["table"] for line in last.values()}) == 1
    assert len({line["id"] for line in last.values()}) == 3
    for rows in zip(*(line["estimates"] for line in last.values()), strict=True):
        for one, other in itertools.pairwise(rows):
            assert abs(one["estimate"] - other["estimate"]) < 4 * np.hypot(one["mcse"], other["mcse"])


def test_an_ingredient_that_did_not_change_has_no_part(both_ways: dict[str, Path]) -> None:
    for folder in both_ways.values():
        table = cp.history(folder, estimates=True)
        own = table[(table["kind"] == "estimate") & (table["by"] != "")]
        assert (own[["coding", "prior", "coding_in_order", "prior_mcse"]] == 0).all(axis=None)
        assert (own["data"] == own["total"]).all()
        assert (own["total"] != 0).all()


def test_taking_a_case_out_restores_the_digest(both_ways: dict[str, Path], tmp_path: Path) -> None:
    folder = both_ways["ab"]
    first, second = lines_of(folder)
    assert table_digest(cp.read_cases(folder)) == second["table"]
    kept = (folder / "cases.csv").read_text("utf-8").splitlines(keepends=True)
    turned = [*kept[:1], *kept[-2:0:-1]]  # and rows the other way about
    without = small(tmp_path / "without", rows="".join(turned))
    assert table_digest(cp.read_cases(without)) == first["table"]
    frame = cp.read_cases(without)
    assert table_digest(frame[frame.columns[::-1]]) == first["table"]
    assert table_digest(frame.assign(months=frame["months"] + 1e-9)) != first["table"]


def test_a_case_without_the_outcome_moves_no_estimate(tmp_path: Path) -> None:
    folder = small(tmp_path / "made", "response", "survival")
    table = grown(folder, {"patient": "i", "site": "arm", "months": 12})
    for row in estimates(table).values():
        assert (row["total"], row["total_mcse"]) == (0.0, 0.0)
    told = table[table["kind"] == "foreseen"].set_index("model")
    assert told["note"].to_dict() == {"response": "no response", "survival": "no died"}
    assert told["estimate"].isna().all()


def test_a_case_and_a_table_changed_by_hand_say_the_same(tmp_path: Path) -> None:
    """What `was` is for: the same row, written by an editor."""
    one, other = (small(tmp_path / name) for name in ("one", "other"))
    for folder in (one, other):
        cp.add(folder, **QUIET)
    added = grown(one)
    before = cp.read_cases(other)
    (other / "cases.csv").write_bytes((one / "cases.csv").read_bytes())
    with pytest.raises(cp.CasepoolError, match=r"changed since by other means.*--was"):
        cp.add(other, **QUIET)
    pd.testing.assert_frame_equal(pd.DataFrame(cp.add(other, was=before, **QUIET)), pd.DataFrame(added))
    assert lines_of(one)[-1]["rows"] == lines_of(other)[-1]["rows"] == {"added": ["i"], "changed": [], "removed": []}
    (other / "cases.csv").write_text((one / "cases.csv").read_text("utf-8").replace("a,limb,yes", "a,limb,no"))
    cp.add(other, was=one, **QUIET)
    assert lines_of(other)[-1]["rows"] == {"added": [], "changed": ["a"], "removed": []}
    with pytest.raises(cp.CasepoolError, match="nothing changed since"):
        cp.add(other, **QUIET)


def test_choices_and_priors_hold_until_they_are_taken_back(tmp_path: Path) -> None:
    folder = small(tmp_path / "made")
    first = cp.add(folder, **QUIET)
    assert (first.loc[first["kind"] == "estimate", "total"] == 0).all()
    coded = cp.add(folder, coding={"case_b": "responder"}, **QUIET)
    assert (coded["coding"].abs() > 0).all()
    grown(folder, priors={"response": {"site_sd": NARROW}})
    table = cp.history(folder)
    assert table["coding"].tolist() == ["", "case_b responder", "case_b responder"]
    assert table["priors"].tolist() == ["", "", "response site_sd"]
    assert "sigma = 0.5" in lines_of(folder)[-1]["models"]["response"]
    back = cp.add(folder, coding={"case_b": "as_recorded"}, **QUIET)
    assert (back[list(PARTS[::2])] == 0).all(axis=None)
    (folder / "response.toml").write_text(RESPONSE.replace("sigma = 1.5", "sigma = 1.0"), "utf-8")
    edited = cp.add(folder, **QUIET)
    assert (edited["prior"] == edited["total"]).all()
    assert (edited["prior"] != 0).all()
    assert "sigma = 0.5" in lines_of(folder)[-1]["models"]["response"]
    assert set(cp.verify(folder, progress=False)["verdict"]) == {"pass"}


def survival_by_grid(time: float) -> float:
    """P(no event by then) of an exponential law whose log hazard is N(-3, 1), given the eight patients."""
    events, months = 3, 4 + 9.5 + 12 + 7 + 3 + 15 + 20 + 6

    def posterior(x: float, more: float = 0.0) -> float:
        return float(stats.norm.pdf(x, -3, 1) * np.exp(events * x - np.exp(x) * (months + more)))

    return integrate.quad(posterior, -10, 3, args=(time,))[0] / integrate.quad(posterior, -10, 3)[0]


def test_how_probable_a_follow_up_was(tmp_path: Path) -> None:
    told = {}
    for died in (True, False):
        table = grown(small(tmp_path / str(died), "survival"), CASE | {"died": died})
        told[died] = table[table["kind"] == "foreseen"].iloc[0]
    assert told[True]["estimate"] + told[False]["estimate"] == pytest.approx(1, abs=1e-12)
    assert "no event" in told[False]["estimand"]
    assert told[False]["estimate"] == pytest.approx(survival_by_grid(5.0), abs=4 * told[False]["mcse"] + 1e-4)


def test_how_probable_the_outcome_of_a_level_nobody_had_was(tmp_path: Path) -> None:
    """By Gauss-Hermite quadrature over intercept, standard deviation, the two levels' effects and the new one."""
    table = grown(small(tmp_path / "made"), CASE | {"site": "arm"})
    told = table[table["kind"] == "foreseen"].iloc[0]
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    intercept, sd = 1.5 * nodes[:, None, None], np.abs(nodes)[None, :, None]
    p = special.expit(intercept + sd * nodes[None, None, :])

    def average(values: np.ndarray) -> np.ndarray:
        return (values * weights).sum(axis=-1)

    joint = average(p**3 * (1 - p)) * average(p * (1 - p) ** 2)
    prior = weights[:, None] * weights[None, :]
    normal = np.sqrt(2 * np.pi)
    chance = (prior * joint * average(1 - p)).sum() / (prior * joint).sum() / normal
    assert told["estimate"] == pytest.approx(chance, abs=4 * told["mcse"])


def test_nothing_is_written_where_the_history_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small(tmp_path / "made")
    before = files(folder)

    def full(*_: object) -> None:
        raise cp.CasepoolError("cannot write there (No space left on device)", remedy="choose another folder")

    monkeypatch.setattr(adding, "append", full)
    with pytest.raises(cp.CasepoolError, match="No space left"):
        grown(folder)
    assert files(folder) == before


def test_a_printed_claim_that_no_longer_holds_is_named(tmp_path: Path) -> None:
    folder = small(tmp_path / "made")
    claims = [
        {"id": "limbs", "where": "text", "printed": "4", "convention": "count", "statistic": "count"},
        {"id": "trunks", "where": "text", "printed": "4", "convention": "count", "statistic": "count"},
    ]
    text = "".join(
        "[[claim]]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in claim.items())
        + f'[claim.arguments]\nwhere = {{ site = "{claim["id"][:-1]}" }}\n'
        for claim in claims
    )  # fmt: skip
    (folder / "published.toml").write_text(text, "utf-8")
    table = grown(folder)
    changed = table[table["kind"] == "claim"]
    assert changed[["estimand", "verdict_was", "verdict"]].values.tolist() == [
        ["limbs", "reproduces", "cannot be reproduced"]
    ]
    assert cp.history(folder)["claims"].tolist() == ["limbs"]
    assert (folder / FILE).read_bytes().count(b"\n") == 1
