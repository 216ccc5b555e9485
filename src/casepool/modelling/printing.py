"""A model as text for a reader: title, outcome, equation, terms, and every prior with the reason for it.

``python -m casepool.modelling.printing`` prints what belongs into ``models/README.md``.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping

from casepool.modelling.families import FAMILIES
from casepool.modelling.files import list_models
from casepool.modelling.files import model as get_model
from casepool.modelling.meanings import (
    category_ranges,
    meaning,
    prior_range,
    probability_across_levels,
    ratio_between_levels,
    ratio_name,
    success_centre,
)
from casepool.modelling.spec import Exposure, Model, Outcome, Term
from casepool.modelling.wanted import missing_priors, wanted_priors
from casepool.modelling.words import guard

WIDTH = 100
HEADING = 10
NO_BREAK = "\N{NO-BREAK SPACE}"

BORROWING = {
    "none": "nothing borrowed: each level has its own prior, {name}_own",
    "complete": "complete borrowing: levels do not differ",
    "partial": "partial borrowing: {name}_effect ~ Normal(0, {name}_sd) over levels",
    "robust": "robust borrowing: {name}_effect ~ StudentT({df}, 0, {name}_sd) over levels",
    "exnex": (
        "exchangeable or not: {name}_effect ~ Normal(0, {name}_sd) over levels with probability {p}, "
        "otherwise the {own} has the prior {name}_own"
    ),
}
"""How each kind of borrowing reads."""

DATING = {
    "intensity": "there, an interval-censored transition with intensity exp({name}_log_intensity) per {unit}",
    "uniform": "there, every date equally likely",
    "early": "taken as the earliest date",
    "late": "taken as the latest date",
}
"""How each dating of an exposure reads, after "between ... and ...:"."""


def describe(model: Model) -> str:
    """Describe a model in text of at most 100 columns: what ``print(model)`` shows."""
    lines = [*_wrapped(f"{model.name}: {model.title}"), ""]
    lines += _section("Outcome", [outcome_text(model.outcome)])
    lines += _section("Model", equations(model))
    lines += _section("Terms", (f"{term.name}: {term_text(term)}" for term in model.terms.values()))
    exposures = (f"{e.name}: {exposure_text(e, model.outcome.unit)}" for e in model.exposures.values())
    lines += _section("Exposure", exposures)
    lines += _section("Priors", (_prior_text(model, name, why) for name, why in reasons(model).items()))
    lines += _section("Implied", (f"{end.words}: {said.percent()}" for end, said in category_ranges(model)))
    return "\n".join(lines)


def _prior_text(model: Model, name: str, why: str) -> str:
    """Say a prior, what it means (median and 95% range), and the reason, a line each."""
    said = meaning(model, name)
    return "\n".join([f"{name} ~ {model.prior(name)}", *([f"says: {said}"] if said else []), why])


def _wrapped(text: str, indent: int = 0, hanging: int = 2) -> list[str]:
    """Break text into lines, but not inside a difference such as (age - 18)."""
    kept = re.sub(r"\(\w+ [-+] [\d.]+\)", lambda found: found[0].replace(" ", NO_BREAK), text)
    lines = textwrap.wrap(
        kept,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + hanging),
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(NO_BREAK, " ") for line in lines]


def _section(heading: str, items: Iterable[str]) -> list[str]:
    """Lay items out beside a heading, what follows a line break indented below its item."""
    lines = []
    for item in items:
        first, *more = item.split("\n")
        lines += _wrapped(first, HEADING)
        lines += [line for text in more for line in _wrapped(text, HEADING + 4, 0)]
    if lines:
        lines[0] = f"{heading:<{HEADING}}{lines[0].strip()}"
    return lines


def outcome_text(outcome: Outcome) -> str:
    """Say in words which columns hold the outcome."""
    entry = f", from late entry at `{outcome.entry}` on" if outcome.entry else ""
    if outcome.lower:
        return (
            f"the event between `{outcome.lower}` and `{outcome.upper}` in {outcome.unit}: at that time where they are "
            f"equal, not yet by `{outcome.lower}` where `{outcome.upper}` is empty{entry}"
        )
    if outcome.time:
        event = f"`{outcome.event}`"
        if outcome.levels:
            codes = ", ".join(level or "empty" for level in outcome.levels)
            event += f" being {_or(outcome.event_levels)} (of {codes})"
        return f"time `{outcome.time}` in {outcome.unit} to the event {event}, right-censored without it{entry}"
    forms = []
    if outcome.column:
        codes = f"codes {' < '.join(outcome.levels)}; empty: not evaluable"
        n = f", for `{outcome.n}` patients a row" if outcome.n and not outcome.events else ""
        success = f"success is {_or(outcome.success)} in " if outcome.success else ""
        forms.append(f"{success}`{outcome.column}` ({codes}){n}")
    if outcome.events:
        forms.append(f"`{outcome.events}` of `{outcome.n}` patients a row")
    target = f"; target rate {outcome.target}" if outcome.target else ""
    return "; or, in a table of counts, ".join(forms) + target


def _or(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def equations(model: Model) -> list[str]:
    """Return a model's equation line by line: the family's, the linear predictor, exposure, parameters."""
    family = FAMILIES[model.family]
    unit = f", t in {model.outcome.unit}" if family.survival else ""
    lines = [f"{model.family}: {family.equation[model.form]}{unit}", f"eta = {linear_predictor(model)}"]
    for exposure in model.exposures.values():
        what = (
            "slows time to exp(-{0}_effect)" if model.effects == "accelerated" else "multiplies h(t) by exp({0}_effect)"
        )
        when = "from its start on" if exposure.begins else "from time zero on"
        if exposure.as_ == "landmark":
            when = f"where it started by {exposure.landmark:g}, all follow-up counting from there on"
        lines.append(f"{exposure.name} {what.format(exposure.name)} {when}")
    lines += [f"{name}: {text}" for name, text in family.parameters.items() if name in wanted_priors(model)]
    return lines


def linear_predictor(model: Model) -> str:
    """Write eta out, term by term."""
    parts = [] if "intercept" not in wanted_priors(model) else ["intercept"]
    if model.outcome.target:
        parts.append("logit(target)")
    for term in model.terms.values():
        place = [term.source] * (not term.is_number) + ["step"] * term.by_category
        effect = f"{term.name}_effect" + (f"[{', '.join(place)}]" if place else "")
        if term.is_number:
            parts.append(f"{effect} {_standardised(term)}")
        elif not (term.kind == "group" and term.borrowing == "complete"):
            parts.append(effect)
        if term.kind == "smooth":
            parts.append(f"{term.name}_curve({term.source})")
    return " + ".join(parts) or "0"


def _standardised(term: Term) -> str:
    moved = f"({term.source} {'-' if term.centre > 0 else '+'} {abs(term.centre):g})" if term.centre else term.source
    return moved if term.scale == 1 else f"{moved}/{term.scale:g}"


def term_text(term: Term) -> str:
    """Say what kind of term it is, what its levels borrow, and what happens to missing values."""
    column = f" in `{term.source}`" if term.source != term.name else ""
    within = f", between {term.bounds[0]:g} and {term.bounds[1]:g}" if term.bounds else ""
    if term.kind == "group":
        own = "effect" if term.own == "effect" else "level"
        words = {"name": term.name, "df": f"{term.df:g}", "p": _probability(term), "own": own}
        text = f"group{column}, {BORROWING[term.borrowing].format(**words)}"
    elif term.kind == "category":
        reference = term.reference or "the first level"
        text = f"category{column}, effects against {reference}, nothing borrowed"
    elif term.kind == "banded":
        cuts = _and(f"{cut:g}" for cut in term.cuts)
        text = f"number{column} cut at {cuts} into {_and(term.labels)}{within}, effects against {term.labels[0]}"
    else:
        text = f"number{column}, linear per {term.scale:g} from {term.centre:g}{within}{_curve_text(term)}"
    own = ", an effect of its own at each step between categories" * term.by_category
    return f"{text}{own}; {_missing_text(term)}"


def _curve_text(term: Term) -> str:
    """Say what a smooth term has besides its straight line."""
    if term.kind != "smooth":
        return ""
    knots = ", ".join(f"{knot:g}" for knot in term.knots)
    return (
        f", and about that line a natural cubic spline with knots at {knots}, which leaves it by {term.name}_wiggle_sd "
        "(root mean square at the knots)"
    )


def _and(words: Iterable[str]) -> str:
    return " and ".join(words)


def _probability(term: Term) -> str:
    if isinstance(term.exchangeable, Mapping):
        return ", ".join(f"{share:g} ({level})" for level, share in term.exchangeable.items())
    return f"{term.exchangeable:g}"


def _missing_text(term: Term) -> str:
    if term.missing == "drop":
        return "patients without it are left out"
    if term.is_number and term.bounds is None:
        return "a missing value is refused: the term has no bounds to model it within"
    return "missing values are integrated out" if term.is_number else "missing values are summed over"


def exposure_text(exposure: Exposure, unit: str) -> str:
    """Say when the exposure counts, how its date is known, and what guards its reading."""
    if exposure.as_ == "landmark":
        settled = {"early": "the earliest date counts", "late": "the latest date counts"}
        dating = settled.get(exposure.dating, "an interval reaching across it counts in proportion")
        return (
            f"`{exposure.column}` by {unit.removesuffix('s')} {exposure.landmark:g}, {dating}; {guard(exposure, unit)}"
        )
    if exposure.as_ == "baseline":
        dates = _and(f"`{name}`" for name in (exposure.start, exposure.earliest, exposure.latest) if name)
        unused = f" ({dates}: checked, not used)" if dates else ""
        return f"`{exposure.column}`, counted from time zero on whenever it was{unused}; {guard(exposure, unit)}"
    text = f"`{exposure.column}`, counted from its start on"
    if exposure.start:
        text += f", at `{exposure.start}`"
    elif exposure.earliest:
        dating = DATING[exposure.dating].format(name=exposure.name, unit=unit.removesuffix("s"))
        text += f", between `{exposure.earliest}` and `{exposure.latest}`: {dating}"
    undated = "at any time of follow-up" if exposure.undated == "follow_up" else "refused"
    return f"{text}; without dates: {undated}; reported for a start at {exposure.report_start:g} {unit}"


def priors_in_force(model: Model) -> list[str]:
    """Return the posterior names with a prior, those of missing covariates where they may be needed."""
    names = []
    for name in wanted_priors(model):
        names += [name, *(key for key in model.priors if key.startswith(f"{name}."))]
    return names + [name for term in model.terms.values() for name in missing_priors(term)]


def reasons(model: Model) -> dict[str, str]:
    """Return the reason for every prior in force, by posterior name."""
    wanted = wanted_priors(model)
    return {
        name: ("" if name.partition(".")[0] in wanted else "only if a value is missing; ")
        + (model.prior(name).why or "no reason given")
        for name in priors_in_force(model)
    }


HEAD = """\
# The bundled models

