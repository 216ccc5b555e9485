"""Models of tables beside the cases: their likelihoods by enumeration, and laws that hold whatever the data."""

import itertools
import tomllib
from dataclasses import replace

import numpy as np
import pytest
from scipy import special, stats

import casepool as cp
from casepool.cases import codebook_of
from casepool.cases.linked_rules import candidates_of
from casepool.cases.tables import typed_by
from casepool.errors import CasepoolError
from casepool.modelling.design.density import Density
from casepool.modelling.design.linked import laid_out
from casepool.modelling.design.making import design_of_typed, make_design
from casepool.modelling.families.arrays import NUMPY

BY_TYPE, ANY, BOTH = "adverse_events_by_type", "adverse_events_any", "adverse_events_by_patient_and_type"
RNG = np.random.default_rng(7)
CANDIDATES = ("19", "20", "21", "22", "23")
FEW = ("ALT/AST elevation", "Cellulitis", "Multiple fractures", "Neutropenia")
"""Types of events that some tests are about, as a design of all takes seconds."""


@pytest.fixture(scope="module")
def cases():
    return cp.load("alk_crizotinib")


def fixed(model, **values):
    for name, value in values.items():
        model = model.with_prior(name, "Fixed", value=value, why="convention")
    return model


def few(model):
    return replace(model, outcome=replace(model.outcome, where={"event": FEW}))


def log_likelihood(model, cases, codebook=None, **parameters):
    """Log likelihood of every row at parameters, of which a number is the same in every draw."""
    design = design_of_typed(model, cases, codebook)
    shapes = {own.name: own.shape(design.laid) for own in design.parameters}
    full = {name: np.zeros((1, *shape)) for name, shape in shapes.items()}
    full |= {
        name: np.reshape(np.broadcast_to(value, shapes[name]), (1, *shapes[name])) for name, value in parameters.items()
    }
    return Density(design).log_likelihood(full, NUMPY)[0]


def with_candidate(cases, who):
    """The cases, in which the events of unknown patients are those of one of them."""
    book = codebook_of(cases)
    rows = book.linked["adverse_events"]
    cells = tuple(who if len(candidates_of(cell)) > 1 else cell for cell in rows.columns["patient"])
    linked = {"adverse_events": replace(rows, columns={**rows.columns, "patient": cells})}
    return typed_by(cases, replace(book, linked=linked))


def full_list(cases):
    """The cases, the types seen taken for all that were looked for."""
    book = codebook_of(cases)
    types = tuple(sorted(set(book.linked["adverse_events"].columns["event"])))
    tables = {**book.tables, "adverse_events": replace(book.tables["adverse_events"], types=types)}
    return typed_by(cases, replace(book, tables=tables))


def test_reporting_of_types_is_a_smaller_probability(cases):
    eta, r = RNG.normal(-2, 1, 23), 0.4
    told = log_likelihood(fixed(cp.model(BY_TYPE), reporting=r), cases, intercept=0.0, type_effect=eta)
    all_told = log_likelihood(
        cp.model(BY_TYPE), cases, intercept=0.0, type_effect=special.logit(r * special.expit(eta))
    )
    np.testing.assert_allclose(told, all_told, rtol=0, atol=1e-12)


@pytest.mark.parametrize("r", [1.0, 0.5])
def test_types_that_were_seen_are_binomial_given_that_there_is_one(cases, r):
    eta = RNG.normal(-2, 1, 23)
    design = make_design(cp.model(BY_TYPE), cases)
    found = log_likelihood(fixed(cp.model(BY_TYPE), reporting=r), cases, intercept=0.0, type_effect=eta)
    p = r * special.expit(eta)
    expected = stats.binom.logpmf(design.outcome["events"], 33, p) - stats.binom.logsf(0, 33, p)
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_a_full_list_has_no_truncation_and_a_type_nobody_had_may_stand_in_it(cases):
    frame, book = full_list(cases)
    table = book.tables["adverse_events"]
    book = replace(book, tables={**book.tables, "adverse_events": replace(table, types=(*table.types, "Unseen"))})
    eta = RNG.normal(-2, 1, 24)
    found = log_likelihood(cp.model(BY_TYPE), frame, book, intercept=0.0, type_effect=eta)
    laid = laid_out(cp.model(BY_TYPE), frame, book)[0]
    np.testing.assert_allclose(
        found, stats.binom.logpmf(laid["events"].to_numpy(float), 33, special.expit(eta)), atol=1e-10
    )


def test_a_type_nobody_had_is_no_type_seen(cases):
    frame, book = laid_out(cp.model(BY_TYPE), cases, codebook_of(cases))
    frame.loc[0, "events"] = 0
    with pytest.raises(CasepoolError, match="nobody had"):
        design_of_typed(cp.model(BY_TYPE), frame, book)


