"""The flow of patients: whoever the table has is analysed or left out for a reason, and nobody is both."""

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import Codebook, Column
from tests.small import counts, normal, response_model

MODEL = response_model({}, {"intercept": normal(1.5)})


def small(frame: pd.DataFrame, book: Codebook | None = None) -> xr.DataTree:
    return cp.fit(MODEL, cp.read_cases(frame, book), seed=1, draws=100, engine="lockstep", progress=False)


def test_those_left_out_and_analysed_are_the_table(response_fit: xr.DataTree, survival_fit: xr.DataTree) -> None:
    table = cp.flow([response_fit, survival_fit])
    assert list(dict.fromkeys(table["model"])) == ["objective_response", "overall_survival"]
    for fit, (_, own) in zip((response_fit, survival_fit), table.groupby("model", sort=False), strict=True):
        n = own.set_index("step")["n"]
        assert n["in the table"] == 33 == n["left out"].sum() + n["analysed"]
        assert n["analysed"] == fit["observed_data"].sizes["patient"]
        named = [patient for who in own["who"] if who for patient in who.split(", ")]
        reasons = fit["patients"]["left_out_because"]
        assert set(named) == set(reasons["patient"].to_numpy()[reasons.to_numpy() != ""])
        assert len(named) == n["left out"].sum()


def test_reasons_are_those_the_table_gives(response_fit: xr.DataTree) -> None:
    cases = cp.load("alk_crizotinib")
    given = cases.loc[cases["best_response"].isna(), "not_evaluable_because"].value_counts()
    told = cp.flow(response_fit).query("step == 'left out'").set_index("reason")["n"]
    assert told.to_dict() == given.astype(float).to_dict()
    assert told.tolist() == sorted(told, reverse=True)


def test_patients_are_counted_not_rows() -> None:
    table = cp.flow(small(counts([3, 2, 0], [8, 5, 0], group=["a", "b", "c"])))
    assert table.set_index("step")["n"].to_dict() == {"in the table": 13, "left out": 0, "analysed": 13}
    assert table.iloc[-1]["events"] == 5


def test_the_order_of_patients_changes_no_count() -> None:
    frame = pd.DataFrame({"patient": list("abcdef"), "response": ["yes", "no", None, "yes", None, "no"]})
    book = Codebook(columns={"response": Column("ordered", levels=("no", "yes"))})
    tables = [cp.flow(small(own, book)).drop(columns="who") for own in (frame, frame[::-1].reset_index(drop=True))]
    pd.testing.assert_frame_equal(*tables)


def test_of_a_private_table_nobody_is_named_and_small_counts_are_marked() -> None:
    names = [f"zzcanary{i}" for i in range(8)]
    frame = pd.DataFrame({"patient": names, "response": ["yes", "no"] * 3 + [None] * 2, "why": ["", *names[1:]]})
    columns = {"response": Column("ordered", levels=("no", "yes")), "why": Column("category", explains="response")}
    table = cp.flow(small(frame, Codebook(public=False, columns=columns)))
    assert "zzcanary" not in table.to_csv()
    assert set(table["who"]) == {""}
    assert not table.attrs["public"]
    assert table.query("step == 'left out'")["n"].tolist() == [2]


@pytest.mark.parametrize("fits", [None, [], 5, "objective_response"])
def test_what_is_no_fit_is_refused(fits: object) -> None:
    with pytest.raises(cp.CasepoolError, match="fit"):
        cp.flow(fits)
