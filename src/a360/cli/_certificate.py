"""What the commands about certificates do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from a360.cli._audit import verifier_key
from a360.cli._face import Face
from a360.cli._text import plain
from a360.errors import DataError
from a360.trust.audit import open_certified
from a360.trust.erasure import FORMAT as ERASURE
from a360.trust.release import FORM as RELEASE
from a360.trust.release import measured_again
from a360.trust.rights import FORM as EXPORT

_DATES: Final = {RELEASE: "released_at", EXPORT: "exported_at", ERASURE: "completed_at"}


def verify(face: Face, path: Path, key: str | None) -> int | None:
    """Hold a certificate against its signature, its files, and what they hold."""
    found = open_certified(path.expanduser(), verifier_key(face, key))
    form = found.told.get("form") or found.told.get("format") or "unknown"
    lists = isinstance(found.told.get("files"), list)
    faults = [*found.faults]
    if not faults and form not in _DATES:
        faults.append(f"{form}: no form of certificate that this version knows")
    elif not faults and form != ERASURE and not lists:
        faults.append(f"{found.path.name}: lists no files, which {form} does")
    if not faults and form == RELEASE:
        faults += measured_again(found.path.parent, found.told)
    told = {
        "certificate": str(found.path),
        "form": form,
        "of": _of(form, found.told),
        "recipient": found.told.get("recipient"),
        "at": found.told.get(_DATES.get(form, "")),
        "files": len(found.told["files"]) if lists else None,
        "valid": not faults,
        "faults": faults,
    }
    if faults:
        face.emit(told, plain(f"{found.path} is not what was certified:"), *map(plain, faults))
        return DataError.exit_code
    files = "the files are what it says" if lists else "lists no files: it vouches for none"
    to = f" to {told['recipient']}" if told["recipient"] else ""
    face.emit(
        told,
        plain(f"{found.path} is what was signed, and {files}."),
        plain(f"{form}: {told['of']}{to}, {told['at']}"),
    )
    return None


def _of(form: str, told: Mapping[str, Any]) -> str | None:
    """What was certified, as far as a certificate of this form names it."""
    if form == EXPORT:
        return "patient export"
    of = told.get("dataset" if form == RELEASE else "erasure_id")
    return f"erasure {of}" if form == ERASURE else of
