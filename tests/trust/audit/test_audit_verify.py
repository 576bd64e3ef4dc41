"""Whatever is done to a log, reading it says where."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from a360.trust.audit import CheckpointFolder, Limits, LocalAuditLog, VerifierKey, _record, verify

RECORDS = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory, keys, event):
    """A sound log of several files, with checkpoints in a second place that its keeper cannot reach."""
    base = tmp_path_factory.mktemp("made")
    folder, anchor = base / "log", base / "anchor"
    folder.mkdir(mode=0o700)
    anchor.mkdir()
    limits = Limits(file_bytes=4000, records=7, age=timedelta(days=1))
    with LocalAuditLog.open(folder, keys, anchor=anchor, limits=limits) as log:
        for number in range(RECORDS - 1):
            log.record(event(principal=f"user-{number}", details={"query": "select ?"}))
    return log


@pytest.fixture
def check(made, tmp_path):
    """Verifies a copy of the log after something was done to its lines, by file."""
    tries = iter(range(1_000_000))

    def checked(change):
        copy = tmp_path / str(next(tries))
        shutil.copytree(made.folder, copy)
        change(copy)
        found = verify(copy, made.key, [made.place])
        shutil.rmtree(copy)
        return found

    return checked


def files_of(folder):
    """The files of a log."""
    return sorted(folder.glob("*.jsonl"))


def placed(folder):
    """Every line with its file and its number there."""
    return [
        (path, number, line)
        for path in files_of(folder)
        for number, line in enumerate(path.read_bytes().splitlines(keepends=True), start=1)
    ]


def write_lines(folder, lines):
    """Put lines, each with its file, in the place of all that is there."""
    by_file = {path: [] for path in files_of(folder)}
    for path, _, line in lines:
        by_file[path].append(line)
    for path, content in by_file.items():
        path.write_bytes(b"".join(content))


def told_near(found, path, number, sequence):
    """Whether a finding names the line, or the one behind it, by file, line and sequence."""
    return any(
        finding.sequence is not None
        and abs(finding.sequence - sequence) <= 2
        and (finding.file != path.name or abs(finding.line - number) <= 1)
        for finding in found.findings
    )


ATTEMPTS = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def test_a_sound_log_verifies_to_its_end(check, made):
    """An untouched log has no finding, and its newest checkpoint covers all of it."""
    found = check(lambda _: None)
    assert found.sound
    assert (found.records, found.covered) == (RECORDS, RECORDS)
    assert found.files == len(files_of(made.folder)) > 3
    assert found.checkpoints == len(made.place.names()) > 4


@ATTEMPTS
@given(data=st.data())
def test_any_changed_byte_is_found(check, made, data):
    """Whatever byte of whatever line becomes another, the line or the next is named."""
    lines = placed(made.folder)
    index = data.draw(st.integers(0, RECORDS - 1))
    path, number, line = lines[index]
    at = data.draw(st.integers(0, len(line) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[at]))
    changed = line[:at] + bytes([byte]) + line[at + 1 :]

    def change(folder):
        write_lines(
            folder,
            [
                (folder / old.name, at, changed if position == index else text)
                for position, (old, at, text) in enumerate(lines)
            ],
        )

    assert told_near(check(change), path, number, index + 1)


@ATTEMPTS
@given(
    index=st.integers(0, RECORDS - 1),
    how=st.sampled_from(["remove", "double", "move", "swap"]),
    data=st.data(),
)
def test_any_line_removed_doubled_or_moved_is_found(check, made, index, how, data):
    """A line that is gone, there twice, elsewhere or in another's place is found, and told with its place."""
    lines = placed(made.folder)
    other = data.draw(st.integers(0, RECORDS - 1).filter(lambda other: other != index))
    changed = list(lines)
    if how == "remove":
        del changed[index]
    elif how == "double":
        changed.insert(other, (lines[other][0], 0, lines[index][2]))
    elif how == "move":
        del changed[index]
        changed.insert(other, (lines[other][0], 0, lines[index][2]))
    else:
        changed[index] = (*lines[index][:2], lines[other][2])
        changed[other] = (*lines[other][:2], lines[index][2])
    found = check(
        lambda folder: write_lines(folder, [(folder / path.name, 0, text) for path, _, text in changed])
    )
    assert not found.sound
    assert all(finding.file for finding in found.findings)
    assert {finding.sequence for finding in found.findings} & {
        each + near for each in (index + 1, other + 1) for near in (-1, 0, 1, 2)
    }


