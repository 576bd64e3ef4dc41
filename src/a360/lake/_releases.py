"""Releases, as the policy lets who opened a lake make them."""

from pathlib import Path
from typing import TYPE_CHECKING

from a360.trust.release import FileFormat, ReleaseReport, Releases

if TYPE_CHECKING:
    from a360.lake._parts import Parts


class LakeReleases:
    """Lets gold datasets out that their contracts make releases."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        self._releases = Releases(parts.plan, parts.tables, parts.policy, parts.audit, parts.tokenizer)

    def measure(self, dataset: str) -> ReleaseReport:
        """Measure what would leave of a dataset, and write nothing; it is on record.

        Raises:
            DeniedError: the policy does not let who asks release it.
            UsageError: `unknown-dataset` where no contract says how it leaves.
        """
        parts = self._parts
        return self._releases.check(parts.principal, dataset, purpose=parts.asker.purpose)

    def write(
        self, dataset: str, folder: str | Path, *, recipient: str, form: FileFormat = "parquet"
    ) -> ReleaseReport:
        """Let a dataset out, de-identified as its contract says, with a signed certificate; it is on record.

        Raises:
            DeniedError: the policy does not let who asks release it.
            DataError: `release-refused`; nothing was written.
        """
        parts = self._parts
        return self._releases.release(
            parts.principal,
            dataset,
            Path(folder),
            recipient=recipient,
            purpose=parts.asker.purpose,
            form=form,
        )
