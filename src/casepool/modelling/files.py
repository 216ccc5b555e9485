"""Model files: found by name or path, every key checked, refused with the file and what is allowed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from casepool._resources import bundled
from casepool.cases.codebook import check_keys, read_toml
from casepool.errors import CasepoolError
from casepool.modelling.families import FAMILIES
from casepool.modelling.priors import DISTRIBUTIONS, SUPPORT_POSITIVE, Prior, read_prior
from casepool.modelling.spec import EXPOSURE_KEYS, TERM_KEYS, Exposure, Model, Outcome, Term

RESERVED = (
    *("patient", "category", "chain", "draw", "row", "intercept", "outcome", "shape", "scale"),
    *("time", "event", "entry", "events", "n", "offset", "switch", "log_weight"),
)
"""Names of dimensions, parameters and arrays, which no term or exposure may take."""
DERIVED = re.compile(r"_(effect|sd|own|z|mean|spread|share|level|node|at_node|data|log_intensity)$")
"""Endings that make another name of a term's."""
NUMBER_LISTS = ("cuts", "bounds")
BORROWING = ("none", "complete", "partial", "robust", "exnex")
CHOICES = {
    "missing": ("model", "drop"),
    "borrowing": BORROWING,
    "own": ("level", "effect"),
    "dating": ("intensity", "uniform", "early", "late"),
    "undated": ("follow_up", "refuse"),
    "as": ("time_varying", "baseline"),
    "effects": ("proportional", "accelerated"),
}
OUTCOME_KEYS = {
    False: ("column", "levels", "success", "events", "n", "target"),
    True: ("time", "event", "levels", "event_levels", "unit", "entry"),
}
UNITS = ("days", "weeks", "months", "years")


def list_models() -> list[str]:
    """Return the names of the bundled models, sorted."""
    return sorted(path.stem for path in bundled("models").glob("*.toml"))


def model(source: str | Path | Model) -> Model:
    """Get a model: a bundled one by name, or one's own by path.

    Parameters
    ----------
    source : str or pathlib.Path or Model
        A name from `list_models`, or the path of a TOML file; a model is handed back.

    Raises
    ------
    CasepoolError
        If there is none of that name, or the file is wrong: with file, key and what is allowed.

    Examples
    --------
    >>> import casepool as cp
    >>> cp.model("objective_response").family
    'bernoulli'
    """
    if isinstance(source, Model):
        return source
    if isinstance(source, str) and source in list_models():
        path = bundled("models") / f"{source}.toml"
    else:
        path = Path(source)
        if path.suffix != ".toml":
            near = get_close_matches(str(source), list_models(), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(list_models())}"
            raise CasepoolError("there is no bundled model of this name", value=str(source), remedy=hint)
    return model_from_dict(read_toml(path), name=path.stem, file=path.name)


def model_from_dict(plain: Mapping[str, Any], *, name: str, file: str = "") -> Model:
    """Make a model of the nested mappings of its file, refusing every key that is not one.

    Raises
    ------
    CasepoolError
        For the first thing wrong.
    """
    file = file or f"{name}.toml"
    top = ["title", "family", "effects", "outcome", "terms", "exposure", "priors"]
    check_keys(plain, top, file=file, table="")
    family = _one_of(plain.get("family"), tuple(FAMILIES), file=file, key="family")
    survival = FAMILIES[family].survival
    effects = _effects(plain, family, file)
    outcome = _outcome(_table(plain, "outcome", file), survival=survival, file=file)
    terms = {
        key: _term(key, _subtable(value, f"terms.{key}", file), file)
        for key, value in _table(plain, "terms", file).items()
    }
    exposures = {
        key: _exposure(key, _subtable(value, f"exposure.{key}", file), file)
        for key, value in _table(plain, "exposure", file).items()
    }
    if exposures and not survival:
        raise CasepoolError("only a survival model has exposures", file=file, column="exposure", remedy="use a term")
    if len(exposures) > 1:
        raise CasepoolError("one exposure at most", file=file, column="exposure", remedy="remove all but one")
    _check_names([*terms, *exposures], file)
    terms = _own_priors_of(terms, file)
    priors = _priors(_table(plain, "priors", file), file)
    made = Model(name, _title(plain, name, file), family, outcome, effects, terms, exposures, priors)
    _check_priors(made, file)
    return made


