"""Roles: what a column is to the rules that look across columns, as the codebook declares it."""

from __future__ import annotations

from collections.abc import Mapping

from casepool.cases.column import NUMBERS, Column
from casepool.cases.units import DAYS
from casepool.errors import CasepoolError

TRAIT, EXPOSURE, RESECTION, BIRTH, NO_ROLE = "trait", "exposure", "resection", "birth", "none"
STOPPED = "stopped"
TIMES = ("time", "entry", "evaluation", "on", "off", "earliest", "latest", "start")
"""Roles whose values are times: numbers, never below zero."""
SIZES = ("change", "size")
"""Roles whose values are numbers."""
FLAGS = ("event", "status", "response", "adjuvant", STOPPED, EXPOSURE, RESECTION)
"""Roles whose values are true or false, or codes of which `counts` names those that mean true."""
OF_A_DATE = ("time", "entry", "evaluation", "earliest", "latest", "start", BIRTH, TRAIT, NO_ROLE)
"""Roles that a column of dates may have."""
OF_AN_EXPOSURE = (EXPOSURE, RESECTION, "earliest", "latest", "start")
"""Roles that one column may have for each exposure."""
ROLES = {
    "time": "time from time zero to the event or the last follow-up",
    "entry": "time at which the patient came under observation, 0 for time zero",
    "event": "whether the event happened at that time: true or false, or codes of which `counts` mean it",
    "status": "state at that time in codes, of which `counts` mean the event",
    "response": "best response in codes, worst first, of which `counts` are those of a responder",
    "evaluation": "time at which the response was judged",
    "change": "change of the tumour's size from baseline, in percent: of a table of patients the best one",
    "size": "size of the tumour, say the sum of diameters, in a table of assessments",
    "adjuvant": "whether the drug was given after all tumour was removed: true or false, or codes and `counts`",
    "on": "length of the time on the drug",
    "off": "length of the time from the drug's end to the last follow-up",
    "exposure": "whether the patient had a treatment that started during follow-up; its name stands in `exposure`",
    "resection": "the same, for an operation that removes the tumour",
    "earliest": "time before which the exposure did not start",
    "latest": "time at which it had started at the latest",
    "start": "time at which it started, where that is known: earliest and latest in one",
    "trait": "describes the patient and not the report (age, sex, diagnosis): two reports of one patient agree in it",
    BIRTH: "date of birth, which becomes the age at time zero in years",
    STOPPED: "why the drug was stopped, in codes of which `counts` mean an event that it caused",
    NO_ROLE: "nothing to the rules, whatever its name says",
}
"""Every role a column may have, and what it says of the column."""


def check_roles(columns: Mapping[str, Column], *, file: str) -> None:
    """Refuse roles that cannot be: unknown, held by two columns, or by a column that cannot hold them.

    Raises
    ------
    CasepoolError
        Naming the codebook's file and the column's key.
    """
    holders: dict[tuple[str, str], str] = {}
    for name, column in columns.items():
        problem = _unfit(column)
        if not problem and column.role not in ("", TRAIT, NO_ROLE):
            other = holders.setdefault(_part(column), name)
            problem = (f"the role {column.role!r} is held by {other!r} already", "give it to one") * (other != name)
        if problem:
            raise CasepoolError(
                problem[0], file=file, column=f"columns.{name}.role", value=column.role, remedy=problem[1]
            )


def _part(column: Column) -> tuple[str, str]:
    """Return what only one column may be; an exposure and a resection of one name are the same thing."""
    role = EXPOSURE if column.role == RESECTION else column.role
    return role, column.exposure


def _unfit(column: Column) -> tuple[str, ...]:
    """Say why a column cannot have its role, and what to do; empty if it can."""
    role = column.role
    strangers = [code for code in column.counts if column.levels and code not in column.levels]
    uncounted = role in FLAGS and not column.counts and (column.type != "boolean" or role in ("status", "response"))
    unit = f"unknown unit of time {column.unit!r}"
    timed = role in TIMES or column.type == "date"
    reasons = (
        (role not in ("", *ROLES), "unknown role", f"choose one of {', '.join(ROLES)}"),
        (
            bool(column.exposure) and role not in OF_AN_EXPOSURE,
            "`exposure` names what no exposure's column is",
            f"give the role {', '.join(OF_AN_EXPOSURE)}",
        ),
        (
            bool(column.counts) and role not in FLAGS,
            "`counts` goes with a role in codes",
            f"give the role {', '.join(FLAGS)}, or remove `counts`",
        ),
        (role == BIRTH and column.type != "date", "a birth must be a date", 'set type = "date"'),
        (
            column.type == "date" and role not in ("", *OF_A_DATE),
            "a column of dates cannot have this role",
            f"give the role {', '.join(OF_A_DATE)}, or none; of an event's dates say censored_at",
        ),
        (role in TIMES and column.type not in (*NUMBERS, "date"), "a time must be a number", 'set type = "number"'),
        (
            role in SIZES and column.type not in ("number", "integer"),
            f"a {role} must be a number",
            'set type = "number"',
        ),
        (
            timed and column.unit not in ("", *DAYS),
            unit,
            f"choose one of {', '.join(DAYS)}",
        ),
        (uncounted, "which codes count is not said", 'add counts = ["...", "..."]'),
        (bool(strangers), f"`counts` names {strangers[:1]}, which is no level", "choose from the levels"),
    )
    return next(((problem, remedy) for wrong, problem, remedy in reasons if wrong), ())
