"""The doctor: each check is broken for real, and finds it, and says how to mend it."""

import hashlib
import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from fhir_samples import encounter, patient
from lakes import Pattern

import a360
from a360.catalog.store._seals import teach
from a360.lake import examine
from a360.operate._doctor import _machine
from a360.settings import load_settings

DAY_AND_MORE = 2 * 86400


@pytest.fixture(scope="module")
def pattern(tmp_path_factory, contracts, put):
    """A lake to start from: making one takes longer than breaking it."""
    folder = tmp_path_factory.mktemp("pattern") / "lake"
    with a360.open(folder, contracts=contracts) as lake:
        put(lake, patient("p1"), encounter("e1"))
        lake.run()
    return Pattern(folder)


@pytest.fixture
def path(pattern, monkeypatch):
    """The lake as if no test had touched it, in a folder with nothing else."""
    monkeypatch.chdir(pattern.folder.parent)
    for name in [name for name in os.environ if name.startswith("A360_")]:
        monkeypatch.delenv(name)
    anchor = pattern.folder.parent / "checkpoints"
    anchor.mkdir(exist_ok=True)
    monkeypatch.setenv("A360_AUDIT_ANCHOR", str(anchor))
    return pattern.again()


@pytest.fixture
def look(path, contracts):
    """What the doctor says of the lake, by the name of the check."""

    def see(**flags):
        checks = examine(load_settings(lake=path, contracts=contracts, **flags))
        return {each.name: each for each in checks}

    return see


def unwell(checks):
    return {name: each.status for name, each in checks.items() if each.status != "ok"}


def table_files(path, table, ending):
    return sorted((path / "warehouse" / table).rglob(f"*{ending}"))


def test_a_sound_lake_is_well(look, path):
    """A sound lake has nothing to mend, and looking at it changes none of its files."""
    before = {each: each.stat().st_mtime_ns for each in (path / "warehouse").rglob("*")}
    checks = look()
    assert unwell(checks) == {}
    assert len(checks) >= 20
    assert {each: each.stat().st_mtime_ns for each in (path / "warehouse").rglob("*")} == before
    assert all(not each.next_step for each in checks.values())


def lose_format(path):
    (path / "a360.json").write_text("{")


def lose_format_file(path):
    (path / "a360.json").unlink()


def newer_format(path):
    facts = json.loads((path / "a360.json").read_text())
    (path / "a360.json").write_text(json.dumps({**facts, "format": 99}))


def open_folder(path):
    path.chmod(0o755)


def leave_lost_keys(path):
    (path / "keys.lost-1").mkdir(mode=0o700)


def open_key(path):
    next((path / "keys" / "packs").iterdir()).chmod(0o644)


def lose_master(path):
    (path / "keys" / "master.key").unlink()


def lose_data_keys(path):
    for each in (path / "keys" / "packs").iterdir():
        each.unlink()


def spoil_data_key(path):
    for each in (path / "keys" / "packs").iterdir():
        content = each.read_bytes()
        each.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def lose_catalog(path):
    (path / "catalog.db").unlink()


