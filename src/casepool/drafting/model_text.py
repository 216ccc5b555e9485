"""A draft as the text of a model file, with comments that say what is open in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

import tomli_w

from casepool.drafting.found import Found
from casepool.escaping import one_line
from casepool.modelling.specification.exposure import Exposure
from casepool.modelling.specification.model import Model, keys_of
from casepool.modelling.specification.outcome import Outcome
from casepool.modelling.specification.outcome_keys import UNKNOWN
from casepool.modelling.terms.term import Term

HEAD = """\
# A first model, drafted by `casepool draft` from what the columns are called. Read it, change it, then believe it.
# No prior looks at an outcome: each is a convention, and the reasons that say "replace" wait for yours.
"""
ALWAYS = ("borrowing", "dating", "undated", "as", "unit")
"""Keys that are written though they are the defaults, as they are choices to be seen."""


def model_text(model: Model, priors: Mapping[str, Mapping[str, Any]], found: Found, spare: Sequence[str]) -> str:
    """Write a model file.

    Parameters
    ----------
    model : Model
        Without its priors.
    priors : mapping of str to mapping
        The tables of its priors.
    found : Found
    spare : sequence of str
        Columns that could be factors too.
    """
    return "".join(_parts(model, priors, found, spare))


def title_of(model: Model) -> str:
    """Say what a model answers, in the names of its columns."""
    outcome, terms = model.outcome, [name.replace("_", " ") for name in model.terms]
    if model.is_survival:
        what = f"Survival ({(outcome.time or outcome.lower.removesuffix('_lower')).replace('_', ' ')})"
    elif model.is_ordinal or UNKNOWN in outcome.success:
        what = outcome.column.replace("_", " ")
    elif outcome.events:
        what = outcome.events.replace("_", " ")
    else:
        what = f"{outcome.column.replace('_', ' ')} ({' or '.join(outcome.success)})"
    exposed = "".join(f", {exposure.called} as it began" for exposure in model.exposures.values())
    return one_line(what + f" by {_listed(terms)}" * bool(terms) + exposed)


def _parts(model: Model, priors: Mapping[str, Mapping[str, Any]], found: Found, spare: Sequence[str]) -> Iterator[str]:
    yield HEAD
    yield from _comments("To be said before it is read:", found.asked)
    yield from _comments("Taken for granted, please look:", found.taken)
    if spare:
        listed = ", ".join(spare)
        yield from _comments("No terms of it, but could be if known from the start:", [listed])
    form = {"link": model.link, "effects": model.effects}
    yield _keys({"title": model.title, "family": model.family} | {k: v for k, v in form.items() if v})
    yield "\n[outcome]\n" + _keys(_outcome(model))
    if model.is_survival and not model.outcome.what:
        yield '# what = "..."  # what the event is called in a sentence\n'
    for name, term in model.terms.items():
        yield f"\n[terms.{name}]\n" + _keys({"kind": term.kind, **_table(term)})
    for name, exposure in model.exposures.items():
        yield f"\n[exposure.{name}]\n" + _keys(_table(exposure))
        yield '# done = "..."  # what was done to those who had it, as in "patients who were ..."\n'
    for name, prior in priors.items():
        yield f"\n[priors.{name}]\n" + _keys(prior)


def _outcome(model: Model) -> dict[str, Any]:
    table = _table(model.outcome)
    return table if model.is_survival else {key: value for key, value in table.items() if key != "unit"}


def _table(noun: Outcome | Term | Exposure) -> dict[str, Any]:
    """Return the keys of a noun that say something, or are choices to be seen."""
    defaults = {f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(noun)}
    held = {key: (getattr(noun, name), defaults[name]) for key, name in keys_of(type(noun)).items()}
    return {key: value for key, (value, default) in held.items() if value != default or key in ALWAYS}


def _keys(table: Mapping[str, Any]) -> str:
    """Write keys line by line, a list on one, whole numbers without a point."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in table.items())


def _value(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    whole = isinstance(value, float) and value.is_integer()
    return tomli_w.dumps({"x": int(value) if whole else value})[4:].strip()


def _comments(head: str, said: Iterable[str]) -> Iterator[str]:
    lines = [f"# - {one_line(text)}\n" for text in said]
    yield from (f"#\n# {head}\n", *lines) if lines else ()


def _listed(names: Sequence[str]) -> str:
    return " and ".join([*[", ".join(names[:-1])] * bool(names[1:]), *names[-1:]])
