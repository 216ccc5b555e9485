"""Labels of a figure: no sign that its font lacks is drawn, and different ones never become the same."""

import io
import logging

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import casepool as cp
from casepool.escaping import LONGEST_LABEL
from casepool.plotting import lettering
from casepool.plotting.lettering import drawn, drawn_apart

START = "adenocarcinoma of the lung, papillary predominant, "
PAIRS = [
    (START + "stage one", START + "stage two"),
    (START, START + "x"),
    ("x" * 500 + "a" + "y" * 500, "x" * 500 + "b" + "y" * 500),
    (START + "a" * 90 + "1", START + "a" * 90 + "2"),
    ("bell\x07", "bell\x08"),
]
FOREIGN = ["肉瘤", "🙂", "肿瘤", "á̰͓̽", "क्षि", "a\u200db", "👩\u200d🔬"]


def ink(text):
    """Draw a text, which fails where the font lacks a sign, as warnings are errors, and return the picture."""
    figure = Figure(figsize=(6, 0.5))
    figure.text(0, 0.3, text)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("longest", [20, LONGEST_LABEL, 80])
def test_long_labels_that_differ_stay_different_and_short(pair, longest):
    shown = drawn_apart(pair, longest)
    assert len({text.strip() for text in shown.values()}) == len(pair)
    assert all(len(text) <= longest for text in shown.values())
    assert shown == drawn_apart([*pair, *pair], longest)


def test_a_cut_label_shows_where_it_differs():
    one, two = drawn_apart([START + "stage one", START + "stage two"]).values()
    assert one.startswith("adenocarcinoma")
    assert (one[-3:], two[-3:]) == ("one", "two")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab …_$(1)\x07中"), max_size=30), max_size=8), st.integers(12, 40))
def test_no_labels_of_a_figure_are_the_same(texts, longest):
    shown = drawn_apart(texts, longest)
    assert set(shown) == set(texts)
    assert len(set(shown.values())) == len(set(texts))


@pytest.mark.parametrize("text", ["plain", "naïve, Ü, ±, –, ×, ≥ 18 y", "p.R1275Q", "опухоль", "שלום"])
def test_what_the_font_has_is_left_alone(text):
    assert drawn(text) == text == drawn_apart([text])[text]


def test_signs_the_font_lacks_are_drawn_as_their_numbers_said_once(caplog):
    lettering._say.cache_clear()
    with caplog.at_level(logging.WARNING, "casepool"):
        pictures = [ink(drawn(text)) for text in FOREIGN]
    assert len(set(pictures)) == len(FOREIGN)
    assert len(caplog.records) == 1
    assert "DejaVu Sans" in caplog.text or "sans-serif" in caplog.text
    assert drawn("肉瘤 (n)") == "[8089 7624] (n)"


def test_figures_of_foreign_labels_are_drawn_without_a_warning():
    table = cp.classical("objective_response", "alk_crizotinib", by="histology")
    rows = table[table["method"] == "Clopper-Pearson"].head(2)
    tables = [rows.assign(level=pair) for pair in (FOREIGN[:2], [START + "one", START + "two"])]
    axes = cp.plot_forest(pd.concat(tables, ignore_index=True))
    axes.figure.savefig(io.BytesIO())
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(set(labels)) == len(labels) == 4
