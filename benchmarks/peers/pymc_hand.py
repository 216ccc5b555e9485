"""The logistic model of the complete cases written by hand in PyMC, sampled by nutpie.

Complete cases: patients without a response or an age are left out, and several partners of one patient are one label.
casepool sums over what is missing, and gives a patient of several partners the mean of their effects.
"""

from pathlib import Path

import arviz as az
import pandas as pd
import pymc as pm

CASES = Path(__file__).parents[2] / "data" / "alk_crizotinib" / "cases.csv"

table = pd.read_csv(CASES).dropna(subset=["best_response", "age"])
with pm.Model():
    eta = pm.Normal("intercept", 1, 1.5) + pm.Normal("age_effect", 0, 0.5) * (table["age"].to_numpy() - 18) / 10
    for factor in ("histology", "partner"):
        codes, levels = pd.factorize(table[factor], sort=True)
        spread = pm.HalfNormal(f"{factor}_sd", 1)
        eta = eta + (spread * pm.Normal(f"{factor}_z", 0, 1, shape=len(levels)))[codes]
    chance = pm.math.sigmoid(eta)
    for histology, rows in table.groupby("histology").indices.items():
        pm.Deterministic(f"response: {histology}", chance[rows].mean())
    pm.Bernoulli("response", logit_p=eta, observed=table["best_response"].isin(["PR", "CR"]).to_numpy().astype(int))
    draws = pm.sample(1000, tune=1000, chains=4, target_accept=0.9, nuts_sampler="nutpie", random_seed=1,
                      progressbar=False)  # fmt: skip
print(az.summary(draws, var_names="response: ", filter_vars="like").to_string())
