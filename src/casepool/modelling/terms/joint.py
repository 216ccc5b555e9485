"""Terms of two others: a number's slope that differs by level, and cells of two labels that leave their sum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, override

from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.distributions import Numbers
from casepool.modelling.families.names import effect_of, sd_of, slope_of
from casepool.modelling.families.parameters import Arrays, Image, Parameter, Role, Scaled
from casepool.modelling.families.supports import POSITIVE
from casepool.modelling.terms.labels import Group, Labelled
from casepool.modelling.terms.numbers import Linear
from casepool.modelling.terms.term import Parameters, Term

WAYS = ("partial", "none")
"""How levels, or cells, of a term of two others may inform each other."""


@dataclass(frozen=True)
class SlopesAbout(Image):
    """Independent normals about one parameter, whose standard deviation is another."""

    mean: str
    sd: str

    @property
    @override
    def scale(self) -> str:
        return self.sd

    @override
    def numbers(self, inputs: Arrays, made: Arrays, xp: Namespace) -> Numbers:
        return {"mu": made[self.mean][..., None], "sigma": made[self.sd][..., None]}


@dataclass(frozen=True)
class Joint:
    """A term made of two others of the model; the fields are the keys of ``[terms.<name>]``.

    A new kind is a subclass below, and an entry of `JOINT_KINDS`. It reads no column: what it adds to the linear
    predictor follows from the rows of its parents, whatever is set or missing there.

    Attributes
    ----------
    kind : str
        What a model file calls it.
    effect : str
        Name of the parameter of its levels or cells.
    """

    name: str

    kind: ClassVar[str] = ""

    @property
    def way(self) -> str:
        """How its levels or cells inform each other, one of `WAYS`."""
        raise NotImplementedError

    @property
    def parents(self) -> tuple[str, str]:
        """The two terms it is of."""
        raise NotImplementedError

    @property
    def effect(self) -> str:
        """Name of the parameter of its levels, or cells."""
        raise NotImplementedError

    @property
    def dim(self) -> str:
        """The dimension of that parameter."""
        raise NotImplementedError

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the arrays, or numbers, of a likelihood that its contribution takes."""
        raise NotImplementedError

    def problem(self, terms: Mapping[str, Term]) -> str:
        """Say what is wrong with its keys, beside the other terms of the model; "" if nothing."""
        raise NotImplementedError

    def parameters(self) -> list[Parameter]:
        """Return its parameters, in the order in which a description lists them."""
        dims = (self.dim,)
        if self.way == "none":
            return [Parameter(self.effect, Role.EFFECT, self.name, dims, key=self.effect)]
        sd = sd_of(self.name)
        return [
            Parameter(sd, Role.SD, self.name, support=POSITIVE, key=sd),
            Parameter(self.effect, Role.EFFECT, self.name, dims, law=self.law()),
        ]

    def law(self) -> Image:
        """Return the distribution of its effects where they borrow."""
        raise NotImplementedError

    def contribution(self, read: list[Array], parameters: Parameters, xp: Namespace) -> Array:
        """Return what it adds to the linear predictor of each row: array (..., rows).

        Parameters
        ----------
        read : list of array
            What `reads` names.
        parameters : mapping of str to array
            Draws lead, a vector's own axis is last.
        xp : Namespace
        """
        raise NotImplementedError

    def equation(self, terms: Mapping[str, Term]) -> str:
        """Write what it adds to the linear predictor."""
        raise NotImplementedError

    def effect_words(self) -> str:
        """Say of what an effect is the effect."""
        raise NotImplementedError


