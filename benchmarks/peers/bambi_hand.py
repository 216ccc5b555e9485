"""The logistic model of the complete cases in Bambi, sampled by nutpie."""

from pathlib import Path

import arviz as az
import bambi as bmb
import pandas as pd

CASES = Path(__file__).parents[2] / "data" / "alk_crizotinib" / "cases.csv"

table = pd.read_csv(CASES).dropna(subset=["best_response", "age"])
table = table.assign(response=table["best_response"].isin(["PR", "CR"]).astype(int), age=(table["age"] - 18) / 10)
spread = bmb.Prior("Normal", mu=0, sigma=bmb.Prior("HalfNormal", sigma=1))
priors = {
    "Intercept": bmb.Prior("Normal", mu=1, sigma=1.5),
    "age": bmb.Prior("Normal", mu=0, sigma=0.5),
    "1|histology": spread,
    "1|partner": spread,
}
model = bmb.Model(
    "response ~ age + (1|histology) + (1|partner)", table, family="bernoulli", priors=priors, center_predictors=False
)
draws = model.fit(draws=1000, tune=1000, chains=4, target_accept=0.9, random_seed=1, inference_method="nutpie",
                  progressbar=False)  # fmt: skip
model.predict(draws, kind="response_params")
chance = draws["posterior"]["p"]
means = {name: chance.isel(__obs__=rows).mean("__obs__") for name, rows in table.groupby("histology").indices.items()}
print(az.summary(means).to_string())
