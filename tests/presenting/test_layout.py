"""What a reader sees of a table: every number as documented, nothing left out that says something, nothing cut off."""

import math
import re
from collections import Counter

import pandas as pd
import pytest

from casepool.numbers import MINUS
from casepool.presenting.layout import BESIDE, TELLING, layout_of
from casepool.presenting.terminal import text_of
from casepool.writing import RARE_NOTE

TIMES = ("days", "weeks", "months", "years")
WIDE = 10_000


def allowed(value: float, unit: str) -> float:
    """How far a number may be from what is written of it: half a unit of its last digit."""
    if unit == "difference":
        return 0.05
    if unit in TIMES:
        return 0.05 if abs(value) < 100 else 0.5
    if unit == "probability" and value > 99:
        return 0.5 * 10.0 ** math.floor(math.log10(100 - value)) if value < 100 else 0.0
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) - 1) if value else 0.0


def written_numbers(cell: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", cell)]


@pytest.mark.parametrize("name", ["raw", "raw survival", "estimates", "contrast", "survival", "compared", "one row"])
def test_the_printed_text_holds_every_number_of_every_row(tables: dict[str, pd.DataFrame], name: str) -> None:
    table, layout = tables[name], layout_of(tables[name])
    place = next(i for i, heading in enumerate(layout.headings) if heading.startswith("estimate"))
    cells = [row[place] for block in layout.groups for row in block.rows]
    text = text_of(layout, WIDE)
    assert len(cells) == len(table)
    for cell, (_, row) in zip(cells, table.iterrows(), strict=True):
        scale = 100 if row["unit"] in ("probability", "difference") else 1
        kept = [row["estimate"], *([row["lower"], row["upper"]] if row["interval"] else [])]
        numbers = [scale * value for value in kept if math.isfinite(value)]
        printed = cell.replace("\N{MINUS SIGN}", "-")
        assert printed in text
        if row["unit"] == "P value" and row["estimate"] < 0.001:
            assert printed == "< 0.001"
            continue
        assert len(written_numbers(printed)) == len(numbers), (printed, numbers)
        for there, true in zip(written_numbers(printed), numbers, strict=True):
            assert abs(there - true) <= allowed(true, row["unit"]) * (1 + 1e-9), (printed, true)
    counts = [i for i, heading in enumerate(layout.headings) if heading in ("n", "events")]
    for i in counts:
        assert [row[i] for block in layout.groups for row in block.rows] == [
            f"{count:.0f}" if count == count else "–" for count in table[layout.headings[i]]
        ]


@pytest.mark.parametrize("name", ["raw", "raw survival", "estimates", "contrast", "survival", "compared", "one row"])
def test_a_column_left_out_is_empty_or_told_once_or_named(tables: dict[str, pd.DataFrame], name: str) -> None:
    table, layout = tables[name], layout_of(tables[name])
    told, text = dict(layout.shared), text_of(layout, WIDE)
    further = next((note.partition(": ")[2].split(", ") for _, note in layout.notes if note.startswith("Further")), [])
    for column in set(table.columns) - {h.partition(" (")[0] for h in layout.headings} - {"lower", "upper", "note"}:
        values = {str(value) for value in table[column] if value not in ("", None) and value == value}
        if column in told:
            assert values == {told[column]}
            assert f"{column}: {told[column]}" in text
        elif column in further:
            assert column in (*BESIDE, *TELLING)
        elif column == "interval":
            assert any(f"({kind})" in heading for heading in layout.headings for kind in values)
        else:
            heads = {block.name for block in layout.groups} | {
                layout.title,
                layout.title[:1].lower() + layout.title[1:],
            }
            assert values <= heads, column


def test_columns_shown_tell_rows_apart_as_well_as_all(tables: dict[str, pd.DataFrame]) -> None:
    for table in tables.values():
        layout = layout_of(table)
        rows = [(block.name, *row) for block in layout.groups for row in block.rows]
        assert len(set(rows)) == len(table.drop_duplicates())


def test_every_remark_stands_below_once_and_rows_point_at_theirs(tables: dict[str, pd.DataFrame]) -> None:
    for name in ("raw", "raw survival", "survival", "compared"):
        layout = layout_of(tables[name])
        marked = {mark: note for mark, note in layout.notes if mark}
        common = [note for mark, note in layout.notes if not mark and not note.startswith("Further")]
        assert len(set(marked.values()) | set(common)) == len(marked) + len(common)
        marks = [row[-1] for block in layout.groups for row in block.rows]
        for own, note in zip(marks, tables[name]["note"], strict=True):
            assert {marked[mark] for mark in own.split(",") if mark} | set(common) == set(note.split("; "))


@pytest.mark.parametrize("columns", [30, 60, 100])
def test_a_narrow_terminal_loses_nothing(tables: dict[str, pd.DataFrame], columns: int) -> None:
    for name, table in tables.items():
        wide, narrow = text_of(layout_of(table), WIDE), text_of(layout_of(table), columns)
        assert not Counter("".join(wide.split())) - Counter("".join(narrow.split())), name
        if columns == 100:
            assert max(map(len, narrow.splitlines())) <= columns, name


def test_small_counts_are_marked_and_said(private: pd.DataFrame) -> None:
    text = text_of(layout_of(private), WIDE)
    assert {"1†", "2†"} == set(re.findall(r"\d†", text))
    assert text.count(RARE_NOTE) == 1
    assert "†" not in text_of(layout_of(private, public=True), WIDE)


def test_a_verdict_that_is_no_pass_stands_in_every_row(tables: dict[str, pd.DataFrame]) -> None:
    failed = layout_of(tables["contrast"].assign(verdict="fail"))
    assert "verdict" in failed.headings
    assert "verdict" not in dict(failed.shared)
    assert ("verdict", "pass") in layout_of(tables["contrast"]).shared


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_no_word_is_broken_where_two_columns_have_room_for_theirs(
    tables: dict[str, pd.DataFrame], columns: int
) -> None:
    for name, table in tables.items():
        layout = layout_of(table)
        cells = [layout.headings, *(row for block in layout.groups for row in block.rows)]
        longest = [max(len(word) for cell in column for word in cell.split(" ")) for column in zip(*cells, strict=True)]
        whole = [
            max(map(len, column)) if number else least
            for column, number, least in zip(zip(*cells, strict=True), layout.numeric, longest, strict=True)
        ]
        if name == "hostile" or max(whole[0] + other for other in whole[1:]) + 4 > columns:
            continue
        words = text_of(layout, columns).replace("-", MINUS).split()
        missing = Counter(word for row in cells for cell in row for word in cell.replace("-", MINUS).split())
        assert not missing.keys() - set(words), (name, missing.keys() - set(words))
