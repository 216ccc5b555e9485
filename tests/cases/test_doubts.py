"""What can be read and is probably none of a patient, a label or a time is said: by `validate`, and when it is read."""

import datetime
import logging
import re
import tomllib

import pandas as pd
import pytest

import casepool as cp
from casepool.cases.codebook import codebook_from_dict
from casepool.errors import CasepoolError

IDS = {"patient": list("abcdef")}
SIX = ["x", "x", "y", "y", "x", "y"]


def labels(*odd, others=SIX):
    return pd.DataFrame(IDS | {"group": [*others[: 6 - len(odd)], *odd]})


def survival(**columns):
    fine = {"os_months": [3.0, 9, 12, 20, 30, 31], "death": [True, False, True, False, True, False]}
    return pd.DataFrame(IDS | fine | columns)


def exposed(flags="tftftf", **columns):
    of = {"surgery_any": [flag == "t" for flag in flags]}
    dates = [1.0 if flag == "t" else None for flag in "tftftf"]
    return survival(**of | {"surgery_earliest": dates, "surgery_latest": dates} | columns)


def without_units(frame):
    return frame.rename(columns={"os_months": "os"})


DATES = [1.0, None, 12, None, 4, None]
NOTHING = ["unknown", "-", ".", "?", "None", "n.d.", "not reported", "Unknown", "N/A", "n/a", "missing", "not known"]
PAIR = {"age": [30, 41, 8, 12, 55, 60], "sex": list("MFMFMF"), "site": list("pqrstu"), "stage": list("cdefgh")}
TWICE = {name: [*values, values[0]] for name, values in PAIR.items()} | {"age": [30, 41, 8, 12, 55, 60, 31]}
FOUND = [
    *((labels(code), "code for unknown", 6, "group") for code in NOTHING),
    (labels("x;?", others=["x;y", *SIX]), "code for unknown", 6, "group"),
    *((labels(made), "label turned to a date", 6, "group") for made in ("2-Sep", "Oct-19", "1-Mar", "1-Dec")),
    *((labels(d(2020, 9, 2)), "label turned to a date", 6, "group") for d in (datetime.date, datetime.datetime)),
    *(
        (labels(j, others=["x;y", *SIX]), "joined labels", 6, "group")
        for j in ("x/y", "x & y", "x+z", "y, z", "x and y")
    ),
    (labels("x/y"), "joined labels", 6, "group"),
    (labels("\u041cYX"), "look-alike letters", 6, "group"),
    (labels("\u041c\u0422", others=["MT", "MT", *SIX[2:]]), "look-alike letters", 6, "group"),
    (survival(**{"\u043es": 1}), "look-alike letters", None, "\u043es"),
    (pd.DataFrame({"a": ["yes", "no", "yes", "no", "maybe"]}), "unusual code", 5, "a"),
    (pd.DataFrame({"best_response": ["CR", "PR", "PD", "SD", "PR", "PD", "PRR"]}), "unusual code", 7, "best_response"),
    (pd.DataFrame({"sex": ["F", "M", "M", "F", "W"]}), "unusual code", 5, "sex"),
    *(
        (pd.DataFrame({"group": ["a", "b", "c", total], "events": [1, 2, 5, 8]}), "total row", 4, "")
        for total in ("Total", "All", "Overall (n=14)", "TOTAL:", "All patients", "Sum")
    ),
    (pd.DataFrame({"patient": ["a", "b", "Total"], "x": [1, 2, 9]}), "total row", 3, "patient"),
    (pd.DataFrame({"group": ["a", "b", "c", "any"], "events": [1, 2, 5, 8], "n": [9, 3, 7, 19]}), "total row", 4, ""),
    (pd.DataFrame({"x": [1, None, 3], "y": [1, None, 2]}), "blank row", 2, ""),
    (pd.DataFrame({"patient": ["a", "b"], "x": [1, None], "y": [3, None]}), "blank row", 2, "patient"),
    (exposed(), "dated but not exposed", None, None),
    (exposed(surgery_latest=[1.0, 2, 1, None, 1, None]), "dated but not exposed", 2, "surgery_latest"),
    (exposed("tttttt"), "no contrast", None, "surgery_any"),
    (exposed("ffffff"), "no contrast", None, "surgery_any"),
    (
        exposed(surgery_earliest=0.0, surgery_latest=[100.0, None, 1, None, 1, None]),
        "unit not told",
        1,
        "surgery_latest",
    ),
    (survival(os_months=[900.0, 905, 30, 800, 500, 700]), "follow-up too long", 2, "os_months"),
    (survival(os_months=[30.0, 905, 30, 8, 5, 7]), "follow-up too long", 2, "os_months"),
    (without_units(survival(entry=[0.0, 8, 3, 20 - 1e-3, 0, 0])), "no follow-up", None, None),
    (without_units(survival(entry=[0.0, 9, 3, 0, 1, 0])), "no follow-up", 2, "entry"),
    (without_units(survival(entry=[0.0, 0, 0, 0, 30, 0])), "no follow-up", 5, "entry"),
    (
        without_units(survival(os_months=[0.3 - 0.2, 9, 3, 8, 5, 7], entry=[0.1, 0, 0, 0, 0, 0])),
        "no follow-up",
        1,
        "entry",
    ),
    (without_units(exposed(surgery_earliest=DATES, surgery_latest=DATES)), "event at the start", 3, "surgery_latest"),
    (without_units(exposed("tfffff", surgery_earliest=DATES, surgery_latest=DATES)), "event at the start", None, None),
    (without_units(exposed(surgery_earliest=1.0, surgery_latest=DATES)), "event at the start", None, None),
    (pd.DataFrame({"x": [1, 2]}, index=["p1", "p2"]), "index without a name", None, ""),
    (pd.DataFrame(TWICE | {"reference": list("aaaaaab")}), "possible near-duplicate", 7, ""),
]


