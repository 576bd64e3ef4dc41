"""What the log promises to who writes on it."""

import errno
import json
import os
import resource
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from a360.errors import OperatorError
from a360.files import sync_folder
from a360.trust.audit import Limits, LocalAuditLog, verify

NEVER = Limits(records=10**9, age=timedelta(days=1))


def records(folder):
    """All records, in order."""
    whole = b"".join(path.read_bytes() for path in sorted(folder.glob("*.jsonl")))
    return [json.loads(line) for line in whole.splitlines()]


def is_sound(log):
    """Whether the log verifies."""
    return verify(log.folder, log.key, [log.place]).findings == []


def test_a_record_is_in_its_file_when_its_id_is_there(opened, event):
    """What `record` has answered stands in the log under that id, before anything is closed."""
    with opened() as log:
        ids = [log.record(event(principal=name)) for name in ("alice", "bob")]
        found = {f"{each['sequence']}-{each['hash'][:16]}": each["event"] for each in records(log.folder)}
        assert [found[each]["principal"] for each in ids] == ["alice", "bob"]


def test_files_are_for_the_owner_alone(opened, event):
    """Files have mode 0600 and folders 0700, those of checkpoints too."""
    with opened() as log:
        log.record(event())
    modes = {path: path.stat().st_mode & 0o777 for path in log.folder.rglob("*")}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_a_log_goes_on_where_it_ended(opened, event):
    """A log that is opened again continues sequence, chain and tree."""
    for _ in range(3):
        with opened() as log:
            log.record(event())
    assert [each["sequence"] for each in records(log.folder)] == [1, 2, 3, 4]
    assert is_sound(log)
    assert len(log.place.names()) == 4


def test_threads_share_groups_and_lose_nothing(opened, event, monkeypatch):
    """Events of many threads become durable in fewer groups, each under the id that its thread was told."""
    synced, told = [], {}
    sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda file: (synced.append(file), sync(file)))
    gate = threading.Barrier(16)

    def write(name):
        gate.wait()
        told[name] = [log.record(event(request=f"{name}-{number}")) for number in range(20)]

    with opened(limits=NEVER) as log:
        threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = {
            f"{each['sequence']}-{each['hash'][:16]}": each["event"].get("request")
            for each in records(log.folder)
        }
        for name, ids in told.items():
            assert [found[each] for each in ids] == [f"{name}-{number}" for number in range(20)]
        assert len(found) == 321
        assert len(synced) < 200
    assert is_sound(log)


def test_two_open_logs_follow_each_other(opened, event):
    """Writers that take turns on one log make one chain, across files and checkpoints."""
    small = Limits(file_bytes=1500, records=3)
    with opened(limits=small) as one, opened(limits=small) as other:
        for _ in range(8):
            one.record(event())
            other.record_all([event(), event()])
    assert [each["sequence"] for each in records(one.folder)] == list(range(1, 26))
    assert len(list(one.folder.glob("*.jsonl"))) > 3
    assert is_sound(one)


def test_a_forked_process_writes_on(opened, event):
    """A child of a fork and its parent write one chain."""
    with opened() as log:
        log.record(event())
        child = os.fork()
        if child == 0:
            try:
                log.record(event())
                os._exit(0)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        log.record(event())
    assert [each["sequence"] for each in records(log.folder)] == [1, 2, 3, 4]
    assert is_sound(log)


def test_a_new_day_begins_a_new_file(opened, event):
    """A file that was last written on another day is not written on."""
    with opened() as log:
        os.utime(log.folder / "000000000001.jsonl", (0, 0))
        log.record(event())
    assert [path.name for path in sorted(log.folder.glob("*.jsonl"))] == [
        "000000000001.jsonl",
        "000000000002.jsonl",
    ]
    assert is_sound(log)


def test_checkpoints_come_before_too_much_waits_for_one(opened, event):
    """No more records than the limit, and those of one group, are ever without a checkpoint."""
    with opened(limits=Limits(records=5, age=timedelta(days=1))) as log:
        for number in range(2, 24):
            log.record(event())
            assert number - int(log.place.names()[-1].removesuffix(".note")) <= 5
    assert log.place.names()[-1] == "000000000023.note"


