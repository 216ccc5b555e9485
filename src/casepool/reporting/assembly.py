"""The report: one self-contained HTML file from fits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import xarray as xr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from casepool.arguments import flag_of
from casepool.escaping import html_text
from casepool.estimation.material import Material, gather
from casepool.estimation.told import DECIDE, MARKS, PRIOR, TOGETHER, UNKNOWABLE
from casepool.progress import say, steps
from casepool.replacing import is_page, target_of
from casepool.reporting.answers import Answers, answer, checked
from casepool.reporting.beside import apart, chapters_beside
from casepool.reporting.blocks import Section
from casepool.reporting.chapters import chapter_section, questions_table
from casepool.reporting.claims_checked import audited
from casepool.reporting.downloads import data_of, file_name, form_of
from casepool.reporting.figures import squares
from casepool.reporting.limits import cannot_show
from casepool.reporting.made import how_made
from casepool.reporting.minis import axis, mini
from casepool.reporting.numbering import all_numbered, anchor, caption_of, numbered, what
from casepool.reporting.parts import folder_of_parts, write_parts
from casepool.reporting.patients import data_section
from casepool.reporting.questions import FAILED, chapters_of
from casepool.writing import HIDDEN, LEAST, write_atomically

TEMPLATES = Path(__file__).parent / "templates"
DOI = re.compile(r"doi:(10\.[^\s,;]+[^\s,;.)])(\)?)")
CODE = re.compile(r"`([^`]+)`")
BREAKS = re.compile(r"([._])")
"""Where a name in code may break at the end of a line."""
BADGES = {DECIDE: "b-d", TOGETHER: "b-s", PRIOR: "b-p", UNKNOWABLE: "b-x", FAILED: "b-x"}
"""How a badge looks, by its words."""


def report(
    fits: xr.DataTree | Sequence[xr.DataTree],
    path: str | Path = "report.html",
    *,
    at: Sequence[float] | None = None,
    parts: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write a report for clinicians: one HTML file that needs nothing else to be read.

    Parameters
    ----------
    fits : xarray.DataTree or sequence of xarray.DataTree
        Fits of one dataset, in the order they are told in. Questions of the dataset's ``published.toml`` are answered
        by the fits of the models they name; whatever else the fits tell follows.
    path : str or pathlib.Path
        The file; an earlier one stays whole until the new one is.
    at : sequence of float, optional
        Times survival is told at, in the models' unit; default the codebook's `at`, else round numbers that follow-up
        reaches.
    parts : str or pathlib.Path, optional
        A folder that every table (CSV) and figure (SVG, PDF, PNG) of the page is written to besides.
    overwrite : bool
        Whether to replace a file that is no page casepool wrote, and parts that are there.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    CasepoolError
        Without fits, for fits of different datasets, or if a file cannot be written.

    See Also
    --------
    check, write_table

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> fit = cp.fit("basket_pooled", "sarcoma_imatinib", seed=1, progress=False)
    >>> page = cp.report(fit, path=folder / "report.html")
    >>> page.name, page.stat().st_size > 50_000
    ('report.html', True)
    """
    target, path = target_of(path, is_page, overwrite=overwrite), Path(path)
    folder = None if parts is None else folder_of_parts(parts, overwrite=overwrite)
    flag_of(progress, "progress")
    material = apart(gather(fits, at))
    answers = []
    for fitted in steps(progress, material.fits, "report: fits answered"):
        say(progress, f"report: answers of {fitted.model.name}")
        answers.append(answer(fitted, material, progress=progress))
    beside = [checked(fitted, progress=progress) for fitted in material.beside]
    material = replace(material, beside=tuple(own.fitted for own in beside))
    say(progress, "report: tables and figures")
    contents = numbered(sections(material, answers, beside))
    write_atomically(target, render(material, [*answers, *beside], contents).encode())
    if folder is not None:
        say(progress, "report: parts")
        write_parts(folder, contents, public=material.public)
    say(progress, f"report written to {path}")
    return path


def sections(material: Material, answers: Sequence[Answers], beside: Sequence[Answers] = ()) -> list[Section]:
    """Lay the report out; the first section is the head."""
    chapters = chapters_of(material, answers)
    beside_them = chapters_beside(material, len(chapters) + 1)
    lines = [line for _, line in beside_them]
    asked = [questions_table(material, chapters, lines)] if chapters or lines else []
    first = [block for block in (squares(material), *asked) if block is not None]
    found = [
        Section("top", material.codebook.title or material.codebook.name, first),
        *([] if material.codebook.rows_of else [Section("data", "The patients", data_section(material))]),
        *(chapter_section(material, chapter, place) for place, chapter in enumerate(chapters, start=1)),
    ]
    found += [section for section, _ in beside_them]
    if claims := audited(material):
        found.append(Section("audit", "The paper's numbers, checked", claims))
    if limits := cannot_show(material, answers):
        found.append(Section("cannot-show", "What this page cannot show", limits))
    return [*found, Section("made", "How it was made", how_made(material, [*answers, *beside]))]


def marked_up(text: str) -> Markup:
    """Escape text, then show words between backticks as code, and DOIs as links."""
    safe = CODE.sub(lambda found: f"<code>{BREAKS.sub(r'\1<wbr>', found[1])}</code>", str(html_text(text)))
    return Markup(DOI.sub(r'<a href="https://doi.org/\1">doi:\1</a>\2', safe))  # noqa: S704 - escaped above


def render(material: Material, answers: Sequence[Answers], contents: Sequence[Section]) -> str:
    """Fill the template."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (marked_up, anchor, what, caption_of, file_name)
    environment.filters |= {own.__name__: own for own in filters} | {"data": data_of, "form": form_of}
    own = {name: Markup((TEMPLATES / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js")}  # noqa: S704 - our own files
    book = material.codebook
    licence = f", {book.licence}" if book.licence and book.source else ""
    values: dict[str, Any] = {
        "title": book.title or book.name,
        "source": f"{book.source}{licence}",
        "rare": "" if book.public else f"{HIDDEN} stands for counts of 1 to {LEAST - 1}",
        "failed": [answer.fitted.model.title for answer in answers if answer.verdict == "fail"],
        "head": contents[0].blocks,
        "sections": contents[1:],
        "listed": [block for block in all_numbered(contents) if not block.number.startswith("A")],
        "marks": {**MARKS, FAILED: "✕"},
        "badges": BADGES,
        "mini": mini,
        "axis": axis,
        "style": own["report.css"],
        "script": own["report.js"],
    }
    return environment.get_template("report.html.j2").render(values)
