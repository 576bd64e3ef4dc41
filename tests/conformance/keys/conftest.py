"""One suite over all forms of the key store: a key file, a passphrase, and a key of KMS."""

import itertools
import sys
from pathlib import Path

import pytest

from a360.aws import KmsForm, KmsKeyStore
from a360.protect import LocalKeyStore
from a360.protect.keys import LocalForm, _passphrase

sys.path.insert(0, str(Path(__file__).parents[2]))

from ministack_server import emulated_aws

PASSPHRASE = "four words of no meaning"


class Kind:
    """A form of the key store: how one is made, opened, given another master, and gets keys back."""

    def __init__(self, create, open_, rotate, form):
        self.create, self.open, self.rotate, self.form = create, open_, rotate, form


def by_file():
    return Kind(
        LocalKeyStore.create,
        LocalKeyStore.open,
        LocalKeyStore.rotate,
        lambda master: LocalForm(None, master),
    )


def by_passphrase():
    return Kind(
        lambda folder: LocalKeyStore.create(folder, lambda: PASSPHRASE),
        lambda folder: LocalKeyStore.open(folder, lambda: PASSPHRASE),
        LocalKeyStore.rotate,
        lambda master: LocalForm(lambda: PASSPHRASE, master, lambda: PASSPHRASE),
    )


def by_kms(emulator):
    keys = itertools.cycle(reversed(emulator.keys))
    environment = emulator.environment
    return Kind(
        lambda folder: KmsKeyStore.create(folder, environment, emulator.keys[0]),
        lambda folder: KmsKeyStore.open(folder, environment),
        lambda store: store.rotate(next(keys)),
        lambda _master: KmsForm(environment, emulator.keys[0]),
    )


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """An emulator of KMS."""
    with emulated_aws(tmp_path_factory.mktemp("ministack")) as serving:
        yield serving


@pytest.fixture(scope="module", autouse=True)
def cheap_passphrases():
    """Argon2id at a cost that a test can pay many times; its real cost is tested where passphrases are."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(_passphrase._COST, "memory_kib", 64)
        patched.setitem(_passphrase._COST, "iterations", 1)
        yield


@pytest.fixture(scope="module", params=["file", "passphrase", pytest.param("kms", marks=pytest.mark.aws)])
def kind(request):
    """Each form of the key store."""
    if request.param == "kms":
        return by_kms(request.getfixturevalue("emulator"))
    return {"file": by_file, "passphrase": by_passphrase}[request.param]()


@pytest.fixture
def folder(tmp_path):
    """Where a key store may be created."""
    return tmp_path / "keys"
