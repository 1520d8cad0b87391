"""One way to write a JSON value as bytes, so that its hash and its signature mean one thing."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no spaces. Raises ValueError on NaN, infinities and unpaired surrogates.

    Keys must be strings: JSON turns others into strings, and their order would change on reading back.
    """
    _refuse_other_keys(value)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8")


def sha256_hex(content: bytes) -> str:
    """SHA-256 of the content, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def _refuse_other_keys(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"a JSON key must be a string, not {type(key).__name__}")
            _refuse_other_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _refuse_other_keys(inner)
