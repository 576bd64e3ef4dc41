"""What an operator does to the keys of a lake."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from a360.lake._asker import account
from a360.protect import AuditEvent, LocalKeyStore
from a360.protect.keys import ImportReport, back_up, export, import_keys
from a360.settings import Settings
from a360.trust.audit import LocalAuditLog, destroyed_keys


class Keys:
    """The keys of a lake. What is done to them is on record before it is done; an import, once it is."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.lake / "keys"
        self._audit = settings.lake / "audit"
        self._anchor = settings.audit_anchor

    @property
    def folder(self) -> Path:
        """The key folder."""
        return self._folder

    def open(self) -> LocalKeyStore:
        """The key store; OperatorError where it does not open."""
        return LocalKeyStore.open(self._folder)

    def rotate(self) -> LocalKeyStore:
        """Put a new master key in the place of the old one."""
        return self._recorded("keys.rotate", LocalKeyStore.rotate)

    def set_passphrase(self, new: str | None) -> LocalKeyStore:
        """Open with a passphrase from now on, or without one."""
        action = "keys.passphrase.set" if new is not None else "keys.passphrase.remove"
        return self._recorded(action, lambda store: store.set_passphrase(new))

    def back_up(self, path: Path) -> LocalKeyStore:
        """Write a copy that opens as the store itself does."""
        return self._recorded("keys.backup", lambda store: back_up(store, path))

    def export(self, path: Path, passphrase: str) -> LocalKeyStore:
        """Write a copy that opens with a passphrase of its own."""
        return self._recorded("keys.export", lambda store: export(store, path, passphrase))

    def bring_back(
        self,
        path: Path,
        passphrase: Callable[[], str] | None = None,
        *,
        master: Path | None = None,
        anew: bool = False,
    ) -> ImportReport:
        """Import a backup or an escrow; what the audit log says was destroyed is destroyed once more."""
        report = import_keys(self._folder, path, passphrase, master=master, anew=anew)
        store = self.open()
        back = set(store.key_ids()).intersection(destroyed_keys(self._audit))
        store.destroy_data_keys(back)
        report = replace(
            report, restored=report.restored - len(back), kept_destroyed=report.kept_destroyed + len(back)
        )
        self._record(store, "keys.import", "done", report.to_json())
        return report

    def _recorded(self, action: str, act: Callable[[LocalKeyStore], None]) -> LocalKeyStore:
        store = self.open()
        self._record(store, action, "allowed", {"generation": store.status().generation})
        act(store)
        return store

    def _record(self, store: LocalKeyStore, action: str, outcome: str, details: dict[str, int]) -> None:
        event = AuditEvent(datetime.now(UTC), account(os.geteuid()), action, (), outcome, details=details)
        with LocalAuditLog.open(self._audit, store, anchor=self._anchor) as log:
            log.record(event)
