"""Text is harmless where it is written, and still says what it said."""

import csv
import html
import io
import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import escape

from casepool.escaping import csv_cell, html_text, latex_text, literal, markdown_text, one_line, printable
from tests.safety.labels import HOSTILE

TEXT = st.text(st.characters(), max_size=60) | st.sampled_from(HOSTILE)
NUMBERS = st.floats(allow_nan=False) | st.integers(-(10**9), 10**9)
STARTS = "=+-@＝＋－＠"


def spreadsheet_cells(text: str) -> list[str]:
    """The cells a spreadsheet makes of one cell, where it takes ";" or a tab to separate them too."""
    return [part.strip() for part in re.split(r"[;\t\n]", text)]


@settings(max_examples=300, deadline=None)
@given(TEXT)
@example("\N{SOFT HYPHEN}=1+1")
def test_no_cell_of_a_csv_file_is_a_formula(text: str) -> None:
    for cell in spreadsheet_cells(csv_cell(text)):
        bare = cell.lstrip("".join(c for c in cell if c.isspace() or unicodedata.category(c) == "Cf"))
        try:
            float(cell)
        except ValueError:
            assert bare[:1] not in tuple(STARTS), cell


@given(NUMBERS)
def test_numbers_stay_numbers(number: float) -> None:
    assert csv_cell(number) is number
    assert csv_cell(str(number)) == str(number)


@pytest.mark.parametrize("text", ["plain", "PR or CR", "18 and over vs under 18", "a-b", "1 = 1", "", "O'Neill"])
def test_plain_text_is_left_alone(text: str) -> None:
    assert csv_cell(text) == literal(text) == str(html_text(html.unescape(text))).replace("&#39;", "'") == text
    assert latex_text(text) == markdown_text(text) == text


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_a_page_gets_no_tag_and_says_the_same(text: str) -> None:
    page = str(html_text(text)).replace("<bdi>", "").replace("</bdi>", "")
    assert not set("<>\"'") & set(page)
    if len(text) <= 200:
        assert html.unescape(page) == html.unescape(str(escape(printable(text))))


def test_a_right_to_left_run_is_kept_apart_from_the_numbers_around_it() -> None:
    assert html_text("שלום עולם: 89% (72 to 97%)") == "<bdi>שלום עולם</bdi>: 89% (72 to 97%)"


@given(TEXT)
def test_nothing_that_acts_is_left(text: str) -> None:
    for character in printable(text):
        assert character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")
        assert unicodedata.bidirectional(character) not in (
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        )
    assert one_line(text).encode() is not None
    assert "\n" not in one_line(text)


def read_latex(source: str) -> str:
    """Read LaTeX as its engine does: the text it sets; fails on anything active, on maths and on open groups."""
    said, depth = [], 0
    names = {
        "textbackslash": "\\", "textasciitilde": "~", "textasciicircum": "^", "textless": "<", "textgreater": ">",
        "textbar": "|", "textquotedbl": '"', "textminus": "\N{MINUS SIGN}",
    }  # fmt: skip
    for token in re.findall(r"\\[A-Za-z]+|\\.|.", source, flags=re.DOTALL):
        if token[0] == "\\" and len(token) > 2:
            said.append(names[token[1:]])
        elif token[0] == "\\":
            assert token[1] in "{}$&#%_", token
            said.append(token[1])
        elif token in "{}":
            depth += 1 if token == "{" else -1
            assert depth >= 0
        else:
            assert token not in "$&#%_~^\\", token
            said.append(token)
    assert depth == 0
    return "".join(said)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_latex_sets_the_text(text: str) -> None:
    assert read_latex(latex_text(text)) == one_line(text)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_a_markdown_cell_stays_one_cell_without_tags(text: str) -> None:
    cell = markdown_text(text)
    assert not set("<>\n") & set(cell)
    active = re.sub(r"\\.", "", cell)
    assert not set("|`*[]$~\\") & set(active)


def test_a_csv_file_with_hostile_cells_reads_back_as_text_with_an_apostrophe_at_most() -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([csv_cell(text) for text in HOSTILE])
    (row,) = csv.reader(io.StringIO(buffer.getvalue()))
    assert [cell.removeprefix("'") for cell in row] == [printable(text) for text in HOSTILE]
