"""Names of a package that are imported when they are first asked for.

A room shows more than most of its users need, and some of it rests on engines that take long to import.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazily(package: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a package: each name's place is a module of it, as `_run`, or `_run:other_name`."""

    def find(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
        place = places.get(name)
        if place is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, there = place.partition(":")
        value = getattr(import_module(f"{package}.{module}"), there or name)
        setattr(sys.modules[package], name, value)
        return value

    return find
