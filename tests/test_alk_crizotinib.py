"""The bundled table against the paper: what follows mechanically from the printed cells is read again here.

This file shares no code with whatever made ``cases.csv``. Where the typed table departs from the printed one,
the departure stands here as data, with its reason.
"""

import csv
import re
import tomllib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "data" / "alk_crizotinib"
RESPONSES = {"PD", "SD", "PR", "CR"}
CODINGS = ("concurrent", "any", "any_text", "any_series", "any_titles", "any_adjuvant")

PRINTED = (
    "case", "age_sex", "histology", "stage_site", "partner_detection", "line_response_tte",
    "combined", "duration", "additional", "survival", "status", "year_ref",
)  # fmt: skip

DEPARTURES = {
    (2, "partner"): ("sequencing RANBP2", "RANBP2", "the head is the tail of the row above"),
    (3, "partner"): ("sequencing RANBP2", "RANBP2", "the head is the tail of the row above"),
    (4, "partner"): ("sequencing CLTC", "CLTC", "the head is the tail of the row above"),
    (14, "partner"): ("*Partners", "TPM3;MPRIP;KLC1;KIF5B;EML4;HIP1", "the footnote names them"),
    (1, "detection"): ("RT-PCR and", "RT-PCR and sequencing", "the tail stands at the head of the next row"),
    (2, "detection"): ("RT-PCR and", "RT-PCR and sequencing", "the tail stands at the head of the next row"),
    (3, "detection"): ("RT-PCR and", "RT-PCR and sequencing", "the tail stands at the head of the next row"),
    (33, "detection"): ("lon AmpliSeq", "Ion AmpliSeq", "a small L for a capital i"),
    (27, "stage"): ("T4N_xM_xG_x", "T4NxMxGx", "subscripts"),
    (28, "stage"): ("T_XN_XM_XG_X", "TxNxMxGx", "subscripts"),
    (30, "stage"): ("T4N_XM_XG_X", "T4NxMxGx", "subscripts"),
    (20, "stopped_because"): ("Relpase", "relapse", "misprint"),
    (23, "stopped_because"): ("Relapse", "relapse", "one spelling"),
}
"""``(patient, column): (read mechanically, in cases.csv, why)``."""

NEXT_RESPONSES = {
    (7, "PD;PR;NA;NA"): "nothing is printed for surgery and ablation",
    (16, "NA"): "printed NA",
    (23, "PD;PD;PD"): "one response is printed after three treatments",
    (30, "SD;PD;PR"): "PD is printed without brackets after surgery",
}
"""Responses to later therapy that are not simply the printed brackets in order."""

DATES = {
    1: (1.9, 30), 7: (8, 27), 8: (0, 36), 10: (0, 0), 11: (4, 41), 12: (0, 0), 14: (5, 9),
    21: (0, 20.4), 22: (0, 36), 28: (4, 17.3), 30: (5.3, 31.5), 32: (0, 17),
}  # fmt: skip
DATES_IN_TEXT = DATES | {19: (10.8, 55.2), 21: (20.4, 50.4), 22: (36, 48)}
"""Months between which surgery lies, worked out by hand from the printed rows and the Results text."""

MISPRINTS = {
    (1, "partner_detection"): "RANBP2/RT- PCR and",
    (2, "partner_detection"): "sequencing RANBP2/RT- PCR and",
    (4, "partner_detection"): "sequencing CLTC/RT-PCR and sequencing",
    (6, "case"): "6#",
    (8, "additional"): "",
    (10, "case"): "10^",
    (15, "case"): "15~",
    (17, "age_sex"): "NA",
    (17, "additional"): "-",
    (20, "duration"): "4.8ms/ Relpase",
    (25, "additional"): "NA",
    (26, "year_ref"): "(23) 2021 (26)",
    (32, "case"): "32 [¥]",
    (33, "partner_detection"): "DCTN1/lon AmpliSeq",
}


def read_printed():
    with (FOLDER / "table1.tsv").open(encoding="utf-8", newline="") as lines:
        _, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return {int(re.match(r"\d+", row[0])[0]): dict(zip(PRINTED, row, strict=True)) for row in rows}


