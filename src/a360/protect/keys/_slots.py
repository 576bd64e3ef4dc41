"""What the slots of a pack are to hold when keys come back: destroyed on any side is destroyed."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from a360.protect.keys import _faults as faults
from a360.protect.keys._packs import SLOT_BYTES, destroyed_slot, is_destroyed, is_empty, resembles_destroyed
from a360.protect.keys._store import is_sound, key_id_of


class Slots:
    """What the slots of one pack are to hold, of what a folder and an archive hold."""

    def __init__(
        self, place: Path, pack: str, under: bytes, ours: Sequence[bytes], theirs: Sequence[bytes]
    ) -> None:
        self._place, self._pack = place, pack
        self._under = under
        self._ours, self._theirs = ours, theirs
        self.counts = [0, 0, 0]

    def merged(self, records: Sequence[Sequence[bytes]], gone: Collection[str]) -> list[bytes]:
        """The slots; `records` are others that tell which keys were destroyed, `gone` the ids of such.

        Keys that were made after the copy stand in these others alone: those that open come back from there.
        """
        held = (self._ours, self._theirs, *records)
        longest = max(map(len, held))
        columns = [_at(each, longest) for each in held]
        return [
            self._one(slot, held, known=key_id_of(self._pack, slot) in gone)
            for slot, held in enumerate(zip(*columns, strict=True))
        ]

    def _one(self, slot: int, held: Sequence[bytes], *, known: bool) -> bytes:
        ours, theirs = held[:2]
        marks = [each for each in dict.fromkeys(held) if self._is_mark(slot, each)]
        if marks or (known and any(self._is_key(slot, each) for each in held)):
            self.counts[1] += not is_destroyed(theirs)
            # A mark that is damaged still says that the key was destroyed, and no longer when.
            sound = (each for each in marks if is_sound(self._under, slot, each))
            return next(sound, None) or destroyed_slot(datetime.now(UTC))
        if ours != theirs and self._is_key(slot, ours) and self._is_key(slot, theirs):
            raise faults.broken(self._place, f"slot {slot} has another key than the backup or escrow")
        if self._is_key(slot, ours):
            return ours
        found = next((each for each in held[1:] if self._is_key(slot, each)), None)
        if found is not None:
            self.counts[0] += 1
            return found
        self.counts[2] += not (is_empty(ours) and is_empty(theirs))
        return ours or theirs

    def _is_mark(self, slot: int, held: bytes) -> bool:
        return is_destroyed(held) or (resembles_destroyed(held) and not self._is_key(slot, held))

    def _is_key(self, slot: int, held: bytes) -> bool:
        return not is_empty(held) and is_sound(self._under, slot, held)


def _at(slots: Sequence[bytes], length: int) -> list[bytes]:
    empty = bytes(SLOT_BYTES)
    return [*slots[:length], *[empty] * (length - len(slots))]
