"""A lake in Glue that asks Athena: questions of people, and models of gold; Glue and S3 are ministack's."""

import sys
import threading
from pathlib import Path

import boto3
import pyarrow as pa
import pytest
import sqlglot
from athena_server import AthenaServer
from botocore.config import Config
from pyiceberg.schema import Schema
from pyiceberg.types import IntegerType, NestedField, StringType

from a360.contract import MASK_MAPS, MASKS
from a360.errors import DeniedError, OperatorError, UsageError
from a360.lake import open_lake
from a360.lake._athena import steps_for_athena
from a360.refine import selected_steps
from a360.table import new_commit_id

sys.path.insert(0, str(Path(__file__).parents[1]))

from a360.catalog import CommitStamp
from ministack_server import ACCOUNT, REGION, emulated_aws

pytestmark = pytest.mark.aws

ROOT = Path(__file__).resolve().parents[2]
STAGE = "rehearsal"
MODEL = "gold.membership_revenue"
UPSTREAM = ("silver.membership", "silver.payment", "silver.encounter", "silver.organization")
ZONES = ("bronze", "silver", "gold", "ops", "quarantine", "athena-results")
OF_TYPE = {
    "string": "x", "int": 1, "long": 1, "boolean": False, "double": 1.5,
}  # fmt: skip


def rows_for(plan, dataset, *given):
    """Rows of a table in which what has to be there is."""
    table = plan.table(dataset)

    def value(column, row):
        if column.name in row or not column.required:
            return row.get(column.name)
        if column.type == "timestamptz":
            return "2026-01-05T10:00:00.000001+00:00"
        return "2026-01-05" if column.type == "date" else OF_TYPE[column.type]

    texts = {each.name: [value(each, row) for row in given] for each in table.columns}
    kinds = {"timestamptz": pa.timestamp("us", tz="UTC"), "date": pa.date32()}
    arrays = {}
    for column in table.columns:
        array = pa.array(texts[column.name])
        arrays[column.name] = array.cast(kinds[column.type]) if column.type in kinds else array
    return pa.table(arrays)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory):
    with emulated_aws(tmp_path_factory.mktemp("ministack"), "monitoring,glue,s3,kms,sts,iam") as serving:
        yield serving


@pytest.fixture(scope="module")
def s3(emulator):
    path_style = Config(region_name=REGION, s3={"addressing_style": "path"})
    return boto3.Session().client("s3", endpoint_url=emulator.url, config=path_style)