def read_typed(name):
    with (FOLDER / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, strict=True))


TABLE = read_printed()
CASES = {int(row["patient"]): row for row in read_typed("cases.csv")}
EVENTS = read_typed("adverse_events.csv")
CODEBOOK = tomllib.loads((FOLDER / "codebook.toml").read_text(encoding="utf-8"))

each_patient = pytest.mark.parametrize("patient", range(1, 34), ids=lambda patient: f"patient {patient}")


def months(text):
    """Every printed number of months, in order; weeks and cycles are none."""
    return [float(number) for number in re.findall(r"(?<![\w.])([\d.]+)(?=\s*ms|/\s*[\d.]+ms)", text)]


def months_in(row, column):
    """A typed cell as a list of no or one number."""
    return [float(row[column])] if row[column] else []


def exposed(coding):
    return {patient for patient, row in CASES.items() if row[f"surgery_{coding}"] == "true"}


def where(**wanted):
    return {p for p, row in CASES.items() if all(row[column] == value for column, value in wanted.items())}


def plain(text):
    """A printed label without NA and without the spaces of broken lines."""
    text = re.sub(r"(?<=-) | (?=_)|(?<=_\w) ", "", text.strip())
    return "" if text in ("NA", "-") else text


def reread_text(row):
    """Labels that follow from one printed row."""
    age, _, sex = row["age_sex"].partition("/")
    stage, _, site = row["stage_site"].partition("/")
    partner, _, detection = row["partner_detection"].partition("/")
    line, response, *_ = row["line_response_tte"].split("/")
    stopped = row["duration"].partition("/")[2]
    combined = re.split(r"[/,]", row["combined"])[0]
    year, reference = re.search(r"(\d{4}) \((\d+)\)$", row["year_ref"]).groups()
    return {
        "age": plain(age),
        "sex": plain(sex),
        "histology": plain(row["histology"]),
        "stage": plain(stage),
        "site": plain(site),
        "partner": plain(partner),
        "detection": plain(detection),
        "line": "".join(re.findall(r"^\d+", line)),
        "best_response": response.strip() if response.strip() in RESPONSES else "",
        "co_agent": "" if "surgery" in combined.lower() else plain(combined),
        "stopped_because": "" if re.search(r"\d", stopped) else plain(stopped),
        "status": plain(row["status"].partition("/")[0]),
        "year": year,
        "reference": reference,
    }


def reread_months(row):
    """Times that follow from one printed row, each a list of no or one number."""
    on_off = months(row["duration"])
    return {
        "months_to_evaluation": months(row["line_response_tte"]),
        "months_on": on_off[:1],
        "months_off": on_off[1:],
        "os_months": months(row["survival"]),
    }


# The printed table


def test_printed_table_has_33_rows_of_12_cells():
    lines = (FOLDER / "table1.tsv").read_text(encoding="utf-8").splitlines()
    assert [line.count("\t") + 1 for line in lines] == [12] * 34
    assert list(TABLE) == list(range(1, 34))


@pytest.mark.parametrize(("patient", "column"), MISPRINTS)
def test_printed_table_keeps_what_is_printed(patient, column):
    assert TABLE[patient][column] == MISPRINTS[patient, column]


def test_an_empty_cell_is_printed_once():
    empty = [(p, column) for p, row in TABLE.items() for column, cell in row.items() if not cell]
    assert empty == [(8, "additional")]


# Every patient against the printed row


@each_patient
def test_labels_follow_from_the_printed_row(patient):
    expected = reread_text(TABLE[patient])
    for column, printed in expected.items():
        if (patient, column) in DEPARTURES:
            assert printed == DEPARTURES[patient, column][0], f"{column} is no departure any more"
            expected[column] = DEPARTURES[patient, column][1]
    assert {column: CASES[patient][column] for column in expected} == expected


@each_patient
def test_times_follow_from_the_printed_row(patient):
    expected = reread_months(TABLE[patient])
    assert {column: months_in(CASES[patient], column) for column in expected} == expected


