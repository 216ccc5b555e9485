"""Model files: found by name or path, every key checked, refused with the file and what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from casepool.arguments import is_number
from casepool.errors import CasepoolError
from casepool.modelling.families.names import effect_of, log_intensity_of, names_from, own_of
from casepool.modelling.families.parameters import CUTPOINTS, NOWHERE
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.families.trial_laws import TRIALS
from casepool.modelling.specification.default_priors import default_priors
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.model import SHAPE_KEYS, Model, keys_of
from casepool.modelling.specification.outcome_keys import read_keys
from casepool.modelling.specification.prior_files import SCALES, Link, of_median_time, of_waiting_time, read_prior
from casepool.modelling.specification.required_priors import check_priors, check_trials, given_by, refuse_missing
from casepool.modelling.specification.selection import read_selection
from casepool.modelling.specification.trial_priors import joint_parts, read_trial_prior
from casepool.modelling.specification.trials import Trials, read_trials
from casepool.modelling.specification.values import MOST_PLACES, check_size, converted, one_of
from casepool.modelling.terms.joint import JOINT_KINDS, WAYS, Interaction, Slope, clash
from casepool.modelling.terms.kinds import KINDS
from casepool.modelling.terms.labels import Group
from casepool.modelling.terms.term import Term, rising
from casepool.toml_files import bundled_names, check_keys, file_named, read_toml

RESERVED = (
    *("patient", "category", "chain", "draw", "row", "intercept", "outcome", "shape", "scale"),
    *("time", "event", "entry", "events", "n", "offset", "switch", "log_weight"),
    *("gap", "step", "first_cutpoint", "cutpoint_gap", "cutpoints"),
    *("hazard", "log_hazard", "piece", "lower", "between", "next_piece", "rows"),
    *("hazard_breaks", "hazard_widths", "hazard_powers", "hazard_constant"),
)
"""Names of dimensions, parameters and arrays, which no term or exposure may take."""
OF_EVENTS = (
    *("reporting", "bearer", "told", "unit", "lot", "bearers", "seen_only", "seen_type", "seen", "seen_share"),
    *("silent", "ways", "position"),
)
"""Names of arrays of a table of events, which no term of a model of one may take."""
TABLES = ("outcome", "terms", "exposure", "selection", "evidence", "priors")
FORM_KEYS = {"effects": "a survival family has effects", "link": "an ordinal family has a link"}
"""Top-level keys that choose the form of a family's equation, and which families have them."""


TOP = ("title", "family", *FORM_KEYS, *SHAPE_KEYS, *TABLES)
"""Keys at the top of a file, the tables last."""


