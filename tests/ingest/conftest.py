"""A lake as far as ingest needs it: keys, catalog, engine, and the tables of the contracts."""

import contextlib
import functools
import os
import runpy
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from a360.catalog import CatalogSession
from a360.contract import load_contracts, make_plan
from a360.engine.duckdb import DuckDBEngine
from a360.ingest import Inflow, Limits, ingest_fhir, ingest_hl7v2, ingest_records
from a360.ingest._envelope import Identity
from a360.ingest._inputs import find_inputs
from a360.ingest._work import Finished, portions, work
from a360.protect import (
    LocalKeyStore,
    LocalSealer,
    LocalTokenizer,
    open_block,
    quarantine_context,
)
from a360.table import Tables

PROJECT = Path(__file__).resolve().parents[2]
DATA = PROJECT / "../shared/data"
APART = Path(__file__).with_name("killed_ingest.py")


@dataclass
class Outcome:
    """What a reading gave."""

    found: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    read: int = 0
    filtered: int = 0

    @property
    def rules(self):
        """The rule and offset of each refusal, by file and offset."""
        return [
            (each.rule.value, each.offset)
            for _, each in sorted(self.refused, key=lambda pair: (pair[0], pair[1].offset))
        ]

    @property
    def texts(self):
        """The text of each resource, in order."""
        return [each["text"] for each in self.found]


@dataclass
class IngestLake:
    """A lake with the tables that ingest writes, and what reads them back in clear."""

    folder: Path
    tables: Tables
    tokenizer: LocalTokenizer
    sealer: LocalSealer

    def ingest(self, *paths, source="default", **options):
        """Ingest files or folders."""
        inflow = Inflow(self.tables, self.tokenizer, self.sealer, source, **options)
        return ingest_fhir(inflow, paths)

    def ingest_records(self, path, kind, receptions, *, source="default", record=None, limits=None):
        """Ingest a file or folder of records."""
        self.make_record_tables()
        inflow = Inflow(
            self.tables, self.tokenizer, self.sealer, source, limits or Limits(), threads=2, record=record
        )
        return ingest_records(inflow, [path], kind, receptions)

    def ingest_messages(self, path, **options):
        """Ingest a file or folder of HL7 v2 messages."""
        self.make_record_tables()
        return ingest_hl7v2(Inflow(self.tables, self.tokenizer, self.sealer, threads=2, **options), [path])

    def make_record_tables(self):
        """Make the tables that records land in; most tests need none."""
        for name in ("bronze.record", "bronze.record_block", "quarantine.record"):
            if not self.tables.exists(name):
                self.tables.create(lake_plan().table(name))

    def records(self):
        """The records of bronze in order of arrival, each with its payload's text."""
        blocks = {
            row["block_id"]: open_block(self.sealer, row["block_id"], row["payload"]).text.splitlines()
            for row in self.tables.read("bronze.record_block").to_pylist()
        }
        rows = self.tables.read("bronze.record").to_pylist()
        for row in rows:
            row["text"] = blocks[row["block_id"]][row["position"]].decode()
        return sorted(rows, key=lambda row: (row["known_at"], row["arrival"]))

    def resources(self):
        """The rows of bronze in order of arrival, each with its payload's text."""
        blocks = {
            row["block_id"]: open_block(self.sealer, row["block_id"], row["payload"]).text.splitlines()
            for row in self.tables.read("bronze.fhir_block").to_pylist()
        }
        rows = self.tables.read("bronze.fhir_resource").to_pylist()
        for row in rows:
            row["text"] = blocks[row["block_id"]][row["position"]] if row["block_id"] else None
        return sorted(rows, key=lambda row: (row["known_at"], row["arrival"]))

    def refused(self, place="quarantine.fhir_resource"):
        """The rows of quarantine, each with its payload's bytes."""
        rows = self.tables.read(place).to_pylist()
        for row in rows:
            context = quarantine_context(place, row["commit_id"], row["file"], row["offset"])
            row["raw"] = self.sealer.unseal(row["payload"], context)
        return sorted(rows, key=lambda row: (row["file"], row["offset"]))

    def snapshots(self):
        """The current snapshot of every table."""
        return {name: self.tables.info(name).snapshot_id for name in self.tables.list()}


