"""Ports that the policy, audit and vault work implements; the rooms below only know these shapes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Who did what to which data, for which purpose, and how it ended. Holds no patient data in clear.

    Args:
        at: When; with a time zone.
        principal: Whose rights counted.
        action: A word such as `query`, `login` or `grant.change`.
        objects: The datasets or other things that were touched, by the names that contracts give them.
        outcome: `allowed`, `denied`, `done` or `failed`.
        purpose: The purpose of use that was given.
        details: What else there is to say; never a value of the data.
        acting_for: Who really asked, where they acted as `principal`.
        request: What all events of one request have in common.
        rules: The rules of the policy that decided.
        columns: The columns that were read, as `gold.patient_360.birth_date`.
        subjects: Pseudonyms of the patients whose data was told, as the log makes them; empty where nobody
            knows, which is so for most queries over many patients.
        rows: How many rows were told.
        bytes: How many bytes they had.
        source: The address that asked.
    """

    at: datetime
    principal: str
    action: str
    objects: Sequence[str]
    outcome: str
    purpose: str | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)
    acting_for: str | None = None
    request: str | None = None
    rules: Sequence[str] = ()
    columns: Sequence[str] = ()
    subjects: Sequence[str] = ()
    rows: int | None = None
    bytes: int | None = None
    source: str | None = None


class AuditLog(Protocol):
    """An append-only record of what was done."""

    def record(self, event: AuditEvent) -> str:
        """Append an event and return its id.

        Returns only once the event is durable: where this raises, the action that it describes must not
        go ahead (no record, no answer).
        """
        ...


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A question to the policy: may this principal do this to these columns, for this purpose?"""

    principal: str
    action: str
    dataset: str
    columns: Sequence[str] = ()
    purpose: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The policy's answer, with the reason in words that an audit can quote."""

    allowed: bool
    reason: str


class Authorizer(Protocol):
    """Decides on access."""

    def decide(self, request: AccessRequest) -> Decision:
        """Answer a request; a policy that cannot be read denies."""
        ...


class TextDeidentifier(Protocol):
    """Takes identity out of free text."""

    def deidentify(self, texts: pa.Array, *, subjects: pa.Array) -> pa.Array:
        """The texts without identifiers, row by row; null stays null.

        `subjects` holds the patient key of each row, so that what is replaced or shifted stays consistent
        within a patient.
        """
        ...
