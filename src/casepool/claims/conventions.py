"""Every convention under which a claim can be recomputed: readings, codings, and the statistic's own choices."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from casepool.claims.files import Claim, Reading
from casepool.claims.registry import STATISTICS
from casepool.claims.statistic import Answer, Choice, Data, Sources
from casepool.errors import CasepoolError


@dataclass(frozen=True)
class Recomputed:
    """A claim recomputed under one convention.

    Attributes
    ----------
    codings : tuple of str
        The codings of the cases under which the claim sees these data; "" is the cases as recorded.
    others : tuple of str
        How the convention departs from the one the paper names otherwise.
    indefensible : tuple of str
        Why nobody would defend some of that.
    answer : Answer
    """

    codings: tuple[str, ...]
    others: tuple[str, ...]
    indefensible: tuple[str, ...]
    answer: Answer

    @property
    def departures(self) -> tuple[str, ...]:
        """All departures in words; none for the convention the paper names."""
        return self.others if "" in self.codings else (f"coding {' or '.join(self.codings)}", *self.others)


def recompute(claim: Claim, codings: Mapping[str, Sources], file: str) -> list[Recomputed]:
    """Recompute a claim under every convention that applies to it, the named one first.

    Parameters
    ----------
    claim : Claim
    codings : mapping of str to Sources
        The dataset's tables under the name of each coding; the recorded ones first, under "".
    file : str
        What errors call the claims file.

    Raises
    ------
    CasepoolError
        For a column or side table the dataset does not have.
    """
    return [
        found
        for reading in claim.readings
        for names, data in _different(claim, reading, codings, file)
        for found in _under_choices(reading, names, data)
    ]


def _different(
    claim: Claim, reading: Reading, codings: Mapping[str, Sources], file: str
) -> list[tuple[tuple[str, ...], Data]]:
    """Read the data under every coding; codings under which the claim sees the same stand together."""
    statistic = STATISTICS[reading.statistic]
    seen: list[tuple[tuple[str, ...], Data]] = []
    for coding, sources in codings.items():
        try:
            data = statistic.read(sources, reading.arguments)
        except CasepoolError as error:
            raise CasepoolError(
                error.problem,
                remedy=error.remedy,
                file=file,
                row=f"claim {claim.id!r}",
                column=error.column,
                value=error.value,
            ) from None
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise CasepoolError(
                f"the arguments cannot be read ({error})",
                file=file,
                row=f"claim {claim.id!r}",
                column="arguments",
                remedy="write conditions as the other claims do",
            ) from None
        same = [i for i, (_, other) in enumerate(seen) if other == data]
        if same:
            seen[same[0]] = ((*seen[same[0]][0], coding), data)
        else:
            seen.append(((coding,), data))
    return seen


def _under_choices(reading: Reading, codings: tuple[str, ...], data: Data) -> Iterator[Recomputed]:
    """Compute under every combination of the statistic's own conventions."""
    statistic = STATISTICS[reading.statistic]
    named = {key: reading.arguments.get(key, options[0].key) for key, options in statistic.choices.items()}
    ordered = [_named_first(options, named[key]) for key, options in statistic.choices.items()]
    for picked in itertools.product(*ordered):
        choices = dict(zip(statistic.choices, (choice.key for choice in picked), strict=True))
        answer = statistic.compute(data, choices)
        if answer is not None:
            departing = [one for key, one in zip(statistic.choices, picked, strict=True) if one.key != named[key]]
            words = (reading.name, *(choice.words for choice in departing))
            blame = (reading.indefensible, *(choice.indefensible for choice in departing))
            yield Recomputed(codings, tuple(filter(None, words)), tuple(filter(None, blame)), answer)


def _named_first(options: tuple[Choice, ...], named: str) -> list[Choice]:
    return sorted(options, key=lambda choice: choice.key != named)
