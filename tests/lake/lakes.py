"""What tests of whole lakes share: where data lies, lakes that are made once, and what two of them share."""

import fcntl
import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest

from a360.protect import LocalKeyStore, LocalTokenizer

PROJECT = Path(__file__).resolve().parents[2]
CONTRACTS = PROJECT / "contracts"
DATA = PROJECT / "../shared/data"
ZONES = ("bronze", "silver", "gold", "quarantine")
# What two lakes with the same data and keys may differ in: when and by which commit a row came, and the bytes
# of what is sealed, which are never the same twice.
OF_THE_MOMENT = {"known_at", "commit_id", "block_id", "payload"}


def data_folder(name):
    """A folder of the shared test data; skips where it is not there, unless the data is required."""
    folder = DATA / name
    if not folder.is_dir():
        reason = f"the shared test data {name} is not beside the project"
        if "data" in os.environ.get("A360_REQUIRE", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder.resolve()


def made_once(factory, name, make):
    """A folder that `make` fills, once for all processes of a test run."""
    base = factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, done = root / name, root / f"{name}.done"
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


class Pattern:
    """A folder with a lake that many tests start from: made once, and put back as it was.

    It is put back where it was made, since the tables of a lake say where they lie.
    """

    def __init__(self, folder):
        self.folder = folder
        self._saved = shutil.copytree(folder, folder.with_name(f"{folder.name}-saved"))

    def again(self):
        """The folder, as if no test had touched it."""
        shutil.rmtree(self.folder)
        return shutil.copytree(self._saved, self.folder)


def write_ndjson(folder, resources, name="{}"):
    """Write resources as NDJSON files, one a type, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    by_type = {}
    for resource in resources:
        by_type.setdefault(resource["resourceType"], []).append(json.dumps(resource, ensure_ascii=False))
    for number, (kind, lines) in enumerate(by_type.items()):
        file = folder / f"{kind}.{name.format(number)}.ndjson"
        file.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return folder


def snapshots(lake, *, ops=False):
    """The current snapshot of each table, by default of those outside `ops`."""
    return {
        f"{table.namespace}.{table.name}": table.snapshot_id
        for table in lake.tables_info()
        if ops or table.namespace != "ops"
    }


def content(lake, zones=ZONES, *, without=OF_THE_MOMENT):
    """The rows of every table in some zones, as multisets, less the columns that are of the moment."""
    found = {}
    for table in lake.tables_info():
        name = f"{table.namespace}.{table.name}"
        if table.namespace in zones:
            rows = lake.table(name)
            kept = rows.drop_columns([each for each in rows.column_names if each in without])
            found[name] = Counter(_frozen(row) for row in kept.to_pylist())
    return found


def _frozen(row):
    return tuple((name, tuple(value) if isinstance(value, list) else value) for name, value in row.items())


def difference(one, other):
    """What two contents do not share, few enough rows to read; empty where they are alike."""
    found = {}
    for name in sorted(one.keys() | other.keys()):
        left, right = one.get(name, Counter()), other.get(name, Counter())
        if left != right:
            found[name] = {
                "only one": list((left - right).items())[:3],
                "only other": list((right - left).items())[:3],
            }
    return found


def rows_of(lake, sql):
    """The rows of a query as dictionaries."""
    return lake.query(sql).to_pylist()


def only(rows):
    """The one row there must be."""
    [row] = rows
    return row


def steps_of(report):
    """The steps of a report by dataset."""
    return {step.dataset: step for step in report.steps}


def committed(report):
    """The datasets that a report says were committed."""
    return {step.dataset for step in report.steps if step.commit_id is not None}


def require_commits_on_record(lake):
    """`ops.commit` has each commit of each table outside `ops`, once."""
    recorded = rows_of(lake, "SELECT dataset, commit_id, count(*) AS n FROM ops.commit GROUP BY ALL")
    assert {row["n"] for row in recorded} == {1}
    made = {
        (table, snapshot.commit_id)
        for table in lake.tables.list()
        if not table.startswith("ops.")
        for snapshot in lake.history(table)
    }
    assert {(row["dataset"], row["commit_id"]) for row in recorded} == made


def patient_key(lake, name, source="default"):
    """The key of a patient by its logical id, as the lake makes it."""
    tokenizer = LocalTokenizer(LocalKeyStore.open(lake.path / "keys"))
    return tokenizer.tokens("patient", pa.array([f"{source}|{name}"]))[0].as_py()
