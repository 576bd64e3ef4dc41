"""Objects: whole or not at all, sealed in every frame, and never another's."""

import errno
import os
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.errors import OperatorError
from a360.failpoints import FailpointError
from a360.objects import Kept, ObjectStore
from a360.protect import LocalKeyStore, LocalSealer

NAME, OTHER = "ab" * 16, "cd" * 16
PHRASE = b"Jane-Okafor-planted"


@pytest.fixture(scope="module")
def sealer(tmp_path_factory):
    """A sealer over keys of its own."""
    return LocalSealer(LocalKeyStore.create(tmp_path_factory.mktemp("keys") / "keys"))


@pytest.fixture
def store(tmp_path, sealer):
    """An empty store."""
    return ObjectStore(tmp_path / "objects", sealer)


def kept(served=PHRASE * 9, patches=((3, PHRASE, b"x"),)):
    """A file as it is kept."""
    return Kept("image/png", served, patches)


def read(store, name=NAME):
    """What comes out of an object: what is told of it, and the file as served."""
    with store.opened(name) as reader:
        return reader.told, b"".join(reader.served())


@given(
    st.binary(max_size=300),
    st.lists(st.tuples(st.integers(0, 50), st.binary(max_size=9), st.binary(max_size=9))),
)
@settings(max_examples=60, deadline=None)
def test_an_object_gives_back_what_was_put_in(tmp_path_factory, sealer, original, changes):
    """The file as served, and the file as received, come back byte for byte."""
    store = ObjectStore(tmp_path_factory.mktemp("store"), sealer)
    patches, served, at = [], b"", 0
    for gap, taken, given_ in changes:
        start = at + gap
        if start + len(taken) > len(original):
            break
        patches.append((start, original[start : start + len(taken)], given_))
        served += original[at:start] + given_
        at = start + len(taken)
    served += original[at:]
    store.put(NAME, Kept("image/png", served, patches), sealer.batch(), "batch")
    assert read(store)[1] == served
    with store.opened(NAME) as reader:
        assert b"".join(reader.received()) == original


def test_a_large_object_is_sealed_in_chunks(store, sealer):
    """A file of several chunks comes back whole, and no chunk of it lies in clear."""
    large = os.urandom(1 << 10) * 3000
    store.put(NAME, kept(large, ()), sealer.batch(), "batch")
    told, served = read(store)
    assert served == large
    assert told.chunks == 3
    [file] = store.files()
    assert large[:64] not in file.path.read_bytes()


def test_nothing_of_an_object_lies_in_clear(store, sealer, tmp_path):
    """Neither a file nor what was taken out of it is on the disk in clear, and only the owner may read it."""
    store.put(NAME, kept(), sealer.batch(), "batch")
    [file] = store.files()
    assert PHRASE not in file.path.read_bytes()
    assert file.path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "objects").stat().st_mode & 0o077 == 0


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_changed_object_does_not_open(tmp_path_factory, sealer, data):
    """Whatever byte is changed, cut off, or frame left out or doubled, an object is refused as broken."""
    store = ObjectStore(tmp_path_factory.mktemp("store"), sealer)
    store.put(NAME, kept(b"x" * 2_100_000, ()), sealer.batch(), "batch")
    [file] = store.files()
    raw = file.path.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    change = data.draw(st.sampled_from(["flip", "cut", "without a frame", "frame twice", "swapped"]))
    frames = _frames(raw)
    changed = {
        "flip": raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :],
        "cut": raw[:at],
        "without a frame": b"".join([*frames[:2], *frames[3:]]),
        "frame twice": b"".join([*frames[:3], *frames[2:]]),
        "swapped": b"".join([*frames[:2], frames[3], frames[2], *frames[4:]]),
    }[change]
    file.path.write_bytes(changed)
    with pytest.raises(OperatorError) as raised:
        read(store)
    assert raised.value.code.slug in {"seal-broken", "key-missing"}


def _frames(raw):
    at = 5 + raw[4]
    frames = [raw[:at]]
    while at < len(raw):
        (length,) = struct.unpack_from(">I", raw, at)
        frames.append(raw[at : at + 4 + length])
        at += 4 + length
    return frames


def test_an_object_under_anothers_name_does_not_open(store, sealer):
    """A file put in another's place is refused: its name is part of what is sealed."""
    store.put(NAME, kept(), sealer.batch(), "batch")
    store.put(OTHER, kept(), sealer.batch(), "batch")
    one, other = sorted(store.files(), key=lambda file: str(file.name))
    other.path.write_bytes(one.path.read_bytes())
    assert read(store, NAME)
    with pytest.raises(OperatorError):
        read(store, OTHER)


def test_a_process_that_dies_leaves_the_old_object_or_none(store, sealer, monkeypatch):
    """Cut short while it writes, a store holds what it held, and no half of an object."""
    monkeypatch.setenv("A360_FAILPOINTS", "objects.put.before-close=raise")
    with pytest.raises(FailpointError):
        store.put(NAME, kept(), sealer.batch(), "batch")
    assert not store.holds(NAME)
    assert list(store.files()) == []
    monkeypatch.delenv("A360_FAILPOINTS")
    store.put(NAME, kept(), sealer.batch(), "first")
    monkeypatch.setenv("A360_FAILPOINTS", "objects.put.before-close=raise")
    with pytest.raises(FailpointError):
        store.put(NAME, kept(b"new"), sealer.batch(), "second")
    assert read(store)[1] == kept().served


def test_a_full_disk_is_told_and_leaves_nothing(store, sealer, monkeypatch):
    """Where the disk is full the call fails with what to do, and no part of the object stays."""

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    batch = sealer.batch()
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OperatorError) as raised:
        store.put(NAME, kept(), batch, "batch")
    assert raised.value.code.slug == "environment-unfit"
    monkeypatch.undo()
    assert list(store.files()) == []


def test_names_that_are_no_digests_reach_nothing(store):
    """A name that climbs out of the store is refused before any file is looked at."""
    for name in ("../../keys/master", "", "AB" * 16, "ab/" * 8):
        with pytest.raises(OperatorError):
            store.holds(name)


def test_leftovers_are_told_apart_from_objects(store, sealer, tmp_path):
    """What a process that died left behind is listed without a name; an object tells its batch."""
    store.put(NAME, kept(), sealer.batch(), "batch-7")
    (tmp_path / "objects/ab/a360-0123456789abcdef.tmp").write_bytes(b"half")
    assert {(file.name, file.batch) for file in store.files()} == {(NAME, "batch-7"), (None, None)}
    assert store.batch(NAME) == "batch-7"
    assert store.batch(OTHER) is None
