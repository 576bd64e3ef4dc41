"""The program of the locked workers: each computes a query over rows it is given, and reaches nothing else.

    python -I _worker.py CONTROL

It is started as a plain file in an interpreter of its own and imports DuckDB, Arrow and its lock, nothing of
this package. On the socket CONTROL it makes workers as it is asked to (`new`) and ends them (`end PID`). A
worker is a fork that has locked itself; it answers one query on a socket of its own, and ends.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import IO, Any

_AT_START = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
    "temp_directory": "",
}
_SETTINGS = (
    "SET TimeZone = 'UTC'",
    "SET enable_progress_bar = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
)
_BATCH_ROWS = 65_536
# These speak of the statement alone; all others may quote a value of a row.
_OF_THE_STATEMENT = frozenset({"Binder", "Catalog", "Parser", "Syntax", "NotImplemented"})


def _beside(name: str) -> Any:  # noqa: ANN401 -- a module of this folder
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None  # noqa: S101 -- the file is part of this program
    assert spec.loader is not None  # noqa: S101 -- likewise
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_lock = _beside("_lock")


def main(control: int) -> None:
    """Leave the machine behind and make workers in there, until nobody asks for any more."""
    namespaces = _lock.enter_namespaces()
    if os.fork():
        os.wait()
        return
    _lock.die_with_parent()
    _import()
    with socket.socket(fileno=control) as asked:
        _serve(asked, namespaces)


def _import() -> None:
    """Load all that a worker needs, as it can load nothing later."""
    import duckdb  # noqa: PLC0415, F401 -- once, before the fork
    import pyarrow.compute  # noqa: PLC0415 -- likewise
    import pyarrow.dataset  # noqa: PLC0415 -- DuckDB reads Arrow through it

    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)


def _serve(asked: socket.socket, namespaces: list[str]) -> None:
    pending, alive = b"", set[int]()
    while True:
        select.select([asked], [], [], 1.0)
        _reap(alive)
        with suppress(BlockingIOError):
            read = asked.recv(4096, socket.MSG_DONTWAIT)
            if not read:
                os._exit(0)
            *lines, pending = (pending + read).split(b"\n")
            for line in lines:
                _do(line.split(), asked, namespaces, alive)


def _reap(alive: set[int]) -> None:
    for child in list(alive):
        if os.waitpid(child, os.WNOHANG)[0]:
            alive.discard(child)


def _do(order: list[bytes], asked: socket.socket, namespaces: list[str], alive: set[int]) -> None:
    if order[0] == b"end":
        child = int(order[1])
        if child in alive:  # a number that is free again may be another's
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            alive.discard(child)
        return
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        asked.close()
        theirs.close()
        os._exit(_work(ours, namespaces))
    alive.add(child)
    ours.close()
    socket.send_fds(asked, [b"%d\n" % child], [theirs.fileno()])
    theirs.close()


def _work(conversation: socket.socket, namespaces: list[str]) -> int:
    """Be a worker: lock, say how well, answer one query."""
    os.setpgid(0, 0)
    os.nice(5)
    layers = [*namespaces, *_lock.lock()]
    with conversation.makefile("rb") as heard, conversation.makefile("wb") as said:
        connection = _connect()
        _say(said, {"layers": layers, "reaches": _lock.reaches()})
        line = heard.readline()
        if line:
            _answer(connection, json.loads(line), heard, said)
    return 0


def _connect() -> Any:  # noqa: ANN401 -- DuckDB is imported late
    import duckdb  # noqa: PLC0415 -- loaded before the fork

    connection = duckdb.connect(":memory:", config={**_AT_START, "threads": "1"})
    connection.execute(";".join(_SETTINGS))
    return connection


def _answer(connection: Any, order: Mapping[str, Any], heard: IO[bytes], said: IO[bytes]) -> None:  # noqa: ANN401
    import duckdb  # noqa: PLC0415 -- loaded before the fork
    import pyarrow as pa  # noqa: PLC0415 -- likewise

    begun = False
    try:
        _prepare(connection, order, heard)
        with connection.execute(order["sql"]).to_arrow_reader(_BATCH_ROWS) as rows:
            _say(said, {"done": True})
            with pa.ipc.new_stream(said, rows.schema) as stream:
                begun = True
                for batch in rows:
                    stream.write_batch(batch)
        _say(said, {"done": True})
    except (duckdb.Error, pa.ArrowException, MemoryError) as error:
        if begun:
            said.flush()
        _say(said, _failure(error))


def _prepare(connection: Any, order: Mapping[str, Any], heard: IO[bytes]) -> None:  # noqa: ANN401
    """Take the rows in, give them the names that the query knows, and lock the settings."""
    import pyarrow as pa  # noqa: PLC0415 -- loaded before the fork

    seconds = order["seconds"]
    processor = None if seconds is None else int(seconds) * int(order["threads"]) + 1
    _lock.limit(seconds=processor, memory=int(order["limit"]))
    for number, name in enumerate(order["tables"]):
        with pa.ipc.open_stream(heard) as stream:
            connection.register(f"rows_{number}", stream.read_all())
        namespace, table = ('"' + part.replace('"', '""') + '"' for part in name.split(".", 1))
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {namespace}")
        connection.execute(f"CREATE VIEW {namespace}.{table} AS FROM rows_{number}")
    connection.execute(
        f"SET memory_limit = '{int(order['memory'])}B'; SET threads = {int(order['threads'])}; "
        "SET lock_configuration = true"
    )


def _failure(error: BaseException) -> dict[str, str]:
    """What went wrong, without what the rows hold."""
    kind = type(error).__name__.removesuffix("Exception")
    lines = str(error).strip().splitlines()
    text = lines[0][:400] if kind in _OF_THE_STATEMENT and lines else ""
    return {"kind": kind, "text": text}


def _say(said: IO[bytes], what: Mapping[str, object]) -> None:
    said.write(json.dumps(what).encode() + b"\n")
    said.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
