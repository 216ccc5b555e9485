"""A draft: right columns, conventions for priors that no outcome moves, and questions where the table is silent."""

import re
import tomllib

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import casepool as cp
from casepool.cases.units import DAYS
from casepool.cases.validation import examined
from casepool.drafting.drafts import KINDS, drafted
from casepool.drafting.looking import table_of
from casepool.modelling import make_design, model_from_dict
from tests.drafting.tables import N, cycled, english, german, shuffled

OUTCOMES = ["Best response", "OS (months)", "Status"]


def plain(kind: str, table: pd.DataFrame | str, **more: object) -> dict:
    return tomllib.loads(cp.draft(kind, table, **more))


def outcome(kind: str, **columns: list) -> dict:
    return plain(kind, pd.DataFrame({"patient": range(N), **columns}))["outcome"]


@pytest.mark.parametrize(
    ("kind", "written"),
    [("response", "objective_response"), ("ordinal", "best_response"), ("survival", "overall_survival")],
)
def test_of_the_bundled_cases_it_reads_the_columns_that_the_models_written_by_hand_read(kind, written):
    draft, hand = model_from_dict(plain(kind, "alk_crizotinib"), name=kind), cp.model(written)
    keys = ("column", "levels", "success", "time", "event", "event_levels", "unit", "what", "free")
    assert {key: getattr(draft.outcome, key) for key in keys} == {key: getattr(hand.outcome, key) for key in keys}
    assert (draft.family, draft.form) == (hand.family, hand.form)
    assert {name: each.columns() for name, each in draft.exposures.items()} == {
        name: each.columns() for name, each in hand.exposures.items()
    }
    shared = {name: (term.kind, term.source) for name, term in hand.terms.items()}
    assert shared.items() <= {name: (term.kind, term.source) for name, term in draft.terms.items()}.items()


def test_a_table_of_counts_is_drafted_as_its_bundled_model_has_it():
    draft, hand = plain("response", "sarcoma_imatinib"), cp.model("basket_berry")
    assert draft["outcome"] == {"events": hand.outcome.events, "n": hand.outcome.n}
    assert list(draft["terms"]) == list(hand.terms)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_other_outcomes_in_the_same_codes_give_the_same_draft(kind, seed):
    table = english()
    before = cp.draft(kind, table)
    assert cp.draft(kind, shuffled(table, OUTCOMES, seed)) == before
    later = table.assign(**{"OS (months)": table["OS (months)"] * 7.3})
    assert cp.draft(kind, later) == before
    assert cp.draft(kind, table.iloc[::-1].reset_index(drop=True)) == before


@pytest.mark.parametrize("kind", ["response", "survival"])
def test_a_draft_with_nothing_open_is_a_model_whose_every_prior_is_a_convention_to_replace(kind):
    model = model_from_dict(plain(kind, german()), name=kind)
    assert set(model.priors) == set(model.prior_keys)
    assert all(prior.why.startswith("convention: replace") for prior in model.priors.values())
    assert all(not term.is_number or term.centre % term.scale == 0 for term in model.terms.values())


@pytest.mark.parametrize("unit", DAYS)
def test_the_median_survival_is_the_same_length_of_time_in_any_unit(unit):
    table = english().rename(columns={"OS (months)": f"OS ({unit})"})
    draft = plain("survival", table)
    assert draft["outcome"]["unit"] == unit
    lengths = [draft["priors"]["intercept"][key] * DAYS[unit] / DAYS["years"] for key in ("median", "upper")]
    assert lengths == pytest.approx([1, 10], rel=0.005)


def test_who_knows_better_says_the_median():
    draft = plain("survival", german(), median=24)["priors"]["intercept"]
    assert (draft["median"], draft["upper"], draft["from"]) == (24, 240, "median_time")
    assert plain("survival", german(), median=24, upper=60)["priors"]["intercept"]["upper"] == 60
    rest = [plain("survival", german(), **more) for more in ({}, {"median": 24})]
    assert all(draft["priors"].pop("intercept") for draft in rest)
    assert rest[0] == rest[1]


@pytest.mark.parametrize(
    ("columns", "kind", "expected"),
    [
        ({"réponse": cycled("progression", "maladie stable", "réponse partielle", "réponse complète")}, "ordinal",
         ("progression", "maladie stable", "réponse partielle", "réponse complète")),
        ({"bestes Ansprechen": cycled("Progress", "stabil", "partielle Remission")}, "ordinal",
         ("Progress", "stabil", "partielle Remission")),
        ({"response (1=CR, 2=PR, 3=SD, 4=PD)": cycled(1, 2, 3, 4)}, "ordinal", ("4", "3", "2", "1")),
        ({"BOR": cycled("SD", "PR")}, "ordinal", ("PD", "SD", "PR", "CR")),
        ({"responder": cycled("yes", "no")}, "response", ("no", "yes")),
        ({"response": cycled(0, 1)}, "response", ("0", "1")),
    ],
)  # fmt: skip
def test_the_codes_of_a_response_come_worst_first(columns, kind, expected):
    assert tuple(outcome(kind, **columns)["levels"]) == expected


