"""Looks for texts in every file below a folder, in its bytes and in what its format packs away."""

import gzip
import io
import re
import sqlite3
import zlib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import zstandard

_AVRO, _PARQUET, _SQLITE = b"Obj\x01", b"PAR1", b"SQLite format 3\x00"
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def found_below(folder, texts):
    """Which of the texts occur below a folder, each with the files that hold it; names of files count."""
    spellings = {}
    for text in texts:
        for form in (text.encode(), text.encode("utf-16-le"), text.encode().hex().encode()):
            spellings[form] = text
    lower = {form.lower(): text for form, text in spellings.items()}
    pattern = re.compile(b"|".join(map(re.escape, lower)))
    # texts that are alike begin alike, so that few beginnings rule most files out
    beginnings = {form[:6] for form in lower}
    found = {}
    for path in sorted(folder.rglob("*")):
        pieces = [str(path.relative_to(folder)).encode()]
        if path.is_file():
            pieces += contents(path)
        for piece in map(bytes.lower, pieces):
            if any(beginning in piece for beginning in beginnings):
                for match in pattern.findall(piece):
                    found.setdefault(lower[match], set()).add(path.name)
    return found


def contents(path):
    """The bytes of a file, and those that come out of it when it is read as what it is."""
    raw = path.read_bytes()
    yield raw
    if raw.startswith(_PARQUET):
        yield from _parquet(raw)
    elif raw.startswith(_AVRO):
        yield from _avro(raw)
    elif raw.startswith(_SQLITE):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            yield "\n".join(database.iterdump()).encode()
        database.close()
    elif raw.startswith(_GZIP):
        yield gzip.decompress(raw)
    elif raw.startswith(_ZSTD):
        yield zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw)).read()


def _parquet(raw):
    """All values of all columns, and the least and greatest that statistics tell."""
    file = pq.ParquetFile(io.BytesIO(raw))
    table = file.read()
    for column in table.columns:
        kind = column.type
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            yield b"\n".join(value for value in column.to_pylist() if value is not None)
        else:
            values = pc.cast(column, pa.large_string()).drop_null().to_pylist()
            yield "\n".join(values).encode()
    for group in range(file.metadata.num_row_groups):
        for place in range(file.metadata.num_columns):
            statistics = file.metadata.row_group(group).column(place).statistics
            if statistics is not None and statistics.has_min_max:
                yield f"{statistics.min} {statistics.max}".encode()


def _avro(raw):
    """The metadata and the unpacked blocks of an object container file (Avro 1.11)."""
    stream = io.BytesIO(raw[len(_AVRO) :])
    header = {}
    while count := _long(stream):
        if count < 0:
            count = -count
            _long(stream)
        for _ in range(count):
            name = _bytes(stream)
            header[name] = _bytes(stream)
    yield b"\n".join(header.values())
    stream.read(16)
    while stream.tell() < len(raw) - len(_AVRO):
        _long(stream)
        block = _bytes(stream)
        stream.read(16)
        yield zlib.decompress(block, -15) if header.get(b"avro.codec") == b"deflate" else block


def _long(stream):
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return (value >> 1) ^ -(value & 1)


def _bytes(stream):
    return stream.read(_long(stream))
