import base64
import io
import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool._resources import bundled
from casepool.cases import codebook_of
from casepool.estimation import told
from casepool.modelling.families.priors import Prior
from casepool.reporting.cautions import trials_of
from casepool.reporting.checklist import AUTHOR, GUIDELINES
from casepool.reporting.pieces import moved
from casepool.studies.replacement import read_replacements
from tests.reporting.conftest import MATHS, TAG
from tests.reporting.pages import Page

MODELS = ("objective_response", "objective_response_by_age_group", "overall_survival")
"""Of the fits the page is made of."""
FEW = {"draws": 100, "chains": 2, "progress": False}
"""Of pages whose numbers are not looked at."""


def test_the_page_is_whole_and_needs_nothing_else(page: Page) -> None:
    assert not page.unclosed
    assert not page.open
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"img", "link", "iframe", "object", "embed", "base", "form"}
    assert not page.attributes("src")
    assert not re.search(r"url\(|@import|\son\w+=", page.source)
    assert len(re.findall(r"<script>(.*?)</script>", page.source, re.DOTALL)[0]) < 2000


def test_levels_that_characteristics_leave_out_are_counted(page: Page) -> None:
    histologies = cp.load("alk_crizotinib")["histology"].nunique()
    listed = len(re.findall(r"Histology: \w+<", page.source))
    [more] = re.findall(r"(\d+) more of Histology", page.source)
    assert listed + int(more) == histologies