@pytest.mark.parametrize("kind", ["response", "ordinal"])
@pytest.mark.parametrize("name", ["best_response", "BOR"])
def test_a_complete_response_counts_where_nobody_had_one(kind, name):
    found = outcome(kind, **{name: cycled("SD", "PR", "PD")})
    assert set(found["success"]) == {"PR", "CR"}


@pytest.mark.parametrize(
    ("columns", "event", "codes"),
    [
        ({"death": cycled(0, 1)}, "death", None),
        ({"verstorben": cycled("ja", "nein")}, "verstorben", None),
        ({"décédé": cycled("oui", "non")}, "décédé", None),
        ({"event": cycled(True, False)}, "event", None),
        ({"vital status": cycled("alive", "dead")}, "vital status", ["dead"]),
        ({"Status (0=lebt, 1=verstorben)": cycled(0, 1)}, "Status (0=lebt, 1=verstorben)", ["1"]),
        ({"status": cycled("NED", "AWD", "DOD")}, "status", ["DOD"]),
        ({"alive": cycled("yes", "no")}, "alive", ["no"]),
        ({"lebt": cycled(1, 0)}, "lebt", ["0"]),
        ({"status": cycled(1, 2)}, "status", ["?"]),
        ({"status": cycled(0, 1)}, "status", ["?"]),
        ({"censored": cycled(0, 1)}, "censored", ["?"]),
        ({"dead": cycled("A", "B", "C")}, "dead", ["?"]),
        ({"status": cycled("red", "dead", "blue")}, "status", ["dead"]),
    ],
)  # fmt: skip
def test_an_event_is_told_by_what_its_codes_mean_and_asked_for_where_they_could_be_the_other_way_about(
    columns, event, codes
):
    found = outcome("survival", os_months=[1.0 + i for i in range(N)], **columns)
    assert found["event"] == event
    assert found.get("event_levels") == codes


@pytest.mark.parametrize("column", [{"alive": cycled("yes", "no", "no")}, {"Status (1=lebt, 2=tot)": cycled(1, 2, 2)}])
def test_who_is_not_alive_has_the_event(column):
    table = pd.DataFrame({"patient": range(N), "os_months": [1.0 + i for i in range(N)], **column})
    design = make_design(model_from_dict(plain("survival", table), name="survival"), table)
    assert design.outcome["event"].tolist() == cycled(0, 1, 1)


def test_the_limits_of_an_event_are_an_outcome_and_other_limits_are_not():
    names = [f"{stem}_{end}" for stem in ("normal", "death_date") for end in ("lower", "upper")]
    limits = {name: [1.5 + i for i in range(N)] for name in names}
    assert outcome("survival", **limits) == {
        "lower": "death_date_lower", "upper": "death_date_upper", "unit": "months",
    }  # fmt: skip
    del limits["death_date_upper"]
    with pytest.raises(cp.CasepoolError, match="no column of numbers is a follow-up"):
        outcome("survival", **limits)


def test_an_event_beside_a_time_of_the_same_name_belongs_to_it():
    times, flags = [1.0 + i for i in range(N)], cycled("yes", "no")
    found = outcome("survival", death=cycled(0, 1), cure_time=times, cure_event=flags)
    assert (found["time"], found["event"]) == ("cure_time", "cure_event")
    found = outcome("survival", death=cycled(0, 1), pfs_months=times, progression=flags)
    assert (found["time"], found["event"], found["what"]) == ("pfs_months", "progression", "progression")
    found = outcome("survival", death=cycled(0, 1), os_months=times, progression=flags, pfs_months=times)
    assert (found["time"], found["event"]) == ("os_months", "death")


def test_a_time_that_tells_no_unit_is_pointed_out():
    text = cp.draft("survival", pd.DataFrame({"patient": range(N), "fu": range(1, N + 1), "death": cycled(0, 1)}))
    assert "# - 'fu' tells no unit and is taken to be in months: add unit to [columns.fu]" in text


