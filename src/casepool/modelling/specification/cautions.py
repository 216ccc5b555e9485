"""Words that tables, figures and reports share, so that a caution reads the same wherever it stands."""

from __future__ import annotations

GUARD = (
    "compares patients by what they later received: whoever {who} had to be {free} until then, "
    "so the comparison favours {what} (immortal time)"
)
BY_LANDMARK = (
    "compares patients event-free and followed at {unit} {landmark:g} by what they had received until then: whoever "
    "{who} had to be {free} until then, whoever {who} later counts as {never}, and who had {event} or was lost before "
    "is left out"
)
EVENT = "the event"
EVENT_FREE = "event-free"
"""What an event that has no name is called, and who has not had it."""


def guard(*, who: str = "received it", what: str = "those who did", free: str = EVENT_FREE) -> str:
    """Say what is wrong with comparing patients by what they came to receive.

    Parameters
    ----------
    who : str
        What was done to them, as it follows "whoever".
    what : str
        What they received.
    free : str
        What patients without the event are called.
    """
    return GUARD.format(who=who, what=what, free=free)


def association(what: str) -> str:
    """Say what the coefficient of a treatment is that was not assigned at random."""
    return f"an association, not what {what} does"


def lowered(label: str) -> str:
    """Write a label inside a sentence: its first letter small, unless it begins an abbreviation."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label
