"""A page about a transplant and a relapse, in weeks, holds no word of the bundled table's operations and deaths."""

import re
from dataclasses import replace
from pathlib import Path

import matplotlib.figure
import matplotlib.text
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column
from casepool.modelling.design.wording import worded
from tests.reporting.pages import Page
from tests.small import normal, survival_model

FORBIDDEN = (  # beginnings of words
    *("surger", "surgic", "operat", "resect", "death", "dead", "died", "dies", "dying", "deceased", "alive"),
    *("crizotinib", "month", "year", "tumour", "on the drug", "82%", "surviv", r"alk(?![a-z])"),
)
ALLOWED = (
    "survival as in survival analysis: the probability that a patient is, at a time, still free of relapse",
    *("survival at", "survival to", "median survival", "mean survival", "where survival is exactly one half"),
    *("survival curves", "which raises survival"),
)
"""Names of what survival analysis estimates, whatever the event: the page's glossary says what they are of here."""
N = 36


def relapses(*, public: bool) -> pd.DataFrame:
    """Patients of whom every other one had a transplant, known between two weeks, and most a relapse."""
    rng = np.random.default_rng(4)
    had = np.arange(N) % 2 == 0
    earliest = np.where(had, rng.integers(3, 20, N), np.nan)
    latest = earliest + np.where(np.arange(N) % 4 == 0, 6, 0)
    followed = np.round(rng.exponential(60, N) + 30)
    frame = pd.DataFrame(
        {
            "patient": [f"P{i:03d}" for i in range(N)],
            "weeks": followed,
            "relapsed": np.arange(N) % 3 > 0,
            "transplanted": had,
            "from_week": earliest,
            "to_week": latest,
            "stage": np.where(rng.random(N) < 0.5, "I", "II"),
        }
    )
    columns = {
        "weeks": Column("number", unit="weeks", label="Follow-up", role="time"),
        "relapsed": Column("boolean", label="Relapse", role="event"),
        "transplanted": Column("boolean", label="Transplant", role="exposure", done="transplanted"),
        "from_week": Column("number", unit="weeks", label="Transplant, earliest", role="earliest"),
        "to_week": Column("number", unit="weeks", label="Transplant, latest", role="latest"),
        "stage": Column("category", levels=("I", "II"), label="Stage", role="trait"),
    }
    book = Codebook(name="transplants", title="Relapse after transplant", public=public, columns=columns)
    return cp.read_cases(frame, book)


def relapse_model(**exposure: object) -> cp.Model:
    dated = {"earliest": "from_week", "latest": "to_week"}
    priors = {"intercept": normal(1.5, -5), "transplant_effect": normal(1), "stage_effect": normal(1)}
    priors |= {} if "as" in exposure else {"transplant_log_intensity": normal(1.5, -4)}
    asked = survival_model(
        priors, unit="weeks", outcome={"time": "weeks", "event": "relapsed"}, title="Relapse by transplant",
        terms={"stage": {"kind": "category", "reference": "I"}},
        exposure={"transplant": {"column": "transplanted"} | dated | exposure},
    )  # fmt: skip
    return replace(asked, name="relapse")


def relapse_fit(*, public: bool = True, **exposure: object) -> xr.DataTree:
    asked = relapse_model(**exposure)
    return cp.fit(asked, relapses(public=public), seed=1, engine="auto", draws=400, progress=False)


@pytest.fixture(scope="module")
def public_fit() -> xr.DataTree:
    return relapse_fit()


def strange(text: str) -> list[str]:
    """Return the forbidden words of a text, each with what stands around it."""
    text = re.sub(r"\s+", " ", text.lower())
    for phrase in ALLOWED:
        text = text.replace(phrase, "")
    places = [place.start() for word in FORBIDDEN for place in re.finditer(rf"(?<![a-z]){word}", text)]
    return [text[max(0, place - 50) : place + 40] for place in sorted(places)]


def words_of(page: Page) -> str:
    """Return all a reader of a page sees, the words for pictures too."""
    return " ".join([page.text, *page.attributes("alt"), *page.attributes("title")])


@pytest.fixture(params=["public", "private"], scope="module")
def relapse_page(request: pytest.FixtureRequest, public_fit: xr.DataTree, tmp_path_factory) -> Page:
    fit = public_fit if request.param == "public" else relapse_fit(public=False)
    return Page(cp.report(fit, tmp_path_factory.mktemp("report") / "report.html", progress=False))


