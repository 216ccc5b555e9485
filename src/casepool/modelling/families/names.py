"""Names of parameters: what a posterior, and a model file's priors, call what belongs to a term or an exposure."""

from __future__ import annotations


def effect_of(owner: str) -> str:
    """Name the effect of a term or an exposure."""
    return f"{owner}_effect"


def sd_of(factor: str) -> str:
    """Name the standard deviation of a factor's effects."""
    return f"{factor}_sd"


def own_of(factor: str, level: str = "") -> str:
    """Name the prior of a factor's levels of their own, or of one level."""
    return f"{factor}_own.{level}" if level else f"{factor}_own"


def curve_of(term: str) -> str:
    """Name a smooth term's deviation from its straight line."""
    return f"{term}_wiggle"


def curve_sd_of(term: str) -> str:
    """Name the standard deviation of a smooth term's deviation from its straight line."""
    return f"{curve_of(term)}_sd"


def slope_of(term: str) -> str:
    """Name the slopes of a number in the levels of a factor."""
    return f"{term}_slope"


def log_intensity_of(exposure: str) -> str:
    """Name the log intensity with which an exposure begins."""
    return f"{exposure}_log_intensity"


def mean_of(term: str) -> str:
    """Name the mean of a number's distribution, on the logit scale of its bounds."""
    return f"{term}_mean"


def spread_of(term: str) -> str:
    """Name the standard deviation of a number's distribution, on the logit scale of its bounds."""
    return f"{term}_spread"


def share_of(term: str) -> str:
    """Name the shares of a term's levels among all patients."""
    return f"{term}_share"


def level_dim(term: str) -> str:
    """Name the dimension of all of a term's levels, where the term's own name is that of its coefficients."""
    return f"{term}_level"


def basis_dim(term: str) -> str:
    """Name the dimension of a smooth term's curve."""
    return f"{term}_basis"


def standard_of(name: str) -> str:
    """Name the standard variable whose image a parameter is: of an effect, after its owner."""
    return f"{name.removesuffix('_effect')}_z"


def node_of(term: str) -> str:
    """Name the array of a missing number's quadrature nodes."""
    return f"{term}_node"


def at_node_of(term: str) -> str:
    """Name the array that says which rows stand at a node."""
    return f"{term}_at_node"


def share_of_row(term: str) -> str:
    """Name the array of the share that weighs each row."""
    return f"{term}_share_of_row"


def unknown_of(term: str) -> str:
    """Name the array that says of which rows the label is missing."""
    return f"{term}_unknown"


def recorded_of(term: str) -> str:
    """Name the array of what informs the distribution of a term's missing values."""
    return f"{term}_recorded"


def number_of(name: str, key: str) -> str:
    """Name a graph's input for one number of a prior, or of a factor's way of borrowing."""
    return f"{name}_{key}"


def input_of(array: str) -> str:
    """Name a graph's input for an array of the likelihood."""
    return f"{array}_data"


def names_from(owner: str) -> set[str]:
    """Return every name made from that of a term or an exposure, which no other may have."""
    makers = (
        *(effect_of, sd_of, own_of, curve_of, curve_sd_of, slope_of, log_intensity_of, mean_of, spread_of, share_of),
        *(level_dim, basis_dim, node_of, at_node_of, share_of_row, unknown_of, recorded_of, input_of),
    )
    parameters = (effect_of(owner), curve_of(owner), slope_of(owner))
    return {make(owner) for make in makers} | {standard_of(name) for name in parameters}
