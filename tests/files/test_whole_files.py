"""Files that stand whole or not at all."""

import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading

import pytest

from a360.files import is_draft, whole, whole_by_name, write_new, write_private, write_whole

OLD, NEW = b"what was there", b"what comes"


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def place(tmp_path):
    """A file in a folder of its own."""
    path = tmp_path / "folder" / "file.txt"
    path.parent.mkdir()
    path.write_bytes(OLD)
    path.chmod(0o644)
    return path


def test_until_its_end_the_old_file_stands(place):
    """Readers see the old content until all of the new is written, and then the new; nothing else is left."""
    with whole(place) as stream:
        stream.write(NEW)
        stream.flush()
        assert place.read_bytes() == OLD
    assert place.read_bytes() == NEW
    assert list(place.parent.iterdir()) == [place]


def test_what_breaks_off_leaves_what_was_there(place):
    """An exception half way leaves the old file alone and takes the draft away."""
    with contextlib.suppress(KeyboardInterrupt), whole(place) as stream:
        stream.write(NEW)
        raise KeyboardInterrupt
    assert place.read_bytes() == OLD
    assert list(place.parent.iterdir()) == [place]


def test_a_killed_writer_leaves_what_was_there_and_a_draft_that_is_known(place):
    """After SIGKILL the old file stands; what lies beside it is told from files by its name."""
    script = f"""
import os, signal
from pathlib import Path
from a360.files import whole
with whole(Path({str(place)!r})) as stream:
    stream.write(b"half"); stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert place.read_bytes() == OLD
    assert [is_draft(each) for each in place.parent.iterdir() if each != place] == [True]
    assert not is_draft(place)


@pytest.mark.parametrize(("private", "before", "after"), [(True, 0o644, 0o600), (False, 0o640, 0o640)])
def test_private_is_the_owner_s_alone_and_other_files_keep_their_mode(place, private, before, after):
    """A private file is 0600, even where the one it replaces was open; any other keeps the old mode."""
    place.chmod(before)
    write_whole(place, NEW, private=private)
    assert mode(place) == after


def test_new_shared_files_follow_the_mask(tmp_path):
    """A file that is not private has the mode that the user's mask leaves to any new file."""
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "file", "text", private=False)
    finally:
        os.umask(before)
    assert mode(tmp_path / "file") == 0o640


def test_text_is_written_as_it_is(tmp_path):
    """Text is UTF-8, and line ends are not changed."""
    write_whole(tmp_path / "file", "ä\r\nb\n")
    assert (tmp_path / "file").read_bytes() == "ä\r\nb\n".encode()


def test_a_link_stays_a_link(place):
    """Writing through a link replaces the file that it points at."""
    link = place.with_name("link")
    link.symlink_to(place)
    write_whole(link, NEW)
    assert link.is_symlink()
    assert place.read_bytes() == NEW


def test_a_pipe_is_written_into(tmp_path):
    """A pipe or a device is no file that could be replaced: it gets the bytes."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, NEW)
    reader.join(10)
    assert read == [NEW]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_is_no_file(tmp_path):
    """Where a folder stands, nothing is written, and nothing is left beside it."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", NEW)
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("write", [write_private, write_new])
def test_what_is_only_created_replaces_nothing(place, write):
    """Keys and metadata are created once: a file that is there is an error, and stays as it is."""
    with pytest.raises(FileExistsError):
        write(place, NEW)
    assert place.read_bytes() == OLD
    assert list(place.parent.iterdir()) == [place]
    write(place.with_name("other"), NEW)
    assert place.with_name("other").read_bytes() == NEW
    assert mode(place.with_name("other")) == 0o600


def test_files_written_by_name_stand_together_or_not_at_all(tmp_path):
    """What a writer fills by name becomes the files at the end, all of them; where it breaks off, none."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(OLD)

    def fill(*, breaks_off):
        with whole_by_name(first, second) as drafts:
            for draft in drafts:
                assert mode(draft) == 0o600
                draft.write_bytes(NEW)
            if breaks_off:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fill(breaks_off=True)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"first": OLD}
    fill(breaks_off=False)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"first": NEW, "second": NEW}


def test_files_written_by_name_are_no_folders(tmp_path):
    """Where one of the files is a folder, the writer is not even asked to begin."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError), whole_by_name(tmp_path / "file", tmp_path / "folder"):
        pytest.fail("there is no place to write to")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
