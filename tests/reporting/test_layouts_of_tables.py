"""What a page lays out of a table that is not like the bundled one: many levels, many patients, known dates."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column
from casepool.cases.reading import resolve_typed
from casepool.estimation.draws import open_draws
from casepool.estimation.material import Material, gather
from casepool.estimation.told import DECIDE, MARKS, PRIOR, UNKNOWABLE, badge_of, no_more_than
from casepool.numbers import chance_of, shown
from casepool.reporting import figures, questions
from casepool.reporting.answers import _response
from casepool.reporting.assembly import render
from casepool.reporting.blocks import Line, Section, Table
from casepool.reporting.characteristics_table import described
from casepool.reporting.curve_figures import MOST_ARMS, curves, followed_until
from casepool.reporting.downloads import content_of
from casepool.reporting.figures import MOST_SQUARES, squares, stacked, swimmer, wrap
from casepool.reporting.frames import frame_of
from casepool.reporting.lines import _alike, estimates_block, gathered, grouped, level_lines
from casepool.reporting.numbering import numbered
from casepool.reporting.patients import by_patient, dates, dates_open, event_words, outcome_name
from casepool.reporting.scales import Number
from casepool.reporting.survival_chapters import _falls_early, _largest, events_figure
from tests.small import half_normal, normal, response_model, survival_model

LONG = "Alveolar rhabdomyosarcoma of the extremities"


def patients(n: int, *, public: bool = True, early: float = 4.0, groups: int = 9) -> pd.DataFrame:
    """Patients followed for 10 weeks and more, every third transplanted at a known week, the first dead soon after."""
    had = np.arange(n) % 3 == 0
    frame = pd.DataFrame(
        {
            "patient": [f"P{i:03d}" for i in range(n)],
            "best_response": np.resize(["CR", "PR", "SD", "PD"], n),
            "weeks": np.arange(n) + 10.0,
            "dead": np.arange(n) % 2 == 0,
            "transplant": had,
            "from_week": np.where(had, early, np.nan),
            "ward": np.resize(["Mr Jones", "north"], n),
            "age": np.arange(n) % 50 + 20,
            "group": [f"group {i % groups}" for i in range(n)],
        }
    )
    columns = {
        "weeks": Column("number", unit="weeks"), "dead": Column("boolean"),
        "age": Column("integer", label="age", role="trait"),
        "transplant": Column("boolean", done="transplanted"), "from_week": Column("number", unit="weeks"),
        "ward": Column("category", role="trait"),
        "group": Column("category", levels=tuple(f"group {i}" for i in range(groups))),
        "best_response": Column("ordered", levels=("PD", "SD", "PR", "CR")),
    }  # fmt: skip
    return cp.read_cases(frame, Codebook(name="clinic", public=public, columns=columns))


def transplant_fit(cases: pd.DataFrame, **terms: dict) -> xr.DataTree:
    priors = {"intercept": normal(1.5, -4), "transplant_effect": normal(1), "transplant_log_intensity": normal(1.5, -4)}
    priors |= {f"{name}_sd": half_normal(1) for name in terms}
    exposure = {"transplant": {"column": "transplant", "start": "from_week", "report_start": 12.0}}
    outcome = {"time": "weeks", "event": "dead"}
    asked = survival_model(priors, unit="weeks", outcome=outcome, exposure=exposure, terms=terms)
    return cp.fit(asked, cases, seed=1, engine="lockstep", draws=50, progress=False)


def answer_fit(cases: pd.DataFrame, **terms: dict) -> xr.DataTree:
    codes = {"column": "best_response", "levels": ["PD", "SD", "PR", "CR"], "success": ["PR", "CR"]}
    priors = {"intercept": normal(1.5)} | {f"{name}_sd": half_normal(1) for name in terms}
    asked = response_model(terms, priors, **codes, events="", n="")
    return cp.fit(asked, cases, seed=1, engine="lockstep", draws=50, progress=False)


@pytest.fixture(scope="module")
def clinic() -> Material:
    """A private table of few patients, with an exposure whose dates are known."""
    cases = patients(30, public=False)
    return gather([answer_fit(cases), transplant_fit(cases)])


@pytest.fixture(scope="module")
def registry() -> Material:
    """More patients than have a square each."""
    cases = patients(MOST_SQUARES + 30)
    return gather([answer_fit(cases), transplant_fit(cases)])


def words(drawing: figures.Drawing) -> str:
    return drawing.svg("a figure", "wide")


def described_by(material: Material, cases: pd.DataFrame) -> Table:
    """Describe the patients of a material's whole table."""
    frame, book = resolve_typed(cases)
    [table] = described(replace(material, cases=frame, codebook=book))
    assert isinstance(table, Table)
    return table


