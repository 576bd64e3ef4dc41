"""HL7 v2 into bronze: messages as records, and in the same batch the FHIR resources they became."""

import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from a360.contract import Hl7v2Plan
from a360.failpoints import failpoint
from a360.hl7v2 import Options
from a360.ingest._bundle import Deletion, Found, Unit
from a360.ingest._committed import FHIR, RECORDS
from a360.ingest._decode import Head
from a360.ingest._envelope import Identity
from a360.ingest._extract import instants
from a360.ingest._hl7v2_convert import Made, make
from a360.ingest._hl7v2_text import BatchCount, RawMessage, read_messages
from a360.ingest._inflow import Inflow
from a360.ingest._ingest import ingest_files
from a360.ingest._inputs import Input, named
from a360.ingest._labels import labels_of
from a360.ingest._limits import Limits
from a360.ingest._manifests import walk
from a360.ingest._pictures import Pictures, pictures_of
from a360.ingest._record_rows import envelope_of, record_tokens
from a360.ingest._reports import Ingested
from a360.ingest._rules import Refused
from a360.ingest._work import Portion, work
from a360.ingest._worked import Finished, Worked
from a360.records import joined
from a360.table import new_commit_id

RECORD_TYPE: Final = "hl7v2_message"
_NAME: Final = re.compile(r"(?i).+\.(hl7|er7|txt)(\.(gz|gzip|zst|zstd))?")
# Conversion takes long for what it reads: portions are small, so that all threads have some.
_PORTION_BYTES: Final = 512 << 10


def ingest_hl7v2(inflow: Inflow, paths: Iterable[Path | str], options: Options | None = None) -> Ingested:
    """Bring HL7 v2 messages into bronze, sealed, with the resources they become; one batch, one commit id.

    Raises:
        OperatorError: a path does not exist or cannot be read; nothing was committed.
        ConflictError: another ingest landed some of the same messages meanwhile; safe to run again.
    """
    files, skipped = _inputs(paths)
    identity, commit_id = Identity(inflow.tokenizer, inflow.source), new_commit_id()
    pictures = pictures_of(inflow, commit_id)
    reading = Hl7v2Reading(files, identity, inflow.limits, options or Options(), pictures)
    labels = labels_of(files, inflow.tokenizer)
    landed = ingest_files(inflow, files, labels, reading, skipped, commit_id=commit_id)
    taken = () if pictures is None else pictures.remarks
    return replace(landed, remarks=(*landed.remarks, *_remarks(reading.notes), *taken))


def _remarks(notes: Mapping[str, int]) -> tuple[str, ...]:
    """How much of the messages was mended or left out, by what it was."""
    told = ", ".join(f"{rule} {times}" for rule, times in sorted(notes.items()))
    return (f"mended, left out or worth knowing in messages: {told}",) if told else ()


def hl7v2_options(told: Hl7v2Plan) -> Options:
    """How messages are converted in a lake that says this."""
    usual = Options()
    authority = (told.authority or usual.authority).rstrip("/:")
    return Options(authority, told.zone or usual.zone, told.systems)


def _inputs(paths: Iterable[Path | str]) -> tuple[list[Input], int]:
    """Files as named, and those of folders whose names say HL7 v2; how many are left out."""
    found: dict[Path, Input] = {}
    skipped = 0
    for path in map(Path, paths):
        if path.is_dir():
            for kept, left_out in walk(path):
                matching = [each for each in kept if _NAME.fullmatch(each.name)]
                skipped += left_out + len(kept) - len(matching)
                for each in matching:
                    found.setdefault(each.resolve(), Input(each))
        else:
            found.setdefault(path.resolve(), named(path))
    return list(found.values()), skipped


@dataclass(frozen=True, slots=True)
class MessagePortion:
    """Some messages in order, and what was refused before it could be one."""

    messages: tuple[RawMessage, ...]
    refused: tuple[Refused, ...]
    file: int = 0
    packed_bytes: int = 0


