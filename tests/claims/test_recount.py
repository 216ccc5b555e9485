"""Every count claim, recounted from the printed table: this file shares no code with the audit or with cases.csv."""

import csv
import re
import tomllib
from pathlib import Path
from statistics import mean

import pytest

FOLDER = Path(__file__).parents[2] / "data" / "alk_crizotinib"
INHIBITORS = {"Ceritinib", "Brigatinib", "Alectinib", "Lorlatinib"}


def read_table():
    with (FOLDER / "table1.tsv").open(encoding="utf-8", newline="") as lines:
        _, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [Patient(row) for row in rows]


class Patient:
    """One printed row, read as the claims need it."""

    def __init__(self, cells):
        (case, age, self.histology, site, partner, line, combined, duration, later, survival, status, source) = cells
        self.case = int(re.match(r"\d+", case)[0])
        self.age = float(age.split("/")[0]) if re.match(r"[\d.]+/", age) else None
        self.sex = age.split("/")[1] if "/" in age else None
        parts = [part.strip() for part in site.split("/")]
        self.stage = None if parts[0] == "NA" else parts[0]
        self.site = parts[1] if len(parts) == 2 else None
        self.partner = re.sub(r"^sequencing ", "", partner).split("/")[0]
        found = re.search(r"/(PD|SD|PR|CR)/", line)
        self.response = found[1] if found else None
        weeks = re.search(r"([\d.]+)ms", line)
        self.evaluated = float(weeks[1]) if weeks else None
        self.nivolumab = "Nivolumab" in combined
        self.later = later
        surgery = "surgery" in (combined + later).lower()
        self.surgery = True if surgery else None if later == "NA" else False
        self.on = float(re.match(r"([\d.]+)", duration)[1]) if re.match(r"[\d.]+", duration) else None
        self.off = bool(re.match(r"[\d.]+/\s*[\d.]+ms", duration))
        self.stopped = (re.findall(r"ms/\s*(PD|SD|[Rr]el\w+)", duration) or [""])[0][:2]
        self.survival = float(survival[:-2]) if survival.endswith("ms") else None
        self.status = status.split("/")[0]
        self.dead = self.status in ("DOC", "DOD")
        self.year = int(re.findall(r"(?<!\()\b20\d\d\b", source)[0])
        self.reference = int(re.findall(r"\((\d+)\)", source)[-1])

    def later_response(self, drugs):
        """Responses printed in brackets after any of some drugs."""
        return {answer for drug, answer in re.findall(r"(\w+)\s*\((\w+)\)", self.later) if drug in drugs} | (
            {"PD"} if "Ceritinib, chemo" in self.later and "Ceritinib" in drugs else set()
        )


P = read_table()
EVALUABLE = [p for p in P if p.response]
ADULTS, CHILDREN = [p for p in P if p.age and p.age >= 18], [p for p in P if p.age is not None and p.age < 18]
FAILED = [p for p in EVALUABLE if p.response in ("SD", "PD") or p.stopped in ("PD", "Re")]
NEXT = [p for p in FAILED if any(drug in p.later for drug in INHIBITORS)]
WON = [p for p in NEXT if p.later_response(INHIBITORS) & {"PR", "CR"}]
DIED = [p for p in NEXT if p.dead and p.later_response(INHIBITORS) & {"SD", "PD"} and p.survival - p.on <= 12]
SWITCHED = [
    p for p in P if {"SD", "PD"} & p.later_response({"Alectinib"}) and {"PR", "CR"} & p.later_response({"Ceritinib"})
]
OFF = [p for p in CHILDREN if p.reference == 23 and p.off]


def number(rows):
    return str(len(list(rows)))


def share(rows, among):
    return f"{len(list(rows))}/{len(list(among))}"


def percent(rows, among, digits=1):
    return f"{100 * len(list(rows)) / len(list(among)):.{digits}f}%"


def names(values):
    return ", ".join(sorted(map(str, set(values)), key=lambda v: (not v.isdigit(), int(v) if v.isdigit() else 0, v)))


SITED = [p for p in P if p.site]
STAGED = [p for p in P if p.stage]
IV = [p for p in P if p.stage == "IV"]
ORR, DCR = [p for p in EVALUABLE if p.response in ("PR", "CR")], [p for p in EVALUABLE if p.response != "PD"]
EIMT = [p for p in P if p.histology == "EIMT"]
KNOWN = sorted(p.survival for p in P if p.survival is not None)
BY_SURGERY = {
    word: [p for p in EVALUABLE if p.surgery is value] for word, value in (("with", True), ("without", False))
}

FATAL = sorted((p for p in P if p.reference in (10, 19)), key=lambda p: p.survival)

