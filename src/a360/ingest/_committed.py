"""Which batches have landed."""

from typing import TYPE_CHECKING

from a360.table import CommitResult, landed_batches, sweep_lost_batches

if TYPE_CHECKING:
    from a360.table import Tables

MAIN = "bronze.fhir_resource"
BLOCKS = "bronze.fhir_block"
QUARANTINE = "quarantine.fhir_resource"
FILES = "ops.ingested_file"


def committed_batches(tables: "Tables") -> set[str]:
    """The commit ids of the batches whose main commit has landed.

    Blocks, rejects and file records of any other batch are leftovers of a call that was cut short, or belong
    to one that is still under way: readers leave them aside.
    """
    return landed_batches(tables, MAIN)


def sweep_uncommitted(tables: "Tables", *, before_commit_id: str) -> list[CommitResult]:
    """Delete what batches left behind that never landed and began before the one named."""
    return sweep_lost_batches(tables, MAIN, (BLOCKS, QUARANTINE, FILES), before_commit_id=before_commit_id)
