"""Seals."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.errors import OperatorError
from a360.protect import LocalKeyStore, LocalSealer


@pytest.fixture(scope="module")
def sealer(tmp_path_factory):
    """A sealer over a fresh local key store."""
    return LocalSealer(LocalKeyStore.create(tmp_path_factory.mktemp("lake") / "keys"))


@settings(deadline=None)
@given(plain=st.binary(max_size=4096), context=st.binary(max_size=64))
def test_what_is_sealed_opens(sealer, plain, context):
    """Sealed bytes open to what was sealed, hold none of it, and differ each time."""
    batch = sealer.batch()
    one, two = batch.seal(plain, context), batch.seal(plain, context)
    assert sealer.unseal(one, context) == sealer.unseal(two, context) == plain
    assert one != two
    assert len(plain) < 4 or plain not in one[32:]


@settings(deadline=None)
@given(data=st.data(), plain=st.binary(min_size=1, max_size=64))
def test_any_change_breaks_the_seal(sealer, data, plain):
    """A flipped bit, a cut, another context: nothing but the bytes that were sealed opens."""
    sealed = sealer.batch().seal(plain, b"here")
    at = data.draw(st.integers(0, len(sealed) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    flipped = sealed[:at] + bytes([sealed[at] ^ bit]) + sealed[at + 1 :]
    for bad, context in (
        (flipped, b"here"),
        (sealed[:at], b"here"),
        (sealed, b"there"),
        (sealed + b"x", b"here"),
    ):
        with pytest.raises(OperatorError) as caught:
            sealer.unseal(bad, context)
        assert caught.value.code.slug in {"seal-broken", "key-missing"}


@settings(deadline=None)
@given(
    plain=st.lists(st.tuples(st.binary(max_size=64), st.binary(max_size=8), st.integers(0, 2)), max_size=20)
)
def test_many_open_as_one_by_one(sealer, plain):
    """Sealed bytes that are opened together open as each does alone, in their order, whatever their keys."""
    batches = sealer.batches(3)
    sealed = [batches[at].seal(each, context) for each, context, at in plain]
    contexts = [context for _, context, _ in plain]
    alone = [sealer.unseal(each, context) for each, context in zip(sealed, contexts, strict=True)]
    assert sealer.unseal_all(sealed, contexts) == alone == [each for each, _, _ in plain]


def test_together_none_opens_where_one_does_not(sealer):
    """Of sealed bytes that are opened together a changed one, or one whose key is destroyed, is an error."""
    one, two = sealer.batches(2)
    sealed = [one.seal(b"one", b"1"), two.seal(b"two", b"2")]
    with pytest.raises(OperatorError) as caught:
        sealer.unseal_all(sealed, [b"1", b"1"])
    assert caught.value.code.slug == "seal-broken"
    sealer.destroy(two.key_id)
    with pytest.raises(OperatorError) as caught:
        sealer.unseal_all(sealed, [b"1", b"2"])
    assert caught.value.code.slug == "key-destroyed"


def test_each_batch_has_its_own_key(sealer):
    """Destroying one batch's key closes that batch for good and leaves the others open."""
    one, two = sealer.batch(), sealer.batch()
    sealed_one, sealed_two = one.seal(b"one", b""), two.seal(b"two", b"")
    sealer.destroy(one.key_id)
    with pytest.raises(OperatorError) as caught:
        sealer.unseal(sealed_one, b"")
    assert caught.value.code.slug == "key-destroyed"
    assert sealer.unseal(sealed_two, b"") == b"two"


def test_sealed_bytes_name_their_key(sealer):
    """Sealed bytes begin with a magic, a version and the id of their key."""
    batch = sealer.batch()
    sealed = batch.seal(b"plain", b"context")
    assert sealed[:4] == b"A3S\x01"
    assert sealed[4:20].hex() == batch.key_id
