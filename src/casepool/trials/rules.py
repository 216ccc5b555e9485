"""The rules by which a basket succeeds or closes: criteria that must all hold, each of which says itself in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.toml_files import check_keys

NULL, TARGET = "null", "target"
PROBABILITY, MEAN, RESPONDERS, PREDICTIVE = "probability", "mean", "responders", "predictive"
SUCCESS, FUTILITY, EARLY = "success", "futility", "early_success"
RISING = {SUCCESS: True, EARLY: True, FUTILITY: False}
"""Whether a rule holds where the outcomes are good."""
KEYS = {
    SUCCESS: ("probability_above", "mean_above", "responders"),
    EARLY: ("probability_above", "mean_above", "responders", "from_n"),
    FUTILITY: ("probability_above", "mean_below", "responders", "predictive", "from_n"),
}


@dataclass(frozen=True)
class Criterion:
    """One condition of a rule.

    Parameters
    ----------
    kind : {"probability", "mean", "responders", "predictive"}
    limits : tuple of float
        One, or one a look at which the rule is asked.
    rate : str or float
        Of a probability: the rate to be exceeded, "null" and "target" being each basket's own.
    """

    kind: str
    limits: tuple[float, ...]
    rate: str | float = ""

    def limit(self, look: int) -> float:
        """Return the limit at a look, counted from 0."""
        return self.limits[look] if len(self.limits) > 1 else self.limits[0]

    def says(self, rising: bool) -> str:
        """Put it into words."""
        limits = " then ".join(f"{limit:g}" for limit in self.limits)
        if self.kind == RESPONDERS:
            return f"at {'least' if rising else 'most'} {limits} responders"
        of = {
            PROBABILITY: f"P(rate > {self.rate if isinstance(self.rate, str) else format(self.rate, 'g')})",
            MEAN: "posterior mean of the rate",
            PREDICTIVE: "predictive probability of success at the end",
        }[self.kind]
        return f"{of} {'>' if rising else '<'} {limits}"


@dataclass(frozen=True)
class Rule:
    """Criteria that must all hold.

    Parameters
    ----------
    name : {"success", "futility", "early_success"}
    criteria : tuple of Criterion
    from_n : int
        Patients a basket must have for the rule to be asked.
    """

    name: str
    criteria: tuple[Criterion, ...]
    from_n: int = 0

    @property
    def counts_only(self) -> bool:
        """Whether it asks for responders alone."""
        return all(criterion.kind == RESPONDERS for criterion in self.criteria)

    def says(self) -> str:
        """Put it into words."""
        words = " and ".join(criterion.says(RISING[self.name]) for criterion in self.criteria)
        return f"{words}, from {self.from_n} patients" if self.from_n else words

    def plain(self) -> dict[str, Any]:
        """Return the rule as its table of the file."""
        found: dict[str, Any] = {}
        shares = []
        for own in self.criteria:
            written = list(own.limits) if len(own.limits) > 1 else own.limits[0]
            if own.kind == RESPONDERS:
                found["responders"] = [int(n) for n in own.limits] if len(own.limits) > 1 else int(own.limits[0])
            elif own.kind == PROBABILITY:
                shares.append({"rate": own.rate, "more_than" if RISING[self.name] else "less_than": written})
            elif own.kind == MEAN:
                found["mean_above" if RISING[self.name] else "mean_below"] = written
            else:
                found["predictive"] = written
        if shares:
            found["probability_above"] = shares[0] if len(shares) == 1 else shares
        return found | ({"from_n": self.from_n} if self.from_n else {})


def read_rule(name: str, plain: Any, file: str, looks: int) -> Rule:
    """Read one rule of a design's file.

    Parameters
    ----------
    looks : int
        At how many looks it is asked.
    """
    if not isinstance(plain, Mapping):
        raise CasepoolError("must be a table", file=file, column=name, value=plain, remedy=f"write [{name}]")
    check_keys(plain, KEYS[name], file=file, table=name)
    if looks == 0:
        raise CasepoolError(
            f"[{name}] is asked at looks before the last, and there are none",
            file=file, column=name, remedy="give n as a list of growing numbers, or take the rule away",
        )  # fmt: skip
    criteria = []
    for key, value in plain.items():
        place = f"{name}.{key}"
        if key == "probability_above":
            tables = value if isinstance(value, list) else [value]
            criteria += [_probability(table, place, name, file, looks) for table in tables]
        elif key in ("mean_above", "mean_below"):
            criteria.append(Criterion(MEAN, limits_of(value, place, file, looks)))
        elif key == "predictive":
            criteria.append(Criterion(PREDICTIVE, limits_of(value, place, file, looks)))
        elif key == "responders":
            limits = limits_of(value, place, file, looks, whole=True)
            criteria.append(Criterion(RESPONDERS, limits))
    if not criteria:
        raise CasepoolError(
            "the rule has no criterion", file=file, column=name, remedy=f"give one of {', '.join(KEYS[name][:3])}"
        )
    [least] = limits_of(plain.get("from_n", 0), f"{name}.from_n", file, 1, whole=True)
    return Rule(name, tuple(sorted(criteria, key=lambda own: (own.kind, str(own.rate)))), int(least))


def _probability(table: Any, place: str, name: str, file: str, looks: int) -> Criterion:
    side = "more_than" if RISING[name] else "less_than"
    if not isinstance(table, Mapping):
        raise CasepoolError(
            "must be a table", file=file, column=place, value=table, remedy=f'write {{ rate = "null", {side} = 0.95 }}'
        )
    check_keys(table, ("rate", side), file=file, table=place)
    rate: Any = table.get("rate")
    if rate not in (NULL, TARGET) and not (is_number(rate) and 0 < rate < 1):
        raise CasepoolError(
            "the rate must be null, target or a number between 0 and 1",
            file=file, column=f"{place}.rate", value=rate, remedy="correct it",
        )  # fmt: skip
    limits = limits_of(table.get(side), f"{place}.{side}", file, looks)
    return Criterion(PROBABILITY, limits, rate if isinstance(rate, str) else float(rate))


def limits_of(value: Any, place: str, file: str, looks: int, *, whole: bool = False) -> tuple[float, ...]:
    """Return a rule's limits, one or one a look: probabilities between 0 and 1, or whole numbers."""
    listed: Sequence[Any] = value if isinstance(value, list) else [value]
    wanted = "a whole number from 0" if whole else "a number between 0 and 1"
    for number in listed:
        known = is_number(number)
        if not known or not (number >= 0 and number == int(number) if whole else 0 < number < 1):
            raise CasepoolError(f"must be {wanted}", file=file, column=place, value=number, remedy="correct it")
    if len(listed) not in (1, looks):
        raise CasepoolError(
            f"the rule is asked at {looks} looks, and these are {len(listed)} limits",
            file=file, column=place, value=value, remedy="give one, or one a look",
        )  # fmt: skip
    return tuple(float(number) for number in listed)
