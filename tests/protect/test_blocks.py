"""Sealed blocks of lines."""

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.errors import OperatorError
from a360.protect import LocalKeyStore, LocalSealer, open_block, seal_block


@pytest.fixture(scope="module")
def sealer(tmp_path_factory):
    """A sealer over a fresh local key store."""
    return LocalSealer(LocalKeyStore.create(tmp_path_factory.mktemp("lake") / "keys"))


LINES = st.lists(st.binary(max_size=60).map(lambda line: line.replace(b"\n", b" ") + b"\n"), min_size=1)


@settings(deadline=None)
@given(lines=LINES, indexed=st.booleans())
def test_blocks_open_as_they_were_sealed(sealer, lines, indexed):
    """A block opens to its text and its line ends, with an index or without, and only under its own id."""
    lengths = np.array([len(line) for line in lines])
    sealed = seal_block(sealer.batch(), "b-1", memoryview(b"".join(lines)), lengths if indexed else None)
    block = open_block(sealer, "b-1", sealed)
    starts = [0, *block.ends[:-1]]
    assert [block.text[start:end] for start, end in zip(starts, block.ends, strict=True)] == lines
    with pytest.raises(OperatorError) as caught:
        open_block(sealer, "b-2", sealed)
    assert caught.value.code.slug == "seal-broken"


def test_what_is_no_block_is_said(sealer):
    """Sealed bytes that hold no compressed block are told apart from a broken program."""
    with pytest.raises(OperatorError) as caught:
        open_block(sealer, "b", sealer.batch().seal(b"not compressed", b"b"))
    assert caught.value.code.slug == "seal-broken"


def test_the_last_line_may_lack_its_newline(sealer):
    """A block whose text ends without a newline has its last line all the same."""
    block = open_block(sealer, "b", seal_block(sealer.batch(), "b", b"one\ntwo"))
    assert (block.text, block.ends.tolist()) == (b"one\ntwo\n", [4, 8])


@pytest.mark.parametrize(
    "trailer", [b"\xff\xff\xff\xffline", b"\x00\x00\x00\x00line", b"\x04\x00\x00\x00line"]
)
def test_what_only_looks_like_an_index_is_none(sealer, trailer):
    """Bytes behind the text that end like an index, and are none, do not keep a block from opening."""
    packed = zstandard.ZstdCompressor().compress(b"one\ntwo\n") + trailer
    block = open_block(sealer, "b", sealer.batch().seal(packed, b"b"))
    assert (block.text, block.ends.tolist()) == (b"one\ntwo\n", [4, 8])


def test_an_index_of_another_text_is_not_used(sealer):
    """Lengths that do not add up to the text are not believed."""
    block = open_block(sealer, "b", seal_block(sealer.batch(), "b", b"one\ntwo\n", np.array([4, 5])))
    assert block.ends.tolist() == [4, 8]