@each_patient
def test_death_is_a_printed_death_and_missing_where_no_status_is_printed(patient):
    status = TABLE[patient]["status"]
    expected = "" if status == "NA" else str(status.startswith("DO")).lower()
    assert CASES[patient]["death"] == expected


@each_patient
def test_surgery_is_what_the_treatment_columns_print(patient):
    printed, row = TABLE[patient], CASES[patient]
    combined, later = ("surgery" in printed[column].lower() for column in ("combined", "additional"))
    unknown = printed["additional"] == "NA" and not combined
    assert row["surgery_concurrent"] == str(combined).lower()
    assert row["surgery_any"] == ("" if unknown else str(combined or later).lower())


@each_patient
def test_later_therapy_is_printed_in_this_order_with_these_responses(patient):
    printed, row = TABLE[patient]["additional"], CASES[patient]
    therapies, responses = (row[c].split(";") if row[c] else [] for c in ("next_therapy", "next_response"))
    assert len(therapies) == len(responses)
    assert bool(therapies) == bool(plain(printed))
    places = [printed.lower().find(name.lower().removesuffix("therapy")) for name in therapies]
    assert -1 not in places
    assert places == sorted(places)
    if (patient, row["next_response"]) not in NEXT_RESPONSES:
        assert responses == re.findall(r"\(([^)]+)\)", printed)


def test_every_departure_is_used():
    assert {patient for patient, _ in NEXT_RESPONSES} == {
        p for p, text in NEXT_RESPONSES if CASES[p]["next_response"] == text
    }


@each_patient
def test_combined_treatment_is_filled_where_printed(patient):
    printed, typed = TABLE[patient]["combined"], CASES[patient]["combined_treatment"]
    assert bool(typed) == (printed != "-")
    assert not typed or typed.lower().startswith(re.match(r"\w+", printed.lower())[0])
    assert set(re.findall(r"\b(?:CR|PR|SD|PD)\b", typed)) == set(re.findall(r"\b(?:CR|PR|SD|PD)\b", printed))


@each_patient
def test_floor_is_the_longest_time_a_row_without_survival_prints(patient):
    printed, row = TABLE[patient], CASES[patient]
    times = months(printed["duration"]) + months(printed["line_response_tte"])
    assert months_in(row, "os_floor_months") == ([] if row["os_months"] else sorted(times)[-1:])


# Laws between the columns of one patient


@each_patient
def test_age_group_is_the_side_of_18_on_which_the_age_lies(patient):
    row = CASES[patient]
    group = {"": None, "under 18": True, "18 and over": False}[row["age_group"]]
    assert group == (float(row["age"]) < 18 if row["age"] else None)


@each_patient
def test_a_reason_is_given_exactly_where_there_is_no_response(patient):
    row = CASES[patient]
    assert bool(row["not_evaluable_because"]) != bool(row["best_response"])
    adjuvant = "adjuvant" in TABLE[patient]["line_response_tte"].lower()
    assert row["not_evaluable_because"].startswith("adjuvant") == adjuvant


@each_patient
def test_time_on_and_off_crizotinib_fills_the_survival_time(patient):
    row, printed = CASES[patient], TABLE[patient]["duration"]
    if row["months_off"]:
        assert float(row["months_on"]) + float(row["months_off"]) == pytest.approx(float(row["os_months"]))
    if printed.endswith("/-"):
        assert row["months_on"] == row["os_months"]
    for column in ("months_on", "months_to_evaluation"):
        if row[column] and row["os_months"]:
            assert float(row[column]) <= float(row["os_months"])


@each_patient
def test_a_printed_time_of_death_is_the_survival_time(patient):
    printed = months(TABLE[patient]["status"])
    assert not printed or printed == months_in(CASES[patient], "os_months")


@each_patient
@pytest.mark.parametrize("dating", ["", "_text"], ids=["default", "text"])
def test_surgery_dates_are_ordered_and_lie_inside_follow_up(patient, dating):
    row = CASES[patient]
    earliest, latest = (months_in(row, f"surgery_{end}{dating}") for end in ("earliest", "latest"))
    follow_up = months_in(row, "os_months") or [0.0]
    assert len(earliest) == len(latest)
    assert not earliest or 0 <= earliest[0] <= latest[0] <= follow_up[0]


