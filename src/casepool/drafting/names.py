"""Names of columns become names that terms and exposures of a model may have."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from casepool.cases.units import words_of
from casepool.modelling.families.names import names_from
from casepool.modelling.specification.files import RESERVED

LONGEST = 40
"""Characters of a name that is made of a column's, at most."""


def safe_name(column: str, taken: Iterable[str]) -> str:
    """Return a name in small Latin letters, near to a column's, that meets none of those taken.

    Parameters
    ----------
    column : str
    taken : iterable of str
        Names of other terms and exposures.
    """
    plain = unicodedata.normalize("NFKD", column).encode("ascii", "ignore").decode()
    stem = re.sub(r"^[\d_]+", "", words_of(plain))[:LONGEST].strip("_") or "factor"
    others = [*taken]
    made = {*RESERVED, *others, *(name for other in others for name in names_from(other))}
    tries = (stem, f"{stem}_factor", *(f"{stem}_factor_{i}" for i in range(2, 2 + len(made))))
    return next(name for name in tries if name not in made and not {*names_from(name)} & {*others})
