"""A first claims file of a table: what papers print of such columns, the place and the digits left to be filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from casepool.cases import codebook_of, read_cases
from casepool.cases.codebook import Codebook, toml_text
from casepool.cases.validation import examined
from casepool.claims.arms import labels_in_order
from casepool.claims.files import UNFILLED
from casepool.claims.registry import STATISTICS
from casepool.claims.rows import Table, table_of_cases
from casepool.claims.verdicts import folder_named
from casepool.drafting.drafts import KINDS
from casepool.drafting.looking import table_of
from casepool.errors import CasepoolError
from casepool.modelling.specification.outcome import Outcome
from casepool.modelling.specification.outcome_keys import UNKNOWN
from casepool.replacing import target_of
from casepool.writing import write_atomically

MOST_LABELS, MOST_GROUPS = 8, 6
"""Labels of a column, and columns of two labels, that are claimed at most."""
LABELLED = ("category", "ordered", "boolean", "set", "list")
HEAD = """# Numbers that a paper may print of these cases, one entry each. Fill in every "?": `where` is the table or
# page, `printed` the number as it stands there, with its digits and signs. Take out what the paper does not print,
# and change a convention to the one it names; docs/claims.md lists all statistics. Then: casepool audit FOLDER
"""
Drafted = tuple[str, str, str, Mapping[str, Any]]
"""What a claim is called, its label, its statistic and its arguments."""


@dataclass(frozen=True)
class _Columns:
    """The columns of a table that a claim may name."""

    table: Table
    codebook: Codebook
    labelled: Mapping[str, tuple[str, ...]]
    numbers: tuple[str, ...]

    def called(self, column: str) -> str:
        """Return what readers call a column."""
        known = self.codebook.columns.get(column)
        return (known.label if known else "") or column.replace("_", " ")

    def cell(self, column: str, label: str) -> object:
        """Return a label as an argument holds it."""
        known = self.codebook.columns.get(column)
        return label == "true" if known and known.type == "boolean" else label


def draft_claims(dataset: str | Path, *, path: str | Path | None = None) -> str:
    """Draft ``published.toml`` of a dataset: the claims a paper about such cases makes, without their numbers.

    Counts of every label, middle and range of every number, the response with its limits, survival, and the tests and
    ratios between two groups, each under the method that its convention names. ``where`` and ``printed`` are ``"?"``,
    which no audit accepts.

    Parameters
    ----------
    dataset : str or path
        A bundled dataset's name, or a folder with ``cases.csv``.
    path : str or path, optional
        Where to write the file too; one that ends in ``.toml`` is never replaced.

    Returns
    -------
    str
        The text of the file. Of a table that is not public it holds no label that the codebook does not list.

    Raises
    ------
    CasepoolError
        If there is no such dataset, or its cases cannot be read.

    See Also
    --------
    audit, classical

    Examples
    --------
    >>> import casepool as cp
    >>> text = cp.draft_claims("alk_crizotinib")
    >>> 'statistic = "hazard_ratio"' in text
    True
    """
    target = None if path is None else target_of(path, lambda _: False)
    folder = folder_named(dataset)
    cases = read_cases(folder)
    columns = _columns(cases)
    outcomes = {kind: _outcome(folder, kind) for kind in ("response", "survival")}
    found = {kind: own for kind, own in outcomes.items() if own and _may_tell(columns.codebook, own)}
    used = {name for outcome in found.values() for name in outcome.columns()}
    claims = [*_counted(columns, used), *_answers(columns, found, used)]
    text = "\n".join([HEAD, *(_written(name, label, of, arguments) for name, label, of, arguments in claims)])
    if target is not None:
        write_atomically(target, text.encode("utf-8"))
    return text


def _columns(cases: pd.DataFrame) -> _Columns:
    codebook = codebook_of(cases) or Codebook()
    table = table_of_cases(cases)
    everyone = list(range(len(table.rows)))
    kinds = {name: codebook.columns[name].type for name in table.columns if name in codebook.columns}
    apart = (codebook.id, codebook.publication)
    shown = [name for name, kind in kinds.items() if kind in LABELLED and name not in apart and codebook.may_show(name)]
    labels = {name: labels_in_order(table, everyone, name) for name in shown}
    labelled = {name: own for name, own in labels.items() if 2 <= len(own) <= MOST_LABELS}
    numbers = tuple(name for name, kind in kinds.items() if kind in ("number", "integer") and name not in apart)
    return _Columns(table, codebook, labelled, numbers)


def _outcome(folder: Path, kind: str) -> Outcome | None:
    """Find the outcome of a kind of model in the table; None where there is none that is fully known."""
    try:
        outcome = KINDS[kind](table_of(examined(folder))).outcome
    except CasepoolError:
        return None
    plain = outcome.column or (outcome.time and outcome.event)
    known = UNKNOWN not in (*outcome.success, *outcome.event_levels)
    return outcome if plain and known else None


def _may_tell(codebook: Codebook, outcome: Outcome) -> bool:
    """Whether the codes that a claim of the outcome names may be shown."""
    return not (outcome.success or outcome.event_levels) or codebook.may_show(outcome.column or outcome.event)


def _counted(columns: _Columns, used: set[str]) -> Iterator[Drafted]:
    """Yield the claims of who the patients are."""
    yield "patients", "Patients", "count", {}
    for name, labels in columns.labelled.items():
        for label in labels:
            where = {name: columns.cell(name, label)}
            called = f"{columns.called(name)}: {label}"
            yield f"{name}_{label}", called, "fraction", {"where": where, "among": {name: {"is": "present"}}}
    for name in columns.numbers:
        if name not in used:
            yield f"{name}_median", f"{columns.called(name)}, median", "average", {"column": name, "of": "median"}
            yield f"{name}_range", f"{columns.called(name)}, range", "range", {"column": name}
            yield (
                f"{name}_mean",
                f"{columns.called(name)}, mean and standard deviation",
                "mean_spread",
                {"column": name},
            )


def _answers(columns: _Columns, found: Mapping[str, Outcome], used: set[str]) -> Iterator[Drafted]:
    """Yield the claims of the outcomes, of everyone and between two groups."""
    two = [name for name, labels in columns.labelled.items() if len(labels) == 2 and name not in used][:MOST_GROUPS]
    if response := found.get("response"):
        column = response.column
        success = [columns.cell(column, "true" if code == "yes" else code) for code in response.success]
        where = {column: success if len(success) > 1 else success[0]}
        yield "response_rate", "Responders, percent", "rate", {"where": where, "among": {column: {"is": "present"}}}
        for by in two:
            known = {column: {"is": "present"}}
            yield (
                f"response_by_{by}",
                f"Response by {columns.called(by)}, P",
                "contingency_test",
                {
                    "rows": column,
                    "columns": by,
                },
            )
            yield (
                f"response_odds_by_{by}",
                f"Response by {columns.called(by)}, odds ratio",
                "odds_ratio",
                {
                    "by": by,
                    "where": where,
                    "among": known,
                },
            )
    if survival := found.get("survival"):
        of: dict[str, Any] = {"time": survival.time, "event": survival.event}
        of |= {"event_levels": list(survival.event_levels)} if survival.event_levels else {}
        yield "median_survival", "Median survival", "median_survival", of
        yield "median_survival_limits", "Median survival, limits", "median_survival_limits", of
        for by in two:
            yield f"survival_by_{by}", f"Survival by {columns.called(by)}, P", "survival_test", {**of, "by": by}
            yield f"hazard_by_{by}", f"Survival by {columns.called(by)}, hazard ratio", "hazard_ratio", {**of, "by": by}


def _written(name: str, label: str, statistic: str, arguments: Mapping[str, Any]) -> str:
    """Write one claim, its convention in the words of the statistic's choices."""
    choices = STATISTICS[statistic].choices
    words = [next(c.words for c in own if c.key == arguments.get(key, own[0].key)) for key, own in choices.items()]
    lines = ["[[claim]]", f"id = {toml_text(name)}", f"label = {toml_text(label)}"]
    lines += [f"where = {toml_text(UNFILLED)}", f"printed = {toml_text(UNFILLED)}"]
    lines += [f"convention = {toml_text('; '.join(words) or 'count of the table')}", f'statistic = "{statistic}"']
    if arguments:
        lines.append(f"arguments = {_inline(arguments)}")
    return "\n".join([*lines, ""])


def _inline(value: object) -> str:
    """Write plain data as TOML on one line."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(key))} = {_inline(own)}" for key, own in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return str(value).lower() if isinstance(value, bool) else toml_text(str(value))


def _key(name: str) -> str:
    return name if name.isascii() and name.replace("_", "").replace("-", "").isalnum() else toml_text(name)
