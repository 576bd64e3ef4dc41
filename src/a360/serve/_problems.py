"""Errors as answers: problem details (RFC 9457) of the one error object."""

import json
from collections.abc import Mapping

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from a360.errors import A360Error, InternalError, OperatorError, UsageError
from a360.trust.identity import TooManyRequestsError

MEDIA_TYPE = "application/problem+json"

_log = structlog.get_logger("a360.serve")


class Problem(Response):
    """An error as an answer."""

    media_type = MEDIA_TYPE

    def __init__(self, error: A360Error, status: int | None = None) -> None:
        told = _told(error).to_problem()
        if status is not None:
            told["status"] = status
        super().__init__(json.dumps(told, ensure_ascii=False).encode(), int(told["status"]), _headers(error))


def _told(error: A360Error) -> A360Error:
    """What of an error a stranger to the machine may know: of what its operator must do, nothing."""
    if not isinstance(error, OperatorError):
        return error
    _log.error("request failed", code=error.code.slug, error=str(error))
    return OperatorError(
        error.code.slug,
        "The lake cannot answer now",
        next_step="ask whoever runs it: its log says what has to be done",
    )


def _headers(error: A360Error) -> Mapping[str, str]:
    if isinstance(error, TooManyRequestsError):
        return {"Retry-After": str(error.retry_after)}
    if error.code.slug == "unauthenticated":
        return {"WWW-Authenticate": 'Bearer realm="a360"'}
    return {}


async def of_error(_: Request, error: Exception) -> Response:
    """The answer to an error of ours."""
    assert isinstance(error, A360Error)  # noqa: S101 -- it is registered for these
    return Problem(error)


async def of_http(_: Request, error: Exception) -> Response:
    """The answer to a request that HTTP itself has no answer to."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- it is registered for these
    told = UsageError("usage", "The request is none that is answered here", found=str(error.detail))
    answer = Problem(told, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def of_unfit(_: Request, error: Exception) -> Response:
    """The answer to a request that is not in its form; what was sent is not told again."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- it is registered for these
    faults = error.errors()
    found = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
    told = UsageError(
        "usage", "The request is not in its form", found=found[:500], next_step="see docs/serve.md"
    )
    return Problem(told)


async def of_fault(_: Request, error: Exception) -> Response:
    """The answer to a fault of ours; its text may quote a value of a row, so nobody is told."""
    _log.error("request failed", code="internal", error=type(error).__name__)
    return Problem(InternalError("internal", "The request failed", found=type(error).__name__))
