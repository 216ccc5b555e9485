"""Parts of a change: they add up, an unchanged ingredient has none, and they are Shapley's."""

import itertools
import json
import math
import re

import numpy as np
import pytest

from casepool.living.canonical import canonical
from casepool.living.decomposition import CORNERS, INGREDIENTS, error, in_order, shapley, summed, total

RNG = np.random.default_rng(20)
GAMES = [dict(zip(CORNERS, RNG.normal(size=8), strict=True)) for _ in range(20)]
ALL_DIFFERENT = {corner: i for i, corner in enumerate(CORNERS)}


def of_subsets(game: dict, player: int) -> float:
    """Shapley's formula over subsets, which no order enters."""
    value = 0.0
    for corner in CORNERS:
        if not corner[player]:
            joined = tuple(new or i == player for i, new in enumerate(corner))
            size = sum(corner)
            weight = math.factorial(size) * math.factorial(2 - size) / math.factorial(3)
            value += weight * (game[joined] - game[corner])
    return value


@pytest.mark.parametrize("game", GAMES[:5])
def test_parts_are_shapley_values_and_add_up(game: dict) -> None:
    values = [game[corner] for corner in CORNERS]
    whole = summed(total(ALL_DIFFERENT), values.__getitem__)
    parts = {name: summed(own, values.__getitem__) for name, own in shapley(ALL_DIFFERENT).items()}
    assert [parts[name] for name in INGREDIENTS] == pytest.approx([of_subsets(game, i) for i in range(3)], abs=1e-12)
    assert sum(parts.values()) == pytest.approx(whole, abs=1e-12)
    plain = [summed(own, values.__getitem__) for own in in_order(ALL_DIFFERENT).values()]
    chain = [game[corner] for corner in ((False,) * 3, (True, False, False), (True, True, False), (True,) * 3)]
    assert plain == pytest.approx(np.diff(chain), abs=1e-12)


@pytest.mark.parametrize("changed", [own for n in range(3) for own in itertools.combinations(range(3), n)])
def test_an_unchanged_ingredient_has_no_part_at_all(changed: tuple[int, ...]) -> None:
    """Its corners share their fits, so that it has no weight, not even one of rounding."""
    seen: dict[tuple[bool, ...], int] = {}
    fit_of = {c: seen.setdefault(tuple(c[i] for i in changed), len(seen)) for c in CORNERS}
    for parts in (shapley(fit_of), in_order(fit_of)):
        for i, name in enumerate(INGREDIENTS):
            assert (i in changed) == bool(parts[name])
            assert i in changed or (summed(parts[name], GAMES[0].get), error(parts[name], GAMES[0].get)) == (0.0, 0.0)


def test_the_error_of_a_part_is_that_of_independent_fits() -> None:
    """Against simulated values of the eight fits."""
    errors = np.abs(RNG.normal(size=8)) + 0.1
    drawn = RNG.normal(0, errors, (40_000, 8))
    for weights in (*shapley(ALL_DIFFERENT).values(), total(ALL_DIFFERENT)):
        values = sum(float(weight) * drawn[:, fit] for fit, weight in weights.items())
        assert error(weights, errors.__getitem__) == pytest.approx(values.std(), rel=0.03)


def test_equal_values_are_written_alike_and_read_back_the_same() -> None:
    numbers = [float(x) for x in RNG.normal(size=50) * 10.0 ** RNG.integers(-300, 300, 50)]
    assert json.loads(canonical(numbers)) == numbers
    assert canonical({"é": 3.0, "a": np.float64(0.1)}) == canonical({"a": 0.1, "é": 3}) == '{"a":0.1,"é":3}'.encode()
    for number, text in zip(numbers, canonical(numbers).decode()[1:-1].split(","), strict=True):
        digits = len(re.sub(r"e.*|[-.]", "", text).strip("0"))
        assert digits == 1 or float(f"{number:.{digits - 2}e}") != number  # one digit less is another number
