"""Handing out what a lake holds of one patient: by the policy, on record first, into a folder of its own."""

import hashlib
import json
import os
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from a360.contract import LakePlan
from a360.errors import DeniedError, OperatorError, UsageError
from a360.files import new_folder, require_new_folder, whole, write_whole
from a360.protect import AuditEvent, Sealer, Tokenizer
from a360.table import Tables
from a360.trust.audit import LocalAuditLog
from a360.trust.gateway import write_csv
from a360.trust.policy import Policy, Principal
from a360.trust.rights._envelopes import RECORDS, RESOURCES
from a360.trust.rights._gather import Gathered, Gatherer, Received
from a360.trust.rights._page import page

ACTION: Final = "export"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
FORM: Final = "a360-patient-export/1"
PATIENT: Final = "patient"
"""The recipient where the patient asked: telling patients of themselves is no disclosure to account for."""
_ATTACHMENTS: Final = "silver.attachment"
_ENDINGS: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}

type CopyFile = Callable[[str, str, Path], object]
"""Writes the file of an attachment, by its id and source, to a path."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was handed out: how many of each kind, what was not, and the files."""

    folder: Path
    resources: dict[str, int]
    deleted: int
    records: dict[str, int]
    rows: dict[str, int]
    files: Sequence[str]
    withheld: dict[str, int]
    missing: dict[str, int]
    refused: dict[str, int]
    refused_not_told: dict[str, int]
    request: str

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {**asdict(self), "folder": str(self.folder)}


class Exports:
    """Hands patients, or whom they name, what a lake holds of them.

    Args:
        plan: The lake.
        tables: Its tables.
        policy: Its action `export` on every dataset that holds patients says who may.
        audit: Nothing is written that is not on record.
        sealer: Opens what lies sealed.
        tokenizer: Finds others in what names several patients.
        copy: Writes files of attachments.
    """

    def __init__(
        self,
        plan: LakePlan,
        tables: Tables,
        policy: Policy,
        audit: LocalAuditLog,
        sealer: Sealer,
        tokenizer: Tokenizer,
        copy: CopyFile,
    ) -> None:
        self._policy = policy
        self._audit = audit
        self._copy = copy
        self._gatherer = Gatherer(plan, tables, sealer, tokenizer)

    def export(
        self,
        principal: Principal,
        patient_key: str,
        folder: Path,
        *,
        purpose: str | None = None,
        recipient: str = PATIENT,
    ) -> ExportReport:
        """Write everything about one patient, and nothing of anybody else.

        Args:
            principal: Who hands it out.
            patient_key: The patient, by the token that the lake has.
            folder: A new or empty folder.
            purpose: What for; by default the one purpose of the principal's roles, if it is one.
            recipient: Who gets it, where it is not the patient.

        Raises:
            DeniedError: the policy does not let the principal.
            UsageError: the lake holds nothing of such a patient, or the folder holds something.
            OperatorError: it cannot be recorded or written, or a key is gone.
        """
        purpose = purpose or self._policy.default_purpose(principal)
        occasion = _Occasion(
            principal, purpose, recipient.strip() or PATIENT, datetime.now(UTC), uuid.uuid4().hex
        )
        rules = self._allowed(occasion)
        require_new_folder(folder)
        keys = self._gatherer.together(patient_key)
        self._require_refined(keys)
        gathered = self._gatherer.gather(keys)
        if not (gathered.resources or gathered.records or gathered.rows or gathered.withheld):
            raise UsageError(
                "usage",
                "The lake holds nothing of this patient",
                next_step="name the patient by the token that silver.patient has in patient_key",
            )
        told = len(gathered.resources) + len(gathered.records) + len(gathered.refused.told)
        told += sum(rows.num_rows for rows in gathered.rows.values())
        subjects = tuple(map(self._audit.subject, keys))
        self._record(occasion, "allowed", rules=rules, subjects=subjects, rows=told)
        report = self._written(gathered, occasion, folder)
        self._record(occasion, "done", subjects=subjects, rows=told)
        return report

    def _require_refined(self, keys: Sequence[str]) -> None:
        """What tables tell of a patient may be somebody else's where a correction has not come that far."""
        behind = self._gatherer.behind(keys)
        if behind:
            raise UsageError(
                "usage",
                "What came of this patient has not come into every table yet",
                where=", ".join(behind),
                found="newer records in bronze",
                next_step="a360 run, and a360 deid notes where that is named, then export again",
            )

    def _allowed(self, occasion: "_Occasion") -> tuple[str, ...]:
        """The rules that let it go: the action on all columns of every dataset that can hold the patient."""
        rules: dict[str, None] = {}
        for dataset in self._datasets:
            decision = self._policy.decide(
                occasion.principal, ACTION, dataset, purpose=occasion.purpose, at=occasion.at
            )
            consent = self._consent(dataset, occasion)
            whole = decision.allowed and all(column.allowed for column in decision.columns.values())
            if consent or not whole:
                self._record(occasion, "denied")
                raise DeniedError(
                    "denied",
                    f"{occasion.principal.name} may not export for {occasion.purpose or 'no purpose'}",
                    found=consent or f"no export of all of {dataset}",
                    next_step="ask somebody whom lake.yaml grants the action export on all that has patients",
                )
            rules |= dict.fromkeys(rule for each in decision.columns.values() for rule in each.rules)
        return tuple(rules)

    def _consent(self, dataset: str, occasion: "_Occasion") -> str | None:
        """What hangs on a consent goes to the patient alone: no consent says to whom else it may go."""
        if occasion.recipient == PATIENT:
            return None
        for rule in self._policy.plan.policy.consents:
            bound = any(column.rpartition(".")[0] == dataset for column in rule.columns)
            if bound and occasion.purpose not in rule.exempt:
                return (
                    f"columns of {dataset} under the consent {rule.name}, and a recipient besides the patient"
                )
        return None

    @property
    def _datasets(self) -> tuple[str, ...]:
        told = {RESOURCES, RECORDS}
        return tuple(
            each.dataset
            for each in self._gatherer.reach
            if each.dataset in told or each.dataset.startswith(("silver.", "gold."))
        )

    def _written(self, gathered: Gathered, occasion: "_Occasion", folder: Path) -> ExportReport:
        try:
            with new_folder(folder) as draft:
                writer = _Writer(draft)
                _write_held(gathered, writer)
                pictures = self._pictures(gathered, writer)
                writer.text("record.html", page(gathered, occasion.at, pictures))
                report = _reported(gathered, folder, writer.names, occasion)
                manifest = _manifest(report, occasion, writer)
                write_whole(draft / SIGNATURE, self._audit.certify(manifest.encode()))
                write_whole(draft / MANIFEST, manifest)
        except OSError as error:
            raise OperatorError(
                "input-missing",
                "The export cannot be written",
                where=str(folder),
                found=os.strerror(error.errno) if error.errno else type(error).__name__,
                next_step="name a new folder where there is room",
            ) from None
        return report

    def _pictures(self, gathered: Gathered, writer: "_Writer") -> list[str]:
        """The files of the patient's attachments, under names that only number them."""
        rows = gathered.rows.get(_ATTACHMENTS)
        names = []
        for number, row in enumerate(rows.to_pylist() if rows is not None else (), start=1):
            if row["object_digest"] is None or row["deleted"]:
                continue
            name = f"files/{number:04d}{_ENDINGS.get(row['media_type'], '.bin')}"
            with writer.file(name) as path:
                self._copy(row["attachment_id"], row["source"], path)
            names.append(name)
        return names

    def _record(self, occasion: "_Occasion", outcome: str, **more: Any) -> None:  # noqa: ANN401 -- of an event
        event = AuditEvent(
            datetime.now(UTC),
            occasion.principal.name,
            ACTION,
            self._datasets,
            outcome,
            occasion.purpose,
            {"recipient": occasion.recipient},
            acting_for=occasion.principal.acting_for,
            request=occasion.request,
            **more,
        )
        self._audit.record(event)