def test_groups_of_an_exposure_are_called_by_what_was_done_to_them(registry: Material) -> None:
    table = described_by(registry, patients(30))
    assert table.headings == ["", "Everyone, 30", "Never transplanted, 20", "Transplanted, 10"]


def test_labels_a_private_codebook_does_not_list_cost_no_other_row(clinic: Material) -> None:
    table = described_by(clinic, patients(30, public=False))
    assert [row[0].text for row in table.rows] == ["Age, median (range)"]
    assert table.notes[1] == "1 more not shown, as the codebook does not list the levels."
    assert "Jones" not in str(table)


def test_many_patients_are_counted_in_bars_that_add_up(registry: Material) -> None:
    figure = squares(registry)
    assert figure is not None
    assert figure.alt.startswith("Stacked bars")
    n = MOST_SQUARES + 30
    counted = [f"{(n + 3 - place) // 4} {code}" for place, code in enumerate(("CR", "PR", "SD", "PD"))]
    assert f"everyone: {', '.join(counted)}" in figure.alt
    assert squares(replace(registry, cases=registry.cases.head(MOST_SQUARES))).alt.startswith("One square a patient")


def test_a_long_label_stands_on_several_lines_with_no_letter_left_out(registry: Material) -> None:
    figure = stacked(registry, "", [(LONG, [1, 2]), ("short", [2, 1])], ["a", "b"], ["q1", "q2"])
    for text in (words(figure.wide), words(figure.narrow)):
        assert "…" not in text
        assert all(word in text for word in LONG.split())
    assert "".join(wrap("Undifferentiated-pleomorphic", 60)) == "Undifferentiated-pleomorphic"


def test_a_date_that_is_known_is_neither_a_span_nor_one_of_no_kind(registry: Material, clinic: Material) -> None:
    [_, fitted] = registry.fits
    assert not dates_open(fitted)
    [said] = dates(registry)
    assert said.endswith("The date is known in 50.")
    figure = swimmer(registry, fitted)
    assert "within" not in words(figure.wide)
    assert not dates_open(clinic.fits[0])


def test_one_event_before_the_strategy_begins_takes_its_counted_curve_away(registry: Material) -> None:
    fitted = registry.fits[1]  # the first patient dies in week 10, and the strategy begins in week 12
    assert _falls_early(SimpleNamespace(fitted=fitted), "transplant")
    later = open_draws(transplant_fit(patients(31).iloc[1:]))
    assert not _falls_early(SimpleNamespace(fitted=later), "transplant")


def test_columns_nobody_labelled_have_words_all_the_same(registry: Material) -> None:
    response, survival = registry.fits
    assert outcome_name(registry, survival.model) == "Time to the event"
    assert event_words(registry, response.model) == "PR or CR"
    assert event_words(registry, replace(response.model, family="ordinal")) == "PR or CR"


def test_curves_and_rows_are_those_of_the_levels_with_most_patients() -> None:
    cases = patients(45)
    priors = {"intercept": normal(1.5, -4), "group_sd": half_normal(0.5)}
    asked = survival_model(
        priors, unit="weeks", outcome={"time": "weeks", "event": "dead"}, terms={"group": {"kind": "group"}}
    )
    fit = cp.fit(asked, cases, seed=1, engine="lockstep", draws=50, progress=False)
    figure = curves(open_draws(fit), "group")
    assert f"{MOST_ARMS} levels of 9" in figure.caption
    kept, [note] = _largest(cp.survival(fit, "group"))
    assert kept.loc[kept["kind"] == "value", "level"].nunique() == MOST_ARMS
    assert note == "3 levels with fewer patients stand in the fold."


def test_very_many_levels_stand_in_lines_by_outcome_and_each_in_the_file() -> None:
    cases = patients(100, groups=40)  # twenty levels of three patients, twenty of two
    material = gather(answer_fit(cases, group={"kind": "group"}))
    own = _response(material.fits[0], pd.DataFrame())
    lines = [line for line in level_lines(material, own, "group") if line.style != "new"]
    together = [line for line in lines if line.stands_for]
    assert len(lines) - len(together) == gathered(together) == 20
    assert 1 <= len(together) <= 3
    counts = np.array([[int(x) for x in line.counts.split(" of ")] for line in lines])
    assert list(counts.sum(axis=0)) == [50, 100]
    file = frame_of(estimates_block(material, "", grouped(lines)))
    assert sorted(file["row"]) == sorted(f"group {i}" for i in range(40))
    for line in together:
        answers = [one.answer.estimate for one in line.stands_for if one.answer]
        assert line.note.split()[-1] == shown(max(answers), "probability")


