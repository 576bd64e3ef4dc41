"""A worker reaches nothing: tried from inside, as whoever took DuckDB over would."""

import json
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from a360.errors import OperatorError
from a360.trust import gateway
from a360.trust.gateway._pool import Workers

FOLDER = Path(gateway.__file__).parent

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="calls are told by their numbers on Linux",
)


@pytest.fixture(scope="module")
def tried(tmp_path_factory):
    """What worked before the lock, its layers, and what worked after."""
    folder = tmp_path_factory.mktemp("reachable")
    (folder / "secret.txt").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        ran = subprocess.run(
            [sys.executable, Path(__file__).with_name("hostile.py"), FOLDER / "_lock.py", folder, port],
            capture_output=True,
            check=True,
            timeout=60,
        )
    assert (folder / "secret.txt").read_text() == "secret"
    return json.loads(ran.stdout)


def test_nothing_works_under_the_lock(tried):
    """No file, no socket, no process, no program, no way out, by Python, by libc or by bare system calls."""
    before, _, _, reaches, reached = tried
    assert before == ["open", "socket", "stat"]
    assert reaches == []
    assert reached == []


def test_the_layers_of_linux_hold(tried):
    """The filter of system calls is there wherever tests run; the others where the kernel has them."""
    _, _, layers, *_ = tried
    assert {"no_new_privs", "seccomp"} <= set(layers)


def test_a_worker_that_reaches_something_gets_no_query(monkeypatch):
    """What a worker can still do decides, whatever layers it names."""
    said = {"layers": ["seccomp"], "reaches": ["open a file"]}
    monkeypatch.setattr("a360.trust.gateway._pool.Worker._line", lambda _: said)
    with Workers() as workers, pytest.raises(OperatorError) as failure:
        workers.take()
    assert failure.value.code.slug == "environment-unfit"
    assert "open a file" in failure.value.found


def test_workers_end_with_their_pool():
    """No process is left, whether a worker was used, ready or killed."""
    with Workers() as workers:
        worker = workers.take()
        workers.refill()
        process = workers._process
        worker.close()
    assert process.poll() is not None
