"""A circle of imports is found however it is closed, and nothing else is taken for one."""

from pathlib import Path

import pytest

from tests.circles import circles, graph, main, modules

LATE = "def f():\n    from p.a import x\n"
TYPES = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from p.a import x\n"


def planted(folder: Path, files: dict[str, str]) -> list[Path]:
    """Write packages; return their folders."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        (path.parent / "__init__.py").touch()
    return [folder / name for name in dict.fromkeys(file.partition("/")[0] for file in files)]


def found(folder: Path, files: dict[str, str]) -> list[list[str]]:
    return circles(graph(modules(*planted(folder, files))))


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"p/a.py": "from p.b import y", "p/b.py": "from p.a import x"}, ["p.a", "p.b"]),
        ({"p/a.py": "import p.b", "p/b.py": "import p.c", "p/c.py": "import p.a"}, ["p.a", "p.b", "p.c"]),
        ({"p/a.py": "from p import b", "p/b.py": "from p import a"}, ["p.a", "p.b"]),
        ({"p/a.py": "from . import b", "p/b.py": "from .a import x"}, ["p.a", "p.b"]),
        ({"p/a.py": "from p.b import y", "p/b.py": LATE}, ["p.a", "p.b"]),
        ({"p/a.py": "from p.b import y", "p/b.py": TYPES}, ["p.a", "p.b"]),
        ({"p/a.py": "import p", "p/__init__.py": "from p.b import x", "p/b.py": "import p.a"}, ["p", "p.a", "p.b"]),
        ({"p/a.py": "from p import x", "p/__init__.py": "from p.a import x"}, ["p", "p.a"]),
        ({"p/a.py": "import p", "p/__init__.py": TYPES}, ["p", "p.a"]),
        ({"p/a.py": "from p import *", "p/__init__.py": LATE}, ["p", "p.a"]),
        ({"p/a.py": "from . import x", "p/__init__.py": "from .a import x"}, ["p", "p.a"]),
        ({"p/q/a.py": "from .. import x", "p/__init__.py": "from p.q.a import x"}, ["p", "p.q.a"]),
        ({"p/a.py": "from p import b", "p/b.py": "", "p/__init__.py": "from p.a import b"}, ["p", "p.a"]),
        ({"p/a.py": "import q.b", "q/b.py": "", "q/__init__.py": "import p.a"}, ["p.a", "q"]),
        ({"p/a.py": "from p.a import x"}, ["p.a"]),
    ],
)  # fmt: skip
def test_a_planted_circle_is_found_with_its_files(tmp_path: Path, files: dict[str, str], circle: list[str]) -> None:
    assert found(tmp_path, files) == [circle]


@pytest.mark.parametrize(
    "files",
    [
        {"p/a.py": "from p.b import y", "p/b.py": "import json"},
        {"p/a.py": "from p import b", "p/b.py": "", "p/__init__.py": "from p.a import x"},
        {"p/a.py": "import p.b", "p/b.py": "", "p/__init__.py": "from p.b import y\nfrom p.a import x"},
        {"p/a.py": "import q.b", "q/b.py": "import q.c", "q/c.py": "", "q/__init__.py": "import q.b"},
        {"p/a.py": "import p.b", "p/b.py": "'import p.a'  # import p.a"},
    ],
)
def test_what_is_no_circle_is_not(tmp_path: Path, files: dict[str, str]) -> None:
    assert not found(tmp_path, files)


def test_two_circles_are_told_apart_and_their_files_and_lines_are_named(tmp_path: Path, capsys) -> None:
    one = {"p/a.py": "import json\nimport p.b", "p/b.py": LATE}
    two = {"q/a.py": "import p.a, q.b", "q/b.py": "import q.a"}
    assert main(*planted(tmp_path, one | two)) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("a circle")] == ["a circle of 2 files:"] * 2
    assert lines[1].endswith("a.py imports p.b (line 2)")
    assert lines[2].endswith("b.py imports p.a (line 2)")
    assert main(*planted(tmp_path / "other", {"r/a.py": "import json"})) == 0
    assert not capsys.readouterr().out
