"""Operations on namespaces."""

from a360.catalog._errors import BadRequestError, UnprocessableError
from a360.catalog._wire import Reply
from a360.catalog.server._bodies import items, texts
from a360.catalog.server._names import Call, namespace_of, plain_name
from a360.catalog.server._pages import page
from a360.catalog.store import Store


class Namespaces:
    """Namespaces of any depth, with properties."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list_namespaces(self, call: Call) -> Reply:
        """Those at the top, or the children of one."""
        parent = call.request.parameters.get("parent")
        found = self._store.namespaces(namespace_of(parent) if parent else ())
        return page("namespaces", found, call.request.parameters)

    def create_namespace(self, call: Call) -> Reply:
        """Create one; its parent must be there."""
        body = call.request.json()
        namespace = tuple(plain_name(part) for part in items(body, "namespace"))
        if not namespace:
            raise BadRequestError("Malformed request: a namespace needs a name")
        properties = texts(body, "properties")
        self._store.create_namespace(namespace, properties)
        return Reply.of({"namespace": namespace, "properties": properties})

    def load_namespace_metadata(self, call: Call) -> Reply:
        """One's properties."""
        namespace = call.namespace
        return Reply.of({"namespace": namespace, "properties": self._store.namespace_properties(namespace)})

    def namespace_exists(self, call: Call) -> Reply:
        """Whether one is there."""
        self._store.namespace_properties(call.namespace)
        return Reply(204)

    def drop_namespace(self, call: Call) -> Reply:
        """Drop an empty one."""
        self._store.drop_namespace(call.namespace)
        return Reply(204)

    def update_properties(self, call: Call) -> Reply:
        """Set and remove properties."""
        body = call.request.json()
        removals, updates = items(body, "removals"), texts(body, "updates")
        if not all(isinstance(each, str) for each in removals):
            raise BadRequestError("Malformed request: removals is not a list of texts")
        both = set(removals) & set(updates)
        if both:
            raise UnprocessableError(
                "Invalid namespace update, cannot simultaneously set and remove keys: "
                f"{', '.join(sorted(both))}"
            )
        before = self._store.update_namespace(call.namespace, removals, updates)
        removed = [key for key in removals if key in before]
        missing = [key for key in removals if key not in before]
        return Reply.of({"updated": list(updates), "removed": removed, "missing": missing})
