"""How the site is made: ``uv run --group docs sphinx-build -W --keep-going docs build/site``."""

import os
import re
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

import casepool

os.environ["COLUMNS"] = "88"  # the width of tables on the pages that are run

project = "casepool"
author = "The casepool developers"
version = release = casepool.__version__
extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
]
exclude_patterns = ["jupyter_execute"]

autosummary_generate = True
default_role = "autolink"
autodoc_typehints = "none"  # numpydoc's sections tell types, in words
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_timeout = 300
nb_execution_raise_on_error = True
nb_execution_excludepatterns = ["command_line.md"]
nb_execution_in_temp = True
nb_output_stderr = "remove"  # what is said while work goes on
nb_ipywidgets_js = {}  # nothing is fetched by the pages

html_theme = "pydata_sphinx_theme"
html_title = "casepool"
html_static_path = ["_static"]
html_css_files = ["casepool.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_align": "left",
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "use_edit_page_button": False,
}
copyright = author

OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./(?:benchmarks|models|data|README)[^)]*\)")


def _named_only(_: Sphinx, __: str, text: list[str]) -> None:
    """Name files of the repository that are no pages of the site, where a page on the repository links to them."""
    text[0] = OUTSIDE.sub(r"`\1`", text[0])


REMOTE = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")


def _nothing_remote(app: Sphinx, error: Exception | None) -> None:
    """Refuse a site that would load anything from elsewhere."""
    for page in () if error else sorted(Path(app.outdir).rglob("*.html")):
        if found := REMOTE.search(page.read_text(encoding="utf-8")):
            raise ExtensionError(f"{page.name} loads what lies elsewhere: {found[0]}")


def setup(app: Sphinx) -> None:
    """Hand Sphinx what this site adds."""
    app.connect("source-read", _named_only)
    app.connect("build-finished", _nothing_remote)
    app.add_lexer("csv", TextLexer)
