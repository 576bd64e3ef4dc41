"""What holds where KMS guards the packs, besides what every key store promises."""

import json

import pytest

from a360.aws import KmsKeyStore
from a360.errors import A360Error
from a360.protect import LocalKeyStore
from a360.protect.keys import NotOpenedError, export, import_keys

pytestmark = pytest.mark.aws


@pytest.fixture
def store(emulator, folder):
    """A key store under the first key."""
    return KmsKeyStore.create(folder, emulator.environment, emulator.keys[0])


def refusal(act, *given):
    """The code of the error that an act ends in."""
    with pytest.raises(A360Error) as caught:
        act(*given)
    return caught.value.code.slug


def test_a_wrapped_key_opens_in_its_place_alone(store, emulator):
    """KMS opens the key of a pack with that pack's and store's context, and with no other or none."""
    store.create_data_key()
    (pack,) = store.opened().keyring.packs.values()
    guard = store.opened().guard
    assert len(guard.unwrap(pack.id, pack.wrapped)) == 32
    with pytest.raises(NotOpenedError):
        guard.unwrap("secrets", pack.wrapped)
    for context in ({}, {"a360:store": "0" * 32, "a360:key": pack.id}):
        with pytest.raises(emulator.client.exceptions.InvalidCiphertextException):
            emulator.client.decrypt(CiphertextBlob=pack.wrapped, EncryptionContext=context)


def test_nothing_opens_without_the_key_of_kms(store, emulator, folder):
    """While the key is disabled no store opens and no pack is made, and nothing comes in clear instead."""
    key_id, key = store.create_data_key()
    emulator.client.disable_key(KeyId=emulator.keys[0])
    try:
        assert refusal(KmsKeyStore.open, folder, emulator.environment) == "aws-failed"
        assert refusal(store.create_data_keys, 2000) == "aws-failed"
    finally:
        emulator.client.enable_key(KeyId=emulator.keys[0])
    assert KmsKeyStore.open(folder, emulator.environment).data_key(key_id) == key


def test_only_who_may_use_the_key_opens(store, emulator, folder, monkeypatch):
    """Keys open for an account that may use the key, as far as it may, and for no stranger or impostor."""

    def attempt(access, secret):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", access)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        return KmsKeyStore.open(folder, emulator.environment)

    emulator.iam.create_user(UserName="worker")
    made = emulator.iam.create_access_key(UserName="worker")["AccessKey"]
    access, secret = made["AccessKeyId"], made["SecretAccessKey"]
    assert refusal(attempt, access, secret) == "denied"
    allowed = {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": emulator.keys[0]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    emulator.iam.put_user_policy(UserName="worker", PolicyName="keys", PolicyDocument=policy)
    opened = attempt(access, secret)
    assert opened.secret("tokens") == store.secret("tokens")
    assert refusal(opened.create_data_key) == "denied"
    assert refusal(attempt, access, "another") == "aws-credentials"
    assert refusal(attempt, "AKIDNOBODYKNOWS00000", secret) == "aws-credentials"


def test_each_form_opens_its_own_folders(store, emulator, folder, tmp_path):
    """A local store does not open what KMS guards, nor the other way round; both say whose it is."""
    LocalKeyStore.create(tmp_path / "local")
    assert refusal(LocalKeyStore.open, folder) == "environment-unfit"
    assert refusal(KmsKeyStore.open, tmp_path / "local", emulator.environment) == "environment-unfit"
    facts = json.loads((folder / "keyring.json").read_bytes().splitlines()[0])["guard"]
    assert facts == {"kind": "aws-kms", "key": emulator.keys[0]}


def test_an_escrow_outlives_kms(store, tmp_path):
    """What was exported opens as a local store, without KMS, with the same keys and secrets."""
    made = store.create_data_keys(3)
    export(store, tmp_path / "escrow", "words for the escrow")
    import_keys(tmp_path / "local", tmp_path / "escrow", lambda: "words for the escrow")
    local = LocalKeyStore.open(tmp_path / "local")
    assert local.data_keys([key_id for key_id, _ in made]) == [key for _, key in made]
    assert local.secret("tokens") == store.secret("tokens")
