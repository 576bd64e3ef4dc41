"""A Trino server for tests: one process on the loopback, and what a query needs of its REST protocol."""

import resource
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from a360.errors import OperatorError
from a360.jvm import find_java

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "tools/trino/TrinoForTests.java"
INSTALL = "make setup-trino"
_HEAP = "1500m"
_FILES = 8192
_PATIENCE = 180


class TrinoError(Exception):
    """A query that the server refused or stopped."""

    def __init__(self, error):
        super().__init__(f"{error['errorName']}: {error['message']}")
        self.name = error["errorName"]


def home():
    """The folder that `make setup-trino` fills."""
    found = subprocess.run(
        ["sh", ROOT / "tools/setup_trino.sh", "find"], capture_output=True, text=True, check=True
    )
    return Path(found.stdout.strip())


def missing():
    """What is missing to start a server; an empty text if nothing is."""
    try:
        find_java()
    except OperatorError as error:
        return f"{error.what}: {error.next_step}"
    return "" if home().is_dir() else f"there is no Trino server: {INSTALL}"


@dataclass
class Trino:
    """A server that runs."""

    url: str

    def query(self, sql):
        """The rows of a statement."""
        headers = {"X-Trino-User": "test"}
        rows = []
        with httpx.Client(headers=headers, timeout=60) as client:
            told = client.post(f"{self.url}/v1/statement", content=sql.encode()).raise_for_status().json()
            while True:
                if "error" in told:
                    raise TrinoError(told["error"])
                rows += told.get("data", [])
                if "nextUri" not in told:
                    return rows
                told = client.get(told["nextUri"]).raise_for_status().json()

    def ready(self):
        """Whether it answers queries yet."""
        try:
            return self.query("SELECT 1 FROM system.runtime.nodes") == [[1]]
        except (httpx.HTTPError, TrinoError):
            return False


@contextmanager
def running(folder):
    """A server with all that it writes in a folder."""
    port = _free_port()
    _configure(folder, port)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            _command(folder),
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=folder,
            preexec_fn=_more_files,  # noqa: PLW1509 - the server wants more open files than a shell gives
        )
    try:
        server = Trino(f"http://127.0.0.1:{port}")
        _await(server, process, folder / "server.log")
        yield server
    finally:
        process.kill()
        process.wait()


def _configure(folder, port):
    settings = {
        "config.properties": {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "http-server.http.port": port,
            "discovery.uri": f"http://127.0.0.1:{port}",
            "catalog.config-dir": folder / "catalog",
            "plugin.dir": folder / "plugin",
            "query.max-memory": "600MB",
            "query.max-length": 20_000_000,
            "query.max-memory-per-node": "600MB",
            "memory.heap-headroom-per-node": "300MB",
            "web-ui.enabled": "false",
        },
        "log.properties": {"io.trino": "WARN", "io.airlift": "WARN", "Bootstrap": "WARN"},
    }
    for name in ("catalog", "plugin"):
        (folder / name).mkdir()
    for name, values in settings.items():
        (folder / name).write_text("".join(f"{key}={value}\n" for key, value in values.items()))


def _command(folder):
    properties = {
        "node.environment": "test",
        "node.id": "test",
        "node.data-dir": folder,
        "node.bind-ip": "127.0.0.1",
        "node.internal-address": "127.0.0.1",
        "config": folder / "config.properties",
        "log.levels-file": folder / "log.properties",
        "file.encoding": "UTF-8",
        "jdk.attach.allowAttachSelf": "true",
    }
    return [
        *(str(find_java().program), f"-Xmx{_HEAP}", "-XX:+ExitOnOutOfMemoryError"),
        *(f"-D{key}={value}" for key, value in properties.items()),
        *("-cp", f"{home()}/lib/*", str(LAUNCHER), home().name.removeprefix("trino-")),
    ]


def _await(server, process, log):
    until = time.monotonic() + _PATIENCE
    while not server.ready():
        if process.poll() is not None or time.monotonic() > until:
            raise RuntimeError(f"Trino did not start:\n{log.read_text('utf-8')[-3000:]}")
        time.sleep(0.5)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _more_files():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(_FILES, most) if most > 0 else _FILES, most))
