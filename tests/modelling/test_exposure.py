"""An exposure that starts during follow-up, against quadrature of hazards written out here."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from casepool.errors import CasepoolError
from casepool.frequentist.answers import classical
from casepool.modelling import list_models, make_design, model
from casepool.modelling.design.likelihood import outcome_and_dates, pointwise
from casepool.modelling.design.touched import touched
from casepool.remarks import note_of

from .small import EACH, PIECES, assert_same_design, by_patient, own_values, survival_model, table, total, with_units

KNOWN = {"start": "start", "dating": "uniform"}
INTERVAL = {"earliest": "low", "latest": "high"}
ETA, BETA, RHO = -2.4, -0.8, 0.04
TIGHT = {"epsabs": 1e-13, "epsrel": 1e-12, "limit": 200}


def unexposed_hazard(family, effects):
    """Hazard of a patient never exposed, as a function of time, from scipy's distributions."""
    own = own_values(family)
    if family == "gompertz":
        return lambda t: np.exp(ETA + own["shape"] * t)
    if family == "piecewise_exponential":
        return lambda t: np.exp(ETA + own["log_hazard"][np.searchsorted(PIECES[family]["cuts"], t)])
    if family == "m_spline":
        return lambda t: np.exp(ETA) * np.exp(own["log_hazard"]) @ ramsay(min(t, 20.0))
    k, s = own.get("shape", 1.0), own.get("scale", 1.0)
    of = {
        "exponential": stats.expon(scale=np.exp(-ETA if effects == "proportional" else ETA)),
        "weibull": stats.weibull_min(k, scale=np.exp(-ETA / k if effects == "proportional" else ETA)),
        "log_normal": stats.lognorm(s, scale=np.exp(ETA)),
        "log_logistic": stats.fisk(1 / s, scale=np.exp(ETA)),
    }[family]
    return lambda t: of.pdf(t) / of.sf(t)


def ramsay(t, degree=3, inner=(4.0, 9.0), last=20.0):
    """Return every M-spline at t by the recursion of Ramsay 1988, equation 2."""
    knots = [0.0] * (degree + 1) + [*inner] + [last] * (degree + 1)
    rows = [1 / (b - a) if a <= t < b or (t == last == b and a < b) else 0.0 for a, b in itertools.pairwise(knots)]
    for k in range(2, degree + 2):
        rows = [
            k * ((t - knots[i]) * rows[i] + (knots[i + k] - t) * rows[i + 1]) / ((k - 1) * (knots[i + k] - knots[i]))
            if knots[i + k] > knots[i]
            else 0.0
            for i in range(len(knots) - k)
        ]
    return np.array(rows)


def exposed_hazard(family, effects, start):
    """Hazard of a patient exposed from `start` on: multiplied, or run through at another speed."""
    h0 = unexposed_hazard(family, effects)
    if effects == "proportional":
        return lambda t: h0(t) * np.exp(BETA)
    speed = np.exp(-BETA)
    return lambda t: h0(start + speed * (t - start)) * speed


def in_parts(hazard, start, end):
    """Integrate a hazard that may jump or bend where pieces meet."""
    ends = [start, *(t for t in (3.0, 4.0, 9.0, 10.0, 20.0) if start < t < end), end]
    return sum(integrate.quad(hazard, a, b, **TIGHT)[0] for a, b in itertools.pairwise(ends))


def two_pieces(family, effects, time, event, start, entry=0.0):
    """Log-likelihood with a known start, the cumulative hazard by quadrature before and after it."""
    before, after = unexposed_hazard(family, effects), exposed_hazard(family, effects, start)
    risk = 0.0
    if entry < min(start, time):
        risk += in_parts(before, entry, min(start, time))
    if start < time:
        risk += in_parts(after, max(start, entry), time)
    at_end = after if start < time else before  # who has the event as the exposure starts had it before
    return (np.log(at_end(time)) if event else 0.0) - risk


PATIENTS = table(
    time=[1.5, 4.0, 7.3, 13.0, 22.6, 30.0],
    event=[True, True, False, True, False, True],
    surgery=[False, True, True, True, True, True],
    start=[np.nan, 2.5, 0.5, 13.0, 10.0, 1.0],
)