def list_models() -> list[str]:
    """Return the names of the bundled models, sorted.

    See Also
    --------
    model, draft

    Examples
    --------
    >>> import casepool as cp
    >>> cp.list_models()[:3]
    ['adverse_events_any', 'adverse_events_by_patient_and_type', 'adverse_events_by_type']
    """
    return bundled_names("models")


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

    See Also
    --------
    list_models, fit, draft, from_formula

    Examples
    --------
    >>> import casepool as cp
    >>> cp.model("objective_response").family
    'bernoulli'
    """
    if isinstance(source, Model):
        return source
    path = file_named(source, "models", "model")
    return model_from_dict(read_toml(path), name=path.stem, file=path.name, folder=path.parent)


def model_from_dict(
    plain: Mapping[str, Any], *, name: str, file: str = "", complete: bool = False, folder: Path | None = None
) -> Model:
    """Make a model of the nested mappings of its file, refusing every key that is not one.

    Parameters
    ----------
    plain : mapping
    name : str
    file : str
        What refusals call the file, by default after the name.
    complete : bool
        Whether priors that the model lacks are filled in by `default_priors`, or refused.
    folder : pathlib.Path, optional
        Where the files lie that the model names; by default the current one.

    Raises
    ------
    CasepoolError
        For the first thing wrong.
    """
    file = file or f"{name}.toml"
    check_keys(plain, TOP, file=file, table="")
    family = one_of(plain.get("family"), FAMILIES, file=file, key="family")
    survival = FAMILIES[family].is_survival
    form, shape = _form(plain, family, file), _shape(plain, family, file)
    outcome = read_keys(_table(plain, "outcome", file), family=family, file=file)
    every = {
        key: _term(key, _subtable(value, f"terms.{key}", file), file)
        for key, value in _table(plain, "terms", file).items()
    }
    terms = {key: own for key, own in every.items() if isinstance(own, Term)}
    joint = {key: own for key, own in every.items() if not isinstance(own, Term)}
    _check_joint(joint, terms, file)
    exposures = {
        key: _exposure(key, _subtable(value, f"exposure.{key}", file), file)
        for key, value in _table(plain, "exposure", file).items()
    }
    if exposures and not survival:
        raise CasepoolError("only a survival model has exposures", file=file, column="exposure", remedy="use a term")
    if len(exposures) > 1:
        raise CasepoolError("one exposure at most", file=file, column="exposure", remedy="remove all but one")
    selection = None
    if "selection" in plain:
        selection = read_selection(_table(plain, "selection", file), file=file, survival=survival)
    trials = _evidence(_table(plain, "evidence", file), file, folder)
    _check_names(
        [*every, *exposures, *([TRIALS] if trials else []), *(["selection", "published"] if selection else [])], file
    )
    _check_by_category(terms, form.get("link", ""), file)
    terms = _own_priors_of(terms, file)
    effects, link = form.get("effects", ""), form.get("link", "")
    scales = _scales(family, effects, shape.get("knots", ()), exposures, file)
    stated = _table(plain, "priors", file)
    made = Model(
        name,
        _title(plain, name, file),
        family,
        outcome,
        effects,
        terms,
        exposures,
        {},
        link,
        **shape,
        joint=joint,
        trials=trials,
        selection=selection,
    )
    if complete:
        stated = default_priors(made, [key for key in made.prior_keys if key not in given_by(stated)]) | dict(stated)
    refuse_missing(made, given_by(stated), file)
    by_level = {own_of(name) for name in terms} | {effect_of(name) for name in terms} | {CUTPOINTS}
    made = replace(made, priors=_priors(stated, file, scales, by_level, trials))
    check_trials(made, file)
    check_priors(made, file)
    _check_variables(made, file)
    for own, term in made.terms.items() if made.outcome.per else ():
        if term.missing != "drop":
            raise CasepoolError("rows of events share one likelihood, in which nothing missing is summed over",
                                file=file, column=f"terms.{own}.missing", value=term.missing,
                                remedy='write missing = "drop"')  # fmt: skip
    return made


Model.reader = model_from_dict


def refusals_of(
    plain: Mapping[str, Any], *, name: str, file: str, folder: Path | None = None
) -> tuple[Model | None, list[CasepoolError]]:
    """Read a model file as `model_from_dict` does, and return what is wrong with it, part by part.

    The top, the outcome and every term, exposure and prior are read on their own, so that one refusal hides no other;
    where all can be read, what is wrong between them is the one refusal left.

    Returns
    -------
    model : Model or None
        None if anything is wrong.
    refusals : list of CasepoolError
        At most one of each part.
    """
    refused = _Refused()
    refused.of(check_keys, plain, TOP, file=file, table="")
    refused.of(_title, plain, name, file)
    family = refused.of(one_of, plain.get("family"), FAMILIES, file=file, key="family")
    tables = {key: refused.of(_table, plain, key, file) or {} for key in TABLES}
    trials = refused.of(_evidence, tables["evidence"], file, folder)
    for table, read in {"terms": _term, "exposure": _exposure}.items():
        for key, value in tables[table].items():
            inner = refused.of(_subtable, value, f"{table}.{key}", file)
            if inner is not None:
                refused.of(read, key, inner, file)
    if family:
        form, shape = refused.of(_form, plain, family, file), refused.of(_shape, plain, family, file)
        refused.of(read_keys, tables["outcome"], family=family, file=file)
        if form is not None and shape is not None:
            effects = form.get("effects", "")
            scales = _scales(family, effects, shape.get("knots", ()), tables["exposure"], file)
            owns = {own_of(name) for name in tables["terms"]}
            needs = {own.name for own in FAMILIES[family].parameters_of(effects)}
            read_alone = partial(_priors, file=file, scales=scales, by_level=owns, trials=trials)
            _read_priors(tables["priors"], needs, read_alone, refused)
    if refused.found:
        return None, list({str(one): one for one in refused.found}.values())
    return refused.of(model_from_dict, plain, name=name, file=file, folder=folder), refused.found


class _Refused:
    """Collects the refusals of parts of a file."""

    def __init__(self) -> None:
        self.found: list[CasepoolError] = []

    def of(self, read: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """Return what a part is read as, None where it is refused."""
        try:
            return read(*given, **more)
        except CasepoolError as refusal:
            self.found.append(refusal)
            return None


def _read_priors(stated: Mapping[str, Any], needs: set[str], read: Callable[..., Any], refused: _Refused) -> None:
    """Read every prior on its own; the intercept's, which `needs` others, where these are there and can be read.

    Priors made of trials are left for later: some come in pairs.
    """
    alone = {key: own for key, own in stated.items() if not (isinstance(own, Mapping) and own.get("from") == TRIALS)}
    begun = len(refused.found)
    for key in (key for key in alone if key != "intercept"):
        refused.of(read, {key: alone[key]})
    if "intercept" in alone and needs <= set(alone) and len(refused.found) == begun:
        refused.of(read, alone)


def _evidence(plain: Mapping[str, Any], file: str, folder: Path | None) -> Trials | None:
    check_keys(plain, [TRIALS], file=file, table="evidence")
    if TRIALS not in plain:
        return None
    return read_trials(_subtable(plain[TRIALS], f"evidence.{TRIALS}", file), file=file, folder=folder)


def _title(plain: Mapping[str, Any], name: str, file: str) -> str:
    title = plain.get("title", name)
    if not isinstance(title, str):
        raise CasepoolError("must be text", file=file, column="title", value=title, remedy="correct it")
    return title


def _check_names(names: list[str], file: str) -> None:
    """Refuse two terms or exposures whose posterior names would meet."""
    made = {name for other in names for name in names_from(other)}
    for name in names:
        if names.count(name) > 1 or name in made:
            raise CasepoolError(
                f"the name {name!r} meets that of another term or exposure", file=file, remedy="rename one"
            )


def _check_variables(made: Model, file: str) -> None:
    """Refuse a term, which gives its name to a dimension, that is called like a variable of the graph."""
    variables = {name for own in made.parameters for name in (own.name, own.coordinate)}
    variables |= {name for own in made.parameters for name in own.given.inputs(NOWHERE)}
    variables |= {*OF_EVENTS} if made.outcome.per else set()
    for name in [*made.terms, *made.joint]:
        if name in variables:
            raise CasepoolError(f"the name {name!r} meets that of a parameter", file=file, remedy="rename the term")


def _own_priors_of(terms: Mapping[str, Term], file: str) -> dict[str, Term]:
    """Settle what the own prior of levels that also inform each other describes: the level, if there is no other."""
    own = {name: term for name, term in terms.items() if isinstance(term, Group) and term.way.has_own}
    mixed = {name: term for name, term in own.items() if term.way.mixes}
    for name, term in mixed.items():
        if len(own) > 1 and term.own != "effect":
            raise CasepoolError(
                "beside another factor with own priors, the own prior describes the effect",
                file=file,
                column=f"terms.{name}.own",
                remedy='set own = "effect"',
            )
    return {**terms, **{name: replace(term, own=term.own or "level") for name, term in mixed.items()}}


def _table(plain: Mapping[str, Any], key: str, file: str) -> Mapping[str, Any]:
    return _subtable(plain.get(key, {}), key, file)


def _subtable(value: object, key: str, file: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise CasepoolError("must be a table", file=file, column=key, value=value, remedy=f"write [{key}]")
    return value


def _form(plain: Mapping[str, Any], family: str, file: str) -> dict[str, str]:
    """Settle which form of the family's equation is meant, under the key that names it."""
    own, legal = FAMILIES[family].form_key, tuple(FAMILIES[family].equation)
    for key, who in FORM_KEYS.items():
        if key in plain and key != own:
            raise CasepoolError(f"only {who}", file=file, column=key, remedy="remove the key")
    return {own: one_of(plain.get(own, legal[0]), legal, file=file, key=own)} if own else {}


