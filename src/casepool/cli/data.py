"""Commands about tables of cases: those that are bundled, and those of users."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from casepool.arguments import one_of
from casepool.cli.answering import BAD_INPUT, answered, stop_if_failed, writable
from casepool.cli.options import Seed, choices_of
from casepool.cli.program import command
from casepool.commands import CODING, CSV, FORCE, OUT, Engine, Quiet
from casepool.completing import dataset_names
from casepool.escaping import one_line


@command()
def datasets() -> None:
    """List the bundled datasets."""
    from casepool.cases import codebook_of, list_datasets, load

    for name in list_datasets():
        book = codebook_of(load(name))
        print(f"{name}  {book.title if book else ''}")


@command()
def validate(
    table: Annotated[
        str,
        typer.Argument(
            help="A bundled dataset's name, a folder, a CSV, Excel or Parquet file.", autocompletion=dataset_names
        ),
    ],
    codebook: Annotated[Path | None, typer.Option(help="The codebook.toml that says what the columns mean.")] = None,
    csv: CSV = False,
    out: OUT = None,
    force: FORCE = False,
) -> None:
    """List everything wrong with a table, and with the model files of a folder, worst first.

    Exit status 2 if there is an error.
    """
    import casepool

    writable(out, force, table, codebook or "")
    found = casepool.validate(table, codebook)
    answered(found, csv=csv, out=out, force=force)
    if (found["severity"] == "error").any():
        raise typer.Exit(BAD_INPUT)


@command()
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not exist, or be empty.")],
    table: Annotated[Path, typer.Option("--from", help="A CSV, Excel or Parquet file.", autocompletion=dataset_names)],
    codebook: Annotated[Path | None, typer.Option(help="A codebook whose [file] says how the file is written.")] = None,
) -> None:
    """Make a dataset folder of a table: its cells, a commented codebook to complete, and first models."""
    from casepool.drafting.folders import new_folder
    from casepool.drafting.telling import told_of

    print("\n".join(map(one_line, told_of(new_folder(folder, table, codebook)))))


@command()
def add(  # noqa: PLR0913, PLR0917 - as many as `add` takes, and where the table goes
    folder: Annotated[Path, typer.Argument(help="A dataset's folder.", autocompletion=dataset_names)],
    case: Annotated[Path | None, typer.Argument(help="A TOML file with the cells of a case, by column.")] = None,
    coding: CODING = None,
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

    writable(out, force, folder, *filter(None, (case, priors, was)))
    choices = choices_of(coding or [])
    table = run(folder, case, seed=seed, coding=choices, priors=priors, was=was, engine=engine, progress=not quiet)
    answered(table, csv=csv, out=out, force=force)
    stop_if_failed(table)


@command()
def claims(
    what: Annotated[str, typer.Argument(metavar="draft", help="draft: write one.")],
    dataset: Annotated[
        str, typer.Argument(help="A dataset's folder, or a bundled one's name.", autocompletion=dataset_names)
    ],
    out: Annotated[Path | None, typer.Option(help="The claims file to write, say FOLDER/published.toml.")] = None,
) -> None:
    """Draft a claims file of a dataset, places and digits left as "?" for whoever has the paper."""
    one_of(what, ("draft",), "thing to do with claims")
    from casepool.claims import draft_claims

    text = draft_claims(dataset, path=out)
    print(text.rstrip() if out is None else f'wrote {out}: fill in every "?", or take the claim out')
