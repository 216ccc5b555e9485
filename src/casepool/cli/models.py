"""Commands about models: those that are bundled, what one says, and a first one of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from casepool.cli.options import ModelName
from casepool.cli.program import command
from casepool.completing import dataset_names


@command()
def draft(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="response, ordinal or survival.")],
    cases: Annotated[
        str, typer.Argument(help="A folder, a file, or a bundled dataset's name.", autocompletion=dataset_names)
    ],
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


@command()
def models() -> None:
    """List the bundled models."""
    from casepool.modelling import list_models, model

    for name in list_models():
        print(f"{name}  {model(name).title}")


@command()
def show(name: ModelName) -> None:
    """Print a model: outcome, equation, terms, priors, what they mean, and their reasons."""
    from casepool.modelling import model
    from casepool.modelling.specification.printing import describe

    print(describe(model(name)))
