"""Payloads opened and typed by other processes give what reading them in the lake's own session gives."""

import pickle
import shutil
import subprocess
import sys
from contextlib import contextmanager, nullcontext

import pyarrow as pa
import pytest
from arrivals import land, news
from fhir_samples import bundle, encounter, entry, observation, patient, practitioner
from lakes import DATA, content, data_folder, difference, steps_of
from record_contracts import record_contracts

import a360
from a360.engine.duckdb import DuckDBSession
from a360.protect import LocalKeyStore
from a360.synth import generate

BESIDE = {"csv": "extracts", "parquet": "extracts", "events": "events", "notes": "notes"}


class Elsewhere:
    """Has sessions send rows to other processes, as far as a function can tell; keeps what came and went."""

    def __init__(self, monkeypatch):
        self.sent = []
        monkeypatch.setattr(DuckDBSession, "mapped", self._mapped())

    def _mapped(self):
        def mapped(session, name, sql, function, schema):
            pickled, rows = pickle.dumps(function), []
            for batch in session.sql(sql).to_batches():
                rows += [batch.slice(at, 1) for at in range(batch.num_rows)]
            made = []
            # Parts of a query's rows are worked on apart, and some have none.
            for part in (rows[::2], rows[1::2], []):
                made += pickle.loads(pickled)(iter(part))
            assert {batch.schema for batch in made} <= {schema}
            found = pa.Table.from_batches(made, schema)
            self.sent.append((name, pickled, rows, found))
            session.register(name, found)

        return mapped

    @contextmanager
    def working(self):
        """Meanwhile lakes read payloads by other processes."""
        before, DuckDBSession.distributed = DuckDBSession.distributed, True
        try:
            yield
        finally:
            DuckDBSession.distributed = before


@pytest.fixture
def elsewhere(monkeypatch):
    """Other processes, as far as functions can tell."""
    return Elsewhere(monkeypatch)


def told(report):
    """What a report says of steps and rules, less what is of the moment."""
    steps = [
        {name: value for name, value in step.to_json().items() if name not in {"seconds", "commit_id"}}
        for step in report.steps
    ]
    rules = [(each.dataset, each.rule, each.scope, each.checked, each.failed) for each in report.quality]
    return steps, rules


def settled(report):
    """What became of the units of each step, whether they landed now or before."""
    counted = ("dataset", "read", "quarantined", "duplicates", "superseded", "filtered")
    return [
        [*(getattr(each, name) for name in counted), each.landed + each.unchanged] for each in report.steps
    ]


@pytest.fixture(scope="module")
def full_lake(tmp_path_factory):
    """A lake with generated data of every kind, much of it faulty, and some real data; its first run."""
    folder = tmp_path_factory.mktemp("full")
    generate(folder / "made", patients=4, seed=6, dirty=0.3)
    with a360.open(folder / "lake") as lake:
        lake.ingest(folder / "made", source="clinic")
        for kind, name in BESIDE.items():
            lake.ingest(folder / "made" / name, kind=kind, source="clinic")
        if DATA.is_dir():
            for name, lines in (("fhir-synthea-10", 30), ("fhir-synthea-dirty", 30)):
                lake.ingest(some_of(data_folder(name), folder / name, lines), source=name)
        yield lake, lake.run(*silver(lake))


