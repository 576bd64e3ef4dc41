"""Attachments: a file taken out of the object store, those missing there, and those that nobody names."""

import builtins
import getpass
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import structlog

from a360.engine import quote_table, quote_text
from a360.errors import OperatorError, UsageError
from a360.files import whole
from a360.objects import ObjectStore, object_name
from a360.operate._opened import Opened
from a360.protect import Tokenizer
from a360.quality import RuleResult
from a360.table import LyingFile, Tables

ATTACHMENTS = "silver.attachment"
IN_STORE = "objects_in_store"
ELSEWHERE = "files_held_here"
"""Rules that no contract needs to write: files that are named are there; and no file lies elsewhere."""
OBJECTS = "objects"
"""What files of the store are listed under, beside the names of tables."""

_DIGEST = "object_digest"
# Attachments as they are, those that name a Binary with the file that came with it.
_FOLLOWED = f"""
    SELECT a.* EXCLUDE (object_digest, media_type, bytes, is_external),
        coalesce(a.object_digest, b.object_digest) AS object_digest,
        coalesce(b.media_type, a.media_type) AS media_type, coalesce(a.bytes, b.bytes) AS bytes,
        coalesce(a.is_external, FALSE) AS is_external
    FROM {quote_table(ATTACHMENTS)} AS a LEFT JOIN {quote_table(ATTACHMENTS)} AS b
        ON b.source = a.source AND b.attachment_id = 'Binary.' || a.binary_id || '.1' AND NOT b.deleted
    WHERE NOT a.deleted
"""
_YOUNG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class AttachmentCopy:
    """A file that was written: what it is, how large, and where it lies."""

    attachment_id: str
    source: str
    media_type: str
    bytes: int
    path: str

    def to_json(self) -> dict[str, Any]:
        """The copy as JSON."""
        return asdict(self)