def test_levels_of_one_patient_share_a_line_where_all_of_it_is_the_same() -> None:
    number, other = Number(0.9, 0.5, 0.99, "probability"), Number(0.8, 0.5, 0.99, "probability")
    lines = [Line(name, counts="1 of 1", answer=own) for name, own in (("a", number), ("b", other), ("c", number))]
    shared, alone = _alike(lines, [1, 1, 1])
    assert (shared.label, alone.label) == ("a, c", "b")
    assert [line.label for line in shared.stands_for] == ["a", "c"]
    assert _alike(lines, [2, 2, 2]) == lines


def test_a_private_page_tells_no_last_follow_up_of_one_patient(clinic: Material, registry: Material) -> None:
    private, public = clinic.fits[1], registry.fits[1]
    times = private.design.outcome["time"]
    until, _ = followed_until(private)
    assert (times >= until).sum() >= 5
    assert until < times.max()
    figure = curves(private, "transplant")
    assert not re.search(rf"\b{times.max():g}\b", figure.note + figure.alt)
    assert followed_until(public)[0] == public.design.outcome["time"].max()


def test_a_factor_beside_an_exposure_has_a_figure_of_its_events() -> None:
    cases = patients(30, groups=2)
    material = gather(transplant_fit(cases, group={"kind": "group"}))
    figure = events_figure(material, material.fits[0], "group")
    for level, own in cases.groupby("group"):
        dead = int(own["dead"].sum())
        told = ", ".join(f"{k} {word}" for k, word in ((dead, "the event"), (len(own) - dead, "event-free")) if k)
        assert f"{level}: {told}" in figure.alt


def test_very_many_patients_are_in_the_file_and_not_on_the_page(registry: Material) -> None:
    table = by_patient(registry)
    assert table is not None
    assert table.is_file
    [section] = numbered([Section("data", "Patients", [table])])
    page = render(registry, [], [Section("top", "Patients"), section])
    assert "P001" not in page
    assert "P001" in content_of(section.blocks[0]).decode()
    assert 'download="table-1.csv"' in page
    few = replace(registry, cases=registry.cases.head(30))
    assert not by_patient(few).is_file


def row(told: str, estimate: float, lower: float, upper: float) -> pd.Series:
    return pd.Series({"told": told, "unit": "ratio", "estimate": estimate, "lower": lower, "upper": upper})


def test_a_badge_is_worse_the_more_variants_disagree_and_no_row_outdoes_it() -> None:
    own = row(DECIDE, 2.0, 1.2, 3.0)
    order = list(MARKS)
    found = [badge_of(own, []), badge_of(own, [row("", 4.0, 0.9, 9.0)]),
             badge_of(own, [row("", 4.0, 2.0, 9.0), row("", 0.5, 0.1, 2.0)])]  # fmt: skip
    assert found == sorted(found, key=order.index)
    assert len(set(found)) == 3
    assert found[-1] == UNKNOWABLE
    assert [no_more_than(word, found[-1]) for word in (DECIDE, PRIOR, "")] == [UNKNOWABLE, UNKNOWABLE, ""]
    assert no_more_than(PRIOR, DECIDE) == PRIOR


def test_no_chance_is_said_to_be_none_or_certain() -> None:
    assert [chance_of(share) for share in (0.0, 0.5, 1.0)] == ["less than 0.1%", "50%", "more than 99.9%"]


@pytest.mark.parametrize(
    ("n", "by", "paper", "asked"),
    [(3, "", 0, True), (3, "sex", 0, False), (30, "", 0, True), (30, "", 1, False), (30, "sex", 1, True)],
)
def test_everyone_is_asked_of_without_a_paper_and_few_patients_have_no_subgroups(
    monkeypatch: pytest.MonkeyPatch, n: int, by: str, paper: int, asked: bool
) -> None:
    monkeypatch.setattr(questions, "total", lambda fitted: (float(n), 1.0))
    term = SimpleNamespace(kind="category", is_number=False)
    fitted = SimpleNamespace(is_survival=False, model=SimpleNamespace(terms={"sex": term}))
    answers = SimpleNamespace(fitted=fitted, factors={"": None, "sex": None}, curves={}, ratios={})
    assert questions.asked_for(answers, by, paper=bool(paper)) is asked
