"""DuckDB's errors in our words, without the values they quote."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from a360.errors import A360Error, DataError, InternalError, OperatorError, UsageError

# These speak of the statement or the machine; all others may quote a row's values, a patient's among them.
_OF_THE_STATEMENT = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.SyntaxException,
    duckdb.NotImplementedException,
)
# What a cast or a function says of a value that it does not take, by the names of their classes.
_OF_A_VALUE = frozenset({"Conversion", "OutOfRange", "InvalidInput"})
_OF_THE_MACHINE = (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.PermissionException)

# What the catalog answers then, in the error's own words; DuckDB quotes it, and nothing of it is of a row.
_DAMAGED = re.compile(
    r"is not what was committed, so that it is not read: (?P<where>[^\s,]+), (?P<found>[^\"]+)"
)

_BEARER = re.compile(r"(?i)(bearer\s+|token['\"\s:=]+)[\w.~+/-]{8,}=*")


@contextmanager
def in_our_words(what: str) -> Iterator[None]:
    """Turn DuckDB's errors into ours; their text is kept only where it cannot hold a row's values."""
    try:
        yield
    except duckdb.Error as error:
        raise translate(error, what) from None


def translate(error: duckdb.Error, what: str) -> A360Error:
    """One of DuckDB's errors as one of ours."""
    kind = type(error).__name__.removesuffix("Exception")
    if damaged := _DAMAGED.search(str(error)):
        return DataError(
            "file-damaged",
            "A table is not read: a file that leads to its rows is not what was committed",
            where=damaged["where"],
            found=damaged["found"],
            next_step="`a360 verify` names all damaged files, and how to restore each",
        )
    if isinstance(error, _OF_THE_MACHINE):
        return OperatorError(
            "engine-failed",
            f"DuckDB could not {what}",
            found=f"{kind}: {_first_line(error)}",
            next_step="check disk space, memory limit and access to the lake's folder",
        )
    if isinstance(error, _OF_THE_STATEMENT):
        return UsageError("engine-failed", f"DuckDB could not {what}", found=f"{kind}: {_first_line(error)}")
    return withheld(kind, f"DuckDB could not {what}")


def withheld(kind: str, what: str) -> A360Error:
    """A failure of a kind, as DuckDB calls it, without its text: that may quote a value of a row."""
    found = f"{kind} (its text is withheld: it may quote values of a row)"
    if kind in _OF_A_VALUE:
        return DataError(
            "engine-failed",
            f"{what}: it failed on a value of a row that it reads",
            found=found,
            next_step="try_cast gives NULL where a value does not fit; or leave such rows out with WHERE",
        )
    return InternalError("engine-failed", what, found=found)


def _first_line(error: duckdb.Error) -> str:
    """The message without the statement that follows it, and without tokens."""
    lines = str(error).strip().splitlines()
    return _BEARER.sub(r"\1…", lines[0]) if lines else ""
