"""Derivatives of what is written over arrays: values that remember how they were made, and the way back.

A function of many points at once, each value of its own point alone, is written down operation by operation while it is
computed, and walked back once for all points (reverse mode; Griewank and Walther 2008). Operators stand here, the
functions of a `Namespace` in `gradients.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Pull = Callable[[np.ndarray], Any]
"""From the derivative by a result to what it adds to the derivative by one of its operands."""


class Traced:
    """An array on a tape.

    Parameters
    ----------
    value : array
    tape : list of Traced
        Everything computed so far, in order.
    operands : sequence of (Traced, Pull)
        What it was made of.
    """

    __slots__ = ("operands", "slope", "tape", "value")
    __array_ufunc__ = None  # so that an array leaves operators to this class

    def __init__(self, value: Any, tape: list[Traced], *operands: tuple[Traced, Pull]) -> None:
        self.value, self.tape, self.operands = value, tape, operands
        self.slope: Any = None
        tape.append(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(np.shape(self.value))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return int(np.ndim(self.value))

    def __add__(self, other: Any) -> Traced:
        if isinstance(other, Traced):
            return Traced(self.value + other.value, self.tape, (self, _same), (other, _same))
        return Traced(self.value + other, self.tape, (self, _same))

    __radd__ = __add__

    def __neg__(self) -> Traced:
        return Traced(-self.value, self.tape, (self, np.negative))

    def __sub__(self, other: Any) -> Traced:
        if isinstance(other, Traced):
            return Traced(self.value - other.value, self.tape, (self, _same), (other, np.negative))
        return Traced(self.value - other, self.tape, (self, _same))

    def __rsub__(self, other: Any) -> Traced:
        return Traced(other - self.value, self.tape, (self, np.negative))

    def __mul__(self, other: Any) -> Traced:
        a = self.value
        if isinstance(other, Traced):
            b = other.value
            return Traced(a * b, self.tape, (self, lambda g: g * b), (other, lambda g: g * a))
        return Traced(a * other, self.tape, (self, lambda g: g * other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Traced:
        if isinstance(other, Traced):
            b = other.value
            ratio = self.value / b
            return Traced(ratio, self.tape, (self, lambda g: g / b), (other, lambda g: -g * ratio / b))
        return Traced(self.value / other, self.tape, (self, lambda g: g / other))

    def __rtruediv__(self, other: Any) -> Traced:
        a = self.value
        ratio = other / a
        return Traced(ratio, self.tape, (self, lambda g: -g * ratio / a))

    def __pow__(self, power: float) -> Traced:
        a = self.value
        return Traced(a**power, self.tape, (self, lambda g: g * power * a ** (power - 1)))

    def __matmul__(self, matrix: np.ndarray) -> Traced:
        return Traced(self.value @ matrix, self.tape, (self, lambda g: g @ matrix.T))

    def __getitem__(self, key: Any) -> Traced:
        shape = self.shape

        def pull(g: np.ndarray) -> np.ndarray:
            back = np.zeros(shape)
            if _repeats(key):
                np.add.at(back, key, g)
            else:
                back[key] = g
            return back

        return Traced(self.value[key], self.tape, (self, pull))

    def sum(self, axis: int = -1) -> Traced:
        """Sum over an axis."""
        shape = self.shape
        return Traced(
            self.value.sum(axis=axis), self.tape, (self, lambda g: np.broadcast_to(np.expand_dims(g, axis), shape))
        )

    def reshape(self, shape: tuple[int, ...]) -> Traced:
        """Lay the entries out in another shape."""
        own = self.shape
        return Traced(self.value.reshape(shape), self.tape, (self, lambda g: np.reshape(g, own)))

    def __gt__(self, other: Any) -> Any:
        return self.value > plain(other)

    def __lt__(self, other: Any) -> Any:
        return self.value < plain(other)

    def __ge__(self, other: Any) -> Any:
        return self.value >= plain(other)

    def __le__(self, other: Any) -> Any:
        return self.value <= plain(other)


def plain(x: Any) -> Any:
    """Return the array of a traced one; anything else as it is."""
    return x.value if isinstance(x, Traced) else x


def _same(g: np.ndarray) -> np.ndarray:
    return g


def _repeats(key: Any) -> bool:
    """Whether an index may take an entry more than once: one of whole numbers in an array."""
    keys = key if isinstance(key, tuple) else (key,)
    return any(isinstance(k, np.ndarray) and k.dtype != bool for k in keys)


def _summed_to(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Sum a derivative over the axes along which its operand was spread."""
    if g.ndim > len(shape):
        g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    spread = tuple(axis for axis, size in enumerate(shape) if size == 1 and g.shape[axis] != 1)
    return np.broadcast_to(g.sum(axis=spread, keepdims=True) if spread else g, shape)


_before: list[Any] = []
"""Arrays of the walk before the last: let go at once, their memory would go back to the system page by page, only to
be fetched again for the next walk, which doubles its time."""


def value_and_gradient(function: Callable[[Any], Any], at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a function's values and gradients at many points.

    Parameters
    ----------
    function : callable
        From points (points, size) to values (points,), each of its own point alone.
    at : array (points, size)

    Returns
    -------
    values, gradients : array (points,), array (points, size)
    """
    tape: list[Traced] = []
    start = Traced(at, tape)
    end = function(start)
    end.slope = np.ones(end.shape)
    for made in reversed(tape):
        if made.slope is None:
            continue
        for operand, pull in made.operands:
            g = pull(made.slope)
            if g.shape != operand.value.shape:
                g = _summed_to(g, operand.value.shape)
            operand.slope = g if operand.slope is None else operand.slope + g
        if made is not start:
            made.slope = None
    _before[:] = [made.value for made in tape]
    tape.clear()  # which ends the circle of a tape and what stands on it
    return np.asarray(end.value), np.asarray(start.slope)
