"""The words of two reports: ``python -m tests.oracle.reports`` says where they differ from those written down.

Each takes half a minute or more, as a report refits under other priors and datings; so no test runs them.
"""

import difflib
import html.parser
import re
import tempfile
from pathlib import Path

import matplotlib as mpl

import casepool as cp
from tests.oracle.answers import FOLDER

REPORTS = {"report_response": "objective_response", "report_survival": "overall_survival"}
"""The file of words, and the fit that is reported on."""
PACKAGES = "python casepool pymc nutpie pytensor arviz numba numpy scipy pandas xarray matplotlib jinja2"
PASSING = re.compile(rf"\d{{4}}-\d\d-\d\d[T ][\d:]+(Z| UTC)|\b({'|'.join(PACKAGES.split())}) \d[\w.]*\w")
"""Moments, and versions of software."""


class Words(html.parser.HTMLParser):
    """The words of a page, a block or a row of a table on each line, without pictures and styles."""

    SKIPPED = ("style", "script", "svg")
    INLINE = ("a", "b", "code", "em", "i", "span", "strong", "sub", "sup", "wbr", "abbr", "td", "th")

    def __init__(self):
        super().__init__()
        self.parts, self.depth = [], 0

    def handle_starttag(self, tag, attrs):
        self.depth += tag in self.SKIPPED
        self.parts.append("" if tag in self.INLINE else "\n")

    def handle_endtag(self, tag):
        self.depth -= tag in self.SKIPPED
        self.parts.append(" | " if tag in ("td", "th") else "" if tag in self.INLINE else "\n")

    def handle_data(self, data):
        self.parts.append("" if self.depth else re.sub(r"\s+", " ", data))


def words_of(fit):
    """Return the words of a fit's report, without what changes from one run to the next."""
    page = Words()
    with tempfile.TemporaryDirectory() as scratch:
        path = cp.report([fit], Path(scratch) / "report.html", progress=False)
        page.feed(path.read_text(encoding="utf-8"))
    lines = (re.sub(r"\s+", " ", PASSING.sub("...", line)).strip() for line in "".join(page.parts).splitlines())
    return "\n".join(line for line in lines if line.strip(" |")) + "\n"


def main():
    """Make both reports, and print how their words differ from those written down."""
    mpl.use("Agg")
    for name, of in REPORTS.items():
        before = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        made = words_of(cp.open_fit(FOLDER / "fits" / f"{of}.nc")).splitlines()
        found = list(difflib.unified_diff(before, made, name, "today", n=0, lineterm=""))
        print("\n".join(found) or f"{name}: as before")


if __name__ == "__main__":
    main()