@dataclass(frozen=True, slots=True)
class _Occasion:
    principal: Principal
    purpose: str | None
    recipient: str
    at: datetime
    request: str


class _Writer:
    """Writes files that are their owner's alone, and knows their digests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.names: list[str] = []

    def file(self, name: str) -> "_File":
        """A place for a file of this name."""
        path = self._folder / name
        for parent in reversed(path.relative_to(self._folder).parents):
            (self._folder / parent).mkdir(mode=0o700, exist_ok=True)
        return _File(path, name, self.names)

    def text(self, name: str, content: str) -> None:
        """A file of text."""
        with self.file(name) as path:
            write_whole(path, content)

    def lines(self, place: str, found: Iterable[Received]) -> None:
        """Resources or records as they were received, a file a kind, a line each."""
        kinds: dict[str, list[bytes]] = defaultdict(list)
        for each in found:
            kinds[each.kind].append(each.text)
        for kind, texts in sorted(kinds.items()):
            with self.file(f"{place}/{kind}.ndjson") as path:
                write_whole(path, b"".join(text + b"\n" for text in texts))

    def digest(self, name: str) -> str:
        """The SHA-256 of a file."""
        with (self._folder / name).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    name: str
    names: list[str]

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.names.append(self.name)


def _write_held(gathered: Gathered, writer: _Writer) -> None:
    """What was received, and the rows that were made of it."""
    for deleted in (False, True):
        place = "fhir/deleted" if deleted else "fhir"
        writer.lines(place, (each for each in gathered.resources if each.deleted == deleted))
        place = "records/deleted" if deleted else "records"
        writer.lines(place, (each for each in gathered.records if each.deleted == deleted))
    writer.lines("refused", gathered.refused.told)
    for dataset, rows in gathered.rows.items():
        with writer.file(f"tables/{dataset}.csv") as path, whole(path) as stream:
            write_csv(rows.to_reader(), stream)


def _reported(gathered: Gathered, folder: Path, names: Sequence[str], occasion: _Occasion) -> ExportReport:
    return ExportReport(
        folder=folder,
        resources=_counted(gathered.resources),
        deleted=sum(each.deleted for each in (*gathered.resources, *gathered.records)),
        records=_counted(gathered.records),
        rows={dataset: rows.num_rows for dataset, rows in gathered.rows.items()},
        files=tuple(names),
        withheld=dict(gathered.withheld),
        missing=dict(gathered.missing),
        refused=_counted(gathered.refused.told),
        refused_not_told=dict(gathered.refused.not_told),
        request=occasion.request,
    )


def _counted(found: Iterable[Received]) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for each in found:
        counts[each.kind] += 1
    return dict(sorted(counts.items()))


def _manifest(report: ExportReport, occasion: _Occasion, writer: _Writer) -> str:
    told = {
        "form": FORM,
        "exported_at": occasion.at.isoformat(),
        "exported_by": occasion.principal.acting_for or occasion.principal.name,
        "acting_as": occasion.principal.name,
        "purpose": occasion.purpose,
        "recipient": occasion.recipient,
        "request": occasion.request,
        "resources": report.resources,
        "records": report.records,
        "rows": report.rows,
        "deleted_by_their_source": report.deleted,
        "withheld_as_they_tell_of_others": report.withheld,
        "deleted_before_they_came": report.missing,
        "refused": report.refused,
        "refused_and_not_here": report.refused_not_told,
        "files": [{"name": name, "sha256": writer.digest(name)} for name in report.files],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"
