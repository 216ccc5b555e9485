"""Dates become times since time zero: to the day as Python counts them, and otherwise all that they may mean."""

import calendar
import datetime
import random

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.cases import codebook_of
from casepool.cases.codebook import codebook_from_dict
from casepool.cases.dates import BadDateError, order_of, parse_date
from casepool.modelling import make_design
from tests.cases.dated import book, clinic, texts
from tests.small import normal, survival_model

MONTH = 365.25 / 12
PRIORS = {"intercept": normal(1.5, -3), "surgery_effect": normal(1.0), "surgery_log_intensity": normal(1.0, -3)}
EXACT = {"time": "death_date_time", "event": "death_date_event"}
PARTLY = {"time": "", "event": "", "lower": "death_date_lower", "upper": "death_date_upper"}
INTERVAL = {"column": "operated", "earliest": "operation_earliest", "latest": "operation_latest"}


def days_between(one, other):
    """As the calendar counts: days of whole years and months added up, no ordinal in sight."""
    if other < one:
        return -days_between(other, one)
    count, day = 0, one
    while (day.year, day.month) != (other.year, other.month):
        count += calendar.monthrange(day.year, day.month)[1] - day.day + 1
        day = datetime.date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return count + other.day - day.day


def test_500_durations_are_those_of_the_calendar():
    frame = clinic(500)
    read = cp.read_cases(texts(frame), book(last_contact={"unit": "days"}))
    expected = [days_between(*pair) for pair in zip(frame["diagnosed"], frame["last_contact"], strict=True)]
    assert read["last_contact"].tolist() == expected
    dead = frame["death_date"].notna()
    expected = [days_between(a, b) / MONTH for a, b in frame.loc[dead, ["diagnosed", "death_date"]].to_numpy()]
    np.testing.assert_allclose(read.loc[dead, "death_date_time"], expected, rtol=1e-14)
    np.testing.assert_allclose(read.loc[~dead, "death_date_time"], read.loc[~dead, "last_contact"] / MONTH, rtol=1e-14)
    assert read["death_date_event"].tolist() == dead.tolist()


SAME = ["2019-03-07", "2019/3/7", "20190307", "7 March 2019", "07-Mar-2019", "7. mar. 2019", "March 7th, 2019",
        "2019-03-07T10:30:00Z", "2019-03-07 00:00:00", datetime.date(2019, 3, 7), datetime.datetime(2019, 3, 7, 9),
        pd.Timestamp("2019-03-07"), pd.Period("2019-03-07"), "2019-03-07/2019-03-07"]  # fmt: skip
PARTS = {
    ("2019-03-01", "2019-03-31"): ["2019-03", "March 2019", "03/2019", "3-2019", "Mar-2019", "2019-03-XX",
                                   "UN-MAR-2019", "XX/03/2019", "00.03.2019", "2019 Mar", pd.Period("2019-03"),
                                   "2019-03-01/2019-03"],
    ("2020-02-01", "2020-02-29"): ["2020-02", "Feb 2020", "2020-02-00"],
    ("2019-01-01", "2019-12-31"): ["2019", 2019, 2019.0, "2019.0", "2019-XX-XX", "UN-UNK-2019", "??/??/2019"],
    ("2019-07-01", "2020-03-02"): ["2019-07/2020-03-02"],
    ("2019-01-01", "2020-12-31"): ["2019/2020"],
}  # fmt: skip


@pytest.mark.parametrize("cell", SAME, ids=str)
def test_a_day_is_one_however_it_is_written(cell):
    assert parse_date(cell) == (datetime.date(2019, 3, 7),) * 2


@pytest.mark.parametrize(("ends", "cell"), [(ends, cell) for ends, cells in PARTS.items() for cell in cells], ids=str)
def test_a_partial_date_is_all_that_it_may_mean(ends, cell):
    assert parse_date(cell) == tuple(map(datetime.date.fromisoformat, ends))


