"""A formula and cases become a model file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.arguments import name_of, path_of
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.escaping import one_line
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.formulas.outcomes import Stated, outcome_of
from casepool.modelling.formulas.parsing import sides_of
from casepool.modelling.formulas.terms import terms_of
from casepool.modelling.specification.files import FORM_KEYS, model_from_dict
from casepool.modelling.specification.model import REPLACE, SHAPE_KEYS, Model
from casepool.modelling.specification.outcome_keys import UNITS
from casepool.modelling.specification.values import one_of
from casepool.replacing import read_by, target_of
from casepool.writing import write_atomically

MORE = ("title", *FORM_KEYS, *SHAPE_KEYS)
"""Top-level keys of a model file that a formula leaves open."""


def from_formula(
    formula: str,
    cases: str | Path | pd.DataFrame,
    *,
    family: str,
    path: str | Path,
    success: str | Sequence[str] = (),
    levels: Sequence[str] = (),
    unit: str = "",
    overwrite: bool = False,
    **more: Any,
) -> Model:
    """Write a model file from a formula as brms, Bambi and R write them; the formula is read, and never evaluated.

    A column of labels is a ``category``, one of numbers ``linear``, ``(1 | column)`` a ``group`` with partial
    borrowing. A number's effect is per the power of ten nearest to its standard deviation, counted from its median
    rounded to that; of a column of 0 and 1 it is that of 1 against 0. Numbers lie within the range of the codebook, and
    those that are missing are modelled if it gives one. All priors are defaults, whose ``why`` begins with "convention:
    replace"; they never look at outcomes, and of a median survival are a mere placeholder. Whatever else formulas may
    have (interactions, slopes by group, curves, functions of columns, offsets, no intercept) is refused by its name.

    The outcome is a column in codes (``response``, ``response[PR]``), ``events | trials(n)`` or ``p(events, n)``; of a
    survival family ``Surv(time, event)``, ``Surv(entry, time, event)``, ``Surv(lower, upper, type = "interval2")``,
    ``censored(time, status)``, or ``time | cens(censored)``, with ``trunc(lb = entry)`` if entry is late. Needs
    ``casepool[formula]``.

    Parameters
    ----------
    formula : str
    cases : str or pathlib.Path or pandas.DataFrame
        A dataset's name, a path or a frame; its codebook says what the columns are.
    family : str
        As in a model file: "bernoulli", "ordinal", "weibull", ...
    path : str or pathlib.Path
        The model file to write, which ends in .toml.
    success : str or sequence of str, optional
        Codes of a response that are a success; by default those the codebook's ``counts`` names, or yes, 1.
    levels : sequence of str, optional
        Codes of the outcome, worst first, where the codebook does not list them.
    unit : str, optional
        Of a survival model's times; by default that of the time's column.
    overwrite : bool
        Whether a file that is there already may be replaced.
    **more
        Other keys at the top of a model file: ``title``, ``link``, ``effects``, ``cuts``, ``pieces``, ``knots``.

    Returns
    -------
    Model
        What `model` reads from the file.

    Raises
    ------
    CasepoolError
        If the formula cannot be read or asks for what no model file has, if something is not said, if the cases do not
        fit the model, or if the file may not be written.

    See Also
    --------
    model, draft

    Examples
    --------
    >>> import tempfile, casepool as cp
    >>> file = tempfile.mkdtemp() + "/mine.toml"
    >>> formula = "best_response ~ age + (1 | histology)"
    >>> mine = cp.from_formula(formula, "alk_crizotinib", family="bernoulli", success=["PR", "CR"], path=file)
    >>> print(mine.linear_predictor())
    intercept + age_effect (age - 20)/10 + histology_effect[histology]
    >>> cp.model(file) == mine
    True
    """
    left, right = sides_of(formula)
    one_of(family, FAMILIES, file="", key="family")
    if name_of(unit, "unit", 'pass unit="months", say') and not FAMILIES[family].is_survival:
        raise CasepoolError("`unit` is of a survival model's times", value=unit, remedy="leave it out")
    if unit:
        one_of(unit, UNITS, file="", key="unit")
    if strange := set(more) - set(MORE):
        raise CasepoolError("unknown key", value=min(strange), remedy=f"pass some of {', '.join(MORE)}")
    target = _target(path, cases, overwrite)
    frame, book = resolve_typed(cases)
    stated = Stated(frame, book, family, unit, _texts(levels, "levels"), _texts(success, "success"))
    plain = {"title": one_line(formula), "family": family, **more, "outcome": outcome_of(left, stated)}
    plain["terms"] = terms_of(right, frame, book, timed=FAMILIES[family].is_survival)
    made = model_from_dict(plain, name=target.stem, complete=True)
    design_of_typed(made, frame, book)
    write_atomically(target, f"{HEAD}\n{made.to_toml()}".encode())
    return made


HEAD = f"""# Priors marked "{REPLACE}" are defaults that wait for reasons of your own.
# A number's effect is per the power of ten nearest its standard deviation, from about its median.
"""
"""What a file says of itself."""


def _target(path: Any, cases: Any, overwrite: bool) -> Path:
    """Return the file to write: never one that the cases are read from, and another only if that is asked for."""
    if path_of(path).suffix != ".toml":
        raise CasepoolError("a model file ends in .toml", file=str(path), remedy="name it so")
    read = [] if isinstance(cases, pd.DataFrame) else read_by(path_of(cases))
    inputs = [file for file in read if file.suffix != ".toml" or file.name == "codebook.toml"]
    return target_of(path, lambda _: False, overwrite=overwrite, inputs=inputs, kept=())


def _texts(given: Any, what: str) -> tuple[str, ...]:
    """Return one or several codes."""
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, Sequence) or not all(isinstance(code, str) for code in listed):
        raise CasepoolError(f"`{what}` needs codes as text", value=given, remedy=f'pass {what}=["PR", "CR"], say')
    return tuple(listed)
