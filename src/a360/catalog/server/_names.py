"""Names out of paths and bodies."""

from dataclasses import dataclass

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import NAMESPACE_SEPARATOR, Request
from a360.catalog.store import Identifier, Namespace, ObjectKind

_LONGEST = 255


def namespace_of(segment: str) -> Namespace:
    """A namespace as it stands in a path: its levels joined by the unit separator."""
    return tuple(plain_name(part) for part in segment.split(NAMESPACE_SEPARATOR))


@dataclass(frozen=True, slots=True)
class Call:
    """A request and the names out of its path."""

    request: Request
    arguments: tuple[str, ...]

    @property
    def namespace(self) -> Namespace:
        """The namespace in the path."""
        return namespace_of(self.arguments[0])

    def identifier(self, kind: ObjectKind = "table") -> Identifier:
        """The table or view in the path."""
        return Identifier(self.namespace, plain_name(self.arguments[1]), kind)


def plain_name(name: object) -> str:
    """A name of one level, which also becomes the name of a folder.

    Raises:
        BadRequestError: It is no name, or one that a folder cannot have.
    """
    if not isinstance(name, str) or not name or len(name.encode()) > _LONGEST:
        raise BadRequestError("Invalid name: it is missing, empty or too long")
    if name in {".", ".."} or any(ord(character) < 32 for character in name):  # noqa: PLR2004 -- control characters
        raise BadRequestError("Invalid name: it is a path or holds control characters")
    return name
