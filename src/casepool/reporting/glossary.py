"""The words a report uses."""

from __future__ import annotations

from casepool.estimation.material import Material
from casepool.reporting.blocks import Block, Cell, Table

WORDS = {
    "raw": "from a level's own patients only, without a model.",
    "shrunk": (
        "under the model: levels borrow from each other, so that a level with one patient is drawn towards the others."
    ),
    "CI": "confidence interval: over repeated studies, 95% of such intervals hold the true value.",
    "CrI": "credible interval: given model, priors and data, the value lies inside with probability 95%.",
    "evaluable": "the patient has the outcome.",
    "a new patient": (
        "the probability for one more patient of the level, whose other characteristics are drawn at random."
    ),
    "association": (
        "what a coefficient of a treatment that was not assigned at random describes: who received it and how they "
        "fared, not what it does."
    ),
}
SURVIVAL = "as in survival analysis: the probability that a patient is, at a time, still {free}."


def glossary(material: Material) -> list[Block]:
    """Define the words a report uses; survival as what it is of in this one."""
    free = list(dict.fromkeys(f.model.outcome.without for f in material.fits if f.model.is_survival))
    words = WORDS | ({"survival": SURVIVAL.format(free="; or ".join(free))} if free else {})
    return [
        Table("Words of this page.", ["word", "meaning"], [[Cell(word), Cell(text)] for word, text in words.items()])
    ]
