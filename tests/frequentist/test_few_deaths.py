"""Small tables with few deaths: no traceback, no number without a maximum, and what another optimiser finds."""

from collections import Counter

import numpy as np
import pytest

from benchmarks import few_deaths
from casepool.frequentist.answers import classical
from casepool.frequentist.maximum_likelihood import LOST


@pytest.mark.parametrize("first", range(0, 100, 20))
def test_every_table_is_answered_with_numbers_or_a_reason(first):
    said = Counter()
    for number in range(first, first + 20):
        asked = few_deaths.table(number)
        table = classical(asked.model, asked.frame, by=asked.by, at=[12.0])
        known = table["estimate"].notna()
        assert (known | (table["note"] != "")).all()
        ratios = table[(table["kind"] == "ratio") & known]
        assert ((ratios["lower"] <= ratios["estimate"]) & (ratios["estimate"] <= ratios["upper"])).all()
        assert not ((ratios["lower"] == 0) & np.isinf(ratios["upper"])).any()  # which would say nothing
        said["lost"] += table["note"].str.contains(LOST).any()
    assert said["lost"] <= 2


STEEP = (656, 1319, 1440, 1543, 1743, 1831)
"""Deaths close together at the end: shapes near 200 and ratios of e^-50, far from where a search begins."""


@pytest.mark.parametrize("number", [*range(1000, 1008), *STEEP])
def test_another_optimiser_finds_the_same(number):
    _, wrong = few_deaths.checked(number, starts=2)
    assert not wrong


@pytest.mark.parametrize("number", [369, 423])
def test_slopes_beyond_all_numbers_are_no_warning(number):
    """Both are climbed through places where differences are of infinities."""
    asked = few_deaths.table(number)
    assert not classical(asked.model, asked.frame, by=asked.by, at=[12.0]).empty
