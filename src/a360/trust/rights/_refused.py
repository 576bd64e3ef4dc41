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


type Text = tuple[bytes, str]
"""A resource as it was refused, and its source."""


class Refusals:
    """What was refused on its way into bronze, opened some at a time, since it may be anybody's.

    Args:
        plan: The lake's plan.
        tables: The lake's tables.
        sealer: Opens what was refused.
        patients: A patient's own resources.

    Attributes:
        not_told: How many cannot be handed out, by why, of those that were looked through so far.
    """

    def __init__(
        self, plan: LakePlan, tables: Tables, sealer: Sealer, patients: Sequence[Mapping[str, Any]]
    ) -> None:
        self._plan, self._tables, self._sealer = plan, tables, sealer
        self._known = sorted(_known_by(patients))
        self.not_told: Counter[str] = Counter()

    def readable(self) -> Iterator[list[Text]]:
        """The resources that can be read, of everybody."""
        for batch in _opened(self._plan, self._tables, self._sealer):
            readable = []
            for told in batch:
                if _is_resource(told[0]):
                    readable.append(told)
                else:
                    known = any(each in told[0] for each in self._known)
                    self.not_told[_NAMES_THEM if known else _NAMES_NOBODY] += 1
            yield readable


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


def _opened(plan: LakePlan, tables: Tables, sealer: Sealer) -> Iterator[list[Text]]:
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
            listed = batch.to_pylist()
            contexts = [
                quarantine_context(place, row["commit_id"], row["file"], row["offset"]) for row in listed
            ]
            texts = sealer.unseal_all([row["payload"] for row in listed], contexts)
            yield [(text, row["source"]) for text, row in zip(texts, listed, strict=True)]
