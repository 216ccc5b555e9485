"""Commands that answer with a table: those of `casepool.commands`, and two that ask more than one function."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from casepool.cli.answering import answered, stop_if_failed, stop_if_unconverged, writable
from casepool.cli.options import SavedFit, Times, coded
from casepool.cli.program import command
from casepool.commands import COMMANDS, CSV, FORCE, OUT, Command, Fits

READ = ("model", "cases", "dataset", "folder", "patients", "design")
"""Arguments of commands that may be files, beside fits."""
By = Annotated[str | None, typer.Option(help="A factor, an exposure or a labelled column; default everyone.")]


@command()
def estimates(
    file: SavedFit,
    by: By = None,
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

    writable(out, force, file)
    fitted = open_fit(file)
    table = run(fitted, by, target=target, at=at or None, above=above, rope=rope)
    answered(table, csv=csv, out=out, force=force)
    stop_if_unconverged([fitted])
    stop_if_failed(table)


@command()
def compare(
    fits: Fits,
    by: By = None,
    at: Times = None,
    raw: Annotated[
        bool | None, typer.Option("--classical/--fits", help="The frequentist answers beside; default of one fit.")
    ] = None,
    csv: CSV = False,
    out: OUT = None,
    force: FORCE = False,
) -> None:
    """Lay the estimates of saved fits side by side, of one fit beside the frequentist answers of its patients."""
    from casepool.estimation import compare as run
    from casepool.estimation import estimates as told
    from casepool.estimation.draws import open_draws
    from casepool.frequentist.answers import classical_of
    from casepool.inference.files import open_fit

    writable(out, force, *fits)
    opened = [open_fit(path) for path in fits]
    tables = [told(one, by, at=at or None) for one in opened]
    beside = map(open_draws, opened if raw or (raw is None and len(opened) == 1) else [])
    tables += [classical_of(own.design, own.cases, own.codebook, by, at or None) for own in beside]
    table = run(*tables)
    answered(table, csv=csv, out=out, force=force)
    stop_if_unconverged(opened)
    stop_if_failed(table)


def _answer(name: str, entry: Command) -> Callable[..., None]:
    """Make the command of a public function that answers with a table."""

    def run(*, csv: bool, out: Path | None, force: bool, **given: Any) -> None:
        from casepool.cases import read_cases
        from casepool.inference.files import open_fit

        values: dict[str, Any] = {key: value for key, value in given.items() if value != []}  # the function's default
        files = values.get("fits", [values["fit"]] if "fit" in values else [])
        writable(out, force, *files, *values.get("designs", ()), *(values[name] for name in READ if values.get(name)))
        fits = [open_fit(path) for path in files]
        if "fits" in values:
            values["fits"] = fits
        elif fits:
            values["fit"] = fits[0]
        if "quiet" in values:
            values["progress"] = not values.pop("quiet")
        if "patients" in values:
            values["patients"] = read_cases(values["patients"])
        if (estimand := values.pop("rope_of", None)) is not None:
            values["rope"] = {estimand: values["rope"]}
        if "coding" in values:
            values["cases"] = coded(values["cases"], values.pop("coding"))
        table = entry.function(name)(**values)
        answered(table, csv=csv, out=out, force=force)
        stop_if_unconverged(fits)
        stop_if_failed(table)

    run.__name__, run.__doc__ = name, entry.does
    run.__signature__ = entry.signature()  # type: ignore[attr-defined]
    run.__annotations__ = {key: one.annotation for key, one in entry.signature().parameters.items()}
    return run


for _name, _entry in COMMANDS.items():
    command(_name.replace("_", "-"))(_answer(_name, _entry))
