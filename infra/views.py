"""Masked views as the Data Catalog of AWS keeps them, worked out without the CDK."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from a360.contract import MASKS, ColumnPlan, MaskedView, physical_type, quote_name
from infra.contracts_adapter import Deployment

VIEWS = "views"
"""The part of the database's name that holds them."""
_MOST_TABLES = 10  # that a view of the Data Catalog may read


@dataclass(frozen=True)
class CatalogView:
    """A view with the names of one deployment."""

    name: str
    principal: str
    sql: str
    columns: tuple[tuple[str, str], ...]
    tables: tuple[str, ...]


def catalog_view(deployment: Deployment, view: MaskedView) -> CatalogView:
    """A view of the policy, reading the databases that the deployment has.

    Raises:
        ValueError: it reads more tables than the Data Catalog takes.
    """
    databases = {zone: deployment.names.database(zone) for zone in deployment.zones}
    databases[f"a360_{MASKS}"] = deployment.names.database(MASKS)
    tree = sqlglot.parse_one(view.query, dialect="trino")
    tables: dict[str, None] = {}
    for table in tree.find_all(exp.Table):
        if table.db:
            table.set("db", exp.to_identifier(databases[table.db], quoted=True))
            tables[_arn(deployment, table.db, table.name)] = None
    if len(tables) > _MOST_TABLES:
        raise ValueError(f"{view.name} reads {len(tables)} tables; the Data Catalog takes {_MOST_TABLES}")
    shown = view.decision.visible
    columns = [each for each in deployment.plan.table(view.decision.dataset).columns if each.name in shown]
    return CatalogView(
        name=view.name.rpartition(".")[2],
        principal=view.principal,
        sql=_without_zones(tree.sql(dialect="trino"), columns),
        columns=tuple((each.name, glue_type(each)) for each in columns),
        tables=tuple(tables),
    )


def glue_type(column: ColumnPlan) -> str:
    """A column's type as Glue spells it; a masked column keeps its type, and times lose their zone."""
    type_ = physical_type(column.type)
    return {"timestamptz": "timestamp", "long": "bigint"}.get(type_.name, str(type_))


def _without_zones(sql: str, columns: Sequence[ColumnPlan]) -> str:
    """Glue's types, which are Hive's, know no zone: a view shows times as they are in UTC."""
    if all(column.type != "timestamptz" for column in columns):
        return sql
    listed = (
        f"CAST({name} AT TIME ZONE 'UTC' AS TIMESTAMP(6)) AS {name}" if column.type == "timestamptz" else name
        for column in columns
        for name in [quote_name(column.name)]
    )
    return f"SELECT {', '.join(listed)} FROM ({sql}) AS shown"


def _arn(deployment: Deployment, database: str, table: str) -> str:
    names = deployment.names
    return f"arn:aws:glue:{names.region}:{names.account}:table/{database}/{table}"
