"""Pictures and PDFs of FHIR resources into the object store, what is told of each as a record into bronze.

As with files that a manifest names, objects are written before anything that names them lands. Records land
just before the resources they were taken from: a call that is killed between the two leaves attachments whose
resources come with the next one, to which these records are known.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from a360.documents import Media, MediaError, is_fhir_id
from a360.failpoints import failpoint
from a360.ingest._committed import RECORDS, committed_batches
from a360.ingest._embedded import KEYS, Embedded, embedded_in, replaced
from a360.ingest._inflow import Inflow
from a360.ingest._linked import KEYS as LINKED_KEYS
from a360.ingest._linked import Linked, linked_in
from a360.ingest._record_rows import envelope_of, lines_of
from a360.ingest._rules import Refused, Rule
from a360.ingest._told import told_of
from a360.ingest._worked import Worked
from a360.objects import Kept, ObjectStore, object_name
from a360.protect import PERSON_TYPES, domains

ATTACHMENT: Final = "attachment"
_ENTERED_IN_ERROR: Final = "entered-in-error"


@dataclass(frozen=True, slots=True)
class _Record:
    """An attachment as a record; `place` is that of its resource among the envelopes."""

    place: int
    attachment_id: str
    payload: str
    deleted: bool


class Pictures:
    """Takes pictures and PDFs out of the resources of one batch; its `take` is safe to run in threads."""

    def __init__(self, inflow: Inflow, store: ObjectStore, commit_id: str) -> None:
        self._inflow = inflow
        self._store = store
        self._commit_id = commit_id
        self._landed = committed_batches(inflow.tables, RECORDS)
        self._outcomes: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def remarks(self) -> tuple[str, ...]:
        """How many pictures and PDFs were taken, and how many stay within their resources, and why."""
        told = Counter(self._outcomes)
        taken = told.pop("taken", 0)
        linked = told.pop("linked", 0)
        found = [f"pictures and PDFs taken out of resources: {taken}"] if taken else []
        if linked:
            found.append(f"attachments that resources name by a url alone: {linked}")
        if told:
            why = ", ".join(f"{rule} {count}" for rule, count in sorted(told.items()))
            found.append(f"pictures and PDFs that stay within their resources: {why}")
        return tuple(found)

    def take(self, worked: Worked) -> Worked:
        """Take what resources embed into the store; the records of it are given back.

        The resources' texts name the objects then. Their digests stay those of what was received.
        """
        records: list[_Record] = []
        refused: list[Refused] = []
        texts: dict[int, bytes] = {}
        for place in _places(worked):
            row = int(worked.row[place])
            text = worked.text[worked.starts[row] : worked.ends[row]].tobytes()
            changes = []
            for each in embedded_in(text):
                try:
                    record, members = self._taken(place, each)
                except MediaError as error:
                    refused.append(self._refused(worked, place, each, error))
                    continue
                records.append(record)
                changes.append((each, members))
            if changes:
                texts[row] = replaced(text, changes)
            records += [self._linked(place, each) for each in linked_in(text)]
        if texts:
            _put_texts(worked, texts)
        return self._worked(worked, records, refused)

    def _taken(self, place: int, embedded: Embedded) -> tuple[_Record, bytes]:
        data = embedded.content(self._inflow.attachment_bytes)
        media = embedded.opened(data)
        name = object_name(data, self._inflow.tokenizer)
        members = embedded.reference(name, data)
        if members is None:
            raise MediaError("invalid-field", "its data has extensions, which would be lost")
        self._keep(name, media)
        self._count("taken")
        return self._record(place, embedded, {**_told_of_media(media), "object": name}), members

    def _linked(self, place: int, linked: Linked) -> _Record:
        self._count("linked")
        return self._record(place, linked, linked.place())

    def _record(self, place: int, attachment: Embedded | Linked, more: Mapping[str, str]) -> _Record:
        attachment_id = self._id(attachment)
        record = {**told_of(attachment), **more, "attachment_id": attachment_id}
        gone = attachment.resource.get("status") == _ENTERED_IN_ERROR
        return _Record(place, attachment_id, _line(record), gone)

    def _id(self, attachment: Embedded | Linked) -> str:
        """Its resource's type and id, and which it is there; a token where that tells of people."""
        kind, resource_id = attachment.resource["resourceType"], attachment.resource["id"]
        named = f"{kind}.{resource_id}.{attachment.number}"
        if kind not in PERSON_TYPES and is_fhir_id(named):
            return named
        text = pa.array([f"{self._inflow.source}|attachment|{named}"])
        return str(self._inflow.tokenizer.tokens(domains.FILE, text)[0].as_py())

    def _keep(self, name: str, media: Media) -> None:
        """Put a file into the store, unless a batch that has landed, or this one, put it there."""
        batch = self._store.batch(name)
        if batch == self._commit_id or batch in self._landed:
            return
        patches = [(patch.offset, patch.original, patch.served) for patch in media.patches]
        # Under a key of its own, so that a file can be made unreadable without the others of its batch.
        sealer = self._inflow.sealer.batch()
        self._store.put(name, Kept(media.media_type, media.served, patches), sealer, self._commit_id)
        failpoint("ingest.picture.after-object")

    def _refused(self, worked: Worked, place: int, embedded: Embedded, error: MediaError) -> Refused:
        self._count(error.rule)
        raw = _line(told_of(embedded)).encode()
        reason = f"{error}; it stays within its {embedded.resource['resourceType']}"
        return Refused(int(worked.file[place]), int(worked.offset[place]), Rule(error.rule), reason, raw)

    def _count(self, outcome: str) -> None:
        with self._lock:
            self._outcomes[outcome] += 1

    def _worked(self, worked: Worked, records: Sequence[_Record], refused: list[Refused]) -> Worked:
        places = np.array([each.place for each in records], dtype=np.int64)
        payloads = pa.array([each.payload for each in records], pa.string())
        nowhere = np.zeros(len(records), dtype=np.int64)
        lines = lines_of(payloads, 0, nowhere, nowhere)
        envelope = envelope_of(
            ATTACHMENT,
            pa.array([each.attachment_id for each in records], pa.string()),
            self._inflow.tokenizer.digests(payloads),
            version_id=worked.envelope["version_id"].combine_chunks().take(pa.array(places)),
            last_updated=worked.envelope["last_updated"].combine_chunks().take(pa.array(places)),
            deleted=pa.array([each.deleted for each in records], pa.bool_()),
        )
        file = worked.file[places]
        others = np.array([each.file for each in refused], dtype=np.int64)
        files = len(worked.read)
        return Worked(
            envelope,
            np.arange(len(records)),
            file,
            worked.offset[places],
            lines.text,
            lines.starts,
            lines.ends,
            np.bincount(file, minlength=files) + np.bincount(others, minlength=files),
            np.zeros(files, dtype=np.int64),
            refused,
        )