@ATTEMPTS
@given(data=st.data())
def test_any_cut_of_the_tail_is_found(check, made, data):
    """A log whose end is cut at any byte is found to lack the records that a checkpoint has."""
    last = files_of(made.folder)[-1]
    size = data.draw(st.integers(0, last.stat().st_size - 1))
    found = check(lambda folder: os.truncate(folder / last.name, size))
    kept = last.read_bytes()[:size].count(b"\n")
    [finding] = [each for each in found.findings if each.kind == "truncated"]
    assert finding.sequence == int(last.stem) + kept


@ATTEMPTS
@given(index=st.integers(0, RECORDS - 2), how=st.sampled_from(["edit", "remove", "add"]))
def test_any_rewrite_with_fresh_hashes_is_found(check, made, index, how):
    """A log that was written anew from a record on, each hash as it should be, is not what was signed."""
    lines = placed(made.folder)
    events = [(path, _record.read(line[:-1]).event) for path, _, line in lines]
    path, event = events[index]
    if how == "edit":
        events[index] = (path, event.replace(b'"done"', b'"denied"'))
    elif how == "remove":
        del events[index]
    else:
        events.insert(index, (path, event))

    def change(folder):
        head, content = _record.FIRST_PREVIOUS, []
        for sequence, (old, each) in enumerate(events, start=1):
            line, head = _record.write(each, head, sequence)
            content.append((folder / old.name, 0, line + b"\n"))
        write_lines(folder, content)

    found = check(change)
    first = found.findings[0]
    assert first.kind in {"rewritten", "another-log", "file", "truncated"}
    assert found.covered <= index + (how == "add")


def test_a_rewrite_by_who_has_the_keys_is_found_from_the_second_place(made, keys, event, tmp_path):
    """Who has folder and keys can make a log that verifies by itself, and not by checkpoints elsewhere."""
    forged = tmp_path / "forged"
    forged.mkdir(mode=0o700)
    with LocalAuditLog.open(forged, keys) as log:
        log.record_all([event()] * (RECORDS - 1))
    assert verify(forged, log.key, [log.place]).sound
    assert {finding.kind for finding in verify(forged, made.key, [made.place]).findings} == {"rewritten"}


@pytest.mark.parametrize("index", [0, 2, -1])
def test_a_lost_file_is_found(check, made, index):
    """A file that is gone is found, be it the first, one between or the last."""
    name = files_of(made.folder)[index].name
    found = check(lambda folder: (folder / name).unlink())
    assert {finding.kind for finding in found.findings} & {"file", "missing", "truncated"}


def test_a_renamed_and_a_foreign_file_are_found(check):
    """A file under another number, or one that is none of the log's, is named."""

    def rename(folder):
        path = files_of(folder)[1]
        path.rename(path.with_name("000000000999.jsonl"))

    assert "000000000999.jsonl" in {finding.file for finding in check(rename).findings}
    found = check(lambda folder: (folder / "notes.txt").touch())
    assert [(finding.kind, finding.file) for finding in found.findings] == [("file", "notes.txt")]


def test_checkpoints_are_checked_themselves(made, tmp_path):
    """A checkpoint that is changed, of another size or missing altogether is told."""
    place = tmp_path / "anchor"
    shutil.copytree(made.place.label, place)
    notes = sorted(place.iterdir())
    notes[1].write_bytes(notes[1].read_bytes().replace(b"\nhead ", b"\nhead 0"))
    notes[2].write_bytes(notes[3].read_bytes())
    found = verify(made.folder, made.key, [CheckpointFolder(place)])
    assert [(finding.kind, finding.file) for finding in found.findings] == [
        ("checkpoint", notes[1].name),
        ("checkpoint", notes[2].name),
    ]
    for note in notes:
        note.unlink()
    [finding] = verify(made.folder, made.key, [CheckpointFolder(place)]).findings
    assert finding.kind == "checkpoint"


def test_verifying_needs_no_secret(made, tmp_path):
    """A copy of the log, the checkpoints and the text of the public key are enough."""
    copy = tmp_path / "copy"
    shutil.copytree(made.folder, copy)
    (copy / ".lock").unlink()
    copy.chmod(0o555)
    try:
        assert verify(
            copy, VerifierKey.parse(made.key.text), [CheckpointFolder(Path(made.place.label))]
        ).sound
        assert not (copy / ".lock").exists()
    finally:
        copy.chmod(0o755)


def test_a_writer_at_work_is_no_finding(opened, event):
    """A log that grows while it is read, and has records behind its newest checkpoint, verifies."""
    with opened(limits=Limits(records=10**6, age=timedelta(days=1))) as log:
        log.record_all([event()] * 10)
        found = verify(log.folder, log.key, [log.place])
    assert (found.findings, found.records, found.covered) == ([], 11, 1)