def test_patients_by_themselves_are_a_binomial_count(cases):
    etas = np.array([-1.0, 0.3])
    found = [log_likelihood(cp.model(ANY), cases, intercept=eta).sum() for eta in etas]
    expected = stats.binom.logpmf(13, 33, special.expit(etas))
    assert found[1] - found[0] == pytest.approx(expected[1] - expected[0], abs=1e-10)


def test_persons_who_do_not_differ_leave_the_types(cases):
    frame, book = full_list(cases)
    both = fixed(cp.model(BOTH), person_sd=1e-6)
    gaps = []
    for eta in RNG.normal(-2, 1, (2, 23)):
        z = RNG.normal(0, 1e-6, 33)
        one = log_likelihood(both, frame, book, intercept=0.0, type_effect=eta, person_effect=z).sum()
        gaps.append(one - log_likelihood(cp.model(BY_TYPE), frame, book, intercept=0.0, type_effect=eta).sum())
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-4)


@pytest.mark.parametrize("name", [ANY, BOTH])
def test_silence_by_enumeration(cases, name):
    r = 0.35
    model, book = few(fixed(cp.model(name), reporting=r)), codebook_of(cases)
    frame, _ = laid_out(model, *with_candidate(cases, "21"))
    parameters = {"intercept": -0.7}
    if name == BOTH:
        parameters |= {"type_effect": RNG.normal(-1, 1, 4), "person_effect": RNG.normal(0, 1, 33)}
    table, typed = with_candidate(cases, "21")
    found = log_likelihood(model, table, typed, **parameters).sum()
    design = design_of_typed(model, table, typed)
    eta = np.full(len(frame), -0.7)
    for term in design.terms:
        eta = eta + design.terms[term].matrix @ parameters[f"{term}_effect"]
    p, y, total = special.expit(eta), frame["events"].to_numpy(float), 0.0
    papers = cases["reference"].repeat(len(frame) // 33).to_numpy()
    heard = {int(cell) for cell in book.linked["adverse_events"].columns["reference"]}
    for paper in set(papers):
        own = papers == paper
        none = np.prod(1 - p[own])
        seen = np.prod(np.where(y[own] == 1, p[own], 1 - p[own]))
        total += np.log(r * seen) if paper in heard else np.log(1 - r + r * none)
    assert found == pytest.approx(total, abs=1e-9)


def test_a_free_reporting_is_that_number_when_it_is_fixed(cases):
    model = cp.model(ANY)
    free = model.with_prior("reporting", "Beta", alpha=1, beta=1, why="convention")
    number = log_likelihood(fixed(model, reporting=0.6), cases, intercept=-0.2)
    np.testing.assert_allclose(log_likelihood(free, cases, intercept=-0.2, reporting=0.6), number, atol=1e-12)


@pytest.mark.parametrize("coding", ["as_recorded", "three_patients"])
def test_whose_an_event_is_is_the_mean_over_all_ways(cases, coding):
    recoded = cp.recode(cases, reference_23=coding)
    recoded = typed_by(recoded[recoded["reference"] == 23])[0]
    parameters = {"intercept": -0.5, "type_effect": RNG.normal(-1, 1, 3), "person_effect": RNG.normal(0, 1, 5)}
    found = log_likelihood(few(cp.model(BOTH)), recoded, **parameters).sum()
    book, each = codebook_of(recoded), []
    rows = book.linked["adverse_events"]
    persons = sorted({who for who in rows.columns["who"] if who})
    for way in itertools.permutations(CANDIDATES, len(persons)):
        known = dict(zip(persons, way, strict=True))
        pairs = zip(rows.columns["patient"], rows.columns["who"], strict=True)
        cells = tuple(known.get(who, patient) for patient, who in pairs)
        linked = {"adverse_events": replace(rows, columns={**rows.columns, "patient": cells})}
        each.append(
            log_likelihood(few(cp.model(BOTH)), *typed_by(recoded, replace(book, linked=linked)), **parameters).sum()
        )
    assert found == pytest.approx(special.logsumexp(each) - np.log(len(each)), abs=1e-9)


@pytest.mark.parametrize("name", [BY_TYPE, ANY])
def test_whose_an_event_is_changes_nothing_where_patients_are_alike(cases, name):
    known = log_likelihood(cp.model(name), *with_candidate(cases, "22"), intercept=-1.0).sum()
    assert log_likelihood(cp.model(name), cases, intercept=-1.0).sum() == pytest.approx(known, abs=1e-12)


def test_a_severity_counts_its_own_events(cases):
    counts = {
        name: make_design(cp.model(f"adverse_events_{name}"), cases).outcome["events"].sum()
        for name in ("severe", "fatal")
    }
    assert counts == {"severe": 7, "fatal": 2}


def test_lines_are_the_cells_unlisted(cases):
    everything = replace(cp.model("next_inhibitor").outcome, where={})
    frame, _ = laid_out(replace(cp.model("next_inhibitor"), outcome=everything), cases, codebook_of(cases))
    assert (len(frame), frame["patient"].nunique()) == (26, 15)
    for column, cell in (("therapy", "next_therapy"), ("response", "next_response")):
        own = cases.set_index(cases["patient"].astype(str))[cell].dropna()
        for patient, text in own.items():
            listed = frame.loc[frame["patient"] == patient].sort_values("position")[column].fillna("NA")
            assert [item.replace("Adjuvant", "NA") for item in text.split(";")] == listed.tolist()
    assert frame.loc[frame["patient"] == "24", "previous"].tolist() == ["first", "Alectinib", "Ceritinib"]
    assert frame.loc[frame["patient"] == "24", "previous_response"].tolist() == ["first", "PD", "PR"]


def test_inhibitors_count_as_described(cases):
    frame, _ = laid_out(cp.model("next_inhibitor"), cases, codebook_of(cases))
    judged = frame.dropna(subset="response")
    assert (len(frame), frame["patient"].nunique(), len(judged), judged["patient"].nunique()) == (17, 14, 14, 11)
    responds = judged["response"].isin(["PR", "CR"])
    assert responds.sum() == 9
    assert responds.groupby(judged["patient"]).first().sum() == 7
    assert responds.groupby(judged["patient"]).any().sum() == 9


def test_lines_of_persons_who_do_not_differ_are_counts_of_drugs(cases):
    model = fixed(cp.model("next_inhibitor"), person_sd=1e-6)
    drugs = {
        "Alectinib": (2, 5),
        "Brigatinib": (1, 1),
        "Ceritinib": (5, 6),
        "Entrectinib": (0, 1),
        "Lorlatinib": (1, 1),
    }
    k, n = np.array(list(drugs.values())).T
    gaps = []
    for eta in RNG.normal(0, 1, (2, 5)):
        counted = stats.binom.logpmf(k, n, special.expit(eta)).sum()
        gaps.append(log_likelihood(model, cases, intercept=0.0, therapy_effect=eta).sum() - counted)
    assert gaps[0] == pytest.approx(gaps[1], abs=1e-9)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"table": "nowhere", "per": "type"}, "no such table"),
        ({"table": "adverse_events", "per": "week"}, "missing or unknown"),
        ({"per": "type"}, "`per` and `where` are of a table"),
        ({"table": "adverse_events", "per": "type", "where": {"colour": ["red"]}}, "no such column"),
        ({"table": "adverse_events", "per": "type", "where": "grade"}, "must be a table of lists"),
        ({"table": "adverse_events", "per": "type", "n": "n"}, "counted from its rows"),
        ({"table": "lines", "per": "type"}, "`per` goes with a table of events"),
    ],
)
def test_what_an_outcome_may_not_say_of_a_table(cases, outcome, said):
    plain = {"family": "bernoulli", "outcome": outcome}
    plain["priors"] = {"intercept": {"dist": "Normal", "mu": 0.0, "sigma": 1.0, "why": "convention"}}
    if "per" in outcome:
        plain["priors"]["reporting"] = {"dist": "Fixed", "value": 1.0, "why": "convention"}
    with pytest.raises(CasepoolError, match=said):
        make_design(cp.Model.reader(plain, name="mine"), cases)


