"""What notes of raw survival say is true: of who is at risk, of who is left out, of limits and approximations."""

import numpy as np
import pandas as pd
import pytest

from casepool.frequentist.answers import classical
from tests.small import normal, survival_model

INTERCEPT = {"intercept": normal(1)}
DATED = {"start": "start"}
EXPOSED = INTERCEPT | {"surgery_effect": normal(1), "surgery_log_intensity": normal(2)}


def table(text, **columns):
    cells = text.split()
    times = [float(cell.rstrip("+")) for cell in cells]
    event = [not cell.endswith("+") for cell in cells]
    return pd.DataFrame({"patient": [f"p{i}" for i in range(len(cells))], "time": times, "event": event, **columns})


def told(rows, method, **wanted):
    kept = rows[rows["method"].str.startswith(method)]
    for column, value in wanted.items():
        kept = kept[kept[column] == value]
    return kept


def test_a_cumulative_hazard_beyond_follow_up_is_not_said_to_be_without_events():
    rows = classical(survival_model(INTERCEPT), table("2 5 9 11+"), at=[1, 6, 20])
    notes = told(rows, "Nelson-Aalen")["note"].tolist()
    assert ["no event by then" in note for note in notes] == [True, False, False]
    assert "beyond the last follow-up (11 months)" in notes[2]


def test_nobody_at_risk_gives_no_estimate():
    """Both are operated on at 5 and 6: nobody is at risk after surgery at 4, nor before it at 8."""
    cases = table("9 12+", surgery=[True, True], start=[5.0, 6.0])
    rows = classical(survival_model(EXPOSED, exposure=DATED), cases, by="surgery", at=[4, 8])
    curve = told(rows, "Simon-Makuch, middle")
    after, before = (curve[curve["level"].str.startswith(arm)].set_index("at") for arm in ("after", "before"))
    assert np.isnan(after.loc[4, "estimate"])
    assert after.loc[4, "note"].startswith("nobody is at risk then")
    assert after.loc[8, "estimate"] == 1
    assert np.isnan(before.loc[8, "estimate"])


def test_a_death_at_the_time_of_exposure_counts_as_before_it_everywhere_and_is_said():
    starts = [15.0, 3.0, np.nan, np.nan, 4.0, np.nan]
    cases = table("15 20+ 8 30+ 12 6", surgery=[True, True, False, False, True, False], start=starts)
    asked = survival_model(EXPOSED, exposure=DATED)
    rows = classical(asked, cases, by="surgery")
    moved = classical(asked, cases.assign(start=[15.0 - 1e-6, *starts[1:]]), by="surgery")
    said = "at the very time surgery began: it counts as before it"
    for name in ("Simon-Makuch", "Mantel-Byar", "Cox, Efron ties, middle", "maximum likelihood"):
        assert told(rows, name)["note"].str.contains(said).all()
    after = told(rows, "Simon-Makuch, middle", level="after surgery").iloc[0]
    assert (after["n"], after["events"]) == (2, 1)
    ratios = [told(rows, name, kind="ratio")["estimate"].iloc[0] for name in ("Cox, Efron ties, middle", "maximum")]
    assert ratios[1] == pytest.approx((1 / 25) / (3 / 66))  # events over time at risk, exposed against not
    assert told(moved, "maximum", kind="ratio")["estimate"].iloc[0] > 1.5 * ratios[1]
    nudged = told(
        classical(asked, cases.assign(start=[15.0 + 1e-12, *starts[1:]]), by="surgery"), "maximum", kind="ratio"
    )
    assert nudged["estimate"].iloc[0] == pytest.approx(ratios[1], rel=1e-9)


def test_who_is_left_out_is_said_and_counted():
    cases = table("4 9 11+ 7", entry=[0.0, 9.0, 2.0, 0.0], event=[True, True, False, None])
    rows = classical(survival_model(INTERCEPT, outcome={"entry": "entry"}), cases, at=[5])
    assert (rows["n"] == 2).all()
    for said in ("left out: ", "follow-up ends at entry", "no event"):
        assert rows["note"].str.contains(said).all()


def test_the_median_names_its_limits_and_what_other_scales_give():
    cases = table("2 3 5 8 9+ 11 13 14+ 20 22+")
    [note] = told(classical(survival_model(INTERCEPT), cases, at=[5]), "Kaplan-Meier", unit="months")["note"]
    assert "log-log limits" in note
    assert "on the log scale" in note
    assert "on the plain scale" in note


def test_a_log_rank_test_warns_of_few_expected_events():
    few = table("9 8+ 7 6+ 5 4+ 3 2+ 10 12", arm=["a"] * 9 + ["b"])
    many = pd.concat([table("1 2 3 4 5 6 7 8 9 10 11 12", arm=["a", "b"] * 6) for _ in range(3)]).assign(
        patient=range(36)
    )
    for cases, warned in ((few, True), (many, False)):
        asked = survival_model(INTERCEPT)
        [row] = told(classical(asked, cases, by="arm", at=[5]), "log-rank").to_dict("records")
        assert ("approximation is doubtful" in row["note"]) is warned


def test_a_penalised_ratio_says_what_the_plain_one_lacks():
    """Both arms have events, yet never while the other one is at risk."""
    cases = table("2 3 4+ 9 10+", surgery=[False, False, False, True, True], start=[np.nan] * 3 + [5.0, 6.0])
    rows = told(classical(survival_model(EXPOSED, exposure=DATED), cases, by="surgery", at=[5]), "Cox", kind="ratio")
    assert len(rows)
    assert not rows["note"].str.contains("no events in one arm").any()


def test_a_time_to_something_else_is_not_called_survival():
    asked = survival_model(INTERCEPT, outcome={"what": "relapse", "free": "in remission"})
    rows = classical(asked, table("2 5 9 11+"), at=[5])
    assert not rows["estimand"].str.contains("survival").any()
    assert "median time to relapse" in set(rows["estimand"])
