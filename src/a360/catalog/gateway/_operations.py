"""What a request to any Iceberg REST catalog does, read off its path from the end: prefixes differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import quote, unquote

from a360.catalog._wire import NAMESPACE_SEPARATOR, Request

_READS = ("GET", "HEAD")


class Kind(Enum):
    """The operations that the gateway treats differently."""

    CONFIG = auto()
    READ = auto()
    COMMIT = auto()
    TRANSACTION = auto()
    CREATE_TABLE = auto()
    CREATE_NAMESPACE = auto()
    DROP = auto()
    RENAME = auto()
    REGISTER = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class Operation:
    """A request's kind, and the parts of its path that later requests are built from.

    Attributes:
        kind: What the request does.
        root: The path up to and without `namespaces`, `tables` or `transactions`; still percent-encoded.
        namespace: The namespace as the path writes it; still percent-encoded.
        table: The table as the path writes it; still percent-encoded.
    """

    kind: Kind
    root: str = ""
    namespace: str = ""
    table: str = ""

    @property
    def table_name(self) -> str:
        """The table as people write it: `namespace.name`."""
        levels = unquote(self.namespace).split(NAMESPACE_SEPARATOR)
        return ".".join((*levels, unquote(self.table)))

    def path_of(self, table: str) -> str:
        """The path of a table in the namespace of this request."""
        return f"{self.root}/namespaces/{self.namespace}/tables/{quote(table, safe='')}"

    def path_to(self, namespace: Sequence[str], table: str) -> str:
        """The path of any table of the catalog."""
        levels = quote(NAMESPACE_SEPARATOR.join(namespace), safe="")
        return f"{self.root}/namespaces/{levels}/tables/{quote(table, safe='')}"


def operation_of(request: Request) -> Operation:
    """What a request does; whatever is not known is `OTHER`, or `READ` if it only reads."""
    parts = [part for part in request.path.split("/") if part]
    if request.method in _READS:
        return Operation(Kind.CONFIG if parts == ["v1", "config"] else Kind.READ)
    found = _below_namespaces(request.method, parts)
    if found is None and request.method == "POST":
        found = _beside_namespaces(parts)
    return found or Operation(Kind.OTHER)


def _below_namespaces(method: str, parts: list[str]) -> Operation | None:
    found: Operation | None = None
    match method, parts:
        case "POST", [*root, "namespaces", namespace, "tables", table]:
            found = Operation(Kind.COMMIT, _path(root), namespace, table)
        case "DELETE", [*root, "namespaces", namespace, "tables", table]:
            found = Operation(Kind.DROP, _path(root), namespace, table)
        case "POST", [*root, "namespaces", namespace, "tables"]:
            found = Operation(Kind.CREATE_TABLE, _path(root), namespace)
        case "POST", [*root, "namespaces", namespace, "register"]:
            found = Operation(Kind.REGISTER, _path(root), namespace)
        case "DELETE", [*root, "namespaces", namespace]:
            found = Operation(Kind.DROP, _path(root), namespace)
        case "POST", [*root, "namespaces"]:
            found = Operation(Kind.CREATE_NAMESPACE, _path(root))
    return found


def _beside_namespaces(parts: list[str]) -> Operation | None:
    match parts:
        case [*root, "transactions", "commit"]:
            return Operation(Kind.TRANSACTION, _path(root))
        case [*root, "tables", "rename"]:
            return Operation(Kind.RENAME, _path(root))
    return None


def _path(parts: list[str]) -> str:
    return "".join(f"/{part}" for part in parts)