@pytest.mark.parametrize(("family", "effects"), EACH)
def test_a_known_date_cuts_follow_up_in_two_pieces(family, effects):
    chosen = survival_model(family, effects, exposure=KNOWN)
    got = by_patient(chosen, PATIENTS, intercept=ETA, surgery_effect=BETA, **own_values(family))
    expected = [
        two_pieces(family, effects, row.time, row.event, row.start if row.surgery else np.inf)
        for row in PATIENTS.itertuples()
    ]
    assert got == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("family", "effects"), EACH)
def test_a_known_date_and_late_entry_together(family, effects):
    entry = [1.0, 3.0, 0.2, 0.0, 4.0, 1.0]
    chosen = survival_model(family, effects, exposure=KNOWN, entry=True)
    got = by_patient(chosen, PATIENTS.assign(entry=entry), intercept=ETA, surgery_effect=BETA, **own_values(family))
    expected = [
        two_pieces(family, effects, row.time, row.event, row.start if row.surgery else np.inf, from_)
        for row, from_ in zip(PATIENTS.itertuples(), entry, strict=True)
    ]
    assert got == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize(("family", "effects"), EACH)
@pytest.mark.parametrize("dating", ["intensity", "uniform"])
def test_an_interval_of_no_width_is_a_known_date(family, effects, dating):
    values = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO), **own_values(family)}
    interval = survival_model(family, effects, exposure=INTERVAL | {"dating": dating})
    known = survival_model(family, effects, exposure={"start": "start", "dating": dating})
    patients = PATIENTS.assign(low=PATIENTS["start"], high=PATIENTS["start"])
    assert by_patient(interval, patients, **values) == pytest.approx(by_patient(known, patients, **values), abs=1e-10)


@pytest.mark.parametrize("width", [1e-3, 1e-5])
def test_a_narrow_interval_approaches_the_known_date(width):
    values = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO), "shape": 0.7}
    patients = PATIENTS.drop(index=3)
    narrow = patients.assign(low=patients["start"] - width / 2, high=patients["start"] + width / 2)
    exposed = patients["surgery"].to_numpy(dtype=float)
    for dating, gain in (("uniform", 0.0), ("intensity", np.log(width))):
        known = survival_model("weibull", "proportional", exposure={"start": "start", "dating": dating})
        interval = survival_model("weibull", "proportional", exposure=INTERVAL | {"dating": dating})
        difference = by_patient(interval, narrow, **values) - by_patient(known, patients, **values)
        assert difference == pytest.approx(gain * exposed, abs=width)


@pytest.mark.parametrize(("family", "effects"), EACH)
@pytest.mark.parametrize("dating", ["intensity", "uniform"])
@settings(max_examples=8, deadline=None)
@given(share=st.floats(0.001, 0.999), who=st.integers(0, len(PATIENTS) - 1))
def test_splitting_a_patient_anywhere_changes_nothing(family, effects, dating, share, who):
    values = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO), **own_values(family)}
    chosen = survival_model(family, effects, exposure={"start": "start", "dating": dating}, entry=True)
    whole = PATIENTS.assign(entry=0.0)
    cut = share * whole["time"][who]
    exposed_by_then = bool(whole["start"][who] <= cut)
    early = whole.iloc[[who]].assign(
        time=cut, event=False, surgery=exposed_by_then, start=whole["start"][who] if exposed_by_then else np.nan
    )
    late = whole.copy()
    late.loc[who, "entry"] = cut
    split = table(**{name: [*early[name], *late[name]] for name in ("time", "event", "surgery", "start", "entry")})
    if late["surgery"][who] and not exposed_by_then:
        assert split["start"][1 + who] > cut
    assert total(chosen, split, **values) == pytest.approx(total(chosen, whole, **values), abs=1e-10)


def exponential_uniform(time, event, low, high):
    """Average over a uniform start of the exponential likelihood, integrated by hand."""
    h0, h1 = np.exp(ETA), np.exp(ETA + BETA)
    slope = h1 - h0
    average = np.exp(-h1 * time) * (np.exp(slope * high) - np.exp(slope * low)) / (slope * (high - low))
    return np.log(average) + event * np.log(h1)


