"""The command line: a thin mirror of the Python names.

Exit status 0, 2 on bad input, 3 without convergence, 4 where a fit does not reproduce.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from casepool.commands import COMMANDS, CSV, FIGURES, FORCE, OUT, Command, Engine
from casepool.errors import CasepoolError
from casepool.escaping import one_line, shorten
from casepool.presenting.files import refuse_table_at, table_text, write_table
from casepool.replacing import is_page, read_by, target_of

if TYPE_CHECKING:
    import pandas as pd

LONGEST_USAGE = 300
"""Characters of what the parser says of words it does not take, which repeats them."""
BUNDLED = "alk_crizotinib"
"""The dataset that is reported unless another is named."""
READ = ("model", "cases", "dataset", "folder", "patients")
"""Arguments of commands that may be files, beside fits."""
BAD_INPUT, NOT_CONVERGED, NOT_REPRODUCED = 2, 3, 4


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Refuse words that no command takes as everything else is refused."""
    try:
        yield
    except Exception as error:
        said, context = getattr(error, "format_message", None), getattr(error, "ctx", None)
        if said is None:  # none of the parser's, whose class has another name in every version
            raise
        of = f"casepool {context.info_name}" if context and context.parent else "casepool"
        problem = shorten(said().rstrip("."), LONGEST_USAGE)
        raise CasepoolError(problem[:1].lower() + problem[1:], remedy=f"{of} --help says what it takes") from None


class _Commands(typer.core.TyperGroup):
    """The commands, whose misuse is told in one line."""

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        with _in_one_line() if args else nullcontext():  # without a word the parser prints its help
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _in_one_line():
            return super().invoke(ctx)


app = typer.Typer(
    cls=_Commands,
    help="Bayesian hierarchical analysis of rare-disease case data.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Data = Annotated[str, typer.Option("--data", help="A bundled dataset's name, a folder with cases.csv, or a CSV file.")]
Seed = Annotated[int, typer.Option(help="Seed of the sampler.")]
Times = Annotated[list[float] | None, typer.Option("--at", help="A time; may be given several times.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing while working.")]


@app.command()
def datasets() -> None:
    """List the bundled datasets."""
    from casepool.cases import codebook_of, list_datasets, load

    for name in list_datasets():
        book = codebook_of(load(name))
        print(f"{name}  {book.title if book else ''}")


@app.command()
def validate(
    table: Annotated[str, typer.Argument(help="A bundled dataset's name, a folder, a CSV, Excel or Parquet file.")],
    codebook: Annotated[Path | None, typer.Option(help="The codebook.toml that says what the columns mean.")] = None,
    csv: CSV = False,
    out: OUT = None,
    force: FORCE = False,
) -> None:
    """List everything wrong with a table, worst first; exit status 2 if there is an error."""
    from casepool.cases import validate as run

    _writable(out, force, table, codebook or "")
    found = run(table, codebook)
    _answered(found, csv=csv, out=out, force=force)
    if (found["severity"] == "error").any():
        raise typer.Exit(BAD_INPUT)


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist, or be empty.")],
    table: Annotated[Path, typer.Option("--from", help="A CSV, Excel or Parquet file.")],
    codebook: Annotated[Path | None, typer.Option(help="A codebook whose [file] says how the file is written.")] = None,
) -> None:
    """Make a dataset folder of a table: its cells, a commented codebook to complete, and first models."""
    from casepool.drafting.folders import new_folder
    from casepool.drafting.telling import told_of

    print("\n".join(map(one_line, told_of(new_folder(folder, table, codebook)))))


@app.command()
def draft(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="response, ordinal or survival.")],
    cases: Annotated[str, typer.Argument(help="A folder, a file, or a bundled dataset's name.")],
    by: Annotated[list[str] | None, typer.Option(help="A factor's column; may be given several times.")] = None,
    median: Annotated[float | None, typer.Option(help="Median survival, in the unit of the follow-up.")] = None,
    upper: Annotated[float | None, typer.Option(help="Its 97.5% limit.")] = None,
    out: Annotated[Path | None, typer.Option(help="The model file to write; default KIND.toml in the folder.")] = None,
) -> None:
    """Draft a first model of a table, to be read and changed; of what is no folder it is printed."""
    from casepool.drafting import draft as run

    path = out or (Path(cases) / f"{kind}.toml" if Path(cases).is_dir() else None)
    text = run(kind, cases, by=by or None, median=median, upper=upper, path=path)
    print(text.rstrip() if path is None else f"wrote {path}: read it, and list it under `report` in codebook.toml")


