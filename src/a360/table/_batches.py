"""Batches: commits to several tables under one commit id; the main one comes last and names the batch.

Atomicity is per table, so what lies beside the main table (rejects, blocks, file records) is committed first.
Until the main commit lands, readers leave it aside; if it never does, it is swept away.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from a360.catalog import CommitStamp
from a360.engine import quote_text
from a360.table._record import TABLE as COMMITS
from a360.table._types import CommitResult, new_commit_id

if TYPE_CHECKING:
    from a360.table._tables import Tables


def landed_batches(tables: "Tables", main: str) -> set[str]:
    """The commit ids of the batches whose commit to the main table has landed, and was not undone."""
    landed = {each.commit_id for each in tables.commits(main)}
    # Snapshots expire; the record of commits does not.
    recorded = tables.read(COMMITS, columns=["commit_id"], where=f"dataset = {quote_text(main)}")
    return landed | (set(recorded["commit_id"].to_pylist()) - tables.undone_commits(main))


def sweep_lost_batches(
    tables: "Tables",
    main: str,
    beside: Iterable[str],
    *,
    before_commit_id: str,
    landed: set[str] | None = None,
) -> list[CommitResult]:
    """Delete what batches left beside a main table that they never reached.

    Commit ids sort by time: `before_commit_id` is older than any batch that may still be under way. `landed`
    are the batches whose leavings stay, where the main table alone does not tell.
    """
    landed = landed_batches(tables, main) if landed is None else landed
    results = []
    for name in beside:
        seen = tables.read(name, columns=["commit_id"])["commit_id"].unique().to_pylist()
        lost = sorted(each for each in seen if each not in landed and each < before_commit_id)
        if lost:
            among = f"commit_id IN ({', '.join(map(quote_text, lost))})"
            results.append(tables.delete(name, among, CommitStamp(new_commit_id())))
    return results