@pytest.mark.parametrize("event", [True, False])
@pytest.mark.parametrize(
    ("time", "low", "high"), [(30.0, 1.9, 30.0), (48.0, 0.0, 36.0), (9.0, 5.0, 9.0), (41.0, 0.0, 41.0)]
)
def test_uniform_dating_of_an_exponential_is_its_closed_form(time, low, high, event):
    if event and high == time:
        high = time - 0.5
    chosen = survival_model("exponential", "proportional", exposure=INTERVAL | {"dating": "uniform"})
    patients = table(time=[time], event=[event], surgery=[True], low=[low], high=[high])
    got = total(chosen, patients, intercept=ETA, surgery_effect=BETA)
    assert got == pytest.approx(exponential_uniform(time, event, low, high), abs=1e-10)


@pytest.mark.parametrize(
    ("family", "shape"), [("exponential", 1.0), ("weibull", 0.5), ("weibull", 1.0), ("weibull", 2.0)]
)
@pytest.mark.parametrize("event", [True, False])
@pytest.mark.parametrize("beta", [-2.5, 0.0, 1.5])
@pytest.mark.parametrize(("time", "low", "high"), [(30.0, 1.9, 30.0), (48.0, 0.0, 36.0), (41.0, 0.0, 41.0)])
def test_intensity_dating_of_a_wide_interval_is_the_illness_death_integral(family, shape, event, beta, time, low, high):
    chosen = survival_model(family, "proportional", exposure=INTERVAL)
    patients = table(time=[time], event=[event], surgery=[True], low=[low], high=[high])
    own = {"shape": shape} if family == "weibull" else {}
    eta = -3.5 * shape  # survival of exp(-1) at 33 months, whatever the shape
    got = total(chosen, patients, intercept=eta, surgery_effect=beta, surgery_log_intensity=np.log(RHO), **own)
    of = stats.weibull_min(shape, scale=np.exp(-eta / shape))
    h1 = of.pdf(time) / of.sf(time) * np.exp(beta)

    def density(s):
        after = (of.sf(time) / of.sf(s)) ** np.exp(beta)
        return RHO * np.exp(-RHO * s) * of.sf(s) * after * h1**event

    expected = integrate.quad(density, low, high, **TIGHT)[0]
    assert got == pytest.approx(np.log(expected), abs=1e-8)


def test_a_patient_never_exposed_waits_all_of_follow_up():
    values = {"intercept": ETA, "surgery_effect": BETA, "shape": 0.7}
    chosen = survival_model("weibull", "proportional", exposure=INTERVAL)
    plain = survival_model("weibull", "proportional")
    patients = table(time=[4.0, 9.0], event=[True, False], surgery=[False, False], low=[np.nan] * 2, high=[np.nan] * 2)
    with_waiting = by_patient(chosen, patients, surgery_log_intensity=np.log(RHO), **values)
    without = by_patient(plain, patients, intercept=ETA, shape=0.7)
    assert with_waiting - without == pytest.approx([-4.0 * RHO, -9.0 * RHO], abs=1e-12)


def test_no_effect_makes_the_dates_irrelevant_to_survival():
    plain = survival_model("weibull", "proportional")
    patients = PATIENTS.assign(low=0.0, high=PATIENTS["time"])
    for dating in ("uniform", "early", "late"):
        chosen = survival_model("weibull", "proportional", exposure=INTERVAL | {"dating": dating})
        got = by_patient(chosen, patients, intercept=ETA, surgery_effect=0.0, shape=1.3)
        assert got == pytest.approx(by_patient(plain, patients, intercept=ETA, shape=1.3), abs=1e-10)


def test_early_and_late_dating_take_the_ends_and_uniform_lies_between():
    values = {"intercept": ETA, "surgery_effect": BETA, "shape": 0.7}
    patients = PATIENTS.assign(low=PATIENTS["time"] * 0.2, high=PATIENTS["time"] * 0.8)
    got = {
        dating: by_patient(
            survival_model("weibull", "proportional", exposure=INTERVAL | {"dating": dating}), patients, **values
        )
        for dating in ("early", "late", "uniform")
    }
    for dating, end in (("early", "low"), ("late", "high")):
        known = survival_model("weibull", "proportional", exposure=KNOWN)
        expected = by_patient(known, patients.assign(start=patients[end]), **values)
        np.testing.assert_array_equal(got[dating], expected)
    exposed = patients["surgery"].to_numpy()
    assert (got["late"] < got["uniform"])[exposed].all()
    assert (got["uniform"] < got["early"])[exposed].all()


