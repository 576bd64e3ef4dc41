"""Secrets that settings name, read from Secrets Manager, which is ministack's."""

import sys
from pathlib import Path

import boto3
import pytest

from a360.errors import DeniedError, OperatorError
from a360.lake import with_secrets
from a360.lake._key_stores import KeyStores
from a360.protect.keys import LocalKeyStore
from a360.settings import load_settings

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = pytest.mark.aws

TOKEN = "a token that nobody is to see"
PASSPHRASE = "orchid velvet lantern harbor seventeen"


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "secretsmanager,kms,sts,iam") as serving:
        client = boto3.Session().client("secretsmanager", region_name=REGION, endpoint_url=serving.url)
        client.create_secret(Name="lake/catalog-token", SecretString=TOKEN)
        client.create_secret(Name="lake/passphrase", SecretString=PASSPHRASE)
        client.create_secret(Name="lake/bytes", SecretBinary=b"no text")
        yield serving


@pytest.fixture
def folder(emulator, tmp_path, monkeypatch):
    """A folder to work in, with an environment whose Secrets Manager is the emulator."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/rehearsal.yaml").write_text(
        f"name: rehearsal\nkind: aws\naccount: '{ACCOUNT}'\nregion: {REGION}\n"
        f"endpoints: {{secretsmanager: '{emulator.url}'}}\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(folder, **given):
    return load_settings(lake=folder / "lake", contracts=folder / "contracts", **{"env": "rehearsal"} | given)


def test_a_setting_may_name_a_secret(folder):
    """What is named is read, and shown no more than any secret; what is no name stays as it is."""
    asked = settings(folder, catalog_token="secretsmanager:lake/catalog-token", openlineage_api_key="itself")
    found = with_secrets(asked)
    assert found.catalog_token.get_secret_value() == TOKEN
    assert found.openlineage_api_key.get_secret_value() == "itself"
    assert TOKEN not in repr(found)


def test_settings_that_name_none_ask_nobody(folder, monkeypatch):
    """Without such a name nothing is asked of AWS, and no environment is read."""
    given = load_settings(env="nowhere", catalog_token="itself")
    assert with_secrets(given) is given


def test_keys_open_with_a_passphrase_from_there(folder):
    """The passphrase of a key folder may be a secret; another one does not open it."""
    (folder / "lake").mkdir()
    LocalKeyStore.create(folder / "lake/keys", lambda: PASSPHRASE).secret("a name")
    asked = settings(folder, passphrase_secret="secretsmanager:lake/passphrase")
    assert KeyStores(asked).open().secret("a name")


@pytest.mark.parametrize("name", ["lake/nothing", "lake/bytes"])
def test_a_secret_that_is_not_there_is_told(folder, name):
    """A name without a secret, and a secret without text, are told by name."""
    with pytest.raises(OperatorError, match=name) as raised:
        with_secrets(settings(folder, catalog_token=f"secretsmanager:{name}"))
    assert raised.value.code.slug == "aws-missing"


def test_who_may_not_read_it_is_told(folder, emulator, monkeypatch):
    """Who has no right to a secret is denied, and the error names the secret and not what it holds."""
    emulator.iam.create_user(UserName="visitor")
    key = emulator.iam.create_access_key(UserName="visitor")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with pytest.raises(DeniedError, match="lake/catalog-token") as raised:
        with_secrets(settings(folder, catalog_token="secretsmanager:lake/catalog-token"))
    assert TOKEN not in str(raised.value)


def test_on_this_machine_there_is_no_secrets_manager(folder):
    """In a local environment a name is no secret, and is not taken for one."""
    with pytest.raises(OperatorError) as raised:
        with_secrets(settings(folder, env="local", catalog_token="secretsmanager:lake/catalog-token"))
    assert raised.value.code.slug == "not-on-aws"
