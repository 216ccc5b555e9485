"""Texts as a figure can show them: no sign that its font lacks, and different labels never cut to the same text."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

import matplotlib as mpl
from matplotlib.font_manager import FontProperties, findfont, get_font

from casepool.escaping import LONGEST_LABEL, literal, one_line, shorten

log = logging.getLogger("casepool")

BEFORE = 3
"""Signs shown before the place where labels that begin alike begin to differ."""


def drawn(text: str, longest: int = LONGEST_LABEL) -> str:
    """Prepare text for drawing, as `literal` does; signs the font lacks are drawn as their numbers, in brackets."""
    return literal(_in_font(one_line(text)), longest)


def drawn_apart(texts: Iterable[str], longest: int = LONGEST_LABEL) -> dict[str, str]:
    """Prepare the labels of one figure, as `drawn` does each, and return them by text: different ones stay different.

    Of long ones that begin alike the place where they begin to differ is shown; what cannot be told apart by its
    text is numbered.
    """
    plain = {text: _in_font(one_line(text)) for text in texts}
    cut = {text: literal(whole, longest) for text, whole in plain.items()}
    alike: dict[str, list[str]] = {}
    for text, whole in plain.items():
        alike.setdefault(cut[text], []).append(whole)
    found: dict[str, str] = {}
    given: set[str] = set()
    for text, whole in plain.items():
        same = alike[cut[text]]
        names = iter([cut[text]]) if len(same) == 1 else _telling(whole, same, longest)
        found[text] = next(name for name in itertools.chain(names, _numbered(whole, longest)) if name not in given)
        given.add(found[text])
    return found


def _telling(whole: str, same: Sequence[str], longest: int) -> Iterator[str]:
    """Yield a label that skips what all of `same` have in common, if something is left of it."""
    common = sum(1 for _ in itertools.takewhile(lambda signs: len(set(signs)) == 1, zip(*same, strict=False)))
    if common < max(map(len, same)):
        half = longest // 2
        yield literal(f"{whole[: half - 1]}…{shorten(whole[max(common - BEFORE, half) :], longest - half)}", longest)


def _numbered(whole: str, longest: int) -> Iterator[str]:
    for number in itertools.count(1):
        end = f" ({number})"
        yield literal(shorten(whole, longest - len(end)) + end, longest)


def _in_font(text: str) -> str:
    """Write every run of signs that the font lacks as their numbers: "[4e2d 6587]"."""
    if text.isascii():
        return text
    families = tuple(mpl.rcParams["font.family"])
    has = _signs(families)
    written = ""
    for known, signs in itertools.groupby(text, key=lambda sign: ord(sign) in has):
        run = "".join(signs)
        written += run if known else f"[{' '.join(f'{ord(sign):x}' for sign in run)}]"
    if written != text:
        _say(families)
    return written


@cache
def _signs(families: tuple[str, ...]) -> frozenset[int]:
    """Return the numbers of the signs that a list of font families has, those that are not installed left out."""
    paths = []
    for family in families:
        try:
            paths.append(findfont(FontProperties(family=family), fallback_to_default=False))
        except ValueError:
            continue
    return frozenset().union(*(get_font(path).get_charmap() for path in paths or [findfont(FontProperties())]))


@cache
def _say(families: tuple[str, ...]) -> None:
    """Say once of a list of fonts that it lacks signs."""
    log.warning(
        "the font of figures (%s) lacks signs of some labels, which are drawn as their numbers in Unicode, say [4e2d]; "
        "name one that has them by matplotlib.rcParams['font.family']",
        ", ".join(families),
    )
