"""Terms of the linear predictor: kinds of them, and how levels of a factor inform each other."""
