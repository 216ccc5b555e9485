"""A multiverse asks every combination once, keeps what is finished, and starts again where it stopped."""

import importlib
import json
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import casepool as cp
from casepool.cases.reading import resolve_typed
from casepool.inference.fitting import planned
from casepool.plotting import plot_multiverse
from casepool.tables import COLUMNS

FEW = {"draws": 200, "chains": 2}
CHOICES = {"surgery": ["any_text", "any_adjuvant"], "adjuvant": ["left_out"]}


@pytest.fixture(scope="module")
def worlds() -> pd.DataFrame:
    return cp.multiverse(
        "overall_survival", "alk_crizotinib", by="surgery", seed=1, codings=CHOICES, progress=False, **FEW
    )


def test_every_combination_is_there_once_as_recorded_first(worlds: pd.DataFrame) -> None:
    rows = worlds[worlds["estimand"] == "hazard ratio"]
    pairs = list(zip(rows["surgery"], rows["adjuvant"], strict=True))
    assert pairs[0] == ("as_recorded", "as_recorded")
    assert len(set(pairs)) == len(pairs) == 3 * 2


def test_counts_follow_the_coding(worlds: pd.DataFrame) -> None:
    """Patient 12 has a survival time and is the only adjuvant one who has; 19 is the one the text adds."""
    rows = worlds[worlds["estimand"] == "hazard ratio"].set_index(["surgery", "adjuvant"])
    assert rows.loc[("as_recorded", "left_out"), "n"] == 27
    exposed = rows["note"].str.extract(r"(\d+) exposed")[0].astype(int)
    assert exposed[("as_recorded", "as_recorded")] == 10
    assert exposed[("any_text", "as_recorded")] == 11
    assert exposed[("any_adjuvant", "as_recorded")] == 11
    assert exposed[("any_adjuvant", "left_out")] == 10


def test_combinations_that_leave_the_same_data_share_their_answer(worlds: pd.DataFrame) -> None:
    rows = worlds[worlds["estimand"] == "hazard ratio"].set_index(["surgery", "adjuvant"])["estimate"]
    assert rows[("any_adjuvant", "left_out")] == rows[("as_recorded", "left_out")]
    assert rows[("any_text", "left_out")] != rows[("as_recorded", "left_out")]


def test_a_refit_in_the_multiverse_is_the_fit_of_the_recoded_table(worlds: pd.DataFrame) -> None:
    cases = cp.recode(cp.load("alk_crizotinib"), surgery="any_text", adjuvant="left_out")
    alone = cp.contrast(cp.fit("overall_survival", cases, seed=1, progress=False, **FEW), "surgery")
    rows = worlds[(worlds["surgery"] == "any_text") & (worlds["adjuvant"] == "left_out")].reset_index(drop=True)
    assert rows["estimate"].tolist() == alone["estimate"].tolist()


