"""Command lines: any words after any command, damaged files where a fit belongs, output where none may go."""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import typer

import casepool as cp
from benchmarks.hostile import ACCEPT, EITHER, REFUSE, Outcome, Rng, line_faults
from casepool import cli
from casepool.inference import fitting

STATUSES = (0, 2, 3, 4)


@dataclass
class Line:
    """A command line, and what must become of it."""

    words: list[str]
    mutation: str = ""
    verdict: str = EITHER
    told: tuple[str, ...] = ()
    keep: list[Path] = field(default_factory=list)


class SampledError(Exception):
    """A fit got as far as its engine."""


@cache
def fits() -> dict[str, bytes]:
    """Return saved fits by name: of a response and of survival, drawn without a compiler."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made = {}
        for name in ("complete_response_by_surgery", "overall_survival"):
            path = Path(folder) / f"{name}.nc"
            cp.save_fit(cp.fit(name, "alk_crizotinib", seed=1, engine="lockstep", progress=False), path)
            made[name] = path.read_bytes()
    return made


@cache
def commands() -> dict[str, Any]:
    """Return all commands by name, with their parameters as typer knows them."""
    group: Any = typer.main.get_command(cli.app)
    return dict(group.commands)


def stage(folder: Path) -> None:
    """Put what a command line may name into a folder."""
    for name, data in fits().items():
        (folder / f"{name}.nc").write_bytes(data)
    (folder / "cases.csv").write_text("patient,age,best_response\na,3,PR\nb,40,SD\n", encoding="utf-8")
    (folder / "my.toml").write_bytes(cp.model("objective_response").to_toml().encode())
    (folder / "new.csv").write_text("surgery_any\ntrue\nfalse\n", encoding="utf-8")
    (folder / "empty.nc").write_bytes(b"")
    (folder / "text.nc").write_text("no fit", encoding="utf-8")
    private = folder / "private"
    private.mkdir()
    rows = "".join(f"p{i},Name {i},{'PR' if i % 2 else 'SD'}\n" for i in range(8))
    (private / "cases.csv").write_text(f"patient,name,best_response\n{rows}", encoding="utf-8")
    (private / "codebook.toml").write_text(
        'public = false\n[columns.name]\ntype = "category"\n[columns.best_response]\ntype = "category"\n',
        encoding="utf-8",
    )


WORDS = [
    "",
    " ",
    "-",
    "--",
    "nothing",
    "0",
    "-1",
    "nan",
    "inf",
    "1e999",
    "9" * 30,
    "é",
    "a\x1b[31mb",
    "a\nb",
    "{}",
    "%s",
]
WORDS += ["../..", "/", ".", "~", "*", "$HOME", "\udcff", "x" * 5000, "=1+1", "None", "true", "[]", ";", "--help"]
THERE = ["cases.csv", "my.toml", "private", "new.csv", "empty.nc", "text.nc", "complete_response_by_surgery.nc"]
THERE += [
    "overall_survival.nc",
    "alk_crizotinib",
    "objective_response",
    "overall_survival",
    "surgery",
    "histology",
    "age",
]


def any_words(rng: Rng, folder: Path) -> Line:
    """Give a command its arguments and some options, each a word that is there or any word."""
    name = rng.choice(sorted(commands()))
    words = [name]
    for parameter in commands()[name].params:
        if parameter.param_type_name == "argument":
            words.append(_word(rng))
        elif parameter.name != "help" and (parameter.required or rng.random() < 0.3):
            words.append(parameter.opts[0])
            numeric = parameter.name in ("seed", "draws", "tune", "chains", "at", "rope") and rng.random() < 0.9
            words += (
                [] if parameter.is_flag else [_number(rng) if numeric else _word(rng) for _ in range(parameter.nargs)]
            )
    if rng.random() < 0.1:
        words.insert(rng.randint(0, len(words)), _word(rng))
    return Line([word.replace("\x00", "") for word in words])


def _word(rng: Rng) -> str:
    return rng.choice(WORDS if rng.random() < 0.4 else THERE)


def _number(rng: Rng) -> str:
    return rng.choice(["0", "1", "12", "-1", "7", "100000000000", "9" * 30, "1e3"])


def usage(rng: Rng, folder: Path) -> Line:
    """Forget an argument, mistype a command or an option, or give a word where a number belongs."""
    name = rng.choice(["show", "fit", "estimates", "contrast", "classical", "new", "report"])
    words = rng.choice(
        [
            [name, "--nothing"],
            [f"{name}x"],
            [name] if name != "report" else ["report", "extra"],
            ["fit", "objective_response", "--data", "alk_crizotinib", "--out", "x.nc", "--seed", "one"],
            ["estimates", "overall_survival.nc", "--at", "soon"],
            ["contrast", "overall_survival.nc", "--by", "surgery", "--rope", "1"],
            ["show", "objective_response", "extra"],
            ["fit", "objective_response", "--data"],
        ]
    )
    return Line(words, verdict=REFUSE)


def a_fit(rng: Rng, folder: Path) -> Line:
    """Give a damaged, edited or foreign file where a saved fit belongs."""
    command = rng.choice(["estimates", "check", "ledger", "aliasing", "survival", "verify", "power-scaling", "ranking"])
    name = rng.choice(sorted(fits()))
    path = folder / "damaged.nc"
    data = bytearray(fits()[name])
    what = rng.choice(["cut", "flipped", "edited", "edited", "foreign"])
    if what == "cut":
        path.write_bytes(bytes(data[: rng.randrange(len(data) - 1)]))
    elif what == "flipped":
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(data))
    elif what == "edited":
        path.write_bytes(bytes(data))
        _edit(rng, path)
    else:
        path.write_bytes(
            rng.choice([b"", b"CDF\x01" + bytes(60), b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"patient,age\n1,2\n"])
        )
    words = [command, str(path), *(["--by", "surgery"] if command in ("ranking", "ledger") else [])]
    return Line(
        [*words, *(["--quiet"] if command in ("check", "verify", "sensitivity") else [])],
        verdict=REFUSE if what in ("cut", "foreign") else EITHER,
    )


def _edit(rng: Rng, path: Path) -> None:
    """Change or remove an attribute, a variable or a group of a saved fit."""
    import h5py

    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        if rng.random() < 0.5:
            key = rng.choice(sorted(file.attrs))
            value = rng.choice(["", "{", "[]", "null", 5, "nothing", '{"a": 1}', None])
            if value is None:
                del file.attrs[key]
            else:
                file.attrs[key] = value
        else:
            name = rng.choice(names)
            if rng.random() < 0.5 or not hasattr(file[name], "dtype"):
                del file[name]
            elif file[name].dtype.kind == "f":
                file[name][...] = float("nan")


def an_output(rng: Rng, folder: Path) -> Line:
    """Write onto an input, a folder, a pipe, a device or a file of somebody else."""
    os.mkfifo(folder / "pipe")
    (folder / "foreign.nc").write_text("mine", encoding="utf-8")
    (folder / "foreign.html").write_text("mine", encoding="utf-8")
    out = rng.choice(
        [
            "cases.csv",
            "my.toml",
            "pipe",
            ".",
            "private",
            "/dev/null",
            "/dev/full",
            "foreign.nc",
            "nowhere/x.nc",
            "/proc/x",
        ]
    )
    fit = ["fit", str(folder / "my.toml"), "--data", str(folder / "cases.csv"), "--quiet", "--out"]
    report = ["report", "--data", str(folder / "cases.csv"), "--quiet", "--out"]
    words = fit if rng.random() < 0.7 else report
    target = out if out.startswith("/") else str(folder / out)
    force = ["--force"] if rng.random() < 0.4 and out != "foreign.nc" else []
    return Line(
        [*words, target, *force], verdict=REFUSE, keep=[folder / "cases.csv", folder / "my.toml", folder / "foreign.nc"]
    )


def private(rng: Rng, folder: Path) -> Line:
    """Split a private table by names nobody listed."""
    words = [
        "classical",
        "objective_response",
        "--data",
        str(folder / "private"),
        "--by",
        rng.choice(["name", "patient"]),
    ]
    return Line(words, verdict=REFUSE)


def right(rng: Rng, folder: Path) -> Line:
    """Ask what the README shows."""
    response, survival = folder / "complete_response_by_surgery.nc", folder / "overall_survival.nc"
    return Line(
        rng.choice(
            [
                ["datasets"],
                ["models"],
                ["show", rng.choice(cp.list_models())],
                ["show", str(folder / "my.toml")],
                ["validate", "alk_crizotinib"],
                ["validate", str(folder / "cases.csv"), "--csv"],
                ["estimates", str(response), "--by", "surgery"],
                ["estimates", str(survival), "--by", "surgery", "--csv"],
                ["survival", str(survival), "--by", "surgery", "--at", "12", "--at", "24"],
                ["contrast", str(response), "--by", "surgery"],
                ["ledger", str(response), "--by", "surgery"],
                ["predict", str(response), str(folder / "new.csv")],
                ["audit", "alk_crizotinib"],
                ["codings", "alk_crizotinib"],
                ["classical", "overall_survival", "--data", "alk_crizotinib", "--by", "surgery"],
                ["new", str(folder / "made"), "--from", str(folder / "cases.csv")],
            ]
        ),
        verdict=ACCEPT,
    )


MAKERS: list[Callable[[Rng, Path], Line]] = [any_words, any_words, any_words, usage, a_fit, an_output, private, right]


def command(rng: Rng, folder: Path) -> Line:
    """Return a command line and what must become of it."""
    stage(folder)
    make = rng.choice(MAKERS)
    line = make(rng, folder)
    line.mutation = make.__name__
    return line


def called(words: list[str]) -> tuple[Any, str, str]:
    """Run a command line in this process, up to an engine; return status, or what escaped, and what it said."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="surrogateescape") for _ in range(2))
    status: Any = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with mock.patch.object(fitting, "run", side_effect=SampledError("an engine was asked")):
                cli.main(words)
        except SystemExit as left:
            status = left.code or 0
        except Exception as error:
            status = error
    texts = []
    for stream in (out, err):
        with contextlib.suppress(ValueError):
            stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8", "surrogateescape"))
    return status, texts[0], texts[1]