def some_of(source, folder, lines):
    """Every so many lines of each file of a folder."""
    folder.mkdir()
    for file in source.glob("*.ndjson"):
        whole = file.read_text().splitlines(keepends=True)
        (folder / file.name).write_text("".join(whole[:: len(whole) // lines + 1]))
    return folder


def silver(lake):
    """The silver datasets of a lake."""
    return [step.dataset for step in lake.lake_plan.steps if step.dataset.startswith("silver.")]


def test_reading_all_again_elsewhere_changes_nothing(full_lake, elsewhere):
    """Each silver step finds the rows, rejects, counts and rule results that the own session finds."""
    lake, here = full_lake
    before = content(lake)
    with elsewhere.working():
        there = lake.run(*silver(lake), full=True)
    assert settled(there) == settled(here)
    # References between datasets are looked at where one of them changed.
    measured = {(each.dataset, each.rule) for each in there.quality}
    assert told(there)[1] == [each for each in told(here)[1] if each[:2] in measured]
    assert difference(before, content(lake)) == {}
    assert sum(each.quarantined for each in there.steps) > 10
    assert sum(each.unchanged for each in there.steps) > 1000
    assert not any(each.landed for each in there.steps)
    kinds = {name for name, *_ in elsewhere.sent}
    assert kinds == {"contained_found", "typed", "refused"}


def bring(lake, folder, arriving):
    """Bring in what arrives in a round, and bring the lake up to date."""
    land(lake, folder, arriving)
    return lake.run()


def test_news_read_elsewhere_leads_to_the_same_lake(tmp_path, elsewhere):
    """Versions, deletions, merges, moves, what is contained, records and used keys, as they come in."""
    contracts = record_contracts(tmp_path / "contracts")
    names, reports = ("here", "there"), {"here": [], "there": []}
    for name in names:
        with a360.open(tmp_path / name, contracts=contracts):
            pass
    shutil.rmtree(tmp_path / "there/keys")
    shutil.copytree(tmp_path / "here/keys", tmp_path / "there/keys")
    arriving, found = list(news(3, 2)), []
    for name in names:
        working = elsewhere.working() if name == "there" else nullcontext()
        with a360.open(tmp_path / name, contracts=contracts) as lake, working:
            for number, each in enumerate(arriving):
                reports[name].append(told(bring(lake, tmp_path / f"{name}-{number}", each)))
            found.append(content(lake, ("silver", "gold", "quarantine")))
    assert reports["there"] == reports["here"]
    assert difference(*found) == {}
    for dataset in ("silver.patient_link", "silver.member", "silver.tap", "quarantine.tap"):
        assert found[0][dataset], dataset


ELSEWHERE = """
import pickle, sys
import pyarrow as pa

pickled, rows, schema = pickle.load(sys.stdin.buffer)
made = pa.Table.from_batches(list(pickle.loads(pickled)(iter(rows))), schema)
pickle.dump(made, sys.stdout.buffer)
"""


@pytest.fixture(scope="module")
def sent(module_lake, put):
    """A lake that has read patients elsewhere, and what was sent there and came back."""
    inside = patient("p", ids=["inner-secret"], name=[{"family": "Innerlich"}])
    put(
        module_lake,
        patient("p1", ids=["mrn-secret"], name=[{"family": "Okafor"}]),
        patient("p2", name=[{"family": "Refused"}], gender="none of these"),
        bundle(entry(practitioner("d1", ids=["npi-1"]), "urn:uuid:doctor"), kind="collection"),
        encounter("e1", "#p", by="urn:uuid:doctor", contained=[inside]),
        encounter("e2", "Patient?identifier=urn:s|mrn-secret"),
        observation("o1", components=2),
    )
    with pytest.MonkeyPatch.context() as patched:
        elsewhere = Elsewhere(patched)
        with elsewhere.working():
            report = module_lake.run()
    assert steps_of(report)["silver.patient"].quarantined == 1
    return module_lake, elsewhere.sent


def test_nothing_in_clear_and_no_key_is_sent_or_comes_back(sent):
    """What goes to other processes, and what comes back, holds no key and nothing that identifies."""
    lake, exchanged = sent
    store = LocalKeyStore.open(lake.path / "keys")
    master = (lake.path / "keys/master.key").read_bytes()
    keys = [master, store.secret("tokens"), store.secret("digests"), store._opened.root]
    keys += store.data_keys(list(store.key_ids()))
    told_in_clear = ["Okafor", "Refused", "Innerlich", "mrn-secret", "inner-secret", "|p1", "Patient/p1"]
    assert {name for name, *_ in exchanged} == {"contained_found", "typed", "refused"}
    for name, pickled, rows, found in exchanged:
        for key in keys:
            assert key[:8] not in pickled
        for text in told_in_clear:
            assert text.encode() not in pickled
            for table in (*rows, found):
                assert text.encode() not in pickle.dumps(table), (name, text)


def test_functions_do_their_work_in_a_process_of_their_own(sent):
    """What was pickled here gives there the rows that it gave here, less what is sealed anew each time."""
    _, exchanged = sent
    for name in ("typed", "contained_found", "refused"):
        _, pickled, rows, found = next(each for each in exchanged if each[0] == name)
        given = pickle.dumps((pickled, rows, found.schema))
        done = subprocess.run(
            [sys.executable, "-c", ELSEWHERE], input=given, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        made = pickle.loads(done.stdout)
        kept = [each for each in found.column_names if each != "payload"]
        order = [(each, "ascending") for each in kept[:3]]
        assert made.select(kept).sort_by(order).equals(found.select(kept).sort_by(order))
