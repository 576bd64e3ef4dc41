"""Where a model leaves to the engine what can be written down, and the text that writes it down.

A fix is made only where the mended model is, to the last expression, the one that DuckDB runs already.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import SqlglotError

from a360.contract._sql import DIALECT
from a360.contract._typed_sql import Columns, UnresolvedError, typed_query

_ENDS = frozenset({TokenType.LIMIT, TokenType.OFFSET, TokenType.ROWS, TokenType.RANGE, TokenType.FETCH})
_OPENS = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE})
_CLOSES = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE})


@dataclass(frozen=True, slots=True)
class TextFix:
    """Text to put in place of what stands from `start` to `end`."""

    line: int
    start: int
    end: int
    text: str
    said: str


def null_orders(sql: str) -> Iterator[TextFix]:
    """Each key of an ORDER BY that does not say where NULLs go; DuckDB puts them last, Spark as it sorts."""
    tokens = sqlglot.tokenize(sql, dialect=DIALECT)
    for place, token in enumerate(tokens):
        if token.token_type is TokenType.ORDER_BY:
            for key in _keys(tokens, place + 1):
                if key and not any(each.text.upper() == "NULLS" for each in key):
                    after = key[-1].end + 1
                    written = sql[key[0].start : after]
                    yield TextFix(key[0].line, after, after, " NULLS LAST", f"ORDER BY {written} NULLS LAST")


def _keys(tokens: list[Token], start: int) -> Iterator[list[Token]]:
    """The tokens of each key, from `start` to where the ORDER BY ends."""
    depth = 0
    key: list[Token] = []
    for token in tokens[start:]:
        kind = token.token_type
        if depth == 0 and (kind in _CLOSES or kind in _ENDS or kind is TokenType.SEMICOLON):
            break
        if depth == 0 and kind is TokenType.COMMA:
            yield key
            key = []
            continue
        depth += (kind in _OPENS) - (kind in _CLOSES)
        key.append(token)
    yield key


def places(sql: str) -> Iterator[TextFix]:
    """Each place number in a GROUP BY or ORDER BY that stands for a plain column."""
    for select in sqlglot.parse_one(sql, dialect=DIALECT).find_all(exp.Select):
        for clause in ("group", "order"):
            node = select.args.get(clause)
            for each in node.expressions if node else ():
                key = each.this if isinstance(each, exp.Ordered) else each
                if isinstance(key, exp.Literal) and key.is_int and 0 < int(key.name) <= len(select.selects):
                    column = select.selects[int(key.name) - 1].unalias()
                    if isinstance(column, exp.Column) and "start" in key.meta:
                        start, end = key.meta["start"], key.meta["end"] + 1
                        text = column.sql(DIALECT)
                        yield TextFix(key.meta["line"], start, end, text, f"{text} for {key.name}")


def mended(sql: str, columns: Columns) -> tuple[str, list[TextFix]]:
    """The model with what can be mended mended, and what was done; unchanged where it would mean another."""
    try:
        fixes = sorted([*null_orders(sql), *places(sql)], key=lambda fix: fix.start, reverse=True)
        text = sql
        for fix in fixes:
            text = text[: fix.start] + fix.text + text[fix.end :]
        if text == sql:
            return sql, []
        before, after = (typed_query(each, columns).sql(DIALECT) for each in (sql, text))
        if after != before:
            return sql, []
    except (UnresolvedError, SqlglotError, RecursionError):
        return sql, []
    return text, fixes[::-1]
