"""Terms with levels: factors whose levels may inform each other, plain categories, and numbers cut into bands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, override

import numpy as np

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.modelling.families.arrays import Array, Namespace
from casepool.modelling.families.facts import DATA
from casepool.modelling.families.names import effect_of, level_dim, own_of, sd_of, share_of
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import Family
from casepool.modelling.families.supports import POSITIVE, SIMPLEX
from casepool.modelling.terms.borrowings import BORROWINGS, Borrowing, LevelEffects
from casepool.modelling.terms.term import Coded, ColumnRead, Parameters, Term, rising

SHARES = Prior("Dirichlet", {"concentration": 1.0}, "convention: every share equally plausible")


class Labelled(Term):
    """A term with levels: a row of its design matrix weighs their effects, or those of all but the reference."""

    @override
    def missing_parameters(self) -> list[Parameter]:
        name = share_of(self.name)
        shares = Parameter(name, Role.SHARE, self.name, (level_dim(self.name),), SIMPLEX, if_missing=True)
        return [shares.with_prior(SHARES)]

    @override
    def dims(self, coded: Coded, incomplete: bool) -> dict[str, tuple[str, ...]]:
        return {self.name: coded.coefficients} | ({level_dim(self.name): coded.levels} if incomplete else {})

    @override
    def contribution(self, x: Array, parameters: Parameters, xp: Namespace) -> Array:
        return parameters[effect_of(self.name)] @ x.T

    @override
    def contribution_of_draws(self, x: np.ndarray, parameters: Mapping[str, np.ndarray]) -> np.ndarray:
        return np.asarray((parameters[effect_of(self.name)] * x).sum(axis=-1))

    @override
    def equation(self) -> list[str]:
        place = [self.source, *["step"] * self.each_step]
        return [f"{effect_of(self.name)}[{', '.join(place)}]"]


def plain_effect(term: Term, dims: tuple[str, ...]) -> Parameter:
    """Return an effect with a prior of its own, for each step between categories if the term says so."""
    name = effect_of(term.name)
    return Parameter(name, Role.EFFECT, term.name, (*dims, *["step"] * term.each_step), key=name)


def coded_levels(
    term: Term,
    cells: list[tuple[str, ...]],
    levels: tuple[str, ...],
    coefficients: tuple[str, ...],
    rows: np.ndarray,
) -> Coded:
    """Code labels: the levels' own rows first, then the mean row of every set of several members."""
    index = {level: i for i, level in enumerate(levels)}
    sets = sorted({cell for cell in cells if len(cell) > 1})
    mixed = [rows[[index[member] for member in cell]].mean(axis=0) for cell in sets]
    position = {(level,): i for level, i in index.items()} | {cell: len(levels) + i for i, cell in enumerate(sets)}
    everything = np.arange(len(levels))
    options = [np.array([position[cell]]) if cell else everything for cell in cells]
    choices = np.vstack([rows, *mixed]) if mixed else rows
    return Coded(
        term=term,
        levels=levels,
        coefficients=coefficients,
        choices=choices,
        nodes=np.full(len(choices), np.nan),
        options=options,
        log_weights=[np.zeros(len(option)) for option in options],
        missing=np.array([not cell for cell in cells]),
        values=np.array([-1 if not c else index[c[0]] if len(c) == 1 else -2 for c in cells]),
    )


@dataclass(frozen=True)
class Group(Labelled):
    """A factor whose levels may inform each other."""

    borrowing: str = "partial"
    exchangeable: float | Mapping[str, float] = field(metadata=DATA, default=0.5)
    own: str = ""
    df: float = field(metadata=DATA, default=4.0)

    kind: ClassVar[str] = "group"
    borrows: ClassVar[bool] = True
    held_by_prior: ClassVar[bool] = True

    @property
    def way(self) -> Borrowing:
        """How its levels inform each other."""
        return BORROWINGS[self.borrowing]

    @property
    @override
    def stands_alone(self) -> bool:
        return self.way.stands_alone

    def law(self, family: Family, priors: Mapping[str, Prior]) -> LevelEffects:
        """Return the distribution of its effects, in a model with these priors."""
        return LevelEffects(self, self.way, family, priors)

    @override
    def problem(self) -> str:
        shares = self.exchangeable.values() if isinstance(self.exchangeable, Mapping) else [self.exchangeable]
        if not all(is_number(share) and 0 <= share <= 1 for share in shares):
            return "exchangeable must be between 0 and 1"
        return "" if self.df > 0 else "df must be above 0"

    @override
    def encode(self, read: ColumnRead) -> Coded:
        return coded_levels(self, read.cells, read.levels, read.levels, np.eye(len(read.levels)))

    @override
    def parameters(self, family: Family, priors: Mapping[str, Prior]) -> list[Parameter]:
        found = []
        if self.way.has_sd:
            found.append(Parameter(sd_of(self.name), Role.SD, self.name, support=POSITIVE, key=sd_of(self.name)))
        if self.way.differs:
            key = own_of(self.name) if self.way.has_own else ""
            name, law = effect_of(self.name), self.law(family, priors)
            found.append(Parameter(name, Role.EFFECT, self.name, (self.name,), law=law, key=key))
        return found

    @override
    def equation(self) -> list[str]:
        return super().equation() if self.way.differs else []

    @override
    def levels_text(self) -> str:
        p = (
            f"{self.exchangeable:g}"
            if not isinstance(self.exchangeable, Mapping)
            else ", ".join(f"{share:g} ({level})" for level, share in self.exchangeable.items())
        )
        own = "effect" if self.own == "effect" else "level"
        words = self.way.words.format(name=self.name, df=f"{self.df:g}", p=p, own=own)
        return f"group{self.column_text()}, {words}"


