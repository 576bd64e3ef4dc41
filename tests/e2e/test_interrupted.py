"""Processes that are killed, and processes that work at once: the lake ends as if neither had happened."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from fhir_samples import bundle, deletion, encounter, observation, patient, practitioner
from forked_work import exit_code
from lakes import content, difference, require_commits_on_record, rows_of, write_ndjson

import a360

pytestmark = [pytest.mark.e2e, pytest.mark.faults]

INGEST_POINTS = [
    "ingest.block.after-stage",
    "ingest.commit.before-quarantine",
    "ingest.commit.before-main",
    "catalog.commit.after-swap@2",
    "ingest.commit.after-main",
]
RUN_POINTS = [
    "refine.silver.batch@2",
    "catalog.commit.after-swap@1",
    "refine.silver.between-commits@2",
    "catalog.commit.before-swap@2",
    "refine.gold.staged",
    "table.commit.after@2",
]


def a360_process(lake, contracts, *arguments):
    """A command on a lake, as a user gives it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
    environ["A360_CONTRACTS"] = str(contracts)
    return subprocess.Popen(
        [sys.executable, "-m", "a360", "--lake", lake, "--json", *map(str, arguments)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(process):
    """The report of a command that must end well."""
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return json.loads(out)


def news(folder):
    """Two portions of news, each with what is refused at ingest, refused by rules, deleted, and repeated."""
    portions = []
    for number in (1, 2):
        day = f"2026-01-0{number}T00:00:00Z"
        portion = write_ndjson(
            folder / str(number),
            [
                *(patient(f"p{n}", updated=day, ids=[f"v{n}"], birthDate=f"198{number}") for n in range(3)),
                patient(f"odd-{number}", gender="none of these"),
                practitioner(f"d{number}", ids=["d"]),
                *(
                    encounter(f"e{n}-{number}", "Patient?identifier=urn:s|v1", by="Practitioner/d1")
                    for n in (1, 2)
                ),
                encounter("e", "Patient/p0", updated=day, status="nonsense" if number == 1 else "finished"),
                observation("o", "Patient/p1", components=4 - number, updated=day),
            ],
        )
        (portion / "Bundle.json").write_text(
            json.dumps(bundle(*deletion(f"Patient/p{number}"), timestamp=day.replace("T00", "T09")))
        )
        (portion / "Observation.broken.ndjson").write_text('{"resourceType": "Observation"\n{"no": "type"}\n')
        portions.append(portion)
    return portions


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, contracts):
    """The portions of news, a lake that took them without disturbance, and what it holds after each."""
    base = tmp_path_factory.mktemp("undisturbed")
    portions = news(base / "news")
    held = []
    with a360.open(base / "lake", contracts=contracts) as lake:
        for portion in portions:
            lake.ingest(portion)
            lake.run()
            held.append(content(lake))
    return portions, base / "lake", held


@pytest.fixture
def twin(tmp_path, contracts, undisturbed):
    """A lake with the same keys, in which the first portion has arrived."""
    portions, other, held = undisturbed
    with a360.open(tmp_path / "lake", contracts=contracts):
        pass
    shutil.rmtree(tmp_path / "lake/keys")
    shutil.copytree(other / "keys", tmp_path / "lake/keys")
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        lake.ingest(portions[0])
        lake.run()
        assert difference(content(lake), held[0]) == {}
    return tmp_path / "lake"


def test_killed_again_and_again_the_lake_ends_as_if_undisturbed(twin, contracts, undisturbed):
    """Ingest and run, killed at one point after the other and repeated, give the lake of an undisturbed one.

    All rows are the same but for when and by which commit they came; what the killed left behind is gone.
    """
    portions, _, held = undisturbed
    for points, work in ((INGEST_POINTS, ("ingest", portions[1])), (RUN_POINTS, ("run",))):
        verb, *arguments = work
        for point in points:
            ended = exit_code(verb, twin, contracts, *arguments, failpoint=point)
            assert ended == -signal.SIGKILL, point
        assert exit_code(verb, twin, contracts, *arguments) == 0
    with a360.open(twin, contracts=contracts) as lake:
        assert difference(content(lake), held[1]) == {}
        assert not lake.ingest(portions[1]).changed
        assert not lake.run().changed
        batches = rows_of(lake, "SELECT commit_id FROM ops.ingested_file GROUP BY commit_id")
        assert len(batches) == 2
        require_commits_on_record(lake)


def test_processes_that_work_at_once_lose_and_repeat_nothing(twin, contracts, undisturbed):
    """Two ingests of the same files and two runs at the same time all succeed, and their news counts once."""
    portions, _, held = undisturbed
    both = [a360_process(twin, contracts, "ingest", "fhir", portions[1]) for _ in range(2)]
    ingested = [done(process)[0] for process in both]
    assert sorted(step["landed"] > 0 for step in ingested) == [False, True]
    assert ingested[0]["read"] == ingested[1]["read"]
    both = [a360_process(twin, contracts, "run") for _ in range(2)]
    ran = [{step["dataset"] for step in done(process) if step["commit_id"]} for process in both]
    assert sorted(map(bool, ran)) == [False, True]
    with a360.open(twin, contracts=contracts) as lake:
        assert difference(content(lake), held[1]) == {}
