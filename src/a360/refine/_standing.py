"""Where a dataset stands: which upstream snapshots its rows were made from, and by which step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from a360.refine._context import STEP_KEY, WHOLE_KEY
from a360.table import Tables

# What decided how a dataset was brought up to date, as reports say it.
UNCHANGED = "what it is made from is as it was"
FIRST = "its first run"
# By what a commit's summary tells that rows went: out of files, or by delete files beside them.
_TAKEN_OUT = ("deleted-records", "added-position-deletes", "added-dvs")


@dataclass(frozen=True, slots=True)
class Standing:
    """The last recorded state of a dataset; `snapshot_id` is None before its first commit.

    `commit_id` names the commit whose rows the dataset holds, if no other commit has changed them since.
    """

    snapshot_id: str | None = None
    upstream: Mapping[str, str] = field(default_factory=dict)
    step: str = ""
    commit_id: str | None = None

    def is_current(self, upstream: Mapping[str, str], step: str) -> bool:
        """Whether a run over these upstream snapshots by this step would change nothing."""
        return self.snapshot_id is not None and self.step == step and dict(self.upstream) == dict(upstream)


def standing(tables: Tables, dataset: str) -> Standing:
    """Read a dataset's standing from its newest snapshot that tells of it.

    What upstream datasets were rewritten into since holds the same rows: the standing is on that.
    """
    untouched = True
    for snapshot in tables.snapshots(dataset):
        step = snapshot.summary.get(f"a360.{STEP_KEY}")
        if step is not None:
            upstream = {name: _newest(tables, name, at) for name, at in snapshot.upstream.items()}
            made_by = snapshot.summary.get("a360.made-by", snapshot.commit_id)
            return Standing(snapshot.snapshot_id, upstream, step, made_by if untouched else None)
        untouched = untouched and snapshot.operation == "replace"
    return Standing()


def _newest(tables: Tables, name: str, snapshot_id: str) -> str:
    """The newest snapshot with the rows of another; a table's past is looked at only if it has moved."""
    moved = tables.current_snapshot_id(name) != snapshot_id
    return tables.same_rows(name, snapshot_id) if moved else snapshot_id


def anew(stood: Standing, step: str, *, full: bool) -> str:
    """Why a dataset is made from all there is; empty where what changed since is enough."""
    if full:
        return "asked for"
    if stood.snapshot_id is None:
        return FIRST
    return "" if stood.step == step else "its contract changed"


def lost(dataset: str) -> str:
    """The words for a dataset whose history does not reach back to where it was looked at."""
    return f"the history of {dataset} does not tell what changed"


def remade(tables: Tables, dataset: str, since: str) -> bool:
    """Whether rows may have gone from a dataset since a snapshot without a trace.

    They may where another step made it, or the same one from all there is, which is less after a rollback.
    """
    steps: set[str | None] = set()
    for snapshot in tables.snapshots(dataset):
        steps.add(snapshot.summary.get(f"a360.{STEP_KEY}"))
        if snapshot.snapshot_id == since:
            break
        if f"a360.{WHOLE_KEY}" in snapshot.summary and any(
            int(snapshot.summary.get(name, 0)) for name in _TAKEN_OUT
        ):
            return True
    return len(steps - {None}) > 1


def current_snapshots(tables: Tables, datasets: Iterable[str]) -> dict[str, str]:
    """The current snapshot of each dataset that has one."""
    ids = ((dataset, tables.current_snapshot_id(dataset)) for dataset in datasets)
    return {dataset: snapshot_id for dataset, snapshot_id in ids if snapshot_id is not None}


def standing_commit(tables: Tables, dataset: str) -> str | None:
    """The commit whose rows a dataset holds: the newest that a step made; upkeep changes no rows."""
    for snapshot in tables.snapshots(dataset):
        if f"a360.{STEP_KEY}" in snapshot.summary:
            return snapshot.summary.get("a360.made-by", snapshot.commit_id)
    return None