@dataclass(frozen=True)
class Category(Labelled):
    """Labels with plain effects against a reference, nothing borrowed; a single level is the reference, without any."""

    reference: str = field(metadata=DATA, default="")
    by_category: bool = False

    kind: ClassVar[str] = "category"

    @override
    def encode(self, read: ColumnRead) -> Coded:
        reference = self.reference if len(read.levels) > 1 and self.reference else read.levels[0]
        if reference not in read.levels:
            raise CasepoolError(
                "the reference is no level of this column",
                column=self.source,
                value=reference,
                remedy=f"choose one of {', '.join(read.levels)}",
            )
        levels = (reference, *(level for level in read.levels if level != reference))
        return coded_levels(self, read.cells, levels, levels[1:], np.eye(len(levels))[:, 1:])

    @override
    def parameters(self, family: Family, priors: Mapping[str, Prior]) -> list[Parameter]:
        return [plain_effect(self, (self.name,))]

    @override
    def levels_text(self) -> str:
        reference = self.reference or "the first level"
        return f"category{self.column_text()}, effects against {reference}, nothing borrowed"


@dataclass(frozen=True)
class Banded(Labelled):
    """A number cut into bands, each with a plain effect against the lowest."""

    cuts: tuple[float, ...] = field(metadata=DATA, default=())
    labels: tuple[str, ...] = field(metadata=DATA, default=())
    bounds: tuple[float, float] | None = field(metadata=DATA, default=None)
    by_category: bool = False

    kind: ClassVar[str] = "banded"
    reads_numbers: ClassVar[bool] = True

    @property
    @override
    def limits(self) -> tuple[float, float] | None:
        return self.bounds

    @override
    def problem(self) -> str:
        bands = len(self.cuts) + 1
        if wrong := bounds_problem(self.bounds):
            return wrong
        if not self.cuts or not rising(self.cuts):
            return "banded needs rising cuts"
        if not len(set(self.labels)) == len(self.labels) == bands:
            return f"{bands - 1} cuts need {bands} different labels"
        return ""

    @override
    def encode(self, read: ColumnRead) -> Coded:
        bands = np.searchsorted(self.cuts, read.values, side="right")
        cells: list[tuple[str, ...]] = [
            () if np.isnan(value) else (self.labels[band],) for value, band in zip(read.values, bands, strict=True)
        ]
        return coded_levels(self, cells, self.labels, self.labels[1:], np.eye(len(self.labels))[:, 1:])

    @override
    def parameters(self, family: Family, priors: Mapping[str, Prior]) -> list[Parameter]:
        return [plain_effect(self, (self.name,))]

    @override
    def levels_text(self) -> str:
        cuts = _and(f"{cut:g}" for cut in self.cuts)
        bands = f"cut at {cuts} into {_and(self.labels)}{bounds_text(self.bounds)}"
        return f"number{self.column_text()} {bands}, effects against {self.labels[0]}"


KINDS: dict[str, type[Term]] = {kind.kind: kind for kind in (Group, Category, Banded)}
"""Kinds of terms with levels, by the name a model file gives them."""


def bounds_problem(bounds: tuple[float, ...] | None) -> str:
    """Say what is wrong with bounds; "" if nothing."""
    good = bounds is None or (len(bounds) == 2 and bounds[0] < bounds[1])
    return "" if good else "bounds must be [low, high]"


def bounds_text(bounds: tuple[float, float] | None) -> str:
    """Say within which bounds a number lies; "" without any."""
    return f", between {bounds[0]:g} and {bounds[1]:g}" if bounds else ""


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)
