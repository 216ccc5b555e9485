"""The response of a table: its column, its codes worst first, and which of them are a success."""

from __future__ import annotations

import re

from casepool.cases.cells import FALSE, ONE, TRUE, ZERO
from casepool.cases.codebook import missing_with, toml_text
from casepool.cases.role_inference import RESPONDERS, rank_of_response
from casepool.cases.units import words_of
from casepool.drafting.found import Found
from casepool.drafting.looking import Codes, Table
from casepool.drafting.words import COUNTS, RESPONSE
from casepool.modelling.specification.outcome import Outcome
from casepool.modelling.specification.outcome_keys import UNKNOWN

RECIST = ("PD", "SD", "PR", "CR")
"""Codes of which a table may lack some by chance."""
NOT_EVALUABLE = r"n\.?_?e|not_evaluable|inevaluable|nicht_(auswertbar|beurteilbar)|non_[ée]valuable"


RESPONDER = r"((complete|partial)_)?respon(ders?|se|ded)|r[ée]pond(eur|euse)s?|erfolg|success"
NONE = rf"(non|not?|kein|nicht|pas_de)_?({RESPONDER})|failure|misserfolg|[ée]chec"
"""Words for a success and for none."""


def response(table: Table) -> Found:
    """Find a response and what counts as a success.

    Raises
    ------
    CasepoolError
        If no column is one.
    """
    counts = _counts(table)
    if counts and not table.record.one("response"):
        return Found("bernoulli", counts)
    name, others = _column(table)
    levels, success, asked = _graded(table, name)
    if not success:
        success = (UNKNOWN,)
        asked += (f"which codes of {name!r} are a success: success = [...], of {_listed(levels)}",)
    outcome = Outcome(column=name, levels=levels, success=success)
    return Found("bernoulli", outcome, asked=asked, taken=_also(name, others))


def ordinal(table: Table) -> Found:
    """Find a response in three or more codes whose order is known.

    Raises
    ------
    CasepoolError
        If no column is one, or nothing says the order.
    """
    name, others = _column(table)
    levels, success, asked = _graded(table, name)
    ordered = table.column(name).type == "ordered" or _is_known(table, name, levels)
    if len(levels) < 3:
        raise table.refuse(f"the response {name!r} has no three codes to be ordered", "draft a response")
    if not ordered:
        problem = f"the order of the codes of {name!r} is not known"
        raise table.refuse(problem, 'set type = "ordered" and list its levels, worst first, in the codebook')
    best = levels[len(levels) - len(success) :]
    return Found(
        "ordinal",
        Outcome(column=name, levels=levels, success=success if set(success) == set(best) else ()),
        link="cumulative",
        asked=asked,
        taken=_also(name, others),
    )


def _column(table: Table) -> tuple[str, list[str]]:
    """Return the response, and other columns that could be it."""
    declared = table.record.one("response")
    if declared:
        return declared, []
    name, others = table.first(RESPONSE, [name for name in table.names if table.is_coded(name)])
    if not name:
        raise table.refuse(
            "no column is a response by its role or its name, in codes or yes and no",
            'give the column that is it role = "response" and counts = ["..."], a responder\'s codes, in the codebook',
        )
    return name, others


def _counts(table: Table) -> Outcome | None:
    """Return the outcome of a table of counts: events of n patients, and no row has more of the former."""
    whole = [name for name in table.names if table.column(name).type == "integer"]
    events, n = (table.called(pattern, whole)[:1] for pattern in COUNTS)
    if not events or not n or events == n:
        return None
    rows = zip(*(table.record.columns[name].values for name in (*events, *n)), strict=True)
    fits = all(some is None or every is None or 0 <= some <= every for some, every in rows)
    several = any(every > 1 for every in table.record.columns[n[0]].values if every is not None)
    return Outcome(events=events[0], n=n[0]) if fits and several else None


def _also(name: str, others: list[str]) -> tuple[str, ...]:
    said = f"{name!r} is taken for the response; it could be {', '.join(map(repr, others))} as well"
    return (said,) * bool(others)


def _graded(table: Table, name: str) -> tuple[Codes, Codes, Codes]:
    """Return the codes of a response worst first, those of a success if known, and what is open."""
    column, codes = table.column(name), table.codes(name)
    if column.type == "boolean":
        return codes, ("yes",), ()
    ranks = {code: rank_of_response(table.meaning(name, code)) for code in codes}
    empty = tuple(code for code in codes if ranks[code] < 0 and _says_nothing(table.meaning(name, code)))
    codes = tuple(code for code in codes if code not in empty)
    missing = missing_with(table.record.codebook.missing, *empty)
    asked = (
        f"{', '.join(map(repr, empty))} in {name!r} is no level: set {missing} in the codebook, and such patients are "
        f"left out, or put it first among the levels, and they count as failures",
    ) * bool(empty)
    if column.counts:
        levels = codes if column.levels else _sorted(codes, ranks, column.counts)
        best = tuple(code for code in levels if rank_of_response(table.meaning(name, code)) in RESPONDERS)
        success = best if set(best) & set(codes) == set(column.counts) else column.counts  # nobody may have had a CR
        return levels, success if set(success) < set(levels) else (), asked
    words = {code: words_of(table.meaning(name, code)) for code in codes}
    good = tuple(code for code in codes if re.fullmatch(RESPONDER, words[code]))
    poor = tuple(code for code in codes if re.fullmatch(NONE, words[code]))
    if good and poor and {*good, *poor} == set(codes):
        return (*poor, *good), good, asked
    truths = [table.meaning(name, code).lower() for code in codes]
    if set(truths) <= {*TRUE, *FALSE, *ONE, *ZERO} and len(codes) == 2:
        worse, better = sorted(codes, key=lambda code: table.meaning(name, code).lower() in (*TRUE, *ONE))
        return (worse, better), (better,), asked
    known = all(ranks[code] >= 0 for code in codes)
    if not known:
        return codes, (), asked
    codes = RECIST if set(codes) <= set(RECIST) else _sorted(codes, ranks, ())
    best = tuple(code for code in codes if rank_of_response(table.meaning(name, code)) in RESPONDERS)
    return codes, best if len(best) < len(codes) else (), asked


def _sorted(codes: Codes, ranks: dict[str, int], counts: Codes) -> Codes:
    """Sort codes worst first, those that count behind all others."""
    if set(codes) <= set(RECIST):
        return RECIST
    return tuple(sorted(codes, key=lambda code: (code in counts, ranks[code])))


def _is_known(table: Table, name: str, levels: Codes) -> bool:
    """Tell whether it is known of every code how good it is, and no two are as good."""
    ranks = {rank_of_response(table.meaning(name, code)) for code in levels}
    return len(ranks) == len(levels) and min(ranks) >= 0


def _says_nothing(code: str) -> bool:
    return re.fullmatch(NOT_EVALUABLE, words_of(code)) is not None


def _listed(codes: Codes) -> str:
    return ", ".join(map(toml_text, codes))