def test_a_page_of_transplants_and_relapses_has_no_word_of_other_exposures_and_events(relapse_page: Page) -> None:
    assert strange(words_of(relapse_page)) == []


def test_it_is_told_in_the_words_of_its_own_exposure_and_event(relapse_page: Page) -> None:
    text = words_of(relapse_page)
    for words in (
        *("never transplanted", "an association, not what transplant does", "time to relapse", "Free of relapse"),
        "if still free of relapse",
    ):
        assert words in text, words


def test_a_chapter_about_a_factor_beside_an_exposure_speaks_of_that_factor(relapse_page: Page) -> None:
    assert "II against I the hazard ratio is" in relapse_page.sections["c2"]


def drawn(ax: matplotlib.axes.Axes) -> str:
    """Return every text of a figure."""
    figure = ax.get_figure()
    assert isinstance(figure, matplotlib.figure.Figure)
    return " ".join(text.get_text() for text in figure.findobj(matplotlib.text.Text))


def test_figures_of_it_have_no_such_words_either(public_fit: xr.DataTree) -> None:
    figures = (cp.plot_survival, cp.plot_swimmer, cp.plot_survival_check, cp.plot_prior_survival)
    texts = [drawn(plot(public_fit)) for plot in figures]
    texts.append(drawn(cp.plot_survival(relapse_fit(**{"as": "baseline"}))))
    assert [strange(text) for text in texts] == [[]] * 5
    assert "transplanted at some time between" in texts[1]
    assert "last contact without relapse" in texts[1]


@pytest.mark.parametrize("form", [{"as": "baseline"}, {"as": "landmark", "landmark": 12.0}])
def test_answers_about_ever_and_never_and_by_a_landmark_have_none_either(form: dict) -> None:
    fit = relapse_fit(**form)
    tables = (cp.survival(fit), cp.contrast(fit, "transplant"), cp.check(fit, progress=False))
    plain = cp.classical(relapse_model(**form), relapses(public=True), "transplant")
    for table in (*tables, plain):
        assert strange(table.drop(columns="question", errors="ignore").to_csv()) == []
    assert "transplanted" in " ".join(cp.survival(fit)["note"])


@pytest.mark.parametrize(
    ("model_file", "codebook", "called"),
    [
        ({"what": "a graft"}, {"what": "grafting", "label": "Graft"}, "a graft"),
        ({}, {"what": "grafting", "label": "Graft"}, "grafting"),
        ({}, {"label": "Graft"}, "graft"),
        ({}, {"label": "ASCT"}, "ASCT"),
        ({}, {}, "transplant"),
    ],
)
def test_words_are_the_model_files_before_the_codebooks_before_the_label(model_file, codebook, called) -> None:
    book = Codebook(columns={"transplanted": Column("boolean", **codebook)})
    assert worded(relapse_model(**model_file), book).exposures["transplant"].called == called


def test_what_was_done_is_the_model_files_before_the_codebooks() -> None:
    book = Codebook(columns={"transplanted": Column("boolean", done="transplanted")})
    assert worded(relapse_model(done="grafted"), book).exposures["transplant"].arms == ("never grafted", "grafted")
    assert worded(relapse_model(), book).exposures["transplant"].arms == ("never transplanted", "transplanted")


@pytest.mark.parametrize(
    ("said", "called", "free"),
    [
        ({"what": "relapse", "free": "well"}, "relapse", "well"),
        ({"what": "relapse"}, "relapse", "free of relapse"),
        ({}, "return", "free of return"),
        ({"levels": ["no", "yes"], "event_levels": ["yes"]}, "the event", "event-free"),
    ],
)
def test_an_event_is_called_by_the_model_file_or_by_the_label_of_a_column_that_is_the_event(said, called, free) -> None:
    """The label of a column of codes, of which some count, names no event."""
    model = survival_model({"intercept": normal(1)}, outcome=said)
    outcome = worded(model, Codebook(columns={"event": Column("boolean", label="Return")})).outcome
    assert (outcome.called, outcome.without) == (called, free)


def test_an_event_and_an_exposure_nobody_named_are_told_by_their_key_and_neutrally(tmp_path: Path) -> None:
    bare = pd.DataFrame(relapses(public=True).to_dict("list"))
    fit = cp.fit(relapse_model(), bare, seed=1, engine="auto", draws=400, progress=False)
    table = cp.survival(fit)
    assert set(table["level"]) >= {"without transplant", "with transplant"}
    assert table["estimand"].str.contains("if still event-free").any()
    assert "an association, not what transplant does" in table["note"].iloc[0]
