"""What this process asks of its own catalog about tables: through the gateway, past socket and client.

A REST client types all of a table's history with every answer. The committer wants to know how a table stands
and whether a commit of it was accepted, at a cost that does not grow with each commit there was.
"""

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from a360.catalog._errors import FileDamagedError, RestError
from a360.catalog._wire import Json, Reply, Request, decode_object
from a360.catalog.gateway import Kind, Operation

_NOT_MODIFIED = 304
_NOT_FOUND = 404
_CONFLICT = 409
# Answers are kept for the few tables that are worked on: one of a thousand snapshots takes a few megabytes.
_KEPT = 8


class TableRefusedError(Exception):
    """The catalog did not do what was asked of a table, or did not say so."""

    def __init__(self, status: int, kind: str, told: str = "") -> None:
        super().__init__(f"{status} {kind}")
        self.status = status
        self.kind = kind
        self.told = told

    @property
    def no_such_table(self) -> bool:
        """Whether there is no such table."""
        return self.status == _NOT_FOUND

    @property
    def damaged(self) -> bool:
        """Whether a file of the table is not what was committed; `told` says which."""
        return self.kind == FileDamagedError.kind

    @property
    def conflict(self) -> bool:
        """Whether a commit was refused because another writer was faster."""
        return self.status == _CONFLICT


class DirectTables:
    """Tables of the catalog behind a gateway, named `namespace.name`."""

    def __init__(self, handle: Callable[[Request], Reply], warehouse: str) -> None:
        self._handle = handle
        self._warehouse = warehouse
        self._root: str | None = None
        self._closed = False
        self._kept: dict[str, tuple[str, Json]] = {}
        self._lock = threading.Lock()

    def load(self, name: str) -> Json:
        """The specification's LoadTableResult, as it is; it may be shared and must not be changed.

        Raises:
            TableRefusedError: There is no such table, or no answer.
        """
        with self._lock:
            etag, kept = self._kept.get(name, ("", None))
        headers = {"if-none-match": etag} if kept is not None else {}
        reply = self._ask(Request("GET", self._path_of(name), headers=headers))
        if reply.status == _NOT_MODIFIED and kept is not None:
            return kept
        answer = _loaded(reply)
        self._keep(name, reply.etag, answer)
        return answer

    def _keep(self, name: str, etag: str, answer: Json) -> None:
        """Keep what stays true as long as the metadata does: no credentials, which run out."""
        with self._lock:
            self._kept.pop(name, None)
            if etag and not answer.get("config") and not answer.get("storage-credentials"):
                self._kept[name] = (etag, answer)
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]

    def commit(self, lane: str, name: str, body: bytes) -> None:
        """Send the specification's CommitTableRequest by a lane; the table afterwards is not looked at.

        Raises:
            TableRefusedError: It was refused, or its outcome is not known.
        """
        self._ask(Request("POST", f"{lane}{self._path_of(name)}", body=body))

    def close(self) -> None:
        """Ask no more: the catalog is about to go."""
        self._closed = True

    def _path_of(self, name: str) -> str:
        if self._root is None:
            self._root = f"/v1{self._prefix()}"
        *namespace, table = name.split(".")
        return Operation(Kind.READ, self._root).path_to(namespace, table)

    def _prefix(self) -> str:
        asked = self._ask(Request("GET", "/v1/config", urlencode({"warehouse": self._warehouse})))
        config: dict[str, Any] = decode_object(asked.body)
        told = {**(config.get("defaults") or {}), **(config.get("overrides") or {})}
        return f"/{told['prefix'].strip('/')}" if told.get("prefix") else ""

    def _ask(self, request: Request) -> Reply:
        if self._closed:
            raise TableRefusedError(503, "ServiceUnavailableException")
        reply = self._handle(request)
        if not reply.ok and reply.status != _NOT_MODIFIED:
            raise TableRefusedError(reply.status, *_error_in(reply))
        return reply


def _loaded(reply: Reply) -> Json:
    try:
        answer = decode_object(reply.body)
    except RestError as garbled:
        raise TableRefusedError(reply.status, "no JSON") from garbled
    if not isinstance(answer.get("metadata"), dict) or not isinstance(answer.get("metadata-location"), str):
        raise TableRefusedError(reply.status, "no table metadata")
    return answer


def _error_in(reply: Reply) -> tuple[str, str]:
    """What the catalog calls the error; a message that may quote what was sent stays out."""
    try:
        error = decode_object(reply.body).get("error")
    except RestError:
        return "no Iceberg error", ""
    kind = error.get("type") if isinstance(error, dict) else None
    if not isinstance(error, dict) or not isinstance(kind, str) or not kind.isalnum():
        return "no Iceberg error", ""
    return kind, str(error.get("message")) if kind == FileDamagedError.kind else ""