@app.command()
def models() -> None:
    """List the bundled models."""
    from casepool.modelling import list_models, model

    for name in list_models():
        print(f"{name}  {model(name).title}")


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or file.")]) -> None:
    """Print a model: outcome, equation, terms, priors, what they mean, and their reasons."""
    from casepool.modelling import model
    from casepool.modelling.specification.printing import describe

    print(describe(model(name)))


@app.command()
def fit(
    name: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or file.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="File to save the fit in.")],
    seed: Seed = 1,
    engine: Engine = None,
    draws: Annotated[int, typer.Option(help="Draws of each chain.")] = 1000,
    tune: Annotated[int | None, typer.Option(help="Warm-up draws of each chain, of nuts alone; 1000.")] = None,
    chains: Annotated[int, typer.Option(help="Chains.")] = 4,
    force: FORCE = False,
    quiet: Quiet = False,
) -> None:
    """Fit a model to a table and save the draws."""
    from casepool.inference.files import is_saved_fit, save_fit

    target_of(out, is_saved_fit, overwrite=force, inputs=read_by(name, data))
    from casepool.inference.fitting import fit as run

    fitted = run(name, data, seed=seed, engine=engine, draws=draws, tune=tune, chains=chains, progress=not quiet)
    save_fit(fitted, out, overwrite=force)
    print(f"saved {out} (seed {seed})")
    _stop_if_unconverged([fitted])


@app.command()
def adopt(
    file: Annotated[Path, typer.Argument(help="A netCDF file with a group posterior, of the model's parameters.")],
    model: Annotated[str, typer.Option(metavar="MODEL", help="A model's name or file.")],
    data: Data,
    out: Annotated[Path, typer.Option(help="File to save the fit in.")],
    seed: Annotated[int | None, typer.Option(help="Seed of what is made of the draws; a fit's own, or 1.")] = None,
    extra: Annotated[list[str] | None, typer.Option(help="A name to leave out; may be given several times.")] = None,
    force: FORCE = False,
) -> None:
    """Take draws that another sampler made of a model's graph as a fit, and save it."""
    from casepool.inference.files import is_saved_fit, open_tree, save_fit

    target_of(out, is_saved_fit, overwrite=force, inputs=[*read_by(model, data), file])
    from casepool.inference.adoption import adopted

    fitted = adopted(open_tree(file), model, data, seed=seed, extra=extra or (), file=str(file))
    save_fit(fitted, out, overwrite=force)
    print(f"saved {out} (adopted: not drawn by casepool)")
    _stop_if_unconverged([fitted])


