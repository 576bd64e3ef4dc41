"""What the lake refused, opened to see whose it is: no column tells.

What a step of silver refused lies in bronze, and is handed out from there. What was refused on its way into
bronze is nowhere else.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec

from a360.contract import LakePlan, quote_table, quote_text
from a360.protect import Sealer, quarantine_context
from a360.table import Tables, landed_batches
from a360.trust.rights._envelopes import KINDS

if TYPE_CHECKING:
    from a360.trust.rights._gather import Received

_ROWS_AT_ONCE: Final = 256
# Shorter ones stand in anything.
_FEWEST: Final = 4
_NAMES_THEM: Final = "name you, but cannot be read, so that nobody knows whom else they name"
_NAMES_NOBODY: Final = "cannot be read, or name nobody, so that nobody knows whose they are"


@dataclass(frozen=True, slots=True)
class Refused:
    """What was refused of a patient: `told` is handed out; of what is not, how many by why."""

    told: Sequence["Received"] = ()
    not_told: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was refused: resources that can be read, each with its source, and how many of the rest by why."""

    readable: Sequence[tuple[bytes, str]]
    not_told: Mapping[str, int]


def look_through(
    plan: LakePlan, tables: Tables, sealer: Sealer, patients: Sequence[Mapping[str, Any]]
) -> Looked:
    """Open what was refused on its way into bronze; `patients` are a patient's own resources."""
    known = sorted(_known_by(patients))
    readable, rest = [], Counter[str]()
    for text, source in _opened(plan, tables, sealer):
        if _is_resource(text):
            readable.append((text, source))
        elif any(each in text for each in known):
            rest[_NAMES_THEM] += 1
        else:
            rest[_NAMES_NOBODY] += 1
    return Looked(readable, rest)


def _known_by(patients: Sequence[Mapping[str, Any]]) -> Iterator[bytes]:
    """What names a patient in clear: their id and their numbers."""
    for patient in patients:
        told = patient.get("identifier")
        numbers = [each.get("value") for each in told if isinstance(each, dict)] if told else []
        for value in (patient.get("id"), *numbers):
            if isinstance(value, str) and len(value) >= _FEWEST:
                yield value.encode()


def _is_resource(text: bytes) -> bool:
    try:
        content = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(content, dict) and isinstance(content.get("resourceType"), str)


def _opened(plan: LakePlan, tables: Tables, sealer: Sealer) -> Iterator[tuple[bytes, str]]:
    for bronze in KINDS:
        place = f"quarantine.{bronze.partition('.')[2]}"
        if tables.current_snapshot_id(place) is None:
            continue
        landed = ", ".join(map(quote_text, sorted(landed_batches(tables, bronze)))) or "NULL"
        rows = tables.session.stream(
            f'SELECT source, commit_id, file, "offset", payload FROM {quote_table(place)} WHERE '
            f"dataset = {quote_text(plan.table(bronze).dataset)} AND payload IS NOT NULL "
            f"AND commit_id IN ({landed})",
            batch_rows=_ROWS_AT_ONCE,
        )
        for batch in rows:
            for row in batch.to_pylist():
                context = quarantine_context(place, row["commit_id"], row["file"], row["offset"])
                yield sealer.unseal(row["payload"], context), row["source"]
