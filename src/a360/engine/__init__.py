"""The port to query engines: compute SQL over the lake's tables into Arrow or staged files, or write to them.

An engine never commits on its own account: it stages files that `a360.table` commits, or writes by itself
at an endpoint of the commit gateway that `a360.table` has stamped and fenced. One folder holds one engine.
"""

from a360.contract import quote_name, quote_table, quote_text
from a360.engine._port import MAIN, BatchFunction, Dialect, Engine, EngineSession, Exchange, Rows
from a360.engine._staged import DEFAULT_FILE_BYTES, StagedFile, discard, open_io

__all__ = [
    "DEFAULT_FILE_BYTES",
    "MAIN",
    "BatchFunction",
    "Dialect",
    "Engine",
    "EngineSession",
    "Exchange",
    "Rows",
    "StagedFile",
    "discard",
    "open_io",
    "quote_name",
    "quote_table",
    "quote_text",
]
