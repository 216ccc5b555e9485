"""From a workbook as a clinic keeps it to a folder in which `validate` finds what only a person knows."""

import datetime

import openpyxl
import pytest

import casepool as cp
from casepool.cli import main

N = 20
AGES = ["3y", "6 months", "12 mo", "34", "45 y", "61", "unk", "17 years", "2", "50"] * 2
RESPONSES = ["CR", "PR ", "SD", "PD", "PR", "pr", "n/a", "Sd", "CR ", "PD "] * 2
SEXES = ["F", "M", "female", "male", "f"] * 4
DIED = ["dead", "alive", "DOD", "NED", "AWD"] * 4
TIMES = ["10 mo", "20 wks", "5 months", "1 y"] * 5


def workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder made of a dirty workbook, and what the command said."""
    place = tmp_path_factory.mktemp("road")
    head = ["Pat. No.", "Age at Dx", "Sex", "Best response", "OS", "Status"]
    patients = [[i + 1, AGES[i], SEXES[i], RESPONSES[i], TIMES[i], DIED[i]] for i in range(N)]
    below = [[], ["CR, complete response; PR, partial response"], ["Total", N, None, None, None, None], ["n = 20"]]
    table = workbook(place / "mine.xlsx", [["Table 2. Patients (updated 3/2024)"], [], head, *patients, *below])
    with pytest.MonkeyPatch.context() as patch:
        said: list[str] = []
        patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
        with pytest.raises(SystemExit) as left:
            main(["new", str(place / "made"), "--from", str(table)])
    assert not left.value.code
    return place / "made", "\n".join(said)


def test_nothing_is_left_to_mend_and_all_that_was_taken_is_said(made) -> None:
    folder, said = made
    assert cp.validate(folder).query("severity == 'error'").empty
    for words in (
        "'unk', 'n/a' are read as empty cells",
        "'Age at Dx' are written with units",
        "in months",
        "25 to 27",
    ):
        assert words in said


def test_counts_are_those_counted_by_hand(made) -> None:
    cases = cp.read_cases(made[0])
    assert len(cases) == N
    assert cases["Sex"].value_counts().to_dict() == {"F": 12, "M": 8}
    assert cases["Best response"].value_counts().to_dict() == {"CR": 4, "PR": 6, "SD": 4, "PD": 4}
    assert cases["Age at Dx"].dropna().tolist() == [3, 0.5, 1, 34, 45, 61, 17, 2, 50] * 2
    assert cases["OS"].tolist() == pytest.approx([10, 20 * 7 * 12 / 365.25, 5, 12] * 5)
    raw = {name: cp.classical(made[0] / f"{name}.toml", made[0]) for name in ("response", "survival")}
    assert raw["response"].loc[0, ["n", "events"]].tolist() == [18, 10]
    assert raw["survival"].loc[0, ["n", "events"]].tolist() == [20, 8]


def test_one_disordered_patient_is_named_and_does_not_keep_dates_from_being_dates(tmp_path) -> None:
    days = [datetime.datetime(2015, 1, 10) + datetime.timedelta(days=40 * i) for i in range(12)]
    died = [day + datetime.timedelta(days=300 if i != 9 else -20) for i, day in enumerate(days)]
    rows = [[f"P{i}", day, death, "lung" if i % 2 else "bone"] for i, (day, death) in enumerate(zip(days, died))]  # noqa: B905
    table = workbook(tmp_path / "t.xlsx", [["ID", "Date of diagnosis", "Date of death", "Site"], *rows])
    errors = cp.validate(cp.new_dataset(tmp_path / "made", table)).query("severity == 'error'")
    assert errors[["row", "column"]].to_numpy().tolist() == [[10, "Date of death"]]


@pytest.mark.parametrize(
    ("labels", "kept"),
    [
        (["+", "-"], {"+", "-"}),
        (["x", "-"], {"x", "-"}),
        (["a", "b", "-"], {"a", "b"}),
        (["none", "one"], {"none", "one"}),
    ],
)
def test_a_sign_that_may_mean_no_is_no_empty_cell(tmp_path, labels, kept) -> None:
    rows = [[f"P{i}", labels[i % len(labels)], i] for i in range(12)]
    folder = cp.new_dataset(tmp_path / "made", workbook(tmp_path / "t.xlsx", [["ID", "marker", "size"], *rows]))
    assert set(cp.read_cases(folder)["marker"].dropna()) == kept


def test_words_for_a_responder_are_known(tmp_path) -> None:
    words = ["responder", "Non responder", "non-responder", "Responder"] * 4
    rows = [[f"P{i}", word, ["a", "b"][i // 2 % 2]] for i, word in enumerate(words)]
    folder = cp.new_dataset(tmp_path / "made", workbook(tmp_path / "t.xlsx", [["ID", "response", "site"], *rows]))
    model = cp.model(folder / "response.toml")
    assert model.outcome.success == ("responder",)
    assert cp.classical(model, folder).loc[0, ["n", "events"]].tolist() == [16, 8]