@pytest.mark.parametrize(("family", "effects"), EACH)
def test_baseline_counts_an_exposure_from_time_zero(family, effects):
    values = {"intercept": ETA, "surgery_effect": BETA, **own_values(family)}
    baseline = survival_model(family, effects, exposure={"start": "start", "as": "baseline"})
    known = survival_model(family, effects, exposure=KNOWN)
    at_zero = PATIENTS.assign(start=np.where(PATIENTS["surgery"], 0.0, np.nan))
    np.testing.assert_array_equal(by_patient(baseline, PATIENTS, **values), by_patient(known, at_zero, **values))


def test_an_exposed_patient_without_dates_may_be_so_at_any_time_or_is_refused():
    values = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO), "shape": 0.7}
    undated = table(time=[20.0], event=[False], surgery=[True], low=[np.nan], high=[np.nan])
    chosen = survival_model("weibull", "proportional", exposure=INTERVAL)
    assert total(chosen, undated, **values) == total(chosen, undated.assign(low=0.0, high=20.0), **values)
    strict = survival_model("weibull", "proportional", exposure=INTERVAL | {"undated": "refuse"})
    with pytest.raises(CasepoolError, match=r"row 1 \(patient 1\), column 'surgery'.*without a date"):
        make_design(strict, undated)


def test_an_interval_across_a_late_entry_is_refused():
    chosen = survival_model("weibull", "proportional", exposure=INTERVAL, entry=True)
    patients = table(time=[20.0], event=[False], surgery=[True], low=[2.0], high=[9.0], entry=[5.0])
    with pytest.raises(CasepoolError, match="late entry"):
        make_design(chosen, patients)


def test_a_patient_found_exposed_at_entry_tells_nothing_of_when():
    chosen = survival_model("weibull", "proportional", exposure={"start": "start"}, entry=True)
    patients = table(time=[20.0], event=[True], surgery=[True], start=[2.0], entry=[5.0])
    values = {"intercept": ETA, "surgery_effect": BETA, "shape": 0.7}
    rare, often = (total(chosen, patients, surgery_log_intensity=r, **values) for r in (-9.0, 2.0))
    assert rare == often == pytest.approx(two_pieces("weibull", "proportional", 20.0, True, 2.0, 5.0), abs=1e-8)


@pytest.mark.parametrize("factor", [365.25 / 12, 365.25 / 12 / 7, 1 / 12], ids=["days", "weeks", "years"])
@pytest.mark.parametrize("name", [name for name in list_models() if name.startswith("overall_survival")])
def test_cases_in_another_unit_give_the_same_design(alk, name, factor):
    unit = {365.25 / 12: "days", 365.25 / 12 / 7: "weeks", 1 / 12: "years"}[factor]
    times = ["os_months", "surgery_earliest", "surgery_latest"]
    bare = alk[["patient", *times, "surgery_any", "death"]].copy()
    bare.attrs.clear()
    other = with_units(bare.assign(**{column: bare[column] * factor for column in times}), unit, times)
    chosen = model(name)
    one, two = make_design(chosen, alk), make_design(chosen, other)
    assert_same_design(one, two)
    values = {"intercept": -3.5, "shape": 0.8, "surgery_effect": -0.6, "surgery_log_intensity": -3.4}
    np.testing.assert_array_equal(by_patient(chosen, alk, **values), by_patient(chosen, other, **values))


def test_an_unknown_unit_is_refused():
    patients = with_units(table(time=[3.0], event=[True]), "fortnights", ["time"])
    with pytest.raises(CasepoolError, match=r"column 'time'.*fortnights.*days, weeks, months, years"):
        make_design(survival_model("weibull", "proportional"), patients)


