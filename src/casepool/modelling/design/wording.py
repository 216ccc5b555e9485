"""The words of an exposure and of the event: the model file's own, else the codebook's, else the column's label."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from casepool.cases.codebook import Codebook
from casepool.modelling.specification.cautions import lowered
from casepool.modelling.specification.model import Model


def worded(model: Model, codebook: Codebook) -> Model:
    """Return a model whose exposure and event are called as its cases call them, where its file is silent.

    Codes of which some count as the event (`levels`) have no label that names it.
    """
    if not model.is_survival:
        return model
    exposures = {
        name: own.worded(_called(codebook, own.column), _done(codebook, own.column))
        for name, own in model.exposures.items()
    }
    outcome = model.outcome
    name = "" if outcome.levels else _called(codebook, outcome.event)
    return replace(model, exposures=exposures, outcome=outcome.worded(name))


def _called(codebook: Codebook, column: str) -> str:
    found = codebook.columns.get(column)
    return "" if found is None else found.what or lowered(found.label)


def _done(codebook: Codebook, column: str) -> str:
    found = codebook.columns.get(column)
    return "" if found is None else found.done


def labels_of(model: Model, codebook: Codebook, by: Iterable[str] = ()) -> dict[str, dict[str, str]]:
    """Return what readers call what a table of answers is `by`, by name, and the model: for headings of figures."""
    columns = {name: term.source for name, term in model.terms.items()}
    columns |= {name: exposure.column for name, exposure in model.exposures.items()}
    names = {name: columns.get(name, name) for name in (*columns, *by) if name}
    return {"by": {name: codebook.label_of(own) for name, own in names.items()}, "model": {model.name: model.title}}
