"""SQL over the lake's tables as Athena reads it: in Trino's words, over the databases of a deployment."""

from collections.abc import Mapping

import sqlglot
from sqlglot import exp

from a360.contract import DeployedNames

_CATALOG = "awsdatacatalog"


def deployed_sql(sql: str, names: DeployedNames, instead: Mapping[str, str] | None = None) -> str:
    """A query in Trino's SQL over `zone.table`, made one over the databases of a deployment.

    Args:
        sql: The query.
        names: The deployment.
        instead: What stands for some tables, as `zone.view`.
    """
    query = sqlglot.parse_one(sql, dialect="trino")
    for table in list(query.find_all(exp.Table)):
        if not table.db:
            continue
        zone, _, name = (
            (instead or {}).get(f"{table.db}.{table.name}", f"{table.db}.{table.name}").partition(".")
        )
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
        table.set("this", exp.to_identifier(name, quoted=True))
        table.set("db", exp.to_identifier(names.database(zone), quoted=True))
        table.set("catalog", exp.to_identifier(_CATALOG, quoted=True))
    # A column that was told by its table's full name is told by the table's alone.
    for column in query.find_all(exp.Column):
        if column.args.get("db"):
            column.set("db", None)
    return query.sql(dialect="trino")
