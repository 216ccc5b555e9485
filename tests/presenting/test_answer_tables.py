"""A table of answers is a DataFrame in everything, and prints for readers wherever it is printed."""

import copy
import io
import pickle
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import casepool as cp
from casepool.escaping import printable
from casepool.presenting.layout import layout_of
from casepool.tables import AnswerTable, estimate_table
from tests.reporting.tables import row


class Fragment(HTMLParser):
    """The cells and tags of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.cells: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_what_pandas_makes_of_it_stays_one(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["estimates"]
    table.attrs["kept"] = 1
    some = table[table["n"] > 1]
    made = [some, table.head(2), table.copy(), copy.deepcopy(table), table.assign(x=1), table.sort_values("n"),
            pd.concat([table, table]), table.merge(table[["level"]], on="level"), pickle.loads(pickle.dumps(table)),
            table.query("n > 1"), table[["level", "estimate"]], table.drop(columns="told")]  # fmt: skip
    assert {type(one) for one in made} == {AnswerTable}
    assert type(table["n"]) is pd.Series
    assert type(table.iloc[0]) is pd.Series
    assert some.attrs == table.attrs
    for one in (table.copy(), pickle.loads(pickle.dumps(table)), pd.concat([table])):
        pd.testing.assert_frame_equal(one, table)
    assert isinstance(table, pd.DataFrame)
    assert table.groupby("told")["n"].sum().sum() == table["n"].sum()


def test_files_give_back_what_they_gave_back_of_a_plain_frame(tables: dict[str, pd.DataFrame], tmp_path) -> None:
    table = tables["contrast"]
    table.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), pd.DataFrame(table))
    assert table.to_csv() == pd.DataFrame(table).to_csv()
    back = pd.read_csv(io.StringIO(table.to_csv(index=False)), keep_default_na=False, na_values={"estimate": ""})
    assert back["level"].tolist() == table["level"].tolist()


def test_a_table_of_times_and_none_is_written_as_parquet(tables: dict[str, pd.DataFrame], tmp_path) -> None:
    table = tables["survival"]
    assert [at == "" for at in table["at"]] == [not re.search(r"\b(at|to) \d", text) for text in table["estimand"]]
    table.to_parquet(tmp_path / "t.parquet")
    back = pd.read_parquet(tmp_path / "t.parquet")
    plain = pd.DataFrame(table).assign(at=[at or float("nan") for at in table["at"]])
    pd.testing.assert_frame_equal(back, plain)
    mixed = pd.concat([table, table.assign(at="PR")], ignore_index=True)
    mixed.to_parquet(tmp_path / "m.parquet")
    assert pd.read_parquet(tmp_path / "m.parquet")["at"].tolist()[-1] == "PR"


def test_rows_chosen_print_as_the_whole_does_and_chosen_columns_show_all(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["estimates"]
    some = table[table["n"] > 1]
    assert "estimate (95% CrI)" in str(some)
    chosen = str(table[["level", "estimate"]])
    assert chosen.splitlines()[0].split() == ["level", "estimate"]
    assert all(f"{value:.4g}" in chosen for value in table["estimate"].dropna())


def test_a_frame_with_labels_of_its_own_prints_as_pandas_prints_it(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["raw"]
    numbers = table[["level", "n", "estimate"]]
    for made in (numbers.set_index("level"), numbers.groupby("level").mean(), numbers.describe(), numbers.head(0)):
        assert str(made).replace("AnswerTable", "DataFrame") == str(pd.DataFrame(made))
        assert made._repr_html_() == pd.DataFrame(made)._repr_html_()


def test_of_many_rows_the_first_and_last_are_printed(tables: dict[str, pd.DataFrame]) -> None:
    table = tables["raw survival"]
    with pd.option_context("display.max_rows", 6):
        text = str(table[["estimand", "n"]])
        page = Fragment(table[["estimand", "n"]]._repr_html_())
    assert f"… {len(table) - 6} rows more" in text
    assert len(text.splitlines()) == 8
    assert len(page.cells) == 2 * 7 + 1


def test_the_options_of_pandas_hold_in_a_notebook(tables: dict[str, pd.DataFrame]) -> None:
    with pd.option_context("display.notebook_repr_html", False):
        assert tables["raw"]._repr_html_() is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=60), min_size=1, max_size=4), st.text(max_size=60))
def test_no_label_acts_in_html(levels: list[str], estimand: str) -> None:
    table = estimate_table([row(level, estimand=estimand, by=estimand) for level in levels])
    layout, found = layout_of(table), Fragment(table._repr_html_())
    assert found.tags <= {"table", "caption", "strong", "small", "br", "thead", "tbody", "tr", "th", "td", "div", "bdi"}
    cells = [
        *layout.headings,
        *(c for b in layout.groups for c in [*filter(None, [b.name]), *(x for r in b.rows for x in r)]),
    ]
    assert [cell.split() for cell in found.cells[: len(cells) - 1]] == [cell.split() for cell in cells[:-1]]
    assert printable(str(table)) == str(table)


@pytest.mark.parametrize("name", cp.list_models())
def test_a_model_shows_in_a_notebook_what_it_prints(name: str) -> None:
    model = cp.model(name)
    shown = " ".join(Fragment(model._repr_html_()).cells)
    for prior, why in model.reasons().items():
        assert f"{prior} {model.prior(prior)}" in shown
        assert " ".join(why.split()) in " ".join(shown.split())


def test_a_fit_is_named_after_what_it_is(age_fit, tmp_path) -> None:
    assert age_fit.name == "pass: objective_response_by_age_group by lockstep, 30 rows of alk_crizotinib"
    opened = cp.open_fit(cp.save_fit(age_fit, tmp_path / "fit.nc"))
    assert opened.name == age_fit.name
    assert age_fit.name in opened._repr_html_()
    assert age_fit.name in repr(opened)
