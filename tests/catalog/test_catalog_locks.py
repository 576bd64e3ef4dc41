"""The locks that keep processes out of each other's way hold as long as a lake is open.

POSIX drops all locks that a process holds on a file when it closes any handle of that file. SQLite knows, and
manages its own; a mere `open(...).close()` of catalog.db beside it would let another process take the
write-ahead log away with commits in it.
"""

import os
import subprocess
import sys

import pytest

from a360.catalog import CatalogSession, forget_reports, rebuild_catalog, serve_catalog, waiting_reports
from a360.errors import A360Error

# Where SQLite keeps the lock that says "in use": in the file, and in the index of its write-ahead log.
PROBE = """
import fcntl, os, sys
for name, start, length in (("catalog.db", 0x40000002, 510), ("catalog.db-shm", 128, 1)):
    handle = os.open(os.path.join(sys.argv[1], name), os.O_RDWR)
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
        print(name)
    except BlockingIOError:
        pass
"""
BOTH = ["catalog.db", "catalog.db-shm"]


def unlocked(lake):
    """The files of a catalog that another process could take for nobody's."""
    told = subprocess.run(
        [sys.executable, "-c", PROBE, str(lake)], capture_output=True, text=True, check=True
    )
    return told.stdout.split()


def open_again(lake):
    with CatalogSession.open(lake) as session:
        session.client().list_namespaces()


def serve_beside(lake):
    with serve_catalog(lake):
        pass


def refuse_to_rebuild(lake):
    for force in (False, True):
        with pytest.raises(A360Error):
            rebuild_catalog(lake, force=force)


def look_at_reports(lake):
    waiting_reports(lake, "batch")
    forget_reports(lake, "batch")


@pytest.fixture
def lake(tmp_path):
    """A lake that this process has open, with its locks held."""
    with CatalogSession.open(tmp_path) as session:
        session.client().create_namespace("silver")
        assert unlocked(tmp_path) == []
        yield tmp_path


@pytest.mark.parametrize("act", [open_again, serve_beside, refuse_to_rebuild, look_at_reports])
def test_nothing_drops_the_locks_of_an_open_lake(lake, act):
    """Whatever else this process does with a lake, an open session keeps its locks."""
    act(lake)
    assert unlocked(lake) == []


@pytest.mark.parametrize("name", BOTH)
def test_a_mere_look_at_the_file_would_drop_them(lake, name):
    """The fault is real: opening and closing a file beside SQLite leaves it unlocked."""
    os.close(os.open(lake / name, os.O_RDONLY))
    assert unlocked(lake) == [name]


def test_a_closed_lake_is_nobodys(tmp_path):
    """Locks go with the last session, so that a lake can be taken away."""
    with CatalogSession.open(tmp_path), CatalogSession.open(tmp_path):
        pass
    assert not (tmp_path / "catalog.db-wal").exists()
