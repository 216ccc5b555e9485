"""What becomes of a paper's numbers when they are recomputed: a verdict on every claim."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from casepool._resources import bundled
from casepool.arguments import path_of
from casepool.cases import codebook_of, list_datasets, read_cases
from casepool.cases.codebook import Codebook
from casepool.cases.recoding import recoded
from casepool.claims.conventions import Recomputed, recompute
from casepool.claims.files import FILE, Claim, read_claims
from casepool.claims.printed import WIDTH, read_labels, read_printed
from casepool.claims.registry import STATISTICS
from casepool.claims.rows import table_of_cases
from casepool.claims.statistic import Answer, Sources, listed
from casepool.errors import CasepoolError
from casepool.escaping import printable
from casepool.presenting.terminal import wrapped_lines
from casepool.tables import AnswerTable, marked_private
from casepool.writing import marked_counts

COLUMNS = ("claim", "where", "printed", "convention", "recomputed", "verdict", "reproduces_as", "evidence", "label")
REPRODUCES = "reproduces"
ONLY_AS = "reproduces only as ..."
CANNOT = "cannot be reproduced"
MOST_SHOWN = 6
"""Other values that evidence lists at most."""


class Audit(AnswerTable):
    """The answer of `audit`, which prints as a claim a paragraph, the verdicts counted at the end."""

    def _printed(self, most: int | None = None) -> str:
        if not set(COLUMNS) <= set(self.columns):
            return super()._printed(most)
        lines = []
        for row in (self if self.attrs.get("public", True) else marked_counts(self)).itertuples():
            lines.append(f"{row.where}: {row.printed}  [{row.claim}]  {row.verdict}")
            if row.verdict != REPRODUCES:
                lines += [f"    {row.convention}: {row.recomputed}"]
                lines += [f"    reproduces as: {row.reproduces_as}"] * bool(row.reproduces_as)
                lines += [f"    {row.evidence}"]
        counted = ", ".join(f"{count} {verdict}" for verdict, count in self["verdict"].value_counts().items())
        return wrapped_lines("\n".join([*map(printable, lines), f"{len(self)} claims: {counted}"]), " " * 6)


def audit(dataset: str | Path) -> pd.DataFrame:
    """Recompute every number a dataset's paper prints, and say what became of it.

    Parameters
    ----------
    dataset : str or path
        A bundled dataset's name, or a folder with ``cases.csv`` and ``published.toml``.

    Returns
    -------
    pandas.DataFrame
        One row per claim: ``claim``, ``where``, ``printed``, ``convention`` as the file has them;
        ``recomputed``, the number under the named convention; ``verdict``, "reproduces", "reproduces only as
        ..." or "cannot be reproduced"; ``reproduces_as``, every convention that gives the printed number, and
        whether anybody would defend it; ``evidence``, counts, expected cells, patients, and how many
        conventions were tried; ``label``, what a reader calls the number, "" where the file does not say. A number
        agrees if it rounds to the printed digits.

    Raises
    ------
    CasepoolError
        If there is no such dataset, or its claims file is bad.

    See Also
    --------
    replacement, codings

    Examples
    --------
    >>> import casepool as cp
    >>> claims = cp.audit("alk_crizotinib").set_index("claim")
    >>> claims.loc["table2_p", ["recomputed", "verdict", "reproduces_as"]].tolist()
    ['0.606', 'reproduces only as ...', 'Fisher-Freeman-Halton exact test']
    """
    folder = folder_named(dataset)
    return audit_of(folder, read_cases(folder))


def audit_of(folder: Path, cases: pd.DataFrame) -> pd.DataFrame:
    """Recompute the numbers that a folder's paper prints from cases, as `audit` does from those of the folder."""
    claims = read_claims(folder)
    codings = _codings(cases, folder)
    found = {claim: recompute(claim, codings, f"{folder.name}/{FILE}") for claim in claims}
    public = (codebook_of(cases) or Codebook()).public
    table = Audit([_row(claim, found, public=public) for claim in claims], columns=list(COLUMNS))
    return marked_private(table, public=public)


def folder_named(dataset: str | Path) -> Path:
    """Find the folder of a dataset."""
    if isinstance(dataset, str) and dataset in list_datasets():
        return bundled("data") / dataset
    if not path_of(dataset, "a dataset's name or folder").is_dir():
        raise CasepoolError(
            "there is no bundled dataset or folder of this name",
            value=str(dataset),
            remedy=f"bundled are {', '.join(list_datasets())}",
        )
    return Path(dataset)


def _codings(cases: pd.DataFrame, folder: Path) -> dict[str, Sources]:
    """Lay every coding of the codebook on the cases; the recorded cases stand first, under ""."""
    codebook = codebook_of(cases) or Codebook()
    out = {"": Sources(table_of_cases(cases), folder)}
    for decision, choices in codebook.codings.items():
        for choice in choices:
            frame, dropped = recoded(cases, decision, choice)
            out[f"{decision} {choice}"] = Sources(table_of_cases(frame, dropped), folder)
    return out


