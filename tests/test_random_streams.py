"""Streams of random numbers: each use has its own, equal seeds draw equally."""

import inspect
import itertools

import numpy as np

from casepool import random_streams
from casepool.random_streams import Stream, stream


def test_all_numbers_differ_and_each_use_is_described() -> None:
    assert len({int(one) for one in Stream.__members__.values()}) == len(Stream.__members__) == len(Stream)
    lines = inspect.getsource(Stream).splitlines()
    for one in Stream:
        place = next(i for i, line in enumerate(lines) if line.strip().startswith(f"{one.name} ="))
        assert lines[place + 1].strip().startswith('"""'), one.name


def test_streams_of_one_seed_and_seeds_of_one_stream_draw_apart() -> None:
    first = {tuple(stream(seed, one).random(4)) for seed in (0, 1, 2) for one in Stream}
    assert len(first) == 3 * len(Stream)
    words = [(), (1,), (1, 2), (2, 1), (65, 66)]
    assert len({tuple(stream(1, Stream.UNSEEN_LEVEL, *word).random(4)) for word in words}) == len(words)


def test_equal_seeds_draw_equally_and_from_the_beginning() -> None:
    for one, seed in itertools.product(Stream, (0, 7)):
        assert (stream(seed, one).random(5) == stream(seed, one).random(5)).all()


def test_a_stream_is_numpys_generator_of_the_seed_and_its_number() -> None:
    """Whoever has a fit of 0.1.0 draws the same from it: these numbers are what its draws were made with."""
    kept = {"PREDICTIVE_GROUPS": 10, "REPLICATED_CURVES": 11, "PRIOR_SURVIVAL": 12, "NEW_PATIENT": 20, "LEDGER": 30,
            "UNSEEN_LEVEL": 40, "AGREEMENT": 50, "PRIOR_ALONE": 60, "OWN_EFFECTS": 61, "LEFT_OUT": 70}  # fmt: skip
    assert kept.items() <= {one.name: int(one) for one in random_streams.Stream}.items()
    for name, number in kept.items():
        own = np.random.default_rng([3, number]).random(3)
        assert (stream(3, Stream[name]).random(3) == own).all()
    assert (stream(3, Stream.UNSEEN_LEVEL, 9).random(3) == np.random.default_rng([3, 40, 9]).random(3)).all()
