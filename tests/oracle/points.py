"""Points of a posterior's space, as one vector each: what `densities.npz` holds under the names of value variables."""

import numpy as np


def vectors(density, points):
    """Return the stored points as vectors (points, size) of a density, which names its coordinates alike."""
    found = [np.reshape(values, (len(values), -1)) for values in of_coordinates(density, points)]
    return np.hstack(found)


def of_coordinates(density, values):
    """Return what is stored by value variable (``sd_log__``) in the order of a density's coordinates (``sd``)."""
    bare = {transformed_from(name): held for name, held in values.items()}
    return [bare[name] for name in density.shapes]


def transformed_from(name):
    """Return the name of the variable that PyMC moves under `name`."""
    return name.removesuffix("__").rpartition("_")[0] if name.endswith("__") else name
