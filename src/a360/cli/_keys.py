"""What the commands about keys do."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from a360.cli import _render as render
from a360.cli._face import Face, require_path
from a360.cli._text import number
from a360.errors import OperatorError, UsageError
from a360.lake import Keys
from a360.protect.keys import PackedKeyStore, passphrase_in, typed_passphrase

_GUARDS = {"file": "a key file beside them", "passphrase": "a passphrase", "aws-kms": "a key of AWS KMS"}
_AFTER_ROTATION = {"file": "do not open", "aws-kms": "open for who may use the old key of KMS"}


def _keys(face: Face) -> Keys:
    face.require_lake()
    return Keys(face.settings)


def status(face: Face) -> int | None:
    """Show what the store holds."""
    keys = _keys(face)
    store = keys.open()
    found, damaged = store.status(), store.damaged()
    told = {"folder": str(keys.folder), **found.to_json(), "damaged": damaged}
    rows = [
        ["folder", str(keys.folder)],
        ["opens with", _GUARDS.get(found.guard, found.guard)],
        ["master key", f"generation {found.generation}, since {found.rotated_at}"],
        ["data keys", f"{number(found.data_keys)} in {number(found.packs)} packs"],
        ["destroyed", number(found.destroyed)],
        ["damaged", number(len(damaged))],
    ]
    if found.unnamed_packs:
        rows.append(["left over", f"{number(found.unnamed_packs)} packs that hold no key in use"])
    shown = [render.grid(["keys", ""], rows, widest=90)]
    if damaged:
        names = [[each] for each in damaged[:20]]
        shown.append(render.grid(["damaged"], names, widest=110))
    face.emit(told, *shown)
    return OperatorError.exit_code if damaged else None


def rotate(face: Face) -> int | None:
    """Rotate the master key."""
    store = _keys(face).rotate()
    as_before = "open under the passphrase as before (a360 keys passphrase)"
    besides = _AFTER_ROTATION.get(store.status().guard, as_before)
    _tell(face, store, f"The master key is a new one. Older backups {besides}: make a new one.")
    return None


def passphrase(face: Face, file: Path | None, *, remove: bool) -> int | None:
    """Set, change or remove the passphrase."""
    keys = _keys(face)
    if remove and file is not None:
        raise UsageError("usage", "A passphrase is set or removed, not both", next_step="leave one flag out")
    # What opens them now is asked for first.
    keys.open()
    store = keys.set_passphrase(None if remove else _new(file)())
    done = "The keys open with the key file beside them." if remove else "The keys open with the passphrase."
    _tell(face, store, f"{done} Older backups do not open with it: make a new one.")
    return None


def export(face: Face, file: Path, passphrase_file: Path | None) -> int | None:
    """Write an escrow."""
    keys = _keys(face)
    _require_new(file)
    keys.open()
    store = keys.export(file, _new(passphrase_file)())
    _tell(face, store, f"All keys are in {file}, under the passphrase of the escrow.", file)
    return None


def backup(face: Face, file: Path) -> int | None:
    """Write a backup."""
    keys = _keys(face)
    _require_new(file)
    store = keys.back_up(file)
    guard = store.status().guard
    besides = (
        " It opens under keys/master.key, which is not in it: keep that apart." if guard == "file" else ""
    )
    _tell(face, store, f"All keys are in {file}.{besides}", file)
    return None


def import_(
    face: Face,
    file: Path,
    passphrase_file: Path | None,
    master: Path | None,
    *,
    anew: bool,
    without_audit_log: bool,
) -> int | None:
    """Bring keys back."""
    keys = _keys(face)
    require_path([file])
    given = partial(passphrase_in, passphrase_file) if passphrase_file else None
    report = keys.bring_back(file, given, master=master, anew=anew, without_audit_log=without_audit_log)
    damaged = f", {number(report.damaged)} are damaged on both sides" if report.damaged else ""
    face.emit(
        {"folder": str(keys.folder), **report.to_json()},
        f"{number(report.restored)} keys came back, {number(report.kept_destroyed)} stay destroyed{damaged}.",
    )
    return OperatorError.exit_code if report.damaged else None


def _tell(face: Face, store: PackedKeyStore, text: str, file: Path | None = None) -> None:
    told = store.status().to_json() | ({} if file is None else {"file": str(file)})
    face.emit(told, text)


def _require_new(file: Path) -> None:
    if file.exists():
        raise UsageError(
            "usage",
            "There is a file of this name already",
            where=str(file),
            next_step="name a new one: the older copy may be the only one that has a key",
        )


def _new(file: Path | None) -> Callable[[], str]:
    return partial(passphrase_in, file) if file else _typed_twice


def _typed_twice() -> str:
    new = typed_passphrase("New passphrase: ")
    if typed_passphrase("The same once more: ") != new:
        raise UsageError("usage", "The two passphrases differ", next_step="type the same twice")
    return new
