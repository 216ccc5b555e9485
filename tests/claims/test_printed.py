from decimal import Decimal

import pytest

from casepool.claims.printed import read_labels, read_printed


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("31.5", ["31.5"]),
        ("8.0-22.0ms", ["8.0", "22.0"]),
        ("26/30", ["26", "30"]),
        ("76.7% (23/ 30)", ["76.7", "23", "30"]),
        ("Ten", ["10"]),
        ("both", ["2"]),
        ("P<0.05", ["0.05"]),
        ("none", []),
        ("0.5 to 55.2", ["0.5", "55.2"]),
        (".020", ["0.020"]),
        ("P=.05", ["0.05"]),
        ("p<.0001", ["0.0001"]),
        ("0·020", ["0.020"]),
        ("0,020", ["0.020"]),
        ("12,5%", ["12.5"]),
        ("1,234 of 2,000", ["1234", "2000"]),
        ("11, 13,15", ["11", "13", "15"]),
        ("1,2,3", ["1", "2", "3"]),
        ("2.0e-2", ["0.020"]),
        ("1.2 × 10−3", ["0.0012"]),
        ("-60%", ["-60"]),
        ("(-5 to -2)", ["-5", "-2"]),
        ("17.3 - 48.0", ["17.3", "48.0"]),
        ("NR", ["Infinity"]),
        ("11.0-not reached", ["11.0", "Infinity"]),
    ],
)
def test_numbers_are_read_with_their_digits(text, numbers):
    assert [str(number) for number in read_printed(text).numbers] == numbers


@pytest.mark.parametrize(
    ("text", "value", "agrees"),
    [
        ("0.809", 0.80903, True),
        ("0.809", 0.8086, True),
        ("0.809", 0.8096, False),
        ("14", 13.5, True),
        ("14", 14.49, True),
        ("14", 13.49, False),
        ("14.0", 14.06, False),
        ("<0.05", 0.049, True),
        ("<0.05", 0.05, False),
        (">0.05", 0.06, True),
        ("19", 19, True),
        ("19", 20, False),
        ("31.5", float("inf"), False),
        ("31.5", float("nan"), False),
        ("<0.05", float("nan"), False),
        (".020", 0.0198, True),
        (".020", 20.0, False),
        ("<.001", 0.5, False),
        ("<.001", 0.0005, True),
        ("-60%", 60.0, False),
        ("-60%", -60.2, True),
        ("NR", float("inf"), True),
        ("NR", 31.5, False),
        ("NR", float("nan"), False),
    ],
)
def test_the_printed_digits_are_the_rounding(text, value, agrees):
    assert read_printed(text).agrees([value]) is agrees


def test_all_numbers_must_agree_and_be_as_many():
    assert read_printed("17.3-48.0").agrees([17.3, 48])
    assert not read_printed("17.3-48.0").agrees([17.3, 47])
    assert not read_printed("17.3-48.0").agrees([17.3])


def test_values_are_written_as_printed():
    assert read_printed("86.7%").write([100 * 26 / 30]) == "86.7%"
    assert read_printed("26/30").write([23, 29]) == "23/29"
    assert read_printed("8.0-22.0").write([18.4, float("inf")]) == "18.4, not reached"
    assert read_printed("<0.05").write([0.01122]) == "0.0112"
    assert read_printed("0.5 and 4").write([0.5, 4, 7]) == "0.5, 4, 7"


def test_labels_stand_between_commas():
    assert read_labels("11, 13,15") == {"11", "13", "15"}
    assert Decimal("8.0") == Decimal("8")
