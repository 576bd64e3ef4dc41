"""One spelling for each plan, so that equal plans have equal fingerprints on every machine."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal

type Canonical = bool | int | float | str | list[Canonical] | dict[str, Canonical] | None


def canonical(value: object) -> Canonical:
    """Plain JSON values for a tree of dataclasses, mappings and tuples; a union's member bears its name."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in sorted(value.items())}
    if isinstance(value, tuple | list):
        return [canonical(item) for item in value]
    if dataclasses.is_dataclass(value):
        named = {field.name: canonical(getattr(value, field.name)) for field in dataclasses.fields(value)}
        kind = getattr(value, "kind", None)
        return {"kind": kind, **named} if isinstance(kind, str) else named
    raise TypeError(f"a plan holds no {type(value).__name__}")


def fingerprint_of(value: object) -> str:
    """The first 32 hex digits of the SHA-256 of the canonical JSON."""
    text = json.dumps(canonical(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
