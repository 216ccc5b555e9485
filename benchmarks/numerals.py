"""List every numeral of the paper's abstract, Results and Tables 2 to 4, with its claim or the reason it has none.

``data/alk_crizotinib/numerals.tsv`` quotes every sentence and table row that holds a numeral. The numerals are
found here again, in order, and laid against what the file says of them; a claim must print the numeral it covers.

    python benchmarks/numerals.py
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from casepool.claims import Claim, read_claims
from casepool.claims.printed import read_printed

FOLDER = Path(__file__).parents[1] / "data" / "alk_crizotinib"
WORDS = "one|two|both|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
NUMERAL = re.compile(
    r"One hundred and four"
    r"|(?<![A-Za-z0-9.])(?<![A-Za-z]-)\d+(?:\.\d+)?"  # the digits of EML4 and PD-L1 belong to names
    rf"|\b(?:{WORDS})\b",
    re.IGNORECASE,
)
Listed = tuple[str, str, str, str]
"""Place, numeral, what covers it (a claim, or a reason in parentheses), sentence."""


def listed() -> Iterator[Listed]:
    """Go through all numerals.

    Raises
    ------
    ValueError
        Where the file says of more or fewer numerals than its sentence holds.
    """
    with (FOLDER / "numerals.tsv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            found, said = NUMERAL.findall(row["text"]), re.split(r"; (?![^()]*\))", row["covered_by"])
            if len(found) != len(said):
                raise ValueError(f"{len(found)} numerals, {len(said)} explained: {row['text']}")
            for numeral, cover in zip(found, said, strict=True):
                yield row["place"], numeral, cover, row["text"]


def problems(rows: list[Listed], claims: dict[str, Claim]) -> list[str]:
    """Return what is wrong: unknown claims, claims that print another number, claims no numeral leads to."""
    out = []
    for place, numeral, cover, _ in rows:
        if cover.startswith("("):
            continue
        if cover not in claims:
            out.append(f"{place}: {numeral} names no claim ({cover})")
        elif number_of(numeral) not in read_printed(claims[cover].printed).numbers:
            out.append(f"{place}: {numeral} is not in {cover}, which prints {claims[cover].printed}")
    covering = {cover for _, _, cover, _ in rows}
    own = {name for name, claim in claims.items() if not claim.where.startswith("Discussion")}
    return out + [f"claim {name} covers no numeral" for name in sorted(own - covering - WITHOUT)]


WITHOUT = {"imt_partners", "ae_cases_added"}
"""Claims about names, and about printed numbers that another claim covers."""


def number_of(numeral: str) -> Decimal:
    """Read one numeral."""
    return Decimal(104) if " " in numeral else read_printed(numeral).numbers[0]


def main() -> int:
    """Print the list; the exit status is 1 if a numeral is not accounted for."""
    rows = list(listed())
    claims = {claim.id: claim for claim in read_claims(FOLDER)}
    for place, numeral, cover, text in rows:
        print(f"{place}\t{numeral}\t{cover}\t{text[:60]}")
    wrong = problems(rows, claims)
    covered = sum(not cover.startswith("(") for _, _, cover, _ in rows)
    print(f"{len(rows)} numerals, {covered} covered by claims, {len(rows) - covered} for a reason are none")
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
