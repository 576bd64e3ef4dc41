"""The embedded catalog: requests of the Iceberg REST specification in, replies out; no sockets."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from a360.catalog import metadata
from a360.catalog._errors import (
    AlreadyExistsError,
    BadRequestError,
    CommitFailedError,
    CommitStateUnknownError,
    ForbiddenError,
    InternalServerError,
    NoSuchTableError,
    NoSuchViewError,
    RestError,
    UnprocessableError,
    UnsupportedError,
)
from a360.catalog._wire import Json, Reply, Request, encode
from a360.catalog.server._commits import Change, Committer
from a360.catalog.server._names import Call, namespace_of, plain_name
from a360.catalog.server._pages import page
from a360.catalog.server._profile import Profile
from a360.catalog.server._routes import endpoints_of, find_route
from a360.catalog.store import Database, Identifier, MetadataFile, Store, Swap, Warehouse
from a360.failpoints import FailpointError, failpoint

DATABASE = "catalog.db"
WAREHOUSE = "warehouse"

type _Handler = Callable[[Call], Reply]


class EmbeddedCatalog:
    """The catalog of one lake folder; any number of threads and processes may use one folder at once."""

    def __init__(self, lake_folder: Path, profile: Profile) -> None:
        lake_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.profile = profile
        self.warehouse = Warehouse(lake_folder / WAREHOUSE)
        self._database = Database(lake_folder / DATABASE, anew=self.warehouse.is_bare)
        self._store = Store(self._database)
        self._committer = Committer(self._store, self.warehouse, profile)

    def close(self) -> None:
        """Close the database; no request may be under way."""
        self._database.close()

    def handle(self, request: Request) -> Reply:
        """Answer one request; faults become error replies, never exceptions."""
        commits = False
        try:
            route, arguments = find_route(request.method, request.segments, self.profile)
            commits = route.commits
            handler: _Handler = getattr(self, f"_{route.name}")
            return handler(Call(request, arguments))
        except RestError as error:
            return Reply.error(error)
        except Exception as broken:  # noqa: BLE001 -- the last place that can turn a fault into an answer
            name = type(broken).__name__
            unknown = CommitStateUnknownError(f"The catalog failed during a commit ({name})")
            return Reply.error(unknown if commits else InternalServerError(f"The catalog failed ({name})"))

    def _config(self, call: Call) -> Reply:  # noqa: ARG002 -- all handlers take the call
        overrides = {"prefix": self.profile.prefix} if self.profile.prefix else {}
        return Reply.of(
            {
                "defaults": {},
                "overrides": {"warehouse": str(self.warehouse.folder), **overrides},
                "endpoints": endpoints_of(self.profile),
            }
        )

    # Namespaces

    def _list_namespaces(self, call: Call) -> Reply:
        parent = call.request.parameters.get("parent")
        found = self._store.namespaces(namespace_of(parent) if parent else ())
        shown, token = page(found, call.request.parameters)
        return Reply.of({"namespaces": shown, **token})

    def _create_namespace(self, call: Call) -> Reply:
        body = call.request.json()
        namespace = tuple(plain_name(part) for part in _list(body, "namespace"))
        if not namespace:
            raise BadRequestError("Malformed request: a namespace needs a name")
        properties = _texts(body.get("properties"))
        self._store.create_namespace(namespace, properties)
        return Reply.of({"namespace": namespace, "properties": properties})

    def _load_namespace(self, call: Call) -> Reply:
        namespace = call.namespace
        return Reply.of({"namespace": namespace, "properties": self._store.namespace_properties(namespace)})

    def _namespace_exists(self, call: Call) -> Reply:
        self._store.namespace_properties(call.namespace)
        return Reply(204)

    def _drop_namespace(self, call: Call) -> Reply:
        self._store.drop_namespace(call.namespace)
        return Reply(204)

    def _update_namespace(self, call: Call) -> Reply:
        body = call.request.json()
        removals, updates = _list(body, "removals"), _texts(body.get("updates"))
        both = set(removals) & set(updates)
        if both:
            raise UnprocessableError(f"Cannot set and remove the same property: {', '.join(sorted(both))}")
        before = self._store.update_namespace(call.namespace, removals, updates)
        removed = [key for key in removals if key in before]
        missing = [key for key in removals if key not in before]
        return Reply.of({"updated": list(updates), "removed": removed, "missing": missing})

    # Tables

    def _list_tables(self, call: Call) -> Reply:
        namespace = call.namespace
        shown, token = page(self._store.tables(namespace), call.request.parameters)
        return Reply.of({"identifiers": [{"namespace": namespace, "name": name} for name in shown], **token})

    def _create_table(self, call: Call) -> Reply:
        body = call.request.json()
        table = Identifier(call.namespace, plain_name(body.get("name")))
        self._store.namespace_properties(table.namespace)
        if self._store.pointer(table) is not None:
            raise AlreadyExistsError(f"Table already exists: {table}")
        staged = bool(body.get("stage-create"))
        document = _new_metadata(body, self._location(table, body.get("location"), staged=staged))
        self.warehouse.make_folders(document["location"])
        if staged:
            return Reply.of({"metadata-location": None, "metadata": document, "config": {}})
        return _loaded(self._publish_new(table, document))

    def _location(self, table: Identifier, wanted: object, *, staged: bool) -> str:
        if staged and not self.profile.staged_create:
            raise BadRequestError(
                "Staged creation of tables is not supported: create the table, then commit to it"
            )
        if not wanted and self.profile.needs_location:
            raise BadRequestError("Cannot create table: a location is required")
        location = (
            str(wanted).rstrip("/")
            if wanted
            else self.warehouse.default_location(table.namespace, table.name)
        )
        self.warehouse.path_of(location)
        return location

    def _publish_new(self, table: Identifier, document: Json) -> MetadataFile:
        failpoint("catalog.create.before-write")
        file = self.warehouse.write(document, after=None, limit=self.profile.metadata_limit)
        try:
            failpoint("catalog.create.before-swap")
            self._store.swap([Swap(table, None, file.location, self._folder(document))])
        except (RestError, FailpointError):
            self.warehouse.discard(file.location)
            raise
        failpoint("catalog.create.after-swap")
        return file

    def _folder(self, document: Json) -> str:
        return str(self.warehouse.path_of(document["location"]))

    def _register_table(self, call: Call) -> Reply:
        body = call.request.json()
        table = Identifier(call.namespace, plain_name(body.get("name")))
        self._store.namespace_properties(table.namespace)
        old = self._store.pointer(table)
        if old is not None and not body.get("overwrite"):
            raise AlreadyExistsError(f"Table already exists: {table}")
        location = str(body.get("metadata-location") or "")
        try:
            file = self.warehouse.read(location)
        except InternalServerError as missing:
            raise BadRequestError(
                "Cannot register table: its metadata file is missing or broken"
            ) from missing
        if not self._store.swap([Swap(table, old, location, self._folder(file.document))]):
            raise CommitFailedError(f"Cannot register table: {table} was changed at the same time")
        return _loaded(file)

    def _load_table(self, call: Call) -> Reply:
        table = call.table
        file = self._committer.current(table)
        if file is None:
            raise NoSuchTableError(f"Table does not exist: {table}")
        if call.request.parameters.get("snapshots") == "refs":
            document = _with_referenced_snapshots(file.document)
            return Reply.of({"metadata-location": file.location, "metadata": document, "config": {}})
        return _loaded(file)

    def _table_exists(self, call: Call) -> Reply:
        table = call.table
        if self._store.pointer(table) is None:
            raise NoSuchTableError(f"Table does not exist: {table}")
        return Reply(204)

    def _commit_table(self, call: Call) -> Reply:
        file = self._committer.commit(_change(call.request.json(), call.table))
        return Reply(200, _table_body(file, config=False))

    def _drop_table(self, call: Call) -> Reply:
        purges = call.request.parameters.get("purgeRequested", "false").lower() == "true"
        if purges and not self.profile.purge:
            raise UnsupportedError("Purging tables is not supported: drop the table without purge")
        location = self._store.drop(call.table)
        if purges:
            self.warehouse.purge(location)
        return Reply(204)

    def _rename_table(self, call: Call) -> Reply:
        if not self.profile.rename:
            raise UnsupportedError("Renaming tables is not supported")
        body = call.request.json()
        self._store.rename(_identifier(body.get("source")), _identifier(body.get("destination")))
        return Reply(204)

    def _commit_transaction(self, call: Call) -> Reply:
        if not self.profile.multi_table:
            raise ForbiddenError("Transactions over several tables are not supported: commit to each table")
        changes = [
            _change(each, _identifier(each.get("identifier")))
            for each in _list(call.request.json(), "table-changes")
        ]
        self._committer.commit_all(changes)
        return Reply(204)

    def _load_credentials(self, call: Call) -> Reply:
        self._table_exists(call)
        return Reply.of({"storage-credentials": []})

    def _report_metrics(self, call: Call) -> Reply:  # noqa: ARG002 -- all handlers take the call
        # Scan and commit reports are accepted and not kept: clients send them unasked.
        return Reply(204)

    def _views(self, call: Call) -> Reply:
        if call.request.method in {"GET", "HEAD"} and call.arguments[1:]:
            raise NoSuchViewError(f"View does not exist: {'.'.join((*call.namespace, call.arguments[1]))}")
        raise UnsupportedError("Views are not supported")


def _loaded(file: MetadataFile) -> Reply:
    return Reply(200, _table_body(file, config=True))


def _table_body(file: MetadataFile, *, config: bool) -> bytes:
    """A table's metadata inside an answer, without parsing and printing it once more."""
    end = b',"config":{}}' if config else b"}"
    return b'{"metadata-location":%b,"metadata":%b%b' % (encode(file.location), file.text, end)


