"""The table of characteristics: numbers that add up, whoever lists the patients, and nobody who is told."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import casepool as cp
from casepool.cases import Codebook, Column
from casepool.frequentist.characteristics import UNKNOWN

CANARY = "zzcanary"
SETS = {"partner"}


def rows(table: pd.DataFrame, kind: str, **chosen: str) -> pd.DataFrame:
    keep = table["kind"] == kind
    for name, value in chosen.items():
        keep &= table[name] == value
    return table[keep]


@pytest.mark.parametrize("by", [None, "surgery", "sex", "age_group", "stage"])
def test_levels_and_missing_add_up_to_the_group_and_groups_to_everyone(by: str | None) -> None:
    table = cp.characteristics("alk_crizotinib", by, columns=["age", "sex", "histology", "stage", "surgery_any"])
    sizes = rows(table, "patients").set_index("group")["n"]
    assert sizes["everyone"] == 33
    assert sizes.drop("everyone").sum() == (33 if by else 0)
    for (variable, group), own in table[table["variable"] != ""].groupby(["variable", "group"]):
        assert own["n"].sum() == sizes[group], (variable, group)
    within = table[table["group"] != "everyone"].groupby(["variable", "level", "kind"])["n"].sum()
    all_ = table[table["group"] == "everyone"].set_index(["variable", "level", "kind"])["n"]
    assert not by or within.sort_index().equals(all_.sort_index())


def test_counts_are_those_of_pandas() -> None:
    cases = cp.load("alk_crizotinib")
    table = rows(cp.characteristics("alk_crizotinib", "sex"), "level", variable="histology")
    wanted = pd.crosstab(cases["histology"], cases["sex"]).reindex(table["level"].unique(), fill_value=0)
    for row in table[table["group"].isin(["F", "M"])].itertuples():
        assert row.n == wanted.loc[row.level, row.group]
        assert row.percent == pytest.approx(100 * row.n / row.patients)
    ages = rows(cp.characteristics("alk_crizotinib", "sex"), "number", variable="age", group="F").iloc[0]
    told = cases.loc[cases["sex"] == "F", "age"].astype(float).describe()
    wanted = told[["50%", "25%", "75%", "min", "max"]].tolist()
    assert ages[["median", "lower_quartile", "upper_quartile", "smallest", "largest"]].tolist() == wanted


def test_each_member_of_a_set_is_counted() -> None:
    table = rows(cp.characteristics("alk_crizotinib"), "level", variable="partner").set_index("level")["n"]
    members = cp.load("alk_crizotinib")["partner"].str.split(";").explode().str.strip()
    assert table.to_dict() == members.value_counts().astype(float).to_dict()
    assert table.sum() > 33
    assert table.tolist() == sorted(table, reverse=True)


def test_the_order_of_patients_does_not_matter_and_every_patient_twice_doubles_counts_alone() -> None:
    cases = cp.load("alk_crizotinib")
    table = cp.characteristics(cases, "surgery")
    shuffled = cases.sample(frac=1, random_state=1).reset_index(drop=True)
    pd.testing.assert_frame_equal(cp.characteristics(shuffled, "surgery"), table)
    doubled = cp.characteristics(cases.assign(n=2), "surgery", columns=table["variable"].unique()[1:].tolist())
    assert doubled["n"].tolist() == (2 * table["n"]).tolist()
    assert doubled["percent"].equals(table["percent"])
    assert doubled["median"].equals(table["median"])


def test_numbers_of_rows_that_stand_for_several_are_those_of_the_rows_spread_out() -> None:
    rng = np.random.default_rng(1)
    counts = pd.DataFrame({"age": rng.integers(1, 80, 20).astype(float), "n": rng.integers(0, 5, 20), "site": "limb"})
    spread = counts.loc[counts.index.repeat(counts["n"])].drop(columns="n").reset_index(drop=True)
    asked = ["age", "site"]
    pd.testing.assert_frame_equal(cp.characteristics(counts, columns=asked), cp.characteristics(spread, columns=asked))


def test_a_table_of_counts_weighs_by_its_patients() -> None:
    table = rows(cp.characteristics("sarcoma_imatinib"), "level")
    cases = cp.load("sarcoma_imatinib").set_index("histology")["n"]
    assert table.set_index("level")["n"].to_dict() == cases.astype(float).to_dict()
    assert rows(cp.characteristics("sarcoma_imatinib"), "patients")["n"].tolist() == [179]


def test_there_is_no_p_value_and_groups_made_later_say_so() -> None:
    table = cp.characteristics("alk_crizotinib", "surgery")
    assert not [name for name in table.columns if "p" in name.split("_") or "value" in name]
    later = table["group"].isin(["with surgery", "without surgery"])
    assert table.loc[later, "note"].str.contains("immortal time").all()
    assert not table.loc[~later, "note"].str.contains("immortal time").any()
    assert not cp.characteristics("alk_crizotinib", "sex")["note"].str.contains("immortal").any()


@pytest.fixture(scope="module")
def private() -> tuple[pd.DataFrame, Codebook]:
    frame = pd.DataFrame(
        {
            "patient": [f"{CANARY}{i}" for i in range(8)],
            "site": ["limb"] * 6 + ["trunk"] * 2,
            "age": [11.0, 22.0, 33.0, 44.0, 55.0, 66.0, 12345.0, 54321.0],
            f"{CANARY}_nick": [f"{CANARY} {i % 2}" for i in range(8)],
            f"{CANARY}_number": [987600 + i for i in range(8)],
            f"{CANARY}_remark": [f"{CANARY} was {i}" for i in range(8)],
        }
    )
    columns = {"site": Column("category", levels=("limb", "trunk")), "age": Column("number", unit="years")}
    return frame, Codebook(name="a clinic", public=False, columns=columns)


def test_of_a_private_table_no_identifier_label_text_or_extreme_leaves(
    private: tuple[pd.DataFrame, Codebook], tmp_path: Path
) -> None:
    table = cp.characteristics(cp.read_cases(*private), "site")
    for form in ("csv", "html", "md", "tex"):
        text = cp.write_table(table, tmp_path / f"table.{form}").read_text(encoding="utf-8")
        assert CANARY not in text.lower()
        assert not [told for told in ("9876", "12345", "54321", "33233") if told in text.replace(",", "")]
        assert "fewer than 3 patients" in text  # the two of the trunk are marked
    assert set(table["variable"]) == {"", "age"}
    assert table[["smallest", "largest"]].isna().all(axis=None)
    few = rows(table, "number", group="trunk")
    assert few["n"].tolist() == [2.0]
    assert few["median"].isna().all()
    assert rows(table, "number", group="limb")["median"].tolist() == [38.5]


def test_what_cannot_be_described_is_refused_in_a_line(private: tuple[pd.DataFrame, Codebook]) -> None:
    cases = cp.read_cases(*private)
    refused = {
        f"{CANARY}_nick": "does not say what may be shown",
        f"{CANARY}_number": "does not say what may be shown",
        f"{CANARY}_remark": "type text is not counted",
        "patient": "names patients",
        "nothing": "no such column",
    }
    for name, said in refused.items():
        with pytest.raises(cp.CasepoolError, match=said):
            cp.characteristics(cases, columns=[name])
    for name in (f"{CANARY}_nick", "age", "patient", "nothing"):
        with pytest.raises(cp.CasepoolError, match=name):
            cp.characteristics(cases, name)
    with pytest.raises(cp.CasepoolError, match=r"row 1 .*'m'.*whole|m.*whole"):
        cp.characteristics(pd.DataFrame({"site": ["a"], "m": [1.5]}), n="m")


def test_who_is_not_in_a_group_is_a_group() -> None:
    table = rows(cp.characteristics("alk_crizotinib", "sex"), "patients").set_index("group")["n"]
    assert table[UNKNOWN] == 2
    assert list(table.index) == ["everyone", "M", "F", UNKNOWN]
