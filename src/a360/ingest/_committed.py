"""Which batches have landed."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from a360.catalog import CommitStamp
from a360.engine import quote_text
from a360.table import CommitResult, new_commit_id

if TYPE_CHECKING:
    from a360.table import Tables

MAIN = "bronze.fhir_resource"
BLOCKS = "bronze.fhir_block"
QUARANTINE = "quarantine.fhir_resource"
FILES = "ops.ingested_file"
_COMMITS = "ops.commit"


def committed_batches(tables: "Tables") -> set[str]:
    """The commit ids of the batches whose main commit has landed.

    Blocks, rejects and file records of any other batch are leftovers of a call that was cut short, or belong
    to one that is still under way: readers leave them aside.
    """
    landed = {each.commit_id for each in tables.commits(MAIN)}
    # Snapshots expire; the record of commits does not.
    recorded = tables.read(_COMMITS, columns=["commit_id"], where=f"dataset = {quote_text(MAIN)}")
    return landed | set(recorded["commit_id"].to_pylist())


def sweep_uncommitted(tables: "Tables", *, before_commit_id: str) -> list[CommitResult]:
    """Delete what batches left behind that never landed and began before the one named.

    Commit ids sort by time: name one that is older than any call that may still be under way.
    """
    landed = committed_batches(tables)
    results = []
    for name in (BLOCKS, QUARANTINE, FILES):
        seen = tables.read(name, columns=["commit_id"])["commit_id"].unique().to_pylist()
        lost = sorted(each for each in seen if each not in landed and each < before_commit_id)
        if lost:
            results.append(tables.delete(name, _among(lost), CommitStamp(new_commit_id())))
    return results


def _among(commit_ids: Iterable[str]) -> str:
    return f"commit_id IN ({', '.join(map(quote_text, commit_ids))})"
