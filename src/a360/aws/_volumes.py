"""What a run would read: the volumes of the tables that its steps are made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a360.aws._sizing import Work
from a360.contract import RefinedStep
from a360.errors import UsageError


@dataclass(frozen=True, slots=True)
class Volume:
    """A table as the catalog tells it."""

    rows: int
    bytes: int = 0
    files: int = 0


def volumes_of(tables: object) -> dict[str, Volume]:
    """The volumes in the answer of `a360 tables --json`.

    Raises:
        UsageError: `usage` for anything else.
    """
    try:
        rows: list[Mapping[str, Any]] = list(tables)  # type: ignore[call-overload]
        return {
            f"{each['namespace']}.{each['name']}": Volume(
                int(each["rows"]), int(each["bytes"]), int(each["files"])
            )
            for each in rows
        }
    except (TypeError, KeyError, ValueError):
        raise UsageError(
            "usage",
            "The volumes of tables are not in the form that is read",
            next_step="hand over what 'a360 tables --json' answers",
        ) from None


def work_of(steps: Sequence[RefinedStep], volumes: Mapping[str, Volume]) -> list[Work]:
    """The work of steps over tables.

    A gold step reads its upstream whole. Silver steps share what they read, each its own types of resource: a
    step that has run before reads about as many rows as it has, and those that have not read the rest.
    """
    silver = [step for step in steps if step.kind == "silver"]
    sources = {name for step in silver for name in step.upstream}
    landed = sum(volumes[name].rows for name in sources if name in volumes)
    held = {step.dataset: volumes.get(step.dataset, Volume(0)).rows for step in silver}
    fresh = [dataset for dataset, rows in held.items() if not rows]
    rest = max(0, landed - sum(held.values()))
    work = []
    for step in steps:
        read = [volumes[name] for name in step.upstream if name in volumes]
        rows = sum(each.rows for each in read)
        if step.kind == "silver":
            rows = held[step.dataset] or -(-rest // len(fresh))
        work.append(
            Work(step.dataset, step.kind, rows, sum(v.bytes for v in read), sum(v.files for v in read))
        )
    return work
