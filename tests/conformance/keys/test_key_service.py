"""What holds where KMS guards the packs, besides what every key store promises."""

import json
import shutil
import socket
from pathlib import Path

import pytest
import yaml

import a360
from a360.aws import KmsKeyStore
from a360.cli._main import run
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


@pytest.fixture
def place(emulator, tmp_path):
    """A folder with the contracts and an environment whose keys a key of KMS guards, by its alias."""
    root = Path(__file__).parents[3]
    (tmp_path / "contracts").symlink_to(root / "contracts")
    told = emulator.environment.model_dump(exclude_defaults=True)
    alias = f"alias/{tmp_path.name.replace('_', '-')}"
    emulator.client.create_alias(AliasName=alias, TargetKeyId=emulator.keys[0])
    (tmp_path / "environments").mkdir()
    told |= {"keys": {"store": "kms", "key": alias}}
    (tmp_path / "environments" / "emulated.yaml").write_text(yaml.safe_dump(told))
    unreachable = told | {"name": "unreachable", "endpoints": {"kms": f"https://127.0.0.1:{free_port()}"}}
    (tmp_path / "environments" / "unreachable.yaml").write_text(yaml.safe_dump(unreachable))
    return tmp_path


def free_port():
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_environment_has_kms_guard_the_keys(emulator, place, capsys, monkeypatch):
    """A lake whose environment names a key of KMS seals under it, gets keys back, and opens no other way."""

    def told(*words, env="emulated"):
        code = run([*words, "--lake", str(place / "lake"), "--env", env, "--json"])
        return code, "".join(capsys.readouterr())

    monkeypatch.setenv("A360_CONTRACTS", str(place / "contracts"))
    with a360.open(place / "lake", env="emulated", contracts=place / "contracts") as lake:
        sealed = lake._for_all.sealer.batch().seal(b"plain", b"here")
    code, status = told("keys", "status")
    assert (code, json.loads(status)["guard"], json.loads(status)["data_keys"]) == (0, "aws-kms", 1)
    keyring = json.loads((place / "lake/keys/keyring.json").read_bytes().splitlines()[0])
    assert keyring["guard"]["key"] == emulator.keys[0]
    checks = {each["name"]: each for each in json.loads(told("doctor")[1])}
    assert (checks["keys"]["status"], checks["keys"]["found"]) == ("ok", "1 data keys open")
    for env, refused in (("local", "environment-unfit"), ("unreachable", "aws-failed")):
        code, error = told("keys", "status", env=env)
        assert (code, refused in error) == (5, True)
    assert told("keys", "backup", str(place / "backup"))[0] == 0
    assert told("keys", "rotate")[0] == 0
    assert told("keys", "passphrase", "--remove")[0] == 2
    shutil.rmtree(place / "lake/keys")
    assert told("keys", "import", str(place / "backup"), env="local")[0] == 5
    assert not (place / "lake/keys").exists()
    code, report = told("keys", "import", str(place / "backup"))
    assert code == 0, report
    assert json.loads(report)["restored"] == 1
    assert told("audit", "verify")[0] == 0
    with a360.open(place / "lake", env="emulated", contracts=place / "contracts") as lake:
        assert lake._for_all.sealer.unseal(sealed, b"here") == b"plain"


def test_no_lake_is_made_where_kms_does_not_answer(place):
    """Where KMS cannot be reached no lake is made, and no key of another kind instead."""
    with pytest.raises(A360Error) as caught:
        a360.open(place / "lake", env="unreachable", contracts=place / "contracts")
    assert caught.value.code.slug == "aws-failed"
    assert not (place / "lake/a360.json").exists()
    assert not list((place / "lake/keys").iterdir())
