"""The package as a whole: its names, what it imports, and what may not stand in its source."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import casepool as cp

SOURCE = Path(cp.__file__).parent
PROMISED = {
    "load", "read_cases", "list_datasets", "model", "list_models", "build", "fit", "refit", "save_fit", "open_fit",
    "estimates", "contrast", "survival", "classical", "compare", "check", "report", "plot_forest", "plot_survival",
    "audit", "replacement", "codings", "recode", "multiverse", "plot_multiverse",
}  # fmt: skip


def test_every_promised_name_is_there_and_documented() -> None:
    assert set(cp.__all__) >= PROMISED
    for name in cp.__all__:
        thing = getattr(cp, name)
        assert name == "__version__" or thing.__doc__, name
    with pytest.raises(AttributeError):
        _ = cp.nothing


def test_importing_takes_no_heavy_library_along() -> None:
    code = (
        "import sys, casepool; sys.exit(bool({'pymc', 'pytensor', 'arviz', 'matplotlib', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "command", ["cp.load('alk_crizotinib')", "cp.model('overall_survival')", "cp.audit('alk_crizotinib')"]
)
def test_data_models_and_audit_need_no_sampler(command: str) -> None:
    heavy = "{'pymc', 'pytensor', 'nutpie', 'arviz'}"
    code = f"import sys, casepool as cp; {command}; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


FORBIDDEN = {"eval", "exec", "compile", "__import__"}
MODULES = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "urllib", "requests", "socket", "http"}


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_code_is_made_of_data_and_nothing_is_fetched(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FORBIDDEN, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert not {name.split(".")[0] for name in names} & MODULES, f"{path.name}:{node.lineno}"


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("__init__.py")), ids=lambda p: p.parent.name)
def test_a_folder_hands_names_on_and_defines_nothing(path: Path) -> None:
    if path.parent == SOURCE:
        return
    body = ast.parse(path.read_text(encoding="utf-8")).body
    assert all(isinstance(node, ast.ImportFrom | ast.Expr) for node in body)
