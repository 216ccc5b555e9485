"""Text from elsewhere, made harmless for the place it is written to: one function per place."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from markupsafe import Markup, escape

LONGEST = 120
"""Characters of a user's value that an error repeats."""
LONGEST_LABEL = 40
"""Characters of a level's name that a figure shows."""
LONGEST_WORD = 200
"""Characters of a word without a space that a page shows."""
STRANGE = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that cannot be written or would act on what follows it."""
NONE_OF_XML = frozenset("\ufffe\uffff")
"""Characters that no XML may hold, and so no document."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows them, beyond their own text."""
FORMULA = frozenset("=+-@＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula."""
IGNORED = " \t\n\"'\u00a0\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""What some spreadsheet passes over before it."""
RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
RUN = re.compile(rf"[{RIGHT_TO_LEFT}](?:[{RIGHT_TO_LEFT}\s\d.,'-]*[{RIGHT_TO_LEFT}])?")
WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # a bracket behind the end of a row is how far the next one stands apart
    "\N{MINUS SIGN}": r"\textminus{}",
}
MARKDOWN = re.compile(r"([\\`*\[\]|$~])")


PLAIN = str.maketrans(
    {
        "\N{MINUS SIGN}": "-",
        "–": "-",
        "—": "-",
        "…": "...",
        "†": "(!)",
        "×": "x",
        "≥": ">=",
        "≤": "<=",
        "≈": "~",
        "·": ".",
    }
    | dict.fromkeys("\N{LEFT SINGLE QUOTATION MARK}\N{RIGHT SINGLE QUOTATION MARK}", "'")
    | dict.fromkeys("\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}", '"')
)
"""Signs that casepool writes, in letters every encoding has."""


def plain_signs(text: str) -> str:
    """Write in plain letters the signs of casepool's own, for a terminal that has no others."""
    return text.translate(PLAIN)


def shorten(text: str, longest: int = LONGEST) -> str:
    """Cut `text` to at most `longest` characters, an ellipsis marking the cut."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def printable(text: str) -> str:
    """Replace what acts instead of being read: control characters, lone surrogates, turns of the writing direction.

    Line breaks and tabs are kept; a terminal, a browser and XML read the rest as text.
    """
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(STRANGE if _acts(character) else character for character in lines)


def _acts(character: str) -> bool:
    return character in TURNING | NONE_OF_XML or (
        character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs")
    )


def one_line(text: str) -> str:
    """Put text on one line, harmless."""
    return " ".join(printable(text).split())


def csv_cell(value: Any) -> Any:
    """Prepare a cell for a CSV file: a spreadsheet shows its text and computes nothing.

    Text that begins like a formula, or would where ";" or a tab separates cells, gets an apostrophe before it. A
    number stays a number, written as text or not.
    """
    if not isinstance(value, str):
        return value
    parts = re.split(r"([;\t\n])", printable(value))
    return "".join(f"'{part}" if is_formula(part) else part for part in parts)


def is_formula(part: str) -> bool:
    """Whether a spreadsheet would take text for the beginning of a formula."""
    seen = part.lstrip("".join(c for c in part if c.isspace() or c in IGNORED or unicodedata.category(c) == "Cf"))
    return seen[:1] in FORMULA and seen != "" and not _is_number(part)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def html_text(text: str) -> Markup:
    """Prepare text for a page: no tags, right-to-left runs kept apart from the numbers around them, words cut."""
    cut = WORD.sub(lambda word: shorten(word[0], LONGEST_WORD), printable(text))
    return Markup(RUN.sub(r"<bdi>\g<0></bdi>", str(escape(cut))))  # noqa: S704 - escaped here


def latex_text(text: str) -> str:
    """Prepare text for LaTeX: every character stands for itself."""
    return "".join(LATEX.get(character, character) for character in one_line(text))


def markdown_text(text: str) -> str:
    """Prepare text for a cell of a Markdown table: no tags, links, code or mathematics."""
    safe = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return MARKDOWN.sub(r"\\\1", safe)


def literal(text: str, longest: int = LONGEST_LABEL) -> str:
    """Prepare text for drawing: one line, shortened, "$" no sign of mathematics, "_" no sign to hide a label."""
    shown = shorten(one_line(text), longest).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown
