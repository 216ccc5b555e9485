"""Cells executed as a notebook executes them: what is the last line of one shows as a table or a picture below it."""

import matplotlib.pyplot as plt
import pytest

import casepool as cp
from tests.presenting.test_answer_tables import Fragment

IPython = pytest.importorskip("IPython")
pytest.importorskip("matplotlib_inline")

CELLS = (
    "%matplotlib inline\nimport casepool as cp",
    'table = cp.estimates(fit, by="histology")\ntable',
    "fit",
    "cp.model('objective_response')",
    "cp.plot_forest(table)",
    "ax = cp.plot_effect(fit, 'age')\nax.set_title('mine');",
)


@pytest.fixture(scope="module")
def shown(response_fit) -> list[dict[str, object]]:
    """What each cell shows, by the kind of content; of a figure that the inline backend shows at the end of one too."""
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    class Shell(InteractiveShell):
        def enable_gui(self, gui: str | None = None) -> None:
            """Do nothing: there is no window."""

    shell = Shell.instance()
    shell.user_ns["fit"] = response_fit
    outputs = []
    for cell in CELLS:
        with capture_output() as captured:
            ran = shell.run_cell(cell, store_history=False)
        ran.raise_error()
        last, _ = shell.display_formatter.format(ran.result) if not cell.endswith(";") else ({}, {})
        outputs.append({kind: data for one in captured.outputs for kind, data in one.data.items()} | last)
    plt.close("all")
    plt.switch_backend("agg")
    Shell.clear_instance()
    return outputs


def test_a_table_a_fit_and_a_model_show_as_html(shown, response_fit) -> None:
    _, table, fit, model, *_ = shown
    own = cp.estimates(response_fit, by="histology")
    assert set(own["level"]) <= set(Fragment(table["text/html"]).cells)
    assert response_fit.name in fit["text/html"]
    assert cp.model("objective_response").title in model["text/html"]


def test_a_plot_shows_as_a_picture_whether_it_ends_its_cell_or_not(shown) -> None:
    import base64

    for picture in (one["image/png"] for one in shown[4:]):
        raw = picture if isinstance(picture, bytes) else base64.b64decode(picture)
        assert raw.startswith(b"\x89PNG")
