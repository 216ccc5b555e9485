"""A stranger's table becomes a dataset folder with first models in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from casepool.cases.codebook import Codebook, toml_text
from casepool.cases.scaffolding import REPORT, scaffold
from casepool.cases.validation import examined
from casepool.drafting.drafts import KINDS, Draft, drafted
from casepool.drafting.looking import table_of
from casepool.errors import CasepoolError
from casepool.escaping import one_line


@dataclass(frozen=True)
class NewFolder:
    """A folder that was made: its drafts by kind, why there are none of other kinds, and what its codebook takes."""

    path: Path
    drafts: Mapping[str, Draft]
    lacking: Sequence[str]
    taken: Sequence[str]


def new_dataset(
    folder: str | Path, table: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None = None
) -> Path:
    """Write a dataset folder from a table: ``cases.csv``, a commented ``codebook.toml`` to complete, and first models.

    Types are guessed as `read_cases` does without a codebook, but for columns of numbers in which some cells are none:
    they are numbers, and `validate` of the folder names these cells until they are mended. Near-twin spellings of one
    level become aliases. What else `validate` warns of stands in comments and, where it is not of the file itself, is
    found again in the folder. What cannot be known is asked for in comments: units, roles, ranges, source, licence.
    The models are those `draft` makes, ``response.toml``, ``ordinal.toml`` and ``survival.toml``, of which the table
    has an outcome; the codebook lists them under ``report``, and ``casepool report`` of the folder fits them.

    Parameters
    ----------
    folder : str or pathlib.Path
        The folder to make; it must not exist, or be empty.
    table : str or pathlib.Path or pandas.DataFrame
        A file (separated text, Excel, Parquet) or a frame.
    codebook : path or Codebook, optional
        Whose ``[file]`` says how the file is written (its header, sheet, separator ...); nothing else of it is used.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    CasepoolError
        If the folder holds something, or the table has an error that no codebook mends.

    See Also
    --------
    draft, validate, read_cases

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> table = cp.load("sarcoma_imatinib")
    >>> made = cp.new_dataset(folder / "mine", table)
    >>> sorted(path.name for path in made.iterdir())
    ['cases.csv', 'codebook.toml', 'response.toml']
    """
    return new_folder(folder, table, codebook).path


def new_folder(
    folder: str | Path, table: str | Path | pd.DataFrame, codebook: str | Path | Codebook | None = None
) -> NewFolder:
    """Make a folder as `new_dataset` does, and say what was drafted in it."""
    drafts: dict[str, Draft] = {}
    lacking: list[str] = []
    taken: list[str] = []

    def complete(made: Path, granted: Sequence[str]) -> None:
        taken.extend(granted)
        columns = table_of(examined(made))
        refusals: dict[str, list[str]] = {}
        for kind in KINDS:
            try:
                drafts[kind] = drafted(kind, columns)
            except CasepoolError as refusal:
                if not (kind == "ordinal" and _has_two_codes(drafts)):
                    refusals.setdefault(f"{refusal.problem}; {refusal.remedy}", []).append(kind)
        lacking.extend(f"{' or '.join(kinds)} model: {why}" for why, kinds in refusals.items())
        for kind, one in drafts.items():
            (made / f"{kind}.toml").write_text(one.text, encoding="utf-8")
        book = made / "codebook.toml"
        listed = "".join(f"# no {one_line(said)}\n" for said in lacking)
        listed += f"report = [{', '.join(toml_text(f'{kind}.toml') for kind in drafts)}]\n" if drafts else REPORT
        book.write_text(book.read_text("utf-8").replace(REPORT, listed, 1), encoding="utf-8")

    return NewFolder(scaffold(folder, table, complete, codebook), drafts, lacking, taken)


def _has_two_codes(drafts: Mapping[str, Draft]) -> bool:
    """Tell whether the response is known, and has no order beyond failure and success."""
    return "response" in drafts and len(drafts["response"].model.outcome.levels) < 3
