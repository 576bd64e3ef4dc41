"""An ingest as a whole: what is committed, once, and counted."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime

import pyarrow as pa
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.catalog import CommitStamp
from a360.errors import ConflictError, UsageError
from a360.failpoints import FailpointError
from a360.ingest import Limits, committed_batches, sweep_uncommitted
from a360.ingest import _run as run_module
from a360.protect import LocalKeyStore, path_context
from a360.table import new_commit_id

MANY = Limits(chunk_bytes=2000, block_bytes=1000, staged_bytes=3000, staged_rows=40)


def _patients(numbers, **members):
    """NDJSON of patients with these numbers."""
    return b"".join(
        json.dumps({"resourceType": "Patient", "id": f"p{each}", **members}).encode() + b"\n"
        for each in numbers
    )


def _counts(report):
    """The counts of a report, by name."""
    return {
        name: getattr(report, name) for name in ("read", "landed", "quarantined", "duplicates", "unchanged")
    }


@pytest.fixture(scope="module")
def shared_lake(tmp_path_factory, open_lake):
    """A lake that examples share, each under a source of its own."""
    with open_lake(tmp_path_factory.mktemp("shared") / "lake") as opened:
        yield opened


def test_envelopes_say_what_payloads_say(lake, inbox, identity):
    """An envelope row holds what its payload says, and the payload is found by block and line."""
    resource = {
        "resourceType": "Observation",
        "id": "o1",
        "meta": {"versionId": "7", "lastUpdated": "2026-01-02T03:04:05.678+02:00"},
        "contained": [{"resourceType": "Patient"}, {"resourceType": "Wizard"}, {"resourceType": "Device"}],
        "subject": {"reference": "Patient/p1"},
    }
    odd = {"resourceType": "Encounter", "id": "e1", "meta": {"versionId": "a b", "lastUpdated": "yesterday"}}
    visit = {
        "resourceType": "Appointment",
        "id": "a1",
        "participant": [{"actor": {"reference": "Location/l"}}, {"actor": {"reference": "Patient/p1"}}],
    }
    lines = [json.dumps(each).encode() for each in (resource, odd, visit)]
    (inbox / "Bundle.1.ndjson").write_bytes(b"\n".join(lines))
    result = lake.ingest(inbox, source="clinic")
    rows = lake.resources()
    assert [row["text"] for row in rows] == lines
    first = rows[0]
    patient = lake.tokenizer.tokens("patient", _array("clinic|p1"))[0].as_py()
    assert first["last_updated"].isoformat() == "2026-01-02T01:04:05.678000+00:00"
    assert (first["version_id"], first["contained"], first["deleted"]) == ("7", "Patient,Device", False)
    assert (first["resource_id"], first["file"], first["offset"]) == ("o1", "Bundle.1.ndjson", 0)
    assert first["content_hash"] == lake.tokenizer.digests(_array(lines[0]))[0].as_py()
    assert [row["subject_token"] for row in rows] == [patient, None, patient]
    assert (rows[1]["version_id"], rows[1]["last_updated"]) == (None, None)
    assert {row["commit_id"] for row in rows} == {result.report.commit_id}
    assert [row["source"] for row in rows] == ["clinic"] * 3
    blocks = lake.tables.read("bronze.fhir_block").to_pylist()
    assert Counter(row["resource_type"] for row in blocks) == Counter(row["resource_type"] for row in rows)
    assert sum(row["rows"] for row in blocks) == len(rows)


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.lists(
        st.lists(st.integers(0, 60) | st.just("bad"), max_size=40).flatmap(
            lambda lines: st.tuples(st.just(lines), st.sampled_from(["plain", "gzip", "zstd", "bundle"]))
        ),
        min_size=1,
        max_size=4,
    )
)
def test_every_unit_is_accounted_for(shared_lake, tmp_path_factory, files):
    """Resources land once in any form, repeats are duplicates, refused lines are kept, and all adds up."""
    lake, folder = shared_lake, tmp_path_factory.mktemp("files")
    source = folder.name.replace("_", "-")
    expected, refused, read = {}, 0, 0
    for place, (lines, form) in enumerate(files):
        texts = []
        for line in lines:
            kind = "Patient" if line == "bad" or line % 2 else "Observation"
            body = {"resourceType": kind, **({} if line == "bad" else {"id": f"r{line}", "x": "é" * line})}
            texts.append(json.dumps(body, ensure_ascii=False).encode())
            read += 1
            refused += line == "bad"
            if line != "bad":
                expected.setdefault(texts[-1], None)
        joined = b"\n".join(texts)
        if form == "bundle":
            entries = b",".join(b'{"resource":%s}' % each for each in texts)
            joined = b'{"resourceType":"Bundle","entry":[%s]}' % entries
        pack = {"gzip": gzip.compress, "zstd": zstandard.compress}.get(form, bytes)
        (folder / f"Bundle.{place}.json").write_bytes(pack(joined))
    before = len(lake.refused())

    result = lake.ingest(folder, source=source, limits=MANY)

    rows = [row for row in lake.resources() if row["source"] == source]
    assert [row["text"] for row in rows] == list(expected)
    assert len(lake.refused()) - before == refused
    report = result.report
    assert _counts(report) == {
        "read": read,
        "landed": len(expected),
        "quarantined": refused,
        "duplicates": read - refused - len(expected),
        "unchanged": 0,
    }
    report.require_reconciled()
    stamped = next(each for each in lake.tables.commits("bronze.fhir_resource")[::-1])
    assert stamped.commit_id == report.commit_id
    assert stamped.counts["read"] == read


def test_the_same_file_twice_adds_nothing(lake, inbox):
    """Known files commit nothing, and are counted by what was read from them; a copy is known too."""
    (inbox / "Patient.ndjson").write_bytes(_patients(range(30)) + b"bad\n")
    first = lake.ingest(inbox, limits=MANY)
    snapshots = lake.snapshots()
    (inbox / "copy.json").write_bytes((inbox / "Patient.ndjson").read_bytes())
    again = lake.ingest(inbox, inbox / "Patient.ndjson")
    assert lake.snapshots() == snapshots
    assert again.report.commit_id is None
    assert _counts(first.report) == {
        "read": 31,
        "landed": 30,
        "quarantined": 1,
        "duplicates": 0,
        "unchanged": 0,
    }
    assert (again.report.read, again.report.unchanged, again.report.output_rows) == (62, 62, 0)


def test_nothing_to_read_commits_nothing(lake, inbox):
    """An empty folder commits nothing."""
    snapshots = lake.snapshots()
    result = lake.ingest(inbox)
    assert (result.report.commit_id, result.report.read, result.files) == (None, 0, ())
    assert lake.snapshots() == snapshots


def test_known_content_in_new_files_is_duplicate(lake, inbox):
    """A resource that is in bronze from the source counts as duplicate; from another source it lands."""
    (inbox / "Patient.1.ndjson").write_bytes(_patients(range(10)))
    lake.ingest(inbox)
    (inbox / "Patient.2.ndjson").write_bytes(b"\r\n".join(_patients(range(5, 15)).splitlines()))
    result = lake.ingest(inbox)
    assert _counts(result.report) == {
        "read": 20,
        "landed": 5,
        "quarantined": 0,
        "duplicates": 5,
        "unchanged": 10,
    }
    assert lake.ingest(inbox, source="other").report.landed == 15


@pytest.mark.parametrize("calls", [1, 3])
def test_a_source_that_returns_to_an_old_state_is_believed(lake, inbox, calls):
    """Bytes that came before land again if others came since; versions told apart in meta do not."""
    states = [b'"active":true', b'"active":false', b'"active":true', b'"active":true']
    told = [b'"meta":{"versionId":"%d"},%s' % (state == states[1], state) for state in states]
    landed = 0
    for number, (plain, versioned) in enumerate(zip(states, told, strict=True)):
        lines = [
            b'{"resourceType":"Practitioner","id":"plain",%s}' % plain,
            b'{"resourceType":"Practitioner","id":"told",%s}' % versioned,
        ]
        # The bytes of a whole file that came before would add nothing: they differ in a blank line.
        (inbox / f"Practitioner.{number}.ndjson").write_bytes(b"\n".join(lines) + b"\n" * number)
        if calls > 1:
            landed += lake.ingest(inbox).report.landed
    if calls == 1:
        landed = lake.ingest(inbox).report.landed
    assert landed == 3 + 2
    assert lake.ingest(inbox).report.landed == 0


def test_a_file_of_known_content_is_remembered(lake, inbox):
    """A new file that brings nothing new makes a batch of no rows, and is known from then on."""
    (inbox / "Patient.1.ndjson").write_bytes(_patients(range(3)))
    lake.ingest(inbox)
    (inbox / "Patient.2.ndjson").write_bytes(_patients([2, 1, 0]))
    result = lake.ingest(inbox)
    assert result.report.commit_id in committed_batches(lake.tables)
    assert (result.report.landed, result.report.duplicates) == (0, 3)
    assert lake.ingest(inbox).report.commit_id is None


def test_records_of_files(lake, inbox):
    """Each file read has a record that names nobody; its path opens with the lake's keys alone."""
    (inbox / "Jane_Canary.json").write_bytes(_patients([1]))
    result = lake.ingest(inbox)
    (record,) = lake.tables.read("ops.ingested_file").to_pylist()
    assert record["file"].startswith("file-")
    assert record["file"].endswith(".json")
    context = path_context(record["commit_id"], record["digest"])
    assert lake.sealer.unseal(record["path"], context) == str(inbox / "Jane_Canary.json").encode()
    assert (record["read"], record["landed"], record["bytes"]) == (1, 1, result.files[0].bytes)
    assert result.files[0].file == record["file"]