def test_a_kill_half_way_loses_nothing_finished(tmp_path, worlds: pd.DataFrame) -> None:
    journal = tmp_path / "journal.jsonl"
    code = (
        "import casepool as cp; cp.multiverse('overall_survival', 'alk_crizotinib', by='surgery', seed=1, "
        f"codings={CHOICES!r}, journal={str(journal)!r}, progress=False, engine='auto', **{FEW!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (journal.exists() and journal.read_text().count('"key"') >= 2):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with journal.open("a") as file:
        file.write('{"key": "cut sho')  # what a crash in the middle of a write leaves
    finished = {json.loads(line)["key"] for line in journal.read_text().splitlines() if line.endswith('"}')}
    assert len(finished) >= 2
    table = cp.multiverse(
        "overall_survival",
        "alk_crizotinib",
        by="surgery",
        seed=1,
        codings=CHOICES,
        journal=journal,
        progress=False,
        **FEW,
    )
    pd.testing.assert_frame_equal(table, worlds)
    keys = [json.loads(line)["key"] for line in journal.read_text().splitlines() if line.endswith('"}')]
    assert len(keys) == len(set(keys)) == 5
    assert finished <= set(keys)


def test_another_seed_or_question_is_another_answer(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a journal is used again for what it does not answer."""
    asked = []
    target = importlib.import_module("casepool.studies.worlds")
    monkeypatch.setattr(target, "fit_by", lambda choice, plan, model, frame, codebook, what: (plan.seed, len(frame)))
    monkeypatch.setattr(target, "open_draws", lambda fit: fit)
    answer = pd.DataFrame([dict.fromkeys(COLUMNS, "x") | {"note": ()}])
    monkeypatch.setattr(target, "ask_facts", lambda name, fit, by: asked.append((name, fit)) or answer)
    for seed, estimand in ((1, "contrast"), (1, "contrast"), (2, "contrast"), (1, "survival")):
        cp.multiverse(
            "overall_survival", "alk_crizotinib", by="surgery", seed=seed, estimand=estimand,
            codings={"adjuvant": ["left_out"]}, journal=tmp_path / "j", progress=False,
        )  # fmt: skip
    assert asked == [
        ("contrast", (1, 33)), ("contrast", (1, 31)), ("contrast", (2, 33)), ("contrast", (2, 31)),
        ("survival", (1, 33)), ("survival", (1, 31)),
    ]  # fmt: skip


def test_another_version_of_casepool_answers_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    target = importlib.import_module("casepool.studies.worlds")
    chosen, now = cp.model("overall_survival"), target.versions()
    world = target.World(chosen, *resolve_typed("alk_crizotinib"), "as recorded", {})
    keys = set()
    for number in ("0.1.0", cp.__version__, now["casepool"]):
        monkeypatch.setattr(target, "versions", lambda number=number: now | {"casepool": number})
        keys.add(target._key(world, planned(seed=1), "nuts", target.Question("contrast", "surgery")))
    assert len(keys) == 2


def test_the_curve_shows_every_combination(worlds: pd.DataFrame) -> None:
    ax = plot_multiverse(worlds)
    points = [line for line in ax.lines if line.get_marker() in "ox" and line.get_markerfacecolor() != "none"]
    drawn = sorted((x, y) for line in points for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True))
    assert [x for x, _ in drawn] == list(range(6))
    assert (pd.Series([y for _, y in drawn]).diff().dropna() >= 0).all()
    labels = [tick.get_text() for tick in ax.child_axes[0].get_yticklabels()]
    assert labels == [
        "surgery: as recorded",
        "surgery: any text",
        "surgery: any adjuvant",
        "adjuvant: as recorded",
        "adjuvant: left out",
    ]
    with pytest.raises(cp.CasepoolError, match="no codings"):
        plot_multiverse(worlds.drop(columns=["surgery", "adjuvant"]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"codings": {"surgery": ["never"]}}, "no such choice of 'surgery'"),
        ({"codings": {"surgry": ["any_text"]}}, "no such decision"),
        ({"codings": {"surgery": "any_text"}}, "choices are a list"),
        ({"estimand": "guess"}, "choose one of contrast"),
    ],
)
def test_refusals_come_before_any_fit(arguments: dict, said: str) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        cp.multiverse("overall_survival", "alk_crizotinib", by="surgery", seed=1, progress=False, **arguments)


def test_decisions_and_choices_are_listed() -> None:
    table = cp.codings("alk_crizotinib")
    first = table.groupby("decision", sort=False).first()
    assert (first["choice"] == "as_recorded").all()
    assert {"surgery", "surgery_dates", "adjuvant", "case_5", "deaths_of_complications", "survival_floors"} <= set(
        first.index
    )
    assert (table[table["choice"] != "as_recorded"]["why"].str.len() > 20).all()
    assert len(table[table["decision"] == "surgery"]) == 6


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("objective_response", {"by": "histology", "estimand": "survival"}),
        ("objective_response", {"by": "patient"}),
        ("overall_survival", {"by": "best_response"}),
    ],
)
def test_what_no_fit_could_answer_is_refused_before_anything_is_drawn(model, asked, monkeypatch) -> None:
    module = importlib.import_module("casepool.studies.worlds")
    monkeypatch.setattr(module, "fit_by", lambda *_, **__: pytest.fail("drawn"))
    with pytest.raises(cp.CasepoolError):
        cp.multiverse(model, "alk_crizotinib", seed=1, progress=False, codings=CHOICES, **asked)