def _row(claim: Claim, results: Mapping[Claim, list[Recomputed]], *, public: bool) -> dict[str, str]:
    """Give the verdict on one claim."""
    found = results[claim]
    named = next((one for one in found if not one.departures), None)
    matches = [one for one in found if agrees(claim, one.answer)]
    row = {"claim": claim.id, "where": claim.where, "printed": claim.printed, "convention": claim.convention}
    row |= {"label": claim.label}
    row["recomputed"] = written(claim, named.answer) if named else "not computed"
    row |= {"verdict": CANNOT, "reproduces_as": ""}
    evidence = [named.answer.said(public=public) if named else "the named convention does not apply to these data"]
    if named is not None and named in matches:
        row |= {"verdict": REPRODUCES, "reproduces_as": claim.convention}
    elif matches:
        ways = nearest(matches)
        row |= {"verdict": ONLY_AS, "reproduces_as": "; or ".join(_words(claim, one, results) for one in ways)}
        evidence.append(f"there: {ways[0].answer.said(public=public)}")
    return row | {"evidence": "; ".join(filter(None, [*evidence, _elsewhere(claim, found), _tried(found, matches)]))}


def _tried(found: list[Recomputed], matches: list[Recomputed]) -> str:
    """Say how many conventions were tried, and how many give the printed number."""
    further = len(matches) - len(nearest(matches)) if all(one.departures for one in matches) else 0
    more = f" ({further} of them depart further than another one)" if further else ""
    return f"{len(found)} convention{'s' * (len(found) != 1)} tried, {len(matches)} agree{more}"


def agrees(claim: Claim, answer: Answer) -> bool:
    """Say whether an answer is what a claim prints."""
    if answer.labels is not None:
        return answer.labels == read_labels(claim.printed)
    return read_printed(claim.printed).agrees(_asked(claim, answer))


def written(claim: Claim, answer: Answer) -> str:
    """Write an answer as its claim is printed."""
    return (
        listed(answer.labels) if answer.labels is not None else read_printed(claim.printed).write(_asked(claim, answer))
    )


def _asked(claim: Claim, answer: Answer) -> tuple[float, ...]:
    """Return of an answer what its claim prints: percentages, or an estimate without its limits."""
    statistic, values = STATISTICS[claim.readings[0].statistic], answer.values
    if statistic.share and "%" in WIDTH.sub("", claim.printed):
        values = tuple(100 * value for value in values)
    if statistic.shape != "limited":
        return values
    return {1: values[:1], 2: values[1:]}.get(len(read_printed(claim.printed).numbers), values)


def nearest(matches: list[Recomputed]) -> list[Recomputed]:
    """Leave out conventions that depart as another one does, and then further: they explain nothing more."""
    ways = [frozenset(one.departures) for one in matches]
    return [one for one, way in zip(matches, ways, strict=True) if not any(other < way for other in ways)]


def _words(claim: Claim, one: Recomputed, results: Mapping[Claim, list[Recomputed]]) -> str:
    """Name a convention, whether anybody would defend it, and whether it serves the claim's neighbours too."""
    blame = f"nobody would defend it: {'; '.join(one.indefensible)}" if one.indefensible else ""
    said = "; ".join(filter(None, [blame, _company(claim, one, results)]))
    return " and ".join(one.departures) + (f" ({said})" if said else "")


def _company(claim: Claim, one: Recomputed, results: Mapping[Claim, list[Recomputed]]) -> str:
    """Say how many of the like numbers printed at the same place agree under one convention.

    A convention that gives one cell of a table and not its neighbours is a coincidence.
    """
    like = [
        other
        for other, found in results.items()
        if (other.where, other.readings[0].statistic) == (claim.where, claim.readings[0].statistic)
        and any(it.others == one.others for it in found)
    ]
    if len(like) < 2:
        return ""
    best = max(sum(_agrees_under(other, results[other], coding, one) for other in like) for coding in one.codings)
    return f"{best} of the {len(like)} like numbers there agree under it"


def _agrees_under(claim: Claim, found: list[Recomputed], coding: str, one: Recomputed) -> bool:
    return any(agrees(claim, it.answer) for it in found if coding in it.codings and it.others == one.others)


def _elsewhere(claim: Claim, found: list[Recomputed]) -> str:
    """List what else conventions that depart in one thing only give, each value once."""
    own: dict[str, str] = {}
    known = {written(claim, one.answer) for one in found if not one.departures}
    for one in found:
        if len(one.departures) == 1 and not agrees(claim, one.answer):
            own.setdefault(written(claim, one.answer), one.departures[0])
    shown = [f"{value} as {way}" for value, way in own.items() if value not in known][:MOST_SHOWN]
    return f"elsewhere: {'; '.join(shown)}" if shown else ""