@functools.cache
def lake_plan():
    """The plan of the contracts, made once."""
    return make_plan(load_contracts(PROJECT / "contracts"))


@contextlib.contextmanager
def open_lake_folder(folder):
    """Open a lake in a folder, creating what is missing."""
    keys = LocalKeyStore.create(folder / "keys")
    engine = DuckDBEngine(folder / "tmp", memory_limit="512MB", threads=2)
    with CatalogSession.open(folder) as catalog, Tables(catalog, engine) as tables:
        plan = lake_plan()
        needed = {"bronze.fhir_resource", "bronze.fhir_block", "quarantine.fhir_resource", "ops.commit"}
        for each in plan.tables:
            if each.dataset in needed | {"ops.ingested_file"}:
                tables.create(each)
        yield IngestLake(folder, tables, LocalTokenizer(keys), LocalSealer(keys))


@pytest.fixture(scope="session")
def open_lake():
    """Opens a lake in a folder."""
    return open_lake_folder


@pytest.fixture(scope="session")
def plan():
    """The plan of the contracts."""
    return lake_plan()


@pytest.fixture(scope="session")
def ingest_apart(processes):
    """Calls a method of a lake in a process of its own, which may die at a failpoint; gives its exit code."""

    def start(folder, method, *arguments, failpoints="", **options):
        given = {
            "FOLDER": folder,
            "PLAN": lake_plan(),
            "WORK": (method, arguments, options),
            "FAILPOINTS": failpoints,
        }
        process = processes.Process(target=runpy.run_path, args=(str(APART), given, "__main__"))
        process.start()
        process.join(120)
        return process.exitcode

    return start


@pytest.fixture
def lake(tmp_path):
    """A fresh lake."""
    with open_lake_folder(tmp_path / "lake") as opened:
        yield opened


@pytest.fixture
def inbox(tmp_path):
    """A folder for input files."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def data_folder():
    """The shared test data; absent, the test is skipped, unless A360_REQUIRE asks for it."""
    if not DATA.is_dir():
        if "data" in os.environ.get("A360_REQUIRE", ""):
            pytest.fail("the shared test data is required and absent")
        pytest.skip("the shared test data is absent")
    return DATA.resolve()


@pytest.fixture(scope="session")
def identity(tmp_path_factory):
    """Tokens of a throw-away key store, for source `s`."""
    keys = LocalKeyStore.create(tmp_path_factory.mktemp("identity") / "keys")
    return Identity(LocalTokenizer(keys), "s")


@pytest.fixture(scope="session")
def read(identity):
    """Reads paths as an ingest does, as far as the tables: what was found, refused, deleted, counted."""

    def run(*paths, limits=None):
        limits = limits or Limits()
        files = find_inputs(paths).files
        outcome = Outcome()
        for portion in portions(files, range(len(files)), limits):
            if isinstance(portion, Finished):
                continue
            worked = work(portion, files, identity, limits)
            texts, starts, ends = worked.text, worked.starts, worked.ends
            envelopes = worked.envelope.to_pylist()
            for envelope, row, file, offset in zip(
                envelopes, worked.row, worked.file, worked.offset, strict=True
            ):
                text = texts[starts[row] : ends[row]].tobytes() if row >= 0 else None
                name = files[file].path.name
                outcome.found.append({**envelope, "text": text, "file": name, "offset": int(offset)})
            outcome.refused += [(files[each.file].path.name, each) for each in worked.refused]
            outcome.read += int(worked.read.sum())
            outcome.filtered += int(worked.filtered.sum())
        return outcome

    return run