@dataclass(frozen=True)
class Slope(Joint):
    """The slope of a straight line, by level of a factor.

    Under ``none`` every level has a slope with a prior of its own, and the number no mean slope.
    """

    of: str = ""
    by: str = ""
    borrowing: str = "partial"

    kind: ClassVar[str] = "slope"

    @property
    @override
    def way(self) -> str:
        return self.borrowing

    @property
    @override
    def parents(self) -> tuple[str, str]:
        return self.of, self.by

    @property
    @override
    def effect(self) -> str:
        return slope_of(self.name)

    @property
    @override
    def dim(self) -> str:
        return self.by

    @property
    @override
    def reads(self) -> tuple[str, ...]:
        return self.parents

    @override
    def problem(self, terms: Mapping[str, Term]) -> str:
        number, factor = terms.get(self.of), terms.get(self.by)
        if not isinstance(number, Linear):
            return "`of` must name a linear term of the model"
        if number.each_step:
            return "`of` names a term with effects by category, which has no one slope"
        return "" if isinstance(factor, Group) else "`by` must name a group term of the model"

    @override
    def law(self) -> Image:
        return SlopesAbout(effect_of(self.of), sd_of(self.name))

    @override
    def contribution(self, read: list[Array], parameters: Parameters, xp: Namespace) -> Array:
        values, levels = read
        slopes = parameters[self.effect]
        if effect_of(self.of) in parameters:  # which the number itself adds
            slopes = slopes - parameters[effect_of(self.of)][..., None]
        return (slopes @ levels.T) * values

    @override
    def equation(self, terms: Mapping[str, Term]) -> str:
        place = f"{self.effect}[{terms[self.by].source}]"
        mean = effect_of(self.of)
        moved = terms[self.of].equation()[0].removeprefix(mean).strip()
        return f"({place} - {mean}) {moved}" if self.borrowing == "partial" else f"{place} {moved}"

    @override
    def effect_words(self) -> str:
        return f" per step of {self.of}, in a level of {self.by}"

    def __str__(self) -> str:
        where = f"slope of {self.of} by level of {self.by}"
        if self.borrowing == "none":
            return f"{where}, nothing borrowed: each level has its own prior, {self.effect}"
        law = f"Normal({effect_of(self.of)}, {sd_of(self.name)})"
        return (
            f"{where}, partial borrowing: {self.effect} ~ {law} over levels; a level's effect and its slope are "
            f"independent a priori at the centre of {self.of}"
        )


@dataclass(frozen=True)
class Interaction(Joint):
    """How the cells of two terms with levels leave the sum of the two; only cells that occur have an effect."""

    of: tuple[str, ...] = ()
    borrowing: str = "partial"

    kind: ClassVar[str] = "interaction"

    @property
    @override
    def way(self) -> str:
        return self.borrowing

    @property
    @override
    def parents(self) -> tuple[str, str]:
        first, second = self.of
        return first, second

    @property
    @override
    def effect(self) -> str:
        return effect_of(self.name)

    @property
    @override
    def dim(self) -> str:
        return self.name

    @property
    @override
    def reads(self) -> tuple[str, ...]:
        return (self.name,)

    @override
    def problem(self, terms: Mapping[str, Term]) -> str:
        levelled = all(isinstance(terms.get(name), Labelled) for name in self.of)
        good = len(self.of) == 2 and levelled
        return "" if good else "`of` must name two terms of the model that have levels (group, category, banded)"

    @override
    def law(self) -> Image:
        return Scaled(sd_of(self.name))

    @override
    def contribution(self, read: list[Array], parameters: Parameters, xp: Namespace) -> Array:
        return parameters[self.effect] @ read[0].T

    @override
    def equation(self, terms: Mapping[str, Term]) -> str:
        return f"{self.effect}[{', '.join(terms[name].source for name in self.of)}]"

    @override
    def effect_words(self) -> str:
        return f" beside the sum of {' and '.join(self.of)}"

    def __str__(self) -> str:
        where = f"interaction: how cells of {' and '.join(self.of)} leave the sum of both"
        if self.borrowing == "none":
            return f"{where}, nothing borrowed: each cell has its own prior, {self.effect}"
        return f"{where}, partial borrowing: {self.effect} ~ Normal(0, {sd_of(self.name)}) over cells that occur"


JOINT_KINDS: dict[str, type[Slope] | type[Interaction]] = {kind.kind: kind for kind in (Slope, Interaction)}
"""Kinds of terms of two others, by the name a model file gives them."""


def standing_alone(joints: Iterable[Joint]) -> set[str]:
    """Return the numbers that have no mean slope: their levels have priors of their own."""
    return {own.of for own in joints if isinstance(own, Slope) and own.borrowing == "none"}


def clash(joints: Mapping[str, Joint]) -> tuple[str, str]:
    """Return the name of a term that another leaves no place for, and what is wrong; two empty texts if all is well."""
    alone = standing_alone(joints.values())
    slopes = [own for own in joints.values() if isinstance(own, Slope)]
    for own in slopes:
        if own.of in alone and sum(other.of == own.of for other in slopes) > 1:
            return own.name, f'{own.of} has slopes with borrowing = "none", which leave no mean for another slope term'
    pairs: dict[frozenset[str], str] = {}
    for name, joint in joints.items():
        first = pairs.setdefault(frozenset(joint.parents), name)
        if first != name:
            return name, f"says of {' and '.join(joint.parents)} what {first} says already"
    return "", ""
