import math

import pytest

from casepool.modelling.specification.cautions import lowered
from casepool.numbers import counted, listed, shown, with_interval


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.867, "probability", "87%"),
        (0.9946, "probability", "99.5%"),
        (1.0, "probability", "100%"),
        (0.0, "probability", "0%"),
        (0.9, "ratio", "0.90"),
        (1.0, "ratio", "1.0"),
        (0.00536, "ratio", "0.0054"),
        (3991.2, "ratio", "4,000"),
        (-0.028, "difference", "−2.8"),
        (0.093, "difference", "+9.3"),
        (68.14, "months", "68.1"),
        (3991.2, "months", "3,991"),
        (math.inf, "months", "not reached"),
        (math.inf, "ratio", "∞"),
        (math.nan, "probability", "–"),
        (0.0604, "P value", "0.060"),
        (1.0, "P value", "1.0"),
        (0.0001, "P value", "< 0.001"),
        (-3.69, "log odds", "−3.7"),
    ],
)
def test_numbers_are_rounded_as_a_clinician_reads_them(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


@pytest.mark.parametrize(
    ("numbers", "unit", "text"),
    [
        ((0.93, 0.75, 0.99), "probability", "93% (75 to 99%)"),
        ((0.39, 0.082, 1.6), "ratio", "0.39 (0.082 to 1.6)"),
        ((0.036, -0.028, 0.093), "difference", "+3.6 (−2.8 to +9.3) points"),
        ((math.inf, 22.6, math.inf), "months", "not reached (22.6 to not reached)"),
        ((1.0, math.nan, math.nan), "probability", "100% (no limits)"),
        ((math.nan, math.nan, math.nan), "probability", "–"),
    ],
)
def test_intervals_stand_behind_their_estimate(numbers: tuple[float, float, float], unit: str, text: str) -> None:
    assert with_interval(*numbers, unit) == text


def test_words_are_joined_as_in_a_sentence() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert (counted(1, "patient"), counted(4, "patient")) == ("1 patient", "4 patients")


@pytest.mark.parametrize(("label", "inside"), [("Age", "age"), ("ALK fusion partner", "ALK fusion partner"), ("", "")])
def test_a_label_inside_a_sentence_keeps_its_abbreviations(label: str, inside: str) -> None:
    assert lowered(label) == inside
