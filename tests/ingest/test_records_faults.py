"""Extracts and messages killed in the middle, taken in twice, and by two at once."""

import json
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from a360.ingest import FHIR, RECORDS, Limits, committed_batches, sweep_uncommitted
from a360.table import new_commit_id

# Small bounds, so that every stage is passed more than once.
LIMITS = Limits(chunk_bytes=2000, record_bytes=500, block_bytes=1500, staged_bytes=500, staged_rows=30)
POINTS = [
    "ingest.block.after-stage@2",
    "ingest.envelope.after-stage",
    "ingest.commit.before-blocks",
    "ingest.commit.before-quarantine",
    "ingest.commit.before-files",
    "ingest.commit.before-main",
    "ingest.commit.after-main",
]
ADT = (
    "MSH|^~\\&|EMR|CLINIC|LAKE|HOME|20240105100000||ADT^A04^ADT_A01|{at}|P|2.5.1\r"
    "EVN|A04|20240105100000\r"
    "PID|1||{at}^^^MAIN&2.16.840.1.113883.3.1&ISO^MR||Doe^Jane||19800203|F\r"
    "PV1|1|O|ROOM^1^A^CLINIC||||||||||||||||V{at}^^^MAIN&2.16.840.1.113883.3.1&ISO^VN\r"
)


def _fill(inbox):
    """Shifts of providers, some of them faulty, in two files."""
    header = "shift_no,provider_npi,clinic,room,work_date,starts_at,ends_at,break_minutes,status,changed_at\n"
    rest = "C1,R1,2024-01-05,09:00,17:00,30,worked"
    good = [f"S{at},P{at % 7},{rest},2024-01-05T10:00:{at % 60:02d}Z\n" for at in range(150)]
    bad = ["S900,P1\n", f",P1,{rest},2024-01-05T10:00:00Z\n", f'S901,"P1,{rest},2024-01-05T10:00:00Z\n']
    (inbox / "one.csv").write_text(header + "".join(good[:90]) + "".join(bad))
    (inbox / "two.csv").write_text(header + "".join(good[60:]))


def _content(lake):
    """What a lake holds of batches that have landed, less times, commits and blocks."""
    apart = {"known_at", "commit_id", "block_id", "position", "payload", "path"}
    landed = committed_batches(lake.tables, RECORDS)

    def bare(rows):
        kept = [row for row in rows if row["commit_id"] in landed]
        return [{key: value for key, value in row.items() if key not in apart} for row in kept]

    files = bare(lake.tables.read("ops.ingested_file").to_pylist())
    return (
        bare(lake.records()),
        bare(lake.refused("quarantine.record")),
        sorted(files, key=lambda row: row["digest"]),
    )


@pytest.fixture(scope="session")
def ingest(ingest_apart, plan):
    """Ingests extracts in a process of its own, and gives its exit code."""
    receptions = [plan.reception("provider_schedule")]

    def start(folder, inbox, failpoints=""):
        arguments = (inbox, "csv", receptions)
        options = {"record": "provider_schedule", "limits": LIMITS, "failpoints": failpoints}
        return ingest_apart(folder, "ingest_records", *arguments, **options)

    return start


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, open_lake, ingest):
    """A lake that was never disturbed, and its input."""
    folder = tmp_path_factory.mktemp("undisturbed")
    inbox = folder / "inbox"
    inbox.mkdir()
    _fill(inbox)
    assert ingest(folder / "lake", inbox) == 0
    with open_lake(folder / "lake") as lake:
        content = _content(lake)
        assert (len(content[0]), len(content[1])) == (150, 3)
        yield lake, inbox, content


@pytest.mark.faults
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_ingest_of_records_leaves_nothing_half_done(undisturbed, open_lake, ingest, tmp_path, point):
    """Killed anywhere, an ingest shows no reader a part of a batch, and run again gives the same lake."""
    reference, inbox, expected = undisturbed
    shutil.copytree(reference.folder / "keys", tmp_path / "lake" / "keys")
    name, _, passage = point.partition("@")
    failpoint = f"{name}=kill" + (f"@{passage}" if passage else "")
    assert ingest(tmp_path / "lake", inbox, failpoint) == -signal.SIGKILL
    with open_lake(tmp_path / "lake") as lake:
        landed = point == "ingest.commit.after-main"
        assert _content(lake) == (expected if landed else ([], [], []))
    assert ingest(tmp_path / "lake", inbox) == 0
    with open_lake(tmp_path / "lake") as lake:
        assert _content(lake) == expected
        sweep_uncommitted(lake.tables, before_commit_id=new_commit_id())
        assert _content(lake) == expected
        commits = {row["commit_id"] for row in lake.tables.read("bronze.record_block").to_pylist()}
        assert commits == committed_batches(lake.tables, RECORDS)


@pytest.mark.faults
@pytest.mark.parametrize("point", ["ingest.commit.before-companion", "ingest.commit.before-main"])
def test_messages_do_not_land_without_their_resources(open_lake, ingest_apart, tmp_path, point):
    """Killed between the commits of a batch, messages count as not received; the next ingest lands both."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "a.hl7").write_text("".join(ADT.format(at=at) for at in range(3)))
    work = (tmp_path / "lake", "ingest_messages", inbox)
    assert ingest_apart(*work, limits=LIMITS, failpoints=f"{point}=kill") == -signal.SIGKILL
    with open_lake(tmp_path / "lake") as lake:
        left = lake.tables.read("bronze.record")["commit_id"].to_pylist()
        assert bool(left) is (point == "ingest.commit.before-main")
        assert committed_batches(lake.tables, RECORDS) == committed_batches(lake.tables, FHIR) == set()
    assert ingest_apart(*work, limits=LIMITS) == 0
    with open_lake(tmp_path / "lake") as lake:
        [batch] = committed_batches(lake.tables, RECORDS)
        assert committed_batches(lake.tables, FHIR) == {batch}
        sweep_uncommitted(lake.tables, before_commit_id=new_commit_id())
        assert {row["commit_id"] for row in lake.records()} == {batch}
        assert len(lake.records()) == 3
        assert len(lake.tables.read("ops.ingested_file")) == 1


def test_two_at_once_land_each_row_once(open_lake, ingest, tmp_path):
    """Two processes that take in the same files land each row once; one may be told to try again."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    _fill(inbox)
    with open_lake(tmp_path / "lake") as lake:
        lake.make_record_tables()
    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(lambda _: ingest(tmp_path / "lake", inbox), range(2)))
    assert 0 in codes
    assert ingest(tmp_path / "lake", inbox) == 0
    with open_lake(tmp_path / "lake") as lake:
        texts = [json.loads(row["text"])["shift_no"] for row in lake.records()]
        assert sorted(texts) == sorted({f"S{at}" for at in range(150)})
