"""The only door through which people query: what they ask is decided, recorded and computed under lock."""

from typing import TYPE_CHECKING

from a360._lazy import lazily

if TYPE_CHECKING:
    from a360.trust.gateway._budget import Budget
    from a360.trust.gateway._elsewhere import AllowedQuery, allowed_elsewhere
    from a360.trust.gateway._formats import (
        json_rows,
        json_value,
        unmarked,
        write_arrow,
        write_csv,
        write_json,
        write_json_lines,
    )
    from a360.trust.gateway._gateway import Gateway
    from a360.trust.gateway._mask_maps import fill_mask_maps
    from a360.trust.gateway._pool import Workers
    from a360.trust.gateway._recording import QueryLog
    from a360.trust.gateway._running import QueryResult

__all__ = [
    "AllowedQuery",
    "Budget",
    "Gateway",
    "QueryLog",
    "QueryResult",
    "Workers",
    "allowed_elsewhere",
    "fill_mask_maps",
    "json_rows",
    "json_value",
    "unmarked",
    "write_arrow",
    "write_csv",
    "write_json",
    "write_json_lines",
]

_LAZY = {
    "AllowedQuery": "_elsewhere",
    "Budget": "_budget",
    "Gateway": "_gateway",
    "QueryLog": "_recording",
    "QueryResult": "_running",
    "Workers": "_pool",
    "allowed_elsewhere": "_elsewhere",
    "fill_mask_maps": "_mask_maps",
    "json_rows": "_formats",
    "json_value": "_formats",
    "unmarked": "_formats",
    "write_arrow": "_formats",
    "write_csv": "_formats",
    "write_json": "_formats",
    "write_json_lines": "_formats",
}

__getattr__ = lazily(__name__, _LAZY)