def test_links_lead_to_sections_files_within_or_dois(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for link in page.attributes("href"):
        if link.startswith("#"):
            assert link.removeprefix("#") in ids
        else:
            assert link.startswith(("https://doi.org/10.", "data:text/csv;base64,", "data:image/svg+xml;base64,"))


def test_every_figure_is_said_in_words_too(page: Page) -> None:
    drawn = [attrs for tag, attrs in page.elements if tag == "svg"]
    told = [attrs for attrs in drawn if attrs.get("role") == "img"]
    assert len(told) > 10
    assert all(len(attrs["aria-label"].split()) >= 8 for attrs in told)
    assert all(attrs.get("aria-hidden") == "true" for attrs in drawn if attrs.get("role") != "img")


def test_headings_skip_no_level_and_sections_stand_in_the_contents(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    links = page.attributes("href")
    assert all(f"#{attrs['id']}" in links for tag, attrs in page.elements if tag == "section")


@pytest.mark.parametrize("kind", ["Table", "Figure"])
def test_tables_and_figures_are_numbered_in_order_and_each_is_downloaded(page: Page, kind: str) -> None:
    numbers = re.findall(rf"<b>{kind} (A?\d+)\.</b>", page.source)
    for of in ([x for x in numbers if x[0] != "A"], [x for x in numbers if x[0] == "A"]):
        known = list(dict.fromkeys(of))  # positions of a lever share their number
        assert known == [f"{known[0][: known[0] > '9']}{i}" for i in range(1, len(known) + 1)] if known else True
    files = [attrs["download"] for _, attrs in page.elements if "download" in attrs]
    assert {f"{kind.lower()}-{number}" for number in numbers} == {
        file.rpartition(".")[0] for file in files if file.startswith(kind.lower())
    }


def test_a_chapter_has_badge_quote_and_limits(page: Page) -> None:
    chapters = [name for name in page.sections if re.fullmatch(r"c\d+", name)]
    assert len(chapters) >= 5
    for name in chapters:
        assert any(word in page.sections[name] for word in told.MARKS), name
        assert "What it cannot show: " in page.sections[name]
        assert f'id="q{name[1:]}"' in page.source


def test_every_question_of_the_paper_that_a_fit_answers_has_a_line_with_what_was_printed(page: Page) -> None:
    lines = re.findall(r'<tr><th scope="row"><a href="#c\d+">.*?</tr>', page.source, re.DOTALL)
    for entry in read_replacements(bundled("data") / "alk_crizotinib"):
        said = [line for line in lines if f">{entry.label}</a>" in line]
        assert len(said) == 1, entry.label
        assert all(claim.printed.replace("<", "&lt;") in said[0] for claim in entry.claims if said)


def test_a_number_is_the_same_in_the_questions_the_quote_and_the_table(page: Page) -> None:
    found = re.search(r'id="q1">(.*?)</blockquote>', page.source, re.DOTALL)
    assert found
    answer, limits = re.search(r"is (\d+%) \(95% credible interval (.*?)\)", found[1]).groups()
    assert page.source.count(f'<b>{answer}</b> <span class="ci">({limits})</span>') >= 2


def test_a_question_about_a_time_is_left_out_where_other_times_are_told(tmp_path: Path) -> None:
    fit = cp.fit("overall_survival", "alk_crizotinib", seed=1, **FEW)
    page = Page(cp.report(fit, tmp_path / "page.html", at=[9], progress=False))
    assert "Alive at 9 months" in page.text
    assert "Do patients live longer with surgery?" in page.text
    assert "How long without an operation?" not in page.text


def test_it_says_who_counts_for_what(page: Page) -> None:
    data = page.sections["data"]
    for words in ("adjuvant treatment", "(patients 10, 12)", "(patients 10, 17, 20, 25,"):
        assert words in data
    assert "3 (11, 17, 25)" in data
    assert "Patient by patient (33 rows)" in data
    assert "Histology: EIMT" in data
    assert "11 of 33" in data


def test_raw_stands_beside_the_answer_with_the_kind_of_its_interval(page: Page) -> None:
    for section in ("c1", "c2"):
        assert "As counted, 95% CI" in page.sections[section]
        assert "Answer, 95% CrI" in page.sections[section]
    assert "100% (66 to 100%)" in page.sections["c2"]
    assert "where levels inform each other" in page.sections["c2"]


def test_every_prior_has_its_reason(page: Page) -> None:
    for name in MODELS:
        for key, prior in cp.model(name).priors.items():
            assert prior.why in page.sections["made"], key


def section_of(page: Page, words: str) -> str:
    """Return the chapter that holds words."""
    [found] = [text for name, text in page.sections.items() if re.fullmatch(r"c\d+", name) and words in text]
    return found


def test_surgery_stands_under_three_priors_and_two_datings_with_its_guard(page: Page) -> None:
    survival = section_of(page, "Hazard ratio of surgery")
    for width in ("0.5", "1", "2"):
        assert survival.count(f"Normal(mu = 0, sigma = {width})") >= 2
    assert {"intensity", "uniform"} <= set(re.findall(r"\w+", survival))
    assert "forced, not found" in survival
    assert "an association, not what surgery does" in survival
    assert "immortal time" in survival
    assert "Operated at month 6 if still alive" in survival
    assert "broken beyond the last follow-up" in survival
    assert "cannot be known from this table" in survival


def test_responses_stand_under_three_priors_of_how_far_levels_differ(page: Page) -> None:
    factors = [name for name, term in cp.model("objective_response").terms.items() if term.kind == "group"]
    for prior in ("HalfNormal(sigma = 0.5)", "HalfNormal(sigma = 1) (the model's own)", "HalfNormal(sigma = 2)"):
        assert page.text.count(f"sd between levels ~ {prior}") == len(factors)
    assert page.text.count("the answer that moves most") == len(factors)


def test_every_lever_has_its_positions_once_and_begins_with_the_default(page: Page) -> None:
    inputs = [attrs for tag, attrs in page.elements if tag == "input"]
    levers = {attrs["name"] for attrs in inputs if not attrs["name"].startswith("filter")}
    assert len(levers) >= 4
    for name in levers:
        own = [attrs for attrs in inputs if attrs["name"] == name]
        assert [attrs["value"] for attrs in own] == [str(i) for i in range(len(own))]
        assert ["checked" in attrs for attrs in own] == [True] + [False] * (len(own) - 1)
        assert 2 <= len(own) <= 5


def test_who_counts_is_varied_and_every_coding_stands_in_the_fold(page: Page) -> None:
    first = page.sections["c1"]
    assert "not evaluable counted as" in first
    assert "27 of 31" in first  # patient 5 counted as a responder
    assert "Everyone's answer under other codings" in first


def test_what_moves_most_is_judged_beside_the_width_of_its_interval() -> None:
    rows = {"level": ["wide", "narrow"], "lower": [0.1, 0.5], "upper": [0.9, 0.6], "unit": "probability"}
    before = pd.DataFrame({**rows, "estimate": [0.5, 0.55]})
    after = pd.DataFrame({**rows, "estimate": [0.3, 0.5]})
    tight, loose = (Prior("HalfNormal", {"sigma": scale}, "test") for scale in (0.5, 2.0))
    said = moved([(tight, before), (loose, after)])
    assert "narrow: 55% (50 to 60%), then 50% (50 to 60%)" in said
    assert said.startswith("From HalfNormal(sigma = 0.5) to HalfNormal(sigma = 2)")


def test_surgery_stands_under_every_coding_and_date(page: Page) -> None:
    survival = section_of(page, "Hazard ratio of surgery")
    assert "the ratio under 6 codings" in survival
    labels = [choice["label"] for choice in codebook_of(cp.load("alk_crizotinib")).codings["surgery"].values()]
    assert len(labels) == 5
    for coding in ("as recorded", *labels):
        assert coding in survival
    assert "Where the limit first passes 1" in survival
    assert "maximum likelihood, weibull" in survival


def test_it_says_what_it_cannot_show_beside_the_prospective_trials(page: Page) -> None:
    caution = page.sections["cannot-show"]
    for trial in ("CREATE 6 of 12", "ADVL0912 12 of 14", "A8081013 5 of 7"):
        assert trial in caution
    assert "10 patients had surgery, 0 of them death" in caution
    assert "rests on the 4 patients without PR or CR" in page.text


@pytest.mark.parametrize("section", ["top", "cannot-show"])
def test_effect_is_no_word_of_a_sentence(page: Page, section: str) -> None:
    text = page.sections[""] if section == "top" else page.sections[section]
    assert text
    assert not re.search(r"\beffect", text, re.IGNORECASE)


def test_every_printed_number_stands_in_the_audit_once(page: Page) -> None:
    table = cp.audit("alk_crizotinib")
    audit = page.sections["audit"]
    assert f"Of {len(table)} printed numbers, {(table['verdict'] == 'reproduces').sum()} reproduce" in audit
    assert page.source.count('<tr class="t-') == len(table)


def test_it_says_how_it_was_made(page: Page, survival_fit: xr.DataTree) -> None:
    made = page.sections["made"]
    assert survival_fit.attrs["data_sha256"] in made
    for package in ("casepool", "pymc", "nutpie", "matplotlib"):
        assert f"{package} " in made
    assert "was modelled by logistic regression" in made


def test_without_a_paper_what_was_counted_stands_where_the_paper_would(private_page: Page) -> None:
    assert "audit" not in private_page.sections
    head = private_page.source.partition("</header>")[0]
    assert "As counted" in head
    assert "Printed" not in head
    assert "Recomputed" not in head


def test_downloads_hold_what_the_page_shows(page: Page) -> None:
    links = {a["download"]: a["href"] for _, a in page.elements if "download" in a}
    files = {name: base64.b64decode(link.partition(",")[2]).decode() for name, link in links.items()}
    questions = pd.read_csv(io.StringIO(files["table-1.csv"]))
    assert set(questions["row"]) <= set(re.findall(r'<a href="#c\d+">(.*?)</a>', page.source))
    answered = questions["answer"].notna()
    assert set(questions.loc[~answered, "told"]) <= {told.UNKNOWABLE}
    texts = questions.loc[answered, "answer"]
    assert all(f'<span class="ci">({text.partition(" (")[2]}</span>' in page.source for text in texts)
    assert np.isclose(questions["answer estimate"].iloc[0], 0.857, atol=0.01)
    for name, content in files.items():
        if name.endswith(".svg"):
            assert ElementTree.fromstring(content).tag.endswith("svg")


def test_parts_are_every_table_and_figure(tmp_path: Path) -> None:
    fit = cp.fit("objective_response_by_age_group", "alk_crizotinib", seed=1, **FEW)
    page = Page(cp.report(fit, tmp_path / "page.html", parts=tmp_path / "parts", progress=False))
    wanted = {attrs["download"] for _, attrs in page.elements if "download" in attrs}
    figures = {name.removesuffix(".svg") for name in wanted if name.endswith(".svg")}
    wanted |= {f"{name}.{suffix}" for name in figures for suffix in ("pdf", "png")}
    assert {path.name for path in (tmp_path / "parts").iterdir()} == wanted
    assert figures
    with pytest.raises(cp.CasepoolError, match="the folder holds files"):
        cp.report(fit, tmp_path / "page.html", parts=tmp_path / "parts", progress=False)


def test_labels_are_escaped(private_page: Page) -> None:
    assert not private_page.unclosed
    assert [tag for tag, _ in private_page.elements].count("script") == 1
    assert not re.search(r"<script>alert|Histo <b>|<i>one", private_page.source)
    for label in (TAG, MATHS, "Histo <b>", "Cases of <i>one</i> clinic"):
        assert label in private_page.text


def test_a_table_that_is_not_public_shows_no_identifier_and_no_small_count_nor_what_tells_it(
    private_page: Page,
) -> None:
    assert "Smith" not in private_page.source
    assert "no response (<5)" in private_page.text
    links = {a["download"]: a["href"] for _, a in private_page.elements if "download" in a}
    files = [base64.b64decode(link.partition(",")[2]).decode() for name, link in links.items() if name.endswith(".csv")]
    told = [pd.read_csv(io.StringIO(text)) for text in files]
    told = [table for table in told if {"counts", "as counted"} <= {*table.columns}]
    assert told
    assert all(table.loc[table["counts"].str.contains("<5", na=False), "as counted"].isna().all() for table in told)


def test_an_unconverged_fit_is_marked_at_its_badge_and_every_table(private_page: Page) -> None:
    assert "Did not converge, or failed a check; do not use" in private_page.text
    chapters = [name for name in private_page.sections if re.fullmatch(r"c\d+", name)]
    assert all("do not use" in private_page.sections[name] for name in chapters)
    tables = [attrs for tag, attrs in private_page.elements if tag == "table" and "failed" in attrs["class"]]
    assert len(tables) >= len(chapters)
    assert "\N{MULTIPLICATION SIGN}" in private_page.sections[""]


def test_a_converged_fit_is_not_marked(page: Page) -> None:
    assert "not converged" not in page.source


def test_what_makes_no_report_is_refused_before_any_work(age_fit: xr.DataTree, tmp_path: Path) -> None:
    with pytest.raises(cp.CasepoolError, match="no fit"):
        cp.report([], tmp_path / "report.html")
    other = age_fit.copy()
    other.attrs["dataset"] = "another"
    with pytest.raises(cp.CasepoolError, match="different datasets"):
        cp.report([age_fit, other], tmp_path / "report.html")
    with pytest.raises(cp.CasepoolError, match="no fit made by casepool"):
        cp.report(xr.DataTree(), tmp_path / "report.html")
    with pytest.raises(cp.CasepoolError, match="cannot write"):
        cp.report(age_fit, tmp_path / "nowhere" / "report.html", progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("row", ["T,p,7,6,r,", "T,p,many,6,r,", "T,p,0,0,r,", "T,p"])
def test_a_row_that_is_no_trial_is_refused(row: str, tmp_path: Path) -> None:
    (tmp_path / "prospective_trials.csv").write_text(f"trial,population,events,n,reference,note\n{row}\n")
    with pytest.raises(cp.CasepoolError, match=r"prospective_trials\.csv, row 1: this is no trial"):
        trials_of(tmp_path)


def test_a_folder_without_trials_has_none(tmp_path: Path) -> None:
    assert trials_of(tmp_path) == trials_of(None) == []


def test_every_item_of_the_checklist_tells_numbers_or_is_left_to_the_author(page: Page) -> None:
    text = page.sections["made"]
    for items in GUIDELINES.values():
        for item in items:
            _, found, after = text.partition(item.asks)
            assert found, item.asks
            told = min((after.partition(other.asks)[0] for other in items if other is not item), key=len)
            assert AUTHOR in told if item.fill is None else re.search(r"\d", told), item.asks
            text = after
    whole = page.sections["made"]
    assert "28 patients with 7 events; 10 exposed with 0 events" in whole
    assert "28 patients in the fit, 5 left out" in whole


def test_a_checklist_without_exposure_leaves_the_trial_out(private_page: Page) -> None:
    assert "BARG" in private_page.sections["made"]
    assert "TARGET" not in private_page.sections["made"]
