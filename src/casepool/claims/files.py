"""``published.toml``: what a paper prints, as text, and the refusal of a file that is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from casepool.claims.printed import WIDTH, read_labels, read_printed
from casepool.claims.registry import STATISTICS
from casepool.claims.statistic import Statistic
from casepool.errors import CasepoolError
from casepool.toml_files import check_keys, read_toml

FILE = "published.toml"
REQUIRED = ("id", "where", "printed", "convention", "statistic")
OPTIONAL = ("label", "arguments", "readings")
UNFILLED = "?"
"""What a draft leaves to whoever has the paper."""
ONLY_WIDTH = 95
LENGTHS = {"number": (1,), "pair": (2,), "limited": (1, 2, 3)}


@dataclass(frozen=True)
class Reading:
    """Another way to read a claim: the arguments that differ.

    Attributes
    ----------
    name : str
        As a sentence part; empty for what the paper names.
    statistic : str
    arguments : mapping
    indefensible : str
        Why nobody would defend it.
    """

    name: str
    statistic: str
    arguments: Mapping[str, Any]
    indefensible: str = ""


@dataclass(frozen=True, eq=False)
class Claim:
    """One printed number.

    Attributes
    ----------
    id, where, printed, convention : str
        Its name, the place, the value as printed, and the convention as the paper names it.
    readings : tuple of Reading
        The named one first.
    label : str
        What a reader calls the number; "" where the file does not say.
    """

    id: str
    where: str
    printed: str
    convention: str
    readings: tuple[Reading, ...]
    label: str = ""

    @property
    def shape(self) -> str:
        """What is printed: "number", "pair", "limited", "numbers" or "labels"."""
        return STATISTICS[self.readings[0].statistic].shape


def read_claims(folder: str | Path) -> tuple[Claim, ...]:
    """Read the claims of a dataset.

    Parameters
    ----------
    folder : path
        A dataset folder that holds ``published.toml``.

    Returns
    -------
    tuple of Claim

    Raises
    ------
    CasepoolError
        If the file is missing or no TOML; for an unknown key, statistic, argument or convention, a missing
        value, or two claims with one id; naming file, entry and remedy.
    """
    path = Path(folder) / FILE
    plain = read_toml(path)
    name = f"{path.parent.name}/{FILE}"
    check_keys(plain, ["claim", "replacement"], file=name, table="")
    entries = plain.get("claim", [])
    if not isinstance(entries, list) or not entries:
        raise CasepoolError("the file holds no claim", file=name, remedy="write one [[claim]] per printed number")
    claims = tuple(_claim(entry, name, number) for number, entry in enumerate(entries, start=1))
    seen: set[str] = set()
    for claim in claims:
        if claim.id in seen:
            raise CasepoolError("two claims have one id", file=name, row=f"claim {claim.id!r}", remedy="rename one")
        seen.add(claim.id)
    return claims


def _claim(entry: Mapping[str, Any], file: str, number: int) -> Claim:
    """Check one entry."""
    entry = _table(entry, file, f"claim number {number}", "claim")
    row = f"claim {entry['id']!r}" if isinstance(entry.get("id"), str) and entry["id"] else f"claim number {number}"
    check_keys(entry, [*REQUIRED, *OPTIONAL], file=file, table=row)
    for key in REQUIRED:
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise CasepoolError(
                "the value is missing or no text",
                file=file,
                row=row,
                column=key,
                value=entry.get(key),
                remedy=f'write {key} = "..."',
            )
        if entry[key].strip() == UNFILLED:
            raise CasepoolError(
                "the value is still to be filled in",
                file=file,
                row=row,
                column=key,
                value=UNFILLED,
                remedy="write what the paper has there, or take the claim out",
            )
    arguments = _table(entry.get("arguments", {}), file, row, "arguments")
    named = Reading("", entry["statistic"], arguments)
    others = entry.get("readings", [])
    if not isinstance(others, list):
        raise CasepoolError("must be a list", file=file, row=row, column="readings", remedy="write [[claim.readings]]")
    readings = (named, *(_reading(one, named, file, row) for one in others))
    for reading in readings:
        _check(reading, file, row)
    label = label_of(entry, file, row)
    claim = Claim(entry["id"], entry["where"], entry["printed"], entry["convention"], readings, label)
    _check_printed(claim, file, row)
    return claim


def label_of(entry: Mapping[str, Any], file: str, row: str) -> str:
    """Return what a reader calls an entry, "" where it does not say; refuse what is no text, or empty."""
    label = entry.get("label")
    if label is None:
        return ""
    if not isinstance(label, str) or not label.strip():
        raise CasepoolError(
            "must be text that is not empty", file=file, row=row, column="label", value=label, remedy="correct it"
        )
    return label


def _reading(one: Mapping[str, Any], named: Reading, file: str, row: str) -> Reading:
    """Lay an alternative reading on the named one: what it does not say stays."""
    plain = _table(one, file, row, "readings")
    check_keys(plain, ["name", "statistic", "arguments", "indefensible"], file=file, table=f"{row}.readings")
    if not isinstance(plain.get("name"), str) or not plain["name"]:
        raise CasepoolError("a reading needs a name", file=file, row=row, column="readings", remedy="give it one")
    statistic = plain.get("statistic", named.statistic)
    own = _table(plain.get("arguments", {}), file, row, "readings.arguments")
    kept = named.arguments if statistic == named.statistic else {}
    return Reading(plain["name"], statistic, {**kept, **own}, plain.get("indefensible", ""))


def _table(value: object, file: str, row: str, column: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CasepoolError("must be a table", file=file, row=row, column=column, value=value, remedy="write { ... }")
    return value


def _check(reading: Reading, file: str, row: str) -> None:
    """Refuse an unknown statistic, and arguments that are not its own."""
    statistic = STATISTICS.get(reading.statistic)
    if statistic is None:
        raise CasepoolError(
            "unknown statistic",
            file=file,
            row=row,
            column="statistic",
            value=reading.statistic,
            remedy=f"use one of {', '.join(sorted(STATISTICS))}",
        )
    for key in statistic.required:
        if key not in reading.arguments:
            raise CasepoolError(
                f"{reading.statistic} needs the argument {key!r}",
                file=file,
                row=row,
                column="arguments",
                remedy="add it",
            )
    for key, value in reading.arguments.items():
        _check_argument(statistic, key, value, file, row)


TYPES: dict[str, type | tuple[type, ...]] = {
    "where": dict,
    "among": dict,
    "terms": list,
    "counts": list,
    "event_levels": list,
    "adjusted": list,
    "row_labels": list,
    "column_labels": list,
    "at_least": int,
    "at": (int, float),
}
"""Types of the arguments that are no text."""


def _check_argument(statistic: Statistic, key: str, value: object, file: str, row: str) -> None:
    column = f"arguments.{key}"
    allowed = sorted({*statistic.required, *statistic.optional, *statistic.choices})
    if key not in allowed:
        raise CasepoolError(
            "unknown argument", file=file, row=row, column=column, remedy=f"this statistic takes {', '.join(allowed)}"
        )
    if key in statistic.choices:
        keys = [choice.key for choice in statistic.choices[key]]
        if value not in keys:
            raise CasepoolError(
                "unknown convention",
                file=file,
                row=row,
                column=column,
                value=value,
                remedy=f"use one of {', '.join(keys)}",
            )
    elif not isinstance(value, TYPES.get(key, str)):
        raise CasepoolError(
            "wrong type of argument", file=file, row=row, column=column, value=value, remedy="see the other claims"
        )


def _check_printed(claim: Claim, file: str, row: str) -> None:
    """Refuse a printed value that does not hold as many numbers as the statistic gives."""
    wanted = LENGTHS.get(claim.shape, ())
    if claim.shape == "labels":
        found = len(read_labels(claim.printed))
    else:
        found = len(read_printed(claim.printed).numbers)
        _check_width(claim, file, row)
    if found == 0 or (wanted and found not in wanted):
        raise CasepoolError(
            f"the printed text holds {found} number{'s' * (found != 1)}, and {claim.readings[0].statistic} gives "
            f"{' or '.join(map(str, wanted)) or 'some'}",
            file=file,
            row=row,
            column="printed",
            value=claim.printed,
            remedy="print what the statistic gives, or name another one",
        )


def _check_width(claim: Claim, file: str, row: str) -> None:
    """Refuse limits of another width than those that are computed."""
    widths = [found["width"] for found in WIDTH.finditer(claim.printed)]
    if any(float(width) != ONLY_WIDTH for width in widths):
        raise CasepoolError(
            f"limits are recomputed at {ONLY_WIDTH}%",
            file=file,
            row=row,
            column="printed",
            value=claim.printed,
            remedy="print the estimate alone",
        )
