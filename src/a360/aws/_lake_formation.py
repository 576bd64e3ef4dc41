"""Lake Formation held to the policy: what is declared and not there, what is there and not declared.

It is looked at, and brought to what is declared, for the lake's own tags, databases and tables, and for
whoever is granted anything of these. What the deployment's own services are granted, and what other accounts
are, is not looked at here: the stacks make the one, `infra.sharing` verifies the other.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from a360.aws._clients import Aws, told
from a360.contract import (
    MASKS,
    SERVICES,
    Carriers,
    DeployedNames,
    LakePlan,
    granted,
    resource_text,
    spelled,
)
from a360.errors import A360Error, OperatorError

_VIEWS = "views"
_READ = ("DESCRIBE", "SELECT")
_TRIES, _FIRST_WAIT = 8, 0.5
_CONCURRENT = "ConcurrentModification"
_ABSENT = "EntityNotFound"
_PARTS_OF_A_COLUMN = 2


@dataclass(frozen=True, slots=True, order=True)
class LfItem:
    """One thing that Lake Formation holds: a value of a tag, a tag on something, a filter or a grant."""

    kind: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.where}: {self.what}"

    @property
    def key(self) -> str:
        """The key of a tag on something."""
        return self.what.partition("=")[0]


@dataclass(frozen=True, slots=True)
class LfDrift:
    """Where Lake Formation differs from what is declared."""

    missing: tuple[LfItem, ...] = ()
    undeclared: tuple[LfItem, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.missing or self.undeclared)


@dataclass(slots=True)
class LakeFormation:
    """Lake Formation of one deployment. `wait` is time itself, but in tests."""

    aws: Aws
    plan: LakePlan
    names: DeployedNames
    wait: Callable[[float], None] = time.sleep
    _requests: dict[LfItem, dict[str, Any]] = field(default_factory=dict)

    @property
    def _carriers(self) -> Carriers:
        return self.plan.carriers

    def drift(self) -> LfDrift:
        """What differs, as Lake Formation tells it now.

        Raises:
            OperatorError: `aws-credentials`, `aws-failed`.
            DeniedError: `denied`.
        """
        wanted, found = frozenset(self.declared()), frozenset(self.found())
        return LfDrift(tuple(sorted(wanted - found)), tuple(sorted(found - wanted)))

    def apply(self, drift: LfDrift, tell: Callable[[LfItem, bool], None]) -> None:
        """Bring Lake Formation to what is declared, one change after the other; `tell` hears of each.

        What is granted and not declared goes first: whatever breaks off between shows less, never more.
        """
        for each in self._superfluous(drift):
            self._take_away(each)
            tell(each, False)
        for key in dict.fromkeys(each.where for each in drift.missing if each.kind == "tag"):
            for each in self._make_tag(key, drift):
                tell(each, True)
        for items in _alike(drift.missing):
            self._put_tags(items)
            for each in items:
                tell(each, True)
        for kind, make in (("filter", self._make_filter), ("grant", self._make_grant)):
            for each in drift.missing:
                if each.kind == kind:
                    make(each)
                    tell(each, True)

    def _superfluous(self, drift: LfDrift) -> Iterator[LfItem]:
        """What has to be taken away; a tag is not, where another value of its key is set in its place."""
        renewed = {(each.where, each.key) for each in drift.missing if each.kind == "tag of"}
        for kind in ("grant", "filter", "tag of", "tag"):
            for each in drift.undeclared:
                if each.kind == kind and (kind != "tag of" or (each.where, each.key) not in renewed):
                    yield each

    def declared(self) -> Iterator[LfItem]:
        """All that the policy asks for; how to ask for each is kept."""
        carriers = self._carriers
        for key, values in carriers.tags.items():
            for value in values:
                yield LfItem("tag", key, value)
        for assignment in carriers.assignments:
            zone, _, rest = assignment.resource.partition(".")
            where = ".".join(filter(None, (self.names.database(zone), rest)))
            for key, value in assignment.tags.items():
                yield LfItem("tag of", where, f"{key}={value}")
        for each in carriers.filters:
            zone, _, table = each.dataset.partition(".")
            at = f"{self.names.database(zone)}.{table}"
            item = _filter(at, each.deployed_name, each.columns, each.rows)
            rows: dict[str, Any] = {"FilterExpression": each.rows} if each.rows else {"AllRowsWildcard": {}}
            self._requests[item] = {
                "TableCatalogId": self.names.account,
                "DatabaseName": self.names.database(zone),
                "TableName": table,
                "Name": each.deployed_name,
                "RowFilter": rows,
                "ColumnNames": [*each.columns],
            }
            yield item
        yield from self._declared_grants()

    def _declared_grants(self) -> Iterator[LfItem]:
        """What the roles of people are granted: databases to see, tags, filters and views to read."""
        carriers, names = self._carriers, self.names
        roles = {each.name: names.role_arn(each.role) for each in carriers.principals}
        seen: dict[tuple[str, str], None] = {}
        zones = tuple(zone.name for zone in self.plan.zones)
        account = names.account
        for grant in carriers.tag_grants:
            expression = dict(grant.expression)
            seen |= dict.fromkeys((grant.principal, zone) for zone in expression.get("zone", zones))
            listed = [{"TagKey": key, "TagValues": [*values]} for key, values in grant.expression]
            policy = {"CatalogId": account, "ResourceType": "TABLE", "Expression": listed}
            yield self._grant(roles[grant.principal], _READ, spelled(expression), {"LFTagPolicy": policy})
        for each in carriers.filters:
            zone, _, table = each.dataset.partition(".")
            seen[each.principal, zone] = None
            cells = {
                "TableCatalogId": account,
                "DatabaseName": names.database(zone),
                "TableName": table,
                "Name": each.deployed_name,
            }
            where = f"{names.database(zone)}.{table} through {each.deployed_name}"
            yield self._grant(roles[each.principal], ("SELECT",), where, {"DataCellsFilter": cells})
        for view in carriers.views:
            seen[view.principal, _VIEWS] = None
            name = view.name.partition(".")[2]
            table_ = {"CatalogId": account, "DatabaseName": names.database(_VIEWS), "Name": name}
            where = f"{names.database(_VIEWS)}.{name}"
            yield self._grant(roles[view.principal], _READ, where, {"Table": table_})
        for principal, zone in seen:
            database = {"CatalogId": account, "Name": names.database(zone)}
            yield self._grant(roles[principal], ("DESCRIBE",), names.database(zone), {"Database": database})

    def _grant(
        self, principal: str, permissions: tuple[str, ...], where: str, resource: Mapping[str, Any]
    ) -> LfItem:
        item = LfItem("grant", where, f"{', '.join(permissions)} to {principal}")
        self._requests[item] = _request(principal, resource, permissions)
        return item

    def found(self) -> Iterator[LfItem]:
        """All that is there of what the policy speaks of."""
        client = self.aws.lake_formation
        with told("list the tags of Lake Formation", self.names.prefix):
            for each in _pages(client.list_lf_tags, "LFTags", CatalogId=self.names.account):
                if each["TagKey"] in self._carriers.tags:
                    yield from (LfItem("tag", each["TagKey"], value) for value in each["TagValues"])
        yield from self._found_tags()
        yield from self._found_filters()
        yield from self._found_grants()

    def _found_tags(self) -> Iterator[LfItem]:
        for zone in self.plan.zones:
            database = self.names.database(zone.name)
            resource = {"CatalogId": self.names.account, "Name": database}
            yield from self._tags_of({"Database": resource}, database)
        for table in self.plan.tables:
            database = self.names.database(table.namespace)
            resource = {"CatalogId": self.names.account, "DatabaseName": database, "Name": table.name}
            yield from self._tags_of({"Table": resource}, f"{database}.{table.name}")

    def _tags_of(self, resource: dict[str, Any], where: str) -> Iterator[LfItem]:
        """The tags that something, and its columns, bear themselves; nothing of what is not there."""
        client = self.aws.lake_formation
        try:
            with told("look at the tags of", where):
                answer = client.get_resource_lf_tags(
                    CatalogId=self.names.account, Resource=resource, ShowAssignedLFTags=True
                )
        except OperatorError as error:
            if not error.found.startswith(_ABSENT):
                raise
            return
        part = "LFTagOnDatabase" if "Database" in resource else "LFTagsOnTable"
        for tag in answer.get(part) or ():
            yield from (LfItem("tag of", where, f"{tag['TagKey']}={value}") for value in tag["TagValues"])
        for column in answer.get("LFTagsOnColumns") or ():
            for tag in column["LFTags"]:
                at = f"{where}.{column['Name']}"
                yield from (LfItem("tag of", at, f"{tag['TagKey']}={value}") for value in tag["TagValues"])

    def _found_filters(self) -> Iterator[LfItem]:
        ours = {f"{self.names.database(table.namespace)}.{table.name}" for table in self.plan.tables}
        with told("list the data cell filters of Lake Formation", self.names.prefix):
            for each in _pages(self.aws.lake_formation.list_data_cells_filter, "DataCellsFilters"):
                where = f"{each['DatabaseName']}.{each['TableName']}"
                if where in ours:
                    # Of all columns but some is none of ours.
                    columns = each.get("ColumnNames") or ["all but some"]
                    rows = (each.get("RowFilter") or {}).get("FilterExpression")
                    yield _filter(where, each["Name"], columns, rows)

    def _found_grants(self) -> Iterator[LfItem]:
        """Whatever anybody but the deployment's services and other accounts has of the lake."""
        names = self.names
        services = {names.role_arn(each) for each in SERVICES}
        databases = {names.database(zone.name) for zone in self.plan.zones} | {
            names.database(_VIEWS),
            names.database(MASKS),
        }
        with told("list the grants of Lake Formation", names.prefix):
            parts = [
                each
                for each in _pages(
                    self.aws.lake_formation.list_permissions,
                    "PrincipalResourcePermissions",
                    CatalogId=names.account,
                )
                if _is_of(each["Resource"], databases, self._carriers.tags.keys())
                and _is_ours(str(each["Principal"]["DataLakePrincipalIdentifier"]), names.account, services)
            ]
        asked: dict[tuple[str, str], Mapping[str, Any]] = {}
        for part in parts:
            principal = str(part["Principal"]["DataLakePrincipalIdentifier"])
            at = principal, resource_text(part["Resource"])
            # Of a table that is listed in parts, the whole is what is taken back.
            if at not in asked or "Table" in part["Resource"]:
                asked[at] = part["Resource"]
        for each in granted(parts):
            handed_on = f" with the right to grant {', '.join(each.grantable)}" if each.grantable else ""
            item = LfItem(
                "grant", each.resource, f"{', '.join(each.permissions)} to {each.principal}{handed_on}"
            )
            resource = asked[each.principal, each.resource]
            request = _request(each.principal, resource, each.permissions)
            self._requests.setdefault(item, request | {"PermissionsWithGrantOption": [*each.grantable]})
            yield item

    def _put_tags(self, items: Sequence[LfItem]) -> None:
        """The same tags on a database, a table, or as many of its columns as bear them."""
        values = dict(each.what.split("=", 1) for each in items)
        tags = [
            {"CatalogId": self.names.account, "TagKey": key, "TagValues": [value]}
            for key, value in values.items()
        ]
        resource = self._resource(*dict.fromkeys(each.where for each in items))
        self._asked(items[0], self.aws.lake_formation.add_lf_tags_to_resource, Resource=resource, LFTags=tags)

    def _make_filter(self, item: LfItem) -> None:
        client = self.aws.lake_formation
        self._asked(item, client.create_data_cells_filter, TableData=self._requests[item])

    def _make_grant(self, item: LfItem) -> None:
        self._asked(item, self.aws.lake_formation.grant_permissions, **self._requests[item])

    def _make_tag(self, key: str, drift: LfDrift) -> Sequence[LfItem]:
        """The values that a tag lacks, or all of it."""
        client, account = self.aws.lake_formation, self.names.account
        items = [each for each in drift.missing if (each.kind, each.where) == ("tag", key)]
        values = [each.what for each in items]
        others = {each.where for each in drift.undeclared if each.kind == "tag"}
        if len(values) == len(self._carriers.tags[key]) and key not in others:
            self._asked(items[0], client.create_lf_tag, CatalogId=account, TagKey=key, TagValues=values)
        else:
            self._asked(items[0], client.update_lf_tag, CatalogId=account, TagKey=key, TagValuesToAdd=values)
        return items

    def _take_away(self, item: LfItem) -> None:
        client, account = self.aws.lake_formation, self.names.account
        match item.kind:
            case "tag":
                self._asked(
                    item,
                    client.update_lf_tag,
                    CatalogId=account,
                    TagKey=item.where,
                    TagValuesToDelete=[item.what],
                )
            case "tag of":
                key, _, value = item.what.partition("=")
                tags = [{"CatalogId": account, "TagKey": key, "TagValues": [value]}]
                resource = self._resource(item.where)
                self._asked(item, client.remove_lf_tags_from_resource, Resource=resource, LFTags=tags)
            case "filter":
                place, _, name = item.where.partition(" through ")
                database, _, table = place.partition(".")
                self._asked(
                    item,
                    client.delete_data_cells_filter,
                    TableCatalogId=account,
                    DatabaseName=database,
                    TableName=table,
                    Name=name,
                )
            case _:
                self._asked(item, client.revoke_permissions, **self._requests[item])

    def _resource(self, where: str, *others: str) -> dict[str, Any]:
        """A database, a table, or columns of one, as Lake Formation is told of it."""
        account = self.names.account
        database, *rest = where.split(".")
        if not rest:
            return {"Database": {"CatalogId": account, "Name": database}}
        table = {"CatalogId": account, "DatabaseName": database, "Name": rest[0]}
        if len(rest) < _PARTS_OF_A_COLUMN:
            return {"Table": table}
        columns = [each.rpartition(".")[2] for each in (where, *others)]
        return {"TableWithColumns": {**table, "ColumnNames": columns}}

    def _asked(self, item: LfItem, call: Callable[..., dict[str, Any]], **arguments: Any) -> None:  # noqa: ANN401
        """Ask for one change; again after a while where another one is going on."""
        for attempt in range(1, _TRIES + 1):
            try:
                with told("change Lake Formation", str(item)):
                    answer = call(**arguments)
            except A360Error as error:
                if attempt == _TRIES or _CONCURRENT not in error.found:
                    raise
            else:
                failures = answer.get("Failures") or ()
                if not failures:
                    return
                failed = failures[0].get("Error") or {}
                found = f"{failed.get('ErrorCode', '')}: {failed.get('ErrorMessage', '')}"[:300]
                if attempt == _TRIES or _CONCURRENT not in found:
                    raise OperatorError(
                        "aws-failed",
                        "AWS did not change Lake Formation",
                        where=str(item),
                        found=found,
                        next_step="see that the stacks of the environment are deployed, then run again",
                    )
            self.wait(_FIRST_WAIT * attempt * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret


def _request(principal: str, resource: Mapping[str, Any], permissions: tuple[str, ...]) -> dict[str, Any]:
    return {
        "Principal": {"DataLakePrincipalIdentifier": principal},
        "Resource": dict(resource),
        "Permissions": [*permissions],
    }


def _alike(items: Iterable[LfItem]) -> Iterator[list[LfItem]]:
    """Tags on things in groups that one request sets: all of one thing, or of columns that bear the same."""
    by_place: dict[str, list[LfItem]] = {}
    for each in items:
        if each.kind == "tag of":
            by_place.setdefault(each.where, []).append(each)
    groups: dict[tuple[str, ...], list[LfItem]] = {}
    for where, tags in by_place.items():
        of_column = where.count(".") >= _PARTS_OF_A_COLUMN
        place = where.rpartition(".")[0] + "." if of_column else where
        groups.setdefault((place, *sorted(each.what for each in tags)), []).extend(tags)
    yield from groups.values()


def _filter(table: str, name: str, columns: Iterable[str], rows: str | None) -> LfItem:
    """A filter with all it says: one that was changed by hand is another."""
    what = f"columns {', '.join(sorted(columns))}; rows {rows or 'all'}"
    return LfItem("filter", f"{table} through {name}", what)


def _is_of(resource: Mapping[str, Any], databases: set[str], tags: Any) -> bool:  # noqa: ANN401 - a view of keys
    """Whether a resource is of the lake: in one of its databases, or told by its tags."""
    if policy := resource.get("LFTagPolicy"):
        return any(each["TagKey"] in tags for each in policy.get("Expression", ()))
    if database := resource.get("Database"):
        return database["Name"] in databases
    for kind in ("Table", "TableWithColumns", "DataCellsFilter"):
        if table := resource.get(kind):
            return table["DatabaseName"] in databases
    return False


def _is_ours(principal: str, account: str, services: set[str]) -> bool:
    """Whether a grant is looked at: not those of the deployment's services, nor of other accounts."""
    other = principal.isdigit() or (principal.startswith("arn:") and principal.split(":")[4] != account)
    return principal not in services and not other


def _pages(call: Callable[..., dict[str, Any]], key: str, **arguments: str) -> Iterator[Mapping[str, Any]]:
    """All pages of a list."""
    while True:
        answer = call(**arguments)
        yield from answer.get(key, ())
        token = answer.get("NextToken")
        if not token:
            return
        arguments["NextToken"] = token
