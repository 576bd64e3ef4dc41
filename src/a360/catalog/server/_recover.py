"""Answers to keyed requests whose effect is known and whose first answer is not."""

from collections.abc import Callable, Mapping

from a360.catalog._errors import CommitStateUnknownError
from a360.catalog._wire import Reply, Request
from a360.catalog.server._bodies import items, loaded, texts
from a360.catalog.server._idempotency import Recover
from a360.catalog.server._names import Call
from a360.catalog.store import KeyRecord, Warehouse

# What shows today what a request made: the operation, and whether the name is in the body or in the path.
_SHOWN_BY: Mapping[str, tuple[str, bool]] = {
    "create_namespace": ("load_namespace_metadata", True),
    "create_table": ("load_table", True),
    "register_table": ("load_table", True),
    "update_table": ("load_table", False),
    "create_view": ("load_view", True),
    "register_view": ("load_view", True),
    "replace_view": ("load_view", False),
}


class Recovery:
    """Answers anew from the state of the catalog, as the specification allows."""

    def __init__(self, handlers: Mapping[str, Callable[[Call], Reply]], warehouse: Warehouse) -> None:
        self._handlers = handlers
        self._warehouse = warehouse

    def of(self, name: str, call: Call) -> Recover:
        """How an operation is answered that has been carried out."""

        def recover(known: KeyRecord) -> Reply:
            if name in _SHOWN_BY:
                return self._shown(name, call)
            if name == "update_properties":
                body = call.request.json()
                updated = {"updated": list(texts(body, "updates")), "removed": items(body, "removals")}
                return Reply.of({**updated, "missing": []})
            if name == "unregister_table":
                return self._unregistered(known)
            return Reply(204)

        return recover

    def _shown(self, name: str, call: Call) -> Reply:
        operation, from_body = _SHOWN_BY[name]
        arguments = call.arguments
        if from_body:
            body = call.request.json()
            arguments = (
                ("\x1f".join(body["namespace"]),)
                if name == "create_namespace"
                else (*call.arguments, str(body["name"]))
            )
        return self._handlers[operation](Call(Request("GET", call.request.path), arguments))

    def _unregistered(self, known: KeyRecord) -> Reply:
        if known.note is None:
            raise CommitStateUnknownError("The table was unregistered; its last metadata is not known")
        return loaded(self._warehouse.read(known.note), config=False)
