"""Words that tables, figures and reports share, so that a caution reads the same wherever it stands."""

from __future__ import annotations

GUARD = (
    "compares patients by what they later received: whoever was operated had to survive until then, "
    "so the comparison favours surgery (immortal time)"
)
BY_LANDMARK = (
    "compares patients event-free and followed at {unit} {landmark:g} by what they had received until then: whoever "
    "was operated had to survive until the operation, whoever was operated later counts as never operated, and who "
    "died or was lost before is left out"
)
ASSOCIATION = "an association, not what surgery does"
ARMS = {"surgery": ("never operated", "operated")}
"""How the two arms of an exposure are called; others are "without X" and "X"."""


def arm_words(exposure: str) -> tuple[str, str]:
    """Return what patients never, and ever, under an exposure are called."""
    return ARMS.get(exposure, (f"without {exposure}", exposure))