@each_patient
def test_default_dates_respect_the_column_surgery_is_printed_in(patient):
    row = CASES[patient]
    if row["surgery_any"] != "true":
        return
    earliest, latest, on = (float(row[c]) for c in ("surgery_earliest", "surgery_latest", "months_on"))
    if row["surgery_concurrent"] == "true":
        assert latest <= on
        assert not row["months_to_evaluation"] or earliest >= float(row["months_to_evaluation"])
    else:
        assert earliest >= on


@pytest.mark.parametrize("patient", [19, 21, 22])
def test_text_dates_put_surgery_after_crizotinib(patient):
    assert float(CASES[patient]["surgery_earliest_text"]) >= float(CASES[patient]["months_on"])


@pytest.mark.parametrize("patient", [10, 12])
def test_adjuvant_patients_were_operated_at_time_zero(patient):
    ends = ("earliest", "latest", "earliest_text", "latest_text")
    assert [CASES[patient][f"surgery_{end}"] for end in ends] == ["0"] * 4


@pytest.mark.parametrize(("dating", "worked_out"), [("", DATES), ("_text", DATES_IN_TEXT)], ids=["default", "text"])
def test_dates_are_those_worked_out_by_hand(dating, worked_out):
    ends = [f"surgery_{end}{dating}" for end in ("earliest", "latest")]
    dated = {p: tuple(float(row[end]) for end in ends) for p, row in CASES.items() if row[ends[0]]}
    assert dated == worked_out


def test_whoever_is_exposed_under_a_dated_coding_has_dates():
    assert exposed("any_adjuvant") == set(DATES)
    assert exposed("any_text") <= set(DATES_IN_TEXT)


# Laws between the codings of surgery


def test_codings_of_surgery_add_the_documented_patients():
    concurrent, any_, text, series, titles, adjuvant = (exposed(coding) for coding in CODINGS)
    assert concurrent == {1, 8, 11, 21, 22, 32}
    assert any_ > concurrent
    assert any_ - concurrent == {7, 14, 28, 30}
    assert text > any_
    assert text - any_ == {19}
    assert series > text
    assert series - text == {20, 23}
    assert titles > series
    assert titles - series == {2}
    assert adjuvant > any_
    assert adjuvant - any_ == {10, 12}


def test_surgery_is_unknown_for_25_alone_and_known_while_on_crizotinib():
    unknown = {coding: where(**{f"surgery_{coding}": ""}) for coding in CODINGS}
    assert unknown == {coding: {25} for coding in CODINGS} | {"concurrent": set()}


# Counts the paper's readers rely on


def test_response_counts():
    evaluable = {p for p, row in CASES.items() if row["best_response"]}
    assert set(CASES) - evaluable == {5, 10, 12}
    assert len(evaluable) == 30
    assert len([p for p in evaluable if CASES[p]["best_response"] in {"CR", "PR"}]) == 26
    assert len([p for p in evaluable if CASES[p]["best_response"] in {"CR", "PR", "SD"}]) == 29


@pytest.mark.parametrize(
    ("group", "printed"),
    [
        ("under 18", {"CR": 3, "PR": 6, "SD": 1, "PD": 0}),
        ("18 and over", {"CR": 2, "PR": 12, "SD": 2, "PD": 1}),
    ],
)
def test_table_2(group, printed):
    counted = {code: len(where(age_group=group, best_response=code)) for code in printed}
    assert counted == printed


def test_survival_counts():
    timed = {p for p, row in CASES.items() if row["os_months"]}
    assert set(CASES) - timed == {10, 17, 20, 25, 27}
    assert where(death="true") == {6, 13, 15, 23, 24, 31, 33}
    assert where(death="") == {17, 25}
    assert where(death="true") <= timed
    assert not where(death="true") & exposed("any")


@pytest.mark.parametrize(("histology", "patients"), [("EIMT", 11), ("IMT", 15), ("PSC", 2)])
def test_histology_counts_of_the_text(histology, patients):
    assert len(where(histology=histology)) == patients


