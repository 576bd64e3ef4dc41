"""What the commands about certificates do."""

from pathlib import Path

from a360.cli._audit import verifier_key
from a360.cli._face import Face
from a360.cli._text import plain
from a360.errors import DataError
from a360.trust.audit import open_certified
from a360.trust.release import FORM, measured_again


def verify(face: Face, path: Path, key: str | None) -> int | None:
    """Hold a certificate against its signature, its files, and what they hold."""
    found = open_certified(path.expanduser(), verifier_key(face, key))
    form = found.told.get("form") or found.told.get("format") or "unknown"
    faults = [*found.faults]
    if not faults and form == FORM:
        faults += measured_again(found.path.parent, found.told)
    told = {"certificate": str(found.path), "form": form, "valid": not faults, "faults": faults}
    if faults:
        face.emit(told, plain(f"{found.path} is not what was certified:"), *map(plain, faults))
    else:
        face.emit(told, plain(f"{found.path} is what was signed, and the files are what it says."))
    return DataError.exit_code if faults else None