def command_outcome(line: Line, folder: Path) -> Outcome:
    """Run a command line in the folder, and hold status and words against the documents."""
    before = {path: path.read_bytes() for path in line.keep}
    outcome = Outcome(f"{line.mutation}: {line.words[0][:20] if line.mutation != 'any_words' else ''}", line.verdict)
    with contextlib.chdir(folder):
        status, out, err = called(line.words)
    shown = " ".join(line.words)[:150]
    if isinstance(status, SampledError):
        status = 0
        outcome.wrong += [f"sampling began: {shown}"] if line.verdict == REFUSE else []
    outcome.did = "refused" if status == 2 else "accepted"
    if status not in STATUSES:
        outcome.wrong.append(f"left with {status!r}: {shown}")
    if line.verdict == REFUSE and status != 2:
        outcome.wrong.append(f"accepted in silence: {shown}")
    if line.verdict == ACCEPT and status not in (0, 3):
        outcome.wrong.append(f"refused without need: {shown}: {err or out}")
    refusal, _, paste = err.partition("\n\n")  # text to paste stands below, after an empty line
    errors = [text for text in refusal.splitlines() if text]
    outcome.wrong += [f"{paste[:80]!r} is nothing to paste: {shown}"] * bool(paste and not paste.startswith("["))
    if status == 2 and line.words[0] != "validate" and len(errors) != 1:
        outcome.wrong.append(f"{len(errors)} lines on standard error: {shown}: {errors[:3]}")
    outcome.wrong += [f"{said} ({shown})" for text in errors for said in line_faults(text)]
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out):
        outcome.wrong.append(f"a control character on standard output: {shown}")
    outcome.wrong += [f"{path.name} was changed: {shown}" for path, data in before.items() if path.read_bytes() != data]
    return outcome