def test_possible_duplicates_point_back_at_a_patient_with_the_same_partner():
    flagged = {p: row["possible_duplicate_of"].split(";") for p, row in CASES.items() if row["possible_duplicate_of"]}
    assert set(flagged) == {3, 12, 25}
    for patient, others in flagged.items():
        assert all(int(other) < patient for other in others)
        assert {CASES[int(other)]["partner"] for other in others} == {CASES[patient]["partner"]}


# Adverse events


def test_adverse_events_total_as_printed():
    totals = {
        grade: sum(int(e["patients"]) for e in EVENTS if e["grade"] == grade) for grade in ("1-2", "3-4", "fatal")
    }
    assert totals == {"1-2": 19, "3-4": 9, "fatal": 2}
    assert [len([e for e in EVENTS if e["grade"] == grade]) for grade in totals] == [15, 7, 2]


@pytest.mark.parametrize(("grade", "patients"), [("1-2", 7), ("3-4", 7), ("fatal", 2)])
def test_adverse_events_come_from_as_many_references_as_patients_are_printed(grade, patients):
    rows = [event for event in EVENTS if event["grade"] == grade]
    assert {int(row["patients_in_grade"]) for row in rows} == {patients}
    assert len({reference for row in rows for reference in row["references"].split(";")}) == patients


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: f"{event['event']} {event['grade']}")
def test_adverse_event_lists_one_reference_a_patient_and_the_cases_of_that_reference(event):
    references, cases = event["references"].split(";"), event["cases"].split(";")
    assert len(references) == int(event["patients"])
    assert [{int(p) for p in some.split("|")} for some in cases] == [where(reference=r) for r in references]


def test_the_fatal_events_are_the_deaths_of_complications():
    assert {int(event["cases"]) for event in EVENTS if event["grade"] == "fatal"} == where(status="DOC")


# The files themselves


@pytest.mark.parametrize("name", ["cases.csv", "adverse_events.csv", "table1.tsv"])
def test_files_are_plain_utf8_with_line_feeds(name):
    raw = (FOLDER / name).read_bytes()
    assert not raw.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in raw
    assert raw.endswith(b"\n")
    assert raw.decode("utf-8")


@pytest.mark.parametrize("name", ["cases.csv", "adverse_events.csv"])
def test_typed_rows_are_complete_and_without_stray_space(name):
    rows = read_typed(name)
    assert not [row for row in rows if None in row or None in row.values()]
    assert not [cell for row in rows for cell in row.values() if cell != cell.strip()]


def test_codebook_describes_every_column_and_readme_defines_it():
    columns = list(CASES[1])
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert list(CODEBOOK["columns"]) == columns
    assert not [column for column in columns if f"`{column}`" not in readme]


@pytest.mark.parametrize("patient", range(1, 34))
def test_readme_has_a_line_for_every_patient(patient):
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(rf"^\| {patient} \|", readme, flags=re.MULTILINE)) == 1


CHOICES = [
    pytest.param(choice, id=f"{decision} {name}")
    for decision, choices in CODEBOOK["codings"].items()
    for name, choice in choices.items()
    if name != "label"
]


@pytest.mark.parametrize("choice", CHOICES)
def test_coding_says_why_and_changes_something(choice):
    assert choice["why"].endswith(".")
    rows = CASES
    if "table" in choice:
        rows = dict(enumerate(read_typed(CODEBOOK["tables"][choice["table"]]["file"])))
    before = [dict(row) for row in rows.values()]
    after = [dict(row) for p, row in rows.items() if p not in choice.get("drop", [])]
    assert set(choice.get("drop", [])) <= set(CASES)
    for row in after:
        row.update({column: row[source] for column, source in choice.get("use", {}).items()})
        for cells in choice.get("set", []):
            assert set(cells) <= set(row)
            if cells["patient"] == int(row["patient"]):
                row.update(
                    {column: str(value).lower() if value is False else str(value) for column, value in cells.items()}
                )
    assert set(choice) - {"why", "label"} <= {"use", "set", "drop", "table"}
    assert after != before
