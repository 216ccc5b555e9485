import subprocess
import sys

import pytest

from casepool.claims import audit
from casepool.claims.verdicts import CANNOT, COLUMNS, ONLY_AS, REPRODUCES
from casepool.errors import CasepoolError


def test_the_table_has_the_promised_columns_and_three_verdicts(claims):
    assert [claims.index.name, *claims.columns] == list(COLUMNS)
    assert set(claims["verdict"]) == {REPRODUCES, ONLY_AS, CANNOT}
    assert claims["evidence"].ne("").all()
    assert claims["reproduces_as"].eq("").equals(claims["verdict"].eq(CANNOT))


def test_the_printed_p_of_table_2_is_an_exact_test_and_not_the_chi_square_it_names(claims):
    row = claims.loc["table2_p"]
    assert row["convention"] == "chi-square test"
    assert row["recomputed"] == "0.606"
    assert row["verdict"] == ONLY_AS
    assert row["reproduces_as"] == "Fisher-Freeman-Halton exact test"
    assert "6 of 8 expected counts below 5" in row["evidence"]
    assert "CR 3/2" in row["evidence"]


def test_the_printed_medians_appear_only_where_the_living_count_as_dead(claims):
    with_, without = claims.loc["os_median_with_surgery"], claims.loc["os_median_without_surgery"]
    assert (with_["recomputed"], without["recomputed"]) == ("not reached", "40")
    end = "every survival time taken as an event and where survival is one half: the end of the interval"
    for row in (with_, without):
        assert row["verdict"] == ONLY_AS
        assert f"{end} (nobody would defend it" in row["reproduces_as"]
        assert "2 of the 2 like numbers there agree under it" in row["reproduces_as"]
    assert "10 patients, 0 events" in with_["evidence"]
    assert "18 patients, 7 events" in without["evidence"]


def test_every_way_to_the_printed_medians_and_intervals_takes_the_living_for_dead(claims):
    for name in (
        "os_median_with_surgery",
        "os_limits_with_surgery",
        "os_median_without_surgery",
        "os_limits_without_surgery",
    ):
        ways = claims.loc[name, "reproduces_as"].split("; or ")
        assert all("every survival time taken as an event" in way for way in ways)
        assert all("nobody would defend it" in way for way in ways)
    assert claims.loc["os_limits_with_surgery", "recomputed"] == "not defined, not reached"
    assert claims.loc["os_limits_without_surgery", "recomputed"] == "18.4, not reached"


def test_the_survival_test_carries_the_guard_and_its_time_dependent_form(claims):
    row = claims.loc["os_p"]
    assert row["verdict"] == REPRODUCES
    assert "immortal time" in row["evidence"]
    assert "Mantel-Byar test, exposure at its latest date" in row["evidence"]


def test_table_3_is_not_the_response_to_crizotinib(claims):
    assert claims.loc["table3_p", "recomputed"] == "0.897"
    assert "which are not those of Table 1" in claims.loc["table3_p", "reproduces_as"]
    assert claims.loc["table3_cr_with", "recomputed"] == "2"
    assert "free of disease" in claims.loc["table3_cr_with", "reproduces_as"]
    assert claims.loc["cr_without_surgery", "verdict"] == CANNOT


@pytest.mark.parametrize(
    ("claim", "recomputed", "verdict", "said"),
    [
        ("sites_total", "31", CANNOT, "16 + 10 + 3 + 1 + 1"),
        ("site_thigh", "0", CANNOT, "none"),
        ("stage_iv", "23/29", ONLY_AS, "left out: 10, 17, 25, 33"),
        ("ae_cases", "13", ONLY_AS, "in more than one: 7, 18, 29"),
        ("ae_cases_added", "16", REPRODUCES, "7 + 7 + 2"),
        ("failed", "12", ONLY_AS, "8 as the references listed, each counted once"),
        ("ae_serious_references", "7, 14, 18, 20, 23, 24, 29", CANNOT, "7: 7, 14"),
        ("children_operated", "2", ONLY_AS, "2: 21, 22"),
        ("table2_total_children", "10", REPRODUCES, "empty in 10"),
        ("table2_total_adults", "17", REPRODUCES, "empty in 5, 12"),
        ("adults", "19", REPRODUCES, "19: 1"),
        ("children", "11", REPRODUCES, "11: 6"),
        ("evaluation_weeks", "12", ONLY_AS, "9 as the median"),
    ],
)
def test_where_printed_totals_stand_against_each_other_the_evidence_says_why(claims, claim, recomputed, verdict, said):
    row = claims.loc[claim]
    assert (row["recomputed"], row["verdict"]) == (recomputed, verdict)
    assert said in row["evidence"]


def test_a_match_nobody_would_defend_says_so(claims):
    for claim in ("ae_cases", "failed", "os_median_with_surgery"):
        assert "nobody would defend it" in claims.loc[claim, "reproduces_as"]
    assert "nobody" not in claims.loc["table2_p", "reproduces_as"]


def test_how_many_conventions_were_tried_is_said(claims):
    assert claims["evidence"].str.contains(r"\d+ conventions? tried, \d+ agree").all()


def test_a_name_that_is_no_dataset_is_refused():
    with pytest.raises(CasepoolError, match="bundled are"):
        audit("alk_crizotinip")


def test_the_audit_takes_no_sampler_along():
    code = "import sys, casepool as cp; cp.audit('alk_crizotinib'); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"'pymc'", "'arviz'", "'pytensor'", "'nutpie'"} & set(loaded.replace("[", " ").split(", "))
