"""Where batches land, and which of them have landed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from a360.engine import quote_text
from a360.table import CommitResult, landed_batches, sweep_lost_batches

if TYPE_CHECKING:
    from a360.table import Tables


@dataclass(frozen=True, slots=True)
class Ground:
    """The tables that things of one form land in: their envelopes, their payloads, and what was refused.

    `kind` and `key` are the columns that say what a thing is and which one.
    """

    rows: str
    blocks: str
    quarantine: str
    kind: str
    key: str


FHIR: Final = Ground(
    "bronze.fhir_resource", "bronze.fhir_block", "quarantine.fhir_resource", "resource_type", "resource_id"
)
RECORDS: Final = Ground(
    "bronze.record", "bronze.record_block", "quarantine.record", "record_type", "record_id"
)
GROUNDS: Final = (FHIR, RECORDS)
FILES: Final = "ops.ingested_file"

# What these kinds bring lands as records too, in batches whose last commit is that of the FHIR resources.
_BOTH: Final = frozenset({"hl7v2"})
_OF_FHIR: Final = frozenset({"fhir", "notes", *_BOTH})


def ground_of(kind: str) -> Ground:
    """Where the last commit of a batch of this kind goes, which names the batch."""
    return FHIR if kind in _OF_FHIR else RECORDS


def committed_batches(tables: "Tables", ground: Ground = FHIR) -> set[str]:
    """The commit ids of the batches that have landed something on a ground, all of it.

    Blocks, envelopes, rejects and file records of any other batch are leftovers of a call that was cut short,
    or belong to one that is still under way: readers leave them aside.
    """
    if tables.current_snapshot_id(ground.rows) is None:
        return set()
    landed = landed_batches(tables, ground.rows)
    return landed if ground is FHIR else landed - unfinished_batches(tables)


def unfinished_batches(tables: "Tables") -> set[str]:
    """The batches that have landed records, and not yet, or never, the resources made of them."""
    if tables.current_snapshot_id(FILES) is None:
        return set()
    among = ", ".join(quote_text(kind) for kind in sorted(_BOTH))
    rows = tables.read(FILES, columns=["commit_id"], where=f"kind IN ({among})")
    companions = set(rows["commit_id"].to_pylist())
    return companions - landed_batches(tables, FHIR.rows) if companions else companions


def sweep_uncommitted(tables: "Tables", *, before_commit_id: str) -> list[CommitResult]:
    """Delete what batches left behind that never landed and began before the one named."""
    landed = {ground: committed_batches(tables, ground) for ground in GROUNDS if tables.exists(ground.rows)}
    swept = []
    for ground, batches in landed.items():
        # Records may land before the resources of their batch, which then never come.
        beside = [ground.blocks, ground.quarantine, *([ground.rows] if ground is RECORDS else [])]
        swept += sweep_lost_batches(
            tables, ground.rows, beside, before_commit_id=before_commit_id, landed=batches
        )
    # File records go last: until then they tell which records are of unfinished batches.
    anywhere = set().union(*landed.values())
    swept += sweep_lost_batches(
        tables, FHIR.rows, [FILES], before_commit_id=before_commit_id, landed=anywhere
    )
    return swept
