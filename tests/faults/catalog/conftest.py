"""A lake behind a breakable line: a catalog, a proxy that loses answers, and the gateway in front."""

import http.client
import http.server
import importlib
import itertools
import json
import runpy
import signal
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from a360.catalog import CatalogSession, Endpoint, Policy, serve_catalog

SERVER = Path(__file__).with_name("server.py")
TIMEOUT = "timeout"
DROP = "drop"
PASS = "pass"
TRUNCATE = "truncate"


@dataclass
class FaultyLine:
    """Passes requests on to a catalog; the next commits meet the faults that were planned."""

    catalog: Endpoint
    faults: deque = field(default_factory=deque)
    met: list = field(default_factory=list)
    meanwhile: object = None
    unreadable: bool = False

    def plan(self, *faults, meanwhile=None):
        """Plan a fault for each of the next commits, `(what, "before" or "after" it is carried out)`.

        `meanwhile` is called once, when the first of them has been met and nobody has heard of it yet.
        """
        self.faults, self.met, self.meanwhile, self.unreadable = deque(faults), [], meanwhile, False


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    line: FaultyLine

    def log_message(self, *args):
        pass

    def _pass(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        fault = None
        if self._changes_tables(body) and self.line.faults:
            fault = self.line.faults.popleft()
            self.line.met.append(fault)
        elif self.line.unreadable and self.line.met:
            # While commits meet faults, the table cannot be read either.
            fault = (500, "before") if self.line.faults else None
        status, content = (0, b"") if fault is not None and fault[1] == "before" else self._upstream(body)
        if fault is None:
            return self._answer(status, content)
        meanwhile, self.line.meanwhile = self.line.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return self._break(fault[0], content)

    def _changes_tables(self, body):
        path = urlsplit(self.path).path
        return self.command == "POST" and ("/tables" in path or path.endswith("/transactions/commit"))

    def _upstream(self, body):
        target = urlsplit(self.line.catalog.uri)
        connection = http.client.HTTPConnection(target.hostname, target.port, timeout=30)
        try:
            headers = {
                "authorization": f"Bearer {self.line.catalog.token}",
                "content-type": "application/json",
            }
            connection.request(self.command, self.path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _break(self, what, content):
        if what == PASS:
            self._answer(200, content)
        elif what == DROP:
            self.close_connection = True
        elif what == TRUNCATE:
            self.send_response(200)
            self.send_header("content-length", str(len(content) + 10))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif what == TIMEOUT:
            threading.Event().wait(PATIENCE.upstream + 0.3)
            self.close_connection = True
        else:
            error = {"error": {"message": "broken on purpose", "type": "ServerError", "code": what}}
            self._answer(what, json.dumps(error).encode())

    def _answer(self, status, content):
        self.send_response(status)
        if status not in {204, 304}:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status not in {204, 304}:
            self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_DELETE = _pass  # noqa: N815 -- names that http.server looks for


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


# Short, so that tests of time-outs are quick.
PATIENCE = Policy(settle=20, read=2, upstream=0.5)

_names = itertools.count()


@pytest.fixture(scope="module", params=["full", "glue"])
def profile(request):
    return request.param


@pytest.fixture(scope="module")
def line(profile, tmp_path_factory):
    """A lake's catalog without gateway, behind a line that can be broken."""
    with serve_catalog(tmp_path_factory.mktemp("lake"), profile=profile) as catalog:
        broken = FaultyLine(catalog)
        handler = type("Handler", (_Handler,), {"line": broken})
        with _Server(("127.0.0.1", 0), handler) as server:
            broken.uri = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            yield broken
            server.shutdown()
            thread.join()


def gateway(line, policy=PATIENCE):
    return CatalogSession.open(
        "unused",
        upstream_uri=line.uri,
        upstream_token=line.catalog.token,
        upstream_warehouse=line.catalog.warehouse,
        policy=policy,
    )


@pytest.fixture(scope="module")
def session(line):
    """The gateway in front of the broken line."""
    with gateway(line) as opened:
        yield opened


@pytest.fixture
def impatient(line):
    """A gateway that soon gives up."""
    with gateway(line, Policy(settle=0.5, read=0.2, upstream=0.5)) as opened:
        yield opened


@pytest.fixture(scope="module")
def duck():
    """DuckDB with its extensions; made once, because loading them takes a while."""
    connection = duckdb.connect()
    for name in ("avro", "httpfs", "iceberg"):
        package = importlib.import_module(f"duckdb_extension_{name}")
        folder = Path(next(iter(package.__path__)))
        connection.execute(f"LOAD '{folder}/extensions/v{duckdb.__version__}/{name}.duckdb_extension'")
    yield connection
    connection.close()


@pytest.fixture
def attach(duck, profile):
    """Attach an endpoint as `lake`; DuckDB is left free to delete files, to be the harshest client."""
    opened = []

    def connect(endpoint, **options):
        # A connection of its own: else DuckDB may reuse the open line to an earlier endpoint.
        connection = duck.cursor()
        opened.append(connection)
        chosen = {"STAGE_CREATE_TABLES": profile != "glue", **options}
        told = "".join(f", {key} {str(value).lower()}" for key, value in chosen.items())
        connection.execute(
            "ATTACH OR REPLACE 'warehouse' AS lake "
            f"(TYPE iceberg, ENDPOINT '{endpoint.uri}', TOKEN '{endpoint.token}'{told})"
        )
        return connection

    yield connect
    for connection in opened:
        connection.close()
    duck.execute("DETACH DATABASE IF EXISTS lake; RESET http_retries")


@pytest.fixture
def namespace(line, session):
    """A namespace of the test's own; nothing breaks while it is made, nor after the test."""
    line.plan()
    name = f"space{next(_names)}"
    session.client().create_namespace(name)
    yield name
    line.plan()


@pytest.fixture
def location(line, namespace):
    """Where a table of that namespace lies; the glue profile wants to be told."""
    return lambda name: f"{line.catalog.warehouse}/{namespace}/{name}"


class ServerProcess:
    """`run_catalog_server` in a process of its own, always on the same port."""

    def __init__(self, processes, lake, profile):
        self._processes, self._lake, self._profile = processes, lake, profile
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process = None

    def start(self, failpoints=""):
        ours, theirs = self._processes.Pipe(duplex=False)
        given = {"LAKE": self._lake, "PORT": self._port, "PROFILE": self._profile}
        given |= {"FAILPOINTS": failpoints, "OUT": theirs}
        self._process = self._processes.Process(target=runpy.run_path, args=(str(SERVER), given, "__main__"))
        self._process.start()
        theirs.close()
        with ours, open(ours.fileno(), "rb", closefd=False) as told:
            return Endpoint(**json.loads(told.readline()))

    def wait_for_death(self):
        self._process.join(30)
        assert self._process.exitcode == -signal.SIGKILL

    def stop(self):
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            self._process.join(30)
            assert self._process.exitcode == 0


@pytest.fixture
def server_process(tmp_path, profile, processes):
    """A catalog server in a process that may be killed and started again."""
    server = ServerProcess(processes, tmp_path / "lake", profile)
    yield server
    server.stop()