@pytest.fixture(scope="module")
def lake(emulator, s3, tmp_path_factory):
    """A lake with a few rows in silver, and an Athena that reads it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "environments").mkdir()
    (folder / "contracts").symlink_to(ROOT / "contracts")
    reading = []

    def run(sql):
        for zone in ("silver", "gold", "ops"):
            sql = sql.replace(f'"awsdatacatalog"."{names.database(zone)}"', f'"{zone}"')
        return reading[0].sql(sql)

    def put(place, content):
        bucket, _, key = place.removeprefix("s3://").partition("/")
        s3.put_object(Bucket=bucket, Key=key, Body=content)

    with AthenaServer(run, put) as athena, pytest.MonkeyPatch.context() as patched:
        thread = threading.Thread(target=athena.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        places = dict.fromkeys(("glue", "s3", "kms"), emulator.url) | dict.fromkeys(
            ("athena", "sts"), athena.url
        )
        listed = "\n".join(f"  {name}: {url}" for name, url in places.items())
        (folder / f"environments/{STAGE}.yaml").write_text(
            f"name: {STAGE}\nkind: aws\naccount: '{ACCOUNT}'\nregion: {REGION}\ncatalog: glue\n"
            f"keys: {{store: kms, key: '{emulator.keys[0]}'}}\nendpoints:\n{listed}\n"
        )
        patched.chdir(folder)
        patched.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", emulator.url)
        with open_lake(folder / "lake", env=STAGE) as opened:
            _, names = opened.athena._deployed()
            for zone in ZONES:
                s3.create_bucket(Bucket=names.bucket(zone))
            athena.script.output = f"s3://{names.bucket('athena-results')}/refine/"
            plan = opened.lake_plan
            wanted = (*UPSTREAM, MODEL, *(each.dataset for each in plan.tables if each.namespace == "ops"))
            for dataset in wanted:
                opened.tables.create(plan.table(dataset))
            given = {
                "silver.membership": [
                    {"membership_id": "m1", "plan_code": "gold", "start_date": "2026-01-05"},
                    {"membership_id": "m2", "plan_code": None, "start_date": "2026-01-09"},
                ],
                "silver.encounter": [{"start_date": "2026-02-03"}],
            }
            for dataset in UPSTREAM:
                keys = {"source": "s", "patient_key": "p1"}
                rows = rows_for(plan, dataset, *(keys | each for each in given.get(dataset, [{}])))
                opened.tables.append(dataset, rows, CommitStamp(new_commit_id()))
            reading.append(opened._parts._engine.session(opened.catalog))
            opened.served_by = athena
            yield opened
            reading[0].close()
        athena.shutdown()


def files_of_answers(s3, names, under=""):
    found = s3.list_objects_v2(Bucket=names.bucket("athena-results"), Prefix=under)
    return [each["Key"] for each in found.get("Contents", ())]


def rows_of_model(lake):
    rows = lake.tables.read(MODEL)
    return rows.sort_by([(name, "ascending") for name in rows.column_names]).to_pylist()


def test_models_are_computed_by_athena(lake, s3):
    """A model that Athena computes gives the rows that DuckDB gives, and once only."""
    _, names = lake.athena._deployed()
    report = lake.run(MODEL, engine="athena")
    assert report.ways == {MODEL: "replace"}
    assert report.steps[0].output_rows > 0
    script = lake.served_by.script
    assert {*script.workgroups} == {names.of("refine")}
    assert any(each.startswith("UNLOAD (") for each in script.statements)
    by_athena = rows_of_model(lake)
    first = lake.tables.current_snapshot_id(MODEL)
    assert lake.run(MODEL, engine="athena").ways == {MODEL: "nothing"}
    assert lake.tables.current_snapshot_id(MODEL) == first
    [task] = lake.tables.load(MODEL).scan().plan_files()
    assert task.file.file_path.startswith(f"s3://{names.bucket('gold')}/")
    asked = len(script.statements)
    lake.run(MODEL, full=True)
    assert len(script.statements) == asked
    assert rows_of_model(lake) == by_athena


def test_what_athena_wrote_for_a_model_is_removed(lake, s3):
    """The files of an UNLOAD hold rows, and go when what they hold is committed."""
    _, names = lake.athena._deployed()
    lake.run(MODEL, engine="athena", full=True)
    assert files_of_answers(s3, names, "refine/unloaded/") == []


def test_models_that_go_by_keys_are_not_for_athena(lake):
    """Only what is made anew from all there is can be asked of Athena; who names another dataset is told."""
    plan = lake.lake_plan
    with pytest.raises(UsageError, match=r"silver\.patient"):
        steps_for_athena(selected_steps(plan, ["silver.patient"]), ["silver.patient"], full=True)
    every = selected_steps(plan, [])
    chosen = steps_for_athena(every, [], full=False)
    assert {plan.step(each.dataset).refresh.mode for each in chosen} == {"replace"}
    assert len(steps_for_athena(every, [], full=True)) > len(chosen)


def carrier_of(lake):
    """Somebody who sees a table that is there as it is."""
    plan = lake.lake_plan
    viewed = {(each.principal, each.decision.dataset) for each in plan.carriers.views}
    return next(
        each
        for each in plan.carriers.principals
        if not each.ask.user and not each.ask.break_glass and (each.name, MODEL) not in viewed
    )


def test_people_ask_in_their_workgroup_as_their_role(lake, monkeypatch):
    """Who asks does so by the role that stands for them and their purpose, and it is on record."""
    who = carrier_of(lake)
    _, names = lake.athena._deployed()
    script = lake.served_by.script
    sql = f"SELECT count(*) AS n FROM {MODEL}"
    with open_lake(lake.path, env=STAGE, principal=who.ask.roles[0], purpose=who.ask.purpose) as asking:
        asked = len(script.statements)
        monkeypatch.setattr(script, "role", "somebody-else")
        with pytest.raises(OperatorError, match=names.of(who.role)):
            asking.athena.query(sql)
        assert len(script.statements) == asked
        monkeypatch.setattr(script, "role", names.of(who.role))
        answer = asking.athena.query(sql)
        with pytest.raises(DeniedError):
            asking.athena.query("SELECT * FROM gold.nothing_of_the_kind")
    assert answer.rows.to_pylist() == [{"n": lake.tables.info(MODEL).rows}]
    assert answer.scanned_bytes == 1234
    assert script.workgroups[-1] == names.of(who.ask.roles[0].replace("_", "-"))
    told = [each for each in lake.audit.table().read_all().to_pylist() if each["action"] == "query"]
    assert [each["outcome"] for each in told] == ["allowed", "failed", "allowed", "done", "denied"]


def test_masked_views_stand_for_what_is_masked(lake, monkeypatch):
    """Who sees a table under masks alone is answered from the view that masks it."""
    plan, script = lake.lake_plan, lake.served_by.script
    _, names = lake.athena._deployed()
    of = {each.name: each for each in plan.carriers.principals}
    view = next(
        each
        for each in plan.carriers.views
        if not of[each.principal].ask.user and not of[each.principal].ask.break_glass
    )
    who = of[view.principal]
    monkeypatch.setattr(script, "role", names.of(who.role))
    monkeypatch.setattr(script, "end", {"State": "FAILED", "StateChangeReason": "SYNTAX_ERROR: told"})
    opening = open_lake(lake.path, env=STAGE, principal=who.ask.roles[0], purpose=who.ask.purpose)
    with opening as asking, pytest.raises(UsageError, match="SYNTAX_ERROR"):
        asking.athena.query(f"SELECT count(*) FROM {view.decision.dataset}")
    named = f'"{names.database("views")}"."{view.name.partition(".")[2]}"'
    assert named in script.statements[-1]
    assert f'"{view.decision.dataset.partition(".")[0]}"' not in script.statements[-1]


def test_a_lake_of_this_machine_has_no_athena(tmp_path, monkeypatch):
    """Without Glue there is nothing for Athena to read, and the error says what to name instead."""
    monkeypatch.chdir(ROOT)
    with open_lake(tmp_path / "lake") as here, pytest.raises(OperatorError) as raised:
        here.athena.query("SELECT 1")
    assert raised.value.code.slug == "not-on-aws"


@pytest.fixture(scope="module")
def masked(lake):
    """The same lake with the tables of what keyed masks give, which its stack would have made."""
    _, names = lake.athena._deployed()
    kinds = {"string": StringType(), "int": IntegerType()}
    for name, columns in MASK_MAPS.items():
        fields = [
            NestedField(number, column, kinds[type_], required=True)
            for number, (column, type_) in enumerate(columns.items(), start=1)
        ]
        place = f"s3://{names.bucket('silver')}/{MASKS}/{name}"
        lake.tables.create_table(f"{MASKS}.{name}", Schema(*fields), location=place)
    return lake


def test_masked_views_show_what_the_lake_shows(masked):
    """A view that looks values up has in each cell what the lake answers its reader, and no row twice."""
    plan = masked.lake_plan
    of = {each.name: each for each in plan.carriers.principals}
    views = [
        each
        for each in plan.carriers.views
        if each.decision.dataset in UPSTREAM and f"a360_{MASKS}." in each.sql
    ]
    assert {each.decision.dataset for each in views} == {*UPSTREAM} - {"silver.organization"}
    filled = masked.fill_masks()
    assert filled.keys() == {f"{MASKS}.{each}" for each in MASK_MAPS}
    assert masked.fill_masks() == filled
    for view in views:
        who = of[view.principal]
        told = sqlglot.transpile(view.query, read="trino", write="duckdb")[0]
        with masked._parts.another_session() as reading:
            shown = reading.sql(told.replace(f"a360_{MASKS}.", f"{MASKS}."))
        with open_lake(masked.path, env=STAGE, principal=who.ask.roles[0], purpose=who.ask.purpose) as asking:
            answered = asking.query(f"SELECT * FROM {view.decision.dataset}")
        assert shown.to_pylist() == answered.to_pylist()
        assert "p1" not in str(shown.to_pylist())


def test_who_may_only_ask_fills_nothing(masked):
    """What keyed masks give is written by whoever holds the lake."""
    who = carrier_of(masked)
    asking = open_lake(masked.path, env=STAGE, principal=who.ask.roles[0], purpose=who.ask.purpose)
    with asking, pytest.raises(DeniedError):
        asking.fill_masks()