def test_an_interval_contains_every_day_it_may_mean():
    """Each day written less and less exactly; and whatever time zero is known to be."""
    rng = random.Random(3)
    for _ in range(100):
        zero = datetime.date(2010, 1, 1) + datetime.timedelta(days=rng.randrange(3000))
        end = zero + datetime.timedelta(days=rng.randrange(1500))
        forms = [rng.choice(["%Y-%m-%d", "%Y-%m", "%Y", "%B %Y", "%m/%Y"]) for _ in range(2)]
        cells = {"diagnosed": [zero.strftime(forms[0])], "seen": [end.strftime(forms[1])]}
        kinds = {name: {"type": "date", "unit": "days"} for name in cells}
        told = codebook_from_dict({"file": {"time_zero": "diagnosed"}, "columns": kinds})
        read = cp.read_cases(pd.DataFrame(cells), told)
        low, high = (read.get(f"seen_{end}", read["seen"])[0] for end in ("earliest", "latest"))
        assert 0 <= low <= (end - zero).days <= high
        exact = forms == ["%Y-%m-%d"] * 2
        assert (low == high) >= exact
        assert not exact or read["seen"][0] == (end - zero).days


REFUSED = {
    "31/12/19": "four digits", "12-Mar-19": "four digits", "Mar-19": "four digits", "03/19": "four digits",
    "43891": 'format = "excel"', 43891: 'format = "excel"', "03/04/2019": "day first", "31/02/2019": "1 to 28",
    "2019-13-01": "1 to 12", "2019-02-29": "1 to 28", "1899-01-01": "1900", "ca. 2019": "2019-03-31",
    "Q1 2019": "2019-03",
    "201903": "2019-03-31", "7 Mai 2019": "English", "2020-01/2019-01": "exchange", "XX-07-2019-1": "2019-03",
    True: "2019-03",
    "12": "2019-03", 3.5: "2019-03", float("inf"): "2019-03", "²019": "2019-03", "x" * 500: "2019-03",
}  # fmt: skip


@pytest.mark.parametrize(("cell", "told"), REFUSED.items(), ids=lambda x: str(x)[:20])
def test_what_is_no_date_or_may_be_two_is_refused_with_a_remedy(cell, told):
    with pytest.raises(BadDateError) as refused:
        parse_date(cell)
    assert told in f"{refused.value}; {refused.value.remedy}"


def seen(cells, **keys):
    columns = {"start": {"type": "date"}, "seen": {"type": "date", "unit": "days"} | keys}
    frame = pd.DataFrame({"start": ["2019-01-01"] * len(cells), "seen": pd.Series(cells, dtype=object)})
    return frame, codebook_from_dict({"file": {"time_zero": "start"}, "columns": columns})


def test_one_cell_tells_the_order_of_a_column():
    assert cp.read_cases(*seen(["03/04/2019", "31/12/2019"]))["seen"].tolist() == [92, 364]
    assert cp.read_cases(*seen(["03/04/2019", "12/31/2019"]))["seen"].tolist() == [62, 364]
    assert order_of("04/04/2019") is None
    for form, days in (("day first", 92), ("month first", 62)):
        assert cp.read_cases(*seen(["03.04.2019"], format=form))["seen"].tolist() == [days]


def test_an_order_nobody_tells_is_refused_with_the_line_to_paste():
    (problem,) = cp.validate(*seen(["03/04/2019", None, "05/06/2019"])).query("severity == 'error'").to_dict("records")
    assert 'format = "day first"' in problem["remedy"]
    assert "[columns.seen]" in problem["remedy"]
    mixed = cp.validate(*seen(["31/12/2019", "03/04/2019", "12/31/2019"])).query("severity == 'error'")
    assert mixed[["row", "column"]].to_numpy().tolist() == [[3, "seen"]]
    wrong = cp.validate(*seen(["31/12/2019", "12/31/2019"], format="month first")).query("severity == 'error'")
    assert wrong["row"].tolist() == [1]


def test_numbers_of_a_spreadsheet_are_days_only_if_told():
    """43891 is 1 March 2020, by Microsoft's documentation of the date system of 1900."""
    days = (datetime.date(2020, 3, 1) - datetime.date(2019, 1, 1)).days
    assert cp.read_cases(*seen([43891, "43891.75"], format="excel"))["seen"].tolist() == [days, days]


