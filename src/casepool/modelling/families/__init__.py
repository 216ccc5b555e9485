"""Outcome families, hazards, priors and parameters as plain mathematics over any arrays."""
