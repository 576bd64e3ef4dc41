"""A lake is the same by whichever engine it is brought up to date, at once or by turns."""

import os

import pytest
from arrivals import land, news
from canonical import column_hashes, kinds_of
from lakes import data_folder
from pairs import accounts_of, differences, pair, schemas_of, tables_of, told
from record_contracts import record_contracts

from a360.synth import generate

# Spark plans each of hundreds of statements anew.
pytestmark = [pytest.mark.spark, pytest.mark.timeout(3000 if os.environ.get("EQUALITY_FULL") else 1200)]

# All of the data and all datasets take many minutes; a part of both stands for it where it is not asked for.
FULL = os.environ.get("EQUALITY_FULL") == "1"
BESIDE = {"csv": "extracts", "parquet": "extracts", "events": "events", "notes": "notes"}
BY_TURNS = ("duckdb", "spark", "duckdb")
# What is worked on by Spark's workers however small it is, which takes them minutes for all.
FAR = () if FULL else ("silver.patient", "silver.observation", "silver.tap")


@pytest.fixture(scope="module")
def by_turns(tmp_path_factory, spark_with_iceberg):
    """A lake that DuckDB alone brought up to date, one that both did by turns, and what each run told."""
    folder = tmp_path_factory.mktemp("turns")
    with pair(folder, record_contracts(folder / "contracts")) as lakes:
        reports = []
        for number, (engine, arriving) in enumerate(zip(BY_TURNS, news(3, len(BY_TURNS)), strict=True)):
            for name, lake in zip(("one", "other"), lakes, strict=True):
                land(lake, folder / f"{name}-{number}", arriving)
            with pytest.MonkeyPatch.context() as patched:
                # What is small would else be worked on in this process.
                patched.setattr("a360.engine.spark._near.NEAR_BYTES", 0)
                reports.append([told(lakes[0].run(*FAR)), told(lakes[1].run(*FAR, engine=engine))])
            reports.append([told(lakes[0].run()), told(lakes[1].run(engine=engine))])
        yield *lakes, reports


def test_engines_by_turns_make_the_lake_that_one_makes(by_turns):
    """Rows read, merged, refused and counted by Spark over DuckDB's tables, and the other way round."""
    one, other, reports = by_turns
    for ours, theirs in reports:
        assert theirs == ours
    found = tables_of(one)
    assert differences(found, tables_of(other)) == {}
    for name in (
        *("silver.observation_component", "silver.patient_link", "silver.encounter_move", "silver.member"),
        *("silver.tap", "quarantine.patient", "quarantine.tap", "gold.patient_counts"),
    ):
        assert found[name].num_rows, name


def test_the_account_in_ops_is_the_same(by_turns):
    """Steps with their counts, results of rules and events of lineage are those of one engine's runs."""
    one, other, _ = by_turns
    ours, theirs = accounts_of(one), accounts_of(other)
    for name, account in ours.items():
        assert theirs[name] == account
        assert account


def test_schemas_are_the_same(by_turns):
    """Types, ids of fields, and which columns may be null are what the contracts say, whoever wrote."""
    one, other, _ = by_turns
    assert schemas_of(other) == schemas_of(one)


def test_every_snapshot_reads_alike(by_turns):
    """Each version of each table, whichever engine wrote it, has the same rows for both."""
    from a360.engine.spark import SparkEngine  # noqa: PLC0415 - of the extra

    _, lake, _ = by_turns
    with SparkEngine().session(lake.catalog) as spark:
        versions = 0
        for name in ("silver.patient", "silver.observation", "quarantine.patient", "gold.patient_counts"):
            for each in lake.tables.snapshots(name):
                sql = f"SELECT * FROM {name} AT (VERSION => {each.snapshot_id})"
                ours, theirs = lake.tables.session.sql(sql), spark.sql(sql)
                assert kinds_of(theirs) == kinds_of(ours)
                assert column_hashes(theirs) == column_hashes(ours), (name, each.snapshot_id)
                versions += 1
        assert versions > len(BY_TURNS)


def test_either_engine_finds_nothing_to_change_in_the_others_lake(by_turns):
    """Computing all of it anew by the engine that did not write last changes no row."""
    one, other, _ = by_turns
    before = tables_of(other)
    reports = [lake.run(engine=engine, full=True) for lake, engine in ((other, "duckdb"), (one, "spark"))]
    assert not any(step.landed for report in reports for step in report.steps)
    assert differences(before, tables_of(other)) == {}
    assert differences(before, tables_of(one)) == {}


@pytest.fixture(scope="module")
def real(tmp_path_factory, contracts, spark_with_iceberg):
    """Two lakes of generated and of real data, clean and dirty, and what the run of each told."""
    folder = tmp_path_factory.mktemp("real")
    generate(folder / "made", patients=12 if FULL else 4, seed=6, dirty=0.2)
    with pytest.MonkeyPatch.context() as patched:
        if FULL:
            patched.setenv("A360_PACKS", "omop")
        with pair(folder, None if FULL else contracts) as lakes:
            for lake in lakes:
                lake.ingest(folder / "made", source="clinic")
                for kind, name in BESIDE.items() if FULL else ():
                    lake.ingest(folder / "made" / name, kind=kind, source="clinic")
                for name in ("fhir-synthea-10", "fhir-synthea-dirty"):
                    lake.ingest(some_of(data_folder(name), folder / name), source=name)
            yield *lakes, lakes[0].run(), lakes[1].run(engine="spark")


def some_of(source, folder):
    """A folder of every so many lines of each file of another; that one where all is asked for."""
    if FULL:
        return source
    folder.mkdir(exist_ok=True)
    for file in source.glob("*.ndjson"):
        whole = file.read_text().splitlines(keepends=True)
        (folder / file.name).write_text("".join(whole[:: len(whole) // 60 + 1]))
    return folder


def test_real_data_gives_the_same_lake(real):
    """Every dataset, all that is refused, every count and every rule's result are alike on both."""
    one, other, ours, theirs = real
    assert told(theirs) == told(ours)
    found = tables_of(one)
    assert differences(found, tables_of(other)) == {}
    assert schemas_of(other) == schemas_of(one)
    assert sum(table.num_rows for name, table in found.items() if name.startswith("silver.")) > 500
    assert any(table.num_rows for name, table in found.items() if name.startswith("quarantine."))
