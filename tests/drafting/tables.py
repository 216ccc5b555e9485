"""Tables as clinicians write them, small enough to be read here."""

import random

import pandas as pd

N = 24


def cycled(*labels: object, step: int = 1) -> list:
    """Labels in turn, each so many rows long."""
    return [labels[(i // step) % len(labels)] for i in range(N)]


def english() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Patient ID": [f"P{i:02d}" for i in range(N)],
            "Age (years)": [3 + 3 * i for i in range(N)],
            "Sex": cycled("F", "M"),
            "Histology": cycled("IMT", "EIMT", "other", step=2),
            "Best response": cycled("PD", "PR", "SD", "PR", "NE", "CR"),
            "OS (months)": [1.5 + i for i in range(N)],
            "Status": cycled(1, 2, 2),
        }
    )


def german() -> pd.DataFrame:
    operated = cycled("ja", "nein", "nein")
    return pd.DataFrame(
        {
            "Pat.-Nr.": range(1, N + 1),
            "Alter (Jahre)": [18 + 2 * i for i in range(N)],
            "Geschlecht": cycled("m", "w"),
            "Histologie": cycled("Liposarkom", "Leiomyosarkom", "Synovialsarkom", step=2),
            "Ansprechen": cycled("ja", "nein", step=2),
            "Überleben (Monate)": [2.5 + i for i in range(N)],
            "verstorben": cycled("nein", "ja", step=3),
            "OP": operated,
            "OP frühestens (Monate)": [0.5 if flag == "ja" else None for flag in operated],
            "OP spätestens (Monate)": [2.0 if flag == "ja" else None for flag in operated],
        }
    )


def shuffled(table: pd.DataFrame, columns: list[str], seed: int) -> pd.DataFrame:
    """The table with its outcomes dealt anew to the patients, those of one column apart from those of another."""
    draw = random.Random(seed)
    return table.assign(**{name: draw.sample(list(table[name]), N) for name in columns})