def test_dates_a_spreadsheet_turned_around_are_warned_of():
    """An American one takes 3/4 for March 4 and leaves 31/12, which is no date to it, as text."""
    turned = [datetime.datetime(2019, 3, 4), datetime.datetime(2019, 6, 5), "31/12/2019"]
    warned = cp.validate(*seen(turned)).query("severity == 'warning'")
    assert warned[["rule", "row", "column"]].to_numpy().tolist() == [["dates turned around", 1, "seen"]]
    assert cp.validate(*seen([*turned, datetime.datetime(2019, 6, 25)])).query("severity == 'warning'").empty


def month_only(frame, rows):
    """Write the operations and deaths of some rows to the month only."""
    made = texts(frame)
    for name in ("operation", "death_date"):
        made.loc[rows, name] = [cell[:7] if isinstance(cell, str) else None for cell in made.loc[rows, name]]
    return made


def same_design(one, other):
    assert one.patients == other.patients
    for name, values in one.outcome.items():
        np.testing.assert_array_equal(values, other.outcome[name], err_msg=name)
    for name in ("earliest", "latest", "switch", "log_weight", "exposed"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)


@pytest.mark.parametrize("unit", ["months", "days", "years"])
def test_a_model_on_dates_is_the_model_on_times_by_hand(unit):
    frame = clinic(40)
    model = survival_model(PRIORS, outcome=EXACT, exposure={"column": "operated", "start": "operation"}, unit=unit)
    ends = frame["death_date"].where(frame["death_date"].notna(), frame["last_contact"])
    since = {name: [d and (d - z).days for d, z in zip(dates, frame["diagnosed"], strict=True)]
             for name, dates in (("operation", frame["operation"]), ("death_date_time", ends))}  # fmt: skip
    by_hand = frame[["patient", "operated"]].assign(**since, death_date_event=frame["death_date"].notna())
    kinds = {"operation": "days", "death_date_time": "days"}
    told = {"columns": {name: {"type": "number", "unit": unit} for name, unit in kinds.items()}}
    same_design(
        make_design(model, cp.read_cases(texts(frame), book())),
        make_design(model, cp.read_cases(by_hand, codebook_from_dict(told))),
    )


def test_months_of_operations_and_deaths_are_intervals_of_the_design():
    frame = clinic(30)
    rows = list(range(0, 30, 2))
    model = survival_model(PRIORS, outcome=PARTLY, exposure=INTERVAL, unit="days")
    partly = make_design(model, cp.read_cases(month_only(frame, rows), book()))
    assert len(partly.patients) == 30
    for i in range(30):
        zero, operation, death = frame.loc[i, ["diagnosed", "operation", "death_date"]]
        if operation:
            assert partly.earliest[i] <= (operation - zero).days <= partly.latest[i]
            assert (partly.earliest[i] < partly.latest[i]) == (i in rows)
        if death:
            lower, upper = partly.outcome["lower"][i], partly.outcome["time"][i]
            assert lower <= (death - zero).days <= upper
            assert bool(partly.outcome["between"][i]) == (i in rows)


def test_a_model_that_takes_partly_known_dates_for_days_is_refused_with_what_to_write():
    cases = cp.read_cases(month_only(clinic(10), [0, 1, 2, 3]), book())
    with pytest.raises(cp.CasepoolError, match=r'lower = "death_date_lower" and upper = "death_date_upper"'):
        make_design(survival_model({"intercept": normal(1.5, -3)}, outcome=EXACT), cases)
    exposure = {"column": "operated", "start": "operation"}
    with pytest.raises(cp.CasepoolError, match=r'earliest = "operation_earliest"'):
        make_design(survival_model(PRIORS, outcome=PARTLY, exposure=exposure), cases)


def test_all_dates_later_by_a_constant_change_nothing():
    one, other = (cp.read_cases(texts(clinic(60, shift=shift)), book()) for shift in (0, 12_345))
    pd.testing.assert_frame_equal(one, other)


