"""What of a query's text may be kept: keywords, operators and known names. All else may be a patient's."""

import re
from collections.abc import Collection, Iterator
from functools import lru_cache

from sqlglot import Dialect, TokenType, exp
from sqlglot.errors import SqlglotError

_UNKNOWN = "?"
_LONGEST = 8000
_WORD = re.compile(r"[a-z_][a-z0-9_]*")
_OPERATOR = re.compile(r"[^\w\s]+")
# Several values in a row tell no more than one: `IN (?, ?, ?)`.
_LIST = re.compile(r"\?(?: , \?)+")


def query_shape(sql: str, known: Collection[str] = ()) -> str:
    """The shape of a query: what is no keyword, operator or known name is `?`, and comments are gone.

    It goes by words and not by grammar, so that it holds for texts that are no SQL at all.

    Args:
        sql: The text.
        known: Names of datasets and columns, also dotted.
    """
    try:
        tokens = Dialect.get_or_raise("duckdb").tokenize(sql)
    except SqlglotError:
        return _UNKNOWN
    names = {part.lower() for name in known for part in name.split(".")}
    words = (_shown(token.token_type, token.text, names) for token in tokens)
    shape = _LIST.sub("?, …", " ".join(words))
    return shape if len(shape) <= _LONGEST else f"{shape[:_LONGEST]}…"


def _shown(kind: TokenType, text: str, names: Collection[str]) -> str:
    lowered = text.lower()
    if kind is TokenType.IDENTIFIER:
        return f'"{lowered}"' if lowered in names else _UNKNOWN
    if _is_literal(kind):
        return _UNKNOWN
    if lowered in names or lowered in _words():
        return lowered
    return lowered if lowered in _symbols() else _UNKNOWN


def _is_literal(kind: TokenType) -> bool:
    return kind is TokenType.NUMBER or kind.name.endswith("STRING")


@lru_cache(maxsize=1)
def _words() -> frozenset[str]:
    """The keywords of SQL and the names of its functions."""
    return frozenset((*filter(_WORD.fullmatch, _parts()), *map(str.lower, exp.FUNCTION_BY_NAME)))


@lru_cache(maxsize=1)
def _symbols() -> frozenset[str]:
    tokenizer = Dialect.get_or_raise("duckdb").tokenizer_class
    return frozenset((*tokenizer.SINGLE_TOKENS, *filter(_OPERATOR.fullmatch, _parts())))


def _parts() -> Iterator[str]:
    for keyword in Dialect.get_or_raise("duckdb").tokenizer_class.KEYWORDS:
        yield from keyword.lower().split()
