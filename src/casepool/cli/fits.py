"""Commands that make fits, and that ask of one whether it may be believed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from casepool.cli.answering import NOT_CONVERGED, NOT_REPRODUCED, printed, stop_if_unconverged
from casepool.cli.options import Data, ModelName, SavedFit, Seed, begun_at, coded
from casepool.cli.program import command
from casepool.commands import CODING, FORCE, QUICK, START, Engine, Quiet
from casepool.completing import fit_names, model_names
from casepool.replacing import read_by, target_of


@command()
def fit(  # noqa: PLR0913, PLR0917 - an option each
    name: ModelName,
    data: Data,
    out: Annotated[Path, typer.Option(help="File to save the fit in.")],
    seed: Seed = 1,
    engine: Engine = None,
    draws: Annotated[int | None, typer.Option(help="Draws of each chain; 1000, or 250 if quick.")] = None,
    tune: Annotated[int | None, typer.Option(help="Warm-up draws of each chain, of nuts alone; 1000.")] = None,
    chains: Annotated[int, typer.Option(help="Chains.")] = 4,
    coding: CODING = None,
    start: START = None,
    quick: QUICK = False,
    force: FORCE = False,
    quiet: Quiet = False,
) -> None:
    """Fit a model to a table and save the draws."""
    from casepool.inference.files import is_saved_fit, save_fit

    target_of(out, is_saved_fit, overwrite=force, inputs=read_by(name, data))
    from casepool.inference.fitting import fit as run

    settings = {"engine": engine, "draws": draws, "tune": tune, "chains": chains, "quick": quick}
    fitted = run(begun_at(name, start), coded(data, coding), seed=seed, progress=not quiet, **settings)  # type: ignore[arg-type]
    save_fit(fitted, out, overwrite=force)
    print(f"saved {out} (seed {seed}{', quick: fewer draws' * quick})")
    stop_if_unconverged([fitted])


@command()
def adopt(
    file: Annotated[
        Path,
        typer.Argument(help="A netCDF file with a group posterior, of the model's unknowns.", autocompletion=fit_names),
    ],
    model: Annotated[str, typer.Option(metavar="MODEL", help="A model's name or file.", autocompletion=model_names)],
    data: Data,
    out: Annotated[Path, typer.Option(help="File to save the fit in.")],
    seed: Annotated[int | None, typer.Option(help="Seed of what is made of the draws; a fit's own, or 1.")] = None,
    extra: Annotated[list[str] | None, typer.Option(help="A name to leave out; may be given several times.")] = None,
    coding: CODING = None,
    force: FORCE = False,
) -> None:
    """Take draws that another sampler made of a model's graph as a fit, and save it."""
    from casepool.inference.files import is_saved_fit, open_tree, save_fit

    target_of(out, is_saved_fit, overwrite=force, inputs=[*read_by(model, data), file])
    from casepool.inference.adoption import adopted

    cases = coded(data, coding)
    fitted = adopted(open_tree(file), model, cases, seed=seed, extra=extra or (), file=str(file))
    save_fit(fitted, out, overwrite=force)
    print(f"saved {out} (adopted: not drawn by casepool)")
    stop_if_unconverged([fitted])


@command()
def check(
    file: SavedFit,
    refits: Annotated[
        bool, typer.Option("--refits", help="Also leave out patients, levels and publications; takes minutes.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Ask of a saved fit whether it may be believed; exit status 3 if the answer is no."""
    from casepool.checking import check as run
    from casepool.inference.files import open_fit

    table = run(open_fit(file), refits=refits, progress=not quiet)
    print(printed(table))
    if "fail" in set(table["verdict"]):
        raise typer.Exit(NOT_CONVERGED)


@command()
def verify(
    file: Annotated[
        Path, typer.Argument(help="A saved fit; or a dataset's folder with its history.", autocompletion=fit_names)
    ],
    known: Annotated[str | None, typer.Option(help="Of a history: the id of a line that you kept elsewhere.")] = None,
    quiet: Quiet = False,
) -> None:
    """Fit a saved fit again and say whether the draws agree; or say whether a dataset's history was changed."""
    from casepool.inference.files import open_fit
    from casepool.living import verify as run

    table = run(file if file.is_dir() else open_fit(file), known=known, progress=not quiet)
    print(printed(table))
    if (table["verdict"] == "fail").any():
        print(f"casepool: {file} does not reproduce", file=sys.stderr)
        raise typer.Exit(NOT_REPRODUCED)