@app.command()
def estimates(
    file: Annotated[Path, typer.Argument(help="A saved fit.")],
    by: Annotated[
        str | None, typer.Option(help="A factor, an exposure or a labelled column; default everyone.")
    ] = None,
    target: Annotated[str, typer.Option(help="observed, standardised or new (response models).")] = "observed",
    at: Times = None,
    above: Annotated[float | None, typer.Option(help="A threshold: how probably each rate lies above it.")] = None,
    rope: Annotated[tuple[float, float] | None, typer.Option(help="How probably each rate lies between.")] = None,
    csv: CSV = False,
    out: OUT = None,
    force: FORCE = False,
) -> None:
    """Print the estimates of a saved fit: response probabilities, or survival."""
    from casepool.estimation import estimates as run
    from casepool.inference.files import open_fit

    _writable(out, force, file)
    fitted = open_fit(file)
    table = run(fitted, by, target=target, at=at or None, above=above, rope=rope)
    _answered(table, csv=csv, out=out, force=force)
    _stop_if_unconverged([fitted])
    _stop_if_failed(table)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A saved fit.")],
    refits: Annotated[
        bool, typer.Option("--refits", help="Also leave out patients, levels and publications; takes minutes.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Ask of a saved fit whether it may be believed; exit status 3 if the answer is no."""
    from casepool.checking import check as run
    from casepool.inference.files import open_fit

    table = run(open_fit(file), refits=refits, progress=not quiet)
    print(_printed(table))
    if "fail" in set(table["verdict"]):
        raise typer.Exit(NOT_CONVERGED)


@app.command()
def plot(
    file: Annotated[str, typer.Argument(help="A saved fit; or a dataset's name, a folder or a file.")],
    kind: Annotated[str, typer.Argument(help=f"{', '.join(FIGURES[:-1])} or {FIGURES[-1]}.")],
    out: Annotated[Path, typer.Option(help="The file to write: .svg, .pdf or .png.")],
    by: Annotated[str | None, typer.Option(help="A factor, an exposure or a column; of effect a number.")] = None,
    start: Annotated[float | None, typer.Option(help="When the exposure starts in its strategy.")] = None,
    model: Annotated[str | None, typer.Option(help="The survival model of a swimmer plot of cases.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="Cases that --by of a spider plot is of.")] = None,
    column: Annotated[list[str] | None, typer.Option(help="What a column is, say change=best_change.")] = None,
    force: FORCE = False,
) -> None:
    """Draw a saved fit, or cases, into a file."""
    from casepool.inference.files import is_saved_fit, open_fit
    from casepool.plotting.files import KINDS, arguments_of, figure_target, write_figure

    saved = Path(file).is_file() and is_saved_fit(Path(file))
    asked = {"by": by, "start": start, "model": model, "cases": data}
    options = {name: value for name, value in asked.items() if value is not None}
    given = arguments_of(kind, options, column or [], own="fit" if saved else "cases", file=file)
    form = figure_target(out, overwrite=force, inputs=read_by(*filter(None, (file, model, data))))
    drawn: Any = open_fit(file) if saved else file
    write_figure(KINDS[kind].draw(drawn, **given), out, form)
    print(f"wrote {out}")
    _stop_if_unconverged([drawn] if saved else [])


@app.command()
def add(  # noqa: PLR0913, PLR0917 - as many as `add` takes, and where the table goes
    folder: Annotated[Path, typer.Argument(help="A dataset's folder.")],
    case: Annotated[Path | None, typer.Argument(help="A TOML file with the cells of a case, by column.")] = None,
    coding: Annotated[list[str] | None, typer.Option(help="decision=choice, from now on; may be repeated.")] = None,
    priors: Annotated[Path | None, typer.Option(help="A TOML file of [MODEL.PRIOR] tables, from now on.")] = None,
    was: Annotated[Path | None, typer.Option(help="The table as it was, if you changed it yourself.")] = None,
    seed: Seed = 1,
    engine: Engine = None,
    csv: CSV = False,
    out: OUT = None,
    force: FORCE = False,
    quiet: Quiet = False,
) -> None:
    """Add a case to a dataset, or take another coding or prior: what moved, and a line of its history."""
    from casepool.living import add as run

    _writable(out, force, folder, *filter(None, (case, priors, was)))
    pairs = [pair.partition("=") for pair in coding or []]
    if bad := next((decision for decision, sign, choice in pairs if not (decision and sign and choice)), None):
        raise CasepoolError("a coding is a choice of a decision", value=bad, remedy="write --coding decision=choice")
    choices = {decision: choice for decision, _, choice in pairs}
    table = run(folder, case, seed=seed, coding=choices, priors=priors, was=was, engine=engine, progress=not quiet)
    _answered(table, csv=csv, out=out, force=force)
    _stop_if_failed(table)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A saved fit; or a dataset's folder with its history.")],
    known: Annotated[str | None, typer.Option(help="Of a history: the id of a line that you kept elsewhere.")] = None,
    quiet: Quiet = False,
) -> None:
    """Fit a saved fit again and say whether the draws agree; or say whether a dataset's history was changed."""
    from casepool.inference.files import open_fit
    from casepool.living import verify as run

    table = run(file if file.is_dir() else open_fit(file), known=known, progress=not quiet)
    print(_printed(table))
    if (table["verdict"] == "fail").any():
        print(f"casepool: {file} does not reproduce", file=sys.stderr)
        raise typer.Exit(NOT_REPRODUCED)


@app.command()
def audit(
    dataset: Annotated[str, typer.Argument(help="A bundled dataset's name, or a folder with published.toml.")],
    form: Annotated[str, typer.Option("--format", help="table, markdown, html or json.")] = "table",
    out: OUT = None,
    force: FORCE = False,
) -> None:
    """Recompute every number a paper prints from its own table."""
    if form not in FORMATS:
        raise CasepoolError("unknown format", value=form, remedy=f"choose one of {', '.join(FORMATS)}")
    from casepool.claims import audit as run

    _writable(out, force, dataset)
    table = run(dataset)
    print(FORMATS[form](table)) if out is None else _answered(table, csv=False, out=out, force=force)


@app.command()
def report(
    cases: Annotated[str | None, typer.Argument(help="The same as --data.", show_default=False)] = None,
    data: Data = BUNDLED,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    seed: Seed = 1,
    engine: Engine = None,
    at: Times = None,
    parts: Annotated[Path | None, typer.Option(help="A folder for every table and figure besides.")] = None,
    force: FORCE = False,
    quiet: Quiet = False,
) -> None:
    """Fit what a dataset's codebook and paper ask, and write one self-contained HTML page."""
    if cases and data not in (BUNDLED, cases):
        raise CasepoolError("the cases are named twice", value=data, remedy="leave out --data")
    data = cases or data
    target_of(out, is_page, overwrite=force, inputs=read_by(data))
    from casepool.cases import codebook_of, resolve_cases
    from casepool.modelling import model
    from casepool.modelling.design.making import design_of_typed

    table = resolve_cases(data)
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
    for each in chosen:
        design_of_typed(each, table)  # a bad table is refused before anything is fitted
    from casepool.inference.fitting import fit as run
    from casepool.reporting import report as write
    from casepool.reporting.parts import folder_of_parts
    from casepool.studies.replacement import models_asked

    if parts is not None:
        folder_of_parts(parts, overwrite=force)
    known = [each.name for each in chosen]
    chosen += [model(name) for name in models_asked(data) if name not in known]
    fits = [run(each, table, seed=seed, engine=engine, progress=not quiet) for each in chosen]
    write(fits, out, at=at or None, parts=parts, overwrite=force, progress=not quiet)
    print(f"wrote {out} (seed {seed})")
    _stop_if_unconverged(fits)


def _answer(name: str, command: Command) -> Callable[..., None]:
    """Make the command of a public function that answers with a table."""

    def run(*, csv: bool, out: Path | None, force: bool, **given: Any) -> None:
        from casepool.cases import read_cases
        from casepool.inference.files import open_fit

        values: dict[str, Any] = {key: None if value == [] else value for key, value in given.items()}
        files = values.get("fits", [values["fit"]] if "fit" in values else [])
        _writable(out, force, *files, *(values[name] for name in READ if values.get(name)))
        fits = [open_fit(path) for path in files]
        if "fits" in values:
            values["fits"] = fits
        elif fits:
            values["fit"] = fits[0]
        if "quiet" in values:
            values["progress"] = not values.pop("quiet")
        if "patients" in values:
            values["patients"] = read_cases(values["patients"])
        table = command.function(name)(**values)
        _answered(table, csv=csv, out=out, force=force)
        _stop_if_unconverged(fits)
        _stop_if_failed(table)

    run.__name__, run.__doc__ = name, command.does
    run.__signature__ = command.signature()  # type: ignore[attr-defined]
    run.__annotations__ = {key: one.annotation for key, one in command.signature().parameters.items()}
    return run


for _name, _command in COMMANDS.items():
    app.command(_name.replace("_", "-"))(_answer(_name, _command))


def _writable(out: Path | None, force: bool, *read: str | Path) -> None:
    """Refuse a file that the answer cannot be written to, before any work."""
    if out is not None:
        refuse_table_at(out, overwrite=force, inputs=read_by(*read))


def _answered(table: pd.DataFrame, *, csv: bool, out: Path | None, force: bool) -> None:
    """Write a table to a file, or print it: for a terminal, or as comma-separated values with every column."""
    if out is None:
        print(table_text(table, "csv") if csv else _printed(table))
    else:
        print(f"wrote {write_table(table, out, overwrite=force)}")


def _printed(table: pd.DataFrame) -> str:
    from casepool.tables import printed

    return printed(table)


FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {
    "table": _printed,
    "markdown": lambda table: table_text(table, "md").rstrip(),
    "html": lambda table: table_text(table, "html"),
    "json": lambda table: table.to_json(orient="records", force_ascii=False, indent=1),
}
"""How the audit may be printed."""


def _stop_if_failed(table: pd.DataFrame) -> None:
    if "fail" in set(table.get("verdict", ())):
        print("casepool: some of these numbers did not converge; do not use them", file=sys.stderr)
        raise typer.Exit(NOT_CONVERGED)


def _stop_if_unconverged(fits: Sequence[Any]) -> None:
    from casepool.inference.convergence import said_of

    bad = [said for fit in fits if (said := said_of(fit))]
    if bad:
        why = "; ".join(dict.fromkeys(bad))
        print(f"casepool: {len(bad)} of {len(fits)} fits: {why}; do not use their numbers", file=sys.stderr)
        raise typer.Exit(NOT_CONVERGED)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # an encoding that lacks a letter stops nothing
    try:
        try:
            app(args=arguments)
        finally:
            sys.stdout.flush()
    except CasepoolError as error:
        print(f"casepool: {error}", *[error.paste] * bool(error.paste), sep="\n\n", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except OSError as error:  # of standard output, as files say theirs themselves
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter tries once more
        print(f"casepool: standard output cannot be written ({error.strerror}); send it elsewhere", file=sys.stderr)
        sys.exit(BAD_INPUT)
