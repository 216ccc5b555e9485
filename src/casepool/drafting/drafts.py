"""A first model of one's own table: the columns' roles say the terms, conventions say the priors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.arguments import is_number, one_of
from casepool.cases.problems import refuse
from casepool.cases.tables import Examined
from casepool.cases.validation import examined
from casepool.drafting.factors import factors, spare, terms_of
from casepool.drafting.found import Found
from casepool.drafting.looking import Table, table_of
from casepool.drafting.model_text import model_text, title_of
from casepool.drafting.responses import ordinal, response
from casepool.drafting.survivals import survival
from casepool.errors import CasepoolError
from casepool.modelling.specification.default_priors import TENFOLD, default_priors
from casepool.modelling.specification.default_priors import Table as PriorTable
from casepool.modelling.specification.model import REPLACE, Model
from casepool.replacing import target_of
from casepool.writing import write_atomically

KINDS: dict[str, Callable[[Table], Found]] = {"response": response, "ordinal": ordinal, "survival": survival}
"""What can be drafted, and what finds its outcome in a table."""


@dataclass(frozen=True)
class Draft:
    """A model file, and what is to be said about it.

    Parameters
    ----------
    model : Model
        Without priors, and perhaps with codes that are not known.
    text : str
        The file.
    asked, taken, shown : tuple of str
        What must be said before it is read, what was taken for granted, and the factors of a private table whose labels
        nobody listed, which a fit and its page show all the same.
    """

    model: Model
    text: str
    asked: tuple[str, ...]
    taken: tuple[str, ...]
    shown: tuple[str, ...]


def draft(
    kind: str,
    cases: str | Path | pd.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    median: float | None = None,
    upper: float | None = None,
    path: str | Path | None = None,
) -> str:
    """Draft a first model of a table: a model file to be read and changed, not an answer.

    The outcome, the exposure and the factors are columns whose role the codebook declares, or whose name and cells
    say what they are, in English, German or French. Factors are an age (a straight line), traits of patients and
    treatments, of 2 to 20 levels: from three levels on these inform each other (`partial`), two are a plain category.
    What the table cannot tell, say which of the codes 1 and 2 is the event, stands in the file as ``"?"``, and no such
    file is read before it is replaced.

    Every prior is a convention and says so (``why = "convention: replace; ..."``); none depends on an outcome, so that
    other outcomes in the same codes give the same draft. The median survival is one in absolute time, a year, with a
    97.5% limit of ten years, converted to the unit of the follow-up: half of the prior lies below a year, 95% between
    five weeks and ten years, which holds what is known of diseases that are written up as cases, from months to a
    decade, and rules nothing out that follow-up could show. Read off the table it would count the data twice. Whoever
    knows better says it by `median` and `upper`.

    Parameters
    ----------
    kind : {"response", "ordinal", "survival"}
        A response that is a success or none, in ordered codes (the cumulative family), or a time to an event (Weibull,
        proportional hazards), with an exposure that began during follow-up where a flag and its dates are there.
    cases : str or pathlib.Path or pandas.DataFrame
        A dataset's name or folder, a file or a frame. Errors in single cells do not matter here.
    by : str or sequence of str, optional
        The factors' columns, instead of those found. Numbers become straight lines.
    median, upper : float, optional
        Of a survival model the median survival and its 97.5% limit, in the unit of the follow-up; `upper` is ten times
        the median unless given.
    path : str or pathlib.Path, optional
        Where to write the file too; one that ends in ``.toml`` is never replaced.

    Returns
    -------
    str
        The text of the model file.

    Raises
    ------
    CasepoolError
        If no column can be the outcome, a factor is none, or the numbers are no median and limit.

    See Also
    --------
    new_dataset, model, from_formula

    Examples
    --------
    >>> import casepool as cp
    >>> text = cp.draft("survival", "alk_crizotinib", by="histology", median=24, upper=120)
    >>> "median = 24" in text
    True
    """
    one_of(kind, KINDS, "kind of draft")
    target = None if path is None else target_of(path, lambda _: False)
    table = table_of(_looked_through(cases))
    text = drafted(kind, table, by=_columns(by), median=median, upper=upper).text
    if target is not None:
        write_atomically(target, text.encode("utf-8"))
    return text


def drafted(
    kind: str,
    table: Table,
    *,
    by: Sequence[str] | None = None,
    median: float | None = None,
    upper: float | None = None,
) -> Draft:
    """Draft a model of a table that was looked through."""
    found = KINDS[kind](table)
    columns = factors(table, found.outcome, found.columns) if by is None else by
    exposure = {found.exposure.name: found.exposure} if found.exposure else {}
    terms = terms_of(table, columns, exposure)
    model = Model(kind, "", found.family, found.outcome, found.effects, terms, exposure, link=found.link)
    model = replace(model, title=title_of(model))
    priors = _priors(model, median, upper)
    book = table.record.codebook
    shown = tuple(term.source for term in terms.values() if not term.is_number and not book.may_show(term.source))
    others = spare(table, (*found.columns, *columns)) if by is None else []
    text = model_text(model, priors, found, others)
    return Draft(model, text, found.asked, found.taken, shown)


def _looked_through(cases: str | Path | pd.DataFrame) -> Examined:
    found = examined(cases)
    if not found.columns:
        refuse(found.problems)
    return found


def _columns(by: str | Iterable[str] | None) -> list[str] | None:
    """Return the columns asked for."""
    listed = [by] if isinstance(by, str) else by if by is None or not isinstance(by, Sequence) else list(by)
    if listed is not None and (not isinstance(listed, list) or not all(isinstance(name, str) for name in listed)):
        raise CasepoolError("`by` needs names of columns", value=by, remedy='pass, say, by=["histology", "age"]')
    return listed


def _priors(model: Model, median: float | None, upper: float | None) -> dict[str, PriorTable]:
    """Return the conventions for all priors, the median survival as asked for."""
    priors = default_priors(model)
    if median is None and upper is None:
        return priors
    if not model.is_survival:
        raise CasepoolError("only a survival model has a median survival", remedy="leave out median and upper")
    own = priors["intercept"]
    middle: Any = own["median"] if median is None else median
    limit: Any = TENFOLD * middle if upper is None and is_number(middle) else upper
    if not (is_number(middle) and is_number(limit) and 0 < middle < limit):
        problem = f"median and upper must be times in {model.outcome.unit}, the median below its 97.5% limit"
        raise CasepoolError(problem, value=(middle, limit), remedy="pass, say, median=24, upper=120")
    why = f"{REPLACE}; as asked for: {middle:g} {model.outcome.unit}, 97.5% below {limit:g}"
    return priors | {"intercept": {**own, "median": middle, "upper": limit, "why": why}}
