"""What an attacker who has taken a worker over would try, under its lock: prints what worked, as JSON."""

# ruff: noqa: PTH102, PTH104, PTH108, PTH115, PTH116 -- each attempt is the system call it names

import ctypes
import json
import os
import signal
import socket
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

spec = spec_from_file_location("_lock", sys.argv[1])
lock = module_from_spec(spec)
spec.loader.exec_module(lock)
libc = ctypes.CDLL(None, use_errno=True)
OPEN = os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY)
PORT = int(sys.argv[3])
PARENT = os.getppid()


def call(number, *arguments):
    """A system call, as no library would make it."""
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def native():
    """DuckDB as it comes, with everything allowed to it."""
    import duckdb  # noqa: PLC0415 - it is loaded already

    rows = duckdb.connect().execute(f"SELECT content FROM read_text('{sys.argv[2]}/secret.txt')").fetchall()
    if not rows:  # a folder that cannot be listed looks empty to it
        raise OSError("nothing was read")


ATTEMPTS = {
    "open": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "open beneath an open folder": lambda: os.open("secret.txt", os.O_RDONLY, dir_fd=OPEN),
    "open by libc": lambda: ctypes.CDLL("libc.so.6").fopen(b"/etc/passwd", b"r") or call(-1),
    "openat2": lambda: call(437, OPEN, b"secret.txt", bytes(24), 24),
    "open by handle": lambda: call(304, OPEN, bytes(128), 0),
    "stat": lambda: os.stat("/etc/passwd"),
    "readlink": lambda: os.readlink("/proc/self/exe"),
    "write": lambda: Path("/tmp/a360-hostile").write_text("x"),
    "mkdir": lambda: os.mkdir("/tmp/a360-hostile-folder"),
    "rename": lambda: os.rename(f"{sys.argv[2]}/secret.txt", f"{sys.argv[2]}/stolen.txt"),
    "unlink": lambda: os.unlink(f"{sys.argv[2]}/secret.txt"),
    "chroot": lambda: os.chroot("/"),
    "mount": lambda: call(165, b"none", b"/", b"tmpfs", 0, None),
    "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "connect": lambda: socket.create_connection(("127.0.0.1", PORT), 0.2),
    "unix socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
    "socketpair": socket.socketpair,
    "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
    "packet": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
    "resolve": lambda: socket.gethostbyname("localhost.localdomain"),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "fork": lambda: os._exit(0) if os.fork() == 0 else None,
    "vfork": lambda: call(58),
    "spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "memfd": lambda: os.memfd_create("x"),
    "ptrace": lambda: call(101, 16, PARENT, 0, 0),
    "read another's memory": lambda: call(310, PARENT, None, 0, None, 0, 0),
    "kill": lambda: os.kill(PARENT, signal.SIGCONT),
    "pidfd": lambda: os.pidfd_open(PARENT),
    "unshare": lambda: os.unshare(os.CLONE_NEWUSER),
    "setns": lambda: call(308, OPEN, 0),
    "bpf": lambda: call(321, 0, None, 0),
    "io_uring": lambda: call(425, 1, bytes(120)),
    "perf": lambda: call(298, None, 0, -1, -1, 0),
    "keyring": lambda: call(250, 0, 0, 0, 0, 0),
    "userfaultfd": lambda: call(323, 0),
    "module": lambda: call(313, OPEN, b"", 0),
    "ioctl": lambda: call(16, 0, 0x5412, b"x"),
    "prctl": lambda: call(157, 22, 0, 0, 0, 0),
    "lift a limit": lambda: call(302, 0, 9, bytes(16), None),
    "shared memory": lambda: call(29, 0, 4096, 0o1600),
    "raise priority": lambda: os.nice(-5),
    "duckdb": native,
}


def works(attempt):
    """Whether an attempt went through."""
    try:
        attempt()
    except Exception:  # noqa: BLE001 - however it fails
        return False
    return True


def main():
    """Try everything under the lock."""
    import duckdb  # noqa: PLC0415 - as the worker does, before the lock

    duckdb.connect().execute("SELECT 1")
    open_before = [name for name in ("open", "socket", "stat") if works(ATTEMPTS[name])]
    namespaces = lock.enter_namespaces()
    layers = lock.lock()
    reached = [name for name, attempt in ATTEMPTS.items() if works(attempt)]
    os.write(1, json.dumps([open_before, namespaces, layers, lock.reaches(), reached]).encode())


main()
