"""What every refine step works with, and what it gives back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import LOOKED_UP, LakePlan, SilverStep, TablePlan
from a360.engine import EngineSession
from a360.protect import Sealer, Tokenizer
from a360.quality import RuleResult
from a360.table import StepReport, Tables

BRONZE_RESOURCE = "bronze.fhir_resource"
BRONZE_BLOCK = "bronze.fhir_block"
IDENTIFIERS, LINKS, MOVES = LOOKED_UP
STEP_KEY = "step"
# On commits of steps that looked at all there is: what they took out, no newer version tells of.
WHOLE_KEY = "whole"


@dataclass(frozen=True, slots=True)
class Ground:
    """A pair of bronze tables that units of silver steps lie in: envelopes, and the sealed blocks they name.

    `type` and `id` are the columns that say what a unit is; `line` is where in its file it stands, if known.
    """

    envelope: str
    block: str
    type: str
    id: str
    line: str = "CAST(NULL AS BIGINT)"


FHIR = Ground(BRONZE_RESOURCE, BRONZE_BLOCK, "resource_type", "resource_id")
RECORDS = Ground("bronze.record", "bronze.record_block", "record_type", "record_id", "line")


def ground_of(step: SilverStep) -> Ground:
    """The bronze tables a silver step reads."""
    return RECORDS if step.records else FHIR


class Identities(Protocol):
    """Where what identifies people is kept. It is its own table of the lake, committed as a whole."""

    @property
    def dataset(self) -> str:
        """Its table."""
        ...

    @property
    def elements(self) -> Sequence[str]:
        """The elements of a record that it keeps beside its type and id."""
        ...

    def sweep(self) -> Sequence[str]:
        """Destroy the keys of what never landed."""
        ...

    def keep(self, people: Iterable[pa.Table], stamp: CommitStamp, *, whole: bool) -> int:
        """Commit versions of people's records, which `whole` says are all there are; how many they were."""
        ...


@dataclass(frozen=True, slots=True)
class RefineContext:
    """The lake as a refine step sees it. `batch_bytes` bounds the payload held in clear at one time.

    `merged` has the names of the temporary tables that steps of a run share on who replaces whom, and on
    visits that were moved. `identities` is where a run keeps who people are, before it makes any dataset.
    """

    plan: LakePlan
    tables: Tables
    session: EngineSession
    tokenizer: Tokenizer
    sealer: Sealer
    batch_bytes: int = 64 * 1024 * 1024
    merged: dict[str, str | None] = field(default_factory=dict)
    identities: Identities | None = None


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What a step did: its counts, what its rules measured, which upstream snapshots it stands on, and why.

    `way` says in a word how it was brought up to date: `nothing`, `incremental`, `full`, `replace`, `by_key`;
    `why` says what decided that.
    `cleared` counts records of refused rows that it does not refuse any more.
    """

    report: StepReport
    way: str
    why: str
    quality: Sequence[RuleResult] = field(default_factory=tuple)
    upstream: Mapping[str, str] = field(default_factory=dict)
    upstream_rows: Mapping[str, int] = field(default_factory=dict)
    cleared: int = 0


def alive_sql(table: TablePlan) -> str:
    """The condition on rows that stand: no tombstones, and of a history the current version alone."""
    conditions = (("deleted", "NOT deleted"), ("is_current", "is_current"))
    return " AND ".join(test for name, test in conditions if name in table.column_names) or "TRUE"
