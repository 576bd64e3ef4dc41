"""What Lake Formation says it has granted, as texts that can be compared with what is declared."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Granted:
    """What one principal has on one resource; `grantable` of it may be handed on."""

    principal: str
    resource: str
    permissions: tuple[str, ...]
    grantable: tuple[str, ...] = ()

    def __str__(self) -> str:
        grantable = f", may grant {', '.join(self.grantable)}" if self.grantable else ""
        return f"{self.principal}: {self.resource} ({', '.join(self.permissions)}{grantable})"


def spelled(tags: Mapping[str, Iterable[str]]) -> str:
    """An LF-Tag expression as one text."""
    return " and ".join(f"{key}={'|'.join(sorted(values))}" for key, values in sorted(tags.items()))


def resource_text(resource: Mapping[str, Any]) -> str:
    """A resource of Lake Formation as one text; of what is never declared, whatever tells it from others."""
    if table := resource.get("Table"):
        return f"{table['DatabaseName']}.{table.get('Name') or '*'}"
    if table := resource.get("TableWithColumns"):
        every = table.get("ColumnWildcard") is not None and not table["ColumnWildcard"].get(
            "ExcludedColumnNames"
        )
        columns = "" if every else f" {sorted(table.get('ColumnNames', ()))}"
        return f"{table['DatabaseName']}.{table['Name']}{columns}"
    if policy := resource.get("LFTagPolicy"):
        tags = {each["TagKey"]: each["TagValues"] for each in policy.get("Expression", ())}
        of = "" if policy["ResourceType"] == "TABLE" else f"{policy['ResourceType']} "
        return of + spelled(tags)
    if cells := resource.get("DataCellsFilter"):
        return f"{cells['DatabaseName']}.{cells['TableName']} through {cells['Name']}"
    if database := resource.get("Database"):
        return str(database["Name"])
    return str({key: value for key, value in resource.items() if value})


def granted(permissions: Iterable[Mapping[str, Any]]) -> frozenset[Granted]:
    """What `ListPermissions` says.

    It lists what one grant gave in several parts: to select from all columns, and to describe the table.
    """
    found: dict[tuple[str, str], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for each in permissions:
        principal = str(each["Principal"]["DataLakePrincipalIdentifier"])
        allowed, grantable = found[principal, resource_text(each["Resource"])]
        allowed.update(each.get("Permissions", ()))
        grantable.update(each.get("PermissionsWithGrantOption", ()))
    return frozenset(
        Granted(principal, resource, tuple(sorted(allowed)), tuple(sorted(grantable)))
        for (principal, resource), (allowed, grantable) in found.items()
    )