def _shape(plain: Mapping[str, Any], family: str, file: str) -> dict[str, Any]:
    """Settle where the pieces of the family's hazard meet, under the one key that says it."""
    own = FAMILIES[family].shape_keys
    for key in SHAPE_KEYS:
        if key in plain and key not in own:
            raise CasepoolError(f"the family {family} has no {key}", file=file, column=key, remedy="remove the key")
    given = {key: plain[key] for key in own if key in plain}
    if len(given) != min(len(own), 1):
        raise CasepoolError(
            f"the family {family} needs {' or '.join(own)}", file=file, column=own[0], remedy="give one of them"
        )
    for key, value in given.items():
        good = _pieces_are_good(value) if key == "pieces" else _places_are_good(value)
        if not good:
            wanted = f"a whole number from 2 to {MOST_PLACES}" if key == "pieces" else "a rising list of times above 0"
            raise CasepoolError(f"must be {wanted}", file=file, column=key, value=value, remedy="correct it")
        check_size(value, file=file, key=key)
    return {key: value if key == "pieces" else tuple(float(t) for t in value) for key, value in given.items()}


def _pieces_are_good(value: object) -> bool:
    return type(value) is int and 2 <= value <= MOST_PLACES


def _places_are_good(value: object) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(is_number(time) and time > 0 for time in value) and rising(tuple(value))


