"""Formulas of brms, Bambi and R become the model files a statistician writes by hand; all else is refused by name."""

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import casepool as cp
from casepool.errors import CasepoolError
from casepool.modelling import model, model_from_dict
from casepool.modelling.formulas.parsing import sides_of
from casepool.modelling.specification.default_priors import REPLACE

N = 40
WIDE, ONE = (f'{{ dist = "Normal", mu = 0, sigma = {sigma} }}' for sigma in (1.5, 1))
SD, SMALL_SD = (f'{{ dist = "HalfNormal", sigma = {sigma} }}' for sigma in (1, 0.5))
SHAPE = '{ dist = "LogNormal", mu = 0, sigma = 0.5 }'
BY_HAND = {
    # Bambi, hierarchical logistic regression
    "p(H, AB) ~ 1 + (1 | player)": f"""
        family = "bernoulli"
        outcome = {{ events = "H", n = "AB" }}
        terms.player = {{ kind = "group", borrowing = "partial" }}
        priors = {{ intercept = {WIDE}, player_sd = {SD} }}""",
    # Bambi, logistic regression
    "vote['clinton'] ~ party_id + age": f"""
        family = "bernoulli"
        outcome = {{ column = "vote", levels = ["trump", "clinton"], success = ["clinton"] }}
        terms.party_id = {{ kind = "category" }}
        terms.age = {{ kind = "linear", centre = 50, scale = 10 }}
        priors = {{ intercept = {WIDE}, party_id_effect = {WIDE}, age_effect = {ONE} }}""",
    # Bambi, alternative links: the beetles
    "p(events, n) ~ age": f"""
        family = "bernoulli"
        outcome = {{ events = "events", n = "n" }}
        terms.age = {{ kind = "linear", centre = 50, scale = 10 }}
        priors = {{ intercept = {WIDE}, age_effect = {ONE} }}""",
    # Bambi, ordinal models: the trolley problem
    "rating ~ treat + period": f"""
        family = "ordinal"
        outcome = {{ column = "rating", levels = ["1", "2", "3", "4"] }}
        terms.treat = {{ kind = "linear", centre = 0, scale = 1 }}
        terms.period = {{ kind = "linear", centre = 0, scale = 1 }}
        [priors]
        first_cutpoint = {{ dist = "Normal", mu = -1.1, sigma = 1.5 }}
        cutpoint_gap = {{ dist = "Gamma", alpha = 2, beta = 1 }}
        treat_effect = {ONE}
        period_effect = {ONE}""",
    # brms, Bernoulli with groups; 0 and 1 need no codebook
    "carry ~ sex + (1 | study) + (1 | subject)": f"""
        family = "bernoulli"
        outcome = {{ column = "carry", levels = ["0", "1"], success = ["1"] }}
        terms.sex = {{ kind = "category" }}
        terms.study = {{ kind = "group", borrowing = "partial" }}
        terms.subject = {{ kind = "group", borrowing = "partial" }}
        priors = {{ intercept = {WIDE}, sex_effect = {WIDE}, study_sd = {SD}, subject_sd = {SD} }}""",
    # brms, binomial with a random intercept of each study
    "events | trials(n) ~ treat + (1 | study)": f"""
        family = "bernoulli"
        outcome = {{ events = "events", n = "n" }}
        terms.treat = {{ kind = "linear", centre = 0, scale = 1 }}
        terms.study = {{ kind = "group", borrowing = "partial" }}
        priors = {{ intercept = {WIDE}, treat_effect = {ONE}, study_sd = {SD} }}""",
    # brms, vignette of multilevel models: the inhaler data
    "rating ~ treat + period + carry + (1 | subject)": f"""
        family = "ordinal"
        link = "cumulative"
        outcome = {{ column = "rating", levels = ["1", "2", "3", "4"] }}
        terms.treat = {{ kind = "linear", centre = 0, scale = 1 }}
        terms.period = {{ kind = "linear", centre = 0, scale = 1 }}
        terms.carry = {{ kind = "linear", centre = 0, scale = 1 }}
        terms.subject = {{ kind = "group", borrowing = "partial" }}
        [priors]
        first_cutpoint = {{ dist = "Normal", mu = -1.1, sigma = 1.5 }}
        cutpoint_gap = {{ dist = "Gamma", alpha = 2, beta = 1 }}
        treat_effect = {ONE}
        period_effect = {ONE}
        carry_effect = {ONE}
        subject_sd = {SD}""",
    # brms, the kidney data
    "time | cens(censored) ~ age + sex + disease + (1 | patient)": f"""
        family = "weibull"
        outcome = {{ time = "time", event = "censored", levels = ["0", "1"], event_levels = ["0"], unit = "days" }}
        terms.age = {{ kind = "linear", centre = 50, scale = 10 }}
        terms.sex = {{ kind = "category" }}
        terms.disease = {{ kind = "category" }}
        terms.patient_term = {{ kind = "group", borrowing = "partial", column = "patient" }}
        [priors]
        intercept = {{ from = "median_time", median = 365, upper = 3650 }}
        shape = {SHAPE}
        age_effect = {ONE}
        sex_effect = {ONE}
        disease_effect = {ONE}
        patient_term_sd = {SMALL_SD}""",
    # brms, delayed entry
    "time | cens(1 - died) + trunc(lb = entry) ~ sex": f"""
        family = "weibull"
        outcome = {{ time = "time", event = "died", entry = "entry", unit = "days" }}
        terms.sex = {{ kind = "category" }}
        [priors]
        intercept = {{ from = "median_time", median = 365, upper = 3650 }}
        shape = {SHAPE}
        sex_effect = {ONE}""",
    # Bambi, survival: adoption of cats
    "censored(time, status) ~ 1 + color": f"""
        family = "exponential"
        [outcome]
        time = "time"
        event = "status"
        levels = ["none", "right"]
        event_levels = ["none"]
        unit = "days"
        [terms]
        color = {{ kind = "category" }}
        [priors]
        intercept = {{ from = "median_time", median = 365, upper = 3650 }}
        color_effect = {ONE}""",
    # R and rstanarm, the lung data: status is 1 or 2
    "Surv(time, dead) ~ age + factor(ph.ecog)": f"""
        family = "weibull"
        outcome = {{ time = "time", event = "dead", levels = ["1", "2"], event_levels = ["2"], unit = "days" }}
        terms.age = {{ kind = "linear", centre = 50, scale = 10 }}
        terms.ph_ecog = {{ kind = "category", column = "ph.ecog" }}
        [priors]
        intercept = {{ from = "median_time", median = 365, upper = 3650 }}
        shape = {SHAPE}
        age_effect = {ONE}
        ph_ecog_effect = {ONE}""",
    # R, a cause of death among several
    'Surv(entry, time, cause == "disease") ~ sex + (1 | study)': f"""
        family = "weibull"
        [outcome]
        time = "time"
        entry = "entry"
        event = "cause"
        levels = ["alive", "disease", "other"]
        event_levels = ["disease"]
        unit = "days"
        [terms]
        sex = {{ kind = "category" }}
        study = {{ kind = "group", borrowing = "partial" }}
        [priors]
        intercept = {{ from = "median_time", median = 365, upper = 3650 }}
        shape = {SHAPE}
        sex_effect = {ONE}
        study_sd = {SMALL_SD}""",
    # R, survreg: times known to lie between two visits
    "Surv(left, right, type = 'interval2') ~ (age + sex)": f"""
        family = "log_normal"
        outcome = {{ lower = "left", upper = "right", unit = "days" }}
        terms.age = {{ kind = "linear", centre = 50, scale = 10 }}
        terms.sex = {{ kind = "category" }}
        [priors]
        intercept = {{ from = "median_time", median = 365, upper = 3650 }}
        scale = {SHAPE}
        age_effect = {ONE}
        sex_effect = {ONE}""",
}
"""By formula the model file, written by hand; whys and titles apart."""


