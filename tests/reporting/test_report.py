import re
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.modelling.families.priors import Prior
from casepool.reporting.cautions import trials_of
from casepool.reporting.chapters import moved
from casepool.reporting.checklist import AUTHOR, GUIDELINES
from tests.reporting.conftest import MATHS, TAG
from tests.reporting.pages import Page


def test_the_page_is_whole_and_needs_nothing_else(page: Page) -> None:
    assert not page.unclosed
    assert not page.open
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form"}
    assert all(uri.startswith("data:image/png;base64,") for uri in page.attributes("src"))
    assert not re.search(r"url\(|@import|\son\w+=", page.source)


def test_links_lead_to_sections_or_dois(page: Page) -> None:
    ids = page.attributes("id")
    assert len(ids) == len(set(ids))
    for link in page.attributes("href"):
        assert link.removeprefix("#") in ids if link.startswith("#") else link.startswith("https://doi.org/10.")


def test_every_picture_is_said_in_words_too(page: Page) -> None:
    pictures = [attrs for tag, attrs in page.elements if tag == "img"]
    assert len(pictures) == 9
    assert all(len(attrs["alt"]) > 20 for attrs in pictures)


def test_it_says_who_counts_for_what(page: Page) -> None:
    data = page.sections["data"]
    assert "adjuvant treatment (patients 10, 12)" in data
    assert "no survival time since the first crizotinib (patients 10, 17, 20, 25, 27)" in data
    assert "3 (11, 17, 25)" in data
    assert "Patient by patient (33 rows)" in data


def test_the_main_numbers_stand_in_sentences(page: Page) -> None:
    short = page.sections["in-short"]
    assert "26 of 30 evaluable patients had PR or CR" in short
    for level in ("EIMT", "HS", "IMT", "MS", "MUO", "PSC", "Sarcoma"):
        assert re.search(rf"{level} \d+% \(\d+ to [\d.]+%\)", short)
    assert "18 and over vs under 18: odds ratio" in short
    assert "Fisher-Freeman-Halton P = 0.81" in short
    assert "where the prior alone, Normal(mu = 0, sigma = 1), says 50%" in short
    assert "association" in short


def test_raw_stands_beside_shrunk_with_the_kind_of_its_interval(page: Page) -> None:
    for section in ("fit-1", "fit-2"):
        assert "raw, 95% CI (Clopper-Pearson)" in page.sections[section]
        assert "shrunk, 95% CrI: the level's own patients" in page.sections[section]
    assert "100% (66 to 100%)" in page.sections["fit-1"]


def test_every_prior_has_its_reason(page: Page) -> None:
    for place, name in enumerate(("objective_response", "objective_response_by_age_group", "overall_survival"), 1):
        for key, prior in cp.model(name).priors.items():
            assert prior.why in page.sections[f"fit-{place}"], key


def test_surgery_stands_under_three_priors_and_two_datings_with_its_guard(page: Page) -> None:
    survival = page.sections["fit-3"]
    for width in ("0.5", "1", "2"):
        assert survival.count(f"Normal(mu = 0, sigma = {width})") >= 2
    assert {"intensity", "uniform"} <= set(re.findall(r"\w+", survival))
    assert "forced, not found" in survival
    assert "an association, not what surgery does" in survival
    assert "immortal time" in survival
    assert "operated at month 6 if still alive" in survival
    assert "extrapolated beyond the last follow-up" in survival


def test_responses_stand_under_three_priors_of_how_far_levels_differ(page: Page) -> None:
    for section, model in (("fit-1", "objective_response"), ("fit-2", "objective_response_by_age_group")):
        told = page.sections[section].partition("Under other priors")[2].partition("May it be believed?")[0]
        factors = [name for name, term in cp.model(model).terms.items() if term.kind == "group"]
        assert told.count("sd between levels ~ HalfNormal(sigma = 0.5)") == len(factors)
        assert told.count("sd between levels ~ HalfNormal(sigma = 1) (the model's own)") == len(factors)
        assert told.count("sd between levels ~ HalfNormal(sigma = 2)") == len(factors)
        assert told.count("the answer that moves most") == len(factors)