One file is one model, text only: what is asked, which columns answer it, how levels inform each other,
and every prior with the reason for it. Copy one, change it, and pass its path wherever a model's name
is taken.

Ranges are a median with the 95% range that the prior alone implies, before any patient is seen.
"""

SCALES_HEAD = """\
What the priors on the standard deviations say about levels drawn at random (Roever 2021, Friede 2017):

| prior | standard deviation | {ratio} between two random levels, larger over smaller |{across}
|---|---|---|{rule}
"""

IMPLIED_HEAD = """\
What the priors say together of a patient for whom every effect is zero:

| category | probability |
|---|---|
"""

FOOT = """\
---

This file is generated, and a test fails when it is not current. To write it again:

```
uv run python -m casepool.modelling.printing > models/README.md
```
"""


def models_readme() -> str:
    """Write ``models/README.md``: every bundled model with its equation, its priors and what they mean."""
    return "\n".join([HEAD, *(_chapter(get_model(name)) for name in list_models()), FOOT])


def _chapter(model: Model) -> str:
    equation = "\n".join([*equations(model)])
    notes = [f"- {term.name}: {term_text(term)}." for term in model.terms.values()]
    notes += [f"- {e.name}: {exposure_text(e, model.outcome.unit)}." for e in model.exposures.values()]
    rows = [
        f"| `{name}` | {model.prior(name)} | {meaning(model, name)} | {_cell(why)} |"
        for name, why in reasons(model).items()
    ]
    parts = [
        f"## {model.name}\n\n{model.title}.\n",
        f"Outcome: {outcome_text(model.outcome)}.\n",
        f"```\n{equation}\n```\n",
        *(["\n".join(notes) + "\n"] if notes else []),
        "| prior | distribution | says | why |\n|---|---|---|---|\n" + "\n".join(rows) + "\n",
    ]
    if implied := [f"| {end.words} | {said.percent()} |" for end, said in category_ranges(model)]:
        parts.append(IMPLIED_HEAD + "\n".join(implied) + "\n")
    if scales := _scales(model):
        parts.append(scales)
    return "\n".join(parts)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _scales(model: Model) -> str:
    """Tabulate what every prior on a group's standard deviation means; "" if there is none."""
    wanted = wanted_priors(model)
    names = [f"{name}_sd" for name, term in model.terms.items() if term.kind == "group" and f"{name}_sd" in wanted]
    centre = success_centre(model)
    rows = []
    for name in names:
        prior = model.prior(name)
        row = f"| `{name}` | {prior_range(prior)} | {ratio_between_levels(prior)} |"
        if centre is not None:
            row += f" {probability_across_levels(centre, prior).percent()} |"
        rows.append(row)
    if not rows:
        return ""
    about = "cutpoints' prior medians" if model.is_ordinal else "intercept's prior median"
    across = f" probability of success across levels, about the {about} |" if centre is not None else ""
    head = SCALES_HEAD.format(ratio=ratio_name(model), across=across, rule="---|" if across else "")
    return head + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(models_readme(), end="")
