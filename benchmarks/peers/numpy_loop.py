"""A fixed amount of numpy: what the machine is worth at the moment."""

import numpy as np

rng = np.random.default_rng(1)
values, matrix = rng.standard_normal((1000, 200)), rng.standard_normal((200, 200)) / 20
for _ in range(150):
    values = np.log1p(np.exp(-np.abs(values @ matrix))) + values
    values /= np.abs(values).max()
print(values.sum())
