"""What a client may do: read, write, or take away."""

from enum import StrEnum

from a360.catalog._wire import Request

_TABLE_REPORT = ("namespaces", "tables", "metrics")


class Scope(StrEnum):
    """Each scope includes those before it.

    `reader` sees everything, `writer` also creates and commits, `admin` also drops, renames and registers.
    """

    READER = "reader"
    WRITER = "writer"
    ADMIN = "admin"

    def covers(self, other: "Scope") -> bool:
        """Whether who has this scope may do what needs the other."""
        order = list(Scope)
        return order.index(self) >= order.index(other)


def scope_needed(request: Request) -> Scope:
    """The least scope for a request; what is not known needs the highest."""
    parts = request.segments
    if request.method in {"GET", "HEAD"}:
        return Scope.READER
    if request.method != "POST" or _takes_away(parts):
        return Scope.ADMIN
    # Readers report the metrics of their scans; the report changes no table.
    return Scope.READER if parts[-5::2] == _TABLE_REPORT else Scope.WRITER


def _takes_away(parts: tuple[str, ...]) -> bool:
    """A rename takes the old name away; a registration may put old metadata in the place of the current.

    `[…, tables|views, rename]` is also how a commit to a table of that name ends; a namespace stands before
    that.
    """
    renames = parts[-1:] == ("rename",) and parts[-2:-1] in {("tables",), ("views",)}
    commits = parts[-4:-3] == ("namespaces",)
    registers = parts[-1:] in {("register",), ("register-view",)} and parts[-3:-2] == ("namespaces",)
    return (renames and not commits) or registers
