"""Answers made of saved fits today are those that casepool 0.1.0 gave; `make.py` wrote them down."""

import tomllib
from functools import partial

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
from tests.oracle.structures import structures
from tests.oracle.words import KEYS, as_then, texts, today, with_words

REFUSED = ("predict", "ranking", "ledger")
"""What 0.1.0 refused to answer of survival."""


def opened(name):
    return cp.open_fit(FOLDER / "fits" / f"{name}.nc")


def as_before(name, made):
    outcome = structures()[name][0].outcome if name in FITS else None
    was = texts(read(FOLDER / "tables" / f"{name}.json"), partial(today, outcome=outcome))
    if name in FITS and survives(name):
        was["estimates"] = was["survival"]  # 0.1.0 refused to give it by that name
        was = {asked: told for asked, told in was.items() if asked.partition(" ")[0] not in REFUSED}
    now = texts(made, as_then)
    for asked in [key for key, own in was.items() if "without levels; use a banded term" in str(own)]:
        # 0.1.0 refused to compare by a number, of which now its ratio is told
        if asked.startswith("contrast ") or "refused" not in now[asked]:
            del was[asked], now[asked]
    found = differences(was, now)
    assert not found, f"{len(found)} differences, first of them\n" + "\n".join(found[:20])


@pytest.mark.parametrize("name", FITS)
def test_every_answer_about_a_fit_is_as_before(name):
    fit = opened(name)
    made_from = {"fit": facts(fit)}
    as_before(name, made_from | answers(name, with_words(fit, name)))


@pytest.mark.parametrize("name", TOGETHER)
def test_every_answer_about_several_fits_is_as_before(name):
    as_before(f"together_{name}", answers_together(name, [with_words(opened(one), one) for one in TOGETHER[name]]))


def test_every_model_says_of_itself_what_it_said_before():
    """Its description word for word, its file key by key, and who is in its design."""
    was, now = read(FOLDER / "tables" / "structures.json"), about_structures(describe)
    for told in (was, now):
        for about in told.values():
            about["toml"] = without_words(tomllib.loads(about["toml"]))
            about["text"] = today(" ".join(about["text"].split()))
    assert not differences(was, now)


def without_words(plain):
    """Return a model file without the keys that 0.1.0 did not know."""
    return {
        key: without_words(value) if isinstance(value, dict) else value
        for key, value in plain.items()
        if key not in KEYS
    }
