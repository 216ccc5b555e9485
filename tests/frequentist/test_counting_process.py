import numpy as np
import pytest

from casepool.errors import CasepoolError
from casepool.frequentist.counting_process import as_spells, split_at_switch


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 2], [1]), "differ in length"),
        (([1, -2], [1, 0]), "row 1, column 'time'"),
        (([1, np.nan], [1, 0]), "row 1, column 'time'"),
        (([1, 2], [1, 2]), "row 1, column 'event'"),
        (([1, 2], [1, np.nan]), "row 1, column 'event'"),
        (([1, 2], [1, 0], [0, 2]), "row 1, column 'entry'"),
        (([1, 2], [1, 0], [0, np.nan]), "row 1, column 'entry'"),
        (([1, 2], [1, 0], None, [1, -1]), "row 1, column 'weight'"),
        (([[1, 2]], [1, 0]), "one flat column"),
    ],
)
def test_bad_follow_up_is_refused_with_its_row(arguments, message):
    with pytest.raises(CasepoolError, match=message):
        as_spells(*arguments)


def test_an_entry_at_or_before_zero_is_follow_up_from_the_start():
    assert np.isneginf(as_spells([1, 0], [1, 1], [0, -3]).entry).all()


def test_whole_weights_stay_whole_and_rows_of_weight_zero_go():
    assert as_spells([1, 2], [1, 0], weight=[2.0, 0.0]).weight.tolist() == [2]
    assert as_spells([1, 2], [1, 0], weight=[2.0, 0.5]).weight.dtype == float


def test_splitting_keeps_every_patient_every_event_and_all_the_time():
    time, event = np.array([5.0, 6.0, 7.0, 8.0, 9.0]), np.array([1, 0, 1, 1, 0])
    spells, exposed = split_at_switch(time, event, [2.0, np.inf, np.nan, 0.0, 9.0])
    assert spells.event.sum() == event.sum()
    length = spells.time - np.maximum(spells.entry, 0)
    assert length.sum() == time.sum()
    assert length[exposed].sum() == (5 - 2) + 8


def test_an_event_at_the_very_switch_counts_as_unexposed():
    spells, exposed = split_at_switch([5.0], [1], [5.0])
    assert (spells.event.tolist(), exposed.tolist()) == ([True], [False])


def test_a_patient_exposed_from_the_start_may_have_the_event_at_time_zero():
    spells, exposed = split_at_switch([0.0], [1], [0.0])
    assert (spells.event.tolist(), exposed.tolist()) == ([True], [True])


def test_a_switch_after_follow_up_is_refused():
    with pytest.raises(CasepoolError, match="within follow-up"):
        split_at_switch([5.0], [0], [6.0])


def test_a_switch_per_patient_is_needed():
    with pytest.raises(CasepoolError, match="differ in length"):
        split_at_switch([5.0, 6.0], [0, 0], [6.0])
