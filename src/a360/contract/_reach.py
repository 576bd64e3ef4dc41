"""The reach of a patient: which datasets hold rows of a patient, and how these are found.

It follows from what contracts say of columns: tokens of patients, and references to rows that hold one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from a360.contract._plan import LakePlan, SilverStep, TablePlan
from a360.contract._quoting import quote_name, quote_table, quote_text

_PATIENT: Final = "patient"
# An id of a resource: a patient's key where the resource is a person's record, else in clear.
_RESOURCE: Final = "resource"
_RECORD: Final = "record"
# What a key stands beside, where both of two datasets have it: ids are unique within a source.
_SCOPE: Final = "source"
_KINDS: Final = {_RESOURCE: "resource_type", _RECORD: "record_type"}


@dataclass(frozen=True, slots=True)
class Through:
    """Rows that are a patient's because they name rows of another dataset that are.

    Their `columns` have the values of the `parent_columns`; `kind` is a column and its value, where only rows
    of that kind name rows of the parent.
    """

    columns: tuple[str, ...]
    parent: "Held"
    parent_columns: tuple[str, ...]
    kind: tuple[str, str] | None = None

    def where(self, keys: str) -> str:
        """An SQL condition for the rows."""
        named = ", ".join(map(quote_name, self.columns))
        found = ", ".join(map(quote_name, self.parent_columns))
        condition = (
            f"({named}) IN (SELECT {found} FROM {quote_table(self.parent.dataset)} "
            f"WHERE {self.parent.where(keys)})"
        )
        if self.kind is None:
            return condition
        column, value = self.kind
        return f"({quote_name(column)} = {quote_text(value)} AND {condition})"


@dataclass(frozen=True, slots=True)
class Held:
    """A dataset that holds patients: by the columns that have patients' keys, and through other datasets."""

    dataset: str
    columns: tuple[str, ...]
    through: tuple[Through, ...] = ()

    def where(self, keys: str) -> str:
        """An SQL condition for the rows of patients; `keys` is a relation with a column `patient_key`."""
        own = [f"{quote_name(each)} IN (SELECT patient_key FROM {keys})" for each in self.columns]
        return " OR ".join([*own, *(each.where(keys) for each in self.through)])


def patient_reach(plan: LakePlan) -> Sequence[Held]:
    """Every dataset of a plan that holds patients, in the order of the plan.

    Quarantines are not among them: what was refused has no columns by which it could be told whose it is.
    """
    return _Reach(plan).all()


class _Reach:
    def __init__(self, plan: LakePlan) -> None:
        self._plan = plan
        self._steps = {step.dataset: step for step in plan.steps if isinstance(step, SilverStep)}
        self._known: dict[str, Held | None] = {}

    def all(self) -> list[Held]:
        found = [self._held(table) for table in self._plan.tables if table.namespace != "quarantine"]
        return [each for each in found if each is not None]

    def _held(self, table: TablePlan) -> Held | None:
        if table.dataset not in self._known:
            # Datasets may refer to each other: what is being looked at leads nowhere.
            self._known[table.dataset] = None
            self._known[table.dataset] = self._look(table)
        return self._known[table.dataset]

    def _look(self, table: TablePlan) -> Held | None:
        columns = tuple(column.name for column in table.columns if column.token in {_PATIENT, _RESOURCE})
        through = self._by_kind(table)
        if not any(column.token == _PATIENT for column in table.columns):
            through += tuple(self._by_token(table) or self._by_reference(table))
        return Held(table.dataset, columns, tuple(dict.fromkeys(through))) if columns or through else None

    def _by_kind(self, table: TablePlan) -> tuple[Through, ...]:
        """Rows about any kind of thing: those about the things of which datasets hold patients."""
        tokens = {column.token: column.name for column in table.columns}
        token = next((each for each in _KINDS if each in tokens), None)
        if token is None:
            return ()
        found = []
        for step in self._steps.values():
            target = self._plan.table(step.dataset)
            name = _kind_of(step, token)
            if name is None or not any(column.token == _PATIENT for column in target.columns):
                continue
            key = _id_of(step, target)
            parent = self._held(target) if key else None
            if parent is not None and key is not None and parent.columns != (key,):
                kind = (_KINDS[token], name)
                found.append(Through((_SCOPE, tokens[token]), parent, (_SCOPE, key), kind))
        return tuple(found)

    def _by_reference(self, table: TablePlan) -> list[Through]:
        found = []
        for reference in table.references:
            target = self._plan.table(reference.dataset)
            parent = self._held(target)
            if parent is not None:
                scope = (_SCOPE,) if _shares_scope(table, target) else ()
                columns, others = (*scope, reference.column), (*scope, reference.target_column)
                found.append(Through(columns, parent, others))
        return found

    def _by_token(self, table: TablePlan) -> list[Through]:
        """Rows with another token of patients, such as the number of a person that is made of their key."""
        found = []
        for column in table.columns:
            parent = self._people.get(column.token or "")
            if parent is not None and parent[0].dataset != table.dataset:
                found.append(Through((column.name,), parent[0], (parent[1],)))
        return found

    @property
    def _people(self) -> Mapping[str, tuple[Held, str]]:
        """Datasets whose one key is a token of its own beside the patient's, by that token's domain."""
        found = {}
        for table in self._plan.tables:
            tokens = {column.token for column in table.columns}
            key = table.column(table.key[0]) if len(table.key) == 1 else None
            if key is not None and key.token and key.token != _PATIENT and _PATIENT in tokens:
                held = self._held(table)
                if held is not None:
                    found[key.token] = (held, key.name)
        return found


def _kind_of(step: SilverStep, token: str) -> str | None:
    if token == _RECORD:
        return step.records.record if step.records else None
    return step.resource_type


def _id_of(step: SilverStep, table: TablePlan) -> str | None:
    """The column with the id of the resource or record that a row was made of."""
    if step.records:
        return step.records.id_column
    scope, *ids = table.key
    return ids[0] if scope == _SCOPE and len(ids) == 1 else None


def _shares_scope(table: TablePlan, target: TablePlan) -> bool:
    return _SCOPE in table.column_names and _SCOPE in target.column_names
