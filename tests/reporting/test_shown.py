"""Figures show where people look at them, are drawn where they are told, and leave nothing behind elsewhere."""

import gc
import inspect
import sys
import types
import weakref
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import casepool as cp
from casepool.plotting import style
from casepool.plotting.files import KINDS, is_figure, write_figure
from casepool.tables import estimate_table
from tests.reporting.tables import row, two_sources
from tests.trials.test_laws import design

FITS = Path(__file__).parents[1] / "oracle" / "fits"
PNG = b"\x89PNG\r\n\x1a\n"
OF_TRIALS = ("plot_decisions", "plot_further_patients", "plot_operating_characteristics", "plot_power")
PLOTS = sorted(name for name in cp.__all__ if name.startswith("plot_"))


def multiverse() -> pd.DataFrame:
    own = {"interval": "95% CrI", "verdict": "pass", "unit": "ratio"}
    worlds = [row("A vs B", "shrunk", estimate=0.5 + i, lower=0.1, upper=2.0 + i, **own) for i in range(2)]
    return estimate_table(worlds).assign(dates=["as_recorded", "late"])


def tipped() -> pd.DataFrame:
    ratio = {"estimate": 0.5, "lower": 0.1, "upper": 2.0, "unit": "ratio"}
    better = {"unit": "probability", "kind": "probability", "estimate": 0.7, "interval": "", "lower": None}
    rows = [row("A vs B", "shrunk", at=at, **more) for at in (0.0, 1.0) for more in (ratio, better)]
    return estimate_table([*rows, row("A vs B", "shrunk", unit="fraction", kind="bound")])


@pytest.fixture(scope="module")
def asked() -> dict[str, dict]:
    """What every public plot is given; fits have few draws."""
    response_fit, survival_fit = (
        cp.open_fit(FITS / f"{name}.nc") for name in ("objective_response", "overall_survival")
    )
    assessments = pd.DataFrame({"patient": ["a", "a", "b"], "time": [0.0, 3, 1], "size": [10.0, 5, 8]})
    simon = cp.operating_characteristics("simon_two_stage", seed=1, progress=False)
    further = cp.further_patients("basket_berry", "sarcoma_imatinib", rate=0.2, threshold=0.8, more=[1], progress=False)
    return {
        "plot_decisions": {"design": design({"a": 4, "b": 4}, success={"responders": 3}), "first": "a", "second": "b"},
        "plot_further_patients": {"table": further},
        "plot_operating_characteristics": {"table": simon},
        "plot_power": {"table": simon},
        "plot_diagnostics": {"fit": response_fit},
        "plot_effect": {"fit": response_fit, "term": "age"},
        "plot_forest": {"table": two_sources("a", "b")},
        "plot_multiverse": {"table": multiverse()},
        "plot_prior_survival": {"model_or_fit": survival_fit},
        "plot_spider": {"assessments": assessments, "size": "size"},
        "plot_survival": {"fit": survival_fit},
        "plot_survival_check": {"fit": survival_fit},
        "plot_swimmer": {"cases_or_fit": survival_fit},
        "plot_tipping": {"table": tipped()},
        "plot_waterfall": {"cases": "alk_crizotinib"},
    }


@pytest.mark.parametrize("name", PLOTS)
def test_every_plot_is_drawn_on_given_axes_and_nowhere_else(name: str, asked: dict[str, dict]) -> None:
    figure = Figure(figsize=(9, 9))
    left, right = figure.subplots(1, 2)
    before = plt.get_fignums()
    empty = len(right.get_children())
    assert getattr(cp, name)(**asked[name], ax=left) is left
    assert left.get_children()
    assert len(right.get_children()) == empty
    assert figure.get_size_inches().tolist() == [9, 9]
    assert figure.axes[:2] == [left, right]
    assert plt.get_fignums() == before


