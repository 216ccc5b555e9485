# The logistic model in brms, which compiles it.
suppressPackageStartupMessages(library(brms))
if (!nzchar(system.file("include", package = "BH"))) rstan::rstan_options(boost_lib = "/usr/include") # as Debian has it
source("benchmarks/peers/complete_cases.R")
fit <- brm(
  response ~ 0 + Intercept + age + (1 | histology) + (1 | partner), data = cases, family = bernoulli(),
  prior = c(
    prior(normal(1, 1.5), class = b, coef = Intercept), prior(normal(0, 0.5), class = b, coef = age),
    prior(normal(0, 1), class = sd)
  ),
  chains = 4, iter = 2000, warmup = 1000, control = list(adapt_delta = 0.9), cores = 1, seed = 1, refresh = 0, silent = 2
)
print_by_histology(posterior_epred(fit))