class Hl7v2Reading:
    """Files of messages: what a message is lands as a record, what it became as resources."""

    kind = "hl7v2"
    grounds = (RECORDS, FHIR)

    def __init__(
        self,
        files: Sequence[Input],
        identity: Identity,
        limits: Limits,
        options: Options,
        pictures: Pictures | None = None,
    ) -> None:
        self.notes: Counter[str] = Counter()
        self._files = files
        self._identity = identity
        self._limits = limits
        self._options = options
        self._pictures = pictures
        self._lock = threading.Lock()

    def portions(self, chosen: Sequence[int]) -> Iterator[MessagePortion | Finished]:
        """Read the chosen files one after the other; small ones share a portion."""
        messages: list[RawMessage] = []
        refused: list[Refused] = []
        held = 0
        for file in chosen:
            with self._files[file].opened(self._limits) as source:
                for block in read_messages(file, source, self._limits):
                    if isinstance(block, BatchCount):
                        self._note_count(block)
                        continue
                    if isinstance(block, Refused):
                        refused.append(block)
                        held += len(block.raw)
                    else:
                        messages.append(block)
                        held += len(block.text)
                    if held >= _PORTION_BYTES:
                        yield MessagePortion(tuple(messages), tuple(refused), file, source.packed_bytes)
                        messages, refused, held = [], [], 0
                yield Finished(file, source.finish(), source.packed_bytes)
            failpoint("ingest.file.after-read")
        if messages or refused:
            yield MessagePortion(tuple(messages), tuple(refused), chosen[-1])

    def _note_count(self, count: BatchCount) -> None:
        if count.told != count.found:
            with self._lock:
                self.notes["batch-count"] += 1

    def work(self, portion: MessagePortion) -> tuple[Worked, ...]:
        """Turn a portion into records, and into resources."""
        # What is not computed here is computed by one processor anyway; the converter's memory is not shared.
        with self._lock:
            converted = [make(each.text, self._options) for each in portion.messages]
        sound: list[tuple[RawMessage, Made]] = []
        refused = list(portion.refused)
        for raw, each in zip(portion.messages, converted, strict=True):
            if isinstance(each, Made):
                sound.append((raw, each))
            else:
                refused.append(Refused(raw.file, raw.offset, each.rule, each.reason, raw.text))
        self._note(each for _, each in sound)
        units = tuple(unit for raw, each in sound for unit in _units(raw, each))
        resources = work(Portion((), units), self._files, self._identity, self._limits)
        records = self._records(sound, refused)
        if self._pictures is not None:
            records.beside = self._pictures.take(resources)
        return records, resources

    def _note(self, made: Iterable[Made]) -> None:
        total: Counter[str] = Counter()
        for each in made:
            total.update(each.notes)
        with self._lock:
            self.notes.update(total)

    def _records(self, sound: Sequence[tuple[RawMessage, Made]], refused: list[Refused]) -> Worked:
        places = np.array([raw.file for raw, _ in sound], dtype=np.int64)
        others = np.array([each.file for each in refused], dtype=np.int64)
        files = len(self._files)
        text, starts, ends = joined([each.payload for _, each in sound])
        return Worked(
            envelope=self._envelope(sound),
            row=np.arange(len(sound)),
            file=places,
            offset=np.array([raw.offset for raw, _ in sound], dtype=np.int64),
            text=text,
            starts=starts,
            ends=ends,
            read=np.bincount(places, minlength=files) + np.bincount(others, minlength=files),
            filtered=np.zeros(files, dtype=np.int64),
            refused=refused,
        )

    def _envelope(self, sound: Sequence[tuple[RawMessage, Made]]) -> pa.Table:
        hashes = self._identity.tokenizer.digests(pa.array([raw.text for raw, _ in sound], pa.binary()))
        # A control id is of the sender's making, and may well hold a record number: it is a token. A message
        # without one is known by its bytes.
        keys = [each.key or digest for (_, each), digest in zip(sound, hashes.to_pylist(), strict=True)]
        tokens = record_tokens(self._identity, RECORD_TYPE, pa.array(keys, pa.string()))
        sent = _moments([each.sent for _, each in sound])
        return envelope_of(RECORD_TYPE, tokens, hashes, last_updated=sent)


def _moments(texts: Sequence[str | None]) -> pa.Array:
    return instants(pa.array(texts, pa.string())).cast(pa.timestamp("us", tz="UTC"))


def _units(raw: RawMessage, made: Made) -> Iterator[Unit]:
    for kind, key, line in made.resources:
        yield Found(raw.file, raw.offset, line, Head(kind, key))
    for kind, key in made.deleted:
        yield Deletion(raw.file, raw.offset, kind, key, made.sent, raw.text, made.number)
