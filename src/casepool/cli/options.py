"""Options that several commands share, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from casepool.completing import dataset_names, fit_names, model_names
from casepool.errors import CasepoolError

if TYPE_CHECKING:
    import pandas as pd

Data = Annotated[
    str,
    typer.Option(
        "--data",
        help="A bundled dataset's name, a folder with cases.csv, or a CSV file.",
        autocompletion=dataset_names,
    ),
]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or file.", autocompletion=model_names)]
SavedFit = Annotated[Path, typer.Argument(help="A saved fit.", autocompletion=fit_names)]
Seed = Annotated[int, typer.Option(help="Seed of the sampler.")]
Times = Annotated[list[float] | None, typer.Option("--at", help="A time; may be given several times.")]


def choices_of(coding: Sequence[str]) -> dict[str, str]:
    """Return choices of the codebook's decisions, given as ``decision=choice``."""
    found: dict[str, str] = {}
    for text in coding:
        decision, sign, choice = text.partition("=")
        if not (decision and sign and choice):
            raise CasepoolError("a coding is DECISION=CHOICE", value=text, remedy="casepool codings DATASET lists them")
        if decision in found:
            raise CasepoolError("a decision is made twice", value=text, remedy="leave out one of the two")
        found[decision] = choice
    return found


def coded(data: str, coding: Sequence[str] | None) -> str | pd.DataFrame:
    """Return what cases are read from: what was named, or its table with codings laid on it and named after them."""
    if not coding:
        return data
    from casepool.cases import codebook_of, recode, resolve_cases
    from casepool.cases.codebook import Codebook

    choices = choices_of(coding)
    cases = recode(resolve_cases(data), **choices)
    book = codebook_of(cases) or Codebook()
    said = ", ".join(f"{decision} = {choice}" for decision, choice in choices.items())
    cases.attrs["codebook"] = replace(book, name=f"{book.name} ({said})").to_dict()
    return cases


def begun_at(model: Any, start: float | None) -> Any:
    """Return a model whose exposures begin at a time in their reported strategy, where one is given."""
    from casepool.modelling import model as named
    from casepool.modelling.specification.files import model_from_dict
    from casepool.modelling.specification.model import model_dict

    found = named(model)
    if start is None:
        return found
    plain = model_dict(found)
    begin = [name for name, own in found.exposures.items() if own.begins]
    if not begin:
        problem = "no exposure of the model begins during follow-up, so that none has a start"
        raise CasepoolError(problem, file=found.name, remedy="leave out --start")
    for name in begin:
        plain["exposure"][name]["report_start"] = start
    return model_from_dict(plain, name=found.name)
