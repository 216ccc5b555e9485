import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import casepool as cp
from casepool import CasepoolError, plot_forest
from casepool.tables import estimate_table
from tests.reporting.tables import row, two_sources

STRANGE = [r"$\frac{$", "<script>alert(1)</script>", r"a\$b$", "two\nlines", "100% $"]


def texts(ax: Axes) -> list[str]:
    """Every text of the picture as it is drawn."""
    found = [*ax.texts, *ax.get_yticklabels(), ax.title, ax.xaxis.label, *([] if not ax.legend_ else ax.legend_.texts)]
    return [text.get_text().replace(r"\$", "$") for text in [*found, ax._left_title]]


def points(ax: Axes, marker: str) -> list[tuple[float, float]]:
    """Places of the single markers of one shape."""
    lines = [line for line in ax.lines if line.get_marker() == marker and len(line.get_xdata()) == 1]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in lines]


def segments(ax: Axes) -> list[tuple[float, float, float]]:
    """Intervals drawn: left, right and height."""
    lines = [line for line in ax.lines if len(line.get_xdata()) == 2 and line.get_ydata()[0] == line.get_ydata()[1]]
    return [(*map(float, line.get_xdata()), float(line.get_ydata()[0])) for line in lines]


def drawn(ax: Axes) -> Axes:
    ax.get_figure(root=True).canvas.draw()
    return ax


def test_every_number_is_a_point_on_its_interval() -> None:
    ax = plot_forest(two_sources("EIMT", "IMT", "HS"))
    assert len(points(ax, "s")) == len(points(ax, "o")) == 3
    assert len(segments(ax)) == 6
    assert all(left == 0.4 and right == 0.95 for left, right, _ in segments(ax))


def test_levels_of_as_many_patients_stand_in_the_order_of_the_table_raw_above_shrunk() -> None:
    ax = plot_forest(two_sources("z", "a", "m"))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["z", "a", "m"]
    raw, shrunk = ([y for _, y in points(ax, marker)] for marker in "so")
    assert raw == sorted(raw)
    assert all(above < below for above, below in zip(raw, shrunk, strict=True))
    bottom, top = ax.get_ylim()
    assert bottom > top


