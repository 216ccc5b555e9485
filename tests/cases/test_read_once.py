"""What was read is not read anew: aliases are applied once, and a time is in the unit that its column tells."""

import logging
from itertools import product

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.cases.codebook import codebook_from_dict
from casepool.errors import CasepoolError
from casepool.modelling import make_design
from casepool.modelling.design.outcomes import _say_converted
from tests.small import normal, survival_model

SHIFT = {"a": "b", "b": "a", "0": "1", "1": "2", "2": "3"}


def book(type_, **keys):
    columns = {"patient": {"type": "text"}, "x": {"type": type_, "aliases": SHIFT, **keys}, "y": {"type": type_}}
    coding = {
        "use": {"why": "", "use": {"x": "y"}},
        "set": {"why": "", "set": [{"patient": "p0", "x": "a"}]},
        "both": {"why": "", "use": {"x": "y"}, "set": [{"patient": "p0", "x": "a"}]},
    }
    return codebook_from_dict({"columns": columns, "codings": {"x": coding}})


def table(cells):
    return pd.DataFrame({"patient": [f"p{i}" for i in range(len(cells))], "x": cells, "y": cells[::-1]})


@pytest.mark.parametrize("type_", ["category", "ordered", "set"])
def test_aliases_are_applied_once_however_often_a_table_is_read(type_):
    """Each of ten readings, by the codebook it carries or the same one given again, is the first."""
    cells = [*SHIFT, "c"] if type_ != "set" else [f"{one};{two}" for one, two in product(SHIFT, "ac")]
    once = [";".join(SHIFT.get(member, member) for member in cell.split(";")) for cell in cells]
    read = cp.read_cases(table(cells), book(type_))
    assert read["x"].tolist() == once
    for again in range(10):
        read = cp.read_cases(read, book(type_) if again % 2 else None)
        assert read["x"].tolist() == once
    assert cp.validate(read).query("severity == 'error'").empty


@pytest.mark.parametrize(("choice", "x"), [("use", list("cab")), ("set", list("bac")), ("both", list("bab"))])
def test_what_a_coding_writes_is_read_by_the_aliases_once(choice, x):
    """Of a, b, c (read as b, a, c) and, in y, c, b, a."""
    read = cp.recode(cp.read_cases(table(list("abc")), book("category")), x=choice)
    assert read["x"].tolist() == x
    assert cp.read_cases(read)["x"].tolist() == x


def test_a_codebook_of_other_aliases_is_applied_to_a_typed_table():
    read = cp.read_cases(table(list("abc")), book("category"))
    other = codebook_from_dict({"columns": {"x": {"type": "category", "aliases": {"b": "d"}}}})
    assert cp.read_cases(read, other)["x"].tolist() == list("dac")


MONTH = 365.25 / 12


@pytest.mark.parametrize(
    ("name", "days"),
    [
        *((name, 1.0) for name in ("os_days", "OS (days)", "os_d", "days_to_death")),
        *(("os_weeks", 7.0), ("OS.yrs", 365.25), ("OS_MONTHS", MONTH), ("os", MONTH)),
    ],
)
def test_a_time_is_converted_from_the_unit_its_name_tells(name, days, caplog):
    """To the months of the model, and said; no unit is the model's own, and the codebook's wins."""
    frame = pd.DataFrame({name: [30.0, 905.0], "dead": [True, False]})
    model = survival_model({"intercept": normal(1)}, outcome={"time": name, "event": "dead"})
    _say_converted.cache_clear()
    with caplog.at_level(logging.WARNING, "casepool"):
        design = make_design(model, frame)
    np.testing.assert_allclose(design.outcome["time"], np.array([30, 905]) * days / MONTH, rtol=1e-8)
    assert ("by its name, converted" in caplog.text) == (days != MONTH)
    told = codebook_from_dict({"columns": {name: {"type": "number", "unit": "weeks"}, "dead": {"type": "boolean"}}})
    np.testing.assert_allclose(make_design(model, cp.read_cases(frame, told)).outcome["time"][0], 210 / MONTH)


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ('type = "category"\nrange = [0, 1]', "columns.x.range"),
        ('type = "number"\nlevels = ["1", "2"]', "columns.x.levels"),
        ('type = "boolean"\naliases = { "ja" = "yes" }', "columns.x.aliases"),
        ('type = "set"\naliases = { "?" = "NA" }', "columns.x.aliases"),
    ],
)
def test_what_a_file_says_in_vain_is_refused(entry, key, tmp_path):
    (tmp_path / "codebook.toml").write_text(f"[columns.x]\n{entry}\n", encoding="utf-8")
    with pytest.raises(CasepoolError) as refused:
        cp.read_cases(pd.DataFrame({"x": [1]}), tmp_path / "codebook.toml")
    assert refused.value.column == key
