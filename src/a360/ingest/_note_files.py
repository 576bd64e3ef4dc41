"""Which notes an ingest reads: files with what a manifest, a sidecar or front matter says of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from a360.documents import (
    HTML,
    MARKDOWN,
    PLAIN,
    TURNS,
    VTT,
    FieldError,
    NoteFields,
    document_reference,
    is_fhir_id,
    media_type,
    read_note,
    split_front_matter,
)
from a360.errors import OperatorError
from a360.ingest._inputs import Input, named
from a360.ingest._manifests import Lost, LostError, Row, Versions, inside, read_manifest, walk
from a360.ingest._rules import Rule
from a360.protect import Tokenizer, domains

_MANIFESTS: Final = ("notes.csv", "notes.ndjson")
_SIDECAR: Final = ".meta.json"
_TYPES: Final = {
    ".txt": PLAIN,
    ".text": PLAIN,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".vtt": VTT,
    ".json": TURNS,
}
_KNOWN: Final = ", ".join(_TYPES)


type _Render = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class NoteFile:
    """A note as it was found: its input, and why it is refused, if it is. `line` is that of its row."""

    input: Input
    line: int = 0
    refused: Lost | None = None


@dataclass(frozen=True, slots=True)
class NoteFiles:
    """The notes of some paths, in order, and how many files are none."""

    notes: tuple[NoteFile, ...]
    skipped: int


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a note's bytes lie, by which name, and what is said of it."""

    place: Path
    name: str
    values: Mapping[str, object]
    raw: bytes
    read: Callable[[], bytes] = bytes
    line: int = 0
    lost: Lost | None = None

    def content(self) -> bytes:
        """What is kept of it where it is refused: the row that was wrong, or else its bytes."""
        return self.raw or self.read()


def find_notes(paths: Iterable[Path | str], source: str, tokenizer: Tokenizer) -> NoteFiles:
    """The notes that paths stand for, folders recursively; each is checked, and read again when it lands.

    Raises:
        OperatorError: `input-missing` where a path or a file cannot be read.
        DataError: `input-refused` where a manifest cannot.
    """
    made = _Making(source, tokenizer)
    skipped = 0
    for path in map(Path, paths):
        found, left = _under(path)
        skipped += left
        for each in found:
            made.add(each)
    return NoteFiles(tuple(made.notes), skipped)


def _under(path: Path) -> tuple[list[_Found], int]:
    if path.is_dir():
        folders = list(walk(path))
        found, others = _of_files(path, [file for files, _ in folders for file in files])
        return found, others + sum(left for _, left in folders)
    named(path)
    if path.name in _MANIFESTS:
        return list(_of_manifest(path)), 0
    beside = [path.with_name(name) for name in _MANIFESTS if path.with_name(name).is_file()]
    rows = [found for manifest in beside for found in _of_manifest(manifest) if found.place == path.resolve()]
    return rows or [_alone(path, path.name)], 0


def _of_files(root: Path, files: list[Path]) -> tuple[list[_Found], int]:
    """The notes among files: those of manifests, then the others by themselves; how many are none."""
    found = [each for path in files if path.name in _MANIFESTS for each in _of_manifest(path)]
    listed = {each.place for each in found}
    skipped = 0
    for path in files:
        if path.name in _MANIFESTS or path.name.endswith(_SIDECAR) or path.resolve() in listed:
            continue
        if path.suffix.lower() in _TYPES:
            found.append(_alone(path, path.relative_to(root).as_posix()))
        else:
            skipped += 1
    return found, skipped


def _of_manifest(path: Path) -> Iterator[_Found]:
    for row in read_manifest(path):
        yield _of_row(path, row)


def _of_row(manifest: Path, row: Row) -> _Found:
    # A row without a file of its own is called by the line it stands in.
    own = manifest / str(row.line)
    name = row.values.get("file")
    if row.fault:
        return _Found(own, "", {}, row.raw, line=row.line, lost=Lost(Rule.INVALID_FIELD, row.fault))
    if not name:
        text = row.values.get("text")
        lost = None if isinstance(text, str) else Lost(Rule.MISSING_FILE, "the row names no file")
        read = text.encode if isinstance(text, str) else bytes
        return _Found(own, str(row.line), row.values, row.raw, read, row.line, lost)
    place = inside(manifest.parent, str(name))
    if isinstance(place, Lost):
        return _Found(own, "", {}, row.raw, line=row.line, lost=place)
    return _Found(place.resolve(), str(name), row.values, row.raw, _reader(place), row.line)


