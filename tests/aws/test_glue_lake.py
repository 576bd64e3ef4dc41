"""A lake in an environment whose catalog is Glue: on ministack, over TLS, through the commit gateway."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
from botocore.config import Config
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from a360.aws import open_catalog
from a360.catalog import CommitStamp, Policy, S3Credentials
from a360.contract import DeployedNames, Environment
from a360.engine.duckdb import DuckDBEngine
from a360.errors import DeniedError, OperatorError, UsageError
from a360.lake import open_lake
from a360.table import Tables, new_commit_id

sys.path.insert(0, str(Path(__file__).parents[1]))

from ministack_server import ACCOUNT, REGION, SIGNED_AS, emulated_aws

pytestmark = pytest.mark.aws

ROOT = Path(__file__).resolve().parents[2]
LAKE, STAGE = "a360", "rehearsal"
NAMES = DeployedNames(LAKE, STAGE, ACCOUNT, REGION)
ZONES = ("bronze", "silver", "ops")
SCHEMA = Schema(
    NestedField(1, "id", LongType(), required=False), NestedField(2, "note", StringType(), required=False)
)
IMPATIENT = Policy(settle=1.0, read=0.5)


def environment(url, **changed):
    told = {
        "name": STAGE,
        "kind": "aws",
        "account": ACCOUNT,
        "region": REGION,
        "catalog": "glue",
        "endpoints": dict.fromkeys(("glue", "s3", "sts", "kms"), url),
    }
    return Environment.model_validate(told | changed)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    """Glue, S3, IAM and KMS, with the buckets of the lake."""
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "glue,s3,kms,sts,iam") as serving:
        path_style = Config(region_name=REGION, s3={"addressing_style": "path"})
        s3 = boto3.Session().client("s3", endpoint_url=serving.url, config=path_style)
        for zone in ZONES:
            s3.create_bucket(Bucket=NAMES.bucket(zone))
        yield serving


@pytest.fixture(scope="module")
def catalog(emulator):
    """The lake's catalog, opened as `--env` opens it."""
    with open_catalog(LAKE, environment(emulator.url)) as session:
        yield session


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return DuckDBEngine(tmp_path_factory.mktemp("spill"), memory_limit="512MB", threads=2)


@pytest.fixture(scope="module")
def tables(catalog, engine):
    with Tables(catalog, engine) as opened:
        yield opened


def rows(*ids):
    return pa.table({"id": list(ids), "note": [f"of {each}" for each in ids]})


def stamp():
    return CommitStamp(new_commit_id())


def test_tables_lie_where_they_are_deployed(tables, emulator):
    """`silver.visit` is a table of the environment's Glue database, its files in the zone's bucket."""
    made = tables.create_table("silver.visit", SCHEMA)
    tables.append("silver.visit", rows(1, 2), stamp())
    assert made.location() == f"s3://{NAMES.bucket('silver')}/visit"
    glue = boto3.Session().client("glue", endpoint_url=emulator.url, region_name=REGION)
    assert glue.get_table(DatabaseName=NAMES.database("silver"), Name="visit")["Table"]["Name"] == "visit"
    found = tables.session.sql("SELECT id, note FROM silver.visit ORDER BY id")
    assert found.to_pylist() == [{"id": 1, "note": "of 1"}, {"id": 2, "note": "of 2"}]
    assert tables.load("silver.visit").scan().to_arrow().num_rows == 2


def test_engines_merge_and_delete(tables):
    """What an engine commits by itself lands in Glue as well, once."""
    tables.create_table("silver.merged", SCHEMA)
    tables.append("silver.merged", rows(1, 2, 3), stamp())
    change = pa.table({"id": [3, 4], "note": ["new", "new"]})
    told = stamp()
    assert not tables.merge("silver.merged", change, ["id"], told).replayed
    assert tables.merge("silver.merged", change, ["id"], told).replayed
    tables.delete("silver.merged", "id = 1", stamp())
    found = tables.session.sql("SELECT id, note FROM silver.merged ORDER BY id")
    assert [tuple(each.values()) for each in found.to_pylist()] == [(2, "of 2"), (3, "new"), (4, "new")]


def test_no_commit_of_many_writers_is_lost(catalog, engine, tables):
    """Four writers of eight commits each leave thirty-two commits."""
    tables.create_table("bronze.busy", SCHEMA)

    def write(writer):
        with Tables(catalog, engine) as own:
            for number in range(8):
                own.append("bronze.busy", rows(writer * 8 + number), stamp())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = tables.session.sql("SELECT id FROM bronze.busy ORDER BY id")
    assert found["id"].to_pylist() == list(range(32))
    assert len(tables.load("bronze.busy").metadata.snapshots) == 32