@pytest.mark.parametrize(("frame", "rule", "row", "column"), FOUND, ids=str)
def test_what_is_probably_wrong_is_said_with_a_remedy(frame, rule, row, column, caplog):
    """By `validate` as a warning, and in the log once when it is read; the typed table is not judged again."""
    found = cp.validate(frame).query("severity == 'warning' and rule == @rule")
    if column is None:
        assert found.empty
        return
    assert found[["row", "column"]].astype(object).where(found["row"].notna(), None).to_numpy().tolist() == [
        [row, column]
    ] or (row is None and found["column"].tolist() == [column])
    assert found["remedy"].iloc[0]
    with caplog.at_level(logging.WARNING, "casepool"):
        read = cp.read_cases(frame)
        assert caplog.text.count(found["problem"].iloc[0]) == 1
        cp.read_cases(read)
        assert caplog.text.count(found["problem"].iloc[0]) == 1


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (without_units(survival(entry=[0.0, 9, 3, 0, 1, 0])), "no follow-up"),
        (without_units(exposed(surgery_earliest=DATES, surgery_latest=DATES)), "event at the start"),
    ],
)
def test_the_time_that_a_remedy_gives_mends_the_table(frame, rule):
    (found,) = cp.validate(frame).query("rule == @rule").to_dict("records")
    time = float(re.search(r"write ([\d.]+),", found["remedy"])[1])
    columns = {"entry"} if found["column"] == "entry" else {"surgery_earliest", "surgery_latest"}
    mended = frame.astype(dict.fromkeys(columns, float))
    mended.loc[found["row"] - 1, list(columns)] = time
    assert cp.validate(mended).query("rule == @rule").empty
    assert 0 < frame.loc[found["row"] - 1, "os"] - time < 0.02


HONEST = [
    labels(),
    labels("ALL"),
    labels("NR"),
    labels("x and z", others=list("xyxyxy")),
    pd.DataFrame({"extent": ["total", "subtotal", "total", "none taken"], "x": [1, 2, 3, 5]}),
    pd.DataFrame({"x": [1, 2, 3], "y": [1, 3, 4]}),
    pd.DataFrame(PAIR | {"reference": list("aaabbb")}),
    pd.DataFrame(TWICE | {"reference": list("aaaaaaa")}),
    exposed(),
    exposed(surgery_earliest=0.0, surgery_latest=[2.0, 0, 1, 0, 1, 0]),
    survival(os_months=[30.0, 205, 30, 8, 5, 7]),
    pd.DataFrame({"x": [1, 2]}, index=[5, 7]),
    pd.DataFrame({"start": pd.to_datetime(["2020-01-01", "2021-02-01", "2020-01-01"])}),
]