def _alone(path: Path, name: str) -> _Found:
    sidecar = path.with_name(path.name + _SIDECAR)
    values: object = {}
    if sidecar.is_file():
        try:
            values = json.loads(sidecar.read_bytes())
        except (OSError, ValueError, RecursionError):
            values = None
    if not isinstance(values, dict):
        fault = Lost(Rule.INVALID_FIELD, "its sidecar holds no JSON object")
        return _Found(path.resolve(), name, {}, b"", _reader(path), lost=fault)
    return _Found(path.resolve(), name, values, b"", _reader(path))


def _reader(path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return path.read_bytes()
        except OSError as error:
            raise OperatorError(
                "input-missing", "A note could not be read", where=str(path), found=error.strerror or ""
            ) from error

    return read


class _Making:
    """Makes inputs of what was found."""

    def __init__(self, source: str, tokenizer: Tokenizer) -> None:
        self.notes: list[NoteFile] = []
        self._source = source
        self._tokenizer = tokenizer
        self._versions = Versions()

    def add(self, found: _Found) -> None:
        """Look at a note, which is read now, and once more when it lands: notes may be more than fit."""
        data = found.read()
        content, now, lost = found.content, found.raw or data, found.lost
        if lost is None:
            try:
                now, render = self._made(found, data)
                content = lambda: render(found.read())  # noqa: E731 - one of two that may be read
            except FieldError as error:
                lost = Lost(Rule.INVALID_FIELD, str(error))
            except LostError as error:
                lost = error.lost
        self.notes.append(NoteFile(Input.made(found.place, content, now), found.line, lost))

    def _made(self, found: _Found, data: bytes) -> tuple[bytes, _Render]:
        """The resource that the bytes of a note make, and what makes it of them again."""
        front, body = _without_front(found.place, data)
        fields = NoteFields.of({**front, **found.values})
        kind = fields.content_type or _TYPES.get(found.place.suffix.lower(), PLAIN if fields.text else "")
        note_id, related = self._ids_of(found, fields)

        def render(data: bytes) -> bytes:
            _, body = _without_front(found.place, data)
            made = document_reference(note_id, fields, body, kind, related_id=related)
            return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

        _require_sound(fields, body, kind)
        now = render(data)
        if self._versions.is_ambiguous(note_id, fields.updated_at, now):
            why = "another note of this call goes by the same id, and nothing says which of them is newer"
            raise LostError(Rule.REPEATED_ID, why)
        return now, render

    def _ids_of(self, found: _Found, fields: NoteFields) -> tuple[str, str | None]:
        """The logical ids of a note and of the one it amends or appends to."""
        related = fields.amends or fields.appends
        whose = fields.patient or fields.patient_identifier or ""
        own = self._id(fields.note_id) if fields.note_id else self._token(f"file|{whose}|{found.name}")
        return own, self._id(related) if related else None

    def _id(self, note_id: str) -> str:
        return note_id if is_fhir_id(note_id) else self._token(f"id|{note_id}")

    def _token(self, text: str) -> str:
        named = pa.array([f"{self._source}|note|{text}"])
        return str(self._tokenizer.tokens(domains.FILE, named)[0].as_py())


def _require_sound(fields: NoteFields, body: bytes, kind: str) -> None:
    if not kind:
        raise LostError(Rule.UNKNOWN_FORMAT, f"its name says no kind of note; known are {_KNOWN}")
    if not fields.names_patient:
        raise LostError(Rule.NO_PATIENT, "neither manifest, sidecar nor front matter names the patient")
    note = read_note(body, kind)
    if note is None:
        raise LostError(Rule.UNKNOWN_FORMAT, f"its bytes are no {media_type(kind)} in the encoding it says")
    if not note.text.strip():
        raise LostError(Rule.EMPTY_NOTE, "it holds no text")


def _without_front(place: Path, data: bytes) -> tuple[Mapping[str, object], bytes]:
    """The front matter of a note, which text and Markdown may have, and its bytes without it."""
    if _TYPES.get(place.suffix.lower()) not in {PLAIN, MARKDOWN}:
        return {}, data
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return {}, data
    found, rest = split_front_matter(text.replace("\r\n", "\n"))
    return (found, rest.encode()) if found else ({}, data)
