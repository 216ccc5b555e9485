"""The program that all commands belong to: its help, its version, and its misuse told in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer
import typer.core

import casepool
from casepool.cli.examples import example_of, grouped
from casepool.errors import CasepoolError
from casepool.escaping import shorten

NAME = "casepool"
LONGEST_USAGE = 300
"""Characters of what the parser says of words it does not take, which repeats them."""
WIDEST = 100
"""Columns of the help where the terminal has more."""
STATUSES = "Exit status: 0; 2 on bad input; 3 without convergence; 4 where a fit does not reproduce."


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Refuse words that no command takes as everything else is refused."""
    try:
        yield
    except Exception as error:
        said, context = getattr(error, "format_message", None), getattr(error, "ctx", None)
        if said is None:  # none of the parser's, whose class has another name in every version
            raise
        of = f"{NAME} {context.info_name}" if context and context.parent else NAME
        problem = shorten(said().rstrip("."), LONGEST_USAGE)
        raise CasepoolError(problem[:1].lower() + problem[1:], remedy=f"{of} --help says what it takes") from None


class _Commands(typer.core.TyperGroup):
    """The commands by group, whose misuse is told in one line."""

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        with _in_one_line() if args else nullcontext():  # without a word the parser prints its help
            return super().make_context(info_name, args, *more, **extra)

    def invoke(self, ctx: Any) -> Any:
        with _in_one_line():
            return super().invoke(ctx)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write every command with its whole summary, group by group."""
        for head, names in grouped(self.commands).items():
            with formatter.section(head):
                formatter.write_dl([(name, _summary(self.commands[name])) for name in names])


class _Command(typer.core.TyperCommand):
    """A command, with an example below its help."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        if example := example_of(self.name or ""):
            with formatter.section("Example"):
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")  # unbroken, so that it can be copied


def _summary(command: Any) -> str:
    """Return the first paragraph of a command's help, on one line."""
    return " ".join((command.help or "").split("\n\n")[0].split())


app = typer.Typer(
    cls=_Commands,
    help="Bayesian hierarchical analysis of rare-disease case data.",
    epilog=f"{NAME} COMMAND --help explains a command and shows an example.\n\n{STATUSES}",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": WIDEST},
)


def _say_version(asked: bool) -> None:
    if asked:
        print(f"{NAME} {casepool.__version__}")
        raise typer.Exit


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_say_version, help="Print the version and leave.")
    ] = False,
) -> None:
    """Bayesian hierarchical analysis of rare-disease case data."""


def command(name: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command, of its own name unless another is given."""
    return app.command(name, cls=_Command)
