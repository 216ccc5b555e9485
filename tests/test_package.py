"""The package as a whole: its names, and what it imports."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import casepool as cp

SOURCE = Path(cp.__file__).parent
ROOT = Path(__file__).parents[1]
PROMISED = {
    "load", "read_cases", "list_datasets", "model", "list_models", "build", "fit", "refit", "save_fit", "open_fit",
    "estimates", "contrast", "survival", "classical", "compare", "check", "report", "plot_forest", "plot_survival",
    "audit", "replacement", "codings", "recode", "multiverse", "plot_multiverse", "verify", "write_table",
}  # fmt: skip


def test_every_promised_name_is_there_and_documented() -> None:
    assert set(cp.__all__) >= PROMISED
    for name in cp.__all__:
        thing = getattr(cp, name)
        assert name == "__version__" or thing.__doc__, name
    with pytest.raises(AttributeError):
        _ = cp.nothing


def test_the_version_is_the_same_wherever_it_stands() -> None:
    """What a fit writes down is the version of what is installed; the others are read by people."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    newest = re.search(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {cp.__version__, version("casepool"), cited[1]} == {project["version"]}
    release = project["version"].partition(".dev")[0]
    assert newest[1] == (f"Unreleased ({release})" if ".dev" in project["version"] else release)


def test_importing_takes_no_heavy_library_along() -> None:
    code = (
        "import sys, casepool; sys.exit(bool({'pymc', 'pytensor', 'arviz', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_data_models_and_audit_need_no_sampler() -> None:
    heavy = "{'pymc', 'pytensor', 'nutpie', 'arviz'}"
    asked = "cp.load('alk_crizotinib'), cp.model('overall_survival'), cp.audit('alk_crizotinib')"
    code = f"import sys, casepool as cp; {asked}; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


HEAVY = ("scipy.stats", "scipy.optimize", "scipy.interpolate", "arviz", "matplotlib", "llvmlite", "numba", "pymc")
TABLES = {
    "objective_response": "[cp.estimates(fit), cp.ledger(fit, 'histology'), cp.ranking(fit, 'histology')]",
    "overall_survival": "[cp.survival(fit)]",
    "m_spline": "[cp.survival(fit), cp.ledger(fit, 'sex'), cp.ranking(fit, 'sex', at=6)]",
}
LAID_DOWN = """
from casepool.inference.agreement import agreement
from casepool.inference.fit_contents import cases_of, data_groups, machine
from casepool.inference.predictive import predictive_groups
from casepool.estimation.draws import open_draws
from casepool.modelling.design.density import Density
from casepool.modelling.design.likelihood import pointwise
from casepool.modelling.families.arrays import NUMPY
opened, cases = open_draws(fit), cases_of(fit)
design, draws = opened.design, opened.parameters
agreement(design, cases, draws, 1), data_groups(design, cases), machine("exact"), pointwise(design, draws)
Density(design).log_prior(draws, NUMPY), predictive_groups(design, fit["posterior"].to_dataset(), draws, 1)
"""
"""All that is made of draws when a model is fitted."""


@pytest.mark.parametrize("name", TABLES)
def test_what_is_made_of_draws_and_its_tables_load_nothing_heavy(name: str) -> None:
    file = str(ROOT / "tests" / "oracle" / "fits" / f"{name}.nc")
    opened = f"import sys, casepool as cp\nfit = cp.open_fit({file!r})"
    code = f"{opened}\n{LAID_DOWN}\nprint({TABLES[name]}, file=sys.stderr)\nprint(*sorted(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "casepool.estimation.ranks" in loaded
    assert not [name for name in loaded for heavy in HEAVY if f"{name}.".startswith((f"{heavy}.", f"{heavy}_"))]


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("__init__.py")), ids=lambda p: p.parent.name)
def test_a_folder_hands_names_on_and_defines_nothing(path: Path) -> None:
    if path.parent == SOURCE:
        return
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert all(isinstance(node, ast.ImportFrom | ast.Expr) for node in body)
