"""Attachments into the lake: files into the object store, what is said of each as a record into bronze.

Objects are written before the records that name them. A process that dies in between leaves objects of a
batch that never lands, which the next ingest writes anew, and which are told as orphans.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from a360.contract import ReceptionPlan
from a360.documents import open_media
from a360.errors import OperatorError
from a360.failpoints import failpoint
from a360.ingest._attachment_files import (
    AttachmentFile,
    Desk,
    find_attachments,
    read_bounded,
)
from a360.ingest._committed import RECORDS, committed_batches
from a360.ingest._inflow import Inflow
from a360.ingest._ingest import ingest_files
from a360.ingest._labels import labels_of
from a360.ingest._record_rows import envelope_of, lines_of
from a360.ingest._reports import Ingested
from a360.ingest._rules import Refused
from a360.ingest._worked import Finished, Worked
from a360.objects import Kept, ObjectStore, object_name
from a360.table import new_commit_id

RECORD = "attachment"
# Of two rows of an attachment that say no time, the one with a file is the newer: a manifest that comes
# again after its files were tidied away takes no picture out of the lake.
_WITH_FILE = "1"


@dataclass(frozen=True, slots=True)
class _Part:
    file: int
    packed_bytes: int = 0


class AttachmentReading:
    """Rows of manifests as records; the files they name become objects on the way."""

    kind = "attachments"
    grounds = (RECORDS,)

    def __init__(
        self,
        files: Sequence[AttachmentFile],
        inflow: Inflow,
        desk: Desk,
        reception: ReceptionPlan | None,
        commit_id: str,
    ) -> None:
        self._files = files
        self._inflow = inflow
        self._desk = desk
        self._reception = reception
        self._commit_id = commit_id
        self._landed = committed_batches(inflow.tables, RECORDS)

    def portions(self, chosen: Sequence[int]) -> Iterator[_Part | Finished]:
        """The chosen rows one after the other."""
        for place in chosen:
            file = self._files[place]
            yield _Part(place, file.input.bytes)
            yield Finished(place, file.input.digest(), file.input.bytes)

    def work(self, portion: _Part) -> tuple[Worked, ...]:
        """Store the file of a row, and make the row a record."""
        file = self._files[portion.file]
        if file.object is not None:
            self._store(file, file.object)
        kept = [] if file.refused else [file]
        payloads = pa.array([each.payload for each in kept], pa.string())
        line = np.array([each.line for each in kept], dtype=np.int64)
        lines = lines_of(payloads, portion.file, line, line)
        counted = np.zeros(len(self._files), dtype=np.int64)
        nothing = counted.copy()
        counted[portion.file] = 1
        worked = Worked(
            self._envelope(kept, payloads, line),
            np.arange(len(kept)),
            np.full(len(kept), portion.file),
            line,
            lines.text,
            lines.starts,
            lines.ends,
            counted,
            nothing,
            list(self._refused(portion.file, file)),
        )
        return (worked,)

    def _envelope(self, kept: Sequence[AttachmentFile], payloads: pa.Array, line: np.ndarray) -> pa.Table:
        return envelope_of(
            RECORD,
            pa.array([each.attachment_id for each in kept], pa.string()),
            self._inflow.tokenizer.digests(payloads),
            version_id=pa.array([_WITH_FILE if each.object else None for each in kept], pa.string()),
            last_updated=pa.array(
                [each.updated if each.object else None for each in kept], pa.timestamp("us", tz="UTC")
            ),
            deleted=pa.array([self._is_deleted(each) for each in kept], pa.bool_()),
            line=line,
        )

    def _is_deleted(self, file: AttachmentFile) -> bool:
        reception = self._reception
        if reception is None or reception.deleted is None or file.values is None:
            return False
        return any(file.values.get(name) in reception.deleted_values for name in reception.deleted.names)

    def _refused(self, place: int, file: AttachmentFile) -> Iterator[Refused]:
        if file.refused is not None and file.input.content is not None:
            raw = file.input.content()[: self._inflow.limits.kept_bytes]
            yield Refused(place, file.line, file.refused.rule, file.refused.reason, raw)

    def _store(self, file: AttachmentFile, name: str) -> None:
        """Put a file into the store, unless a batch that has landed put it there."""
        store = self._desk.store
        if store.batch(name) in self._landed:
            return
        data = read_bounded(file.input.path, self._desk.most_bytes)
        if object_name(data, self._desk.tokenizer) != name:
            raise OperatorError(
                "input-missing",
                "A file changed while it was being read",
                where=str(file.input.path),
                next_step="run the ingest again when nothing writes to it; nothing was committed",
            )
        media = open_media(data, file.declared)
        patches = [(patch.offset, patch.original, patch.served) for patch in media.patches]
        # Under a key of its own, so that a file can be made unreadable without the others of its batch.
        sealer = self._inflow.sealer.batch()
        store.put(name, Kept(media.media_type, media.served, patches), sealer, self._commit_id)
        failpoint("ingest.attachment.after-object")


def ingest_attachments(
    inflow: Inflow,
    paths: Iterable[Path | str],
    store: ObjectStore,
    *,
    most_bytes: int,
    reception: ReceptionPlan | None = None,
) -> Ingested:
    """Bring pictures and PDFs into the object store, and what manifests say of them into bronze.

    Args:
        inflow: What every kind of ingest works with.
        paths: Folders with manifests, manifests, or files beside one.
        store: Where the files go.
        most_bytes: The largest file that is taken.
        reception: What the contract says of such records.

    Raises:
        OperatorError: a path cannot be read, or an object cannot be written; nothing was committed.
        DataError: `input-refused` where a manifest cannot be read.
    """
    desk = Desk(inflow.source, inflow.tokenizer, store, most_bytes)
    found = find_attachments(paths, desk)
    commit_id = new_commit_id()
    reading = AttachmentReading(found.files, inflow, desk, reception, commit_id)
    files = [each.input for each in found.files]
    labels = labels_of(files, inflow.tokenizer)
    return ingest_files(inflow, files, labels, reading, found.skipped, commit_id=commit_id)
