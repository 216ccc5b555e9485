# The logistic model in JAGS: 1,000 steps of adaptation and burn-in, then 1,000 draws of four chains.
suppressPackageStartupMessages(library(rjags))
source("benchmarks/peers/complete_cases.R")
model <- "model {
  intercept ~ dnorm(1, 1 / 1.5^2)
  age_effect ~ dnorm(0, 1 / 0.5^2)
  histology_sd ~ dnorm(0, 1) T(0, )
  partner_sd ~ dnorm(0, 1) T(0, )
  for (j in 1:histologies) { u[j] ~ dnorm(0, 1) }
  for (j in 1:partners) { v[j] ~ dnorm(0, 1) }
  for (i in 1:patients) {
    logit(p[i]) <- intercept + age_effect * age[i] + histology_sd * u[histology[i]] + partner_sd * v[partner[i]]
    response[i] ~ dbern(p[i])
  }
}"
histology <- factor(cases$histology)
partner <- factor(cases$partner)
data <- list(
  response = cases$response, age = cases$age, histology = as.integer(histology), partner = as.integer(partner),
  histologies = nlevels(histology), partners = nlevels(partner), patients = nrow(cases)
)
starts <- lapply(1:4, function(i) list(.RNG.name = "base::Mersenne-Twister", .RNG.seed = i))
fit <- jags.model(textConnection(model), data, inits = starts, n.chains = 4, n.adapt = 1000, quiet = TRUE)
print_by_histology(as.matrix(coda.samples(fit, "p", 1000, progress.bar = "none")))
