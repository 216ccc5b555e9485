"""A model laid on cases: arrays, parameters, likelihood, density."""