def _new_metadata(body: Json, location: str) -> Json:
    try:
        return metadata.new_metadata(body, location)
    except KeyError as missing:
        raise BadRequestError(f"Malformed request: {missing} is missing") from missing
    except (TypeError, AttributeError) as broken:
        raise BadRequestError("Malformed request: a value has the wrong type") from broken


def _with_referenced_snapshots(document: Json) -> Json:
    wanted = {ref["snapshot-id"] for ref in (document.get("refs") or {}).values()}
    kept = [each for each in document.get("snapshots") or () if each["snapshot-id"] in wanted]
    return {**document, "snapshots": kept}


def _change(body: Json, table: Identifier) -> Change:
    return Change(table, _list(body, "requirements"), _list(body, "updates"))


def _identifier(body: Any) -> Identifier:  # noqa: ANN401 -- raw JSON
    if not isinstance(body, dict):
        raise BadRequestError("Malformed request: a table identifier is missing")
    return Identifier(
        tuple(plain_name(part) for part in _list(body, "namespace")), plain_name(body.get("name"))
    )


def _list(body: Json, key: str) -> list[Any]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadRequestError(f"Malformed request: {key} is not a list")
    return value


def _texts(value: Mapping[str, object] | None) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BadRequestError("Malformed request: properties are not an object")
    return {str(key): str(each) for key, each in value.items()}
