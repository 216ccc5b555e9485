"""Estimate tables made by hand."""

import pandas as pd

from casepool.tables import estimate_table


def row(level: str, source: str = "raw", **more: object) -> dict:
    own = {
        "raw": {"interval": "95% CI", "method": "Clopper-Pearson"},
        "shrunk": {"interval": "95% CrI", "method": "posterior", "model": "small", "verdict": "pass"},
    }[source]
    numbers = {"n": 8, "events": 6, "estimate": 0.75, "lower": 0.4, "upper": 0.95, "unit": "probability"}
    numbers["kind"] = "ratio" if more.get("unit") == "ratio" else "value"
    return {
        "estimand": f"rate, {source}",
        "by": "histology",
        "level": level,
        "source": source,
        **own,
        **numbers,
        **more,
    }


def two_sources(*levels: str) -> pd.DataFrame:
    """A raw and a shrunk row for every level."""
    return estimate_table([row(level, source) for level in levels for source in ("raw", "shrunk")])
