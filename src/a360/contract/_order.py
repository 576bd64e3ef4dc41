"""The order in which contracts are written, so that two of them can be read side by side."""

from collections.abc import Iterable, Mapping
from typing import Any

CONTRACT = (
    *("apiVersion", "kind", "id", "name", "version", "status", "domain", "dataProduct", "tenant", "tags"),
    *("description", "customProperties", "authoritativeDefinitions", "schema", "team", "support"),
    *("slaDefaultElement", "slaProperties", "contractCreatedTs"),
)
TABLE = (
    *("name", "logicalType", "physicalType", "physicalName", "businessName", "description"),
    *("dataGranularityDescription", "tags", "customProperties", "authoritativeDefinitions", "properties"),
    "quality",
)
COLUMN = (
    *("name", "logicalType", "physicalType", "logicalTypeOptions", "enum", "required", "unique"),
    *("primaryKey", "primaryKeyPosition", "deprecated", "businessName", "description", "classification"),
    *("criticalDataElement", "examples", "transformLogic", "transformDescription", "quality"),
    *("relationships", "tags", "authoritativeDefinitions", "customProperties"),
)


def in_order(names: Iterable[str], order: tuple[str, ...]) -> list[str]:
    """Names in an order; one that the order does not know stays behind the name it stands behind."""
    ranked: list[tuple[int, int, str]] = []
    rank = -1
    for place, name in enumerate(names):
        rank = order.index(name) if name in order else rank
        ranked.append((rank, place, name))
    return [name for _, _, name in sorted(ranked)]


def ordered(values: Mapping[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    """A mapping in an order."""
    return {name: values[name] for name in in_order(values, order)}