def spoil_catalog(path):
    content = bytearray((path / "catalog.db").read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    (path / "catalog.db").write_bytes(content)


def no_database(path):
    (path / "catalog.db").write_bytes(b"not a database at all" * 500)


def lose_metadata(path):
    for each in table_files(path, "silver/patient", ".metadata.json"):
        each.unlink()


def spoil_metadata(path):
    table_files(path, "silver/patient", ".metadata.json")[-1].write_text("{}")


def lose_manifest(path):
    table_files(path, "silver/patient", "-m0.avro")[0].unlink()


def lose_data(path):
    table_files(path, "silver/patient", ".parquet")[0].unlink()


def future_commit(path):
    """As a machine whose clock is ahead would have left it: a commit of the future, in the ledger too."""
    with closing(sqlite3.connect(path / "catalog.db")) as connection, connection:
        teach(connection)
        sql = "SELECT metadata_location FROM iceberg_table WHERE namespace = 'silver' AND name = 'patient'"
        [place] = connection.execute(sql).fetchone()
        file = Path(place.removeprefix("file://"))
        ahead = int((time.time() + 3600) * 1000)
        text = json.dumps({**json.loads(file.read_text()), "last-updated-ms": ahead}).encode()
        file.write_bytes(text)
        connection.execute(
            "UPDATE ledger SET bytes = ?, sha256 = ? WHERE path = ?",
            (len(text), hashlib.sha256(text).digest(), str(file.relative_to(path / "warehouse"))),
        )


def leave_orphan(path):
    age(path / "warehouse/silver/patient/data/lost.parquet", b"x" * 1234)


def leave_spill(path):
    age(path / "tmp/duckdb-x/spill.tmp", b"x" * 99)


def leave_draft(path):
    age(path / "a360-12345.tmp", b"{}")


def age(file, content):
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    long_ago = time.time() - DAY_AND_MORE
    os.utime(file, (long_ago, long_ago))


def kill_a_job(path):
    (path / ".lock").write_text("working")


@pytest.mark.parametrize(
    ("harm", "name", "status", "found", "mend"),
    [
        (lose_format, "format", "fail", "cannot be read", "backup"),
        (lose_format_file, "format", "fail", "not there", "backup"),
        (newer_format, "format", "fail", "format 99", "version"),
        (open_folder, "folder is private", "fail", "0755", "chmod go-rwx"),
        (open_key, "keys are private", "fail", "open to others: 1", "chmod -R go-rwx"),
        (lose_master, "keys", "fail", "could not be read", "backup"),
        (lose_data_keys, "seals", "fail", "could not be read", "backup"),
        (spoil_data_key, "keys", "fail", "do not open", "backup"),
        (leave_lost_keys, "keys put aside", "warn", "keys.lost-1", "remove"),
        (lose_catalog, "catalog", "fail", "not there", "a360 catalog rebuild"),
        (spoil_catalog, "catalog", "fail", "", "a360 catalog rebuild"),
        (no_database, "catalog", "fail", "DatabaseError", "a360 catalog rebuild"),
        (lose_metadata, "metadata", "fail", "silver.patient", "backup"),
        (spoil_metadata, "metadata", "fail", "silver.patient", "backup"),
        (lose_manifest, "metadata", "fail", "silver.patient", "backup"),
        (lose_data, "metadata", "fail", "silver.patient", "backup"),
        (future_commit, "clock", "fail", "newest change", "clock"),
        (
            leave_orphan,
            "orphans",
            "warn",
            "1 files that nothing reaches, 1,234 bytes",
            "a360 collect --delete",
        ),
        (leave_spill, "leftovers", "warn", "1 files of dead processes, 99 bytes", "rm -rf"),
        (leave_draft, "leftovers", "warn", "1 files", "rm -rf"),
        (kill_a_job, "last job", "warn", "died", "a360 run"),
    ],
    ids=lambda each: each.__name__ if callable(each) else "",
)
def test_what_is_broken_is_found_and_can_be_mended(look, path, harm, name, status, found, mend):
    """Each thing that breaks is found under its name, with what to do, and the doctor goes on."""
    harm(path)
    checks = look()
    check = checks[name]
    assert check.status == status
    assert found in check.found
    assert mend in check.next_step
    # What is known to be broken does not break the looks that come after.
    assert name != "metadata" or checks["contracts"].status == "ok"


def test_the_mend_for_orphans_mends(look, path, contracts):
    """What the doctor says to run takes the orphan away, and nothing else."""
    leave_orphan(path)
    with a360.open(path, contracts=contracts) as lake:
        rows = lake.query("FROM silver.patient")
        lake.collect(delete=True)
        assert lake.query("FROM silver.patient") == rows
    assert unwell(look()) == {}


def test_one_open_job_is_no_dead_job(look, path):
    """While a job holds the lock, the lake is at work, and no job has died."""
    script = (
        "import fcntl,sys,time; f=open(sys.argv[1],'a+'); fcntl.flock(f, fcntl.LOCK_EX); f.write('working');"
        "f.flush(); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path / ".lock")], stdout=subprocess.PIPE, text=True
    ) as job:
        assert job.stdout.readline() == "held\n"
        check = look()["last job"]
        job.kill()
    assert (check.status, check.found) == ("ok", "one works in the lake now")


def test_memory_and_threads_beyond_the_machine_are_warned_of(look):
    """Settings that ask for more than there is are told before they end a run."""
    checks = look(memory_limit="900TB", threads=1024)
    assert unwell(checks) == {"memory": "warn", "cpu": "warn"}


@pytest.mark.parametrize(("limit", "status"), [(200, "fail"), (512, "warn")])
def test_few_open_files_are_told(look, limit, status):
    """A limit of open files that a job would hit is a warning, one that hardly opens a lake a failure."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        check = look()["open files"]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert check.status == status
    assert "ulimit -n" in check.next_step


def test_another_engine_is_told(look, tmp_path, monkeypatch):
    """An extension that does not belong to the engine is found by what is installed."""
    found = tmp_path / "duckdb_extension_avro-9.9.9.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: duckdb-extension-avro\nVersion: 9.9.9\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    check = look()["engine"]
    assert check.status == "fail"
    assert "duckdb-extension-avro 9.9.9" in check.found


def test_a_full_disk_is_told(look, monkeypatch):
    """Room is judged against what the lake weighs, and too little for any commit is a failure."""
    usage = shutil.disk_usage("/")
    for free, status in ((1 << 20, "fail"), (1 << 30, "warn"), (1 << 40, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert look()["disk"].status == status


def test_a_machine_that_does_not_reach_itself_is_told(look, monkeypatch):
    """Where nothing can listen on loopback, that is a failure of its own."""

    def refused(*_, **__):
        raise PermissionError(13, "not allowed")

    monkeypatch.setattr(socket, "create_server", refused)
    check = look()["loopback"]
    assert (check.status, check.next_step != "") == ("fail", True)


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:50 / /home rw - nfs4 server:/home rw
41 40 0:51 / /home/with\\040blank rw - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/srv/lake", "ext4"), ("/home/x", "nfs4"), ("/homes/x", "ext4"), ("/home/with blank/lake", "xfs")],
)
def test_the_file_system_is_that_of_the_nearest_mount(folder, kind):
    """Of the mounts above a folder the deepest counts, and a name that only begins alike does not."""
    assert _machine.kind_of(Path(folder), MOUNTS) == kind


def test_a_lake_on_the_network_is_refused(path, monkeypatch):
    """A network file system is a failure: the catalog's log does not work there."""
    monkeypatch.setattr(_machine, "kind_of", lambda *_: "nfs4")
    checks = {each.name: each for each in _machine.file_system_checks(path)}
    assert checks["file system"].status == "fail"


def test_a_folder_that_cannot_be_written_to_is_told(path):
    """Where nothing can be written, the probe says so, and the doctor goes on."""
    checks = {each.name: each for each in _machine.file_system_checks(path / "no such folder")}
    assert checks["fsync"].status == "fail"


def test_contracts_that_the_tables_do_not_fit_are_told(look, path, contracts, tmp_path):
    """Contracts with faults are a failure, and tables that await them a warning."""
    changed = shutil.copytree(contracts, tmp_path / "contracts")
    file = next((changed / "gold").glob("*.yaml"))
    file.write_text(file.read_text().replace("kind: DataContract", "kind: Nothing"))
    checks = examine(load_settings(lake=path, contracts=changed))
    [check] = [each for each in checks if each.name == "contracts"]
    assert check.status == "fail"


def test_checkpoints_beside_the_log_are_warned_of(look, path, monkeypatch):
    """Who can rewrite the log should not be able to replace its checkpoints too."""
    monkeypatch.setenv("A360_AUDIT_ANCHOR", str(path / "audit"))
    assert look()["audit anchor"].status == "warn"
    monkeypatch.setenv("A360_AUDIT_ANCHOR", str(path.parent / "gone"))
    assert look()["audit anchor"].status == "fail"
    monkeypatch.delenv("A360_AUDIT_ANCHOR")
    assert look()["audit anchor"].status == "warn"


def test_a_worker_that_cannot_be_locked_is_told(look, monkeypatch):
    """Where queries of others would be refused, the doctor says so before they are."""
    monkeypatch.setattr("a360.trust.gateway._pool._PROGRAM", Path("/nowhere/worker.py"))
    assert look()["worker"].status == "fail"


def test_no_lake_yet_is_no_illness(tmp_path):
    """A machine without a lake is looked at all the same, and no lake is made by that."""
    checks = examine(load_settings(lake=tmp_path / "none"))
    assert all(each.ok for each in checks)
    assert list(tmp_path.iterdir()) == []
