"""Commands about the trials that follow from cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from casepool.cli.options import Seed
from casepool.cli.program import command
from casepool.commands import FORCE, Quiet
from casepool.replacing import read_by, target_of


@command()
def trials() -> None:
    """List the bundled designs of trials."""
    from casepool.trials.files import list_trials, trial_design

    for name in list_trials():
        print(f"{name}  {trial_design(name).title}")


@command()
def calibrate(
    design: Annotated[str, typer.Argument(help="The design of a trial: a name or a file.")],
    at: Annotated[float, typer.Option(help="The largest error allowed.")],
    out: Annotated[Path, typer.Option(help="The design to write.")],
    error: Annotated[str, typer.Option(help="family_wise or basket.")] = "family_wise",
    over: Annotated[str, typer.Option(help="null, or configurations: strong control.")] = "null",
    seed: Seed = 1,
    trials: Annotated[int, typer.Option(help="Trials simulated for each pattern.")] = 10_000,
    force: FORCE = False,
    quiet: Quiet = False,
) -> None:
    """Set a design's threshold of success so that it errs no more often than is allowed."""
    path = target_of(out, lambda _: False, overwrite=force, inputs=read_by(design))
    from casepool.trials import calibrate as run
    from casepool.writing import write_atomically

    found = run(design, at=at, error=error, over=over, seed=seed, trials=trials, progress=not quiet)
    write_atomically(path, found.to_toml().encode())
    print(found.calibration.says() if found.calibration else "", f"wrote {out}", sep="\n")