def test_age_asks_for_a_checkpoint_too(opened, event):
    """A record that waited long is behind a checkpoint before the next one is answered."""
    with opened(limits=Limits(age=timedelta(0))) as log:
        for _ in range(3):
            log.record(event())
        assert log.place.names() == ["000000000001.note", "000000000002.note", "000000000003.note"]


def test_a_second_place_takes_the_checkpoints(opened, event, tmp_path):
    """With a place elsewhere, checkpoints are there, and none beside the log."""
    anchor = tmp_path / "anchor"
    anchor.mkdir()
    with opened(anchor=anchor) as log:
        log.record(event())
    assert sorted(path.name for path in anchor.iterdir()) == ["000000000001.note", "000000000002.note"]
    assert not (log.folder / "checkpoints").exists()
    assert is_sound(log)


@pytest.mark.parametrize("torn", [b"{", b'{"event":{"action":"query"', b"\0" * 5000, b"x" * 100])
def test_a_line_without_an_end_gives_way_to_a_record_of_it(opened, event, torn):
    """What a death left half written is not hidden: a record in its place says how much it was."""
    with opened() as log:
        log.record(event())
    with (log.folder / "000000000001.jsonl").open("ab") as file:
        file.write(torn)
    with opened() as log:
        log.record(event())
    recovery = records(log.folder)[2]["event"]
    assert (recovery["action"], recovery["details"]["torn_bytes"]) == ("audit.recover", len(torn))
    found = verify(log.folder, log.key, [log.place])
    assert (found.findings, found.recoveries, found.records) == ([], [3], 4)


def test_whole_records_that_nobody_was_told_of_stay(opened, event, monkeypatch):
    """A group that a death kept from the disk's answer is in the log, and the log goes on behind it."""
    log = opened()
    with monkeypatch.context() as patched:
        patched.setenv("A360_FAILPOINTS", "audit.append.written=raise")
        with pytest.raises(RuntimeError):
            log.record(event(principal="bob"))
    with opened() as after:
        after.record(event())
    assert [each["event"]["principal"] for each in records(log.folder)] == ["a360", "bob", "alice"]
    assert is_sound(after)


def test_a_beginning_that_was_cut_short_is_begun_again(opened, event, folder):
    """A first record without an end told nobody anything; the log begins anew."""
    (folder / "000000000001.jsonl").write_bytes(b'{"event":')
    (folder / "000000000001.jsonl").chmod(0o600)
    with opened() as log:
        log.record(event())
    assert len(records(folder)) == 2
    assert is_sound(log)


@pytest.mark.parametrize("limit", [0, 1, 100])
def test_a_full_disk_is_an_error_and_no_record(opened, event, limit):
    """Where the disk takes no more, `record` raises, nothing stays behind, and later records fit on."""
    with opened() as log:
        log.record(event())
        path = log.folder / "000000000001.jsonl"
        before = path.read_bytes()
        kept = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + limit, kept[1]))
        try:
            with pytest.raises(OperatorError) as refused:
                log.record(event())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        assert refused.value.code.slug == "storage-full"
        assert path.read_bytes() == before
        log.record(event())
    assert is_sound(log)


def test_a_disk_that_failed_is_not_trusted_again(opened, event, monkeypatch):
    """After a failed sync nobody knows what is on the disk: this writer records nothing more."""
    log = opened(limits=NEVER)

    def failing(_file):
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing)
        with pytest.raises(OperatorError, match="audit-unwritable"):
            log.record(event())
    with pytest.raises(OperatorError, match="Input/output error"):
        log.record(event())
    with opened() as again:
        again.record(event())


def test_all_of_a_group_are_told_of_its_failure(opened, event, monkeypatch):
    """Each thread whose event was in a group that failed gets an error of its own."""
    log, told, gate = opened(limits=NEVER), [], threading.Barrier(8)

    def failing(_file):
        raise OSError(errno.EIO, "Input/output error")

    def write():
        gate.wait()
        try:
            log.record(event())
        except OperatorError as error:
            told.append(error)

    monkeypatch.setattr(os, "fdatasync", failing)
    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(error) for error in told}) == 8


def _lose_folder(folder):
    folder.rename(folder.with_name("elsewhere"))


def _lose_file(folder):
    (folder / "000000000001.jsonl").unlink()


def _open_to_others(folder):
    folder.chmod(0o755)


def _open_file_to_others(folder):
    (folder / "000000000001.jsonl").chmod(0o644)


