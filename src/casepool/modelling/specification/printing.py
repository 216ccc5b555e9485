"""A model described for a reader, with what its priors mean: what needs families besides the model's own words.

``python -m casepool.modelling.specification.printing`` prints what belongs into ``models/README.md``.
"""

from __future__ import annotations

import numpy as np

from casepool.modelling.families.parameters import Role
from casepool.modelling.specification.files import list_models
from casepool.modelling.specification.files import model as get_model
from casepool.modelling.specification.layout import section
from casepool.modelling.specification.model import Model
from casepool.modelling.specification.prior_implications import (
    category_ranges,
    meaning,
    prior_range,
    probability_across_levels,
    ratio_between_levels,
    ratio_name,
    success_centre,
)


def describe(model: Model) -> str:
    """Describe a model in text of at most 100 columns: as it prints itself, with what every prior means."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # of a prior so wide that its range has no end
        priors = [_prior_text(model, name, why) for name, why in model.reasons().items()]
        implied = [f"{end.words}: {said.percent()}" for end, said in category_ranges(model)]
    return "\n".join([*model.head(), *section("Priors", priors), *section("Implied", implied)])


def _prior_text(model: Model, name: str, why: str) -> str:
    """Say a prior, what it means (median and 95% range), and the reason, a line each."""
    said = meaning(model, name)
    return "\n".join([f"{name} ~ {model.prior(name)}", *([f"says: {said}"] if said else []), why])


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
uv run python -m casepool.modelling.specification.printing > models/README.md
```
"""


def models_readme() -> str:
    """Write ``models/README.md``: every bundled model with its equation, its priors and what they mean."""
    return "\n".join([HEAD, *(_chapter(get_model(name)) for name in list_models()), FOOT])


def _chapter(model: Model) -> str:
    equation = "\n".join(model.equations())
    notes = [f"- {term.name}: {term}." for term in model.every_term]
    notes += [f"- {e.name}: {e.text(model.outcome)}." for e in model.exposures.values()]
    rows = [
        f"| `{name}` | {model.prior(name)} | {meaning(model, name)} | {_cell(why)} |"
        for name, why in model.reasons().items()
    ]
    parts = [
        f"## {model.name}\n\n{model.title}.\n",
        f"Outcome: {model.outcome}.\n",
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
    names = [own.name for own in model.parameters if own.role is Role.SD]
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
