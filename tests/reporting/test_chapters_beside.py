"""Chapters of tables beside the cases, and of selection beside a response: of small tables, and on the bundled page."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases.reading import read_typed
from casepool.escaping import html_text
from casepool.estimation.draws import open_draws
from casepool.estimation.material import Material, gather
from casepool.estimation.told import UNKNOWABLE
from casepool.frequentist.selection_rows import POOLED, curve_of
from casepool.reporting import adverse_chapter, later_chapter, selection_blocks
from casepool.reporting.beside import apart, chapters_beside, refuse_unlisted
from casepool.reporting.blocks import Badge, Block, Estimates, Figure, Fold, Quote, Section, Table, Text
from tests.reporting.pages import Page

ROWS = """patient,paper,given,went,reported
Ann,A,drug x;drug y,PR;NA,events
Bob,A,drug x,SD,events
Cyd,B,,,none
Dee,C,drug z,PD,
"""
EVENTS = """patient,event,grade_low,grade_high,action
Ann,rash,1,2,none
Ann,fever,3,4,withheld
Bob,rash,1,2,reduced
"""
BOOK = """id = "patient"
public = {public}
missing = ["", "NA"]
publication = "paper"
[columns.patient]
type = "text"
[columns.paper]
type = "category"
[columns.given]
type = "list"
separator = ";"
label = "Later drugs"
[columns.went]
type = "list"
separator = ";"
[columns.reported]
type = "category"
[tables.harms]
file = "events.csv"
{events}
[tables.lines]
lists = {{ drug = "given", went = "went" }}
"""
BY_PAPER = 'unit = "paper"'


def small(folder: Path, events: str = BY_PAPER, *, public: bool = True, rows: str = ROWS) -> Material:
    """Four patients of three papers, two with events, without any fit."""
    (folder / "cases.csv").write_text(rows, encoding="utf-8")
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    (folder / "codebook.toml").write_text(BOOK.format(public=str(public).lower(), events=events), encoding="utf-8")
    return Material((), *read_typed(folder), folder)


def chapters(material: Material) -> list[Section]:
    return [section for section, _ in chapters_beside(material, 1)]


def every(blocks: list[Block] | tuple[Block, ...]) -> list[Block]:
    return [one for block in blocks for one in (every(list(block.blocks)) if isinstance(block, Fold) else [block])]


def words(section: Section) -> str:
    """All that a reader may read of a chapter."""
    return " ".join(str(block) for block in every(list(section.blocks)))


def test_silence_is_told_apart_from_none(tmp_path: Path) -> None:
    [told] = adverse_chapter.events_told(small(tmp_path))
    assert told.denominators == (4, 2, 2)
    assert told.bounds == [2 / 4, 4 / 4, 1]
    alt = adverse_chapter.reported_figure(small(tmp_path), told).alt
    assert "2 with an event told of" in alt
    assert "2 nothing reported" in alt
    assert "reported on, none listed" not in alt.partition("everyone")[2]


def test_a_report_of_none_is_reported_on_and_bounds_the_share(tmp_path: Path) -> None:
    [told] = adverse_chapter.events_told(small(tmp_path, 'reported = "reported"'))
    assert told.denominators == (4, 3, 2)
    assert told.bounds == [2 / 4, 3 / 4, 1]


def test_the_share_is_open_until_all_are_reported_on_and_types_were_looked_for(tmp_path: Path) -> None:
    told_all, looked = ROWS.replace("PD,\n", "PD,none\n"), 'reported = "reported"\ntypes = ["fever", "rash", "chills"]'
    for events, rows in ((looked, ROWS), ('reported = "reported"', told_all)):
        material = small(tmp_path, events, rows=rows)
        assert adverse_chapter.badge(material, *adverse_chapter.events_told(material)) == UNKNOWABLE
    material = small(tmp_path, looked, rows=told_all)
    [told] = adverse_chapter.events_told(material)
    assert not told.is_open
    assert adverse_chapter.badge(material, told) == ""
    assert "nothing is reported" not in adverse_chapter.quote(material, told)


def test_without_a_fit_types_are_counted_and_nothing_is_answered(tmp_path: Path) -> None:
    material = small(tmp_path, 'types = ["fever", "rash", "chills"]')
    lines = adverse_chapter.type_lines(material, *adverse_chapter.events_told(material))
    assert [(line.label, line.counts) for line in lines] == [("rash", "2"), ("fever", "1"), ("chills", "0")]
    assert all(line.answer is None and line.raw is not None for line in lines)


def test_a_patient_counts_once_by_grade_and_with_the_worst_action(tmp_path: Path) -> None:
    section = chapters(small(tmp_path))[0]
    grades, acted = (block for block in every(list(section.blocks)) if isinstance(block, Table))
    counted = {row[0].text: row[1].text for table in (grades, acted) for row in table.rows}
    assert counted == {"Any": "2", "Grade 1 to 2": "2", "Grade 3 to 4": "1", "Withheld": "1", "Reduced": "1"}


@pytest.mark.parametrize("events", [BY_PAPER, BY_PAPER + '\ntypes = ["fever", "rash"]'])
def test_a_private_table_names_no_patient_and_only_types_and_drugs_it_lists(tmp_path: Path, events: str) -> None:
    found = chapters(small(tmp_path, events, public=False))
    said = " ".join(map(words, found))
    assert [section.short for section in found] == ["Harms"]  # of drugs none is listed
    assert not re.search(r"Ann|Bob|Cyd|Dee|drug", said)
    assert ("fever" in said) == ("types" in events)


def test_a_private_page_refuses_what_was_given_unless_somebody_listed_it(lines_fit: xr.DataTree) -> None:
    own = open_draws(lines_fit)
    private = replace(own, codebook=replace(own.codebook, public=False))
    refuse_unlisted(private)  # the model lists the treatments
    nobody = replace(own.model, outcome=replace(own.model.outcome, where={}))
    refuse_unlisted(replace(own, model=nobody))
    with pytest.raises(cp.CasepoolError, match=r"therapy.*may be names.*where = "):
        refuse_unlisted(replace(private, model=nobody))


def test_what_silence_makes_of_a_share_is_said_at_the_share(tmp_path: Path) -> None:
    told = (ROWS, ROWS.replace("PD,\n", "PD,none\n"))
    silent, full = (chapters(small(tmp_path, 'reported = "reported"', rows=rows))[0] for rows in told)
    shares = [next(block for block in one.blocks if isinstance(block, Table)).headings[2] for one in (silent, full)]
    assert ["were silence none" in share for share in shares] == [True, False]
    assert ["does not mean none" in words(one) for one in (silent, full)] == [True, False]


def test_every_line_is_counted_once_under_its_treatment(tmp_path: Path) -> None:
    section = chapters(small(tmp_path))[1]
    [table] = [block for block in section.blocks if isinstance(block, Table)]
    rows = {row[0].text: [int(cell.text) for cell in row[1:]] for row in table.rows}
    assert rows == {"All": [4, 3, 3], "drug x": [2, 2, 2], "drug y": [1, 1, 0], "drug z": [1, 1, 1]}
    assert section.title == "Later drugs: who got what?"
    assert any(isinstance(block, Text) and block.tone == "cannot" for block in section.blocks)


def test_a_type_list_shortened_keeps_its_events(types_fit: xr.DataTree) -> None:
    material = apart(gather(types_fit))
    [told] = adverse_chapter.events_told(material)
    lines = adverse_chapter.type_lines(material, told)
    few = adverse_chapter.gathered(material, lines)
    [joint] = [line for line in few if line.label.startswith("Each of")]
    [number] = re.findall(r"\d+", joint.label)
    assert sum(int(line.counts) for line in few if line.counts) + int(number) - 1 == len(told.rows)
    assert len(few) + int(number) - 1 == len(lines)


def test_the_bundled_chapter_of_lines_says_what_sequence_does(lines_fit: xr.DataTree) -> None:
    material = apart(gather(lines_fit))
    [(section, _)] = later_chapter.chapters(material, 1)
    [table] = [block for block in every(list(section.blocks)) if isinstance(block, Estimates)]
    told = {line.label: line.answer.estimate for group in table.groups for line in group.lines if line.answer}
    for first, then in (("Ceritinib", "Alectinib"), ("Alectinib", "Ceritinib")):
        rows = cp.sequence(lines_fit, first, then).set_index("level")["estimate"]
        assert told[f"{then}, where {first} failed"] == rows[f"{then} after {first}"]
    design = open_draws(lines_fit).design
    persons = open_draws(lines_fit).cases.loc[lambda t: t["response"].notna(), "patient"].astype(str).value_counts()
    assert len(design.patients) == persons.sum()
    several = sorted(persons.index[persons > 1])
    assert f"2 ({' and '.join(several)}) have more than one" in words(section)


def test_selection_stands_beside_another_fit_of_its_outcome_only(
    response_fit: xr.DataTree, selection_fit: xr.DataTree
) -> None:
    both, alone = apart(gather([selection_fit, response_fit])), apart(gather(selection_fit))
    assert [len(both.fits), len(both.beside)] == [1, 1]
    assert both.beside[0].model.selection is not None
    assert [len(alone.fits), len(alone.beside)] == [1, 0]


@pytest.mark.parametrize("studies", [[("one", 3, 9), ("two", 19, 20)], [("none", 0, 5), ("half", 5, 10)]])
def test_the_curve_meets_a_trial_at_its_rate(studies: list, tmp_path: Path) -> None:
    known = selection_blocks.Selected(26, 30, "PR", studies, curve_of(26, 30, (1.0,), studies))
    met = known.meets["estimate"]
    for name, k, n in [*studies, (POOLED, sum(k for _, k, _ in studies), sum(n for _, _, n in studies))]:
        assert known.rate_at(met[name]) == pytest.approx(k / n)
    figure = selection_blocks.curve(small(tmp_path), known)
    assert {name for name in met.index if name != POOLED and name in figure.alt} == {
        name for name, k, n in studies if 0.2 <= met[name] <= 10
    }
    for drawing in (figure.wide, figure.narrow):
        assert all(0 <= x <= drawing.width for shape in drawing.shapes for x, _ in shape.corners)
        assert all(0 <= y <= drawing.height for shape in drawing.shapes for _, y in shape.corners)


def test_three_sentences_say_what_the_printed_rate_becomes(
    response_fit: xr.DataTree, selection_fit: xr.DataTree, tmp_path: Path
) -> None:
    rows = cp.selection(selection_fit)
    studies = [("one", 5, 10)]
    table = curve_of(26, 30, (1.0,), studies)
    with_fit = selection_blocks.Selected(26, 30, "PR", studies, table, open_draws(selection_fit), rows)
    material = small(tmp_path)
    first, second, third = selection_blocks.sentences(material, with_fit)
    at_three = cp.selection_curve(26, 30, psi=[3])["estimate"].iloc[0]
    assert "ratio of publication" in first
    assert f"{rows['estimate'].iloc[2]:.1f} (95% credible interval" in second
    assert f"{rows['estimate'].iloc[1]:.0%} (95% credible interval" in third
    assert f"{at_three:.0%}" in third
    without = selection_blocks.Selected(26, 30, "PR", studies, table)
    assert "credible" not in " ".join(selection_blocks.sentences(material, without))
    assert selection_blocks.badge(without) == ""


def test_the_bundled_page_has_the_chapters_and_the_fold(page: Page) -> None:
    contents = {title: f"c{place}" for place, title in re.findall(r'<a href="#c\d+">(\d+) ([^<]+)</a>', page.source)}
    told = cp.adverse_events("alk_crizotinib")
    harm, later = (page.sections[contents[title]] for title in ("Adverse events", "Therapy after crizotinib"))
    for _, row in told.head(3).iterrows():
        assert f"{row['estimate']:.0%} (" in harm
    assert str(html_text("A type not seen yet")) in harm
    assert "alone tell what a failure says of the next line" in later
    assert "ratio of publication" in page.sections["c1"]
    assert "no model of this page reads them" not in page.text


def test_a_chapter_has_a_quote_figure_and_limits(types_fit: xr.DataTree, lines_fit: xr.DataTree) -> None:
    for section in chapters(apart(gather([types_fit, lines_fit]))):
        kinds = [type(block) for block in section.blocks]
        assert kinds[:2] == [Badge, Quote]
        assert any(isinstance(block, Figure) for block in every(list(section.blocks)))
        assert any(isinstance(block, Text) and block.text.startswith("What it cannot show") for block in section.blocks)


def test_fits_of_tables_beside_the_cases_make_a_page_by_themselves(lines_fit: xr.DataTree, tmp_path: Path) -> None:
    page = Page(cp.report(lines_fit, tmp_path / "page.html", progress=False))
    assert not page.unclosed
    assert {"c1", "c2", "made"} <= {*page.sections}
    assert pd.Series(page.attributes("id")).is_unique
