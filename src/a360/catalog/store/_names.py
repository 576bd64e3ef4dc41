"""Names of tables and views, and what a catalog says of one that is missing or taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from a360.catalog._errors import AlreadyExistsError, NoSuchTableError, NoSuchViewError, RestError
from a360.catalog._wire import NAMESPACE_SEPARATOR

type Namespace = tuple[str, ...]
type ObjectKind = Literal["table", "view"]


@dataclass(frozen=True, slots=True)
class Identifier:
    """The full name of a table or view; a name is either's, never both's."""

    namespace: Namespace
    name: str
    kind: ObjectKind = "table"

    def __str__(self) -> str:
        return ".".join((*self.namespace, self.name))

    @property
    def key(self) -> tuple[str, str]:
        """How the database names it."""
        return namespace_key(self.namespace), self.name

    @property
    def noun(self) -> str:
        """What messages call it."""
        return self.kind.capitalize()

    def missing(self) -> RestError:
        """It does not exist."""
        error = NoSuchTableError if self.kind == "table" else NoSuchViewError
        return error(f"{self.noun} does not exist: {self}")

    def taken_by(self, kind: str) -> AlreadyExistsError:
        """Its name is in use already."""
        if kind == self.kind:
            return AlreadyExistsError(f"{self.noun} already exists: {self}")
        return AlreadyExistsError(f"{kind.capitalize()} with same name already exists: {self}")


def namespace_key(namespace: Sequence[str]) -> str:
    """How the database names a namespace."""
    return NAMESPACE_SEPARATOR.join(namespace)
