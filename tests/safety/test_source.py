"""No code is made of data, nothing is fetched, no process started: read off the syntax tree of every module."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import casepool as cp

SOURCE = Path(cp.__file__).parent
RUNS_CODE = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
DUNDERS = {"__globals__", "__builtins__", "__subclasses__"}
METHODS = {
    "eval", "query", "read_pickle", "to_pickle", "unsafe_load", "full_load", "system", "popen", "execv", "execve",
    "spawnv", "fork", "startfile", "from_string", "from_formula", "read_html", "read_clipboard",
}  # fmt: skip
"""Methods and functions of modules that run text, or objects, or programs."""
MODULES = {
    "pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle", "yaml", "runpy", "code", "codeop",
    "imp", "ctypes", "subprocess", "pty", "multiprocessing", "patsy", "formulae", "formulaic", "bambi", "statsmodels",
    "socket", "ssl", "http", "urllib", "urllib3", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "poplib",
    "imaplib", "telnetlib", "xmlrpc", "socketserver", "webbrowser", "fsspec", "pooch",
}  # fmt: skip
PARSERS = {"modelling/formulas/parsing.py": {"formulae.parser", "formulae.scanner"}}
"""Parts of those modules that make a tree of a text and run nothing, and the one file that may have them."""
TRUSTING = {"allow_pickle", "shell", "trust", "unsafe"}
"""Arguments that switch a safe function into one that trusts its input."""
DYNAMIC = {"__init__.py"}
"""Where a module may be imported by a name that is not written out there: the public names, from a fixed list."""


def offences(code: str, file: str = "module.py") -> Iterator[str]:
    """What in a module could run a user's text, start a process or reach a network."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _imports(node, file)
        elif isinstance(node, ast.Attribute) and node.attr in METHODS | {
            "__globals__",
            "__builtins__",
            "__subclasses__",
        }:
            yield f"attribute {node.attr}"
        elif isinstance(node, ast.Name) and node.id in RUNS_CODE | {"__builtins__"}:
            yield f"name {node.id}"
        elif isinstance(node, ast.Call):
            yield from (
                f"argument {k.arg}" for k in node.keywords if k.arg in TRUSTING and getattr(k.value, "value", True)
            )
            yield from _calls(node)


def _imports(node: ast.Import | ast.ImportFrom, file: str) -> Iterator[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    barred = [name for name in names if name.split(".")[0] in MODULES]
    yield from (f"module {name}" for name in barred if name not in PARSERS.get(file, ()))
    if names == ["importlib"] and file not in DYNAMIC:
        yield "module importlib"


def _calls(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name == "Environment" and not any(k.arg == "autoescape" and k.value.value is True for k in node.keywords):
        yield "a template environment that escapes nothing"
    if name in ("getattr", "setattr") and isinstance(node.args[1], ast.Constant) and node.args[1].value in METHODS:
        yield f"attribute {node.args[1].value}"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_module_runs_text_starts_a_process_or_reaches_a_network(path: Path) -> None:
    assert not list(offences(path.read_text(encoding="utf-8"), str(path.relative_to(SOURCE))))


@pytest.mark.parametrize(
    "planted",
    [
        "eval(text)",
        "run = exec",
        "compile(text, 'f', 'exec')",
        "frame.eval('a + b')",
        "frame.query(text)",
        "import pickle",
        "from pickle import loads",
        "import yaml.loader",
        "import subprocess as s",
        "from urllib.request import urlopen",
        "import formulae",
        "from formulae.parser import Parser",
        "os.system(text)",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "importlib.import_module(name); import importlib",
        "Environment(loader=loader)",
        "Environment(autoescape=False)",
        "getattr(frame, 'query')(text)",
        "().__class__.__subclasses__()",
    ],
)
def test_what_is_forbidden_is_found(planted: str) -> None:
    assert list(offences(planted))


@pytest.mark.parametrize("planted", ["import formulae", "from formulae import design_matrices", "import patsy"])
def test_a_file_that_may_parse_may_do_no_more(planted: str) -> None:
    (file,) = PARSERS
    assert list(offences(planted, file))


@pytest.mark.parametrize("harmless", ["re.compile(text)", "json.loads(text)", "np.load(path, allow_pickle=False)"])
def test_what_is_harmless_is_not(harmless: str) -> None:
    assert not list(offences(harmless))


def test_markup_is_made_in_few_places_only() -> None:
    """Text becomes markup where it was escaped just before: words, drawings, and our own style sheet."""
    places = {
        path.name: path.read_text(encoding="utf-8").count("Markup(")
        for path in SOURCE.rglob("*.py")
        if "Markup(" in path.read_text(encoding="utf-8")
    }
    assert places == {"escaping.py": 1, "assembly.py": 2, "drawing.py": 1, "minis.py": 1}
    template = (SOURCE / "reporting" / "templates" / "report.html.j2").read_text(encoding="utf-8")
    assert "|safe" not in template.replace(" ", "")


def generators(code: str) -> Iterator[str]:
    """Where a module makes random numbers of its own: any use of a name of numpy.random or of the module random."""
    makers = {"default_rng", "RandomState", "SeedSequence"}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Attribute):
            module = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if module == "random" and node.attr != "Generator":
                yield f"attribute random.{node.attr}"
            elif node.attr in makers:
                yield f"attribute {node.attr}"
        elif isinstance(node, ast.ImportFrom) and node.module in ("random", "numpy.random"):
            yield from (f"name {alias.name}" for alias in node.names if alias.name != "Generator")
        elif isinstance(node, ast.Import):
            yield from (f"module {alias.name}" for alias in node.names if alias.name in ("random", "numpy.random"))


def test_random_numbers_come_from_named_streams_only() -> None:
    found = {p.name for p in SOURCE.rglob("*.py") if list(generators(p.read_text(encoding="utf-8")))}
    assert found == {"random_streams.py"}


@pytest.mark.parametrize(
    "planted",
    [
        "rng = np.random.default_rng(1)",
        "from numpy.random import default_rng",
        "numpy.random.normal()",
        "import random",
        "from random import gauss",
        "import numpy.random as r; r.default_rng(1)",
        "make = r.RandomState",
    ],
)
def test_a_stream_without_a_name_is_found(planted: str) -> None:
    assert list(generators(planted))


def test_a_given_generator_is_no_stream_of_its_own() -> None:
    assert not list(generators("def draw(rng: np.random.Generator):\n    return rng.random(3)"))