@pytest.mark.parametrize("kind", ["response", "survival"])
def test_a_draft_with_a_question_is_refused_until_a_line_that_is_offered_answers_it(kind):
    table = english().assign(**{"Best response": cycled("good", "poor")})
    text = cp.draft(kind, table)
    with pytest.raises(cp.CasepoolError, match="still has to be said which codes count") as refused:
        model_from_dict(tomllib.loads(text), name=kind)
    key = refused.value.column.partition(".")[2]
    for line in refused.value.paste.splitlines():
        answered = re.sub(rf"(?m)^{key} = .*$", line, text)
        made = model_from_dict(tomllib.loads(answered), name=kind)
        assert list(getattr(made.outcome, key)) == tomllib.loads(line)[key]


def test_factors_are_what_describes_a_patient_from_the_start():
    many = {
        "patient": range(N), "response": cycled("yes", "no"), "surname": [f"Smith-{i % 5}" for i in range(N)],
        "tumour site": cycled("lung", "liver", "bone"), "age": range(20, 20 + N), "age group": cycled("young", "old"),
        "arm": cycled("A", "B"), "cause of death": cycled("x", "y"), "relapse site": cycled("u", "v"),
        "diagnosis": [f"d{i % 22}" for i in range(N)], "sex": ["F"] * N, "hair": cycled("red", "black"),
    }  # fmt: skip
    text = cp.draft("response", pd.DataFrame(many))
    terms = tomllib.loads(text)["terms"]
    assert {name: term["kind"] for name, term in terms.items()} == {
        "age": "linear", "tumour_site": "group", "arm": "category",
    }  # fmt: skip
    assert re.search("could be if known from the start:\n# - .*hair", text)
    asked = tomllib.loads(cp.draft("response", pd.DataFrame(many), by=["hair", "age"]))["terms"]
    assert list(asked) == ["hair", "age"]


def test_roles_of_the_codebook_come_before_names():
    table = pd.DataFrame(
        {"patient": range(N), "x": cycled("a", "b"), "response": cycled("yes", "no"), "y": cycled(1, 2, 3)}
    )
    table.attrs["codebook"] = {
        "columns": {
            "x": {"type": "category", "levels": ["b", "a"], "role": "response", "counts": ["a"]},
            "y": {"type": "category", "role": "trait"},
        }
    }
    draft = plain("response", table)
    assert draft["outcome"] == {"column": "x", "levels": ["b", "a"], "success": ["a"]}
    assert list(draft["terms"]) == ["y"]


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("curve", {}, "choose one of response, ordinal, survival"),
        ("response", {"by": "histolgy"}, "did you mean 'histology'"),
        ("response", {"by": [1]}, "`by` needs names of columns"),
        ("response", {"median": 12}, "only a survival model has a median"),
        ("survival", {"median": 12, "upper": 6}, "the median below its 97.5% limit"),
        ("survival", {"median": -1}, "must be times in months"),
    ],
)
def test_what_cannot_be_drafted_is_refused_in_one_line(kind, more, said):
    with pytest.raises(cp.CasepoolError, match=re.escape(said)) as refused:
        cp.draft(kind, "alk_crizotinib", **more)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_without_the_outcome_says_which_role_to_give(kind):
    with pytest.raises(cp.CasepoolError, match=r'role = "(response|time)"'):
        cp.draft(kind, pd.DataFrame({"patient": ["a", "b"], "x": [1.5, 2.5]}))


def test_a_model_file_is_written_once(tmp_path):
    path = tmp_path / "mine.toml"
    text = cp.draft("response", german(), path=path)
    assert path.read_text("utf-8") == text
    with pytest.raises(cp.CasepoolError, match="never replaced"):
        cp.draft("survival", german(), path=path)
    assert path.read_text("utf-8") == text


LETTERS = st.text(st.sampled_from(list("ageOSxß_.\"'#\n=[]{}\\éÄ1 ()日\u202e<")), min_size=1, max_size=12)


@settings(max_examples=60, deadline=None)
@given(st.lists(LETTERS, min_size=4, max_size=4, unique_by=str.strip), st.permutations(range(4)))
def test_columns_of_any_name_make_files_that_are_read(names, order):
    """Whatever a column is called, its draft is a model that reads that very column, and no name is code."""
    cells = [cycled("yes", "no"), cycled("IMT", "EIMT", "other"), [30 + i for i in range(N)], cycled("a", "b", step=2)]
    frame = pd.DataFrame({name: cells[i] for name, i in zip(names, order, strict=True)})
    found = examined(frame)
    if not found.columns:
        return
    asked = list(found.raw.columns)[1:]
    table = table_of(examined(frame.assign(**{"best response": cycled("PD", "PR")})))
    made = drafted("response", table, by=asked)
    model = model_from_dict(tomllib.loads(made.text), name="response")
    assert [term.source for term in model.terms.values()] == asked
