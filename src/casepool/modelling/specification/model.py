"""The model as its file states it: outcome, terms, exposures, priors. Frozen, printable, TOML both ways."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, ClassVar

import tomli_w

from casepool.modelling.families.cutpoints import with_own_priors
from casepool.modelling.families.facts import DATA
from casepool.modelling.families.medians import MedianTime
from casepool.modelling.families.names import effect_of
from casepool.modelling.families.parameters import CUTPOINTS, Parameter, Role, Stated
from casepool.modelling.families.priors import Prior
from casepool.modelling.families.registry import FAMILIES, GAP, REPORTING, Family
from casepool.modelling.families.trial_laws import MEAN, SD, TRIALS, About, Exchangeable, of_trials
from casepool.modelling.specification.changes import WITHIN, Plain, add_term, change_prior
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.layout import section, wrapped
from casepool.modelling.specification.outcome import TYPE, Outcome
from casepool.modelling.specification.selection import PARAMETER as SELECTION
from casepool.modelling.specification.selection import Selection
from casepool.modelling.specification.trials import Trials
from casepool.modelling.terms.borrowings import LevelEffects
from casepool.modelling.terms.joint import Interaction, Joint, Slope, standing_alone
from casepool.modelling.terms.labels import Group
from casepool.modelling.terms.term import Term
from casepool.presenting.layout import Block, Layout
from casepool.presenting.notebook import html_of

REPLACE = "convention: replace"
"""How the reason of every default begins: a marker that stays in the file until somebody has a reason of their own."""


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
    joint : mapping of str to Slope or Interaction
        Terms of two others, in the order of the file.
    exposures : mapping of str to Exposure
    priors : mapping of str to Prior
        By posterior name; ``"<factor>_own.<level>"`` and ``"<term>_effect.<level>"`` for one level, ``"cutpoints"`` and
        ``"cutpoints.<step>"`` for those of an ordinal model.
    trials : Trials, optional
        Studies that the intercept's prior is made of.
    selection : Selection, optional
        Of a response: who was published because of how they did.

    See Also
    --------
    model, from_formula

    Examples
    --------
    >>> import casepool as cp
    >>> model = cp.model("basket_pooled")
    >>> model.title, model.family
    ('Objective response, all histologies taken as one', 'bernoulli')
    >>> wider = model.with_prior("intercept", "Normal", mu=0, sigma=2, why="convention: any rate is plausible")
    >>> print(wider.priors["intercept"])
    Normal(mu = 0, sigma = 2)
    """

    name: str = field(metadata=DATA)
    title: str = field(metadata=DATA)
    family: str
    outcome: Outcome = field(metadata=DATA)
    effects: str = ""
    terms: Mapping[str, Term] = field(default_factory=dict)
    exposures: Mapping[str, Exposure] = field(default_factory=dict)
    priors: Mapping[str, Prior] = field(metadata=DATA, default_factory=dict)
    link: str = ""
    cuts: tuple[float, ...] = field(metadata=DATA, default=())
    pieces: int = field(metadata=DATA, default=0)
    knots: tuple[float, ...] = field(metadata=DATA, default=())
    joint: Mapping[str, Slope | Interaction] = field(default_factory=dict)
    trials: Trials | None = field(metadata=DATA, default=None)
    selection: Selection | None = None

    reader: ClassVar[Callable[..., Model]]
    """Makes a model of the mappings of its file: `files.model_from_dict`, which needs this class, hands itself in."""

    @property
    def is_ordinal(self) -> bool:
        """Whether the outcome has ordered categories, of which success is one cut."""
        return bool(self.link)

    @property
    def is_survival(self) -> bool:
        """Whether the outcome is a time to an event."""
        return self.of_family.is_survival

    @property
    def form(self) -> str:
        """Which form of the family's equation the model has: its kind of effects, its link, or that it has times."""
        return self.effects or self.link or "time" * self.outcome.has_rate

    @property
    def of_family(self) -> Family:
        """The family, of which the model names one."""
        return FAMILIES[self.family]

    @property
    def has_zero_point(self) -> bool:
        """Whether the linear predictor has a zero point: where a factor's levels stand alone, they do without."""
        return not any(term.stands_alone for term in self.terms.values())

    @property
    def every_term(self) -> list[Term | Joint]:
        """The terms that read a column, then those of two others."""
        return [*self.terms.values(), *self.joint.values()]

    @property
    def steps(self) -> tuple[str, ...]:
        """Name the steps from each category of a response to the next: "PD | SD"."""
        codes = self.outcome.levels if self.is_ordinal else ("failure", "success")
        return tuple(f"{worse} | {better}" for worse, better in itertools.pairwise(codes))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Every unknown the model may have, in the order of the linear predictor, with the law its file gives it.

        Those of missing values come last; a table has them only where values are missing.
        """
        family, terms = self.of_family, self.terms.values()
        found = [family.location] * self.has_zero_point
        alone = standing_alone(self.joint.values())
        plain = (term for term in terms if term.name not in alone)
        found += [parameter for term in plain for parameter in term.parameters(family, self.priors)]
        found += [parameter for own in self.joint.values() for parameter in own.parameters()]
        found += [own for own in family.parameters_of(self.form) if "gap" not in own.dims or self.steps[1:]]
        found += [REPORTING] if self.outcome.per and not self.reporting_is_fixed else []
        found += [parameter for exposure in self.exposures.values() for parameter in exposure.parameters()]
        found += [parameter for term in terms if term.missing != "drop" for parameter in term.missing_parameters()]
        found += of_trials() if self.joins_trials else ()
        found += [SELECTION] if self.selection and self.fixed_selection is None else []
        return tuple(self._with_prior(parameter) for parameter in found)

    @property
    def fixed_selection(self) -> float | None:
        """The log ratio by which a success is published more readily where it is fixed: no unknown then, but data."""
        prior = self.priors.get(SELECTION.name)
        return prior.parameters["value"] if prior is not None and prior.dist == "Fixed" else None

    @property
    def cutpoint_priors(self) -> tuple[Prior, ...]:
        """The prior of every cutpoint of an ordinal model that states them; none of any other."""
        if CUTPOINTS not in self.priors or not (self.is_ordinal and self.has_zero_point):
            return ()
        return tuple(self.priors.get(f"{CUTPOINTS}.{step}", self.priors[CUTPOINTS]) for step in self.steps)

    @property
    def from_trials(self) -> Prior | None:
        """The intercept's prior where it is made of trials; None where it is not."""
        prior = self.priors.get(self.of_family.location.name)
        return prior if prior is not None and prior.elicited.get("from") == TRIALS else None

    @property
    def joins_trials(self) -> bool:
        """Whether trials are exchangeable with the cases in the model itself, and no prior before it."""
        prior = self.from_trials
        return prior is not None and prior.elicited.get("method") == "joint"

    @property
    def reporting_is_fixed(self) -> bool:
        """Whether it is a number how likely events were to be told of."""
        return REPORTING.key in self.priors and self.priors[REPORTING.key].dist == "Fixed"

    @property
    def reporting(self) -> float:
        """That number."""
        return float(self.priors[REPORTING.key].parameters["value"])

    def _with_prior(self, parameter: Parameter) -> Parameter:
        """Give a parameter the prior its file states, an intercept's median survival given the family's parameters."""
        if (own := self.cutpoint_priors) and parameter.name in (self.of_family.location.name, GAP):
            return with_own_priors(parameter, self.of_family.location.name, own, rise=self.link == "cumulative")
        if not parameter.is_stated or parameter.name not in self.priors:
            return parameter
        prior, family = self.priors[parameter.name], self.of_family
        head = f"{parameter.name}."
        levels = {key.removeprefix(head): own for key, own in self.priors.items() if key.startswith(head)}
        by_median = parameter.name == family.location.name and prior.elicited.get("from") == "median_time"
        if by_median and family.parameters_of(self.form) and not family.shape_keys:
            stated = (float(prior.elicited[key]) for key in ("median", "upper"))
            return replace(parameter, law=MedianTime(family, self.effects, *stated))
        made = parameter.with_prior(prior, levels)
        if parameter.name != family.location.name or self.from_trials is None or self.trials is None:
            return made
        law = Exchangeable() if self.joins_trials else made.given
        if not self.trials.about:
            return replace(made, law=law)
        factor, level = self.trials.about
        return replace(made, role=Role.EVIDENCE, law=About(made.name, law, effect_of(factor), level))

    def parameter(self, name: str) -> Parameter | None:
        """Return the unknown of a name, or the one whose prior that is; None if there is none."""
        key = name.partition(".")[0]
        return next((own for own in self.parameters if name == own.name or key == own.key), None)

    def level_effects(self, name: str) -> LevelEffects | None:
        """Return the distribution of a factor's effects; None of a term that is no factor."""
        term = self.terms.get(name)
        return term.law(self.of_family, self.priors) if isinstance(term, Group) else None

    @property
    def prior_keys(self) -> list[str]:
        """Names under which the model file states priors, in the order of the linear predictor."""
        fixed = [REPORTING.key] * bool(self.outcome.per and self.reporting_is_fixed)
        keys = [parameter.key for parameter in self.parameters if parameter.key and not parameter.if_missing]
        return [*dict.fromkeys(keys), *fixed]

    def prior(self, name: str) -> Prior:
        """Return the prior in force for a posterior name, the default of missing values where the file gives none."""
        if name in self.priors:
            return self.priors[name]
        law = next(own.law for own in self.parameters if own.name == name)
        if not isinstance(law, Stated):
            raise KeyError(name)
        return law.prior

    def priors_in_force(self) -> list[str]:
        """Return the names of all priors, a level's own after its factor's, those of missing values last."""
        names: list[str] = []
        for key in dict.fromkeys(own.key for own in self.parameters if own.key):
            names += [key, *(other for other in self.priors if other.startswith(f"{key}."))]
        return names + [name for name in self.priors if name == REPORTING.key and name not in names]

    def to_toml(self) -> str:
        """Write the model as the text of a model file; comments of the file it came from are not kept."""
        return tomli_w.dumps(model_dict(self))

    def with_prior(self, name: str, dist: Any = None, **numbers: Any) -> Model:
        """Return the model with another prior under a name; all rules of a model file hold.

        Parameters
        ----------
        name : str
            One of the names of the model's priors; ``"<factor>_own.<level>"`` for one level of a factor,
            ``"<term>_effect.<level>"`` of a category or a band; ``"cutpoints"`` for priors of an ordinal model's
            cutpoints in place of that of the first and of the gaps, ``"cutpoints.<step>"`` for one of them.
        dist : str or distribution, optional
            What a model file calls it, or a distribution of PreliZ (any object whose class and numbers are called as
            those of a model file), of which the numbers are taken.
        **numbers
            The other keys of a prior's table: the distribution's numbers, or ``from_``, ``median`` and ``upper``; and
            ``why``, the reason, which is asked for.

        Raises
        ------
        CasepoolError
            If the model has no prior of this name (with those it has), the prior is wrong, or there is no reason.

        Examples
        --------
        >>> import casepool as cp
        >>> wide = cp.model("objective_response").with_prior("intercept", "Normal", mu=0, sigma=2, why="convention")
        >>> print(wide.prior("intercept"))
        Normal(mu = 0, sigma = 2)
        """
        plain = model_dict(self)
        change_prior(plain, name, numbers if dist is None else {"dist": dist, **numbers})
        return Model.reader(plain, name=self.name)

    def with_term(self, name: str, *, kind: str, priors: Mapping[str, Any] | None = None, **keys: Any) -> Model:
        """Return the model with one more term, the last; all rules of a model file hold.

        Parameters
        ----------
        name : str
        kind : str
            "group", "category", "linear", "banded" or "smooth"; "slope" or "interaction" of two terms there are.
        priors : mapping of str to mapping, optional
            Priors of the term, each a table of a model file, whose ``dist`` may be a distribution as for `with_prior`;
            None takes out a prior that the model no longer has.
        **keys
            The other keys of a term's table: ``column``, ``borrowing``, ``centre``, ...

        Raises
        ------
        CasepoolError
            If the term is wrong, or priors are missing: all of them at once, with text to paste.

        Examples
        --------
        >>> import casepool as cp
        >>> sd = {"dist": "HalfNormal", "sigma": 0.5, "why": "convention"}
        >>> model = cp.model("overall_survival").with_term("histology", kind="group", priors={"histology_sd": sd})
        >>> print(model.linear_predictor())
        intercept + histology_effect[histology]
        """
        plain = model_dict(self)
        add_term(plain, name, {"kind": kind, **keys}, priors or {})
        return Model.reader(plain, name=self.name)

    def columns(self) -> list[str]:
        """Columns of the cases that the model may read, in the order of the file."""
        names = self.outcome.columns() + [term.source for term in self.terms.values()]
        names += [name for exposure in self.exposures.values() for name in exposure.columns()]
        names += [self.selection.column] if self.selection and self.selection.column else []
        return list(dict.fromkeys(names))

    def equations(self) -> list[str]:
        """Return the model's equation line by line: the family's, the linear predictor, exposure, parameters."""
        unit = f", t in {self.outcome.unit}" if self.is_survival or self.outcome.has_rate else ""
        lines = [f"{self.family}: {self.of_family.equation[self.form]}{unit}", f"eta = {self.linear_predictor()}"]
        lines += reporting_lines(self.outcome.per, self.reporting if self.reporting_is_fixed else None)
        lines += [exposure.equation(self.effects) for exposure in self.exposures.values()]
        lines += self._selection_equations() + self._trial_equations()
        return lines + [f"{own.name}: {own.meaning}" for own in self.parameters if own.meaning and own.is_stated]

    def _selection_equations(self) -> list[str]:
        """Return what publication does to the outcome's probabilities."""
        if self.selection is None:
            return []
        shift = SELECTION.name if self.fixed_selection is None else f"{self.fixed_selection:g}"
        whose = f"P(outcome | published) proportional to P(outcome) exp({shift} [success])"
        return [f"{whose}, where `{self.selection.column}`" if self.selection.column else whose]

    def _trial_equations(self) -> list[str]:
        """Return what the trials are to the intercept, line by line."""
        if self.trials is None:
            return []
        name = self.of_family.location.name
        whose = f"{name} + {effect_of(self.trials.about[0])}[{self.trials.about[1]}]" if self.trials.about else name
        if not self.joins_trials:
            return [f"{whose} ~ prior of {name}, {name} alone flat"] if self.trials.about else []
        joint = "logit P(event in study j) = theta_j; theta_j"
        return [f"trials: {joint} and {whose} ~ Normal({MEAN}, {SD})"]

    def linear_predictor(self) -> str:
        """Write eta out, term by term."""
        parts = [self.of_family.location.name] * (self.has_zero_point and not self.is_ordinal)
        parts += ["logit(target)"] * bool(self.outcome.target)
        alone = standing_alone(self.joint.values())
        parts += [part for term in self.terms.values() if term.name not in alone for part in term.equation()]
        parts += [own.equation(self.terms) for own in self.joint.values()]
        return " + ".join(parts) or "0"

    def reasons(self) -> dict[str, str]:
        """Return the reason for every prior in force, by its name."""
        first = {own.key: "only if a value is missing; " * own.if_missing for own in self.parameters}
        return {
            name: first.get(name.partition(".")[0], "") + (self.prior(name).why or "no reason given")
            for name in self.priors_in_force()
        }

    @property
    def unconfirmed(self) -> tuple[str, ...]:
        """The priors in force that are placeholders of a draft: their reason still begins with `REPLACE`."""
        return tuple(name for name in self.priors_in_force() if self.prior(name).why.startswith(REPLACE))

    def __str__(self) -> str:
        priors = (f"{name} ~ {self.prior(name)}\n{why}" for name, why in self.reasons().items())
        return "\n".join([*self.head(), *section("Priors", priors)])

    def _repr_html_(self) -> str:
        """Return what ``print`` shows as a table, for a notebook."""
        parts = {
            "Outcome": [("", str(self.outcome), "")],
            "Model": [("", line, "") for line in self.equations()],
            "Terms": [(term.name, str(term), "") for term in self.every_term],
            "Exposure": [(e.name, e.text(self.outcome), "") for e in self.exposures.values()],
            "Published": [("", str(self.selection), "")] if self.selection else [],
            "Trials": [("", str(self.trials), "")] if self.trials else [],
            "Priors": [(name, str(self.prior(name)), why) for name, why in self.reasons().items()],
        }
        groups = tuple(Block(part, rows) for part, rows in parts.items() if rows)
        return html_of(Layout(f"{self.name}: {self.title}", (), ("", "in force", "why"), (False,) * 3, groups, ()))

    def head(self) -> list[str]:
        """Return the lines of its description up to the priors."""
        lines = [*wrapped(f"{self.name}: {self.title}"), ""]
        lines += section("Outcome", [str(self.outcome)])
        lines += section("Model", self.equations())
        lines += section("Terms", (f"{term.name}: {term}" for term in self.every_term))
        exposures = (f"{e.name}: {e.text(self.outcome)}" for e in self.exposures.values())
        lines += section("Exposure", exposures)
        lines += section("Published", [str(self.selection)] if self.selection else [])
        return lines + section("Trials", [str(self.trials)] if self.trials else [])


