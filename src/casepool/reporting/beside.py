"""Fits of something beside the cases' own outcomes, and the chapters of tables beside the cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.reporting import adverse_chapter, later_chapter
from casepool.reporting.blocks import Group, Section

PERSON = "patient"
"""Whose line it is: in a table that is not public a number."""


def apart(material: Material) -> Material:
    """Take fits of tables beside the cases, and of selection beside another fit of the outcome, from the others."""
    for fitted in material.fits:
        refuse_unlisted(fitted)
    beside = [fitted for fitted in material.fits if _is_beside(fitted, material.fits)]
    fits = tuple(fitted for fitted in material.fits if not any(fitted is one for one in beside))
    return replace(material, fits=fits, beside=tuple(beside))


def refuse_unlisted(fitted: Fitted) -> None:
    """Refuse what was given in turn to patients of a private table where nobody listed what may be shown.

    Raises
    ------
    CasepoolError
        For a factor whose labels neither the codebook nor the model lists.
    """
    model, book = fitted.model, fitted.codebook
    if book.public or not model.outcome.table or model.outcome.per:
        return
    for term in model.terms.values():
        if term.is_number or term.source in {*model.outcome.where, PERSON} or book.may_show(term.source):
            continue
        raise CasepoolError("labels of a table that is not public may be names", file=book.name,
                            column=f"{model.outcome.table}.{term.source}",
                            remedy=f"list those to show in the model: where = {{ {term.source} = [...] }}")  # fmt: skip


def _is_beside(fitted: Fitted, fits: Sequence[Fitted]) -> bool:
    if fitted.model.outcome.table:
        return True
    others = [own.model for own in fits if own.model.selection is None and not own.is_survival]
    alike = [own for own in others if own.outcome.column == fitted.model.outcome.column and not own.outcome.table]
    return fitted.model.selection is not None and bool(alike)


def chapters_beside(material: Material, place: int) -> list[tuple[Section, Group]]:
    """Make the chapters of tables beside the cases, from number `place` on, each with its line among the questions."""
    found = adverse_chapter.chapters(material, place)
    return found + later_chapter.chapters(material, place + len(found))
