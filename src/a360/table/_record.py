"""The record of commits: `ops.commit`, appended once a run and rebuilt from snapshots after a crash."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pyarrow as pa

from a360.table._types import CommitResult

TABLE = "ops.commit"
NAMESPACE = "ops"

_SCHEMA = pa.schema(
    [
        ("commit_id", pa.string()),
        ("dataset", pa.string()),
        ("snapshot_id", pa.string()),
        ("parent_id", pa.string()),
        ("operation", pa.string()),
        ("upstream", pa.string()),
        ("counts", pa.string()),
        ("added_rows", pa.int64()),
        ("deleted_rows", pa.int64()),
        ("seconds", pa.float64()),
        ("known_at", pa.timestamp("us", "UTC")),
    ]
)


def is_recorded(name: str) -> bool:
    """Whether commits to a table are recorded; those to `ops` are not, or recording would never end."""
    return not name.startswith(f"{NAMESPACE}.")


def as_rows(results: Iterable[CommitResult]) -> pa.Table:
    """Results as rows of `ops.commit`; what committed nothing has none."""
    return pa.Table.from_pylist(
        [_row(each) for each in results if each.snapshot_id is not None], schema=_SCHEMA
    )


def missing_from(results: Sequence[CommitResult], recorded: pa.Table) -> list[CommitResult]:
    """The results that no recorded row tells of."""
    known = set(
        zip(recorded.column("commit_id").to_pylist(), recorded.column("dataset").to_pylist(), strict=True)
    )
    return [each for each in results if (each.commit_id, each.table) not in known]


def _row(result: CommitResult) -> dict[str, object]:
    return {
        "commit_id": result.commit_id,
        "dataset": result.table,
        "snapshot_id": result.snapshot_id,
        "parent_id": result.parent_id,
        "operation": result.operation,
        "upstream": json.dumps(dict(result.upstream), sort_keys=True),
        "counts": json.dumps(dict(result.counts), sort_keys=True),
        "added_rows": result.added_rows,
        "deleted_rows": result.deleted_rows,
        "seconds": result.seconds,
        "known_at": result.committed_at or datetime.now(UTC),
    }