def _check_by_category(terms: Mapping[str, Term], link: str, file: str) -> None:
    """Refuse effects by category where cumulative probabilities could cross, and where there are no categories."""
    for name, term in terms.items():
        if term.each_step and link != "adjacent":
            raise CasepoolError(
                "only an ordinal model with the adjacent link has effects by category: under the cumulative one "
                "probabilities could become negative",
                file=file,
                column=f"terms.{name}.by_category",
                remedy='set link = "adjacent", or remove by_category',
            )


def _name(name: str, *, file: str, table: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or name in RESERVED:
        raise CasepoolError(
            "not a usable name",
            file=file,
            column=f"{table}.{name}",
            remedy=f"use letters, digits and _, and none of {', '.join(RESERVED)}",
        )
    return name


def _term(name: str, plain: Mapping[str, Any], file: str) -> Term | Slope | Interaction:
    table = f"terms.{_name(name, file=file, table='terms')}"
    word = one_of(plain.get("kind"), [*KINDS, *JOINT_KINDS], file=file, key=f"{table}.kind")
    if word in JOINT_KINDS:
        return _joint(name, word, plain, file, table)
    kind = KINDS[word]
    check_keys(plain, ["kind", *keys_of(kind)], file=file, table=table)
    own = {key: value for key, value in plain.items() if key != "kind"}
    term = kind(name=name, **converted(kind, own, file=file, table=table))
    if wrong := term.problem():
        raise CasepoolError(wrong, file=file, column=table, remedy="correct the term")
    if isinstance(term, Group):
        _check_borrowing(term, own, file, table)
    return term


def _joint(name: str, word: str, plain: Mapping[str, Any], file: str, table: str) -> Slope | Interaction:
    kind = JOINT_KINDS[word]
    check_keys(plain, ["kind", *keys_of(kind)], file=file, table=table)
    own = {key: value for key, value in plain.items() if key != "kind"}
    term = kind(name=name, **converted(kind, own, file=file, table=table))
    one_of(term.borrowing, WAYS, file=file, key=f"{table}.borrowing")
    return term


def _check_joint(joint: Mapping[str, Slope | Interaction], terms: Mapping[str, Term], file: str) -> None:
    """Refuse terms of two others that the model lacks, or of other kinds, and two that say the same."""
    for name, own in joint.items():
        if wrong := own.problem(terms):
            remedy = f"the terms that read a column are {', '.join(terms) or 'none'}: name those, or add [terms....]"
            raise CasepoolError(wrong, file=file, column=f"terms.{name}", value=own.of, remedy=remedy)
    name, wrong = clash(joint)
    if name:
        raise CasepoolError(wrong, file=file, column=f"terms.{name}", remedy="keep one of them")


def _check_borrowing(term: Group, given: Mapping[str, Any], file: str, table: str) -> None:
    """Refuse a key that another borrowing has: it would say nothing. The default does no harm, and stands in fits."""
    default = Group(name=term.name)
    for key, tells in {"df": "df" in term.way.keys, "exchangeable": term.way.mixes, "own": term.way.mixes}.items():
        if not tells and getattr(term, key) != getattr(default, key):
            raise CasepoolError(
                f'borrowing = "{term.borrowing}" has no {key}',
                file=file,
                column=f"{table}.{key}",
                value=given[key],
                remedy="remove the key, or choose the borrowing that has it",
            )


def _exposure(name: str, plain: Mapping[str, Any], file: str) -> Exposure:
    table = f"exposure.{_name(name, file=file, table='exposure')}"
    check_keys(plain, list(keys_of(Exposure)), file=file, table=table)
    if "column" not in plain:
        raise CasepoolError("needs `column`", file=file, column=table, remedy="name the true/false column")
    exposure = Exposure(name=name, **converted(Exposure, plain, file=file, table=table))
    if exposure.start and (exposure.earliest or exposure.latest):
        raise CasepoolError(
            "`start` and `earliest`/`latest` exclude each other",
            file=file,
            column=table,
            remedy="keep one form",
        )
    if (exposure.as_ == "landmark") != (exposure.landmark > 0):
        raise CasepoolError(
            'as = "landmark" and a `landmark` above 0 go together',
            file=file,
            column=f"{table}.landmark",
            value=exposure.landmark,
            remedy="give both or neither",
        )
    if (exposure.report_start or 0.0) < 0:
        raise CasepoolError("report_start must not be negative", file=file, column=table, remedy="correct it")
    if bool(exposure.earliest) != bool(exposure.latest):
        raise CasepoolError("`earliest` and `latest` go together", file=file, column=table, remedy="name both")
    return exposure


def _scales(
    family: str, effects: str, knots: tuple[float, ...], exposures: Collection[str], file: str
) -> Callable[[str, Mapping[str, Prior]], Mapping[str, Link]]:
    """Return what tells on which scales the prior of a name may be stated, given the priors read before it."""
    waiting = {log_intensity_of(exposure) for exposure in exposures}
    location = FAMILIES[family].location.name

    def of(key: str, priors: Mapping[str, Prior]) -> Mapping[str, Link]:
        if FAMILIES[family].is_survival and key == location:
            return {**SCALES, "median_time": of_median_time(family, effects, priors, knots, file)}
        return {**SCALES, "median_time": of_waiting_time} if key in waiting else SCALES

    return of


def _priors(
    plain: Mapping[str, Any],
    file: str,
    scales: Callable[[str, Mapping[str, Prior]], Mapping[str, Link]],
    by_level: Collection[str],
    trials: Trials | None,
) -> dict[str, Prior]:
    """Read every prior; an intercept stated as a median survival time after those of the family's parameters."""
    priors: dict[str, Prior] = {}
    for key, value in sorted(plain.items(), key=lambda item: item[0] == "intercept"):
        table = _subtable(value, f"priors.{key}", file)
        if table.get("from") == TRIALS:
            priors[key] = read_trial_prior(table, trials, file=file, key=f"priors.{key}")
            continue
        levels = {k: v for k, v in table.items() if isinstance(v, Mapping)}
        own = {k: v for k, v in table.items() if k not in levels}
        if own or not levels:
            priors[key] = read_prior(own, file=file, key=f"priors.{key}", scales=scales(key, priors))
        for level, inner in levels.items():
            if key not in by_level:
                raise CasepoolError(
                    "only `<factor>_own`, `<term>_effect` and `cutpoints` have priors by level",
                    file=file,
                    column=f"priors.{key}",
                    remedy="remove it",
                )
            priors[f"{key}.{level}"] = read_prior(inner, file=file, key=f"priors.{key}.{level}")
    ordered = {name: priors[name] for key in plain for name in priors if name.partition(".")[0] == key}
    return ordered | joint_parts(priors, file)
