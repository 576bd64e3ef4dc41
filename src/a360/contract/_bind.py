"""Puts attributes of a principal into a condition, as literals."""

import re
from collections.abc import Mapping
from functools import lru_cache

from a360.contract._quoting import quote_text

NOW = "now"
"""The attribute that is the time of the decision, as a `timestamptz`."""
_PARTS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|::|:([a-z_][a-z0-9_]*)", re.IGNORECASE)
# What could hide a quote from the pattern above.
_REFUSED = re.compile(r"--|/\*|\$|\be'", re.IGNORECASE)


@lru_cache(maxsize=4096)
def attributes_in(where: str) -> frozenset[str]:
    """The names of the attributes that a condition asks for."""
    return frozenset(found[1] for found in _PARTS.finditer(where) if found[1])


def unbindable(where: str) -> str:
    """Why a condition may not have attributes put into it; empty where it may."""
    refused = _REFUSED.search(_PARTS.sub("", where))
    return f"it has {refused[0]!r}: comments, dollar quotes and escapes are not allowed" if refused else ""


def bind(where: str, literals: Mapping[str, str]) -> str | None:
    """The condition with SQL literals in the attributes' places; None where one of them is missing."""
    wanted = attributes_in(where)
    if not wanted:
        return where
    if unbindable(where) or not wanted <= literals.keys():
        return None
    return _PARTS.sub(lambda found: literals[found[1]] if found[1] else found[0], where)


def literals_of(attributes: Mapping[str, str], now: str | None) -> dict[str, str]:
    """Attributes as SQL literals; `now` is an expression of its own."""
    literals = {name: quote_text(value) for name, value in attributes.items() if "\x00" not in value}
    literals.pop(NOW, None)
    return literals if now is None else {**literals, NOW: now}
