"""Bayesian hierarchical analysis of rare-disease case data."""
