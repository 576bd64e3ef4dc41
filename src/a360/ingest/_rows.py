"""Rows: the resources of one batch as spans of a single text, ready for columnar work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from a360.ingest._bundle import Deletion, Filtered, Found, Unit, deletion_of, expand
from a360.ingest._decode import Fault, Head, decode_heads
from a360.ingest._inputs import Input, Role
from a360.ingest._limits import Limits
from a360.ingest._rules import Refused, Rule, too_long
from a360.ingest._text import Segment
from a360.records import byte_places, is_utf8, joined

type Bytes = npt.NDArray[np.uint8]
type Ints = npt.NDArray[np.int64]
type Mask = npt.NDArray[np.bool_]

_NEWLINE: Final = 10
_WHITE: Final = np.isin(np.arange(256), np.frombuffer(b" \t\r", dtype=np.uint8))


@dataclass(frozen=True, slots=True)
class Rows:
    """Resources as spans of `text`; a newline stands behind each. `order` is their place in the batch.

    `aliases` says by which URLs patients go in their Bundles, where those do not tell their ids.
    """

    text: Bytes
    starts: Ints
    ends: Ints
    order: Ints
    file: Ints
    offset: Ints
    types: pa.Array | None = None
    ids: pa.Array | None = None
    full_urls: pa.Array | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.starts)

    def texts(self) -> list[memoryview]:
        """The text of each row, without copying."""
        view = memoryview(self.text)
        return list(
            map(view.__getitem__, starmap(slice, zip(self.starts.tolist(), self.ends.tolist(), strict=True)))
        )

    def raw(self, place: int) -> bytes:
        """The text of one row."""
        return self.text[self.starts[place] : self.ends[place]].tobytes()

    def keep(self, mask: Mask) -> "Rows":
        """The rows of the mask, over the same text."""
        chosen = pa.array(mask)
        arrays = {name: getattr(self, name)[mask] for name in ("starts", "ends", "order", "file", "offset")}
        columns = {name: getattr(self, name) for name in ("types", "ids", "full_urls")}
        return replace(
            self, **arrays, **{name: each and each.filter(chosen) for name, each in columns.items()}
        )


@dataclass(slots=True)
class Batch:
    """What became of the input units of one batch; `read` counts them by file, as they stood in the input."""

    rows: Rows
    read: Ints
    filtered: Ints
    deletions: list[tuple[int, Deletion]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def refuse(self, faults: Mapping[int, Fault], kept_bytes: int) -> None:
        """Take the rows at these places out, with the reason and the bytes."""
        if not faults:
            return
        rows, mask = self.rows, np.ones(len(self.rows), dtype=np.bool_)
        for place, fault in faults.items():
            mask[place] = False
            raw = rows.raw(place)
            kept = raw[:kept_bytes] if fault.rule is Rule.TOO_LONG else raw
            where = int(rows.file[place]), int(rows.offset[place])
            self.refused.append(Refused(*where, fault.rule, fault.reason, kept))
        self.rows = rows.keep(mask)


def rows_of_segments(segments: Sequence[Segment], files: Sequence[Input], limits: Limits) -> Batch:
    """Split lines, decode their heads, and unfold those that are Bundles or deletions."""
    lines = split_lines(segments)
    read = np.bincount(lines.file, minlength=len(files))
    batch = Batch(lines, read, np.zeros_like(read))
    batch.refuse(_too_long(lines, limits), limits.kept_bytes)
    batch.refuse(_not_utf8(batch.rows), limits.kept_bytes)
    heads, faults = decode_heads(batch.rows.texts())
    batch.rows = _with_heads(batch.rows, heads)
    if _are_folded(batch.rows, [files[each] for each in {segment.file for segment in segments}]):
        return _unfold(batch, heads, faults, files)
    batch.refuse(faults, limits.kept_bytes)
    return batch


def rows_of_units(units: Sequence[Unit], files: int) -> Batch:
    """Put the units of Bundles and documents together, each counted where it stood."""
    read = np.bincount(np.array([unit.file for unit in units], dtype=np.int64), minlength=files)
    left_out = np.array([unit.file for unit in units if isinstance(unit, Filtered)], dtype=np.int64)
    places = [place for place, unit in enumerate(units) if isinstance(unit, Found)]
    rows = _joined([unit for unit in units if isinstance(unit, Found)], places)
    batch = Batch(rows, read, np.bincount(left_out, minlength=files))
    batch.refused = [unit for unit in units if isinstance(unit, Refused)]
    batch.deletions = [(place, unit) for place, unit in enumerate(units) if isinstance(unit, Deletion)]
    return batch


def split_lines(segments: Sequence[Segment]) -> Rows:
    """The lines of segments that are not blank, as spans without the white space around them."""
    joined = segments[0].text if len(segments) == 1 else bytearray().join(each.text for each in segments)
    text = np.frombuffer(joined, dtype=np.uint8)
    ends = byte_places(text, _NEWLINE)
    starts = np.empty_like(ends)
    starts[:1], starts[1:] = 0, ends[:-1] + 1
    _trim(text, starts, ends)
    kept = starts < ends
    starts, ends = starts[kept], ends[kept]
    # White space behind a line gives way to the newline that every row ends with.
    text[ends] = _NEWLINE
    bases = np.cumsum([0, *(len(each.text) for each in segments[:-1])])
    counts = np.diff(np.append(np.searchsorted(starts, bases), len(starts)))
    file = np.repeat(np.array([each.file for each in segments]), counts)
    shift = np.repeat(np.array([each.offset for each in segments]) - bases, counts)
    return Rows(text, starts, ends, np.arange(len(starts)), file, starts + shift)


def _trim(text: Bytes, starts: Ints, ends: Ints) -> None:
    """Move the ends, then the starts, of spans past white space, in place; usually there is none."""
    for edges, step, at in ((ends, -1, -1), (starts, 1, 0)):
        places = np.flatnonzero(starts < ends)
        while len(places):
            places = places[_WHITE[text[edges[places] + at]]]
            edges[places] += step
            places = places[starts[places] < ends[places]]


def _too_long(rows: Rows, limits: Limits) -> dict[int, Fault]:
    lengths = rows.ends - rows.starts
    faults = {}
    for place in np.flatnonzero(lengths > limits.line_bytes).tolist():
        head = rows.raw(place)[: limits.kept_bytes]
        faults[place] = Fault(Rule.TOO_LONG, too_long(int(lengths[place]), limits.line_bytes, head))
    return faults


def _not_utf8(rows: Rows) -> dict[int, Fault]:
    if is_utf8(rows.text):
        return {}
    fault = Fault(Rule.NOT_UTF8, "bytes that are not UTF-8")
    return {place: fault for place in range(len(rows)) if not is_utf8(rows.raw(place))}


def _are_folded(rows: Rows, files: Sequence[Input]) -> bool:
    """Whether there are rows that stand for others: Bundles, or lists of what was deleted."""
    deleted = any(file.role is Role.DELETED for file in files)
    return deleted or pc.index(rows.types, "Bundle").as_py() >= 0


def _with_heads(rows: Rows, heads: Sequence[Head | None]) -> Rows:
    types = pa.array([head.resource_type if head else None for head in heads], pa.string())
    return replace(
        rows, types=types, ids=pa.array([head.id if head else None for head in heads], pa.string())
    )


def _unfold(
    batch: Batch, heads: Sequence[Head | None], faults: Mapping[int, Fault], files: Sequence[Input]
) -> Batch:
    """The batch with Bundles and deletions in their lines' place, each of their entries a unit of its own."""
    units: list[Unit] = []
    rows = batch.rows
    for place, head in enumerate(heads):
        file, offset, text = int(rows.file[place]), int(rows.offset[place]), rows.raw(place)
        if head is None:
            units.append(Refused(file, offset, faults[place].rule, faults[place].reason, text))
        elif head.resource_type == "Bundle":
            units += expand(file, offset, text, files[file].told_at)
        elif files[file].role is Role.DELETED:
            units.append(deletion_of(file, offset, text, head, files[file].told_at))
        else:
            units.append(Found(file, offset, text, head))
    unfolded = rows_of_units(units, len(files))
    refused = np.array([each.file for each in batch.refused], dtype=np.int64)
    unfolded.read += np.bincount(refused, minlength=len(files))
    unfolded.refused += batch.refused
    return unfolded


def _joined(found: Sequence[Found], places: Sequence[int]) -> Rows:
    rows = Rows(
        *joined([each.text for each in found]),
        np.array(places, dtype=np.int64),
        np.array([each.file for each in found], dtype=np.int64),
        np.array([each.offset for each in found], dtype=np.int64),
        full_urls=pa.array([each.full_url for each in found], pa.string()),
        aliases=_merged({id(each.aliases): each.aliases for each in found}.values()),
    )
    return _with_heads(rows, [each.head for each in found])


def _merged(aliases: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {url: patient for each in aliases for url, patient in each.items()}
