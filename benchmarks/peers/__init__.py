"""Small programs that `benchmarks.speed` starts, each in a process of its own: a model, its draws, a printed table."""
