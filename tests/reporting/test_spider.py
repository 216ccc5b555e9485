"""The spider plot: every patient's change over time."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

import casepool as cp
from casepool.cases import Codebook, Column

LONG = pd.DataFrame(
    {
        "patient": ["a", "b", "a", "b", "a", "c"],
        "time": [4.0, 0.0, 0.0, 8.0, 2.0, 3.0],
        "size": [10.0, 50.0, 40.0, 60.0, 20.0, None],
        "arm": ["x", "y", "x", "y", "x", "x"],
    }
)


def courses(ax: Axes) -> list[list[tuple[float, float]]]:
    """The lines with markers, each as its points."""
    return [
        list(zip(map(float, line.get_xdata()), map(float, line.get_ydata()), strict=True))
        for line in ax.lines
        if line.get_marker() not in ("None", "")
    ]


def test_sizes_become_changes_from_each_patients_first_in_the_order_of_time() -> None:
    ax = cp.plot_spider(LONG, size="size")
    assert courses(ax) == [[(0, 0), (2, -50), (4, -75)], [(0, 0), (8, pytest.approx(20))]]
    assert "2 patients; 1 without an assessment not drawn" in ax.get_xlabel()
    assert "change from first assessment" in ax.get_ylabel()
    assert {text.get_text() for text in ax.texts} == {"a", "b"}


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(1, 30), st.integers(1, 90)), min_size=1, max_size=20),
    st.randoms(),
)
@settings(max_examples=20, deadline=None)
def test_the_order_of_rows_is_nothing_to_the_figure_nor_is_the_unit_of_sizes(rows: list, random) -> None:
    unique = list({(patient, time): (patient, time, size) for patient, time, size in rows}.values())
    mixed = random.sample(unique, len(unique))
    one, other = (pd.DataFrame(own, columns=["patient", "time", "size"]) for own in (unique, mixed))
    other["size"] *= 10.0
    first, second = (sorted(courses(cp.plot_spider(table, size="size"))) for table in (one, other))
    assert [np.shape(course) for course in first] == [np.shape(course) for course in second]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


def test_recorded_changes_begin_at_none_at_time_zero() -> None:
    table = LONG.assign(change=[-75.0, 5.0, None, 20.0, -50.0, None])
    ax = cp.plot_spider(table, change="change")
    assert courses(ax) == [[(0, 0), (2, -50), (4, -75)], [(0, 5), (8, 20)]]


def test_levels_come_from_the_assessments_or_from_the_cases() -> None:
    cases = pd.DataFrame({"patient": ["a", "b", "c"], "group": ["g1", "g2", "g1"]})
    for ax, levels in (
        (cp.plot_spider(LONG, size="size", by="arm"), ["x", "y"]),
        (cp.plot_spider(LONG, cases, size="size", by="group"), ["g1", "g2"]),
    ):
        assert [text.get_text() for text in ax.get_legend().get_texts()] == levels
        assert len({line.get_color() for line in ax.lines if line.get_marker() not in ("None", "")}) == 2


def test_columns_are_known_by_their_roles(tmp_path) -> None:
    columns = {
        "patient": Column("category"),
        "week": Column("number", unit="weeks", role="evaluation"),
        "sum": Column("number", unit="mm", label="Sum of diameters", role="size"),
    }
    table = LONG.rename(columns={"time": "week", "size": "sum"})[list(columns)]
    table.attrs["codebook"] = Codebook(name="made", columns=columns).to_dict()
    ax = cp.plot_spider(table)
    assert ax.get_xlabel().startswith("Weeks since baseline")
    assert ax.get_ylabel() == "Sum of diameters, change from first assessment"
    LONG.to_csv(tmp_path / "long.csv", index=False)
    assert courses(cp.plot_spider(tmp_path / "long.csv", size="size")) == courses(ax)


def test_a_private_table_of_cases_makes_the_assessments_private() -> None:
    private = cp.read_cases(
        pd.DataFrame({"patient": ["a", "b", "c"], "site": ["Smith", "Jones", "Smith"]}),
        Codebook(name="clinic", public=False, columns={"site": Column("category")}),
    )
    assert not cp.plot_spider(LONG, private, size="size").texts
    with pytest.raises(cp.CasepoolError, match="may be names"):
        cp.plot_spider(LONG, private, size="size", by="site")


@pytest.mark.parametrize(
    ("table", "given", "said"),
    [
        (LONG, {}, r"name it: change=.*size="),
        (LONG.drop(columns="patient"), {"size": "size"}, r'whose an assessment is; name it: patient="'),
        (LONG.drop(columns="time"), {"size": "size"}, r'when an assessment was; name it: time="'),
        (LONG.assign(time=1.0), {"size": "size"}, r"row 3, column 'time': a second assessment of patient a"),
        (LONG.assign(size=[1, 0, 3, 4, 5, 6]), {"size": "size"}, r"row 2, column 'size': a first size of 0"),
        (LONG.assign(size=[-1, 1, 3, 4, 5, 6]), {"size": "size"}, r"row 1, column 'size': a size below 0"),
        (LONG.assign(time=[None, *LONG["time"][1:]]), {"size": "size"}, r"row 1, column 'time': an assessment without"),
        (LONG.assign(patient=[None, *LONG["patient"][1:]]), {"size": "size"}, r"row 1, column 'patient'.*of nobody"),
        (LONG.assign(size=None), {"size": "size"}, "size"),
        (LONG.assign(arm=list("xyzyxx")), {"size": "size", "by": "arm"}, "patient a has several levels"),
        (LONG, {"size": "size", "change": "time"}, "both given"),
        (LONG, {"size": "sise"}, "sise"),
    ],
)
def test_what_makes_no_course_is_refused_with_what_to_write(table: pd.DataFrame, given: dict, said: str) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        cp.plot_spider(table, **given)
