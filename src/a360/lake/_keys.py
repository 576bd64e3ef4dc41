"""What an operator does to the keys of a lake."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from a360.errors import OperatorError
from a360.lake._anchor import checkpoint_place
from a360.lake._asker import account
from a360.lake._key_stores import KeyStores, require_local
from a360.protect import AuditEvent
from a360.protect.keys import MASTER, ImportReport, PackedKeyStore, back_up, bring_back, export
from a360.settings import Settings
from a360.trust.audit import LocalAuditLog, destroyed_keys
from a360.trust.erasure import Journals


class Keys:
    """The keys of a lake.

    What is done to them is on record before it is done, and how it ended after; an import, once it is done.
    """

    def __init__(self, settings: Settings) -> None:
        self._stores = KeyStores(settings)
        self._folder = self._stores.folder
        self._audit = settings.lake / "audit"
        self._settings = settings

    @property
    def folder(self) -> Path:
        """The key folder."""
        return self._folder

    def open(self) -> PackedKeyStore:
        """The key store; OperatorError where it does not open."""
        return self._stores.open()

    def rotate(self) -> PackedKeyStore:
        """Put a new master key in the place of the old one."""
        return self._recorded("keys.rotate", self._stores.rotate)

    def set_passphrase(self, new: str | None) -> PackedKeyStore:
        """Open with a passphrase from now on, or without one."""
        action = "keys.passphrase.set" if new is not None else "keys.passphrase.remove"
        return self._recorded(action, lambda store: require_local(store).set_passphrase(new))

    def back_up(self, path: Path) -> PackedKeyStore:
        """Write a copy that opens as the store itself does."""
        return self._recorded("keys.backup", _written(path, lambda store: back_up(store, path)))

    def export(self, path: Path, passphrase: str) -> PackedKeyStore:
        """Write a copy that opens with a passphrase of its own."""
        return self._recorded("keys.export", _written(path, lambda store: export(store, path, passphrase)))

    def bring_back(
        self,
        path: Path,
        passphrase: Callable[[], str] | None = None,
        *,
        master: Path | None = None,
        anew: bool = False,
        without_audit_log: bool = False,
    ) -> ImportReport:
        """Import a backup or an escrow.

        What the audit log, or a certificate of an erasure, says was destroyed stays so. Without the log
        nothing is imported, unless it is said that it is lost.
        """
        form = self._stores.form(passphrase, master or self._folder / MASTER)
        destroyed = {
            *destroyed_keys(self._audit, lost=without_audit_log),
            *Journals(self._audit.parent).destroyed_keys(),
        }
        report = bring_back(self._folder, path, form, anew=anew, destroyed=destroyed)
        if without_audit_log:
            self._audit.mkdir(mode=0o700, exist_ok=True)
        self._record(self.open(), "keys.import", "done", report.to_json())
        return report

    def _recorded(self, action: str, act: Callable[[PackedKeyStore], None]) -> PackedKeyStore:
        store = self.open()
        details = {"generation": store.status().generation}
        self._record(store, action, "allowed", details)
        try:
            act(store)
        except BaseException:
            self._record(store, action, "failed", details)
            raise
        self._record(store, action, "done", details)
        return store

    def _record(self, store: PackedKeyStore, action: str, outcome: str, details: dict[str, int]) -> None:
        event = AuditEvent(datetime.now(UTC), account(os.geteuid()), action, (), outcome, details=details)
        with LocalAuditLog(self._audit, store, checkpoint_place(self._settings)) as log:
            log.record(event)


def _written(path: Path, act: Callable[[PackedKeyStore], None]) -> Callable[[PackedKeyStore], None]:
    """The act, with an error that a person can mend where the copy cannot be written."""

    def write(store: PackedKeyStore) -> None:
        try:
            act(store)
        except FileExistsError:
            raise
        except OSError as error:
            raise OperatorError(
                "input-missing" if isinstance(error, FileNotFoundError) else "storage-full",
                "The copy of the keys cannot be written",
                where=str(path),
                found=error.strerror or type(error).__name__,
            ) from error

    return write
