"""How a gold contract says it is brought up to date."""

import re

from a360.contract._plan import RefreshPlan

_BY_KEY = re.compile(r"by_key\(\s*([a-z][a-z0-9_]*(?:\s*,\s*[a-z][a-z0-9_]*)*)\s*\)")


def parse_refresh(text: str) -> RefreshPlan | None:
    """`replace` or `by_key(column, …)`; none for anything else."""
    if text == "replace":
        return RefreshPlan()
    match = _BY_KEY.fullmatch(text)
    return RefreshPlan("by_key", tuple(name.strip() for name in match[1].split(","))) if match else None
