"""Contracts drafted from data, for a person to finish."""

from a360.draft._infer import Inferred, infer

__all__ = ["Inferred", "infer"]
