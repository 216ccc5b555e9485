"""Answers made of saved fits today are those that casepool 0.1.0 gave; `make.py` wrote them down."""

import tomllib

import pytest

import casepool as cp
from casepool.modelling.specification.printing import describe
from tests.oracle.answers import (
    FITS,
    FOLDER,
    TOGETHER,
    about_structures,
    answers,
    answers_together,
    differences,
    facts,
    read,
    survives,
)


def opened(name):
    return cp.open_fit(FOLDER / "fits" / f"{name}.nc")


def as_before(name, made):
    was = read(FOLDER / "tables" / f"{name}.json")
    if name in FITS and survives(name):
        was["estimates"] = was["survival"]  # 0.1.0 refused to give it by that name
    found = differences(was, made)
    assert not found, f"{len(found)} differences, first of them\n" + "\n".join(found[:20])


@pytest.mark.parametrize("name", FITS)
def test_every_answer_about_a_fit_is_as_before(name):
    fit = opened(name)
    as_before(name, {"fit": facts(fit)} | answers(name, fit))


@pytest.mark.parametrize("name", TOGETHER)
def test_every_answer_about_several_fits_is_as_before(name):
    as_before(f"together_{name}", answers_together(name, [opened(one) for one in TOGETHER[name]]))


def test_every_model_says_of_itself_what_it_said_before():
    """Its description word for word, its file key by key, and who is in its design."""
    was, now = read(FOLDER / "tables" / "structures.json"), about_structures(describe)
    for told in (was, now):
        for about in told.values():
            about["toml"] = tomllib.loads(about["toml"])
    assert not differences(was, now)