def test_exports_with_deletions_and_errors(lake, inbox):
    """Deleted outputs become rows without payload at the export's time; error outputs are filtered."""
    (inbox / "Patient.ndjson").write_bytes(_patients([1, 2]))
    deleted = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"request": {"method": "DELETE", "url": f"Patient/p{each}"}} for each in (2, 3)],
    }
    lines = [json.dumps(deleted), json.dumps({"resourceType": "Encounter", "id": "e1"})]
    (inbox / "gone.ndjson").write_text("\n".join(lines))
    (inbox / "errors.ndjson").write_bytes(b'{"resourceType":"OperationOutcome"}\n\n{"x":1}\n')
    manifest = {
        "transactionTime": "2026-02-03T04:05:06Z",
        "output": [{"type": "Patient", "url": "x/Patient.ndjson"}],
        "deleted": [{"type": "Bundle", "url": "x/gone.ndjson"}],
        "error": [{"type": "OperationOutcome", "url": "x/errors.ndjson"}],
    }
    (inbox / "manifest.json").write_text(json.dumps(manifest))
    result = lake.ingest(inbox)
    assert (result.report.read, result.report.landed, result.report.filtered) == (7, 5, 2)
    rows = [row for row in lake.resources() if row["deleted"]]
    assert [row["resource_type"] for row in rows] == ["Patient", "Patient", "Encounter"]
    assert {row["last_updated"].isoformat() for row in rows} == {"2026-02-03T04:05:06+00:00"}
    assert all(row["block_id"] is None and row["position"] is None for row in rows)
    live = [row for row in lake.resources() if not row["deleted"]]
    assert rows[0]["resource_id"] == rows[0]["subject_token"] == live[1]["resource_id"]