def test_other_lakes_are_not_seen(catalog, tables, emulator):
    """Databases of the account that are not the environment's are no namespaces of the lake."""
    glue = boto3.Session().client("glue", endpoint_url=emulator.url, region_name=REGION)
    glue.create_database(DatabaseInput={"Name": "a360_prod_silver"})
    tables.ensure_namespace("silver")
    assert ("silver",) in catalog.client().list_namespaces()
    assert set(catalog.client().list_namespaces()) <= {(zone,) for zone in ZONES}


def test_secrets_are_not_shown(catalog, tables):
    """No session shows the secret to who asks it for settings, secrets or its own form."""
    secret = SIGNED_AS["AWS_SECRET_ACCESS_KEY"]
    shown = [
        str(tables.session.sql(f"SELECT * FROM duckdb_{what}()").to_pylist())
        for what in ("settings", "secrets")
    ]
    for text in (*shown, repr(catalog.storage), repr(catalog.storage.credentials())):
        assert secret not in text


def test_files_are_read_by_credentials_that_are_good_now(emulator, engine, monkeypatch):
    """Where credentials change while a session is open, DuckDB and PyIceberg go by the new ones."""
    good = S3Credentials(*SIGNED_AS.values())
    given = [good]
    monkeypatch.setattr("a360.aws._lake_catalog._frozen", lambda _chain: given[0])
    with open_catalog(LAKE, environment(emulator.url)) as session, Tables(session, engine) as own:
        own.create_table("silver.renewed", SCHEMA)
        own.append("silver.renewed", rows(1), stamp())
        given[0] = S3Credentials("AKIANOBODYATALL00000", "x")
        with pytest.raises(OperatorError):
            own.session.sql("SELECT count(*) FROM silver.renewed")
        with pytest.raises(OSError, match=r"(?i)access key|denied|403|forbidden"):
            own.load("silver.renewed").scan().to_arrow()
        given[0] = good
        assert own.session.sql("SELECT count(*) AS n FROM silver.renewed")["n"].to_pylist() == [1]
        assert own.load("silver.renewed").scan().to_arrow().num_rows == 1


def test_who_has_no_credentials_is_told(emulator, monkeypatch):
    """Without credentials nothing is asked of AWS."""
    for name in SIGNED_AS:
        monkeypatch.delenv(name)
    with pytest.raises(OperatorError) as raised:
        open_catalog(LAKE, environment(emulator.url))
    assert raised.value.code.slug == "aws-credentials"


def test_who_is_unknown_is_told(emulator, monkeypatch):
    """Credentials that AWS does not know are told as such."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIANOBODYATALL00000")
    with pytest.raises(OperatorError) as raised:
        open_catalog(LAKE, environment(emulator.url))
    assert raised.value.code.slug == "aws-credentials"
    assert "UnrecognizedClientException" in str(raised.value)


def test_who_may_not_is_told(emulator, monkeypatch):
    """A user without rights is denied, and told what for."""
    emulator.iam.create_user(UserName="visitor")
    key = emulator.iam.create_access_key(UserName="visitor")["AccessKey"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    with pytest.raises(DeniedError, match="glue:GetCatalog"):
        open_catalog(LAKE, environment(emulator.url))


def test_where_nobody_answers_is_told(emulator):
    """An address at which nothing listens is told as such, with what to look at."""
    nowhere = environment(emulator.url, endpoints={"glue": "https://127.0.0.1:9", "s3": emulator.url})
    with pytest.raises(OperatorError) as raised:
        open_catalog(LAKE, nowhere, policy=IMPATIENT)
    assert raised.value.code.slug == "aws-failed"
    assert "https://127.0.0.1:9/iceberg" in str(raised.value)


def test_lake_is_opened_by_its_environment(emulator, tmp_path, monkeypatch):
    """`--env NAME` opens the tables in Glue, none in the folder, which keeps keys and audit log."""
    (tmp_path / "environments").mkdir()
    places = "\n".join(f"  {each}: {emulator.url}" for each in ("glue", "s3", "kms", "sts"))
    (tmp_path / f"environments/{STAGE}.yaml").write_text(
        f"name: {STAGE}\nkind: aws\naccount: '{ACCOUNT}'\nregion: {REGION}\ncatalog: glue\n"
        f"keys: {{store: kms, key: '{emulator.keys[0]}'}}\nendpoints:\n{places}\n"
    )
    (tmp_path / "contracts").symlink_to(ROOT / "contracts")
    monkeypatch.chdir(tmp_path)
    with open_lake(tmp_path / "lake", env=STAGE) as lake:
        lake.tables.create(lake.lake_plan.table("bronze.fhir_block"))
        assert "bronze.fhir_block" in lake.tables.list()
        with pytest.raises(UsageError, match="unknown-table"):
            lake.tables.load("bronze.none")
    assert not (tmp_path / "lake/catalog.db").exists()
    assert not list((tmp_path / "lake/warehouse").iterdir())
