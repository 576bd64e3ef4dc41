"""Errors as the Iceberg REST specification words them; they exist only between a client and a catalog."""

from typing import ClassVar

from a360.errors import A360Error


class RestError(Exception):
    """An answer that is not a success: HTTP status, the specification's error type, a message."""

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "InternalServerError"

    @property
    def message(self) -> str:
        """What went wrong, in words a client shows."""
        return str(self)

    def body(self) -> dict[str, dict[str, str | int]]:
        """The specification's ErrorModel inside an IcebergErrorResponse."""
        return {"error": {"message": self.message, "type": self.kind, "code": self.status}}


class BadRequestError(RestError):
    """The request makes no sense, whatever the state of the catalog."""

    status = 400
    kind = "BadRequestException"


class ValidationError(BadRequestError):
    """The request is well formed, and its effect would be invalid metadata."""

    kind = "ValidationException"


class NotAuthorizedError(RestError):
    """No token, or one that is not ours."""

    status = 401
    kind = "NotAuthorizedException"


class ForbiddenError(RestError):
    """The catalog does not let anyone do this."""

    status = 403
    kind = "ForbiddenException"


class NoSuchNamespaceError(RestError):
    """The namespace does not exist."""

    status = 404
    kind = "NoSuchNamespaceException"


class NoSuchTableError(RestError):
    """The table does not exist."""

    status = 404
    kind = "NoSuchTableException"


class NoSuchViewError(RestError):
    """The view does not exist; no view does."""

    status = 404
    kind = "NoSuchViewException"


class NoSuchRouteError(RestError):
    """The path is not one of the specification's."""

    status = 404
    kind = "NotFoundException"


class UnsupportedError(RestError):
    """The specification knows the operation, this catalog does not offer it."""

    status = 406
    kind = "UnsupportedOperationException"


class AlreadyExistsError(RestError):
    """A namespace or table of that name is there already."""

    status = 409
    kind = "AlreadyExistsException"


class NamespaceNotEmptyError(RestError):
    """A namespace with tables or child namespaces cannot be dropped."""

    status = 409
    kind = "NamespaceNotEmptyException"


class CommitFailedError(RestError):
    """A requirement does not hold, or another writer was first; nothing was changed."""

    status = 409
    kind = "CommitFailedException"


class UnprocessableError(RestError):
    """The same property was to be both set and removed."""

    status = 422
    kind = "UnprocessableEntityException"


class FileDamagedError(UnprocessableError):
    """A file that the answer rests on is not what was committed; asking again would not help."""

    kind = "FileDamagedException"

    def __init__(self, cause: A360Error) -> None:
        super().__init__(f"{cause.what}: {cause.where}, {cause.found}")
        self.cause = cause


class InternalServerError(RestError):
    """A fault of the catalog."""


class CommitStateUnknownError(RestError):
    """The commit may or may not have happened: a client must not delete the files it wrote."""

    kind = "CommitStateUnknownException"


class GatewayTimeoutError(CommitStateUnknownError):
    """The catalog behind the gateway could not be asked within the time allowed."""

    status = 504
