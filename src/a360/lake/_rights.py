"""What patients may ask for, as the policy lets who opened a lake answer them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from a360 import operate
from a360.trust.rights import PATIENT, Amendment, Amendments, Answer, Basis, ExportReport, Exports

if TYPE_CHECKING:
    from a360.lake._parts import Parts


class PatientRights:
    """Answers patients. They are named by their keys."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts

    def export(self, patient_key: str, folder: str | Path, *, recipient: str = PATIENT) -> ExportReport:
        """Write everything about one patient into a folder, and nothing of anybody else; it is on record.

        Raises:
            DeniedError: the policy does not let who asks export patients.
            UsageError: the lake holds nothing of such a patient.
        """
        parts = self._parts
        # The export itself is on record, with the patient: its files need no records of their own.
        files = operate.Attachments(parts.tables, parts.objects, parts.tokenizer, lambda *_, **__: None)
        exports = Exports(
            parts.plan,
            parts.tables,
            parts.policy,
            parts.audit,
            parts.sealer,
            parts.tokenizer,
            lambda attachment, source, path: files.get(attachment, path, source=source),
        )
        purpose = parts.asker.purpose
        return exports.export(
            parts.principal, patient_key, Path(folder), purpose=purpose, recipient=recipient
        )

    def request_amendment(self, patient_key: str, text: str) -> Amendment:
        """Record what a patient asks to be amended; DeniedError if the policy does not let who asks."""
        parts = self._parts
        return self._record.add(parts.principal, patient_key, text, purpose=parts.asker.purpose)

    def amendments(self, patient_key: str | None = None, *, every: bool = False) -> Sequence[Amendment]:
        """The requests for amendment that wait, or all, by when they are due."""
        parts = self._parts
        purpose = parts.asker.purpose
        return self._record.list(parts.principal, patient_key=patient_key, every=every, purpose=purpose)

    def amendment(self, amendment_id: str) -> Amendment:
        """A request for amendment with its texts, opened; UsageError where there is none of this id."""
        parts = self._parts
        return self._record.show(parts.principal, amendment_id, purpose=parts.asker.purpose)

    def decide_amendment(
        self, amendment_id: str, answer: Answer, text: str, *, basis: Basis | None = None
    ) -> Amendment:
        """Accept, deny or extend a request for amendment, in words for the patient."""
        parts = self._parts
        return self._record.decide(
            parts.principal, amendment_id, answer, text, basis=basis, purpose=parts.asker.purpose
        )

    @property
    def _record(self) -> Amendments:
        parts = self._parts
        return Amendments(parts.tables, parts.policy, parts.audit, parts.sealer)
