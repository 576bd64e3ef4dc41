"""Operations on views."""

from a360.catalog import metadata
from a360.catalog._wire import Reply
from a360.catalog.server._bodies import identifier, loaded
from a360.catalog.server._commits import Committer
from a360.catalog.server._names import Call, plain_name
from a360.catalog.server._tables import change, listed, new_document, registrable
from a360.catalog.store import Identifier, Store, Warehouse


class Views:
    """Views come, change, are read, move and go."""

    def __init__(self, store: Store, warehouse: Warehouse, committer: Committer) -> None:
        self._store = store
        self._warehouse = warehouse
        self._committer = committer

    def list_views(self, call: Call) -> Reply:
        """The views of a namespace."""
        return listed(self._store, call, "view")

    def create_view(self, call: Call) -> Reply:
        """Create a view."""
        body = call.request.json()
        view = Identifier(call.namespace, plain_name(body.get("name")), "view")
        self._store.require_free(view)
        location = self._warehouse.location_for(view.namespace, view.name, body.get("location"))
        return loaded(self._committer.create(view, new_document(metadata.new_view, body, location)))

    def register_view(self, call: Call) -> Reply:
        """Make existing metadata a view."""
        body = call.request.json()
        view = Identifier(call.namespace, plain_name(body.get("name")), "view")
        self._store.require_free(view)
        file = registrable(self._warehouse, body, "view")
        self._committer.register(view, file)
        return loaded(file)

    def load_view(self, call: Call) -> Reply:
        """A view's metadata."""
        return loaded(self._committer.require(call.identifier("view")))

    def view_exists(self, call: Call) -> Reply:
        """Whether a view is there."""
        view = call.identifier("view")
        if self._store.pointer(view) is None:
            raise view.missing()
        return Reply(204)

    def replace_view(self, call: Call) -> Reply:
        """Commit to a view."""
        return loaded(self._committer.commit(change(call.request.json(), call.identifier("view"))))

    def drop_view(self, call: Call) -> Reply:
        """Forget a view and delete its metadata; it has no other files."""
        view = call.identifier("view")
        file = self._committer.require(view)
        self._store.drop(view)
        self._store.ledger.forget(self._warehouse.discard_view(file))
        return Reply(204)

    def rename_view(self, call: Call) -> Reply:
        """Rename a view, within its namespace or into another."""
        body = call.request.json()
        self._store.rename(
            identifier(body.get("source"), "view"), identifier(body.get("destination"), "view")
        )
        return Reply(204)
