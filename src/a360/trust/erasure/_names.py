"""The ids in clear that an erasure was given, sealed for its journal under a key of their own."""

import json
from collections.abc import Mapping, Sequence

from a360.protect import Sealer, sealing_key
from a360.trust.erasure._journal import Journal


def sealed_names(
    sealer: Sealer, erasure_id: str, named: Mapping[str, Sequence[str]]
) -> tuple[str, str] | None:
    """Ids by source, sealed, with the key that they open with; None of none."""
    if not named:
        return None
    sealed = sealer.batch().seal(json.dumps(named).encode(), _context(erasure_id))
    return sealed.hex(), sealing_key(sealed)


def opened_names(sealer: Sealer, journal: Journal) -> Mapping[str, Sequence[str]]:
    """The ids by source that a journal has."""
    if journal.names is None:
        return {}
    opened = sealer.unseal(bytes.fromhex(journal.names), _context(journal.erasure_id))
    names: Mapping[str, Sequence[str]] = json.loads(opened)
    return names


def _context(erasure_id: str) -> bytes:
    return f"erasure|{erasure_id}".encode()
