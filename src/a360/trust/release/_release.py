"""Letting a gold dataset out: decided, measured, recorded, then written with its certificate."""

import hashlib
import os
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Literal, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from a360.contract import LakePlan, ReleasePlan
from a360.errors import DataError, DeniedError, OperatorError, UsageError
from a360.files import new_folder, require_new_folder, whole, write_whole
from a360.protect import AuditEvent, AuditLog, Tokenizer
from a360.table import Tables
from a360.trust.gateway import write_csv
from a360.trust.policy import Policy, Principal
from a360.trust.release._certificate import Occasion, certificate, encoded
from a360.trust.release._form import GIVEN, leaving, prepared, told_of
from a360.trust.release._judge import Figures, Finding, judge

type FileFormat = Literal["parquet", "csv"]

CERTIFICATE: Final = "certificate.json"
SIGNATURE: Final = "certificate.sig"
# A record of the audit log names no more of them; a release of more has several, of one request.
_SUBJECTS_AT_ONCE: Final = 10_000
_SHOWN: Final = 12


class ReleaseLog(AuditLog, Protocol):
    """An audit log that signs, and that has pseudonyms for patients."""

    def subject(self, patient_key: str) -> str:
        """The pseudonym of a patient."""
        ...

    def certify(self, content: bytes) -> str:
        """A signed note over a certificate."""
        ...


@dataclass(frozen=True, slots=True)
class ReleaseReport:
    """What left, or what keeps it from leaving: `folder` is none where nothing was written."""

    dataset: str
    profile: str
    figures: Figures
    findings: Sequence[Finding]
    folder: Path | None = None
    files: Sequence[str] = ()

    @property
    def passes(self) -> bool:
        """Whether the rows meet their method."""
        return not self.findings

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "dataset": self.dataset,
            "profile": self.profile,
            "passes": self.passes,
            "figures": asdict(self.figures),
            "findings": [asdict(each) for each in self.findings],
            "folder": str(self.folder) if self.folder else None,
            "files": list(self.files),
        }


