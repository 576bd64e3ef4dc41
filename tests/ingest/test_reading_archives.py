"""Packed files: recognised by content, unpacked in bounded memory, read as far as they go."""

import gzip
import random
import subprocess
import sys
import zlib

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.ingest import Limits

LINES = [b'{"resourceType":"Basic","id":"%d","x":"%d"}' % (at, at * 7919 % 1000003) for at in range(3000)]
TEXT = b"\n".join(LINES) + b"\n"


def _seekable_skip(size):
    """A skippable Zstandard frame."""
    return b"\x50\x2a\x4d\x18" + size.to_bytes(4, "little") + bytes(size)


PACKED = {
    "plain": TEXT,
    "gzip": gzip.compress(TEXT),
    "gzip members": gzip.compress(TEXT[:5000]) + gzip.compress(b"") + gzip.compress(TEXT[5000:]),
    "gzip padding": gzip.compress(TEXT) + bytes(512),
    "zstd": zstandard.compress(TEXT),
    "zstd frames": zstandard.compress(TEXT[:5000]) + zstandard.compress(TEXT[5000:]),
    "zstd skippable": _seekable_skip(20) + zstandard.compress(TEXT) + _seekable_skip(3),
}
_stream = zstandard.ZstdCompressor(level=19).compressobj()
PACKED["zstd stream"] = _stream.compress(TEXT) + _stream.flush()


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("name", ["Basic.ndjson", "Basic.ndjson.gz", "Basic.ndjson.zst"])
def test_packing_is_known_by_content(read, tmp_path, packing, name):
    """How a file is packed is told by its bytes, not by its name."""
    path = tmp_path / name
    path.write_bytes(PACKED[packing])
    outcome = read(path)
    assert outcome.texts == LINES
    assert outcome.refused == []


@pytest.mark.parametrize("packing", [each for each in PACKED if each != "plain"])
@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.01, 0.99))
def test_a_cut_archive_lands_as_far_as_it_goes(read, tmp_path_factory, packing, share):
    """Of an archive cut anywhere, a prefix of the lines lands; if lines are lost, one refusal says so."""
    path = tmp_path_factory.mktemp("cut") / "Basic.ndjson"
    whole = PACKED[packing].rstrip(b"\0")
    path.write_bytes(whole[: max(8, int(len(whole) * share))])
    outcome = read(path, limits=Limits(chunk_bytes=1000))
    landed = outcome.texts
    assert landed == LINES[: len(landed)]
    if len(landed) < len(LINES):
        assert len(outcome.rules) <= 1
        if outcome.rules:
            assert outcome.rules[0][0] in ("broken-archive", "unknown-format")
            assert outcome.rules[0][1] in (0, sum(len(each) + 1 for each in landed))
    assert outcome.read == len(landed) + len(outcome.refused)


def test_a_cut_gzip_gives_every_whole_line(read, tmp_path):
    """What zlib can still unpack of a cut archive is all there."""
    packed = PACKED["gzip"][: len(PACKED["gzip"]) // 2]
    path = tmp_path / "Basic.ndjson.gz"
    path.write_bytes(packed)
    readable = zlib.decompressobj(wbits=31).decompress(packed)
    outcome = read(path)
    whole, _, rest = readable.rpartition(b"\n")
    assert outcome.texts == whole.split(b"\n")
    assert outcome.rules == [("broken-archive", len(whole) + 1)]
    assert outcome.refused[0][1].raw == rest


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_damaged_archive(read, tmp_path, packing):
    """Damage in the middle is one refusal behind what came before it."""
    packed = bytearray(PACKED[packing])
    middle = len(packed) // 2
    packed[middle : middle + 64] = random.Random(1).randbytes(64)
    path = tmp_path / "Basic.ndjson"
    path.write_bytes(packed)
    outcome = read(path)
    landed = [each for each in outcome.texts if each in set(LINES)]
    assert "broken-archive" in [rule for rule, _ in outcome.rules]
    assert len(landed) < len(LINES)


def test_garbage_behind_an_archive(read, tmp_path):
    """Bytes behind the last member that are no archive are one refusal."""
    path = tmp_path / "Basic.ndjson.gz"
    path.write_bytes(PACKED["gzip"] + b"garbage")
    outcome = read(path)
    assert outcome.texts == LINES
    assert outcome.rules == [("broken-archive", len(TEXT))]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04...", "zip"),
        (b"PAR1....", "Parquet"),
        (b"BZh91AY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        ('{"resourceType":"Basic"}'.encode("utf-16"), "UTF-16"),
        (b"<Patient xmlns='http://hl7.org/fhir'/>", "XML"),
        (b"\x7fELF\x02\x01\x01\x00\x00", "binary"),
        (gzip.compress(b"PK\x03\x04...", mtime=0), "zip"),
    ],
)
def test_other_formats_are_named(read, tmp_path, content, words):
    """A file of another format is one refused unit that says what it looks like."""
    path = tmp_path / "Basic.ndjson"
    path.write_bytes(content)
    outcome = read(path)
    assert (outcome.read, outcome.rules) == (1, [("unknown-format", 0)])
    assert words in outcome.refused[0][1].reason