def test_types_of_a_private_table_must_be_listed(cases):
    frame, book = typed_by(cases, replace(codebook_of(cases), public=False))
    with pytest.raises(CasepoolError, match="may be names"):
        laid_out(cp.model(BY_TYPE), frame, book)
    laid, own = laid_out(cp.model(BOTH), full_list(cases)[0], replace(full_list(cases)[1], public=False))
    assert not own.public
    assert set(laid["patient"]) == {str(i + 1) for i in range(33)}
    assert not own.linked


def timed(model):
    return replace(model, outcome=replace(model.outcome, time="months_on"))


@pytest.mark.parametrize("name", [BY_TYPE, ANY, BOTH])
def test_a_rate_over_twice_the_time_is_half_of_it(cases, name):
    twice = typed_by(cases.assign(months_on=cases["months_on"] * 2), codebook_of(cases))
    model = timed(few(fixed(cp.model(name), reporting=0.6)))
    shapes = {own.name: own.shape(make_design(model, cases).laid) for own in make_design(model, cases).parameters}
    parameters = {key: RNG.normal(-1, 1, shape) for key, shape in shapes.items() if key.endswith("_effect")}
    found = log_likelihood(model, cases, intercept=-2.0, **parameters)
    half = log_likelihood(model, *twice, intercept=-2.0 - np.log(2), **parameters)
    np.testing.assert_allclose(half, found, rtol=0, atol=1e-12)


