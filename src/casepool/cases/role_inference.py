"""Roles that the names of columns say, taken for granted only where the cells fit and nothing else could be meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from casepool.cases.column import Column
from casepool.cases.roles import EXPOSURE, OF_AN_EXPOSURE
from casepool.cases.units import DAYS, named_unit, plain_name, words_of

NAMES = {
    "time": r"(os|overall_survival|survival|follow_?up|fu)(_time)?|(gesamt)?[uü]berleben(szeit)?|"
    r"nachbeobachtung(szeit)?|survie(_globale)?|(dur[ée]e_(de_|du_)?)?suivi",
    "entry": r"entry(_time)?",
    "event": r"death|died|dead|deceased|tod|(ver|ge)storben|d[ée]c[èe]s|d[ée]c[ée]d[ée]e?",
    "status": r"(last_|vital_|survival_)?status(_at_last_follow_?up)?|vitalstatus|(dernier_)?statut(_vital)?",
    "response": r"(best_)?(overall_|objective_|tumou?r_)?response|bor|recist|(bestes_)?(therapie|tumor)?ansprechen|"
    r"(meilleure_)?r[ée]ponse(_tumorale|_objective)?",
}
"""Names of the columns that have a role, without their unit, in small letters and with one _ for all that is no letter.

An "event" may be another than death, and a "time" the time to another event: they are not among them.
"""
AGE = r"(.*_)?(age|alter|[âa]ge)(_.*)?"
TRAITS = (
    r"(?i)(.*[_ ])?(age|sex|gender|histolog\w*|diagnos\w*|site|stage|fusion|partner|race|"
    r"alter|geschlecht|lokalisation|stadium|[âa]ge|sexe|stade)([_ ].*)?"
)
PUBLICATION = r"(?i)(publication|reference|ref|study|source|paper|article|doi|pmid|cent(er|re))(_?id)?"
"""Names of columns that describe the patient, and of the one that says where a row comes from."""
LIMITS = ("earliest", "latest")
DEAD = r"dead|died|deceased|do[dct]|(dead|died)_of_.+|tot|(ver|ge)storben|d[ée]c[ée]d[ée]e?|morte?"
ALIVE = (
    r"alive|living|a?ned|awd|alive_with(out)?_.+|no_evidence_of_disease|pd|sd|pr|cr|"
    r"lebt|lebend|lebendig|am_leben|vivante?|en_vie"
)
"""Codes of a status of which it is known what they mean, written as `NAMES`."""
RESPONSES = (
    r"pd|mp|progressive(_disease)?|progression|progress|progredient(e_erkrankung)?|maladie_progressive",
    r"sd|ms|stable(_disease)?|stabil|stabile_erkrankung|maladie_stable",
    r"pr|rp|partial(_response|_remission)?|partielle_(remission|response)|teilremission|r[ée]ponse_partielle",
    r"cr|rc|complete(_response|_remission)?|komplette_(remission|response)|vollremission|r[ée]ponse_compl[èe]te",
)
"""Codes of a best response of which it is known what they mean, written as `NAMES`, worst first (RECIST)."""
SEXES = (r"f|female|w|weiblich|woman|frau|femme|f[ée]minin", r"m|male|m[äa]nnlich|man|mann|h|homme|masculin")
SEX = r"(.*_)?(sex|gender|geschlecht|sexe)"
"""Labels of the sexes, and how their column is called, written as `NAMES`."""
RESPONDERS = (2, 3)
"""Which of them are those of a responder."""
Values = Mapping[str, Sequence[Any]]


def presumed(columns: Mapping[str, Column], values: Values) -> dict[str, Column]:
    """Return the columns whose role is not declared but said by their name, with that role.

    The name is as in `NAMES`, of one column only, and no column has the role. The cells fit: a time is a number in no
    unit or a known one (of the codebook, or of the name), a death is true/false or 1 and 0, a status has codes among
    `DEAD` and `ALIVE`, both known and some dead, a response codes of `RESPONSES` alone. Of an exposure x the three
    columns x or x_any, x_earliest and x_latest are there, the last two both with a unit or both without.

    Parameters
    ----------
    columns : mapping of str to Column
        The columns of the table, but the one that names patients.
    values : mapping of str to sequence
        Their cells as read.
    """
    free = {name: column for name, column in columns.items() if not column.role}
    claimed = {column.role for column in columns.values()}
    found: dict[str, Column] = {}
    for role, pattern in NAMES.items():
        named = [name for name in free if re.fullmatch(pattern, plain_name(name))]
        if role not in claimed and len(named) == 1:
            found |= _fitting(role, named[0], free[named[0]], values)
    if not claimed & set(OF_AN_EXPOSURE):
        found |= _exposures(free, values)
    return found


def is_code_of_death(code: str) -> bool:
    """Tell whether a code is known to mean that the patient died, also behind a number ("1:DECEASED")."""
    return re.fullmatch(rf"(\d+_)?({DEAD})", words_of(code)) is not None


def rank_of_response(code: str) -> int:
    """Return how good a code of a best response is, 0 for the worst, -1 for one that is not known."""
    ranks = (rank for rank, words in enumerate(RESPONSES) if re.fullmatch(rf"(\d+_)?({words})", words_of(code)))
    return next(ranks, -1)


def synonyms(name: str, labels: Mapping[str, int]) -> dict[str, str]:
    """Return the labels of a sex or of a response that mean the same as a more frequent one, each with that one.

    Parameters
    ----------
    name : str
        What the column is called.
    labels : mapping of str to int
        In how many cells each label stands. One of unknown meaning has no synonym.
    """
    if re.fullmatch(SEX, plain_name(name)):
        ranks = {label: _place_in(SEXES, label) for label in labels}
    elif re.fullmatch(f"(.*_)?({NAMES['response']})", plain_name(name)):
        ranks = {label: rank_of_response(label) for label in labels}
    else:
        return {}
    kept: dict[int, str] = {}
    often = sorted(labels, key=lambda label: -labels[label])
    return {x: kept[ranks[x]] for x in often if ranks[x] >= 0 and kept.setdefault(ranks[x], x) != x}


def _place_in(patterns: Sequence[str], label: str) -> int:
    """Return the place of the first pattern that a label has, -1 if none."""
    return next((i for i, words in enumerate(patterns) if re.fullmatch(words, words_of(label))), -1)


def codes_of(column: Column, cells: Iterable[Any]) -> list[str]:
    """Return the codes a column may hold: those its codebook lists, in its order, then those seen."""
    return list(dict.fromkeys((*column.levels, *sorted({str(cell) for cell in cells if cell is not None}))))


def _exposures(free: Mapping[str, Column], values: Values) -> dict[str, Column]:
    """Return the columns of every exposure of which all three are there."""
    plain = Counter(map(plain_name, free))
    by_name = {plain_name(name): name for name in free if plain[plain_name(name)] == 1}
    found: dict[str, Column] = {}
    for stem in (name.removesuffix("_earliest") for name in by_name if name.endswith("_earliest")):
        roles = {by_name.get(f"{stem}_{role}", ""): role for role in LIMITS}
        roles |= {next((by_name[name] for name in (f"{stem}_any", stem) if name in by_name), ""): EXPOSURE}
        fitting: dict[str, Column] = {}
        for name, role in roles.items():
            fitting |= _fitting(role, name, free[name], values) if name else {}
        units = {bool(column.unit) for column in fitting.values() if column.role in LIMITS}
        if len(fitting) == len((EXPOSURE, *LIMITS)) and len(units) == 1:
            found |= {name: replace(column, exposure=stem) for name, column in fitting.items()}
    return found


def _fitting(role: str, name: str, column: Column, values: Values) -> dict[str, Column]:
    """Return the column with its role, or nothing if its cells do not fit."""
    cells = {value for value in values[name] if value is not None}
    if role in ("event", EXPOSURE):
        fits = column.type == "boolean" or (column.type == "integer" and cells <= {0, 1})
        return {name: replace(column, role=role)} if fits else {}
    codes = codes_of(column, cells)
    if role == "response":
        ranked = sorted((rank_of_response(code), code) for code in codes)
        best = tuple(code for rank, code in ranked if rank in RESPONDERS)
        fits = column.type in ("category", "ordered") and bool(best) and ranked[0][0] >= 0
        return {name: replace(column, role=role, counts=best)} if fits else {}
    if role == "status":
        dead = tuple(sorted(code for code in codes if re.fullmatch(DEAD, words_of(code))))
        known = all(re.fullmatch(f"{DEAD}|{ALIVE}", words_of(code)) for code in codes)
        fits = column.type in ("category", "ordered", "text") and known and bool(dead)
        return {name: replace(column, role=role, counts=dead)} if fits else {}
    unit = column.unit or named_unit(name)
    flag = role == "time" and not unit and cells <= {0, 1}  # whether the patient survived
    fits = column.type in ("number", "integer") and unit in ("", *DAYS) and not flag
    return {name: replace(column, role=role, unit=unit)} if fits else {}
