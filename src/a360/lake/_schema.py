"""The lake's tables against the contracts: what differs, and making it so."""

from collections.abc import Sequence

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.table import Table
from pyiceberg.table.sorting import SortOrder
from pyiceberg.table.update import (
    AddSchemaUpdate,
    AddSortOrderUpdate,
    AssertTableUUID,
    SetCurrentSchemaUpdate,
    SetDefaultSortOrderUpdate,
    SetPropertiesUpdate,
    TableUpdate,
)

from a360.contract import LakePlan, TableChange, TablePlan, actual_table, diff
from a360.errors import ContractError
from a360.table import Tables, schema_of, sort_order_of


class LakeSchema:
    """Compares a plan with the tables there are, and creates or evolves what differs."""

    def __init__(self, plan: LakePlan, tables: Tables) -> None:
        self._plan = plan
        self._tables = tables

    def changes(self) -> Sequence[TableChange]:
        """What `apply` would do, one change a table of the plan."""
        there = set(self._tables.list())
        actual = {
            table.dataset: actual_table(self._tables.load(table.dataset).metadata.model_dump(mode="json"))
            for table in self._plan.tables
            if table.dataset in there
        }
        return diff(self._plan, actual)

    def apply(self) -> Sequence[TableChange]:
        """Create and evolve; nothing at all is done if any change is refused.

        Raises:
            ContractError: `plan-refused`, with every refused change.
        """
        changes = self.changes()
        self._require_possible(changes)
        for change in changes:
            table = self._plan.table(change.table)
            if change.action == "create":
                self._create(table)
            elif change.action == "evolve":
                self._evolve(table)
        return changes

    def _require_possible(self, changes: Sequence[TableChange]) -> None:
        refused = [change for change in changes if change.action == "refuse"]
        if refused:
            raise ContractError(
                "plan-refused",
                f"{len(refused)} table(s) cannot become what the contracts ask for without losing data",
                where=", ".join(change.table for change in refused),
                found="; ".join(reason for change in refused for reason in change.reasons),
                next_step="take the change back, or declare a new dataset; `a360 plan` shows all",
            )

    def _create(self, plan: TablePlan) -> None:
        """Create a table; catalogs number the fields of a new one from 1, whatever the contract says."""
        created = self._tables.create(plan)
        if [field.field_id for field in created.schema().fields] != [c.field_id for c in plan.columns]:
            self._evolve(plan)

    def _evolve(self, plan: TablePlan) -> None:
        """Set the planned schema as it stands, ids included: readers of old files find columns by id."""
        client: RestCatalog = self._tables.catalog.client()
        table = self._tables.load(plan.dataset)
        updates: tuple[TableUpdate, ...] = (
            AddSchemaUpdate(schema_=schema_of(plan)),
            SetCurrentSchemaUpdate(schema_id=-1),
            SetPropertiesUpdate(updates=dict(plan.properties)),
        )
        if plan.sort:
            order = SortOrder(*sort_order_of(plan).fields, order_id=_next_order(table))
            updates += (AddSortOrderUpdate(sort_order=order), SetDefaultSortOrderUpdate(sort_order_id=-1))
        client.commit_table(table, (AssertTableUUID(uuid=table.metadata.table_uuid),), updates)


def _next_order(table: Table) -> int:
    return 1 + max((order.order_id for order in table.metadata.sort_orders), default=0)