def _title(plain: Mapping[str, Any], name: str, file: str) -> str:
    title = plain.get("title", name)
    if not isinstance(title, str):
        raise CasepoolError("must be text", file=file, column="title", value=title, remedy="correct it")
    return title


def _check_names(names: list[str], file: str) -> None:
    """Refuse two terms or exposures whose posterior names would meet."""
    for name in names:
        if names.count(name) > 1 or DERIVED.sub("", name) in set(names) - {name}:
            raise CasepoolError(
                f"the name {name!r} meets that of another term or exposure", file=file, remedy="rename one"
            )


def _own_priors_of(terms: Mapping[str, Term], file: str) -> dict[str, Term]:
    """Settle what an exnex factor's own prior describes: the level if it is the only such factor."""
    exnex = [name for name, term in terms.items() if term.kind == "group" and term.borrowing == "exnex"]
    fixed = any(term.kind == "group" and term.borrowing == "none" for term in terms.values())
    alone = len(exnex) == 1 and not fixed
    for name in exnex:
        if not alone and terms[name].own != "effect":
            raise CasepoolError(
                "beside another factor with own priors, the own prior describes the effect",
                file=file,
                column=f"terms.{name}.own",
                remedy='set own = "effect"',
            )
    return {name: replace(t, own=t.own or "level") if name in exnex else t for name, t in terms.items()}


def _table(plain: Mapping[str, Any], key: str, file: str) -> Mapping[str, Any]:
    return _subtable(plain.get(key, {}), key, file)


