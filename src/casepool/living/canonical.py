"""One way to write plain values as text, so that equal values have equal digests."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any


def canonical(value: Any) -> bytes:
    """Write a value as JSON: keys sorted, UTF-8, no spaces, numbers in the fewest digits that read back the same.

    A whole number is written without a point, whatever its type; what is no finite number is null.

    Examples
    --------
    >>> from casepool.living.canonical import canonical
    >>> canonical({"b": 0.10, "a": [2.0, float("nan")]})
    b'{"a":[2,null],"b":0.1}'
    """
    plain = _plain(value)
    return json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def digest(value: Any) -> str:
    """Return the SHA-256 of a value as `canonical` writes it."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: Any) -> Any:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return (int(value) if value.is_integer() and abs(value) < 2**53 else value) if math.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else None
