"""An exchange of rows as DuckDB carries it out: out with some, in with others, as one transaction."""

from collections.abc import Iterator

from a360.contract import quote_name, quote_table
from a360.engine._port import Exchange


def statements(exchange: Exchange) -> Iterator[str]:
    """The statements of the transaction.

    As fast as a MERGE, which would keep a copy of the row for each old row of the same key.
    """
    target, names = quote_table(exchange.table), ", ".join(map(quote_name, exchange.columns))
    if exchange.whole:
        yield f"DELETE FROM {target}"
    elif exchange.outgoing is not None:
        yield f"DELETE FROM {target} AS t USING {exchange.outgoing} AS s WHERE {_matches(exchange)}"
    if exchange.incoming is not None:
        yield f"INSERT INTO {target} ({names}) SELECT {names} FROM {exchange.incoming} AS incoming"


def _matches(exchange: Exchange) -> str:
    equals = "IS NOT DISTINCT FROM" if exchange.null_safe else "="
    return " AND ".join(f"t.{name} {equals} s.{name}" for name in map(quote_name, exchange.matched))
