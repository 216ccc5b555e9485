"""A table of dated cases as a clinic keeps it, for tests."""

import datetime
import random

import pandas as pd

from casepool.cases.codebook import Codebook, codebook_from_dict

COLUMNS = {
    "patient": {"type": "text"},
    "diagnosed": {"type": "date"},
    "operated": {"type": "boolean", "role": "exposure"},
    "operation": {"type": "date", "role": "start"},
    "death_date": {"type": "date", "censored_at": "last_contact", "what": "death"},
    "last_contact": {"type": "date"},
}


def book(**changed: dict | None) -> Codebook:
    """The codebook of `clinic`; `changed` adds keys to columns."""
    columns = {name: keys | (changed.get(name) or {}) for name, keys in COLUMNS.items()}
    columns |= {name: keys for name, keys in changed.items() if name not in columns}
    return codebook_from_dict({"name": "clinic", "file": {"time_zero": "diagnosed"}, "columns": columns})


def clinic(n: int, seed: int = 1, shift: int = 0) -> pd.DataFrame:
    """Patients with dates to the day, in the order in which things happen, all `shift` days later."""
    rng, rows = random.Random(seed), []
    for i in range(n):
        zero = datetime.date(2001, 1, 1) + datetime.timedelta(days=rng.randrange(7000) + shift)
        gaps = sorted(rng.sample(range(1, 3000), 3))
        operation, contact, death = (zero + datetime.timedelta(days=gap) for gap in gaps)
        operated, dead = rng.random() < 0.5, rng.random() < 0.6
        rows.append([f"p{i}", zero, operated, operation if operated else None, death if dead else None, contact])
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def texts(frame: pd.DataFrame, form: str = "%Y-%m-%d") -> pd.DataFrame:
    """Write the dates as text."""
    return frame.map(lambda cell: cell.strftime(form) if isinstance(cell, datetime.date) else cell)
