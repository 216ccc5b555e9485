"""The page on the command line, written from the commands themselves: ``python -m tests.command_page``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from casepool.cli import app
from casepool.cli.examples import example_of, grouped

PAGE = Path(__file__).parents[1] / "docs" / "command_line.md"
END = "<!-- Below, the commands' own words: python -m tests.command_page -->"
"""What stands above is written by hand."""


def written() -> str:
    """Return the page: what was written by hand, and every command as it explains itself."""
    by_hand, _, _ = PAGE.read_text(encoding="utf-8").partition(END)
    return f"{by_hand}{END}\n\n" + "\n".join(_commands()).rstrip() + "\n"


def _commands() -> Iterator[str]:
    group: Any = typer.main.get_command(app)
    for head, names in grouped(group.commands).items():
        yield f"## {head}\n"
        for name in names:
            command = group.commands[name]
            yield f"### {name}\n\n{inspect.cleandoc(command.help)}\n\n```sh\n{example_of(name)}\n```\n"
            yield from _parameters(command)


def _parameters(command: Any) -> Iterator[str]:
    rows = [(_called(one), one.help) for one in command.params if one.name != "help"]
    if rows:
        yield "| | |\n|---|---|"
        yield from (f"| {name} | {text} |" for name, text in rows)
        yield ""


def _called(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return (parameter.metavar or parameter.name).upper().join(["`", "`"])
    return ", ".join(f"`{name}`" for name in [*parameter.opts, *parameter.secondary_opts])


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
