"""The model as its file states it: outcome, terms, exposures, priors. Frozen, printable, TOML both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import tomli_w

from casepool.modelling.priors import NUISANCE, Prior


@dataclass(frozen=True)
class Outcome:
    """Which columns hold the outcome; the fields are the keys of ``[outcome]`` in a model file."""

    column: str = ""
    levels: tuple[str, ...] = ()
    success: tuple[str, ...] = ()
    events: str = ""
    n: str = ""
    target: str | float = ""
    time: str = ""
    lower: str = ""
    upper: str = ""
    event: str = ""
    event_levels: tuple[str, ...] = ()
    unit: str = "months"
    entry: str = ""


@dataclass(frozen=True)
class Term:
    """One covariate or factor; the fields are the keys of ``[terms.<name>]``."""

    name: str
    kind: str
    column: str = ""
    borrowing: str = "partial"
    exchangeable: float | Mapping[str, float] = 0.5
    own: str = ""
    df: float = 4.0
    centre: float = 0.0
    scale: float = 1.0
    cuts: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    missing: str = "model"
    reference: str = ""
    knots: tuple[float, ...] = ()
    by_category: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the term is a number as it stands, without levels."""
        return self.kind in ("linear", "smooth")

    @property
    def source(self) -> str:
        """Column of the cases the term reads."""
        return self.column or self.name

    @property
    def standard_knots(self) -> tuple[float, ...]:
        """Knots in units of `scale` from `centre`."""
        return tuple((knot - self.centre) / self.scale for knot in self.knots)


@dataclass(frozen=True)
class Exposure:
    """A treatment that starts during follow-up; the fields are the keys of ``[exposure.<name>]``."""

    name: str
    column: str
    earliest: str = ""
    latest: str = ""
    start: str = ""
    dating: str = "intensity"
    undated: str = "follow_up"
    as_: str = "time_varying"
    landmark: float = 0.0
    report_start: float = 0.0

    @property
    def begins(self) -> bool:
        """Whether it counts from its start on; else patients are compared by what they had, or came to have."""
        return self.as_ == "time_varying"

    @property
    def modelled(self) -> bool:
        """Whether its start is a transition of the model, with an intensity."""
        return self.begins and self.dating == "intensity"


@dataclass(frozen=True)
class Model:
    """A statistical model, as data.

    Parameters
    ----------
    name : str
        The file's name without ending, or what the user calls it.
    title, family, effects : str
        What it answers, the outcome's family, and (survival) "proportional" or "accelerated".
    link : str
        Of an ordinal family "cumulative" or "adjacent".
    cuts, pieces, knots
        Of a family whose hazard has pieces: where they meet, in the outcome's unit, or how many share the events out.
    outcome : Outcome
    terms : mapping of str to Term
        In the order of the file.
    exposures : mapping of str to Exposure
    priors : mapping of str to Prior
        By posterior name; ``"<factor>_own.<level>"`` for one level of an exnex factor.
    """

    name: str
    title: str
    family: str
    outcome: Outcome
    effects: str = ""
    terms: Mapping[str, Term] = field(default_factory=dict)
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    priors: Mapping[str, Prior] = field(default_factory=dict)
    link: str = ""
    cuts: tuple[float, ...] = ()
    pieces: int = 0
    knots: tuple[float, ...] = ()

    @property
    def is_ordinal(self) -> bool:
        """Whether the outcome has ordered categories, of which success is one cut."""
        return bool(self.link)

    @property
    def form(self) -> str:
        """Which form of the family's equation the model has: its kind of effects or its link."""
        return self.effects or self.link

    def to_toml(self) -> str:
        """Write the model as the text of a model file; comments of the file it came from are not kept."""
        return tomli_w.dumps(model_dict(self))

    def prior(self, name: str) -> Prior:
        """Return the prior in force for a posterior name, the nuisance default where the file gives none."""
        if name in self.priors:
            return self.priors[name]
        return NUISANCE["_" + name.rpartition("_")[2]]

    def columns(self) -> list[str]:
        """Columns of the cases that the model may read, in the order of the file."""
        out = self.outcome
        target = out.target if isinstance(out.target, str) else ""
        names = [out.column, out.events, out.n, target, out.time, out.lower, out.upper, out.event, out.entry]
        names += [term.source for term in self.terms.values()]
        for exposure in self.exposures.values():
            names += [exposure.column, exposure.earliest, exposure.latest, exposure.start]
        return list(dict.fromkeys(name for name in names if name))

    def __str__(self) -> str:
        from casepool.modelling.printing import describe  # printing needs the families, which need the spec

        return describe(self)


TERM_KEYS: dict[str, tuple[str, ...]] = {
    "group": ("borrowing", "exchangeable", "own", "df"),
    "category": ("reference", "by_category"),
    "linear": ("centre", "scale", "bounds", "by_category"),
    "banded": ("cuts", "labels", "bounds", "by_category"),
    "smooth": ("knots", "centre", "scale", "bounds"),
}
"""Keys of each kind of term besides ``kind``, ``column`` and ``missing``."""

SHAPE_KEYS = ("cuts", "pieces", "knots")
"""Top-level keys that say where the pieces of a hazard meet."""

EXPOSURE_KEYS = ("column", "earliest", "latest", "start", "dating", "undated", "as", "landmark", "report_start")


def model_dict(model: Model) -> dict[str, Any]:
    """Return a model as the nested plain mappings of its file."""
    plain: dict[str, Any] = {"title": model.title, "family": model.family}
    plain |= _filled({"effects": model.effects, "link": model.link})
    plain |= _filled({key: getattr(model, key) for key in SHAPE_KEYS if getattr(model, key)})
    plain["outcome"] = _filled(vars(model.outcome))
    if not model.outcome.time and not model.outcome.lower:
        plain["outcome"].pop("unit", None)
    plain["terms"] = {
        name: {"kind": term.kind} | _filled({k: getattr(term, k) for k in ("column", *TERM_KEYS[term.kind], "missing")})
        for name, term in model.terms.items()
    }
    plain["exposure"] = {
        name: _filled({k: getattr(exposure, "as_" if k == "as" else k) or None for k in EXPOSURE_KEYS})
        for name, exposure in model.exposures.items()
    }
    priors: dict[str, Any] = {}
    for key, prior in model.priors.items():
        head, _, level = key.partition(".")
        form = dict(prior.elicited) if prior.elicited else {"dist": prior.dist, **prior.parameters}
        target = priors.setdefault(head, {}) if not level else priors.setdefault(head, {}).setdefault(level, {})
        target.update(form | ({"why": prior.why} if prior.why else {}))
    plain["priors"] = priors
    return {key: value for key, value in plain.items() if value != {}}


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the keys that say something, tuples as lists."""
    kept = {k: v for k, v in values.items() if v is not None and v is not False and v not in ("", ())}
    return {k: list(v) if isinstance(v, tuple) else dict(v) if isinstance(v, Mapping) else v for k, v in kept.items()}
