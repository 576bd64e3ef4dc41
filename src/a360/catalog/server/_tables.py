"""Operations on tables."""

from collections.abc import Callable, Sequence

from a360.catalog import metadata
from a360.catalog._errors import BadRequestError, CommitFailedError, InternalServerError
from a360.catalog._wire import FOR_ENGINES, Json, Reply
from a360.catalog.server._bodies import etag_of, flag, identifier, loaded, objects
from a360.catalog.server._commits import Change, Committer
from a360.catalog.server._names import Call, plain_name
from a360.catalog.server._pages import page
from a360.catalog.server._profile import Profile
from a360.catalog.server._trees import require_data, require_trees
from a360.catalog.store import CheckedFiles, Identifier, MetadataFile, ObjectKind, Store, Warehouse


class Tables:
    """Tables come, change, are read, move and go."""

    def __init__(
        self, files: CheckedFiles, store: Store, warehouse: Warehouse, committer: Committer, profile: Profile
    ) -> None:
        self._files = files
        self._store = store
        self._warehouse = warehouse
        self._committer = committer
        self._profile = profile

    def list_tables(self, call: Call) -> Reply:
        """The tables of a namespace."""
        return listed(self._store, call, "table")

    def create_table(self, call: Call) -> Reply:
        """Create a table, or stage its creation."""
        body = call.request.json()
        table = Identifier(call.namespace, plain_name(body.get("name")))
        self._store.require_free(table)
        staged = flag(body, "stage-create")
        document = new_document(metadata.new_metadata, body, self._location(table, body, staged=staged))
        if staged:
            self._warehouse.make_folders(document["location"])
            return Reply.of({"metadata-location": None, "metadata": document, "config": {}})
        return loaded(self._committer.create(table, document))

    def _location(self, table: Identifier, body: Json, *, staged: bool) -> str:
        if staged:
            self._profile.require("staged_create")
        if not body.get("location") and self._profile.needs_location:
            raise BadRequestError("Cannot create table: a location is required")
        return self._warehouse.location_for(table.namespace, table.name, body.get("location"))

    def register_table(self, call: Call) -> Reply:
        """Make existing metadata a table, or the metadata of one that is there if told to overwrite."""
        body = call.request.json()
        table = Identifier(call.namespace, plain_name(body.get("name")))
        old = self._store.pointer(table)
        if old is None or not flag(body, "overwrite"):
            self._store.require_free(table)
        file = registrable(self._warehouse, body, "table")
        if not self._committer.register(table, file, old=old):
            raise CommitFailedError(f"Cannot register table: {table} was changed at the same time")
        return loaded(file)

    def unregister_table(self, call: Call) -> Reply:
        """Forget a table, give its last metadata, and leave all its files."""
        table = call.identifier()
        while True:
            file = self._committer.require(table)
            if self._store.drop(table, expected=file.location) is not None:
                return loaded(file, config=False)

    def load_table(self, call: Call) -> Reply:
        """A table's metadata, unless the client has it already."""
        table = call.identifier()
        snapshots = call.request.parameters.get("snapshots") or "all"
        if snapshots not in {"all", "refs"}:
            raise BadRequestError(f"Invalid snapshot mode: {snapshots}")
        file = self._committer.require(table)
        if FOR_ENGINES in call.request.headers:
            require_trees(self._files, file.document)
            require_data(self._files, file.document)
        etag = etag_of(file.location, snapshots)
        if etag in _tags(call.request.headers.get("if-none-match", "")):
            return Reply(304, etag=etag)
        require_trees(self._files, file.document)
        if snapshots == "all":
            return loaded(file)
        document = _with_referenced_snapshots(file.document)
        content = {"metadata-location": file.location, "metadata": document, "config": {}}
        return Reply(200, Reply.of(content).body, etag=etag)

    def table_exists(self, call: Call) -> Reply:
        """Whether a table is there."""
        table = call.identifier()
        if self._store.pointer(table) is None:
            raise table.missing()
        return Reply(204)

    def update_table(self, call: Call) -> Reply:
        """Commit to a table."""
        return loaded(self._committer.commit(change(call.request.json(), call.identifier())), config=False)

    def drop_table(self, call: Call) -> Reply:
        """Forget a table, and delete its files if told to."""
        purges = call.request.purges
        if purges:
            self._profile.require("purge")
        location = self._store.drop(call.identifier())
        if purges and location is not None:
            self._warehouse.purge(location)
            self._store.ledger.forget_below(location)
        return Reply(204)

    def rename_table(self, call: Call) -> Reply:
        """Rename a table, within its namespace or into another."""
        body = call.request.json()
        self._store.rename(identifier(body.get("source")), identifier(body.get("destination")))
        return Reply(204)

    def commit_transaction(self, call: Call) -> Reply:
        """Commit to several tables, to all or to none."""
        bodies: Sequence[Json] = objects(call.request.json(), "table-changes")
        if not bodies:
            raise BadRequestError("Malformed request: table-changes is missing or empty")
        self._committer.commit_all([change(each, identifier(each.get("identifier"))) for each in bodies])
        return Reply(204)

    def load_credentials(self, call: Call) -> Reply:
        """No credentials: tables lie on this machine."""
        self.table_exists(call)
        return Reply.of({"storage-credentials": []})


def listed(store: Store, call: Call, kind: ObjectKind) -> Reply:
    """The tables or the views of a namespace."""
    namespace = call.namespace
    names = [(name,) for name in store.tables(namespace, kind)]
    return page(
        "identifiers",
        names,
        call.request.parameters,
        lambda name: {"namespace": namespace, "name": name[0]},
    )


def change(body: Json, of: Identifier) -> Change:
    """What a commit asks of a table or view."""
    return Change(of, objects(body, "requirements"), objects(body, "updates"))


def new_document(make: Callable[[Json, str], Json], body: Json, location: str) -> Json:
    """The metadata that a creation asks for.

    Raises:
        BadRequestError: The request is malformed.
    """
    try:
        return make(body, location)
    except KeyError as missing:
        raise BadRequestError(f"Malformed request: {missing} is missing") from missing
    except (TypeError, AttributeError, ValueError) as broken:
        raise BadRequestError("Malformed request: a value has the wrong type") from broken


def registrable(warehouse: Warehouse, body: Json, kind: ObjectKind) -> MetadataFile:
    """The metadata file that a registration names.

    Raises:
        BadRequestError: It is missing, broken, or describes something else.
    """
    location = body.get("metadata-location")
    if not isinstance(location, str) or not location:
        raise BadRequestError("Invalid metadata location: null or empty")
    try:
        file = warehouse.read(location, anew=True)
    except InternalServerError as missing:
        raise BadRequestError(f"Cannot register {kind}: its metadata file is missing or broken") from missing
    if ("view-uuid" in file.document) != (kind == "view"):
        raise BadRequestError(f"Cannot register {kind}: the metadata file describes something else")
    return file


def _tags(header: str) -> set[str]:
    """The entity tags of an If-None-Match header; a weak one does as well, the text is compared."""
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def _with_referenced_snapshots(document: Json) -> Json:
    wanted = {ref["snapshot-id"] for ref in (document.get("refs") or {}).values()}
    kept = [each for each in document.get("snapshots") or () if each["snapshot-id"] in wanted]
    return {**document, "snapshots": kept}
