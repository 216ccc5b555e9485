"""What is said otherwise since 0.1.0, listed: words that were built in then and are the model file's now.

A fit of 0.1.0 and a model file of its time have no words of their own for an exposure and an event. Here they get
those of today's files, and texts that 0.1.0 wrote down get today's wording; all else must be as before.
"""

import json
import re
import tomllib

from tests.oracle.structures import structures

KEYS = {"what", "done", "free"}
"""Keys of a model file that 0.1.0 did not know."""
OPERATED = "whoever was operated had to"
LATER = "whoever was operated later counts as never operated, and who"
REWORDED = (
    (f"{OPERATED} survive until then", f"{OPERATED} be alive until then"),
    (
        f"{OPERATED} survive until the operation, {LATER} died or",
        f"{OPERATED} be alive until then, {LATER} had the event or",
    ),
    ("all or no deaths in one arm", "all or no events in one arm"),
    ("no death by then", "no event by then"),
    ("at risk at a death", "at risk at an event"),
    ("reported for a start at 0 months", "reported for a start at the median known or mid-interval start of the cases"),
)
"""Texts of 0.1.0, and what stands in their place."""
NOTED = re.compile(
    r"a start at [\d.]+ months is one that no patient of the fit had: what follows it is the model's alone; |"
    r"no exact P beside it: patients pass from one arm to the other; "
)
"""What a note says besides: a start at which no patient's exposure began, a test without a permutation test."""


def with_words(fit, name):
    """Give a fit of 0.1.0 the words that the model file of its structure has today."""
    model, today = json.loads(fit.attrs["model"]), tomllib.loads(structures()[name][0].to_toml())
    pairs = [(model["outcome"], today["outcome"])]
    pairs += [(own, today["exposure"][key]) for key, own in model.get("exposure", {}).items()]
    for own, said in pairs:
        own |= {key: said[key] for key in KEYS & said.keys()}
    fit.attrs["model"] = json.dumps(model)
    return fit


def texts(told, change):
    """Return what was written down with every text changed."""
    if isinstance(told, dict):
        return {key: texts(value, change) for key, value in told.items()}
    if isinstance(told, list):
        return [texts(value, change) for value in told]
    return change(told) if isinstance(told, str) else told


def today(text, outcome=None):
    """Write a text of 0.1.0 as it would be written now, of a model's outcome in the outcome's own words."""
    for before, now in (*REWORDED, *(() if outcome is None else own_words(outcome))):
        text = text.replace(before, now)
    return text


def own_words(outcome):
    """Return texts of 0.1.0 that an outcome has other words for: those of the posterior's tables."""
    yield " responds more often", f" {outcome.reaches} more often"
    if outcome.staying != "survival":
        for time in (3, 10, 12, 20, 24, 36):
            yield f"survival at {time:g} months: ", f"{outcome.staying} at {time:g} months: "
            yield f"mean survival to {time:g} months: ", f"mean time {outcome.free} to {time:g} months: "
        yield "median survival: ", f"{outcome.median}: "
        yield "median survival lies", f"{outcome.median} lies"


def as_then(text):
    """Take out of a text of now what notes say besides."""
    return NOTED.sub("", text)
