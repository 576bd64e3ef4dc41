"""Notes into bronze: each file or row as one DocumentReference, the way of any FHIR resource."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from a360.ingest._bytes import digest_of
from a360.ingest._envelope import Identity
from a360.ingest._inflow import Inflow
from a360.ingest._ingest import ingest_files
from a360.ingest._labels import labels_of
from a360.ingest._limits import Limits
from a360.ingest._note_files import NoteFile, find_notes
from a360.ingest._reports import Ingested
from a360.ingest._rules import Refused
from a360.ingest._work import FhirReading, Portion
from a360.ingest._worked import Finished


class NoteReading(FhirReading):
    """Notes as resources that were made of them; those that were refused as they were found."""

    def __init__(self, notes: Sequence[NoteFile], identity: Identity, limits: Limits) -> None:
        super().__init__([note.input for note in notes], identity, limits, kind="notes")
        self._notes = notes

    def portions(self, chosen: Sequence[int]) -> Iterator[Portion | Finished]:
        """Read the chosen notes one after the other."""
        for place in chosen:
            if self._notes[place].refused is not None:
                yield from self._refused(place)
        sound = [place for place in chosen if self._notes[place].refused is None]
        if sound:
            yield from super().portions(sound)

    def _refused(self, place: int) -> Iterator[Portion | Finished]:
        note = self._notes[place]
        if note.refused is None or note.input.content is None:
            return
        raw = note.input.content()
        kept = raw[: self._limits.line_bytes]
        unit = Refused(place, note.line, note.refused.rule, note.refused.reason, kept)
        yield Portion((), (unit,), file=place, packed_bytes=len(raw))
        yield Finished(place, digest_of(raw), len(raw))


def ingest_notes(inflow: Inflow, paths: Iterable[Path | str]) -> Ingested:
    """Bring notes into bronze as DocumentReferences, as one batch under one commit id.

    Raises:
        OperatorError: a path does not exist or cannot be read; nothing was committed.
        DataError: `input-refused` where a manifest cannot be read.
        ConflictError: another ingest landed some of the same resources meanwhile; safe to run again.
    """
    found = find_notes(paths, inflow.source, inflow.tokenizer)
    files = [note.input for note in found.notes]
    reading = NoteReading(found.notes, Identity(inflow.tokenizer, inflow.source), inflow.limits)
    return ingest_files(inflow, files, labels_of(files, inflow.tokenizer), reading, found.skipped)