_PEAK = """
import resource, sys
from pathlib import Path
from a360.ingest import Limits
from a360.ingest._envelope import Identity
from a360.ingest._inputs import find_inputs
from a360.ingest._work import Finished, portions, work
from a360.protect import LocalKeyStore, LocalTokenizer

folder, path = map(Path, sys.argv[1:])
identity = Identity(LocalTokenizer(LocalKeyStore.create(folder / "keys")), "s")
files = find_inputs([path]).files
grace = {"slow.zst": 10**12, "lines.zst": 2**25}.get(path.name, 2**28)
limits = Limits(inflation_grace_bytes=grace)

def before():
    good = folder / "good.ndjson"
    good.write_bytes(b'{"resourceType":"Basic","id":"1"}\\n' * 10)
    run(find_inputs([good]).files, limits)

def run(files, limits):
    rules = []
    found = 0
    for portion in portions(files, range(len(files)), limits):
        if not isinstance(portion, Finished):
            worked = work(portion, files, identity, limits)
            found += len(worked.envelope)
            rules += [each.rule.value for each in worked.refused]
    return found, rules

before()
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found, rules = run(files, limits)
unit = 1 if sys.platform == "darwin" else 1024
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base) * unit
print(found, ",".join(rules), grown // 2**20)
"""


def _bomb(size, line=b""):
    """Zstandard that unpacks to this size."""
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    chunk = (line or b"0") * (2**20 // len(line or b"0"))
    return b"".join([packer.compress(chunk) for _ in range(size // 2**20)]) + packer.flush()


def _gzip_bomb(size):
    """Gzip that unpacks to this size."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([packer.compress(bytes([48]) * 2**20) for _ in range(size // 2**20)]) + packer.flush()


def _deep(size):
    """A line that is nested this deep and never closed."""
    return b'{"resourceType":"Basic","id":"b","x":' + b"[" * size + b"\n"


@pytest.mark.faults
@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("bomb.zst", lambda: _bomb(2**30), "archive-bomb"),
        ("bomb.gz", lambda: _gzip_bomb(2**29), "archive-bomb"),
        ("slow.zst", lambda: _bomb(2**29), "too-long"),
        ("lines.zst", lambda: _bomb(2**29, b'{"resourceType":"Basic","id":"1"}\n'), "archive-bomb"),
        ("deep.ndjson", lambda: _deep(10**7), "not-json"),
        ("long.ndjson", lambda: b"{" + b'"a":"' + b"y" * 10**8, "too-long"),
    ],
)
def test_bombs_go_off_in_bounded_memory(tmp_path, name, make, expected):
    """Archives, lines and nestings without end are refused within a few hundred megabytes."""
    path = tmp_path / name
    path.write_bytes(make())
    answer = subprocess.run(
        [sys.executable, "-c", _PEAK, str(tmp_path), str(path)], capture_output=True, text=True, check=True
    )
    found, rules, grown = answer.stdout.split(" ")
    assert expected in rules.split(",") or (expected == "not-json" and "too-deep" in rules)
    assert int(grown) < 300, f"grew by {grown} MB, {found} found"