def lines(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def of_two_factors() -> pd.DataFrame:
    """Levels in no order, everyone and a new patient among them."""
    rows = [
        row("few", "shrunk", n=2),
        row("(unseen level)", "shrunk", n=0),
        row("many", "shrunk", n=20),
        row("none", "shrunk", n=0, events=0, estimate=math.nan, lower=math.nan, upper=math.nan),
        row("some", "shrunk", n=8),
        row("F", "shrunk", by="sex", n=9),
        row("everyone", "shrunk", by="", n=30),
        row("M", "shrunk", by="sex", n=21),
    ]
    return estimate_table(rows, labels={"by": {"histology": "Histology", "sex": "Sex of the patient"}, "model": {}})


def test_everyone_stands_first_then_levels_by_their_patients_then_a_new_patient() -> None:
    table = of_two_factors()
    one = table[table["by"] != "sex"]
    assert lines(plot_forest(one)) == ["everyone", "many", "some", "few", "none", "a new histology"]
    shuffled = one.sample(frac=1, random_state=3)
    assert lines(plot_forest(shuffled)) == lines(plot_forest(one))


def test_several_factors_stand_below_their_labels() -> None:
    ax = plot_forest(of_two_factors())
    assert lines(ax)[:2] == ["everyone", "Histology"]
    assert lines(ax)[-3:] == ["Sex of the patient", "M", "F"]
    bold = [label.get_text() for label in ax.get_yticklabels() if label.get_fontweight() == "bold"]
    assert bold == ["Histology", "Sex of the patient"]
    headings = {place for place, text in enumerate(lines(ax)) if text in bold}
    drawn_at = {round(y) for _, _, y in segments(ax)} | {round(y) for _, y in points(ax, "o")}
    assert not headings & drawn_at


def test_a_figure_draws_the_numbers_of_its_table_where_their_level_stands() -> None:
    rng = np.random.default_rng(1)
    made = [
        row(f"level {i}", source, n=int(n), estimate=float(low + wide / 2), lower=float(low), upper=float(low + wide))
        for i, (n, low, wide) in enumerate(zip(rng.permutation(9), *rng.uniform(0, 0.5, (2, 9)), strict=True))
        for source in ("raw", "shrunk")
    ]
    table = estimate_table(made)
    ax = plot_forest(table)
    told = table[table["source"] == "raw"].set_index("level")
    at = dict(enumerate(lines(ax)))
    found = {at[round(y)]: x for x, y in points(ax, "s")}
    assert found == told["estimate"].to_dict()
    spans = {(at[round(y)], left, right) for left, right, y in segments(ax)}
    assert spans == {(level, r["lower"], r["upper"]) for level, r in told.iterrows()}


def test_titles_are_the_labels_of_the_codebook_and_the_title_of_the_model(response_fit: xr.DataTree) -> None:
    raw = cp.classical("objective_response", "alk_crizotinib", by="age_group")
    for table in (raw, cp.compare(raw, cp.estimates(response_fit, by="age_group"))):
        title = plot_forest(table).get_title(loc="left")
        assert "by age group" in title.splitlines()
        assert "_" not in title
    assert title.startswith(cp.model("objective_response").title)


def test_binding_private_tables_by_pandas_keeps_what_marks_small_counts(private_fit: xr.DataTree) -> None:
    tables = [cp.estimates(private_fit), cp.estimates(private_fit, by="histology")]
    assert pd.concat(tables).attrs == {"public": False}


def test_what_has_no_limits_stays_out_of_the_picture() -> None:
    tests = [
        row("all levels", estimate=0.5, unit="P value", interval=""),
        row("A vs B", "shrunk", estimate=0.9, interval="", method="posterior probability"),
    ]
    table = pd.concat([two_sources("EIMT"), estimate_table(tests)], ignore_index=True)
    assert [label.get_text() for label in plot_forest(table).get_yticklabels()] == ["EIMT"]


def test_wilson_stays_out_where_clopper_pearson_is() -> None:
    wilson = estimate_table([row("EIMT", method="Wilson", lower=0.6)])
    both = pd.concat([two_sources("EIMT"), wilson], ignore_index=True)
    assert {left for left, _, _ in segments(plot_forest(both))} == {0.4}
    assert {left for left, _, _ in segments(plot_forest(wilson))} == {0.6}


def test_a_level_without_patients_says_so() -> None:
    empty = row("STUMP", n=0, events=0, estimate=math.nan, lower=math.nan, upper=math.nan)
    ax = plot_forest(estimate_table([row("EIMT"), empty]))
    assert "no patient" in texts(ax)
    assert len(points(ax, "s")) == 1


def test_patients_and_events_are_printed_once_a_level_unless_sources_differ() -> None:
    assert texts(plot_forest(two_sources("EIMT"))).count("6/8") == 1
    ax = plot_forest(estimate_table([row("EIMT"), row("EIMT", "shrunk", n=9)]))
    assert {"6/8", "6/9"} <= set(texts(ax))


def test_kind_and_width_of_the_intervals_are_named() -> None:
    assert plot_forest(two_sources("EIMT")).get_xlabel() == "Probability (95% CI raw, 95% CrI shrunk)"


def test_a_probability_has_the_whole_scale_and_a_ratio_a_logarithmic_one() -> None:
    assert plot_forest(two_sources("EIMT")).get_xlim() == (0, 1)
    ax = plot_forest(estimate_table([row("A vs B", "shrunk", estimate=0.4, lower=0.05, upper=2, unit="ratio")]))
    assert ax.get_xscale() == "log"
    assert any(line.get_linestyle() not in ("-", "None") and line.get_xdata()[0] == 1 for line in ax.lines)


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow() -> None:
    wide = row("A vs B", "shrunk", estimate=0.4, lower=0, upper=math.inf, unit="ratio")
    ax = plot_forest(estimate_table([wide]))
    assert len(points(ax, "<")) == len(points(ax, ">")) == 1
    assert all(np.isfinite(segments(ax)[0]))


def test_an_interval_open_on_one_side_is_drawn_as_far_as_it_is_known() -> None:
    median = row("EIMT", estimate=math.inf, lower=22.6, upper=math.inf, unit="months")
    other = row("IMT", estimate=10.0, lower=math.nan, upper=30.0, unit="months")
    ax = drawn(plot_forest(estimate_table([median, other])))
    assert [round(left, 6) for left, _, _ in segments(ax)] == [22.6, 10.0]
    assert len(points(ax, ">")) == 1


@pytest.mark.parametrize("label", STRANGE)
def test_labels_are_drawn_as_they_are(label: str) -> None:
    table = two_sources(label)
    table["by"], table["model"] = label, label
    ax = drawn(plot_forest(table))
    assert " ".join(label.split()) in texts(ax)


def test_long_labels_are_shortened() -> None:
    [label] = plot_forest(two_sources("x" * 200)).get_yticklabels()
    assert len(label.get_text()) == 40


def test_what_did_not_converge_is_marked() -> None:
    table = two_sources("EIMT", "IMT")
    assert not points(plot_forest(table), "x")
    table.loc[(table["source"] == "shrunk") & (table["level"] == "IMT"), "verdict"] = "fail"
    ax = plot_forest(table)
    assert len(points(ax, "x")) == 1
    assert any("did not converge" in text for text in texts(ax))


def test_a_figure_of_its_own_is_as_high_as_its_levels_need_and_leaves_no_trace() -> None:
    before = plt.get_fignums()
    few, many = (plot_forest(two_sources(*map(str, range(n)))).get_figure() for n in (2, 17))
    assert isinstance(few, Figure)
    assert isinstance(many, Figure)
    assert many.get_figheight() > 3 * few.get_figheight()
    assert plt.get_fignums() == before


def test_given_axes_are_drawn_into() -> None:
    ax = Figure().subplots()
    assert plot_forest(two_sources("EIMT"), ax=ax) is ax


def test_sources_that_repeat_are_told_apart_by_what_differs() -> None:
    table = estimate_table(
        [row("A vs B", "shrunk", estimand=name, unit="ratio") for name in ("risk ratio", "odds ratio")]
    )
    assert {"shrunk, risk ratio", "shrunk, odds ratio"} <= set(texts(plot_forest(table)))


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        (pd.DataFrame({"a": [1]}), "no estimate table"),
        (two_sources().iloc[:0], "nothing to draw"),
        (estimate_table([row("EIMT"), row("EIMT", unit="months")]), "several units"),
    ],
)
def test_tables_that_make_no_picture_are_refused(table: pd.DataFrame, problem: str) -> None:
    with pytest.raises(CasepoolError, match=problem):
        plot_forest(table)
