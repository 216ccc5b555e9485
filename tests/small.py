"""Small models and tables for tests, made in code."""

import pandas as pd

from casepool.modelling import Model, model_from_dict

LEVELS = {"column": "response", "levels": ["no", "yes"], "success": ["yes"], "events": "events", "n": "n"}


def normal(sigma: float, mu: float = 0.0) -> dict:
    return {"dist": "Normal", "mu": mu, "sigma": sigma, "why": "test"}


def half_normal(sigma: float) -> dict:
    return {"dist": "HalfNormal", "sigma": sigma, "why": "test"}


def fixed(value: float) -> dict:
    return {"dist": "Fixed", "value": value, "why": "test"}


def response_model(terms: dict, priors: dict, name: str = "small", **outcome: object) -> Model:
    plain = {"family": "bernoulli", "outcome": LEVELS | outcome, "terms": terms, "priors": priors}
    return model_from_dict(plain, name=name)


def survival_model(
    priors: dict, family: str = "exponential", *, exposure: dict | None = None, unit: str = "months", **top
) -> Model:
    outcome = {"time": "time", "event": "event", "unit": unit} | top.pop("outcome", {})
    outcome = {key: value for key, value in outcome.items() if value}
    plain = {"family": family, "outcome": outcome, "priors": priors} | top
    if exposure is not None:
        named = all(isinstance(keys, dict) for keys in exposure.values())
        plain["exposure"] = exposure if named else {"surgery": {"column": "surgery", **exposure}}
    return model_from_dict(plain, name="small")


def counts(events: list[int], n: list[int], **columns: list) -> pd.DataFrame:
    """A table of counts, one row a group."""
    return pd.DataFrame({"patient": [f"row {i}" for i in range(len(n))], **columns, "events": events, "n": n})
