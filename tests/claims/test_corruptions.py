"""One wrong cell flips the verdicts that depend on it, and no other."""

import pytest

from casepool.claims import audit
from casepool.errors import CasepoolError

from .conftest import change_cell

CANNOT, ONLY_AS, REPRODUCES = "cannot be reproduced", "reproduces only as ...", "reproduces"

CORRUPTIONS = [
    # Only PD becomes SD: all have disease control, and the four categories of Table 2 become three.
    # The last two are coincidences: a coding of surgery moves one or three patients to the printed 4.
    ("13", "best_response", "SD", {
        "dcr": CANNOT, "dcr_share": CANNOT, "kras_case": CANNOT, "table2_p": CANNOT, "table2_sd_adults": CANNOT,
        "table2_pd_adults": CANNOT, "table3_sd_without": ONLY_AS, "table3_pd_without": ONLY_AS,
    }),
    # The cut-off at 22 moves another patient back, so these numbers survive under that coding.
    ("6", "age_group", "18 and over", dict.fromkeys([
        "adults", "children", "table2_pr_children", "table2_pr_adults", "table2_total_children", "table2_total_adults",
    ], ONLY_AS)),
    ("19", "os_months", "54.2", {"survival_range": CANNOT}),
    # The text's version of case 7.
    ("7", "site", "Thigh", {"site_thoracic": CANNOT, "site_thigh": REPRODUCES}),
    # A 30th printed stage makes the printed denominator right.
    ("33", "stage", "III", {"stage_iv": REPRODUCES, "stage_iv_share": REPRODUCES}),
    ("15", "partner", "RANBP2", {"eimt_ranbp2": CANNOT}),
    # Nine operated patients instead of ten, unless another coding of surgery counts 28 again.
    ("28", "surgery_any", "false", {
        "table3_sd_with": REPRODUCES, "table3_total_without": ONLY_AS, "table3_total_with": ONLY_AS,
    }),
    ("30", "status", "NED", dict.fromkeys(["cr_with_surgery", "cr_with_surgery_share", "table3_cr_with"], CANNOT)),
    ("31", "next_response", "PR", dict.fromkeys([
        "next_inhibitor_orr", "next_inhibitor_orr_share", "died_within_a_year", "died_within_a_year_references",
    ], CANNOT)),
    ("22", "months_off", "", {"children_off_crizotinib": CANNOT, "children_operated": CANNOT}),
    ("24", "months_on", "8.4", {"died_within_a_year": CANNOT, "died_within_a_year_references": CANNOT}),
    ("12", "os_months", "", {"os_limits_without_surgery": CANNOT}),
    # A change nothing printed depends on.
    ("9", "detection", "FISH", {}),
]  # fmt: skip

EVENTS = [
    ("Nausea", "references", "7;12;13", {"table4_1_2_nausea": CANNOT}),
    ("TLS", "references", "10", dict.fromkeys(["ae_cases", "ae_fatal", "ae_fatal_references", "table4_fatal"], CANNOT)),
    ("Fatigue", "grade", "3-4", {"table4_1_2_fatigue": CANNOT}),
]


def flips(folder, claims):
    now = audit(folder).set_index("claim")["verdict"]
    return {claim: now[claim] for claim in now.index if now[claim] != claims["verdict"][claim]}


@pytest.mark.parametrize(("patient", "column", "value", "expected"), CORRUPTIONS)
def test_a_wrong_cell_flips_exactly_these_verdicts(copy, claims, patient, column, value, expected):
    change_cell(copy / "cases.csv", {"patient": patient}, column, value)
    assert flips(copy, claims) == expected


def test_a_death_denied_beside_a_status_of_death_is_refused(copy):
    change_cell(copy / "cases.csv", {"patient": "13"}, "death", "false")
    with pytest.raises(CasepoolError, match=r"row 13 \(patient 13\), line 14, column 'status': status says the event"):
        audit(copy)


@pytest.mark.parametrize(("event", "column", "value", "expected"), EVENTS)
def test_a_wrong_adverse_event_flips_exactly_these_verdicts(copy, claims, event, column, value, expected):
    change_cell(copy / "adverse_events.csv", {"event": event}, column, value)
    assert flips(copy, claims) == expected


def test_an_untouched_copy_gives_the_same_table(copy, claims):
    assert audit(copy).set_index("claim").equals(claims)
