"""The waterfall plot: one bar a patient, the worst first, each in its level's colour."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import casepool as cp
from casepool.cases import Codebook, Column

CODES = ("PD", "SD", "PR", "CR")
COLUMNS = {
    "patient": Column("text"),
    "best": Column("number", unit="%", label="Best change", role="change"),
    "answer": Column("ordered", levels=CODES, label="Best response", role="response", counts=("PR", "CR")),
    "arm": Column("category", label="Arm"),
}


def cases(changes: list, answers: list | None = None, *, public: bool = True, **columns: Column) -> pd.DataFrame:
    n = len(changes)
    frame = pd.DataFrame(
        {
            "patient": [f"P{i}" for i in range(n)],
            "best": pd.Series(changes, dtype=float),
            "answer": answers or ["PR"] * n,
            "arm": ["A", "B"] * (n // 2) + ["A"] * (n % 2),
        }
    )
    return cp.read_cases(frame, Codebook(name="made", public=public, columns=COLUMNS | columns))


def heights(ax: Axes) -> list[float]:
    return [bar.get_y() + bar.get_height() for bar in ax.patches]


def names(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_xticklabels()]


def coloured(ax: Axes) -> dict[str, str]:
    """The level of every colour, as the legend has it."""
    handles = ax.get_legend().legend_handles
    return {
        to_hex(handle.get_facecolor()): text.get_text()
        for handle, text in zip(handles, ax.get_legend().get_texts(), strict=True)
    }


@given(st.lists(st.one_of(st.none(), st.floats(-100, 300).map(lambda x: round(x, 1))), min_size=2, max_size=15))
@settings(max_examples=20, deadline=None)
def test_bars_are_the_changes_in_order_and_who_has_none_is_counted(changes: list) -> None:
    known = sorted((change for change in changes if change is not None), reverse=True)
    if not known:
        return
    ax = cp.plot_waterfall(cases(changes))
    assert [height if height else bar.get_y() for height, bar in zip(heights(ax), ax.patches, strict=True)] == [
        pytest.approx(change) for change in known
    ]
    lost = len(changes) - len(known)
    assert (f"{lost} without a record" in ax.get_xlabel()) == bool(lost)


def test_a_bar_is_named_and_coloured_as_its_patient() -> None:
    answers = ["SD", "PD", "CR", "PR"]
    ax = cp.plot_waterfall(cases([5, 40, -100, -35], answers))
    assert names(ax) == ["P1", "P0", "P3", "P2"]
    levels = coloured(ax)
    assert [levels[to_hex(bar.get_facecolor())] for bar in ax.patches] == ["PD", "SD", "PR", "CR"]
    by_arm = cp.plot_waterfall(cases([5, 40, -100, -35], answers), by="arm")
    levels = coloured(by_arm)
    assert [levels[to_hex(bar.get_facecolor())] for bar in by_arm.patches] == ["B", "A", "B", "A"]
    assert by_arm.get_legend().get_title().get_text() == "Arm"
    assert by_arm.get_ylabel() == "Best change"


def test_without_a_change_bars_reach_the_response() -> None:
    ax = cp.plot_waterfall("alk_crizotinib")
    told = cp.load("alk_crizotinib")["best_response"].dropna()
    ranks = sorted(["PD", "SD", "PR", "CR"].index(answer) for answer in told)
    assert heights(ax) == pytest.approx(ranks)
    assert [label.get_text() for label in ax.get_yticklabels()] == list(CODES)
    assert "30 patients, worst first; 3 without a record not drawn" in ax.get_xlabel()
    assert ax.get_ylabel() == "Best response to crizotinib"


def test_lines_stand_at_the_thresholds_and_at_none() -> None:
    def lines(ax: Axes) -> list[float]:
        return sorted(float(line.get_ydata()[0]) for line in ax.lines if line.get_linestyle() != "-")

    assert lines(cp.plot_waterfall(cases([10, -50]))) == [-30, 20]
    assert lines(cp.plot_waterfall(cases([10, -50]), thresholds=[-65])) == [-65]
    assert lines(cp.plot_waterfall(cases([10, -50]), thresholds=())) == []


def test_patients_of_a_table_that_is_not_public_are_not_named_nor_their_labels_shown() -> None:
    ax = cp.plot_waterfall(cases([10, -50, None], public=False))
    assert names(ax) == []
    assert "1† without" in ax.get_xlabel()
    with pytest.raises(cp.CasepoolError, match=r"may be names.*levels"):
        cp.plot_waterfall(cases([10, -50], public=False), by="arm")


@pytest.mark.parametrize(
    ("made", "given", "said"),
    [
        (cases([-0.3, 0.2], best=Column("number", role="change")), {}, r"fractions.*-30, not -0.3"),
        (cases([-130, 2]), {}, r"row 1 \(patient P0\), column 'best': a size cannot fall"),
        (cases([math.nan, math.nan]), {"change": "best"}, "no change is known"),
        (cases([1, 2], best=Column("number", unit="cm", role="change")), {}, "in percent"),
        (cases([1, 2]), {"change": "bset"}, "bset"),
        (cases([1, 2]), {"change": "arm"}, r"no column of numbers.*type = \"number\""),
        (cases([1, 2]), {"by": "best"}, "no levels"),
        (cases([1, 2]), {"response": "arm"}, r"worse is not said.*worst first"),
        (cases([1, 2])[["patient", "arm"]], {}, r"role = \"change\".*or name one"),
    ],
)
def test_what_makes_no_waterfall_is_refused_with_what_to_write(made: pd.DataFrame, given: dict, said: str) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        cp.plot_waterfall(made, **given)


def test_levels_that_share_a_colour_differ_in_their_hatch() -> None:
    many = cases(list(np.arange(24.0)), arm=Column("category"))
    many["arm"] = [f"level {i % 12}" for i in range(24)]
    ax = cp.plot_waterfall(many, by="arm")
    looks = {(to_hex(bar.get_facecolor()), bar.get_hatch() or "") for bar in ax.patches}
    assert len(looks) == 12
