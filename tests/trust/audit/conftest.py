"""Logs for the tests of the audit log."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from a360.protect import AuditEvent, LocalKeyStore
from a360.trust.audit import LocalAuditLog


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """One key store for all logs."""
    return LocalKeyStore.create(tmp_path_factory.mktemp("audit") / "keys")


@pytest.fixture
def folder(tmp_path) -> Path:
    """An empty folder for a log."""
    path = tmp_path / "log"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def opened(folder, keys):
    """Opens the log in the folder."""

    def open_log(**options):
        return LocalAuditLog.open(folder, keys, **options)

    return open_log


@pytest.fixture(scope="session")
def event():
    """Makes events that differ in what they are told to."""

    def make(**told):
        given = {
            "at": datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
            "principal": "alice",
            "action": "query",
            "objects": ["gold.patient_360"],
            "outcome": "done",
        }
        return AuditEvent(**{**given, **told})

    return make
