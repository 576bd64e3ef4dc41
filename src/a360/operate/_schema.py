"""The lake's tables against the contracts: what differs, and making it so."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.schema import Schema
from pyiceberg.table import Table

from a360.contract import (
    ActualTable,
    LakePlan,
    TableChange,
    TablePlan,
    actual_table,
    diff,
    gone_properties,
    tightened,
)
from a360.engine import quote_name, quote_table
from a360.errors import ConflictError, ContractError, OperatorError
from a360.failpoints import failpoint
from a360.table import Tables, evolution, unchanged


class LakeSchema:
    """Compares a plan with the tables there are, and creates or evolves what differs."""

    def __init__(self, plan: LakePlan, tables: Tables) -> None:
        self._plan = plan
        self._tables = tables

    def changes(self, loaded: Mapping[str, Table] | None = None) -> Sequence[TableChange]:
        """What `apply` would do, one change a table of the plan; to the tables as given, where they are."""
        return self._changes(self._loaded() if loaded is None else loaded)

    def apply(self) -> Sequence[TableChange]:
        """Create and evolve; nothing at all is done if any change is refused.

        Each table changes in one commit, which lands only on the table that was looked at. Whoever dies half
        way leaves some tables as they were; the next apply finds them and does the rest.

        Raises:
            ContractError: `plan-refused`, with every refused change.
            ConflictError: `commit-conflict` where another writer changed a table in between.
        """
        loaded = self._loaded()
        changes = self._changes(loaded)
        self._require_possible(changes)
        for change in changes:
            plan = self._plan.table(change.table)
            if change.action == "create":
                failpoint("operate.apply.create")
                self._create(plan)
            elif change.action == "evolve":
                failpoint("operate.apply.evolve")
                self._evolve(plan, loaded[change.table])
        return changes

    def _loaded(self) -> dict[str, Table]:
        there = set(self._tables.list())
        return {
            table.dataset: self._tables.load(table.dataset)
            for table in self._plan.tables
            if table.dataset in there
        }

    def _changes(self, loaded: Mapping[str, Table]) -> Sequence[TableChange]:
        # Tables of a pack that is not chosen any more stay as they are.
        planned = {table.dataset for table in self._plan.tables}
        actual = {name: self._actual(name, table) for name, table in loaded.items() if name in planned}
        return diff(self._plan, actual)

    def _actual(self, name: str, table: Table) -> ActualTable:
        """A table as it is; where columns would become required, their nulls are counted."""
        actual = self._described(table)
        names = [] if actual.empty else tightened(self._plan.table(name), actual)
        if not names:
            return actual
        counts = ", ".join(f"count(*) FILTER ({quote_name(each)} IS NULL)" for each in names)
        rows = self._tables.session.sql(f"SELECT [{counts}] AS n FROM {quote_table(name)}")
        [found] = rows["n"].to_pylist()
        number = {column.name: column.field_id for column in actual.columns}
        return replace(actual, nulls=dict(zip((number[each] for each in names), found, strict=True)))

    @staticmethod
    def _described(table: Table) -> ActualTable:
        return actual_table(table.metadata.model_dump(mode="json", by_alias=True))

    def _require_possible(self, changes: Sequence[TableChange]) -> None:
        refused = [change for change in changes if change.action == "refuse"]
        if refused:
            raise ContractError(
                "plan-refused",
                f"{len(refused)} table(s) cannot become what the contracts ask for; nothing was changed",
                where=", ".join(change.table for change in refused),
                found="; ".join(f"{change.table}: {each}" for change in refused for each in change.reasons),
                next_step="go the way that each reason names, or take the change back; `a360 plan` shows all",
            )

    def _create(self, plan: TablePlan) -> None:
        """Create a table; catalogs number the fields of a new one from 1, whatever the contract says."""
        created = self._tables.create(plan)
        failpoint("operate.apply.created")
        if [field.field_id for field in created.schema().fields] != [c.field_id for c in plan.columns]:
            self._evolve(plan, created)

    def _evolve(self, plan: TablePlan, table: Table) -> None:
        """Make a table as planned, ids included: readers of old files find columns by id."""
        gone = gone_properties(plan, table.properties)
        updates = evolution(table, plan, gone)
        if not updates:
            return
        # A stream may go on writing, unless the change rests on the rows there are: none, or none with nulls.
        actual = self._described(table)
        fence = unchanged(table, rows=actual.empty or bool(tightened(plan, actual)))
        try:
            made = self._tables.catalog.client().commit_table(table, tuple(fence), tuple(updates))
        except CommitFailedException:
            raise ConflictError(
                "commit-conflict",
                f"{plan.dataset} was changed by another writer while its contract was being applied",
                where=plan.dataset,
                next_step="run `a360 apply` again; it looks at the table as it is now",
            ) from None
        self._tables.session.refresh()
        _require_columns(plan, made.metadata.schema())


def _require_columns(plan: TablePlan, made: Schema) -> None:
    """The columns bear the numbers that they were given, by which every file finds them."""
    wanted, found = (
        [(each.field_id, each.name) for each in columns] for columns in (plan.columns, made.fields)
    )
    if found != wanted:
        raise OperatorError(
            "catalog-unfaithful",
            f"The catalog did not give {plan.dataset} the columns of its contract",
            where=plan.dataset,
            found=", ".join(f"{number} {name}" for number, name in found if (number, name) not in wanted),
            next_step="write nothing to the table; ask who runs the catalog why it numbers columns anew",
        )