def _subtable(value: object, key: str, file: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CasepoolError("must be a table", file=file, column=key, value=value, remedy=f"write [{key}]")
    return value


def _one_of(value: object, allowed: tuple[str, ...], *, file: str, key: str) -> str:
    if value not in allowed:
        raise CasepoolError(
            "missing or unknown",
            file=file,
            column=key,
            value=value,
            remedy=f"choose one of {', '.join(allowed)}",
        )
    return str(value)


def _effects(plain: Mapping[str, Any], family: str, file: str) -> str:
    legal = tuple(FAMILIES[family].equation)
    if "effects" not in plain:
        return legal[0]
    if legal == ("",):
        raise CasepoolError("only a survival family has effects", file=file, column="effects", remedy="remove the key")
    return _one_of(plain["effects"], legal, file=file, key="effects")


def _converted(cls: type, values: Mapping[str, Any], *, file: str, table: str) -> dict[str, Any]:
    """Make every value what its field holds: lists become tuples, whole numbers floats."""
    defaults = {f.name: f.default for f in fields(cls)}
    out: dict[str, Any] = {}
    for key, value in values.items():
        field = "as_" if key == "as" else key
        wanted, good = _expected(key, defaults[field], value)
        if not good:
            raise CasepoolError(
                f"must be {wanted}", file=file, column=f"{table}.{key}", value=value, remedy="correct it"
            )
        if key in CHOICES:
            _one_of(value, CHOICES[key], file=file, key=f"{table}.{key}")
        if isinstance(value, list):
            out[field] = tuple(float(v) if key in NUMBER_LISTS else v for v in value)
        else:
            out[field] = float(value) if type(value) is int else value
    return out


def _expected(key: str, default: object, value: object) -> tuple[str, bool]:
    """Say what a key holds, and whether the value is that."""
    items = value if isinstance(value, list) else []
    if key in NUMBER_LISTS:
        return "a list of numbers", bool(items) and all(_is_number(item) for item in items)
    if isinstance(default, tuple):
        texts = all(isinstance(item, str) for item in items)
        return "a list of different texts", bool(items) and texts and len(set(items)) == len(items)
    if key == "exchangeable":
        return "a number, or a table of them", isinstance(value, Mapping) or _is_number(value)
    if key == "target":
        inside = isinstance(value, int | float) and 0 < value < 1
        return "a column, or a number between 0 and 1", isinstance(value, str) or inside
    if isinstance(default, float):
        return "a number", _is_number(value)
    return "text", isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _outcome(plain: Mapping[str, Any], *, survival: bool, file: str) -> Outcome:
    check_keys(plain, list(OUTCOME_KEYS[survival]), file=file, table="outcome")
    outcome = Outcome(**_converted(Outcome, plain, file=file, table="outcome"))
    place = {"file": file, "column": "outcome"}
    if survival:
        if not outcome.time or not outcome.event:
            raise CasepoolError("a survival outcome needs `time` and `event`", remedy="name both columns", **place)
        _one_of(outcome.unit, UNITS, file=file, key="outcome.unit")
        if bool(outcome.levels) != bool(outcome.event_levels) or not set(outcome.event_levels) <= set(outcome.levels):
            raise CasepoolError(
                "`event_levels` must be among `levels`, and neither stands alone",
                remedy="correct them",
                **place,
            )
        return outcome
    if not outcome.column and not outcome.events:
        raise CasepoolError("a response needs `column`, or `events` and `n`", remedy="name the column", **place)
    if outcome.column and (not outcome.success or not set(outcome.success) < set(outcome.levels)):
        raise CasepoolError(
            "`success` must be some of `levels`, and not all",
            remedy="list every code, worst first, in levels",
            **place,
        )
    if outcome.events and not outcome.n:
        raise CasepoolError("`events` needs `n`", remedy="name the column with the number of patients", **place)
    return outcome


def _name(name: str, *, file: str, table: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name in RESERVED:
        raise CasepoolError(
            "not a usable name",
            file=file,
            column=f"{table}.{name}",
            remedy=f"use letters, digits and _, and none of {', '.join(RESERVED)}",
        )
    return name


def _term(name: str, plain: Mapping[str, Any], file: str) -> Term:
    table = f"terms.{_name(name, file=file, table='terms')}"
    kind = _one_of(plain.get("kind"), tuple(TERM_KEYS), file=file, key=f"{table}.kind")
    check_keys(plain, ["kind", "column", "missing", *TERM_KEYS[kind]], file=file, table=table)
    term = Term(name=name, **_converted(Term, plain, file=file, table=table))
    wrong = _term_problem(term)
    if wrong:
        raise CasepoolError(wrong, file=file, column=table, remedy="correct the term")
    return term


def _term_problem(term: Term) -> str:
    """Say what is wrong with the numbers of a term, if anything."""
    if term.bounds is not None and (len(term.bounds) != 2 or not term.bounds[0] < term.bounds[1]):
        return "bounds must be [low, high]"
    if term.kind == "linear" and not term.scale > 0:
        return "scale must be positive"
    if term.kind == "banded" and (not term.cuts or list(term.cuts) != sorted(set(term.cuts))):
        return "banded needs rising cuts"
    if term.kind == "banded" and (len(term.labels) != len(term.cuts) + 1 or len(set(term.labels)) != len(term.labels)):
        return f"{len(term.cuts)} cuts need {len(term.cuts) + 1} different labels"
    shares = term.exchangeable.values() if isinstance(term.exchangeable, Mapping) else [term.exchangeable]
    if not all(_is_number(share) and 0 <= share <= 1 for share in shares):
        return "exchangeable must be between 0 and 1"
    return "df must be above 0" if not term.df > 0 else ""


def _exposure(name: str, plain: Mapping[str, Any], file: str) -> Exposure:
    table = f"exposure.{_name(name, file=file, table='exposure')}"
    check_keys(plain, list(EXPOSURE_KEYS), file=file, table=table)
    if "column" not in plain:
        raise CasepoolError("needs `column`", file=file, column=table, remedy="name the true/false column")
    exposure = Exposure(name=name, **_converted(Exposure, plain, file=file, table=table))
    if exposure.start and (exposure.earliest or exposure.latest):
        raise CasepoolError(
            "`start` and `earliest`/`latest` exclude each other",
            file=file,
            column=table,
            remedy="keep one form",
        )
    if exposure.report_start < 0:
        raise CasepoolError("report_start must not be negative", file=file, column=table, remedy="correct it")
    if bool(exposure.earliest) != bool(exposure.latest):
        raise CasepoolError("`earliest` and `latest` go together", file=file, column=table, remedy="name both")
    return exposure


def _priors(plain: Mapping[str, Any], file: str) -> dict[str, Prior]:
    priors: dict[str, Prior] = {}
    for key, value in plain.items():
        table = _subtable(value, f"priors.{key}", file)
        levels = {k: v for k, v in table.items() if isinstance(v, Mapping)}
        own = {k: v for k, v in table.items() if k not in levels}
        if own or not levels:
            priors[key] = read_prior(own, file=file, key=f"priors.{key}")
        for level, inner in levels.items():
            if not key.endswith("_own"):
                raise CasepoolError(
                    "only `<factor>_own` has priors by level",
                    file=file,
                    column=f"priors.{key}",
                    remedy="remove it",
                )
            priors[f"{key}.{level}"] = read_prior(inner, file=file, key=f"priors.{key}.{level}")
    return priors


def wanted_priors(model: Model) -> list[str]:
    """Posterior names that need a prior from the model file, in the order of the linear predictor."""
    groups = [term for term in model.terms.values() if term.kind == "group"]
    names = [] if any(term.borrowing == "none" for term in groups) else ["intercept"]
    for term in model.terms.values():
        if term.kind != "group":
            names.append(f"{term.name}_effect")
        elif term.borrowing in ("partial", "robust", "exnex"):
            names.append(f"{term.name}_sd")
        if term.kind == "group" and term.borrowing in ("none", "exnex"):
            names.append(f"{term.name}_own")
    names += list(FAMILIES[model.family].parameters)
    for exposure in model.exposures.values():
        names.append(f"{exposure.name}_effect")
        if exposure.as_ == "time_varying" and exposure.dating == "intensity":
            names.append(f"{exposure.name}_log_intensity")
    return names


def missing_priors(term: Term) -> list[str]:
    """Posterior names of the model of a term's missing values."""
    if term.missing == "drop":
        return []
    return [f"{term.name}_mean", f"{term.name}_spread"] if term.kind == "linear" else [f"{term.name}_share"]


def _check_priors(made: Model, file: str) -> None:
    """Refuse priors that are missing, belong to nothing, or have the wrong support."""
    wanted = wanted_priors(made)
    nuisance = [name for term in made.terms.values() for name in missing_priors(term)]
    spare = [f"{exposure}_log_intensity" for exposure in made.exposures]
    for name in wanted:
        if name not in made.priors:
            raise CasepoolError(
                "the model needs this prior",
                file=file,
                column=f"priors.{name}",
                remedy=f"add [priors.{name}]",
            )
    for key, prior in made.priors.items():
        name = key.partition(".")[0]
        if name not in wanted + nuisance + spare:
            raise CasepoolError(
                "a prior for nothing in this model",
                file=file,
                column=f"priors.{key}",
                remedy=f"the model has {', '.join(wanted)}",
            )
        scale = name.endswith(SUPPORT_POSITIVE) or name == "scale" or (name == "shape" and made.family == "weibull")
        fixed = prior.dist == "Fixed"
        allowed = (prior.parameters.get("value", 1.0) > 0) if fixed else DISTRIBUTIONS[prior.dist].positive
        if scale and not allowed:
            raise CasepoolError(
                "a scale needs a prior on positive numbers",
                file=file,
                column=f"priors.{key}",
                remedy="use HalfNormal",
            )
        if name.endswith("_own") and prior.dist != "Normal":
            raise CasepoolError(
                "a level's own prior is Normal",
                file=file,
                column=f"priors.{key}",
                remedy='set dist = "Normal"',
            )
        if (prior.dist == "Dirichlet") != name.endswith("_share"):
            raise CasepoolError(
                "a Dirichlet prior belongs to a share, and a share has no other",
                file=file,
                column=f"priors.{key}",
                remedy="use another distribution",
            )
