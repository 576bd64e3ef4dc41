"""One flipped bit, anywhere: `verify` finds it, and who opens the file afterwards is told nothing wrong."""

import os
import random
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from pyiceberg.exceptions import RESTError

from a360.catalog import CommitStamp
from a360.contract import IDENTITIES
from a360.errors import A360Error
from a360.lake import open_lake
from a360.protect import AuditEvent, LocalKeyStore

# 1,000 take some minutes.
FLIPS = int(os.environ.get("BIT_FLIPS", "16"))
SEED = int(os.environ.get("BIT_FLIPS_SEED", "20261123"))
TABLES = ("silver.plain", "silver.vectors")
PEOPLE = [f"{each:064x}" for each in range(20)]


def rows(start):
    return pa.table({"id": range(start, start + 500), "v": [f"value {each}" for each in range(500)]})


def keep_people(opened):
    """Put people into the vault."""
    opened.tables.ensure_namespace("ops")
    opened.tables.create(opened._parts.plan.table(IDENTITIES))
    now, count = datetime(2026, 1, 1, tzinfo=UTC), len(PEOPLE)
    texts = [
        f'{{"name": [{{"family": "Quill {each}"}}], "birthDate": "1980-02-03"}}' for each in range(count)
    ]
    told = {
        "patient_key": PEOPLE,
        "subject_key": PEOPLE,
        "source": ["clinic"] * count,
        "resource_type": ["Patient"] * count,
        "version_id": ["1"] * count,
        "last_updated": [now] * count,
        "known_at": [now] * count,
        "arrival": list(range(count)),
        "identity": texts,
    }
    opened.vault.keep([pa.table(told)], CommitStamp("v"), whole=False)


def people_told(opened):
    """Who people are, as the vault tells it; each has a name and a date."""
    found = opened.vault.known_values(PEOPLE).to_pylist()
    return sorted((each["patient_key"], each["kind"], each["value"]) for each in found)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A closed lake with delete files, deletion vectors, a past, keys and an audit log; and what it tells."""
    folder = tmp_path_factory.mktemp("flips") / "lake"
    merge = {"write.delete.mode": "merge-on-read"}
    with open_lake(folder) as opened:
        opened.tables.ensure_namespace("silver")
        for name, version in zip(TABLES, ("2", "3"), strict=True):
            properties = {**merge, "format-version": version}
            opened.catalog.client().create_table(name, rows(0).schema, properties=properties)
            for number in range(2):
                opened.tables.append(name, rows(number * 500), CommitStamp(f"a{number}"))
            opened.tables.delete(name, "id % 100 = 3", CommitStamp("d"))
        keep_people(opened)
        opened._parts.keys.create_data_keys(3)
        for number in range(5):
            event = AuditEvent(datetime.now(UTC), f"analyst {number}", "query", ("silver.plain",), "allowed")
            opened.audit.record(event)
        opened.audit.checkpoint()
        told = duckdb_tells(opened)
        assert told == pyiceberg_tells(opened)
        assert len(told["silver.plain"]) == 990
        assert {key for key, _, _ in told[IDENTITIES]} == {*PEOPLE}
        assert opened.verify().sound
    keys = LocalKeyStore.open(folder / "keys")
    return folder, told, {each: keys.data_key(each) for each in keys.key_ids()}


def duckdb_tells(opened):
    rows = {
        name: opened.tables.session.sql(f"SELECT * FROM {name} ORDER BY id").to_pylist() for name in TABLES
    }
    return rows | {IDENTITIES: people_told(opened)}


def pyiceberg_tells(opened):
    client = opened.catalog.client()
    # PyIceberg reads no deletion vectors of DuckDB's.
    plain = client.load_table("silver.plain").scan().to_arrow().sort_by("id").to_pylist()
    assert client.load_table(IDENTITIES).scan().to_arrow().num_rows == len(PEOPLE)
    return duckdb_tells(opened) | {"silver.plain": plain}


def kinds(folder):
    """The files of a lake by what they are."""
    warehouse = [each for each in (folder / "warehouse").rglob("*") if each.is_file()]
    parquet = [each for each in warehouse if each.suffix == ".parquet"]
    vault = [each for each in parquet if (folder / "warehouse/ops") in each.parents]
    return {
        "data": [each for each in parquet if "delete" not in each.name and each not in vault],
        "delete": [each for each in warehouse if each.suffix == ".puffin" or "delete" in each.name],
        "manifest": [each for each in warehouse if each.suffix == ".avro"],
        "metadata": [each for each in warehouse if each.name.endswith(".metadata.json")],
        "catalog": [folder / "catalog.db"],
        "audit": [each for each in (folder / "audit").rglob("*") if each.is_file() and each.stat().st_size],
        "vault": vault,
        "key": [each for each in (folder / "keys").rglob("*") if each.is_file() and each.stat().st_size],
    }


def content_of(database):
    """What a SQLite file holds, apart from where it holds it; None if it cannot be read."""
    with closing(sqlite3.connect(f"file:{database}?immutable=1", uri=True)) as opened:
        try:
            return [*opened.iterdump(), opened.execute("PRAGMA user_version").fetchone()]
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return None


def flip(path, bit):
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


def require_found(opened, folder, path, kind):
    found = opened.verify()
    told = {each.file for each in found.damage}
    assert not found.sound
    if kind not in {"catalog", "audit", "key"}:
        assert told == {str(path.relative_to(folder))}
    else:
        assert {each.kind for each in found.damage} & {kind}


def require_nothing_wrong_told(opened, expected, tell):
    try:
        assert tell(opened) == expected
    except (A360Error, RESTError, OSError):
        return "refused"
    return "as it was"


def require_keys(folder, keys):
    try:
        store = LocalKeyStore.open(folder / "keys")
        assert {each: store.data_key(each) for each in keys} == keys
    except A360Error:
        pass


@pytest.mark.timeout(120 + 3 * FLIPS)
def test_a_flipped_bit_is_found_and_never_told_as_truth(lake, tmp_path):
    """Of any file, any bit: verify names the damage, and engines give the rows as they were, or an error."""
    folder, expected, keys = lake
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)
    files, draw, figures = kinds(folder), random.Random(SEED), Counter()
    assert all(files.values())
    for number in range(FLIPS):
        kind = list(files)[number % len(files)]
        path = draw.choice(files[kind])
        bit = draw.randrange(path.stat().st_size * 8)
        before = content_of(path) if kind == "catalog" else None
        flip(path, bit)
        matters = kind != "catalog" or content_of(path) != before
        tell = (duckdb_tells, pyiceberg_tells)[number // len(files) % 2]
        try:
            with open_lake(folder) as opened:
                told = require_nothing_wrong_told(opened, expected, tell)
                if matters:
                    require_found(opened, folder, path, kind)
            require_keys(folder, keys)
        except AssertionError as missed:
            pytest.fail(f"seed {SEED}, flip {number}: bit {bit} of {path.relative_to(folder)}: {missed}")
        figures[kind, "found by verify" if matters else "changes no content", f"reader: {told}"] += 1
        restore(whole, folder)
    for what, count in sorted(figures.items()):
        print(count, *what, sep=", ")  # noqa: T201 -- with `pytest -s`


def restore(whole: Path, folder: Path) -> None:
    """Put a lake back as it was."""
    shutil.rmtree(folder)
    shutil.copytree(whole, folder)
