"""Tokenizers and sealers on their way to another process."""

import pickle
import subprocess
import sys

import pyarrow as pa
import pytest

from a360.errors import OperatorError, UsageError
from a360.protect import LocalKeyStore, LocalSealer, LocalTokenizer, open_key_store


@pytest.fixture
def keys(tmp_path):
    """A fresh local key store, in a folder whose name a URL has to encode."""
    return LocalKeyStore.create(tmp_path / "a lake%20é" / "keys")


def secrets_of(keys, key_id, folder):
    """The bytes that must be nowhere but in the key folder and in memory."""
    domain_keys = LocalTokenizer(keys)
    domain_keys.tokens("patient", pa.array(["x"]))
    return [
        (folder / "master.key").read_bytes(),
        keys._opened.root,
        *keys._opened.pack_keys.values(),
        keys.data_key(key_id),
        keys.secret("tokens"),
        keys.secret("digests"),
        *domain_keys._domains.values(),
    ]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_holds_no_key(keys, protocol):
    """What is pickled of tokenizers, sealers and key stores has no byte string that is a key."""
    tokenizer, sealer = LocalTokenizer(keys), LocalSealer(keys)
    tokenizer.tokens("patient", pa.array(["x"]))
    batch = sealer.batch()
    pickled = pickle.dumps((keys, tokenizer, sealer, batch), protocol)
    for secret in secrets_of(keys, batch.key_id, keys._folder):
        assert len(secret) >= 32
        # An eighth of a key would be too much of it; protocol 0 writes bytes as text.
        assert secret[:4] not in pickled
        assert secret[:4].hex().encode() not in pickled
        assert repr(secret[:4])[2:-1].encode() not in pickled


ELSEWHERE = """
import pickle, sys
import pyarrow as pa

tokenizer, sealer, batch, sealed = pickle.load(sys.stdin.buffer)
plain = sealer.unseal(sealed, b"here")
tokens = tokenizer.tokens("patient", pa.array(["a", None])).to_pylist()
digests = tokenizer.digests(pa.array(["a"])).to_pylist()
pickle.dump((plain, tokens, digests, batch.key_id, batch.seal(b"there", b"here")), sys.stdout.buffer)
"""


def test_another_process_has_the_same_keys(keys):
    """What is unpickled elsewhere opens what was sealed here, and has the same tokens and keys."""
    tokenizer, sealer = LocalTokenizer(keys), LocalSealer(keys)
    batch = sealer.batch()
    given = pickle.dumps((tokenizer, sealer, batch, batch.seal(b"secret", b"here")))
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], input=given, capture_output=True, check=True)
    plain, tokens, digests, key_id, sealed = pickle.loads(done.stdout)
    assert plain == b"secret"
    assert tokens == tokenizer.tokens("patient", pa.array(["a", None])).to_pylist()
    assert digests == tokenizer.digests(pa.array(["a"])).to_pylist()
    assert key_id == batch.key_id
    assert sealer.unseal(sealed, b"here") == b"there"


def test_a_destroyed_key_is_gone_elsewhere_too(keys):
    """A sealer under a key that was destroyed does not come out of its pickle."""
    sealer = LocalSealer(keys)
    batch = sealer.batch()
    pickled = pickle.dumps(batch)
    sealer.destroy(batch.key_id)
    with pytest.raises(OperatorError) as failure:
        pickle.loads(pickled)
    assert failure.value.code.slug == "key-destroyed"


@pytest.mark.parametrize("url", ["https://keys.example/x", "keys", "file://elsewhere/keys", ""])
def test_only_key_folders_of_this_machine_open(url):
    """A URL that names no key folder here is refused, and nothing is asked of the network."""
    with pytest.raises(UsageError):
        open_key_store(url)
