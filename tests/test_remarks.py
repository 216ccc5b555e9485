"""Remarks are for readers: nothing hangs on their words, and what they hold of patients is marked by slot."""

import ast
import re
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool import remarks
from casepool.checking.reported import reported
from casepool.estimation.draws import open_draws
from casepool.remarks import BETWEEN, WORDS, Count, Patients, note_of, parts, remark, with_remarks
from casepool.reporting.layouts import ratios
from casepool.tables import KINDS, estimate_table
from tests.small import normal, survival_model

SOURCE = Path(cp.__file__).parent
SLOT = re.compile(r"{(\w+)}")


def reworded() -> dict[str, str]:
    """Other words of every kind, with the same slots."""
    slots = {kind: " ".join(f"{{{name}}}" for name in SLOT.findall(words)) for kind, words in WORDS.items()}
    return {kind: f"«{place}» {own}" for place, (kind, own) in enumerate(slots.items())}


def kinds_in_source() -> set[str]:
    """Kinds that some call of `remark` names, wherever in its first argument."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "remark":
                own = [leaf for leaf in ast.walk(node.args[0]) if isinstance(leaf, ast.Constant)]
                found |= {leaf.value for leaf in own if isinstance(leaf.value, str)}
    return found


def test_every_kind_has_words_and_is_said_somewhere() -> None:
    named = kinds_in_source() | {"integrated", "summed"}  # one of two, chosen on the line before
    assert set(WORDS) - named == set()


def test_no_words_hold_what_stands_between_remarks() -> None:
    assert not [kind for kind, words in WORDS.items() if BETWEEN.strip() in words]
    said = remark("nobody reached", codes="a; b") + remark("no patient")
    assert parts(note_of(said)) == ["nobody in the fit reached a, b", "no patient"]


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(KeyError):
        remark("nonsense")
    with pytest.raises(KeyError, match="no such kind of number"):
        estimate_table([{"kind": "nonsense"}])


@pytest.mark.parametrize(
    ("slot", "public", "private"),
    [
        (Count(0), "0", "0"),
        (Count(1, "survivor"), "1 survivor", "1† survivor"),
        (Count(2, "relapse"), "2 relapses", "2† relapses"),
        (Count(3, "patient"), "3 patients", "3 patients"),
        (Patients(("p7", "p9")), "p7, p9", "2†"),
        (remark("left out for", n=Count(1, "patient"), reason="no sex"), "1 patient (no sex)", "1† patient (no sex)"),
    ],
)
def test_counts_are_marked_and_patients_withheld_by_slot(slot, public: str, private: str) -> None:
    said = remark("incomplete", parts=slot)
    assert note_of(said) == public
    assert note_of(said, public=False) == private


def test_remarks_stand_before_or_after_what_a_row_says() -> None:
    table = pd.DataFrame({"note": ["", "no patient"]})
    table.attrs["public"] = False
    few = remark("at risk", n=Count(2))
    assert with_remarks(table, few)["note"].tolist() == ["2† at risk", "2† at risk; no patient"]
    assert with_remarks(table, few, last=True)["note"].tolist() == ["2† at risk", "no patient; 2† at risk"]


def cohort(*, public: bool) -> pd.DataFrame:
    """Eight patients, two of them exposed, of whom one died."""
    frame = pd.DataFrame(
        {
            "patient": [f"p{i}" for i in range(8)],
            "time": [3.0, 9.0, 12.0, 5.0, 20.0, 30.0, 8.0, 14.0],
            "event": [True, False, True, True, False, True, True, False],
            "surgery": [True, True] + [False] * 6,
        }
    )
    columns = {name: {"type": "boolean"} for name in ("event", "surgery")} | {"time": {"type": "number"}}
    book = {"name": "small", "public": public, "id": "patient", "columns": columns | {"patient": {"type": "text"}}}
    frame.attrs["codebook"] = book
    return frame


MODEL = survival_model({"intercept": normal(1.0, -3.0), "surgery_effect": normal(1.0)}, exposure={"as": "baseline"})


def test_small_counts_of_a_private_table_are_marked_in_every_note() -> None:
    """Of each number of patients that a note holds, whatever words stand around it."""
    fit = cp.fit(MODEL, cohort(public=False), seed=1, engine="lockstep", progress=False)
    exposed = cp.contrast(fit, "surgery")["note"]
    assert exposed.str.contains("2† exposed with 1† events", regex=False).all()
    raw = cp.classical(MODEL, cohort(public=False), "surgery")["note"]
    assert not raw.str.contains(r"(?<![\d.])[12] (?:at risk|observed)", regex=True).any()


def test_numbers_and_typed_columns_do_not_hang_on_words(monkeypatch, response_fit, survival_fit) -> None:
    fits = [open_draws(fit) for fit in (response_fit, survival_fit)]
    before = [reported(fitted) for fitted in fits]
    checks = [cp.check(fitted.tree, refits=False, progress=False) for fitted in fits]
    monkeypatch.setattr(remarks, "WORDS", reworded())
    for fitted, was, asked in zip(fits, before, checks, strict=True):
        now = reported(fitted)
        assert (now["note"] != was["note"])[was["note"] != ""].all()
        pd.testing.assert_frame_equal(now.drop(columns="note"), was.drop(columns="note"))
        again = cp.check(fitted.tree, refits=False, progress=False)
        pd.testing.assert_frame_equal(again.drop(columns="sentence"), asked.drop(columns="sentence"))
        assert set(now["kind"]) <= set(KINDS)


def outline(page: str) -> list[str]:
    """A page's elements, and the text of all cells but what stands small in them."""
    page = re.sub(r'src="data:[^"]*"', "", page)
    return re.findall(r"<(?:h\d|table|tr|td|th|figure|section|details)\b|×", page)


def test_a_page_is_laid_out_alike_whatever_remarks_say(monkeypatch, tmp_path) -> None:
    fit = cp.fit(MODEL, cohort(public=True), seed=1, engine="lockstep", draws=100, chains=2, progress=False)
    first = cp.report(fit, tmp_path / "a.html", at=[6, 600], progress=False).read_text(encoding="utf-8")
    monkeypatch.setattr(remarks, "WORDS", reworded())
    second = cp.report(fit, tmp_path / "b.html", at=[6, 600], progress=False).read_text(encoding="utf-8")
    assert "extrapolated beyond" in first
    assert "extrapolated beyond" not in second
    assert outline(first) == outline(second)


def test_a_table_read_back_is_laid_out_alike(survival_fit, tmp_path) -> None:
    table = cp.exposure_sensitivity(survival_fit, progress=False)
    back = pd.read_csv(cp.write_table(table, tmp_path / "t.csv"), keep_default_na=False)
    back[["estimate", "lower", "upper"]] = table[["estimate", "lower", "upper"]]  # an empty number is text there
    own = (str(table["prior"].iloc[2]), str(table["dating"].iloc[2]))
    first, second = (ratios("ratio", each, "surgery", own, {own[0]: 0.5}) for each in (table, back))
    assert first == second
    assert len({row[0].text + row[1].text for row in first.rows}) == len(first.rows) == len(table) // 2