def test_the_bundled_survival_outcome_is_as_the_issue_counts_it(alk):
    design = make_design(model("overall_survival"), alk)
    assert len(design.patients) == 28
    assert design.outcome["event"].sum() == 7
    assert design.exposed.sum() == 10
    assert not (design.exposed & (design.outcome["event"] == 1)).any()
    assert dict(design.left_out) == dict.fromkeys(["10", "17", "20", "25", "27"], "no os_months")


@pytest.mark.parametrize("dating", ["intensity", "uniform"])
def test_splitting_exactly_where_the_exposure_starts_changes_nothing(dating):
    values = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO), "shape": 0.7}
    chosen = survival_model("weibull", "proportional", exposure={"start": "start", "dating": dating}, entry=True)
    whole = table(time=[20.0], event=[True], surgery=[True], start=[8.0], entry=[0.0])
    split = table(time=[8.0, 20.0], event=[False, True], surgery=[True] * 2, start=[8.0] * 2, entry=[0.0, 8.0])
    assert total(chosen, split, **values) == pytest.approx(total(chosen, whole, **values), abs=1e-10)


def test_an_event_as_the_exposure_starts_belongs_to_before_it_in_posterior_and_maximum_alike():
    tied = table(
        time=[15.0, 20.0, 8.0, 30.0, 12.0, 6.0],
        event=[True, False, True, False, True, True],
        surgery=[True, True, False, False, True, False],
        start=[15.0, 3.0, np.nan, np.nan, 4.0, np.nan],
    )
    chosen = survival_model("exponential", "proportional", exposure={"start": "start"})
    values = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO)}
    before = tied.assign(start=tied["start"].replace(15.0, 15.0 - 1e-6))
    assert by_patient(chosen, tied, **values)[0] == pytest.approx(by_patient(chosen, before, **values)[0] - BETA)
    rows = classical(chosen, tied, "surgery")
    ratio = rows[(rows["estimand"] == "hazard ratio") & rows["method"].str.startswith("maximum")].iloc[0]
    exposed, unexposed = 1 / (17 + 8), 3 / (15 + 3 + 8 + 30 + 4 + 6)
    assert ratio["estimate"] == pytest.approx(exposed / unexposed, rel=1e-6)
    said = "1 patient had the event at the very time surgery began: it counts as before it"
    assert note_of(touched(make_design(chosen, tied))) == said


@pytest.mark.parametrize("between", [False, True])
def test_who_enters_as_follow_up_ends_is_left_out_and_counted(between):
    entry = [0.0, 9.0, 0.0, 4.0]
    followed = {"lower": [5.0, 9.0, 0.0, 4.0], "upper": [5.0, np.nan, np.nan, 4.0]}
    times = followed if between else {"time": [5.0, 9.0, 0.0, 4.0], "event": [True, False, False, True]}
    chosen = survival_model("exponential", "proportional", entry=True, between=between)
    design = make_design(chosen, table(**times, entry=entry))
    assert design.patients == ("1",)
    assert note_of(touched(design)) == "left out: 3 patients (follow-up ends at entry)"


@pytest.mark.parametrize(
    "who", [PATIENTS, PATIENTS.assign(low=[np.nan, 1.0, 0.0, 2.0, 0.0, 1.0], high=PATIENTS["time"])]
)
def test_the_dates_and_the_outcome_given_them_add_up_to_the_joint_likelihood(who):
    interval = {"earliest": "low", "latest": "high"} if "low" in who else {"start": "start"}
    chosen = survival_model("weibull", "proportional", exposure=interval)
    values = {"intercept": ETA, "surgery_effect": BETA, "surgery_log_intensity": np.log(RHO), "shape": 0.7}
    draws = {name: np.full((1, 2), value) for name, value in values.items()}
    design = make_design(chosen, who)
    outcome, dates = outcome_and_dates(design, draws)
    np.testing.assert_allclose(outcome + dates, pointwise(design, draws), atol=1e-10)
    known = [
        np.log(np.exp(-RHO * row.low) - np.exp(-RHO * row.high)) if "low" in who else np.log(RHO) - RHO * row.start
        for row in who[who["surgery"]].itertuples()
    ]
    never = [-RHO * row.time for row in who[~who["surgery"]].itertuples()]
    np.testing.assert_allclose(dates[0, 0], [*never, *known], atol=1e-8)
