"""Commands that write what people look at: the page, a figure, and the audit of a paper."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from casepool.cli.answering import answered, printed, stop_if_unconverged, writable
from casepool.cli.options import Data, Seed, Times, begun_at, coded
from casepool.cli.program import command
from casepool.commands import CODING, FIGURES, FORCE, OUT, QUICK, START, Engine, Quiet
from casepool.completing import dataset_names
from casepool.errors import CasepoolError
from casepool.presenting.files import table_text
from casepool.replacing import is_page, read_by, target_of

if TYPE_CHECKING:
    import pandas as pd

BUNDLED = "alk_crizotinib"
"""The dataset that is reported unless another is named."""
FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {
    "table": printed,
    "markdown": lambda table: table_text(table, "md").rstrip(),
    "html": lambda table: table_text(table, "html"),
    "json": lambda table: table.to_json(orient="records", force_ascii=False, indent=1),
}
"""How the audit may be printed."""


@command()
def plot(  # noqa: PLR0913, PLR0917 - an option each
    file: Annotated[str, typer.Argument(help="A saved fit; or a dataset's name, a folder or a file.")],
    kind: Annotated[
        str,
        typer.Argument(
            help=f"{', '.join(FIGURES[:-1])} or {FIGURES[-1]}.",
            autocompletion=lambda incomplete: [kind for kind in FIGURES if kind.startswith(incomplete)],
        ),
    ],
    out: Annotated[Path, typer.Option(help="The file to write: .svg, .pdf or .png.")],
    by: Annotated[str | None, typer.Option(help="A factor, an exposure or a column; of effect a number.")] = None,
    start: START = None,
    model: Annotated[str | None, typer.Option(help="The survival model of a swimmer plot of cases.")] = None,
    patients: Annotated[Path | None, typer.Option(help="A table of patients, whose survival is drawn.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="Cases that --by of a spider plot is of.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What a column is, say change=best_change.")] = None,
    coding: CODING = None,
    force: FORCE = False,
) -> None:
    """Draw a saved fit, or cases, into a file."""
    from casepool.inference.files import is_saved_fit, open_fit
    from casepool.plotting.files import KINDS, arguments_of, figure_target, write_figure

    saved = Path(file).is_file() and is_saved_fit(Path(file))
    asked = {"by": by, "start": start, "patients": patients, "model": model, "cases": data}
    options = {name: value for name, value in asked.items() if value is not None}
    given = arguments_of(kind, options, column or [], own="fit" if saved else "cases", file=file)
    form = figure_target(out, overwrite=force, inputs=read_by(*(one for one in (file, model, data, patients) if one)))
    if patients:
        from casepool.cases import read_cases

        given["patients"] = read_cases(patients)
    if saved and coding:
        raise CasepoolError("this is a saved fit, whose codings are those it was made with", file=file,
                            remedy="leave out --coding, or name cases")  # fmt: skip
    drawn: Any = open_fit(file) if saved else coded(file, coding)
    write_figure(KINDS[kind].draw(drawn, **given), out, form)
    print(f"wrote {out}")
    stop_if_unconverged([drawn] if saved else [])


@command()
def audit(
    dataset: Annotated[
        str,
        typer.Argument(help="A bundled dataset's name, or a folder with published.toml.", autocompletion=dataset_names),
    ],
    form: Annotated[str, typer.Option("--format", help="table, markdown, html or json.")] = "table",
    out: OUT = None,
    force: FORCE = False,
) -> None:
    """Recompute every number a paper prints from its own table."""
    if form not in FORMATS:
        raise CasepoolError("unknown format", value=form, remedy=f"choose one of {', '.join(FORMATS)}")
    from casepool.claims import audit as run

    writable(out, force, dataset)
    table = run(dataset)
    print(FORMATS[form](table)) if out is None else answered(table, csv=False, out=out, force=force)


@command()
def report(  # noqa: PLR0913, PLR0917 - an option each
    cases: Annotated[
        str | None, typer.Argument(help="The same as --data.", show_default=False, autocompletion=dataset_names)
    ] = None,
    data: Data = BUNDLED,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    seed: Seed = 1,
    engine: Engine = None,
    at: Times = None,
    parts: Annotated[Path | None, typer.Option(help="A folder for every table and figure besides.")] = None,
    coding: CODING = None,
    start: START = None,
    quick: QUICK = False,
    force: FORCE = False,
    quiet: Quiet = False,
) -> None:
    """Fit what a dataset's codebook and paper ask, and write one self-contained HTML page."""
    if cases and data not in (BUNDLED, cases):
        raise CasepoolError("the cases are named twice", value=data, remedy="leave out --data")
    data = cases or data
    target_of(out, is_page, overwrite=force, inputs=read_by(data))
    chosen, table = _asked(data, coding, start)
    from casepool.inference.fitting import fit as run
    from casepool.progress import steps
    from casepool.reporting import report as write
    from casepool.reporting.parts import folder_of_parts

    if parts is not None:
        folder_of_parts(parts, overwrite=force)
    settings: dict[str, Any] = {"seed": seed, "engine": engine, "quick": quick, "progress": not quiet}
    fits = [run(each, table, **settings) for each in steps(not quiet, chosen, "fits")]
    write(fits, out, at=at or None, parts=parts, overwrite=force, progress=not quiet)
    print(f"wrote {out} (seed {seed}{', quick: fewer draws' * quick})")
    stop_if_unconverged(fits)


def _asked(data: str, coding: list[str] | None, start: float | None) -> tuple[list[Any], pd.DataFrame]:
    """Return the models that a dataset's codebook and paper ask for, and its table, checked with each of the former."""
    from casepool.cases import codebook_of, resolve_cases
    from casepool.modelling import model
    from casepool.modelling.design.making import design_of_typed
    from casepool.studies.replacement import models_asked

    table = resolve_cases(coded(data, coding))
    book = codebook_of(table)
    names = book.report if book else ()
    if not names:
        raise CasepoolError(
            "the codebook lists no models to report",
            file=book.name if book else data,
            column="report",
            remedy='write a model file beside codebook.toml (casepool draft), and add report = ["my_model.toml"] to it',
        )
    folder = Path(data)
    chosen = [model(folder / name if name.endswith(".toml") else name) for name in names]
    if start is not None and not any(own.begins for each in chosen for own in each.exposures.values()):
        raise CasepoolError("no model has an exposure that begins", value=start, remedy="leave out --start")
    chosen = [begun_at(each, start) if any(own.begins for own in each.exposures.values()) else each for each in chosen]
    for each in chosen:
        design_of_typed(each, table)  # a bad table is refused before anything is fitted
    known = [each.name for each in chosen]
    further = [model(name) for name in models_asked(data) if name not in known]
    return [*chosen, *further], table