def reporting_lines(per: str, fixed: float | None) -> list[str]:
    """Return the lines of an equation that say what is told of events: r is the probability that it is."""
    if not per:
        return []
    r = "r" if fixed is None else f"r = {fixed:g}"
    if per == TYPE:
        return [f"events of a type ~ Binomial(patients, r P(success)), {r}; of types listed because they were seen, "
                "given that there is one"]  # fmt: skip
    return [f"who tells of events has the probability r times that of its patients' events, {r}; who is silent "
            "1 - r + r P(none of its patients had one)"]  # fmt: skip


SHAPE_KEYS = ("cuts", "pieces", "knots")
"""Top-level keys that say where the pieces of a hazard meet."""


def keys_of(noun: type) -> dict[str, str]:
    """Return the keys of a noun's table in a model file, each with the field it becomes."""
    return {f.name.removesuffix("_"): f.name for f in fields(noun) if f.name != "name"}


def model_dict(model: Model) -> Plain:
    """Return a model as the nested plain mappings of its file."""
    plain: Plain = {"title": model.title, "family": model.family}
    plain |= _filled({"effects": model.effects, "link": model.link})
    plain |= _filled({key: getattr(model, key) for key in SHAPE_KEYS if getattr(model, key)})
    plain["outcome"] = _filled(vars(model.outcome))
    if not model.outcome.time and not model.outcome.lower:
        plain["outcome"].pop("unit", None)
    plain["terms"] = {term.name: {"kind": term.kind} | _table(term) for term in model.every_term}
    plain["exposure"] = {name: _table(exposure) for name, exposure in model.exposures.items()}
    if model.selection:
        plain["selection"] = {"rows": model.selection.rows}
    if model.trials:
        plain["evidence"] = {TRIALS: model.trials.table()}
    priors: dict[str, Any] = {}
    for key, prior in model.priors.items():
        if model.joins_trials and key in WITHIN:
            continue
        head, _, level = key.partition(".")
        form = _prior_table(prior)
        if model.joins_trials and prior is model.from_trials:
            form |= {
                within: _prior_table(model.priors[name]) | _why(model.priors[name]) for name, within in WITHIN.items()
            }
        target = priors.setdefault(head, {}) if not level else priors.setdefault(head, {}).setdefault(level, {})
        target.update(form | _why(prior))
    plain["priors"] = priors
    return {key: value for key, value in plain.items() if value != {}}


def _prior_table(prior: Prior) -> dict[str, Any]:
    """Return a prior as a table of a model file states it, without the reason."""
    return dict(prior.elicited) if prior.elicited else {"dist": prior.dist, **_filled(prior.parameters)}


def _why(prior: Prior) -> dict[str, str]:
    return {"why": prior.why} if prior.why else {}


def _table(noun: Term | Joint | Exposure) -> dict[str, Any]:
    """Return a term or an exposure as its table, without what says nothing: a landmark that is 0."""
    values = {key: getattr(noun, name) for key, name in keys_of(type(noun)).items()}
    return _filled({key: None if key == "landmark" and value == 0 else value for key, value in values.items()})


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep the keys that say something, tuples as lists."""
    kept = {k: v for k, v in values.items() if v is not None and v is not False and v not in ("", (), {})}
    return {k: list(v) if isinstance(v, tuple) else dict(v) if isinstance(v, Mapping) else v for k, v in kept.items()}
