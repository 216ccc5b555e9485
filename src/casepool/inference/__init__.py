"""A Design becomes draws.

Hands no name on: whoever needs the sampler imports the module that does, and reading a fit needs none.
"""