def test_deletions_without_a_time_are_dated_by_their_arrival(lake, inbox):
    """A deletion that nobody dates is as old as its ingest; the same Bundle again is a duplicate."""
    entry = {"request": {"method": "DELETE", "url": "Patient/p1"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    (inbox / "a.json").write_text(json.dumps(bundle))
    lake.ingest(inbox)
    (row,) = lake.resources()
    assert row["last_updated"] == row["known_at"]
    (inbox / "b.json").write_text(json.dumps(bundle) + "\n")
    assert lake.ingest(inbox).report.duplicates == 1


@pytest.mark.parametrize("source", ["", "a|b", "a/b", "-a", "a" * 65, "a\n"])
def test_sources_have_plain_names(lake, inbox, source):
    """A source's name that could be read two ways in a token is refused."""
    with pytest.raises(UsageError):
        lake.ingest(inbox, source=source)


def test_a_rival_that_landed_the_same_is_told(lake, inbox, monkeypatch):
    """Where another ingest lands the same resources meanwhile, the call fails; the next counts them."""
    (inbox / "Patient.1.ndjson").write_bytes(_patients([1, 2, 3]))
    (inbox / "Patient.2.ndjson").write_bytes(_patients([3, 4]))
    _with_rival(monkeypatch, lambda: lake.ingest(inbox / "Patient.2.ndjson"))
    with pytest.raises(ConflictError):
        lake.ingest(inbox / "Patient.1.ndjson")
    assert [row["text"] for row in lake.resources()] == _patients([3, 4]).splitlines()
    report = lake.ingest(inbox).report
    assert (report.landed, report.duplicates, report.unchanged) == (2, 1, 2)


def test_a_rival_with_other_resources_is_no_trouble(lake, inbox, monkeypatch):
    """Two ingests that share nothing both land, and both before and after the other's commit."""
    (inbox / "Patient.1.ndjson").write_bytes(_patients([1, 2, 3]))
    (inbox / "Patient.2.ndjson").write_bytes(_patients([4, 5]))
    _with_rival(monkeypatch, lambda: lake.ingest(inbox / "Patient.2.ndjson"))
    assert lake.ingest(inbox / "Patient.1.ndjson").report.landed == 3
    assert len(lake.resources()) == 5


def _with_rival(monkeypatch, rival):
    """Let a rival act just before the next commit."""
    commit = run_module.commit

    def later(*args, **options):
        monkeypatch.setattr(run_module, "commit", commit)
        rival()
        commit(*args, **options)

    monkeypatch.setattr(run_module, "commit", later)


def test_leftovers_are_swept(lake, inbox):
    """What a batch that never landed left behind is deleted, once it is older than any running call."""
    (inbox / "Patient.ndjson").write_bytes(_patients([1]) + b"bad\n")
    lake.ingest(inbox)
    kept = lake.tables.read("quarantine.fhir_resource")
    lost = new_commit_id()
    row = kept.to_pylist()[0] | {"commit_id": lost}
    lake.tables.append("quarantine.fhir_resource", kept.from_pylist([row]), CommitStamp(lost))
    assert sweep_uncommitted(lake.tables, before_commit_id=lost) == []
    swept = sweep_uncommitted(lake.tables, before_commit_id=new_commit_id())
    assert [each.table for each in swept] == ["quarantine.fhir_resource"]
    assert lake.tables.read("quarantine.fhir_resource").to_pylist() == kept.to_pylist()


def test_a_failed_call_cleans_up(lake, inbox, monkeypatch):
    """A call that fails before its commit leaves no data file and no data key behind."""
    (inbox / "Patient.ndjson").write_bytes(_patients(range(100)) + b"bad\n")
    monkeypatch.setenv("A360_FAILPOINTS", "ingest.envelope.after-stage=raise")
    with pytest.raises(FailpointError):
        lake.ingest(inbox, limits=MANY)
    assert not list(lake.folder.rglob("*.parquet"))
    assert not list(LocalKeyStore.open(lake.folder / "keys").key_ids())


def test_batches_are_known_after_their_snapshots_expire(lake, inbox):
    """The record of commits tells of batches whose snapshots are gone."""
    (inbox / "Patient.ndjson").write_bytes(_patients([1]))
    first = lake.ingest(inbox).report.commit_id
    (inbox / "Patient.2.ndjson").write_bytes(_patients([2]))
    second = lake.ingest(inbox).report.commit_id
    lake.tables.record()
    lake.tables.expire("bronze.fhir_resource", datetime.now(UTC))
    assert len(lake.tables.snapshots("bronze.fhir_resource")) == 1
    assert committed_batches(lake.tables) == {first, second}


def test_progress_is_told(lake, inbox):
    """Progress counts the bytes of files up to their sum, by labels."""
    (inbox / "Patient.ndjson").write_bytes(_patients([1]))
    (inbox / "Jane.json").write_bytes(_patients([2]))
    told = []
    result = lake.ingest(inbox, progress=lambda *each: told.append(each))
    sizes = [each.bytes for each in result.files]
    labels = [each.file for each in result.files]
    assert {(stage, total) for stage, _, _, total in told} == {("ingest", sum(sizes))}
    assert [done for _, _, done, _ in told] == sorted(done for _, _, done, _ in told)
    assert ("ingest", labels[0], sizes[0], sum(sizes)) in told
    assert told[-1] == ("ingest", labels[1], sum(sizes), sum(sizes))


def _array(value):
    """An Arrow array of one value."""
    return pa.array([value])