def test_permuted_rows_are_permuted_times():
    frame = month_only(clinic(50), list(range(25)))
    order = random.Random(2).sample(range(50), 50)
    whole, permuted = cp.read_cases(frame, book()), cp.read_cases(frame.iloc[order].reset_index(drop=True), book())
    pd.testing.assert_frame_equal(whole.iloc[order].reset_index(drop=True), permuted)


def test_reading_again_changes_nothing_and_the_codebook_is_text_and_back(tmp_path):
    frame = month_only(clinic(20), [1, 2, 3])
    read = cp.read_cases(frame, book())
    for again in (cp.read_cases(read), cp.read_cases(read, book())):
        pd.testing.assert_frame_equal(read, again, check_like=False)
        assert codebook_of(again).columns == codebook_of(read).columns
    assert codebook_from_dict(book().to_dict()) == book()
    assert codebook_from_dict(codebook_of(read).to_dict()) == codebook_of(read)
    fewer = cp.read_cases(read.drop(columns=["diagnosed", "death_date_lower"]))
    assert "time_zero" not in codebook_of(fewer).file


ONE_COLUMN = {
    "file": {"time_zero": "start"},
    "columns": {
        "start": {"type": "date"},
        "last": {"type": "date", "role": "time", "unit": "days"},
        "dead": {"type": "boolean", "role": "event"},
    },
}


def test_one_column_of_last_dates_and_a_flag_make_an_outcome_too():
    """Of who died in a month the month; of who was last seen in it, its first day."""
    cells = {"start": ["2019-01-01"] * 3, "last": ["2019-03", "2019-03", "2019-04-01"], "dead": [True, False, True]}
    read = cp.read_cases(pd.DataFrame(cells), codebook_from_dict(ONE_COLUMN))
    assert read["last_lower"].tolist() == [59, 59, 90]
    assert read["last_upper"].isna().tolist() == [False, True, False]
    assert read["last_upper"].dropna().tolist() == [89, 90]


def test_a_birth_becomes_an_age():
    told = book(born={"type": "date", "role": "birth"})
    frame = texts(clinic(4)).assign(born=["1970-01-01", "1970", "May 1970", None])
    frame["diagnosed"] = "2010-01-01"
    frame[["operation", "death_date", "last_contact"]] = [None, None, "2019-01-01"]
    read = cp.read_cases(frame, told)
    assert read["born"][0] == pytest.approx(40, abs=0.01)
    assert read["born"][1] == pytest.approx(39.5, abs=0.01)
    assert np.isnan(read["born"][3])
    assert codebook_of(read).columns["born"].unit == "years"


IMPOSSIBLE = {
    "operation": ("2000-12-31", "before time zero"),
    "last_contact": ("1999-05", "before time zero"),
    "death_date": ("2000-01-01", "before time zero"),
}


@pytest.mark.parametrize(("column", "cell", "said"), [(name, *told) for name, told in IMPOSSIBLE.items()])
def test_a_date_before_time_zero_is_named_by_patient_and_cell(column, cell, said):
    frame = texts(clinic(5))
    frame.loc[3, "operated"], frame.loc[3, column] = True, cell
    (problem,) = cp.validate(frame, book()).query("severity == 'error'").to_dict("records")
    assert [problem[key] for key in ("row", "patient", "column", "value")] == [4, "patient p3", column, repr(cell)]
    assert said in problem["problem"]
    assert "correct" in problem["remedy"]


def test_an_operation_after_death_is_named_and_one_that_may_be_before_is_not():
    frame = texts(clinic(3))
    frame.loc[1, ["operated", "operation", "death_date"]] = [True, "2031-01-02", "2031-01-01"]
    (problem,) = cp.validate(frame, book()).query("severity == 'error'").to_dict("records")
    assert (problem["patient"], problem["column"]) == ("patient p1", "operation")
    assert "'death_date', by 1 days" in problem["problem"]
    frame.loc[1, "death_date"] = "2031-01"
    read = cp.read_cases(frame, book(operation={"unit": "days"}, death_date={"unit": "days"}))
    assert read["death_date_lower"][1] == read["operation"][1]
    free = book(operation={"role": "none"})
    frame.loc[1, "death_date"] = "2031-01-01"
    assert cp.validate(frame, free).query("severity == 'error'").empty


