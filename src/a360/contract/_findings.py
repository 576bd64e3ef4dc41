"""What a change of a contract means: for the table, for its readers, for its old snapshots."""

from dataclasses import dataclass
from typing import Any, Literal

type ChangeAction = Literal["create", "evolve", "nothing", "refuse"]
type FindingKind = Literal[
    "create",
    "renumber",
    "add",
    "drop",
    "rename",
    "widen",
    "type",
    "relax",
    "require",
    "reorder",
    "describe",
    "number",
    "key",
    "sensitivity",
    "partition",
    "sort",
    "format",
    "tags",
    "rule",
    "step",
    "property",
    "version",
]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that changes, in plain words.

    `what` happens to the table; `readers` and `snapshots` say what queries of today and old snapshots will
    see. `breaking` needs a new major version of the contract. A finding with an `instead` is refused: that is
    the way which loses nothing.
    """

    kind: FindingKind
    subject: str
    what: str
    readers: str = ""
    snapshots: str = ""
    breaking: bool = False
    instead: str = ""

    @property
    def refused(self) -> bool:
        """Whether the change cannot be made."""
        return bool(self.instead)

    def __str__(self) -> str:
        return f"{self.what}; {self.instead}" if self.instead else self.what

    def to_json(self) -> dict[str, Any]:
        """The finding as a flat JSON object."""
        return {
            "kind": self.kind,
            "subject": self.subject,
            "what": self.what,
            "readers": self.readers,
            "snapshots": self.snapshots,
            "breaking": self.breaking,
            "refused": self.refused,
            "instead": self.instead,
        }


@dataclass(frozen=True, slots=True)
class TableChange:
    """What is to be done about one table; a table that evolves ends as its plan has it."""

    table: str
    action: ChangeAction
    findings: tuple[Finding, ...] = ()

    @property
    def details(self) -> tuple[str, ...]:
        """What changes."""
        return tuple(str(finding) for finding in self.findings if not finding.refused)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the change is refused, and what to do instead."""
        return tuple(str(finding) for finding in self.findings if finding.refused)

    @property
    def breaking(self) -> bool:
        """Whether readers of today may have to change."""
        return any(finding.breaking for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "table": self.table,
            "action": self.action,
            "breaking": self.breaking,
            "details": [*self.details],
            "reasons": [*self.reasons],
            "findings": [finding.to_json() for finding in self.findings],
        }


def change_of(table: str, findings: tuple[Finding, ...]) -> TableChange:
    """The change that findings amount to."""
    action: ChangeAction = "nothing"
    if findings:
        action = "refuse" if any(finding.refused for finding in findings) else "evolve"
    return TableChange(table, action, findings)
