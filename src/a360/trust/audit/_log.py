"""The audit log of a lake in a folder."""

import hmac
import os
import threading
from collections.abc import Collection, Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from a360.errors import A360Error, InternalError
from a360.protect import AuditEvent, KeyStore
from a360.trust.audit import _record
from a360.trust.audit._checkpoint import Checkpoint, SigningKey, VerifierKey
from a360.trust.audit._folder import LogFolder
from a360.trust.audit._places import CheckpointFolder, CheckpointPlace
from a360.trust.audit._writer import LIMITS, Limits, Writer

if TYPE_CHECKING:
    import pyarrow as pa

_SIGNING_SECRET = "audit signing"  # noqa: S105 -- names, not values
_DIGEST_SECRET = "audit digests"  # noqa: S105 -- likewise
CHECKPOINTS = "checkpoints"


def log_key(keys: KeyStore) -> VerifierKey:
    """The public key of the log whose lake has a key store."""
    return SigningKey(keys.secret(_SIGNING_SECRET)).verifier


def pseudonym(keys: KeyStore, patient_key: str) -> str:
    """What stands for a patient in the log of the lake that has a key store."""
    return _digest(keys.secret(_DIGEST_SECRET), "subject", patient_key)


def _digest(key: bytes, kind: str, text: str) -> str:
    content = f"{kind}\0{text}".encode(errors="surrogatepass")
    return hmac.new(key, content, sha256).hexdigest()[:32]


class _Group:
    """Events that become durable together: the first thread in it writes them for all."""

    def __init__(self) -> None:
        self.events: list[bytes] = []
        self.led = False
        self.settled = threading.Event()
        self.ids: Sequence[str] = ()
        self.error: BaseException | None = None


class LocalAuditLog:
    """An `AuditLog` of files in a folder. Safe in threads, in processes, and across forks."""

    def __init__(
        self,
        folder: Path,
        keys: KeyStore,
        place: CheckpointPlace | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._folder = LogFolder(folder)
        self.place = place or CheckpointFolder(folder / CHECKPOINTS, make=folder.is_dir())
        self._key = SigningKey(keys.secret(_SIGNING_SECRET))
        self._digest_key = keys.secret(_DIGEST_SECRET)
        self._limits = limits
        self._start()

    @classmethod
    def open(
        cls, folder: Path, keys: KeyStore, *, anchor: Path | None = None, limits: Limits = LIMITS
    ) -> Self:
        """Open the log in a folder, or begin it where there is none.

        Args:
            folder: The folder, of mode 0700; it has to be there.
            keys: What the log signs with, and hides texts with.
            anchor: A folder elsewhere for the checkpoints, that has to be there; without it, they lie beside
                the log, where who can rewrite one can remove the other.
            limits: How large files get, and how much may wait for a checkpoint.

        Raises:
            OperatorError: `audit-broken` where the log is not what was recorded, `audit-unwritable` where
                nothing can be.
        """
        return cls(folder, keys, CheckpointFolder(anchor) if anchor else None, limits)

    def _start(self) -> None:
        self._process = os.getpid()
        self._gate, self._turn = threading.Lock(), threading.Lock()
        self._group = _Group()
        self._recorded = False
        self._writer = Writer(self._folder, self.place, self._key, self._limits)

    @property
    def folder(self) -> Path:
        """Where the log lies."""
        return self._folder.path

    @property
    def key(self) -> VerifierKey:
        """The public key under which its checkpoints verify."""
        return self._key.verifier

    def record(self, event: AuditEvent) -> str:
        """Append an event; it is on the disk when this returns its id.

        Raises:
            OperatorError: it is not on record: what it tells of must not go ahead.
        """
        return self.record_all([event])[0]

    def record_all(self, events: Iterable[AuditEvent]) -> list[str]:
        """Append several events, one after the other; they are on the disk when this returns their ids."""
        encoded = [_record.encode(event) for event in events]
        if not encoded:
            return []
        if self._process != os.getpid():
            self._start()  # a forked process: what the parent's threads were about is none of its business
        with self._gate:
            group = self._group
            first, leads = len(group.events), not group.led
            group.events.extend(encoded)
            group.led = True
        if leads:
            self._lead(group)
        else:
            group.settled.wait()
        if group.error is not None:
            raise _again(group.error)
        return list(group.ids[first : first + len(encoded)])

    def _lead(self, group: _Group) -> None:
        """Write a group when the one before it is done; until then others join it."""
        try:
            with self._turn:
                self._close_group(group)
                group.ids = self._writer.append(group.events)
                self._recorded = True
        except BaseException as error:
            group.error = error
            raise
        finally:
            self._close_group(group)
            group.settled.set()

    def _close_group(self, group: _Group) -> None:
        with self._gate:
            if self._group is group:
                self._group = _Group()

    def checkpoint(self) -> Checkpoint:
        """Sign the log as it stands; the newest checkpoint."""
        with self._turn:
            self._recorded = False
            return self._writer.checkpoint()

    def certify(self, content: bytes) -> str:
        """A note over a certificate, signed with the key of the log; `is_certified` looks at it."""
        return self._key.certify(content)

    def query_details(self, sql: str, known: Collection[str] = ()) -> dict[str, str | int]:
        """What may be on record of a query's text: its shape, and a keyed digest by which texts compare.

        Args:
            sql: The text as it was given; it need not parse.
            known: The names of datasets and columns; of others nothing is kept.
        """
        from a360.trust.audit._shape import query_shape  # noqa: PLC0415 -- a parser, which records need not

        digest = _digest(self._digest_key, "query", sql)
        return {"query": query_shape(sql, known), "query_digest": digest}

    def subject(self, patient_key: str) -> str:
        """The pseudonym of a patient in the log: nobody finds it in a table, or a patient by it."""
        return _digest(self._digest_key, "subject", patient_key)

    def table(self) -> "pa.RecordBatchReader":
        """The log as rows, in the columns of `AUDIT_SCHEMA`."""
        from a360.trust.audit._search import rows_of  # noqa: PLC0415 -- an engine, which records need not

        return rows_of(self.folder)

    def close(self) -> None:
        """Sign what was recorded, and let go of the files."""
        try:
            if self._recorded and self._process == os.getpid():
                self.checkpoint()
        finally:
            self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _again(error: BaseException) -> A360Error:
    """The error of a group, anew for each thread that waited for it."""
    if isinstance(error, A360Error):
        return type(error)(
            error.code.slug, error.what, where=error.where, found=error.found, next_step=error.next_step
        )
    return InternalError(
        "internal",
        "The audit log was interrupted",
        found=type(error).__name__,
        next_step="try again; what was to be recorded did not go ahead",
    )
