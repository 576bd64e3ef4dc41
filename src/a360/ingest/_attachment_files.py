"""Which attachments an ingest takes: the rows of manifests, with the files they name looked at."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa

from a360.documents import FieldError, Media, MediaError, checked_time, is_fhir_id, open_media
from a360.errors import OperatorError
from a360.ingest._inputs import Input, named
from a360.ingest._manifests import Lost, LostError, Row, Versions, inside, read_manifest, walk
from a360.ingest._rules import Rule
from a360.objects import ObjectStore, object_name
from a360.protect import Tokenizer, domains

_MANIFESTS: Final = ("attachments.csv", "attachments.ndjson")
_REFERENCES: Final = {
    "patient": "Patient",
    "encounter": "Encounter",
    "procedure": "Procedure",
    "author": "Practitioner",
}
# Columns that the lake fills in: a manifest's own of these names would say what is not so.
_OWN: Final = frozenset({"object", "bytes", "width", "height", "metadata_removed"})


@dataclass(frozen=True, slots=True)
class AttachmentFile:
    """A row of a manifest, or a file without one.

    `payload` is the record that lands, `object` the digest of its file where that is there, `line` its row's.
    """

    input: Input
    line: int = 0
    refused: Lost | None = None
    attachment_id: str = ""
    updated: datetime | None = None
    object: str | None = None
    declared: str | None = None
    payload: str = ""
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class AttachmentFiles:
    """The attachments of some paths, in order, and how many files were left out: hidden ones, and links."""

    files: tuple[AttachmentFile, ...]
    skipped: int


@dataclass(frozen=True, slots=True)
class Desk:
    """What attachments are looked at with."""

    source: str
    tokenizer: Tokenizer
    store: ObjectStore
    most_bytes: int


def find_attachments(paths: Iterable[Path | str], desk: Desk) -> AttachmentFiles:
    """The attachments that paths stand for, folders recursively. Every file that a row names is looked at.

    Raises:
        OperatorError: `input-missing` where a path cannot be read.
        DataError: `input-refused` where a manifest cannot.
    """
    found: list[AttachmentFile] = []
    skipped = 0
    seen = Versions()
    for path in map(Path, paths):
        if path.is_dir():
            folders = list(walk(path))
            found += _of_files([file for files, _ in folders for file in files], desk, seen)
            skipped += sum(left for _, left in folders)
        else:
            found += _named(path, desk, seen)
    return AttachmentFiles(tuple(found), skipped)


def _named(path: Path, desk: Desk, seen: Versions) -> Iterator[AttachmentFile]:
    named(path)
    if path.name in _MANIFESTS:
        yield from (_of_row(path, row, desk, seen) for row in read_manifest(path))
        return
    beside = [path.with_name(name) for name in _MANIFESTS if path.with_name(name).is_file()]
    rows = [
        (manifest, row)
        for manifest in beside
        for row in read_manifest(manifest)
        if _place(manifest, row) == path.resolve()
    ]
    yield from [_of_row(manifest, row, desk, seen) for manifest, row in rows] or [_unlisted(path)]


def _of_files(files: list[Path], desk: Desk, seen: Versions) -> Iterator[AttachmentFile]:
    """The rows of the manifests among files, then the files that none of them names."""
    listed: set[Path | None] = set()
    for manifest in (path for path in files if path.name in _MANIFESTS):
        for row in read_manifest(manifest):
            listed.add(_place(manifest, row))
            yield _of_row(manifest, row, desk, seen)
    for path in files:
        if path.name not in _MANIFESTS and path.resolve() not in listed:
            yield _unlisted(path)


def _place(manifest: Path, row: Row) -> Path | None:
    place = inside(manifest.parent, str(row.values.get("file") or ""))
    return None if isinstance(place, Lost) else place.resolve()


def _unlisted(path: Path) -> AttachmentFile:
    name = path.name.encode(errors="surrogateescape")
    lost = Lost(Rule.UNLISTED_FILE, "no row of a manifest beside it says what it is, and whose")
    return AttachmentFile(Input(path, content=lambda: name), refused=lost)


def _of_row(manifest: Path, row: Row, desk: Desk, seen: Versions) -> AttachmentFile:
    # A row is called by the line it stands in: several rows may name one file, or none that is there.
    own = manifest / str(row.line)
    try:
        return _Sound(own, manifest, row, desk, seen).made()
    except LostError as error:
        return AttachmentFile(Input(own, content=lambda: row.raw), row.line, error.lost)


class _Sound:
    """Makes a record of one row, or says why it is none."""

    def __init__(self, own: Path, manifest: Path, row: Row, desk: Desk, seen: Versions) -> None:
        self._own = own
        self._manifest = manifest
        self._row = row
        self._desk = desk
        self._seen = seen

    def made(self) -> AttachmentFile:
        values = self._values()
        told: dict[str, str] = {}
        place = self._file(values)
        media, name = (None, None) if place is None else self._media(place, values)
        attachment_id = self._id(values, name)
        told |= {**values, "attachment_id": attachment_id}
        if media is not None and name is not None:
            told |= {
                "object": name,
                "media_type": media.media_type,
                "bytes": str(len(media.served)),
                "width": "" if media.width is None else str(media.width),
                "height": "" if media.height is None else str(media.height),
                "metadata_removed": "true" if media.complete else "false",
            }
        payload = json.dumps({key: text for key, text in told.items() if text}, ensure_ascii=False) + "\n"
        raw, updated = payload.encode(), _moment(values.get("updated_at"))
        if self._seen.is_ambiguous(attachment_id, updated, raw):
            why = "another row of this call goes by the same id, and nothing says which of them is newer"
            raise LostError(Rule.REPEATED_ID, why)
        lost = name is not None and not self._desk.store.holds(name)
        return AttachmentFile(
            Input(place or self._own, content=lambda: raw, anew=lost),
            self._row.line,
            attachment_id=attachment_id,
            updated=updated,
            object=name,
            declared=values.get("media_type"),
            payload=payload,
            values=told,
        )

    def _values(self) -> dict[str, str]:
        """The cells of a row as texts, references as FHIR writes them."""
        row = self._row
        if row.fault:
            raise LostError(Rule.INVALID_FIELD, row.fault)
        given = {name: value for name, value in row.values.items() if value not in (None, "")}
        texts = {
            name: value.strip() if isinstance(value, str) else json.dumps(value)
            for name, value in given.items()
            if name not in _OWN
        }
        for name, kind in _REFERENCES.items():
            reference = _reference(name, kind, texts.pop(name, ""), texts.pop(f"{name}_identifier", ""))
            if reference:
                texts[name] = reference
        if "patient" not in texts:
            raise LostError(Rule.NO_PATIENT, "the row names no patient")
        return texts

    def _file(self, values: Mapping[str, str]) -> Path | None:
        """The row's file; a row that names itself may come before its file does."""
        place = inside(self._manifest.parent, values.get("file", ""))
        if isinstance(place, Path):
            return place
        if place.rule is Rule.MISSING_FILE and values.get("attachment_id"):
            return None
        raise LostError(place.rule, place.reason)

    def _media(self, place: Path, values: Mapping[str, str]) -> tuple[Media, str]:
        try:
            data = read_bounded(place, self._desk.most_bytes)
            media = open_media(data, values.get("media_type"))
        except MediaError as error:
            raise LostError(Rule(error.rule), str(error)) from None
        return media, object_name(data, self._desk.tokenizer)

    def _id(self, values: Mapping[str, str], name: str | None) -> str:
        declared = values.get("attachment_id", "")
        if declared and is_fhir_id(declared):
            return declared
        text = declared or f"{values['patient']}|{name}"
        named = pa.array([f"{self._desk.source}|attachment|{text}"])
        return str(self._desk.tokenizer.tokens(domains.FILE, named)[0].as_py())


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """The bytes of a file.

    Raises:
        MediaError: `too-large`.
        OperatorError: `input-missing` where it cannot be read.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(most_bytes + 1)
    except OSError as error:
        raise OperatorError(
            "input-missing", "An attachment could not be read", where=str(path), found=error.strerror or ""
        ) from error
    if len(data) > most_bytes:
        raise MediaError("too-large", f"the file has more than {most_bytes} bytes, the limit of this lake")
    return data


def _reference(name: str, kind: str, logical_id: str, identifier: str) -> str:
    if logical_id and identifier:
        raise LostError(Rule.INVALID_FIELD, f"{name} and {name}_identifier say the same; give one of them")
    if logical_id and not is_fhir_id(logical_id):
        raise LostError(Rule.INVALID_FIELD, f"{name} is no logical id")
    if identifier and not all(identifier.partition("|")[::2]):
        raise LostError(Rule.INVALID_FIELD, f"{name}_identifier is not written as system|value")
    if logical_id:
        return f"{kind}/{logical_id}"
    return f"{kind}?identifier={identifier}" if identifier else ""


def _moment(text: str | None) -> datetime | None:
    try:
        checked = checked_time("updated_at", text)
    except FieldError as error:
        raise LostError(Rule.INVALID_FIELD, str(error)) from None
    if checked is None:
        return None
    moment = datetime.fromisoformat(checked)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
