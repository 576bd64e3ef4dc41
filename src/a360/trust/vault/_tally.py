"""Of how many patients people learned lately: what the audit log says, of which only what is new is read."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from a360.files import write_whole
from a360.trust.audit import START, Place, read_on

# Longer than any window over which is counted; what is older is let go.
_KEPT: Final = timedelta(days=2)

type _Told = list[tuple[str, str, int]]


class Tally:
    """A file that says how far the log was read, and what it said. Without it, all is read again.

    Whoever counts holds the lock of those who reveal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def told(self, log: Path, action: str, person: str, since: datetime) -> int:
        """Of how many patients somebody learned the identity since a time, whatever name they used.

        Raises:
            OperatorError: `audit-broken`: what cannot be counted is no leave to go on.
        """
        place, told = self._read()
        try:
            events, place_now = read_on(log, place, action)
        except LookupError:
            told = []
            events, place_now = read_on(log, START, action)
        told += [
            (each.at, each.acting_for or each.principal, int(each.details["patients"]))
            for each in events
            if each.outcome == "allowed" and "reason" in each.details
        ]
        if place_now != place:
            oldest = since - _KEPT
            told = [each for each in told if datetime.fromisoformat(each[0]) >= oldest]
            write_whole(self._path, json.dumps({"place": place_now, "told": told}))
        return sum(
            patients for at, who, patients in told if who == person and datetime.fromisoformat(at) >= since
        )

    def _read(self) -> tuple[Place, _Told]:
        try:
            found = json.loads(self._path.read_text())
            file, offset, head = found["place"]
            told = [(str(at), str(who), int(patients)) for at, who, patients in found["told"]]
            return Place(str(file), int(offset), str(head)), told
        except (OSError, ValueError, KeyError, TypeError):
            return START, []