EXPECTED = {
    "years": f"{min(p.year for p in P)}, {max(p.year for p in P)}",
    "cases": number(P),
    "studies": number({p.reference for p in P}),
    "single_cases": number(p for p in P if sum(q.reference == p.reference for q in P) == 1),
    "series_cases": number(p for p in P if sum(q.reference == p.reference for q in P) > 1),
    "adults": number(ADULTS),
    "children": number(CHILDREN),
    "no_age_or_sex": number(p for p in P if p.age is None or p.sex is None),
    **{
        f"site_{site.lower()}": share((p for p in P if p.site == site), SITED)
        for site in ("Abdomen", "Thoracic", "Trunk", "Retroperitoneal")
    },
    "site_thigh": number(p for p in P if p.site and "high" in p.site),
    "stage_iv": share(IV, STAGED),
    "stage_iv_share": percent(IV, STAGED),
    **{
        f"histology_{name}": number(p for p in P if p.histology == printed)
        for name, printed in {
            "eimt": "EIMT", "imt": "IMT", "psc": "PSC", "low_grade_sarcoma": "Sarcoma", "stump": "STUMP",
            "muo": "MUO", "hs": "HS", "ms": "MS",
        }.items()
    },
    "eimt_ranbp2": share((p for p in EIMT if p.partner == "RANBP2"), EIMT),
    "imt_partners": names(p.partner for p in P if p.histology == "IMT" and p.partner != "*Partners"),
    "psc_eml4": number(p for p in P if p.histology == "PSC" and p.partner == "EML4"),
    "several_partners": number(p for p in P if p.partner == "*Partners"),
    "orr": share(ORR, EVALUABLE),
    "orr_share": percent(ORR, EVALUABLE),
    "dcr": share(DCR, EVALUABLE),
    "dcr_share": percent(DCR, EVALUABLE),
    "kras_case": number(p for p in P if p.reference == 17 and p.response == "PD" and p.dead),
    "poor_status_responders": names(p.case for p in ORR if p.case in (6, 15, 29, 30)),
    "eimt_orr": share((p for p in ORR if p in EIMT), (p for p in EVALUABLE if p in EIMT)),
    "eimt_orr_share": percent((p for p in ORR if p in EIMT), (p for p in EVALUABLE if p in EIMT), 0),
    "fn1_no_response": number(p for p in EVALUABLE if p.partner == "FN1" and p not in ORR),
    "children_off_crizotinib": names(p.case for p in OFF),
    "children_operated": number(p for p in OFF if p.surgery),
    **{
        f"table2_{answer.lower()}_{name}": number(p for p in group if p.response == answer)
        for answer in ("CR", "PR", "SD", "PD")
        for name, group in (("children", CHILDREN), ("adults", ADULTS))
    },
    "table2_total_children": number(p for p in CHILDREN if p.response),
    "table2_total_adults": number(p for p in ADULTS if p.response),
    "survival_range": f"{KNOWN[0]:.1f}, {KNOWN[-1]:.1f}",
    **{
        f"cr_{word}_surgery": share((p for p in group if p.response == "CR"), group)
        for word, group in BY_SURGERY.items()
    },
    "cr_with_surgery_share": percent((p for p in BY_SURGERY["with"] if p.response == "CR"), BY_SURGERY["with"], 0),
    "cr_without_surgery_share": percent(
        (p for p in BY_SURGERY["without"] if p.response == "CR"), BY_SURGERY["without"]
    ),
    **{
        f"table3_{answer.lower()}_{word}": number(p for p in group if p.response == answer)
        for answer in ("CR", "PR", "SD", "PD")
        for word, group in BY_SURGERY.items()
    },
    **{f"table3_total_{word}": number(group) for word, group in BY_SURGERY.items()},
    "evaluation_weeks": f"{mean(p.evaluated for p in P if p.evaluated) * 365.25 / 84:.0f}",
    "failed": number(FAILED),
    "failed_references": names(p.reference for p in FAILED),
    "next_inhibitor": number(NEXT),
    "next_inhibitor_orr": share(WON, NEXT),
    "next_inhibitor_orr_share": percent(WON, NEXT),
    "next_inhibitor_references": names(p.reference for p in WON),
    "died_within_a_year": number(DIED),
    "died_within_a_year_references": names(p.reference for p in DIED),
    "adjuvant_alectinib": number(
        p for p in P if "Adjuvant" in p.later_response({"Alectinib"}) and p.surgery and p.status == "NED"
    ),
    "ceritinib_after_alectinib": number(SWITCHED),
    "ceritinib_after_alectinib_references": names(p.reference for p in SWITCHED),
    "ae_fatal_months": ", ".join(
        f"{p.survival:.{digits}f}"
        for digits, p in zip((1, 0), FATAL, strict=True)
    ),
    "nivolumab": number(p for p in P if p.nivolumab and p.response == "PR"),
    "imt_and_eimt": share((p for p in P if p.histology in ("IMT", "EIMT")), P),
    "imt_and_eimt_share": percent((p for p in P if p.histology in ("IMT", "EIMT")), P),
    "older_than_60": number(p for p in P if p.age and p.age > 60),
}  # fmt: skip
"""What each claim about the cases is when counted in the printed table, written as the claim is printed."""

COUNTING = {"count", "fraction", "percentage", "distinct", "members", "range", "values", "average"}


def counted_in_cases():
    with (FOLDER / "published.toml").open("rb") as text:
        entries = tomllib.load(text)["claim"]
    return [e["id"] for e in entries if e["statistic"] in COUNTING and "table" not in e.get("arguments", {})]


def test_no_count_claim_is_left_unrecounted():
    assert set(counted_in_cases()) == set(EXPECTED)


@pytest.mark.parametrize("claim", EXPECTED)
def test_the_audit_counts_what_the_printed_table_holds(claims, claim):
    assert claims.loc[claim, "recomputed"] == EXPECTED[claim]


def test_the_adverse_event_counts_are_the_references_table_4_lists(claims):
    with (FOLDER / "numerals.tsv").open(encoding="utf-8", newline="") as lines:
        rows = [
            row for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE) if row["place"] == "Table 4"
        ]
    grade: set[str] = set()
    header = ""
    for row in [*rows, {"text": "AEs", "covered_by": ""}]:
        listed = re.search(r"\(([\d, ]+)\)$", row["text"])
        if listed:
            references = set(listed[1].split(", "))
            assert claims.loc[row["covered_by"].split(";")[0], "recomputed"] == str(len(references))
            grade |= references
            continue
        if header:
            assert claims.loc[header, "recomputed"] == str(len(grade))
        header, grade = row["covered_by"].split("; ")[-1], set()
