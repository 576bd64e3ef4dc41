"""Tokens and digests."""

import hashlib
import hmac

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.protect import LocalKeyStore, LocalTokenizer

TEXTS = st.lists(st.none() | st.text(max_size=40), max_size=30)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A fresh local key store."""
    return LocalKeyStore.create(tmp_path_factory.mktemp("lake") / "keys")


@pytest.fixture(scope="module")
def tokenizer(keys):
    """A tokenizer over the store."""
    return LocalTokenizer(keys)


@settings(deadline=None)
@given(values=TEXTS, domain=st.sampled_from(["patient", "identifier", ""]))
def test_tokens_are_hmac_sha256(keys, tokenizer, values, domain):
    """A token is the first 16 bytes, in hex, of the HMAC-SHA256 under the domain's key; null stays null."""
    key = HKDFExpand(SHA256(), 32, info=b"a360 token domain " + domain.encode()).derive(keys.secret("tokens"))
    expected = [
        None if value is None else hmac.digest(key, value.encode(), "sha256")[:16].hex() for value in values
    ]
    tokens = tokenizer.tokens(domain, pa.array(values, pa.string()))
    assert tokens.type == pa.string()
    assert tokens.to_pylist() == expected


@settings(deadline=None)
@given(values=st.lists(st.none() | st.binary(max_size=40), max_size=30))
def test_digests_are_keyed_blake2b(keys, tokenizer, values):
    """A digest is BLAKE2b of 16 bytes under the store's digest key, in hex; null stays null."""
    expected = [
        None
        if value is None
        else hashlib.blake2b(value, digest_size=16, key=keys.secret("digests")).hexdigest()
        for value in values
    ]
    assert tokenizer.digests(pa.array(values, pa.binary())).to_pylist() == expected


@settings(deadline=None)
@given(values=TEXTS, cut=st.integers(0, 30))
def test_the_shape_of_the_array_does_not_matter(tokenizer, values, cut):
    """Chunks, slices, dictionaries and wide or view strings give the same tokens and digests."""
    plain = pa.array(values, pa.string())
    shapes = [
        pa.chunked_array([plain[:cut], plain[cut:]], pa.string()),
        pa.concat_arrays([pa.array(["before"]), plain])[1:],
        plain.cast(pa.large_string()),
        plain.cast(pa.string_view()),
        plain.dictionary_encode(),
    ]
    for shape in shapes:
        assert tokenizer.tokens("patient", shape).equals(tokenizer.tokens("patient", plain))
        assert tokenizer.digests(shape).equals(tokenizer.digests(plain))


def test_no_values_at_all(tokenizer):
    """Empty and all-null arrays give empty and all-null tokens."""
    assert tokenizer.tokens("patient", pa.array([], pa.string())).to_pylist() == []
    assert tokenizer.tokens("patient", pa.nulls(2)).to_pylist() == [None, None]
    assert tokenizer.digests(pa.nulls(2, pa.string())).to_pylist() == [None, None]


def test_domains_are_unrelated(tokenizer, tmp_path):
    """The same value has different tokens in two domains, and in two lakes."""
    value = pa.array(["same"])
    other = LocalTokenizer(LocalKeyStore.create(tmp_path / "keys"))
    tokens = {
        tokenizer.tokens("patient", value)[0].as_py(),
        tokenizer.tokens("identifier", value)[0].as_py(),
        other.tokens("patient", value)[0].as_py(),
    }
    assert len(tokens) == 3


def test_numbers_are_refused(tokenizer):
    """Only text and bytes have tokens: how a number is written is the caller's choice."""
    with pytest.raises(TypeError, match="int64"):
        tokenizer.tokens("patient", pa.array([1]))
