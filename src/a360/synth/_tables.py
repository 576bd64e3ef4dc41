"""Files beside the FHIR export: extracts as their systems write them, events by line, and single files."""

from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from a360.synth._flaws import Cells, Flaws, Weak

# A folder for each, under the folder of the FHIR export.
OTHER_KINDS = ("extracts", "events", "notes", "photos")
_BUFFER = 1 << 18
_MOST_FILES = 400


@dataclass(frozen=True, slots=True)
class Layout:
    """How one system writes the rows of a record."""

    record: str
    header: tuple[str, ...]
    weak: Weak
    encoding: str = "utf-8"
    marked: bool = False
    delimiter: str = ","
    title: str | None = None
    total: tuple[str, int] | None = None
    decimal: str = "."


@dataclass(slots=True)
class _File:
    """A file that is being written; `told` is what the manifest says of it."""

    stream: BinaryIO
    told: dict[str, Any]
    layout: Layout | None = None
    count: int = 0
    cents: int = 0


@dataclass(slots=True)
class OtherFiles:
    """All files of the other kinds, in a folder a kind, with the flaws asked for."""

    staging: Path
    flaws: Flaws
    kinds: tuple[str, ...]
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    size: int = 0
    traits: dict[str, Counter[str]] = field(default_factory=dict)
    _files: dict[tuple[str, str], _File] = field(default_factory=dict)
    _open: ExitStack = field(default_factory=ExitStack)

    def wants(self, kind: str) -> bool:
        """Whether this kind is to be written."""
        return kind in self.kinds

    def row(
        self,
        name: str,
        layout: Layout,
        cells: Cells,
        cents: int = 0,
        *,
        settled: bool = True,
        folder: str = "extracts",
    ) -> None:
        """Write a row of a table; a settled one may come out wrong."""
        rows = self.flaws.rows(layout.record, cells, layout.weak) if settled else [cells]
        file = self._files.get((folder, name)) or self._begin(folder, name, layout)
        for each in rows:
            file.stream.write(_line(each, layout))
            file.count += 1
            file.cents += cents

    def line(self, name: str, record: str, line: bytes) -> None:
        """Write a line of events."""
        file = self._files.get(("events", name)) or self._new("events", name, record)
        file.stream.write(line)
        file.stream.write(b"\n")
        file.count += 1

    def count(self, record: str, trait: str) -> None:
        """Note what is no flaw, but what a reader has to cope with."""
        self.traits.setdefault(record, Counter())[trait] += 1

    def whole(self, kind: str, name: str, record: str, data: bytes) -> None:
        """Write a file at once."""
        (self._folder(kind) / name).write_bytes(data)
        self._tell(kind, name, record, 1)

    def parquet(self, name: str, record: str) -> tuple[Path, dict[str, Any]]:
        """Where an extract in Parquet is to be written, and where its rows are to be counted."""
        return self._folder("extracts") / name, self._tell("extracts", name, record, 0)

    def full(self, kind: str) -> bool:
        """Whether there are enough files of a kind that has a file for each thing."""
        return len(self.told.get(kind, ())) >= _MOST_FILES

    def close(self) -> None:
        """Write the last lines, and close every file."""
        for file in self._files.values():
            if file.layout is not None and file.layout.total is not None:
                file.stream.write(_footer(file, file.layout))
            file.told["count"] = file.count
        self._open.close()
        for entries in self.told.values():
            entries.sort(key=lambda entry: str(entry["url"]))
            self.size += sum((self.staging / str(entry["url"])).stat().st_size for entry in entries)

    def abandon(self) -> None:
        """Close what is open."""
        self._open.close()

    def _begin(self, folder: str, name: str, layout: Layout) -> _File:
        file = self._new(folder, name, layout.record)
        file.layout = layout
        file.stream.write(b"\xef\xbb\xbf" if layout.marked else b"")
        if layout.title is not None:
            file.stream.write(f"{layout.title}\r\n".encode(layout.encoding))
        file.stream.write(_line(list(layout.header), layout))
        return file

    def _new(self, kind: str, name: str, record: str) -> _File:
        path = self._folder(kind) / name
        stream = self._open.enter_context(path.open("wb", buffering=_BUFFER))
        file = self._files[kind, name] = _File(stream, self._tell(kind, name, record, 0))
        return file

    def _tell(self, kind: str, name: str, record: str, count: int) -> dict[str, Any]:
        told: dict[str, Any] = {"type": record, "url": f"{kind}/{name}", "count": count}
        self.told.setdefault(kind, []).append(told)
        return told

    def _folder(self, kind: str) -> Path:
        folder = self.staging / kind
        folder.mkdir(exist_ok=True)
        return folder


def money(cents: int, *, decimal: str = ".", thousands: str = "") -> str:
    """An amount as a system writes it."""
    whole, rest = divmod(cents, 100)
    grouped = f"{whole:,}".replace(",", thousands)
    return f"{grouped}{decimal}{rest:02}"


def _line(cells: Cells, layout: Layout) -> bytes:
    text = layout.delimiter.join(_quoted(cell, layout.delimiter) for cell in cells)
    return f"{text}\r\n".encode(layout.encoding)


def _quoted(cell: str, delimiter: str) -> str:
    if delimiter in cell or '"' in cell or "\n" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _footer(file: _File, layout: Layout) -> bytes:
    label, place = layout.total or ("", 0)
    cells = [""] * len(layout.header)
    cells[0] = label
    cells[place] = money(file.cents, decimal=layout.decimal)
    return _line(cells, layout)