def _replace_file(folder):
    path = folder / "000000000001.jsonl"
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    path.chmod(0o600)


def _cut(folder):
    os.truncate(folder / "000000000001.jsonl", 400)


def _scribble(folder):
    with (folder / "000000000001.jsonl").open("a") as file:
        file.write("{}\n")


@pytest.mark.parametrize(
    "wrong",
    [_lose_folder, _lose_file, _open_to_others, _open_file_to_others, _replace_file, _cut, _scribble],
)
def test_what_cannot_be_recorded_raises(opened, event, wrong):
    """A log that is gone, open to others, exchanged, cut or scribbled on takes no record."""
    log = opened()
    log.record(event())
    wrong(log.folder)
    for _ in range(2):
        with pytest.raises(OperatorError, match=r"audit-(broken|unwritable)"):
            log.record(event())


def test_another_owner_is_refused(opened, event, monkeypatch):
    """A log of another account takes no record."""
    log = opened()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(OperatorError, match="belongs to another account"):
        log.record(event())


def test_a_place_that_is_gone_stops_the_log_when_a_checkpoint_is_due(opened, event, tmp_path):
    """Where checkpoints can go nowhere, no more is answered than may wait for one."""
    anchor = tmp_path / "anchor"
    anchor.mkdir()
    log = opened(anchor=anchor, limits=Limits(records=2, age=timedelta(days=1)))
    for path in anchor.iterdir():
        path.unlink()
    anchor.rmdir()
    log.record_all([event(), event()])
    with pytest.raises(OperatorError, match="audit-unwritable"):
        log.record(event())


def _truncate_by_a_line(log):
    path = log.folder / "000000000001.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def _edit_the_last(log):
    path = log.folder / "000000000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"alice"', b'"mallo"'))


def _remove_all(log):
    (log.folder / "000000000001.jsonl").unlink()


def _forge_a_checkpoint(log):
    place = Path(log.place.label)
    newest = place / log.place.names()[-1]
    newest.write_bytes(newest.read_bytes().replace(b"\n3\n", b"\n2\n"))


def _exchange_checkpoints(log):
    place = Path(log.place.label)
    first, *_, last = log.place.names()
    (place / last).write_bytes((place / first).read_bytes())


@pytest.mark.parametrize(
    "tampered",
    [_truncate_by_a_line, _edit_the_last, _remove_all, _forge_a_checkpoint, _exchange_checkpoints],
)
def test_a_log_that_is_not_what_was_signed_does_not_open(opened, event, tampered):
    """A log whose end is not what its newest checkpoint says is refused when it is opened."""
    with opened() as log:
        log.record_all([event(), event()])
    tampered(log)
    with pytest.raises(OperatorError, match="audit-broken"):
        opened()


def test_a_log_opens_under_its_own_keys_only(opened, event, folder, tmp_path):
    """Who has other keys cannot go on with a log."""
    from a360.protect import LocalKeyStore  # noqa: PLC0415 -- of this test alone

    with opened() as log:
        log.record(event())
    with pytest.raises(OperatorError, match="audit-broken"):
        LocalAuditLog.open(folder, LocalKeyStore.create(tmp_path / "other"))


def test_a_subject_and_a_text_are_known_by_digests_alone(opened, event):
    """The same patient or text has the same digest, which is neither, and none stands for both."""
    with opened() as log:
        assert log.subject("a" * 32) == log.subject("a" * 32) != log.subject("b" * 32)
        details = log.query_details("SELECT 'Zebulon'")
        assert details["query"] == "select ?"
        assert details["query_digest"] == log.query_details("SELECT 'Zebulon'")["query_digest"]
        assert details["query_digest"] != log.subject("SELECT 'Zebulon'")
    sync_folder(log.folder)


def test_a_restored_log_goes_on_under_new_checkpoints(opened, event, folder, tmp_path):
    """Where a backup is older than the newest checkpoint, the log goes on once checkpoints go elsewhere."""
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    with opened(anchor=tmp_path / "old") as log:
        log.record(event())
        backup = (folder / "000000000001.jsonl").read_bytes()
        log.record(event())
    (folder / "000000000001.jsonl").write_bytes(backup)
    with pytest.raises(OperatorError, match="audit-broken"):
        opened(anchor=tmp_path / "old")
    with opened(anchor=tmp_path / "new") as log:
        log.record(event())
    assert is_sound(log)
