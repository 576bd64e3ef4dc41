"""Asking a lake who patients are, as whoever opened it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from a360.lake._parts import Parts
    from a360.trust.vault import Asked, Revealed


class LakeReveals:
    """Who patients are, for who may know. Patients are named by their keys."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def reveal(
        self, *patient_keys: str, reason: str, columns: Sequence[str] | None = None, history: bool = False
    ) -> "Revealed":
        """Tell who patients are, as far as the policy lets who asks know; it is on record first.

        Raises:
            DeniedError: the policy does not, or it would be too many patients in an hour.
            UsageError: no patient or no reason is given, or there is no such column.
        """
        parts = self._parts
        return parts.reveals.reveal(
            parts.principal,
            patient_keys,
            reason=reason,
            purpose=parts.asker.purpose,
            columns=columns,
            history=history,
        )

    def asked(self) -> "Sequence[Asked]":
        """Who learned who patients are, oldest first, with the reasons, which are opened on record.

        Raises:
            DeniedError: who asks may not read the audit log.
        """
        return self._parts.reveals.asked(self._parts.principal)
