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
from a360.ingest._manifests import Lost, Row, Versions, inside, read_manifest, walk
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
    read: Callable[[], bytes] | None = None
    line: int = 0
    lost: Lost | None = None

    def content(self) -> bytes:
        """What is kept of it where it is refused: the row that was wrong, or else its bytes."""
        return self.raw or (self.read() if self.read else b"")


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
        read = text.encode if isinstance(text, str) else None
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
        try:
            self.notes.append(self._note(found))
        except FieldError as error:
            lost = Lost(Rule.INVALID_FIELD, str(error))
            self.notes.append(NoteFile(Input(found.place, content=found.content), found.line, lost))

    def _note(self, found: _Found) -> NoteFile:
        if found.lost or found.read is None:
            named = found.lost or Lost(Rule.MISSING_FILE, "the row names no file")
            return NoteFile(Input(found.place, content=found.content), found.line, named)
        read, front = _without_front(found)
        fields = NoteFields.of({**front, **found.values})
        kind = fields.content_type or _TYPES.get(found.place.suffix.lower(), PLAIN if fields.text else "")
        note_id, related = self._ids_of(found, fields)

        def render() -> bytes:
            made = document_reference(note_id, fields, read(), kind, related_id=related)
            return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

        lost = self._fault(fields, read, kind)
        if lost is None and self._versions.is_ambiguous(note_id, fields.updated_at, render()):
            why = "another note of this call goes by the same id, and nothing says which of them is newer"
            lost = Lost(Rule.REPEATED_ID, why)
        content = found.read if lost else render
        return NoteFile(Input(found.place, content=content), found.line, lost)

    @staticmethod
    def _fault(fields: NoteFields, read: Callable[[], bytes], kind: str) -> Lost | None:
        if not kind:
            return Lost(Rule.UNKNOWN_FORMAT, f"its name says no kind of note; known are {_KNOWN}")
        if not fields.names_patient:
            return Lost(Rule.NO_PATIENT, "neither manifest, sidecar nor front matter names the patient")
        note = read_note(read(), kind)
        if note is None:
            return Lost(Rule.UNKNOWN_FORMAT, f"its bytes are no {media_type(kind)} in the encoding it says")
        if not note.text.strip():
            return Lost(Rule.EMPTY_NOTE, "it holds no text")
        return None

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


def _without_front(found: _Found) -> tuple[Callable[[], bytes], Mapping[str, object]]:
    """The bytes of a note without its front matter, which text and Markdown may have, and its fields."""
    read = found.read
    if read is None:
        raise ValueError("a note without bytes has no front matter")
    if _TYPES.get(found.place.suffix.lower()) not in {PLAIN, MARKDOWN}:
        return read, {}
    front, _ = _split(read())
    return (lambda: _split(read())[1]), front


def _split(data: bytes) -> tuple[dict[str, str], bytes]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return {}, data
    found, rest = split_front_matter(text.replace("\r\n", "\n"))
    return (found, rest.encode()) if found else ({}, data)