class Releases:
    """Lets gold datasets out whose contracts say how."""

    def __init__(
        self, plan: LakePlan, tables: Tables, policy: Policy, audit: ReleaseLog, tokenizer: Tokenizer
    ) -> None:
        self._plan = plan
        self._tables = tables
        self._policy = policy
        self._audit = audit
        self._tokenizer = tokenizer

    def check(self, principal: Principal, dataset: str, *, purpose: str | None = None) -> ReleaseReport:
        """Measure what would leave, and write nothing.

        Raises:
            DeniedError: the policy does not let the principal release the dataset for the purpose.
            UsageError: `unknown-dataset` where no contract says how it leaves.
        """
        plan = self._plan.release(dataset)
        occasion = self._occasion(principal, purpose, "")
        rules = self._allowed(principal, plan, occasion)
        made_of = self._snapshots(plan)
        told = {"snapshot": made_of[plan.dataset]}
        self._record(plan, occasion, "allowed", "release.measure", rules=rules, details=told)
        with self._prepared(plan, made_of):
            return self._judged(plan, occasion)

    def release(
        self,
        principal: Principal,
        dataset: str,
        folder: Path,
        *,
        recipient: str,
        purpose: str | None = None,
        form: FileFormat = "parquet",
    ) -> ReleaseReport:
        """Write what may leave into a folder, with its certificate; on record before the first byte.

        Raises:
            DeniedError: the policy does not let the principal.
            DataError: `release-refused` where rows do not meet the method; nothing is written.
            UsageError: the folder holds something, or nobody is named who receives it.
            OperatorError: it cannot be recorded or written.
        """
        plan = self._plan.release(dataset)
        if not recipient.strip():
            raise UsageError("usage", "A release has a recipient", next_step="say to whom with --recipient")
        occasion = self._occasion(principal, purpose, recipient.strip())
        rules = self._allowed(principal, plan, occasion)
        require_new_folder(folder)
        made_of = self._snapshots(plan)
        details: dict[str, str | int] = {"snapshot": made_of[plan.dataset]}
        with self._prepared(plan, made_of):
            report = self._judged(plan, occasion)
            if not report.passes:
                why = {**details, "code": "release-refused", "findings": len(report.findings)}
                self._record(plan, occasion, "failed", rules=rules, details=why)
                raise _refused(plan, report.findings)
            rows = report.figures.rows
            self._record_allowed(plan, occasion, rules, rows, details)
            files = self._written(plan, report.figures, occasion, made_of, folder, form)
        details["certificate"] = files[CERTIFICATE]
        self._record(plan, occasion, "done", rows=rows, details=details)
        return replace(report, folder=folder, files=tuple(files))

    def _occasion(self, principal: Principal, purpose: str | None, recipient: str) -> Occasion:
        purpose = purpose or self._policy.default_purpose(principal)
        return Occasion(principal, purpose, recipient, datetime.now(UTC), uuid.uuid4().hex)

    def _allowed(self, principal: Principal, plan: ReleasePlan, occasion: Occasion) -> tuple[str, ...]:
        """The rules that let it go: the action on every column of the dataset, and no consent in the way."""
        decision = self._policy.decide(
            principal, "release", plan.dataset, purpose=occasion.purpose, at=occasion.at
        )
        missing = [name for name, column in decision.columns.items() if not column.allowed]
        consent = self._consent(plan, occasion) if plan.profile == "limited" else None
        if decision.allowed and not missing and consent is None:
            rules = (rule for column in decision.columns.values() for rule in column.rules)
            return tuple(dict.fromkeys(rules))
        self._record(plan, occasion, "denied")
        raise DeniedError(
            "denied",
            f"{principal.name} may not release {plan.dataset} for {occasion.purpose or 'no purpose'}",
            found=consent or (f"no grant on {', '.join(missing)}" if decision.allowed else decision.reason),
            next_step="ask somebody whom lake.yaml grants the action release on all of its columns",
        )

    def _consent(self, plan: ReleasePlan, occasion: Occasion) -> str | None:
        """A limited data set is health information of patients still: what hangs on consent stays."""
        leaving = {f"{plan.dataset}.{column.name}" for column in plan.leaving}
        for rule in self._plan.policy.consents:
            if leaving & set(rule.columns) and occasion.purpose not in rule.exempt:
                return f"columns under the consent {rule.name}"
        return None

    def _snapshots(self, plan: ReleasePlan) -> Mapping[str, str]:
        """The dataset's snapshot, by which all is read, with those that it was made from: of one look."""
        found = self._tables.snapshots(plan.dataset) if self._tables.exists(plan.dataset) else []
        if not found:
            raise UsageError(
                "unknown-table",
                "The dataset holds nothing that could leave",
                where=plan.dataset,
                next_step=f"a360 run {plan.dataset}",
            )
        upstream = next((each.upstream for each in found if each.upstream), {})
        return {**upstream, plan.dataset: found[0].snapshot_id}

    def _prepared(self, plan: ReleasePlan, made_of: Mapping[str, str]) -> AbstractContextManager[None]:
        return prepared(self._tables.session, plan, made_of[plan.dataset], self._tokenizer)

    def _judged(self, plan: ReleasePlan, occasion: Occasion) -> ReleaseReport:
        judged = judge(self._tables.session, GIVEN, plan, occasion.at.date())
        return ReleaseReport(plan.dataset, plan.profile, judged.figures, judged.findings)

    def _written(
        self,
        plan: ReleasePlan,
        figures: Figures,
        occasion: Occasion,
        made_of: Mapping[str, str],
        folder: Path,
        form: FileFormat,
    ) -> Mapping[str, str]:
        """The files with their digests; they come into their folder with the certificate, or not at all."""
        name = f"{plan.dataset.partition('.')[2]}.{form}"
        try:
            with new_folder(folder) as draft:
                with whole(draft / name) as stream:
                    _write_rows(leaving(self._tables.session, plan), stream, form)
                told = certificate(plan, figures, occasion, made_of, {name: _digest(draft / name)})
                content = encoded(told)
                write_whole(draft / SIGNATURE, self._audit.certify(content))
                write_whole(draft / CERTIFICATE, content)
                return {each: _digest(draft / each) for each in (name, CERTIFICATE, SIGNATURE)}
        except OSError as error:
            raise OperatorError(
                "input-missing",
                "The release cannot be written",
                where=str(folder),
                found=os.strerror(error.errno) if error.errno else type(error).__name__,
                next_step="name a new folder where there is room",
            ) from None

    def _record_allowed(
        self,
        plan: ReleasePlan,
        occasion: Occasion,
        rules: tuple[str, ...],
        rows: int,
        details: Mapping[str, str | int],
    ) -> None:
        """Put it on record with each patient it tells of, in as many records as they take."""
        told: dict[str, Any] = {"rules": rules, "rows": rows, "details": details}
        groups = told_of(self._tables.session, plan, _SUBJECTS_AT_ONCE)
        self._record(plan, occasion, "allowed", subjects=self._pseudonyms(next(groups, [])), **told)
        for more in groups:
            self._record(plan, occasion, "allowed", subjects=self._pseudonyms(more), **told)

    def _pseudonyms(self, patients: Sequence[str]) -> tuple[str, ...]:
        return tuple(map(self._audit.subject, patients))

    def _record(
        self,
        plan: ReleasePlan,
        occasion: Occasion,
        outcome: str,
        action: str = "release",
        *,
        details: Mapping[str, str | int] | None = None,
        **more: Any,  # noqa: ANN401 -- the rest of an event
    ) -> None:
        told: dict[str, str | int] = {"profile": plan.profile, **(details or {})}
        if occasion.recipient:
            told["recipient"] = occasion.recipient
        if plan.agreement:
            told["agreement"] = plan.agreement
        event = AuditEvent(
            datetime.now(UTC),
            occasion.principal.name,
            action,
            (plan.dataset,),
            outcome,
            occasion.purpose,
            told,
            acting_for=occasion.principal.acting_for,
            request=occasion.request,
            columns=tuple(f"{plan.dataset}.{each.name}" for each in plan.leaving),
            **more,
        )
        self._audit.record(event)


def _write_rows(rows: pa.RecordBatchReader, stream: IO[bytes], form: FileFormat) -> None:
    """Write a stream as it is read; a batch is a row group, so that none is larger than memory likes."""
    if form == "csv":
        write_csv(rows, stream)
        return
    with pq.ParquetWriter(stream, rows.schema.remove_metadata(), compression="zstd") as writer:
        for batch in rows:
            writer.write_batch(batch)


def _refused(plan: ReleasePlan, findings: Sequence[Finding]) -> DataError:
    more = f"; and {len(findings) - _SHOWN} more" if len(findings) > _SHOWN else ""
    return DataError(
        "release-refused",
        f"{plan.dataset} does not meet its method, {plan.profile}; nothing left the lake",
        where=plan.dataset,
        found="; ".join(map(str, findings[:_SHOWN])) + more,
        next_step="mend the model or its masks, generalise, or leave the column out; see docs/releases.md",
    )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
