"""Writes that Spark commits by itself: each is one statement, which Iceberg makes one snapshot of."""

from a360.engine._port import MAIN, Exchange
from a360.engine.spark._temporary import quoted

_OPERATION = "#operation"
_GO, _COME = "'go'", "'come'"


def target_of(table: str, branch: str, catalog: str) -> str:
    """A table, or a branch of it, as a statement names what it writes to."""
    names = [catalog, *table.split("."), *([f"branch_{branch}"] if branch != MAIN else [])]
    return ".".join(map(quoted, names))


def statement(exchange: Exchange, target: str, relation: dict[str, str], types: dict[str, str]) -> str | None:
    """The statement of an exchange; None where nothing goes and nothing comes.

    Args:
        exchange: The exchange.
        target: The table in Spark's words.
        relation: `outgoing` and `incoming` in Spark's words, those of them that there are.
        types: The type of each column in Spark's words.
    """
    names = ", ".join(map(quoted, exchange.columns))
    incoming, outgoing = relation.get("incoming"), relation.get("outgoing")
    if exchange.whole:
        if incoming is None:
            return f"DELETE FROM {target}"
        return f"INSERT OVERWRITE {target} ({names}) SELECT {names} FROM {incoming}"
    if outgoing is None:
        return None if incoming is None else f"INSERT INTO {target} ({names}) SELECT {names} FROM {incoming}"
    return _merge(exchange, target, outgoing, incoming, types)


def _merge(
    exchange: Exchange, target: str, outgoing: str, incoming: str | None, types: dict[str, str]
) -> str:
    """A MERGE of both: what goes matches rows, what comes matches none and so is inserted."""
    names = ", ".join(map(quoted, exchange.columns))
    key = ", ".join(map(quoted, exchange.matched))
    blank = ", ".join(
        quoted(name) if name in exchange.matched else f"CAST(NULL AS {types[name]}) AS {quoted(name)}"
        for name in exchange.columns
    )
    operation = quoted(_OPERATION)
    source = f"SELECT {_GO} AS {operation}, {blank} FROM (SELECT DISTINCT {key} FROM {outgoing})"
    insert = ""
    if incoming is not None:
        source += f" UNION ALL SELECT {_COME}, {names} FROM {incoming}"
        values = ", ".join(f"s.{quoted(name)}" for name in exchange.columns)
        insert = f" WHEN NOT MATCHED AND s.{operation} = {_COME} THEN INSERT ({names}) VALUES ({values})"
    equals = "<=>" if exchange.null_safe else "="
    same = " AND ".join(f"t.{quoted(name)} {equals} s.{quoted(name)}" for name in exchange.matched)
    return (
        f"MERGE INTO {target} AS t USING ({source}) AS s ON s.{operation} = {_GO} AND {same} "
        f"WHEN MATCHED THEN DELETE{insert}"
    )
