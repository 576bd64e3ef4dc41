"""Names out of paths and bodies."""

from collections.abc import Sequence

from a360.catalog._errors import BadRequestError
from a360.catalog._wire import NAMESPACE_SEPARATOR
from a360.catalog.store import Identifier, Namespace

_LONGEST = 255


def namespace_of(segment: str) -> Namespace:
    """A namespace as it stands in a path: its levels joined by the unit separator."""
    return tuple(plain_name(part) for part in segment.split(NAMESPACE_SEPARATOR))


def identifier_of(arguments: Sequence[str]) -> Identifier:
    """A table as it stands in a path: namespace and name."""
    return Identifier(namespace_of(arguments[0]), plain_name(arguments[1]))


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
