"""A formula, as brms, Bambi and R write it, becomes a model file: read as text, and never evaluated."""