def test_what_moves_most_is_judged_beside_the_width_of_its_interval() -> None:
    rows = {"level": ["wide", "narrow"], "lower": [0.1, 0.5], "upper": [0.9, 0.6], "unit": "probability"}
    before = pd.DataFrame({**rows, "estimate": [0.5, 0.55]})
    after = pd.DataFrame({**rows, "estimate": [0.3, 0.5]})
    tight, loose = (Prior("HalfNormal", {"sigma": scale}, "test") for scale in (0.5, 2.0))
    said = moved([(tight, before), (loose, after)])
    assert "narrow: 55% (50 to 60%), then 50% (50 to 60%)" in said
    assert said.startswith("From HalfNormal(sigma = 0.5) to HalfNormal(sigma = 2)")


def test_surgery_stands_under_every_coding_and_date(page: Page) -> None:
    survival = page.sections["fit-3"]
    assert "the ratio under 6 codings" in survival
    for coding in ("as recorded", "concurrent", "any text", "any series", "any titles", "any adjuvant"):
        assert coding in survival
    assert "Where the limit first passes 1" in survival
    assert "maximum likelihood, weibull" in survival


def test_it_says_what_it_cannot_show_beside_the_prospective_trials(page: Page) -> None:
    caution = page.sections["cannot-show"]
    for trial in ("CREATE 6 of 12", "ADVL0912 12 of 14", "A8081013 5 of 7"):
        assert trial in caution
    assert "28 patients, 10 of them exposed, with 7 events in all and none among the exposed" in caution
    assert "rests on the 4 patients without it" in caution


@pytest.mark.parametrize("section", ["in-short", "cannot-show"])
def test_effect_is_no_word_of_a_sentence(page: Page, section: str) -> None:
    assert not re.search(r"\beffect", page.sections[section], re.IGNORECASE)


def test_it_says_how_it_was_made(page: Page, survival_fit: xr.DataTree) -> None:
    made = page.sections["made"]
    assert survival_fit.attrs["data_sha256"] in made
    for package in ("casepool", "pymc", "nutpie", "matplotlib"):
        assert f"{package} " in made


def test_labels_are_escaped(private_page: Page) -> None:
    assert not private_page.unclosed
    assert not {"script", "i", "b"} & {tag for tag, _ in private_page.elements}
    for label in (TAG, MATHS, "Histo <b>", "Cases of <i>one</i> clinic"):
        assert label in private_page.text


def test_a_table_that_is_not_public_shows_no_identifier_and_marks_small_counts(private_page: Page) -> None:
    assert "Smith" not in private_page.source
    assert "†" in private_page.text
    assert "no response (2†)" in private_page.text


def test_an_unconverged_fit_is_marked_at_its_title_and_every_table(private_page: Page) -> None:
    assert "Did not converge, or failed a check; do not use" in private_page.text
    headings = private_page.source.split("<h2>")
    [title] = [heading for heading in headings if heading.startswith("private")]
    assert "not converged" in title.split("</h2>")[0]
    tables = [attrs for tag, attrs in private_page.elements if tag == "table" and "failed" in attrs["class"]]
    assert len(tables) == 4
    assert "×" in private_page.sections["in-short"]


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
    text = page.sections["checklist"]
    for items in GUIDELINES.values():
        for item in items:
            _, found, after = text.partition(item.asks)
            assert found, item.asks
            told = min((after.partition(other.asks)[0] for other in items if other is not item), key=len)
            assert AUTHOR in told if item.fill is None else re.search(r"\d", told), item.asks
            text = after
    whole = page.sections["checklist"]
    assert "28 patients with 7 events; 10 exposed with 0 events" in whole
    assert "28 patients in the fit, 5 left out" in whole


def test_a_checklist_without_exposure_leaves_the_trial_out(private_page: Page) -> None:
    assert "BARG" in private_page.sections["checklist"]
    assert "TARGET" not in private_page.sections["checklist"]
