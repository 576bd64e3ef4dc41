"""Certificates as they are handed out: a document, the note that signs it, and the files that it lists."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from a360.errors import OperatorError
from a360.trust.audit._checkpoint import VerifierKey, is_certified

_DOCUMENTS: Final = ("certificate.json", "manifest.json")
_NOTES: Final = (".sig", ".note")


@dataclass(frozen=True, slots=True)
class Certified:
    """A certificate with what speaks against it; `told` is empty where it is not signed.

    Of files it says something only where `told` lists them; in a folder, none may lie beside it otherwise.
    """

    path: Path
    told: Mapping[str, Any]
    faults: tuple[str, ...]


def open_certified(path: Path, key: VerifierKey) -> Certified:
    """Hold a certificate against its signature, and the files beside it against what it says of them.

    Args:
        path: A folder that was handed out, or a certificate by itself.
        key: The public key of the log that signed it.

    Raises:
        OperatorError: `input-missing` where no certificate is there, or it cannot be read.
    """
    document = next((path / name for name in _DOCUMENTS if (path / name).is_file()), path)
    note = next((each for end in _NOTES if (each := document.with_suffix(end)).is_file()), None)
    try:
        content = document.read_bytes()
        signed = note is not None and is_certified(content, note.read_text("utf-8"), key)
        told = json.loads(content) if signed else {}
    except (OSError, ValueError) as error:
        raise OperatorError(
            "input-missing",
            "There is no certificate that could be read",
            where=str(path),
            found=type(error).__name__,
            next_step="name the folder that was handed out; without a certificate it is no release or export",
        ) from None
    if not signed:
        found = "no note signs it" if note is None else f"{note.name} is not over it, or of another key"
        return Certified(document, {}, (f"{document.name}: {found}",))
    listed = told.get("files")
    # One by itself that lists nothing, as that of an erasure, lies among other things.
    faults = _files(document, note, listed or []) if listed is not None or path.is_dir() else ()
    return Certified(document, told, tuple(faults))


def _files(document: Path, note: Path | None, listed: list[Mapping[str, str]]) -> Iterator[str]:
    """What is wrong with the files in a certificate's folder."""
    folder = document.parent
    named = {each["name"]: each["sha256"] for each in listed}
    there = {str(each.relative_to(folder)) for each in folder.rglob("*") if not each.is_dir()}
    for name, digest in named.items():
        if name not in there:
            yield f"{name}: missing"
        elif (folder / name).is_symlink() or _digest(folder / name) != digest:
            yield f"{name}: changed, its SHA-256 is another"
    beside = there - named.keys() - {document.name, note.name if note else ""}
    yield from (f"{name}: in no certificate" for name in sorted(beside))


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