class Attachments:
    """The attachments of a lake, and the store that their files lie in."""

    def __init__(self, tables: Tables, store: ObjectStore, tokenizer: Tokenizer, opened: Opened) -> None:
        self._tables = tables
        self._store = store
        self._tokenizer = tokenizer
        self._opened = opened

    def get(
        self, attachment_id: str, path: Path, *, source: str | None = None, received: bool = False
    ) -> AttachmentCopy:
        """Write an attachment's file, whole and its owner's alone, once it has proven to be the one stored.

        Args:
            attachment_id: Which.
            path: Where to.
            source: Of which source, where several have one of this id.
            received: As it was received, with all that its maker wrote into it, and not as it is served.

        Raises:
            UsageError: there is no such attachment, or there are several.
            OperatorError: its file is not in the store, does not open, or cannot be written.
        """
        row = self._row(attachment_id, source)
        name = row[_DIGEST]
        if name is None:
            raise _never_came(attachment_id, is_external=row["is_external"])
        self._opened(ATTACHMENTS, _DIGEST, patient_key=row["patient_key"])
        structlog.get_logger("a360.attachments").warning(
            "attachment opened",
            source=row["source"],
            attachment_id=attachment_id,
            received=received,
            by=getpass.getuser(),
        )
        with self._store.opened(name) as reader:
            pieces = self._received(name, reader.received()) if received else reader.served()
            return AttachmentCopy(
                attachment_id, row["source"], reader.told.media_type, _write(path, pieces), str(path)
            )

    def _received(self, name: str, pieces: Iterator[bytes]) -> Iterator[bytes]:
        data = b"".join(pieces)
        if object_name(data, self._tokenizer) != name:
            raise OperatorError(
                "seal-broken",
                "An object is not the file that was received under its digest",
                where=f"object {name}",
                next_step="restore warehouse/objects/ from a backup, or ingest the file again",
            )
        yield data

    def _row(self, attachment_id: str, source: str | None) -> dict[str, Any]:
        rows = self._rows(f"attachment_id = {quote_text(attachment_id)}")
        found = [row for row in rows if source in {None, row["source"]}]
        if len(found) == 1:
            return found[0]
        sources = ", ".join(sorted(row["source"] for row in found))
        raise UsageError(
            "usage",
            "Several sources have an attachment of this id" if found else "There is no such attachment",
            found=sources or attachment_id,
            next_step="name one with --source" if found else f"`a360 query` {ATTACHMENTS} for its id",
        )

    def _rows(self, condition: str) -> builtins.list[dict[str, Any]]:
        if not self._known:
            return []
        rows: builtins.list[dict[str, Any]] = self._tables.session.sql(
            f"SELECT source, attachment_id, {_DIGEST}, is_external, patient_key "
            f"FROM ({_FOLLOWED}) WHERE {condition}"
        ).to_pylist()
        return rows

    def list(self, most: int) -> builtins.list[dict[str, Any]]:
        """The newest attachments, and of each whether its file is there."""
        if not self._known:
            return []
        rows = self._tables.session.sql(
            f"SELECT attachment_id, source, kind, body_site, taken_at, media_type, bytes, {_DIGEST}, "
            f"is_external FROM ({_FOLLOWED}) ORDER BY known_at DESC, attachment_id LIMIT {int(most)}"
        ).to_pylist()
        return [
            {**row, "file": self._state(row.pop(_DIGEST), is_external=row.pop("is_external"))} for row in rows
        ]

    def _state(self, name: str | None, *, is_external: bool) -> str:
        if name is None:
            return "external" if is_external else "never came"
        return "there" if self._store.holds(name) else "missing"

    @property
    def _known(self) -> bool:
        tables = self._tables
        return tables.exists(ATTACHMENTS) and tables.current_snapshot_id(ATTACHMENTS) is not None

    def missing(self) -> RuleResult:
        """How many attachments name a file that is not in the store."""
        names = [row[_DIGEST] for row in self._rows(f"{_DIGEST} IS NOT NULL")]
        here = {name: self._store.holds(name) for name in set(names)}
        return _result(IN_STORE, "error", len(names), sum(not here[name] for name in names))

    def elsewhere(self) -> RuleResult:
        """How many attachments have their file elsewhere, as far as the lake knows."""
        rows = self._rows("TRUE")
        lie_elsewhere = sum(row["is_external"] and row[_DIGEST] is None for row in rows)
        return _result(ELSEWHERE, "warning", len(rows), lie_elsewhere)

    def orphans(self) -> Sequence[LyingFile]:
        """Files of the store, a day old or older, that no batch which has landed has put there.

        A file that any attachment names is none, whoever wrote it.
        """
        from a360.ingest import RECORDS, committed_batches  # noqa: PLC0415 -- most commands do not ingest

        landed = committed_batches(self._tables, RECORDS) if self._tables.exists(RECORDS.rows) else set()
        named = {row[_DIGEST] for row in self._rows(f"{_DIGEST} IS NOT NULL")}
        latest = datetime.now(UTC) - _YOUNG
        return [
            LyingFile(str(file.path), file.bytes, file.modified)
            for file in self._store.files()
            if file.batch not in landed and file.name not in named and file.modified < latest
        ]

    def collect(self, *, delete: bool) -> Sequence[LyingFile]:
        """The orphans; deleted if asked."""
        found = self.orphans()
        for each in found if delete else ():
            Path(each.path).unlink(missing_ok=True)
        return found


def _never_came(attachment_id: str, *, is_external: bool) -> OperatorError:
    if is_external:
        what, next_step = (
            "The attachment's file lies elsewhere: its resource names it by a url alone",
            "ingest the Binary that it names, or fetch the file from where its source keeps it",
        )
    else:
        what, next_step = (
            "The attachment came without its file",
            "ingest its manifest again, with the file beside it",
        )
    return OperatorError("input-missing", what, where=f"attachment {attachment_id}", next_step=next_step)


def _result(rule: str, severity: Literal["error", "warning"], checked: int, failed: int) -> RuleResult:
    return RuleResult(
        dataset=ATTACHMENTS,
        rule=rule,
        kind="objects",
        dimension="completeness",
        severity=severity,
        passed=not failed,
        columns=(_DIGEST,),
        checked=checked,
        failed=failed,
        fingerprint=rule,
    )


def _write(path: Path, pieces: Iterator[bytes]) -> int:
    size = 0
    try:
        with whole(path) as stream:
            for piece in pieces:
                size += len(piece)
                stream.write(piece)
    except OSError as error:
        raise OperatorError(
            "environment-unfit",
            "The file could not be written",
            where=str(path),
            found=error.strerror or type(error).__name__,
            next_step="name a place that you may write to",
        ) from error
    return size
