"""A healthcare lakehouse on Apache Iceberg, declared once in contracts."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from a360.lake import Lake
    from a360.lake import open_lake as open  # noqa: A004 -- `a360.open(dir)` is the API's name

__all__ = ["Lake", "open"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- whatever the name stands for
    """Import the lake when it is first asked for: the command line must start without it."""
    if name not in {"Lake", "open"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from a360 import lake  # noqa: PLC0415

    return lake.Lake if name == "Lake" else lake.open_lake