@pytest.mark.parametrize("frame", HONEST, ids=range(len(HONEST)))
def test_an_honest_table_is_not_doubted(frame):
    odd = {rule for _, rule, _, _ in FOUND}
    assert not odd & set(
        cp.validate(frame)["rule"][lambda rules: rules != ""].loc[cp.validate(frame).severity == "warning"]
    )


@pytest.mark.parametrize(
    ("cells", "meant"),
    [
        (["x", "y", "unknown"], ["x", "y", None]),
        (["x", "y", "2-Sep"], ["x", "y", "SEPTIN2"]),
        (["x", "y", "Oct-19"], ["x", "y", "10-19"]),
        (["x;z", "y", "x/y"], ["x;z", "y", "x;y"]),
        (["x;z", "y;?", "x"], ["x;z", "y", "x"]),
        (["MT", "M\u0422", "x"], ["MT", "MT", "x"]),
    ],
    ids=str,
)
def test_a_remedy_pasted_into_the_codebook_mends_the_table(cells, meant):
    frame = pd.DataFrame({"patient": list("abc"), "group": cells})
    found = cp.validate(frame).query("column == 'group' and severity != 'note'")
    plain = tomllib.loads(re.search(r"missing = \[.*?\]|aliases = \{.*?\}", found["remedy"].iloc[0])[0])
    kind = {"type": "set" if any(";" in cell for cell in cells) else "category"}
    book = {"columns": {"group": kind | plain}} if "aliases" in plain else {"columns": {"group": kind}} | plain
    read = cp.read_cases(frame, codebook_from_dict(book))
    assert [None if pd.isna(v) else v for v in read["group"]] == meant
    assert cp.validate(frame, codebook_from_dict(book)).query("severity != 'note'").empty


@pytest.mark.parametrize("cell", ["#N/A", "#REF!", "#DIV/0!", "#NAME?", "#VALUE!", "#NUM!", "#NULL!"])
@pytest.mark.parametrize("type_", ["category", "set", "text", "ordered", None])
def test_what_a_spreadsheet_could_not_compute_is_refused(cell, type_):
    """Also inside a set; unless the codebook says that it is an empty cell."""
    frame = labels(f"x;{cell}" if type_ == "set" else cell)
    columns = {"columns": {"group": {"type": type_}}} if type_ else {}
    with pytest.raises(CasepoolError, match=r"row 6.*could not compute"):
        cp.read_cases(frame, codebook_from_dict(columns))
    assert cp.validate(frame, codebook_from_dict(columns))["rule"].iloc[0] == "spreadsheet error"
    cp.read_cases(frame, codebook_from_dict(columns | {"missing": ["", cell]}))


def test_an_age_below_zero_is_refused():
    with pytest.raises(CasepoolError, match=r"row 2.*below zero"):
        cp.read_cases(pd.DataFrame({"age_at_diagnosis": [30, -1]}))
    assert (
        cp.validate(pd.DataFrame({"stage": [30, -1], "change_in_age_group": [1, -1]})).query("severity != 'note'").empty
    )


def test_censoring_for_the_event_is_said():
    book = {"os": {"type": "number", "role": "time"}, "cnsr": {"type": "boolean", "role": "event"}}
    frame = pd.DataFrame({"os": [1, 2], "cnsr": [1, 0]})
    assert "censoring for event" in set(cp.validate(frame, codebook_from_dict({"columns": book}))["rule"])
    book["cnsr"] = {"type": "category", "levels": ["0", "1"], "role": "event", "counts": ["0"]}
    assert cp.validate(frame, codebook_from_dict({"columns": book})).query("severity != 'note'").empty


def test_the_id_of_a_codebook_names_a_column():
    frame = pd.DataFrame({"case": [1, 2], "x": [3, 4]})
    with pytest.raises(CasepoolError, match="no such column"):
        cp.read_cases(frame, codebook_from_dict({"id": "cases"}))
    read = cp.read_cases(frame, codebook_from_dict({"id": "case"}))
    assert cp.read_cases(read.drop(columns="case"))["x"].tolist() == [3, 4]
