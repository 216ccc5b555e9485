"""The report: one self-contained HTML file from fits."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import xarray as xr
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from casepool.arguments import flag_of
from casepool.escaping import html_text
from casepool.estimation.material import Material, gather
from casepool.estimation.told import MARKS
from casepool.inference.fit_contents import said_engine
from casepool.progress import say
from casepool.replacing import is_page, target_of
from casepool.reporting.answers import Answers, answer
from casepool.reporting.blocks import Block, Cell, Points, Section, Table, Text
from casepool.reporting.cautions import cannot_show
from casepool.reporting.chapters import chapter
from casepool.reporting.checklist import checklist
from casepool.reporting.glossary import glossary
from casepool.reporting.patients import analysed, data_section
from casepool.reporting.sentences import in_short
from casepool.writing import FEW, RARE, write_atomically

TEMPLATES = Path(__file__).parent / "templates"
DOI = re.compile(r"doi:(10\.[^\s,;]+[^\s,;.)])(\)?)")
CODE = re.compile(r"`([^`]+)`")
BREAKS = re.compile(r"([._])")
"""Where a name in code may break at the end of a line."""


def report(
    fits: xr.DataTree | Sequence[xr.DataTree],
    path: str | Path = "report.html",
    *,
    at: Sequence[float] | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Path:
    """Write a report for clinicians: one HTML file that needs nothing else to be read.

    Parameters
    ----------
    fits : xarray.DataTree or sequence of xarray.DataTree
        Fits of one dataset, in the order they are told in.
    path : str or pathlib.Path
        The file; an earlier one stays whole until the new one is.
    at : sequence of float, optional
        Times survival is told at, in the models' unit; default the codebook's `at`, else round numbers that follow-up
        reaches.
    overwrite : bool
        Whether to replace a file that is no page casepool wrote.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pathlib.Path
        The file written.

    Raises
    ------
    CasepoolError
        Without fits, for fits of different datasets, or if the file cannot be written.
    """
    target, path = target_of(path, is_page, overwrite=overwrite), Path(path)
    flag_of(progress, "progress")
    material = gather(fits, at)
    answers = []
    for fitted in material.fits:
        say(progress, f"report: answers of {fitted.model.name}")
        answers.append(answer(fitted, material, progress=progress))
    say(progress, "report: tables and figures")
    write_atomically(target, render(material, sections(material, answers)).encode())
    say(progress, f"report written to {path}")
    return path


def sections(material: Material, answers: Sequence[Answers]) -> list[Section]:
    """Lay the report out."""
    chapters = [chapter(material, found, place) for place, found in enumerate(answers, start=1)]
    return [
        Section("in-short", "In short", short(material, answers)),
        Section("data", "The patients", data_section(material)),
        *chapters,
        Section("cannot-show", "What it cannot show", cannot_show(material, answers)),
        Section("words", "Words", glossary(material)),
        Section("made", "How it was made", how_made(material)),
        Section("checklist", "Reporting checklist", checklist(material, answers)),
    ]


def short(material: Material, answers: Sequence[Answers]) -> list[Block]:
    """Say what was done and found."""
    n = max(analysed(fitted) for fitted in material.fits)
    done = (
        f"{material.count(n)} cases were analysed by Bayesian models. Where a model borrows, the levels of a factor "
        "inform each other, so that a level with one patient says neither 0% nor 100% (shrunk). Beside every answer "
        "stands the raw one that it replaces."
    )
    return [Points([("", done), *(("", text) for text in in_short(material, answers))])]


def how_made(material: Material) -> list[Block]:
    """Say what it takes to make the report again."""
    rows = []
    for fitted in material.fits:
        attrs = fitted.tree.attrs
        settings = ", ".join(f"{k} {v}" for k, v in fitted.settings.items())
        cells = [
            fitted.model.name,
            attrs["seed"],
            settings,
            "; ".join(filter(None, (attrs["inference_library"], said_engine(fitted.tree)))),
            attrs["created"],
            attrs["data_sha256"],
            attrs.get("retried") or "–",
        ]
        rows.append([Cell(f"`{cells[0]}`"), *(Cell(str(text)) for text in cells[1:])])
    headings = ["model", "seed", "settings", "sampler", "fitted", "SHA-256 of the data used", "retry"]
    versions = json.loads(material.fits[0].tree.attrs["versions"])
    versions |= {name: version(name) for name in ("matplotlib", "jinja2")}
    whole = "the full table was at hand" if material.folder else "made from what the fits keep of the table"
    return [
        Table("The fits", headings, rows),
        Text(f"Versions: {', '.join(f'{name} {number}' for name, number in versions.items())}."),
        Text(
            f"Dataset: {material.codebook.name}; {whole}. Report written "
            f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}."
        ),
    ]


def marked_up(text: str) -> Markup:
    """Escape text, then show words between backticks as code, and DOIs as links."""
    safe = CODE.sub(lambda found: f"<code>{BREAKS.sub(r'\1<wbr>', found[1])}</code>", str(html_text(text)))
    return Markup(DOI.sub(r'<a href="https://doi.org/\1">doi:\1</a>\2', safe))  # noqa: S704 - escaped above


def render(material: Material, contents: Sequence[Section]) -> str:
    """Fill the template."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["marked_up"] = marked_up
    style = Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    book = material.codebook
    values: dict[str, Any] = {
        "title": book.title or book.name,
        "source": book.source,
        "rare": "" if book.public else f"{RARE} stands at counts of 1 to {FEW - 1}",
        "failed": [section.title for section in contents if section.verdict == "fail"],
        "sections": contents,
        "marks": MARKS,
        "style": style,
    }
    return environment.get_template("report.html.j2").render(values)
