"""Killed in the middle: readers see whole batches only, and a second call makes the lake whole."""

import json
import shutil
import signal

import pyarrow.parquet as pq
import pytest

from a360.ingest import Limits, committed_batches

# Small bounds, so that every stage is passed more than once.
LIMITS = Limits(chunk_bytes=3000, block_bytes=1500, staged_bytes=500, staged_rows=30)
POINTS = [
    "ingest.file.after-read@2",
    "ingest.block.after-stage",
    "ingest.block.after-stage@3",
    "ingest.envelope.after-stage",
    "ingest.commit.before-blocks",
    "ingest.commit.before-quarantine",
    "ingest.commit.before-files",
    "ingest.commit.before-main",
    "ingest.commit.after-main",
]
NAMES = [f"Canaryname{each}" for each in range(50)]
PHONES = [f"+4477009{each:05d}" for each in range(50)]
RECORDS = [f"MRN-{each * 7919:08d}" for each in range(50)]


def _fill(inbox):
    """Files of patients with canaries in every place that ingest reads: content, ids, names, rejects."""
    lines = []
    for name, phone, record in zip(NAMES, PHONES, RECORDS, strict=True):
        patient = {
            "resourceType": "Patient",
            "id": record,
            "name": [{"family": name}],
            "telecom": [{"value": phone}],
            "identifier": [{"system": "urn:mrn", "value": record}],
        }
        seen = {
            "resourceType": "Observation",
            "id": f"o{len(lines)}",
            "subject": {"reference": f"Patient/{record}"},
            "note": [{"text": f"{name} called from {phone}"}],
        }
        lines += [json.dumps(patient), json.dumps(seen), f'{{"resourceType":"Patient","name":"{name}",}}']
    (inbox / "Patient.1.ndjson").write_text("\n".join(lines[:60]))
    (inbox / f"{NAMES[0]}.ndjson").write_text("\n".join(lines[60:]))
    entries = [
        {"fullUrl": f"https://ehr.example/{record}", "resource": {"resourceType": "Patient", "id": record}}
        for record in RECORDS
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
    (inbox / f"bundle {PHONES[0]}.json").write_text(json.dumps(bundle, indent=1))


def _found_in_clear(folder):
    """The canaries in any file's bytes or name, or in the pages of a Parquet file."""
    canaries = [each.encode() for each in (*NAMES, *PHONES, *RECORDS)]
    found = set()
    for path in folder.rglob("*"):
        haystacks = [str(path).encode()]
        if path.is_file():
            haystacks.append(path.read_bytes())
            if path.suffix == ".parquet":
                haystacks.append(repr(pq.read_table(path).to_pydict()).encode())
        found |= {(str(path), canary) for canary in canaries for haystack in haystacks if canary in haystack}
    return found


def _content(lake):
    """What a lake holds, less times, commits and blocks."""
    apart = {"known_at", "commit_id", "block_id", "position", "payload", "path"}
    landed = committed_batches(lake.tables)

    def bare(rows):
        return [
            {key: value for key, value in row.items() if key not in apart}
            for row in rows
            if row["commit_id"] in landed
        ]

    files = bare(lake.tables.read("ops.ingested_file").to_pylist())
    return bare(lake.resources()), bare(lake.refused()), sorted(files, key=lambda row: row["digest"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, open_lake, ingest_apart):
    """A lake that was never disturbed, and its input."""
    folder = tmp_path_factory.mktemp("undisturbed")
    inbox = folder / "inbox"
    inbox.mkdir()
    _fill(inbox)
    assert ingest_apart(folder / "lake", "ingest", inbox, limits=LIMITS) == 0
    with open_lake(folder / "lake") as lake:
        yield lake, inbox, _content(lake)


@pytest.mark.faults
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_ingest_leaves_nothing_half_done(undisturbed, open_lake, ingest_apart, tmp_path, point):
    """Killed anywhere, an ingest shows no reader a part of a batch, and run again gives the same lake."""
    reference, inbox, expected = undisturbed
    shutil.copytree(reference.folder / "keys", tmp_path / "lake" / "keys")
    name, _, passage = point.partition("@")
    failpoint = f"{name}=kill" + (f"@{passage}" if passage else "")
    ended = ingest_apart(tmp_path / "lake", "ingest", inbox, limits=LIMITS, failpoints=failpoint)
    assert ended == -signal.SIGKILL
    assert _found_in_clear(tmp_path / "lake") == set()
    with open_lake(tmp_path / "lake") as lake:
        landed = point == "ingest.commit.after-main"
        assert _content(lake) == (expected if landed else ([], [], []))
        again = lake.ingest(inbox)
        assert (again.report.commit_id is None) == landed
        assert _content(lake) == expected


def test_nothing_lies_in_clear(undisturbed):
    """No name, phone or record number of 50 patients is in any file of the lake, Parquet pages included."""
    lake, inbox, expected = undisturbed
    assert len(expected[0]) == 150
    assert len(expected[1]) == 50
    assert _found_in_clear(lake.folder) == set()
    assert _found_in_clear(inbox) != set()
