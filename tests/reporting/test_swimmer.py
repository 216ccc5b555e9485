"""The swimmer plot: what each lane says, on the bundled table and on a stranger's."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import casepool as cp
from casepool.cases import Codebook
from tests.small import normal, survival_model


def lanes(ax: Axes) -> dict[str, int]:
    """Place of every patient's lane by the first word of its label."""
    return {label.get_text().split()[0]: place for place, label in enumerate(ax.get_yticklabels())}


def bars(ax: Axes, place: int) -> list[tuple[float, float]]:
    found = [
        (bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches if bar.get_y() < place < bar.get_y() + 1
    ]
    return sorted(found)


def marks(ax: Axes, place: int, marker: str) -> list[float]:
    return [
        float(x)
        for line in ax.lines
        if line.get_marker() == marker
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
        if y == place
    ]


@pytest.fixture(scope="module")
def picture() -> Axes:
    return cp.plot_swimmer("alk_crizotinib", "overall_survival")


def test_every_patient_has_a_lane_the_longest_on_top(picture: Axes) -> None:
    cases = cp.load("alk_crizotinib")
    places = lanes(picture)
    assert sorted(places, key=int) == [str(i) for i in cases["patient"]]
    months = cases.set_index(cases["patient"].astype(str))["os_months"]
    ends = [months[patient] for patient in sorted(places, key=places.get) if not np.isnan(months[patient])]
    assert ends == sorted(ends, reverse=True)
    assert len(ends) == 28


def test_a_lane_tells_drug_surgery_response_and_end(picture: Axes) -> None:
    """Patient 11: 41 months on, 7 off, operated between 4 and 41, evaluated at 4, alive at 48."""
    place = lanes(picture)["11"]
    assert picture.get_yticklabels()[place].get_text().split() == ["11", "PR"]
    assert bars(picture, place) == [(0, 41), (41, 48)]
    assert marks(picture, place, "|") == [4, 41]
    assert marks(picture, place, "o") == [4]
    assert marks(picture, place, ">") == [48]
    assert marks(picture, place, "X") == []


def test_deaths_are_where_they_happened(picture: Axes) -> None:
    cases = cp.load("alk_crizotinib").dropna(subset="os_months")
    places = lanes(picture)
    for _, row in cases.iterrows():
        died = marks(picture, places[str(row["patient"])], "X")
        assert died == ([row["os_months"]] if row["death"] else [])


def test_the_legend_explains_what_is_drawn_and_no_more(picture: Axes) -> None:
    told = [text.get_text() for text in picture.get_legend().get_texts()]
    assert told == [
        *("on the drug", "off it", "operated at some time between", "response evaluated", "death"),
        "last contact without death",
    ]
    assert "33 patients, 28 with follow-up" in picture.get_xlabel()


def stranger(**more) -> tuple[pd.DataFrame, cp.Model]:
    frame = pd.DataFrame(
        {
            "patient": [r"$\frac{$", "b", "c"],
            "time": [10.0, 20, 30],
            "event": [True, False, True],
            "entry": [2.0, 0, 5],
            "surgery": [True, True, False],
            "start": [3.0, 20, None],
        }
    )
    asked = survival_model(
        {"intercept": normal(1), "surgery_effect": normal(1)},
        exposure={"start": "start", "dating": "uniform"},
        outcome={"entry": "entry"},
        unit="days",
    )
    return frame.assign(**more), asked


def test_a_strangers_table_with_late_entry_known_dates_and_named_columns(tmp_path) -> None:
    frame, asked = stranger(best=["CR", "PD", None], pills=[4.0, None, 30.0])
    ax = cp.plot_swimmer(frame, asked, on="pills", response="best")
    ax.figure.savefig(tmp_path / "lanes.png")  # labels are no mathematics
    places = [label.get_text() for label in ax.get_yticklabels()]
    assert places == ["c", "b PD", r"\$\frac{\$ CR"]
    assert bars(ax, 2) == [(2, 4), (4, 10)]
    assert bars(ax, 1) == [(0, 20)]
    assert bars(ax, 0) == [(5, 30)]
    assert marks(ax, 2, "D") == [3]
    assert "Days" in ax.get_xlabel()
    told = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "not known whether on the drug" in told


def test_events_in_intervals_are_drawn_as_such() -> None:
    asked = survival_model({"intercept": normal(1)}, outcome={"time": "", "event": "", "lower": "low", "upper": "high"})
    frame = pd.DataFrame({"patient": ["a", "b"], "low": [3.0, 8], "high": [7.0, None]})
    ax = cp.plot_swimmer(frame, asked)
    assert marks(ax, lanes(ax)["a"], "X") == [7]
    dotted = [list(line.get_xdata()) for line in ax.lines if line.get_linestyle() == ":"]
    assert dotted == [[3, 7]]


def test_patients_of_a_table_that_is_not_public_are_not_named() -> None:
    frame, asked = stranger()
    frame = cp.read_cases(frame.assign(patient=["Smith", "Jones", "Brown"]), Codebook(name="clinic", public=False))
    labels = [label.get_text() for label in cp.plot_swimmer(frame, asked).get_yticklabels()]
    assert [label.split()[0] for label in labels] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("alk_crizotinib",), "do not say what follow-up is"),
        (("alk_crizotinib", "objective_response"), "no survival model"),
    ],
)
def test_questions_without_lanes_are_refused(arguments, said) -> None:
    with pytest.raises(cp.CasepoolError, match=said):
        cp.plot_swimmer(*arguments)


def test_a_column_that_is_not_there_is_refused() -> None:
    frame, asked = stranger()
    with pytest.raises(cp.CasepoolError, match="pils"):
        cp.plot_swimmer(frame, asked, on="pils")