def test_a_death_without_a_date_is_no_survivor():
    frame = texts(clinic(6)).assign(dead=lambda t: t["death_date"].notna())
    told = book(dead={"type": "boolean", "role": "event"})
    cp.read_cases(frame, told)
    alive = frame.index[~frame["dead"]][0]
    frame.loc[alive, "dead"] = True
    with pytest.raises(cp.CasepoolError, match=rf"row {alive + 1} .*'death_date'.*has no date"):
        cp.read_cases(frame, told)
    frame.loc[alive, "dead"], frame.loc[frame.index[frame["dead"]][0], "dead"] = False, False
    with pytest.raises(cp.CasepoolError, match="did not happen"):
        cp.read_cases(frame, told)


def test_dates_beside_a_flag_that_is_told_by_its_name_alone():
    cells = {"start": ["2019-01-01"] * 2, "seen": ["2019-01-03", None], "death": [True, False]}
    kinds = {"start": {"type": "date"}, "seen": {"type": "date", "unit": "days"}}
    told = codebook_from_dict({"file": {"time_zero": "start"}, "columns": kinds})
    assert cp.read_cases(pd.DataFrame(cells), told)["seen"].dropna().tolist() == [2]


def test_a_patient_without_time_zero_is_warned_of():
    frame = texts(clinic(4))
    frame.loc[2, "diagnosed"] = None
    warned = cp.validate(frame, book()).query("severity == 'warning' and rule == 'order of dates'")
    assert warned[["row", "column"]].to_numpy().tolist() == [[3, "diagnosed"]]
    frame["death_date"] = "2031-01-01"
    design = make_design(survival_model({"intercept": normal(1.5, -3)}, outcome=EXACT), cp.read_cases(frame, book()))
    assert design.left_out == {"p2": "no death_date_time"}


TOLD_WRONG = [
    ({"columns": {"x": {"type": "date"}}}, 'time_zero = "x" under [file]'),
    ({"file": {"time_zero": "y"}, "columns": {"x": {"type": "date"}}}, '[columns.y] with type = "date"'),
    ({"file": {"time_zero": "x"}, "columns": {"x": {"type": "date", "format": "dmy"}}}, "day first"),
    ({"file": {"time_zero": "x"}, "columns": {"x": {"type": "date", "unit": "hours"}}}, "days"),
    ({"file": {"time_zero": "x"}, "columns": {"x": {"type": "date", "role": "event"}}}, "censored_at"),
    ({"file": {"time_zero": "x"}, "columns": {"x": {"type": "date", "censored_at": "y"}}}, "columns.x.censored_at"),
    ({"file": {"time_zero": "x"}, "id": "x", "columns": {"x": {"type": "date"}}}, 'type = "text"'),
    ({"columns": {"x": {"type": "text", "role": "birth"}}}, 'type = "date"'),
]


@pytest.mark.parametrize(("plain", "told"), TOLD_WRONG, ids=lambda x: x if isinstance(x, str) else "")
def test_a_codebook_that_says_too_little_of_dates_is_refused_with_what_to_write(plain, told):
    with pytest.raises(cp.CasepoolError) as refused:
        codebook_from_dict(plain)
    assert told in str(refused.value)


def test_a_name_that_is_taken_is_not_overwritten():
    frame = texts(clinic(3)).assign(death_date_time=[1.0, 2.0, 3.0])
    with pytest.raises(cp.CasepoolError, match=r"column 'death_date_time'.*rename"):
        cp.read_cases(frame, book(death_date_time={"type": "number"}))


def test_a_new_folder_knows_dates_and_their_zero(tmp_path):
    frame = texts(clinic(12))
    folder = cp.new_dataset(tmp_path / "made", frame.sample(frac=1, axis=1, random_state=1))
    made = codebook_of(cp.read_cases(folder))
    assert made.file["time_zero"] == "diagnosed"
    assert {"death_date", "last_contact", "operation", "diagnosed"} <= set(made.dated)
    assert cp.validate(folder).query("severity == 'error'").empty
    assert '\ncensored_at = "last_contact"' in (folder / "codebook.toml").read_text("utf-8")
