"""Which fields of a noun are data to a graph, and which its structure: what two fits must share to share a graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

DATA = {"data": True}
"""Metadata of a field of a dataclass that a graph takes as data, or never sees."""


def structure(noun: Any) -> Any:
    """Return all of a noun but its data: every field that is not marked with `DATA`, and so for the nouns within."""
    if is_dataclass(noun) and not isinstance(noun, type):
        kept = [f.name for f in fields(noun) if not f.metadata.get("data")]
        return (type(noun).__name__, *((name, structure(getattr(noun, name))) for name in kept))
    if isinstance(noun, Mapping):
        return tuple((key, structure(value)) for key, value in noun.items())
    if isinstance(noun, list | tuple):
        return tuple(structure(item) for item in noun)
    return noun
