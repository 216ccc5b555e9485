"""Every way out of the package: hostile labels come out as text."""

import csv
import io
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes

import casepool as cp
from casepool.cli import main
from casepool.cli.pages import FORMATS
from casepool.escaping import csv_cell, literal, one_line, printable
from casepool.tables import estimate_table
from tests.reporting.pages import Page
from tests.reporting.tables import row
from tests.safety.labels import HOSTILE
from tests.safety.test_escaping import read_latex

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def table(hostile_response: xr.DataTree) -> pd.DataFrame:
    return cp.estimates(hostile_response, "histology")


def svg_of(ax: Axes) -> ElementTree.Element:
    """The figure as SVG with its texts as text, read by an XML parser that refuses what is none."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none"}):
        ax.get_figure(root=True).savefig(buffer, format="svg")
    return ElementTree.fromstring(buffer.getvalue())


def harmless_svg(ax: Axes) -> list[str]:
    root = svg_of(ax)
    assert not {element.tag.removeprefix(SVG) for element in root.iter()} & {"script", "a", "image", "foreignObject"}
    texts = ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
    assert max(map(len, texts)) < 300
    return texts


def test_a_csv_file_computes_nothing_and_its_numbers_are_numbers(table: pd.DataFrame, tmp_path: Path) -> None:
    odd = table.assign(estimate=-table["estimate"])
    path = cp.write_table(odd, tmp_path / "table.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["level"] for r in rows] == [csv_cell(label) for label in table["level"]]
    assert sum(r["level"].startswith("'") for r in rows) == 3
    assert [float(r["estimate"]) for r in rows] == odd["estimate"].tolist()
    assert all(float(r["estimate"]) < 0 for r in rows)


def test_the_command_line_prints_the_same_csv(hostile_response, table, tmp_path: Path, capsys) -> None:
    path = cp.save_fit(hostile_response, tmp_path / "fit.nc")
    with pytest.raises(SystemExit):
        main(["estimates", str(path), "--by", "histology", "--csv"])
    printed = capsys.readouterr().out
    cp.write_table(table, tmp_path / "t.csv")
    assert printed.removesuffix("\n") == (tmp_path / "t.csv").read_text(encoding="utf-8")
    with pytest.raises(SystemExit):
        main(["estimates", str(path), "--by", "histology"])
    shown = capsys.readouterr().out
    assert printable(shown) == shown


def test_html_has_no_tag_but_those_of_the_table(table: pd.DataFrame, tmp_path: Path) -> None:
    page = Page(cp.write_table(table, tmp_path / "table.html", every_column=True))
    assert {tag for tag, _ in page.elements} == {"html", "meta", "title", "table", "tr", "th", "td", "bdi"}
    assert not page.unclosed
    for label in HOSTILE:
        if len(label) < 200:
            assert " ".join(printable(label).split()) in page.text


def test_latex_sets_every_label(table: pd.DataFrame, tmp_path: Path) -> None:
    lines = cp.write_table(table, tmp_path / "table.tex", every_column=True).read_text(encoding="utf-8").splitlines()
    body = [line.removesuffix(r" \\").split(" & ") for line in lines if line.endswith(r"\\")]
    assert len(body) == len(table) + 1
    assert {len(cells) for cells in body} == {len(table.columns)}
    assert [read_latex(cells[2]) for cells in body[1:]] == [one_line(label) for label in table["level"]]
    assert all(cells[13].startswith("$") and cells[13].endswith("$") for cells in body[1:])


def test_markdown_has_a_cell_per_column(table: pd.DataFrame, tmp_path: Path) -> None:
    path = cp.write_table(table, tmp_path / "table.md", every_column=True)
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    assert {line.replace("\\\\", "").replace("\\|", "").count("|") for line in lines} == {len(table.columns) + 1}
    assert "<script" not in "\n".join(lines)


def test_no_label_acts_in_the_layout(table: pd.DataFrame, tmp_path: Path) -> None:
    page = Page(cp.write_table(table, tmp_path / "table.html"))
    assert {tag for tag, _ in page.elements} & {"script", "a", "img", "style", "iframe"} == set()
    lines = cp.write_table(table, tmp_path / "table.tex").read_text(encoding="utf-8").splitlines()
    body = [line.removesuffix(r" \\").split(" & ") for line in lines if line.endswith(r"\\")]
    whole = [one_line(label) for label in table["level"]]
    assert [read_latex(cells[0]) for cells in body[1:]] == [text[:999] + "…" * (len(text) > 1000) for text in whole]
    text = cp.write_table(table, tmp_path / "table.md").read_text(encoding="utf-8")
    assert "<script" not in text


def test_another_ending_is_refused(table: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(cp.CasepoolError, match=r"end the name in \.csv, \.docx, \.html, \.md, \.tex, \.xlsx"):
        cp.write_table(table, tmp_path / "table.pdf")


@pytest.fixture(scope="module")
def audited() -> pd.DataFrame:
    return cp.audit("alk_crizotinib")


@pytest.mark.parametrize("form", FORMATS)
def test_an_audit_prints_hostile_text_as_text(audited: pd.DataFrame, form: str) -> None:
    claims = audited.iloc[[0] * len(HOSTILE)].reset_index(drop=True)
    for column in ("where", "printed", "evidence"):
        claims[column] = list(HOSTILE)
    claims["verdict"] = "differs"
    out = FORMATS[form](claims)
    if form == "json":
        assert [r["printed"] for r in json.loads(out)] == list(HOSTILE)
        return
    assert printable(out) == out
    assert form == "table" or "<script" not in out


def test_every_figure_draws_hostile_labels_as_they_are(hostile_response, table, private_survival, tmp_path) -> None:
    drawn = harmless_svg(cp.plot_forest(table))
    for label in HOSTILE:
        assert literal(label).replace(r"\$", "$").strip() in [text.strip() for text in drawn]
    harmless_svg(cp.plot_effect(hostile_response, "age"))
    curves = cp.plot_survival(private_survival, by="site")
    harmless_svg(curves)
    assert any("<script>" in text.get_text() for text in curves.legend_.texts)


@pytest.mark.parametrize("label", HOSTILE, ids=range(len(HOSTILE)))
def test_figures_of_studies_draw_them_too(label: str) -> None:
    worlds = [
        row(label, "shrunk", estimand=label, estimate=0.5 + i, lower=0.1, upper=2.0 + i, unit="ratio")
        | {"interval": "95% CrI", "verdict": "pass"}
        for i in range(2)
    ]
    many = estimate_table(worlds).assign(**{label: ["as_recorded", label]})
    harmless_svg(cp.plot_multiverse(many))
    better = {
        "unit": "probability",
        "kind": "probability",
        "estimate": 0.7,
        "interval": "",
        "estimand": label,
        "level": label,
    }
    tips = estimate_table(
        [*(w | {"at": i / 2} for i, w in enumerate(worlds)), *(better | {"at": i / 2} for i in range(2))]
    )
    tips = pd.concat([tips, tips.tail(1).assign(unit="fraction", at=math.nan)], ignore_index=True)
    harmless_svg(cp.plot_tipping(tips))


def test_a_report_is_text_and_the_only_file_written(hostile_response: xr.DataTree, tmp_path: Path) -> None:
    page = Page(cp.report(hostile_response, tmp_path / "report.html", progress=False))
    assert not page.unclosed
    tags = [tag for tag, _ in page.elements]
    assert not {*tags} & {"object", "iframe"}
    assert tags.count("script") == 1  # the page's own
    assert not [label for label in HOSTILE if "<" in label and label in page.source]
    assert not page.attributes("src")
    assert not page.attributes("onerror")
    assert max(len(word) for word in page.text.split()) <= 200
    assert printable(page.source) == page.source
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert not list(tmp_path.parent.glob("x*"))


@pytest.mark.parametrize("label", [label for label in HOSTILE if len(label) < 100])
def test_an_error_is_one_line_without_what_acts(label: str) -> None:
    said = str(cp.CasepoolError(f"bad {label}", row=f"row 1 ({label})", value=label, remedy="mend it"))
    assert one_line(said) == said
