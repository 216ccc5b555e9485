import itertools
import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes

from casepool import CasepoolError, plot_survival, predict, survival
from casepool.frequentist.curves import kaplan_meier, left_before


def curves(ax: Axes, words: str) -> tuple[np.ndarray, np.ndarray]:
    """The curve with a given name in the legend."""
    [line] = [line for line in ax.lines if str(line.get_label()).startswith(words)]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def legend(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.legend_.texts]


@pytest.fixture(scope="module")
def picture(survival_fit: xr.DataTree) -> Axes:
    return plot_survival(survival_fit)


def test_the_picture_tells_what_the_table_tells(picture: Axes, survival_fit: xr.DataTree) -> None:
    table = survival(survival_fit, at=[12])
    for arm in ("never operated", "operated at month 6"):
        [told] = table.loc[table["estimand"].str.startswith(f"survival at 12 months: {arm}"), "estimate"]
        times, alive = curves(picture, arm)
        assert alive[times == 12] == pytest.approx(told)


def test_strategies_do_not_differ_before_surgery(picture: Axes) -> None:
    times, never = curves(picture, "never operated")
    other, operated = curves(picture, "operated at month 6")
    before = np.intersect1d(times[times <= 6], other[other <= 6])
    assert len(before) > 5
    assert never[np.isin(times, before)] == pytest.approx(operated[np.isin(other, before)])
    assert operated[-1] > never[-1]


def test_what_was_seen_is_all_patients_never_ever_against_never(picture: Axes) -> None:
    assert [text for text in legend(picture) if "Kaplan" in text] == ["Kaplan–Meier, all patients (28)"]


def test_curves_are_dashed_beyond_the_last_follow_up(picture: Axes) -> None:
    dashed = [line for line in picture.lines if line.get_linestyle() == "--"]
    assert len(dashed) == 2
    assert all(min(line.get_xdata()) == 55.2 for line in dashed)
    assert curves(picture, "never operated")[0].max() == 55.2


def test_title_names_strategy_and_interval(picture: Axes) -> None:
    title = picture.get_title(loc="left")
    assert "operated at month 6 if still alive" in title
    assert "95% CrI" in title


def test_numbers_at_risk_stand_below(picture: Axes) -> None:
    below = [text.get_text() for text in picture.texts]
    at = below.index("all patients")
    assert below[at + 1] == "28"
    counts = [int(text) for text in below[at + 1 : at + 7]]
    assert counts == sorted(counts, reverse=True)


def counts_below(ax: Axes, heading: str) -> list[int]:
    """The counts in the line of a heading, or in the first line below it."""
    below = [text.get_text() for text in ax.texts]
    at = below.index(heading) + 1
    numbers = itertools.takewhile(str.isdigit, below[at if below[at].isdigit() else at + 1 :])
    return [int(text) for text in numbers]


def test_whoever_entered_is_at_risk_or_had_the_event_or_is_censored(picture: Axes, survival_fit: xr.DataTree) -> None:
    risk, events, censored = (
        counts_below(picture, heading) for heading in ("At risk", "Events before", "Censored before")
    )
    assert {sum(counts) for counts in zip(risk, events, censored, strict=True)} == {28}
    table = survival(survival_fit)
    assert events[-1] == table["events"].max()
    assert events == sorted(events)
    assert censored == sorted(censored)


@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 6), st.booleans()), min_size=1, max_size=12),
    st.lists(st.integers(0, 14), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_counts_left_are_those_of_a_loop_over_patients(patients: list, ticks: list[int]) -> None:
    entry, span, event = (np.array(part) for part in zip(*patients, strict=True))
    time = entry + span
    events, censored = left_before(kaplan_meier(time, event, entry), ticks)
    ended = [[(t < tick, e) for t, e in zip(time, event, strict=True)] for tick in ticks]
    assert events.tolist() == [sum(over and e for over, e in own) for own in ended]
    assert censored.tolist() == [sum(over and not e for over, e in own) for own in ended]


def test_another_start_moves_the_strategy(survival_fit: xr.DataTree) -> None:
    ax = plot_survival(survival_fit, start=12)
    assert "operated at month 12 if still alive" in legend(ax)


def test_ever_against_never_stands_beside_the_baseline_model_only_with_its_guard(baseline_fit: xr.DataTree) -> None:
    ax = plot_survival(baseline_fit)
    assert [text for text in legend(ax) if "Kaplan" in text] == [
        "Kaplan–Meier, never operated (18)",
        "Kaplan–Meier, operated (10)",
    ]
    assert any("immortal" in text.get_text().replace("\n", " ") for text in ax.texts)


def test_an_unconverged_fit_is_marked(survival_fit: xr.DataTree) -> None:
    fit = survival_fit.copy()
    fit.attrs["convergence"] = json.dumps({**json.loads(fit.attrs["convergence"]), "verdict": "fail"})
    assert "did not converge" in plot_survival(fit).get_title(loc="left")


def test_patients_are_drawn_from_when_they_are_alive_on(survival_fit: xr.DataTree) -> None:
    new = pd.DataFrame({"patient": ["$x$", "y"], "alive_at": [24.0, None]})
    ax = plot_survival(survival_fit, patients=new)
    told = predict(survival_fit, new, at=[24, 36])
    told = told[told["unit"] == "probability"].set_index(["level", "estimand"])["estimate"]
    times, alive = curves(ax, "patient \\$x\\$, alive at 24 months: never operated")
    assert set(alive[times <= 24]) == {1}
    assert (
        alive[times == 36] == told["$x$", "survival at 36 months for this patient, alive at 24 months: never operated"]
    )
    times, alive = curves(ax, "patient y: never operated")
    assert alive[times == 36] == told["y", "survival at 36 months for this patient: never operated"]
    assert ax.get_title(loc="left").startswith("Patients \\$x\\$, y\n")
    assert [text for text in legend(ax) if "Kaplan" in text] == ["Kaplan–Meier, all patients (28)"]
    with pytest.raises(CasepoolError, match="leave one out"):
        plot_survival(survival_fit, patients=new, by="surgery")


def test_what_has_no_survival_is_refused(age_fit: xr.DataTree, survival_fit: xr.DataTree) -> None:
    with pytest.raises(CasepoolError, match="no survival model"):
        plot_survival(age_fit)
    with pytest.raises(CasepoolError, match="start"):
        plot_survival(survival_fit, start=-1)
