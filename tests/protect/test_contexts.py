"""Sealed blocks, and the contexts of what is sealed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.errors import OperatorError
from a360.protect import LocalKeyStore, LocalSealer, open_block, path_context, quarantine_context, seal_block


@pytest.fixture(scope="module")
def sealer(tmp_path_factory):
    """A sealer over a fresh local key store."""
    return LocalSealer(LocalKeyStore.create(tmp_path_factory.mktemp("lake") / "keys"))


@settings(deadline=None)
@given(text=st.binary(max_size=5000))
def test_blocks_open_as_they_were_sealed(sealer, text):
    """A block opens to its text under its own id, and under no other."""
    sealed = seal_block(sealer.batch(), "b-1", memoryview(text))
    assert open_block(sealer, "b-1", sealed) == text
    with pytest.raises(OperatorError) as caught:
        open_block(sealer, "b-2", sealed)
    assert caught.value.code.slug == "seal-broken"


def test_what_is_no_block_is_said(sealer):
    """Sealed bytes that hold no compressed block are told apart from a broken program."""
    with pytest.raises(OperatorError) as caught:
        open_block(sealer, "b", sealer.batch().seal(b"not compressed", b"b"))
    assert caught.value.code.slug == "seal-broken"


def test_rows_have_their_own_context():
    """The contexts of two rows differ wherever the rows do."""
    contexts = {
        quarantine_context("quarantine.fhir_resource", "c", "file", 1),
        quarantine_context("quarantine.fhir_resource", "c", "file", 2),
        quarantine_context("quarantine.fhir_resource", "c", "other", 1),
        quarantine_context("quarantine.fhir_resource", "d", "file", 1),
        quarantine_context("quarantine.patient", "c", "file", 1),
        path_context("c", "digest"),
        path_context("d", "digest"),
    }
    assert len(contexts) == 7
