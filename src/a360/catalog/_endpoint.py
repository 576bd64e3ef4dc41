"""Where a catalog is reached, and under which token."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An Iceberg REST catalog as a client addresses it.

    Attributes:
        uri: Base address; clients append `/v1/…`.
        token: Bearer token of every request. Never shown in a representation.
        warehouse: Folder or bucket path under which tables lie; also what `ATTACH` names.
    """

    uri: str
    token: str = field(repr=False)
    warehouse: str
