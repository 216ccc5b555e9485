# The logistic model in rstanarm. Its prior of a group's sd is its own (decov: unit exponential), as no half-normal is on offer.
suppressPackageStartupMessages(library(rstanarm))
source("benchmarks/peers/complete_cases.R")
fit <- stan_glmer(
  response ~ age + (1 | histology) + (1 | partner), data = cases, family = binomial(),
  prior_intercept = normal(1, 1.5), prior = normal(0, 0.5),
  chains = 4, iter = 2000, warmup = 1000, adapt_delta = 0.9, cores = 1, seed = 1, refresh = 0
)
print_by_histology(posterior_epred(fit))