@pytest.fixture(scope="module")
def cases() -> pd.DataFrame:
    """Columns of the examples of brms, Bambi and R, typed by a codebook that says what it must."""
    rng = np.random.default_rng(1)
    turns = np.arange(N)
    raw = pd.DataFrame({"patient": [f"p{i}" for i in turns], "player": [f"h{i % 20}" for i in turns]})
    raw["H"], raw["AB"] = turns % 7, 10 + turns % 5
    raw["vote"] = [("trump", "clinton")[i % 2] for i in turns]
    raw["party_id"] = [("democrat", "independent", "republican")[i % 3] for i in turns]
    raw["age"] = 46.0 + 12 * rng.standard_normal(N).clip(-2, 2)
    raw["events"], raw["n"] = turns % 4, 4 + turns % 3
    raw["treat"], raw["period"], raw["carry"] = turns % 2, (turns // 2) % 2, (turns // 4) % 2
    raw["study"], raw["subject"] = [f"s{i % 6}" for i in turns], [f"u{i // 2}" for i in turns]
    raw["rating"] = 1 + turns % 4
    raw["time"], raw["entry"] = 10.0 + turns, turns / 10
    raw["censored"], raw["died"] = (turns % 3 == 0) * 1, turns % 3 != 0
    raw["status"] = np.where(turns % 3 == 0, "right", "none")
    raw["dead"], raw["ph.ecog"] = 1 + turns % 2, turns % 3
    raw["cause"] = np.array(["alive", "disease", "other"])[turns % 3]
    raw["sex"], raw["disease"] = np.where(turns % 2, "F", "M"), np.array(["GN", "AN", "PKD", "other"])[turns % 4]
    raw["color"] = np.where(turns % 4, "other", "black")
    raw["left"], raw["right"] = 1.0 + turns, 3.0 + turns
    raw["weight"] = np.where(turns == 3, np.nan, 70.0)
    raw["cut"] = turns % 2
    columns = {
        "vote": {"type": "category", "levels": ["trump", "clinton"]},
        "cause": {"type": "category", "levels": ["alive", "disease", "other"]},
        "cut": {"type": "boolean", "role": "exposure"},
        **{time: {"type": "number", "unit": "days"} for time in ("time", "entry", "left", "right")},
    }
    raw.attrs["codebook"] = {"name": "examples", "columns": columns}
    return cp.read_cases(raw)


def plain_of(made: cp.Model) -> cp.Model:
    """The model without words: its reasons, title and name."""
    return replace(made, title="", name="", priors={key: replace(prior, why="") for key, prior in made.priors.items()})


@pytest.mark.parametrize("formula", BY_HAND)
def test_a_formula_is_the_model_a_statistician_writes(formula, cases, tmp_path: Path):
    written = tomllib.loads(BY_HAND[formula])
    path = tmp_path / "mine.toml"
    more = {"levels": ["1", "2", "3", "4"]} if written["family"] == "ordinal" else {}
    made = cp.from_formula(formula, cases, family=written["family"], path=path, **more)
    assert plain_of(made) == plain_of(model_from_dict(written, name="by hand"))
    assert made == model(path)
    assert all(prior.why.startswith(REPLACE) for prior in made.priors.values())


REFUSED = {
    "time | cens(censored) ~ age * sex": "an interaction .value 'age . sex'",
    "vote['clinton'] ~ party_id + party_id:age": "an interaction .value 'party_id : age'",
    "vote ~ 0 + age": "no intercept .value '0'",
    "vote ~ -1 + age": "no intercept .value '-1'",
    "vote ~ age - 1": "a term to be left out, or no intercept",
    "vote ~ (age | study)": "slopes that differ by group",
    "vote ~ (1 + age | study)": "slopes that differ by group",
    "vote ~ (1 | study / player)": "a nested factor",
    "vote ~ (1 || study)": "slopes without correlation",
    "vote ~ (1 | mm(study, player))": "membership of several groups",
    "vote ~ s(age)": "a curve .value 's.age.'.; write the column alone, and in the file kind = \"smooth\"",
    "vote ~ bs(age, knots = k)": "a curve .value 'bs",
    "vote ~ mo(rating)": "a monotonic effect",
    "vote ~ gp(age)": "a Gaussian process",
    "vote ~ offset(age) + sex": "an offset",
    "vote ~ scale(age)": "a scaled number",
    "vote ~ log(age)": r"a function of a column, log\(\)",
    "vote ~ I(age ** 2)": r"a function of a column, I\(\)",
    "vote ~ os.system('true')": r"a function of a column, os.system\(\)",
    "vote ~ age ** 2": "interactions",
    "vote ~ 3": "what is computed .value '3'",
    "vote ~ age > 3": "this is no formula from `>` on",
    "vote ~ age + C(age)": "two terms of one column .value 'age'",
    "vote ~ .": "all other columns, by `.` .*; name them",
    "vote ~ age %in% sex": "an operator in %",
    "vote ~ nobody": "no such column, which the formula names",
    "vote['trump'] + sex ~ age": "none of the family bernoulli",
    "cause ~ age": "'cause': which codes are a success is not said; pass success=.*: some of alive, disease, other",
    "vote | weights(n) ~ age": "no outcome has .value 'weights.n.'.; leave it out: a row that stands for n patients",
    "cbind(H, AB) ~ age": "none of the family bernoulli",
    "Surv(time, died) ~ age": "none of the family bernoulli",
    "H | trials(10) ~ age": "needs a column of how many patients here",
    "vote['obama'] ~ age": "`success` must be some of `levels`",
    "player ~ age": "examples, column 'player': the codes of the outcome are not said; pass levels=",
    "vote ~ age ~ sex": "this is no formula",
    "vote + sex": "needs an outcome, `~`, and terms",
    "~ age": "this is no formula",
    "": "this is no formula",
    "vote ~ `age": "this is no formula",
    "vote ~ 'age": "this is no formula",
    "vote ~ " + "(" * 900 + "age": "this is no formula",
    "vote ~ " + "9" * 1_900: "what is computed",
    "vote ~ " + "age + " * 900 + "sex": "more than 2000 characters",
    "vote ~ weight": "numbers are missing, and modelling them needs the range",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_no_model_file_has_is_refused_by_its_name(formula, cases, tmp_path: Path):
    family, success = "weibull" if "cens" in formula else "bernoulli", "clinton" if formula.startswith("vote ") else ()
    with pytest.raises(CasepoolError, match=REFUSED[formula]) as refusal:
        cp.from_formula(formula, cases, family=family, success=success, path=tmp_path / "m.toml")
    assert "\n" not in str(refusal.value)
    assert not list(tmp_path.iterdir())


TIMED = {
    "time ~ age": "none of the family weibull .*write Surv.time, event.",
    "time | cens(cause) ~ age": "codes of censoring are none and right, and here is alive too",
    "time | trials(n) ~ age": "no outcome has .value 'trials",
    "time | trunc(lb = entry) ~ age": "does not say who is censored",
    "time | cens(censored, right) ~ age": "no outcome has .value 'cens",
    "time | cens(!died) ~ age": r"a negation, by `!` .*; write cens\(1 - event\)",
    "censored(left, right, status) ~ age": "no outcome has",
    "Surv(time, cause) ~ age": 'which code is the event is not said; write Surv.time, cause == "...". with one of a',
    'Surv(time, cause == "murder") ~ age': "no code of the event's column .value ..murder",
    "Surv(time, died, type = 'left') ~ age": "no outcome has .value .Surv",
    "Surv(time, censored) ~ age": r"named after censoring.*write time . cens\(censored\)",
    "Surv(time) ~ age": "no outcome has",
    "Surv(time, died) ~ cut": "starts during follow-up, and is no term .value 'cut'.*exposure",
    "Surv(n, died) ~ age": "examples, column 'n': the unit of time is not said; pass unit=\"months\"",
}


@pytest.mark.parametrize("formula", TIMED)
def test_what_no_survival_outcome_has_is_refused_by_its_name(formula, cases, tmp_path: Path):
    with pytest.raises(CasepoolError, match=TIMED[formula]):
        cp.from_formula(formula, cases, family="weibull", path=tmp_path / "m.toml")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"family": "gaussian"}, "choose one of bernoulli"),
        ({"success": ["clinton", 1]}, "`success` needs codes as text"),
        ({"levels": 3}, "`levels` needs codes as text"),
        ({"success": "nobody"}, "`success` must be some of"),
        ({"unit": "months"}, "`unit` is of a survival model"),
        ({"outcome": {}}, "unknown key .value 'outcome'.; pass some of title"),
        ({"link": "cumulative"}, "only an ordinal family has a link"),
        ({"path": "mine.txt"}, "a model file ends in .toml"),
        ({"overwrite": 1}, "overwrite is true or false"),
        ({"family": "weibull", "formula": "Surv(time, died) ~ 1", "unit": "fortnights"}, "choose one of days"),
        ({"family": "weibull", "formula": "Surv(time, died) ~ 1", "success": "1"}, "`success` is of a response"),
        ({"family": "piecewise_exponential", "formula": "Surv(time, died) ~ 1"}, "needs cuts or pieces"),
        ({"formula": "p(H, AB) ~ 1", "success": "1"}, "events of n have no codes"),
        ({"formula": None}, "`formula` needs a name"),
    ],
)
def test_what_is_asked_beside_the_formula_is_held_to_the_rules_of_a_file(arguments, said, cases, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"formula": "vote ~ age", "family": "bernoulli", "success": "clinton", "path": "mine.toml"} | arguments
    if given["family"] != "bernoulli" and "success" not in arguments:
        given.pop("success")
    with pytest.raises(CasepoolError, match=said):
        cp.from_formula(given.pop("formula"), cases, **given)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_is_replaced_only_where_that_is_asked_for(cases, tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text("# mine\n")
    with pytest.raises(CasepoolError, match="overwrite=True"):
        cp.from_formula("vote['clinton'] ~ age", cases, family="bernoulli", path=path)
    assert path.read_text() == "# mine\n"
    made = cp.from_formula("vote['clinton'] ~ age", cases, family="bernoulli", path=path, overwrite=True)
    assert model(path) == made


def test_what_the_cases_are_read_from_is_never_replaced(tmp_path: Path):
    (tmp_path / "cases.csv").write_text("patient,response,age\na,yes,3\nb,no,5\n")
    book = tmp_path / "codebook.toml"
    book.write_text("[columns.response]\ntype = 'boolean'\n")
    with pytest.raises(CasepoolError, match="would replace what is read"):
        cp.from_formula("response ~ age", tmp_path, family="bernoulli", path=book, overwrite=True)
    made = cp.from_formula("response ~ age", tmp_path, family="bernoulli", path=tmp_path / "mine.toml")
    assert made.outcome.levels == ("no", "yes")
    assert made.outcome.success == ("yes",)


@pytest.mark.parametrize(
    ("values", "centre", "scale"),
    [
        ([18.0, 44.0, 71.0], 40, 10),
        ([0.0, 1.0, 1.0], 0, 1),
        ([3.0, 3.0, 3.0], 3, 1),
        ([0.012, 0.019, 0.031], 0.02, 0.01),
        ([-900.0, 150.0, 2200.0], 0, 1000),
        ([1.5e6, 2.5e6, 4.4e6], 2e6, 1e6),
    ],
)
def test_a_number_is_counted_in_round_numbers(values, centre, scale, tmp_path: Path):
    frame = pd.DataFrame({"patient": ["a", "b", "c"], "response": [True, False, True], "x": values})
    term = cp.from_formula("response ~ x", frame, family="bernoulli", path=tmp_path / "m.toml").terms["x"]
    assert (term.centre, term.scale) == (pytest.approx(centre), pytest.approx(scale))


def test_no_prior_looks_at_an_outcome(cases, tmp_path: Path):
    other = cases.copy()
    other["vote"] = other["vote"].to_numpy()[::-1]
    other["time"] = other["time"] * 40
    for k, formula in enumerate(["vote['clinton'] ~ age + (1 | study)", "Surv(time, died) ~ age + (1 | study)"]):
        family = "weibull" if "Surv" in formula else "bernoulli"
        one, two = (
            cp.from_formula(formula, table, family=family, path=tmp_path / f"m{k}.toml", overwrite=True)
            for table in (cases, other)
        )
        assert one == two


def test_columns_whose_names_no_term_may_have_are_read_under_another(cases, tmp_path: Path):
    odd = cases.rename(columns={"sex": "scale", "disease": "ein Alter", "color": "ein-Alter"})
    book = dict(odd.attrs["codebook"])
    names = {"sex": "scale", "disease": "ein Alter", "color": "ein-Alter"}
    book["columns"] = {names.get(key, key): own for key, own in book["columns"].items()}
    odd.attrs["codebook"] = book
    formula = "vote['clinton'] ~ scale + `ein Alter` + `ein-Alter`"
    made = cp.from_formula(formula, odd, family="bernoulli", path=tmp_path / "m.toml")
    columns = {"scale_term": "scale", "ein_Alter": "ein Alter", "ein_Alter_2": "ein-Alter"}
    assert {name: term.source for name, term in made.terms.items()} == columns


@given(st.text(alphabet="ab1~|+-*/:().,'=<>![]{}% ^`", max_size=40).map(lambda text: f"a ~ {text}"))
@settings(max_examples=400, derandomize=True, deadline=None)
def test_any_text_is_a_tree_that_is_written_as_it_was_read_or_refused(text):
    try:
        left, right = sides_of(text)
    except CasepoolError:
        return
    if not set(text) & set("'`"):
        assert sides_of(f"{left} ~ {right}") == (left, right)


def test_nothing_of_a_formula_is_evaluated(cases, tmp_path: Path, monkeypatch):
    evaluated = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("builtins.eval", evaluated.append)
    for term in ("True", "{open('x', 'w')}", "os.system('touch x')", "age[open('x', 'w')]", "f(open('x', 'w'))"):
        with pytest.raises(CasepoolError):
            cp.from_formula(f"vote['clinton'] ~ {term}", cases, family="bernoulli", path="m.toml")
    assert evaluated == ["True"]
    assert not list(tmp_path.iterdir())


def test_without_its_parser_a_formula_says_how_to_get_it(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "formulae.parser", None)
    with pytest.raises(
        CasepoolError, match=r"need the package formulae; install it: pip install 'casepool\[formula\]'"
    ):
        sides_of("y ~ x")


def test_a_formula_is_fitted_as_the_file_it_became(cases, tmp_path: Path):
    path = tmp_path / "mine.toml"
    made = cp.from_formula("p(H, AB) ~ 1 + (1 | player)", cases, family="bernoulli", path=path)
    fit = cp.fit(made, cases, seed=1, engine="exact")
    assert len(cp.estimates(fit, by="player")) == 20
