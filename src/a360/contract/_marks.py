"""What a table carries of its contract in its properties, so that a later contract can be compared with it.

Iceberg keeps columns, partitioning and sort order; what else a change can break (the key, how columns are
tokenised, the rules, the version) is written beside them, by field id, so that it outlives renames.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from a360.contract._canonical import fingerprint_of
from a360.contract._plan import ColumnPlan, Step, TablePlan

VERSION = "a360.contract-version"
KEY = "a360.key"
COLUMNS = "a360.columns"
RULES = "a360.rules"
TAGS = "a360.tags"
STEP = "a360.step"
DECLARED = "a360.properties"
MARKS = frozenset({KEY, COLUMNS, RULES, TAGS, STEP, DECLARED})


@dataclass(frozen=True, slots=True)
class Marks:
    """What a table says of the contract it was last made to fit; None where it does not say."""

    version: str | None = None
    key: tuple[int, ...] | None = None
    columns: Mapping[int, str] = field(default_factory=dict)
    rules: Mapping[str, str] | None = None
    tags: tuple[str, ...] | None = None
    step: str | None = None
    declared: tuple[str, ...] = ()


def with_marks(table: TablePlan, step: Step | None, declared: Mapping[str, str]) -> dict[str, str]:
    """The properties of a table that has a contract, its own and declared ones included."""
    number = {column.name: column.field_id for column in table.columns}
    columns = {str(column.field_id): sensitivity_of(column) for column in table.columns}
    marks = {
        **table.properties,
        **declared,
        KEY: ",".join(str(number[name]) for name in table.key),
        COLUMNS: json.dumps(columns, separators=(",", ":")),
        TAGS: " ".join(table.tags),
    }
    if declared:
        marks[DECLARED] = " ".join(sorted(declared))
    if step:
        marks[STEP] = step.fingerprint
        marks[RULES] = json.dumps(rules_of(step), separators=(",", ":"))
    return marks


def sensitivity_of(column: ColumnPlan) -> str:
    """A column's sensitivity with its token domain: `phi`, `identifier/patient`."""
    return column.sensitivity + (f"/{column.token}" if column.token else "")


def rules_of(step: Step) -> dict[str, str]:
    """The rules of a step by name, each with a digest that changes when the rule does."""
    digests = {rule.name: fingerprint_of(rule)[:8] for rule in step.rules}
    digests |= {rule.name: fingerprint_of(rule)[:8] for rule in step.dataset_rules}
    return dict(sorted(digests.items()))


def read_marks(properties: Mapping[str, str]) -> Marks:
    """The marks of a table; what cannot be read counts as not said."""
    columns = _object(properties.get(COLUMNS))
    key = properties.get(KEY)
    numbers = key.split(",") if key else []
    tags = properties.get(TAGS)
    return Marks(
        version=properties.get(VERSION),
        key=tuple(int(n) for n in numbers) if numbers and all(n.isdigit() for n in numbers) else None,
        columns={int(n): text for n, text in (columns or {}).items() if n.isdigit()},
        rules=_object(properties.get(RULES)),
        tags=None if tags is None else tuple(tags.split()),
        step=properties.get(STEP),
        declared=tuple(properties.get(DECLARED, "").split()),
    )


def _object(text: str | None) -> dict[str, str] | None:
    try:
        value = json.loads(text or "")
    except ValueError:
        return None
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else None