def pictures_of(inflow: Inflow, commit_id: str) -> Pictures | None:
    """What takes pictures and PDFs out of a batch's resources; None where they stay within."""
    return None if inflow.objects is None else Pictures(inflow, inflow.objects, commit_id)


def _places(worked: Worked) -> Iterator[int]:
    """The places among the envelopes of resources that may have attachments."""
    text = worked.text.tobytes()
    # Most text has no url at all: one look saves the others.
    keys = (*KEYS, *LINKED_KEYS) if b'"url"' in text else KEYS
    hits = [at for key in keys for at in _found(text, key)]
    if not hits or not len(worked.starts):
        return
    # Spans are over one text, and each is of one envelope at most.
    order = np.argsort(worked.starts, kind="stable")
    at = np.searchsorted(worked.starts[order], hits, side="right") - 1
    rows = np.unique(order[at[at >= 0]])
    place_of = np.full(len(worked.starts), -1)
    told = np.flatnonzero(worked.row >= 0)
    place_of[worked.row[told]] = told
    yield from (int(place) for place in place_of[rows] if place >= 0)


def _found(text: bytes, key: bytes) -> Iterator[int]:
    at = text.find(key)
    while at >= 0:
        yield at
        at = text.find(key, at + len(key))


def _put_texts(worked: Worked, texts: Mapping[int, bytes]) -> None:
    """Let some rows be other texts; the others stay where they are."""
    starts, ends, at = worked.starts.copy(), worked.ends.copy(), len(worked.text)
    for row, text in texts.items():
        starts[row], ends[row] = at, at + len(text)
        at += len(text) + 1
    added = np.frombuffer(b"".join(text + b"\n" for text in texts.values()), dtype=np.uint8)
    worked.text, worked.starts, worked.ends = np.concatenate([worked.text, added]), starts, ends


def _told_of_media(media: Media) -> dict[str, str]:
    told = {
        "media_type": media.media_type,
        "bytes": str(len(media.served)),
        "metadata_removed": "true" if media.complete else "false",
    }
    sides = {"width": media.width, "height": media.height}
    return told | {name: str(side) for name, side in sides.items() if side is not None}


def _line(record: Mapping[str, Any]) -> str:
    return msgspec.json.encode({name: record[name] for name in sorted(record)}).decode() + "\n"
