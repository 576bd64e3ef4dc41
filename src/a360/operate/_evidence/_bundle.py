"""The bundle: evidence as a folder of three files, signed with the key of the audit log and on record there.

`evidence.json` has everything, in one spelling: members sorted, no blanks, integers for numbers. It names the
SHA-256 of `evidence.html`, which says the same to people; `evidence.sig` is a signed note over it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from a360.errors import DataError, OperatorError
from a360.files import require_new_folder, sync_folder, write_whole
from a360.operate._evidence._page import page
from a360.trust.audit import Search, VerifierKey, is_certified, search

EVIDENCE: Final = "evidence.json"
PAGE: Final = "evidence.html"
SIGNATURE: Final = "evidence.sig"
FORM: Final = "a360-evidence/1"
ACTION: Final = "evidence"
"""The action under which a bundle is on record; the detail of this name is its digest:"""
DETAIL: Final = "bundle"


def write_bundle(
    folder: Path,
    told: Mapping[str, Any],
    certify: Callable[[bytes], str],
    record: Callable[[str], object],
) -> str:
    """Write a bundle; the file that makes it one comes last, once it is on record.

    Args:
        folder: A new folder.
        told: The evidence.
        certify: Signs.
        record: Puts the bundle's digest on record.

    Returns:
        The digest.

    Raises:
        UsageError: the folder holds something.
        OperatorError: it cannot be written.
    """
    told = {"form": FORM, **told}
    shown = page(told)
    files = [{"name": PAGE, "sha256": _digest(shown.encode())}]
    content = _encoded({**told, "files": files})
    digest = _digest(content)
    # Again: since the run began, another one may have written here.
    require_new_folder(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder / PAGE, shown)
        write_whole(folder / SIGNATURE, certify(content))
        record(digest)
        write_whole(folder / EVIDENCE, content)
        sync_folder(folder)
    except OSError as error:
        raise OperatorError(
            "input-missing",
            "The evidence cannot be written",
            where=str(folder),
            found=os.strerror(error.errno) if error.errno else type(error).__name__,
            next_step=f"name a new folder where there is room; without {EVIDENCE} this is no bundle",
        ) from None
    return digest


def _encoded(told: Mapping[str, Any]) -> bytes:
    return (json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True, slots=True)
class Genuine:
    """A bundle that is what was signed."""

    told: Mapping[str, Any]
    digest: str


def open_bundle(folder: Path, key: VerifierKey) -> Genuine:
    """Open a bundle if each of its bytes is what was signed.

    Raises:
        OperatorError: `input-missing` where there is no such folder.
        DataError: `evidence-refused`.
    """
    if not folder.is_dir():
        raise OperatorError(
            "input-missing",
            "There is no such bundle of evidence",
            where=str(folder),
            next_step="name the folder that `a360 evidence` wrote",
        )
    others = {each.name for each in folder.iterdir()} - {EVIDENCE, PAGE, SIGNATURE}
    if others:
        raise _refused(folder, f"{len(others)} other files are in it")
    content = _read(folder, EVIDENCE)
    # A note is text; what is none fits nothing.
    if not is_certified(content, _read(folder, SIGNATURE).decode(errors="replace"), key):
        raise _refused(folder, f"{SIGNATURE} is no signature of {key.name} over {EVIDENCE}")
    told = json.loads(content)
    if not isinstance(told, dict) or told.get("form") != FORM:
        raise _refused(folder, "it was signed, and is not evidence of a form that this version knows")
    for file in told["files"]:
        if _digest(_read(folder, PAGE)) != file["sha256"]:
            raise _refused(folder, f"{PAGE} is not the one that was signed")
    return Genuine(told, _digest(content))


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise _refused(folder, f"{name}: {os.strerror(error.errno or 0)}") from None


def _refused(folder: Path, found: str) -> DataError:
    return DataError(
        "evidence-refused",
        "The bundle of evidence is not what was signed",
        where=str(folder),
        found=found,
        next_step="ask for the bundle again, or make a new one with `a360 evidence`; the key of another lake "
        "is named with --key",
    )


@dataclass(frozen=True, slots=True)
class OnRecord:
    """Where the audit log has a bundle, and when it has a newer one."""

    sequence: int
    newer: datetime | None


def on_record(audit: Path, digest: str) -> OnRecord | None:
    """What the audit log in a folder has of a bundle; None where it has none."""
    found = None
    for batch in search(audit, Search(action=ACTION)):
        for row in batch.to_pylist():
            if found is not None:
                found = OnRecord(found.sequence, row["event_time"])
            elif json.loads(row["details"] or "{}").get(DETAIL) == digest:
                found = OnRecord(row["sequence"], None)
    return found
