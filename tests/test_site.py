"""Laws of the documentation site: nothing public is missing from it, nothing it names is absent, every link holds."""

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path

import pytest
import typer
import xarray as xr

import casepool as cp
from casepool.cases import codebook, coding_keys
from casepool.cases.column import Column
from casepool.claims import files as claim_files
from casepool.cli import app
from casepool.modelling.specification import files as model_files
from casepool.modelling.specification import outcome_keys
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.model import SHAPE_KEYS, keys_of
from casepool.modelling.terms.joint import JOINT_KINDS
from casepool.modelling.terms.kinds import KINDS
from casepool.studies.replacement import KEYS as REPLACEMENT_KEYS
from casepool.studies.replacement import PICKS
from casepool.tables import COLUMNS, POSTERIOR_COLUMNS
from casepool.trials import rules
from casepool.trials.files import TOP

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "generated" not in page.parts)
PUBLIC = sorted(set(cp.__all__) - {"__version__"})
CELL = re.compile(r"```\{code-cell\}\n((?::tags:.*\n\n?)?)(.*?)```", flags=re.DOTALL)


def text_of(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def cells(page: Path) -> str:
    return "\n".join(code for _, code in CELL.findall(page.read_text(encoding="utf-8")))


def typed(page: Path) -> str:
    """Return what a page has in blocks of a terminal, and between backticks."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(?:sh|console)?\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    return "\n".join([*blocks, *re.findall(r"`casepool [^`]*`", text)])


def entries(text: str) -> list[str]:
    """Return what the toctrees of a page list."""
    trees = re.findall(r"```\{toctree\}\n(.*?)```", text, flags=re.DOTALL)
    return [line for tree in trees for line in tree.splitlines() if line and not line.startswith(":")]


def test_the_page_of_functions_lists_every_public_name_once() -> None:
    assert sorted(re.findall(r"^   (\w+)$", text_of("reference/api.md"), flags=re.MULTILINE)) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_docstring_shows_a_call_and_where_the_analysis_goes(name: str) -> None:
    told = inspect.getdoc(getattr(cp, name)) or ""
    _, _, example = told.partition("Examples\n--------\n")
    assert f"cp.{name}" in example or name in ("Model", "TrialDesign")
    _, _, rest = told.partition("See Also\n--------\n")
    also = rest.split("\n\n")[0].split(", ")
    assert name not in also
    assert set(also) <= set(PUBLIC)


def test_every_page_is_reached_from_the_first() -> None:
    reached, waiting = set(), [DOCS / "index.md"]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            listed = entries(page.read_text(encoding="utf-8"))
            waiting += [(page.parent / f"{name}.md").resolve() for name in listed]
    assert reached == {page.resolve() for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_inside_hold(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)):
        if not link.startswith(("http", "#")):
            assert (page.parent / link.partition("#")[0]).exists(), link


@pytest.mark.parametrize("page", [page for page in PAGES if cells(page)], ids=lambda page: page.stem)
def test_code_on_a_page_calls_what_there_is(page: Path) -> None:
    """The build runs it; names and arguments are looked at here, which costs nothing."""
    for node in ast.walk(ast.parse(cells(page))):
        if isinstance(node, ast.Call) and (named := re.fullmatch(r"cp\.(\w+)", ast.unparse(node.func))):
            called = named[1]
            assert called in PUBLIC, called
            taken = inspect.signature(getattr(cp, called)).parameters
            assert {word.arg for word in node.keywords if word.arg} <= set(taken), called
            assert len(node.args) <= len(taken) or any(one.kind is one.VAR_POSITIONAL for one in taken.values())


def test_the_gallery_shows_every_plot_by_its_name() -> None:
    shown = dict(
        re.findall(r"^## (plot_\w+)\n\n(.*?)(?=^## |\Z)", text_of("gallery.md"), flags=re.DOTALL | re.MULTILINE)
    )
    assert sorted(shown) == [name for name in PUBLIC if name.startswith("plot_")]
    assert all(f"cp.{name}(" in section for name, section in shown.items())


def test_the_page_of_the_estimate_table_has_its_columns_in_order() -> None:
    rows = re.findall(r"^\| (`.*?) \|", text_of("reference/estimate_table.md"), flags=re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(\w+)`", row)] == [*COLUMNS, *POSTERIOR_COLUMNS]


def test_the_page_of_the_fit_has_its_groups_and_attributes(
    survival_fit: xr.DataTree, response_fit: xr.DataTree
) -> None:
    groups, attributes = text_of("reference/fit.md").split("| attribute |")
    named = {part: set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", text, flags=re.MULTILINE))))
             for part, text in (("groups", groups), ("attributes", attributes))}  # fmt: skip
    both = (survival_fit, response_fit)
    asked_for = {"prior", "prior_predictive", "posterior_predictive"}
    assert named["groups"] - asked_for == {name for fit in both for name in fit.children} - asked_for
    at_times = {"checks", "report_start"}  # once `check` was asked; where the model leaves the start open
    assert named["attributes"] - at_times == {name for fit in both for name in fit.attrs} - at_times


MODEL_KEYS = {
    *("title", "family", "outcome", "terms", "exposure", "priors", "selection", "evidence", "kind"),
    *model_files.FORM_KEYS, *SHAPE_KEYS, *outcome_keys.RESPONSE_KEYS, *outcome_keys.SURVIVAL_KEYS, *keys_of(Exposure),
    *(key for kind in (*KINDS.values(), *JOINT_KINDS.values()) for key in keys_of(kind)),
}  # fmt: skip
CODEBOOK_KEYS = {
    *(set(codebook.KEYS) - {*codebook.FOUND, codebook.LINKED, codebook.ROWS_OF}), *codebook.FILE_KEYS,
    *coding_keys.KEYS, *(own.name for own in fields(Column) if own.name != "name"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("page", "keys"),
    [
        ("files.md", MODEL_KEYS),
        ("files.md", CODEBOOK_KEYS),
        ("claims.md", {*claim_files.REQUIRED, *claim_files.OPTIONAL, *REPLACEMENT_KEYS, *PICKS}),
        ("trials.md", {*TOP, *(key for keys in rules.KEYS.values() for key in keys)}),
    ],
    ids=["model", "codebook", "claims", "trials"],
)
def test_every_key_a_reader_takes_is_documented(page: str, keys: set[str]) -> None:
    told = set(re.findall(r"\w+", text_of(page)))
    assert len(keys) > 8
    assert keys <= told, keys - told


def test_every_command_the_pages_type_exists() -> None:
    known = set(typer.main.get_command(app).commands)
    named = {
        command
        for page in PAGES
        for command in re.findall(r"(?:^|uv run |`)casepool ([a-z][\w-]+)", typed(page), flags=re.MULTILINE)
    }
    assert {"report", "validate", "new"} <= named
    assert named <= known, named - known