@pytest.mark.parametrize("name", PLOTS)
def test_a_figure_of_its_own_has_the_size_asked_for_and_is_a_picture(name: str, asked: dict[str, dict]) -> None:
    before = plt.get_fignums()
    ax = getattr(cp, name)(**asked[name], figsize=(7, 5.5))
    assert ax.figure.get_size_inches().tolist() == [7, 5.5]
    assert ax._repr_png_().startswith(PNG)
    assert plt.get_fignums() == before


@pytest.mark.parametrize("name", PLOTS)
def test_a_size_goes_not_with_axes_and_is_two_lengths(name: str, asked: dict[str, dict]) -> None:
    plot = getattr(cp, name)
    assert {"ax", "figsize"} <= set(inspect.signature(plot).parameters)
    with pytest.raises(cp.CasepoolError, match=r"figsize.*has a size already"):
        plot(**asked[name], ax=Figure().subplots(), figsize=(4, 3))
    for size in ((4,), (4, 0), (4, float("inf")), ("4", "3"), (4, 1e5), 4):
        with pytest.raises(cp.CasepoolError, match="no width and height"):
            plot(**asked[name], figsize=size)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """A kernel whose backend shows figures below their cell: pyplot's figures are what it will show."""
    plt.figure()  # pyplot hooks itself into no kernel later
    kernel = types.ModuleType("IPython")
    kernel.get_ipython = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setattr(mpl, "get_backend", lambda **_: "module://matplotlib_inline.backend_inline")
    plt.close("all")
    yield [plt.figure(number) for number in plt.get_fignums()]
    plt.close("all")


def below_the_cell() -> list[Figure]:
    """What the inline backend shows when a cell ends, and forgets."""
    shown = [plt.figure(number) for number in plt.get_fignums()]
    plt.close("all")
    return shown


def test_a_notebook_shows_a_figure_once_as_last_expression_after_it_and_later(notebook: list) -> None:
    ax = cp.plot_forest(two_sources("a"))
    assert below_the_cell() == [ax.figure]  # "ax = ..." and more lines
    ax = cp.plot_forest(two_sources("a"))
    other = cp.plot_multiverse(multiverse())
    assert ax._repr_png_().startswith(PNG)  # the last expression of the cell
    assert below_the_cell() == [other.figure]
    assert ax._repr_png_().startswith(PNG)  # of a later cell
    assert below_the_cell() == []


def test_where_windows_are_open_pyplot_shows_the_figure_and_nothing_else_does() -> None:
    with mpl.rc_context({"interactive": True}):
        ax = cp.plot_forest(two_sources("a"))
        assert plt.get_fignums() == [ax.figure.number]
        assert not hasattr(ax, "_repr_png_")
    plt.close("all")


def test_a_script_keeps_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpl, "get_backend", lambda **_: "module://matplotlib_inline.backend_inline")
    ax = cp.plot_forest(two_sources("a"))  # a script that a notebook started: its backend, and no kernel
    assert plt.get_fignums() == []
    kept = weakref.ref(ax.figure)
    del ax
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("form", style.METADATA)
def test_files_are_the_same_bytes_and_known_as_casepools(form: str, tmp_path: Path) -> None:
    def drawn() -> Axes:
        return cp.plot_forest(two_sources("<b>", r"$\frac{$", "\u05d0\u05d1", "\U0001f600"))

    first, second = (tmp_path / f"{name}.{form}" for name in "ab")
    for path in (first, second):
        write_figure(drawn(), path, form)
    assert first.read_bytes() == second.read_bytes()
    assert is_figure(form, first)
    foreign = tmp_path / f"c.{form}"
    drawn().figure.savefig(foreign)
    assert not is_figure(form, foreign)


def test_the_command_draws_every_plot_that_takes_a_fit_or_cases() -> None:
    drawn = {kind.draw.__name__ for kind in KINDS.values()} | {"plot_forest"}
    assert drawn >= {name for name in PLOTS if name not in ("plot_multiverse", "plot_tipping", *OF_TRIALS)}
