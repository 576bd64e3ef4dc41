"""A healthcare lakehouse on Apache Iceberg, declared once in contracts."""

from typing import TYPE_CHECKING

from a360._lazy import lazily

if TYPE_CHECKING:
    from a360.lake import Lake
    from a360.lake import open_lake as open  # noqa: A004 -- `a360.open(dir)` is the API's name

__all__ = ["Lake", "open"]


# The command line must start without the lake.
__getattr__ = lazily(__name__, {"Lake": "lake", "open": "lake:open_lake"})