def test_months_on_the_drug_are_those_of_whom_they_are_known(cases):
    design = make_design(timed(cp.model(ANY)), cases)
    assert np.exp(design.outcome["offset"]).sum() == pytest.approx(367.45)
    assert (len(design.patients), sorted(design.left_out)) == (29, ["10", "17", "25", "27"])


@pytest.mark.parametrize("r", [1.0, 0.5])
def test_types_seen_over_times_by_enumeration(cases, r):
    """Every type by itself: the product over patients, whose event an unknown one is summed over, given that one is."""
    model, eta = timed(few(fixed(cp.model(BY_TYPE), reporting=r))), RNG.normal(-3, 1, 4)
    table, book = with_candidate(cases, "21")
    months = table.set_index(table["patient"].astype(str))["months_on"].astype(float).dropna()
    rows, total = book.linked["adverse_events"].rows(), 0.0
    for kind, own in zip(FEW, eta, strict=True):
        p = r * -np.expm1(-np.exp(own) * months)
        had = months.index.isin({row["patient"] for row in rows if row["event"] == kind})
        total += np.log(np.where(had, p, 1 - p)).sum() - np.log1p(-np.prod(1 - p))
    found = log_likelihood(model, table, book, intercept=0.0, type_effect=eta).sum()
    assert found == pytest.approx(total, abs=1e-10)


def test_a_probability_is_no_prior_of_a_rate():
    plain = tomllib.loads(timed(cp.model(ANY)).to_toml())
    plain["priors"]["intercept"] = {"from": "probability", "median": 0.3, "upper": 0.6}
    with pytest.raises(CasepoolError, match="no probability without a time"):
        cp.Model.reader(plain, name="mine")


def test_a_missing_value_is_not_summed_over_where_rows_share_a_likelihood():
    plain = tomllib.loads(cp.model(BOTH).to_toml())
    plain["terms"]["person"]["missing"] = "model"
    with pytest.raises(CasepoolError, match='missing = "drop"'):
        cp.Model.reader(plain, name="mine")


def test_a_patient_with_an_event_of_uncertain_bearer_is_not_left_out_alone(cases):
    some = cases.assign(months_on=cases["months_on"].where(cases["patient"].astype(str) != "21"))
    with pytest.raises(CasepoolError, match="a candidate for an event is left out"):
        make_design(timed(cp.model(ANY)), typed_by(some, codebook_of(cases))[0])


def test_the_evidence_of_lines_by_quadrature(cases):
    """Over zero point, spreads, drugs and persons, of the printed counts; ours is a mean over draws of the prior."""
    (h, of_h), (z, of_z) = (np.polynomial.hermite_e.hermegauss(count) for count in (16, 18))
    of_z, of_sd, sds = of_z / of_z.sum(), 2 * (of_h / of_h.sum())[h > 0], h[h > 0]
    total = 0.0
    for (sigma, one), (tau, two) in itertools.product(zip(sds, of_sd, strict=True), repeat=2):
        p = special.expit((1.5 * z[:, None] + tau * z)[..., None] + sigma * z)  # zero point, drug, person
        alone = p @ of_z
        alectinib = np.einsum("mu,muv,muw,u->mvw", alone**2 * (1 - alone), 1 - p, 1 - p, of_z)  # of 24 and of 30
        ceritinib = np.einsum("mu,muv,muw,u->mvw", alone**3 * (1 - alone), p, p, of_z)
        entrectinib = np.einsum("muv,u->mv", 1 - p, of_z)
        likelihood = np.einsum("mvw,mvw,mv,v,w->m", alectinib, ceritinib, entrectinib, of_z, of_z)
        total += one * two * (likelihood * (alone @ of_z) ** 2) @ of_z
    design = make_design(cp.model("next_inhibitor"), cases)
    density = Density(design)
    draws = density.from_normal(np.random.default_rng(3).normal(size=(40_000, density.size)), NUMPY)
    each = density.log_likelihood(draws, NUMPY).sum(axis=-1)
    assert np.log(total) == pytest.approx(-10.228, abs=0.01)
    assert special.logsumexp(each) - np.log(len(each)) == pytest.approx(np.log(total), abs=0.03)
