"""Locks the process that it is called in: no files, no network, no other processes, no new programs.

The worker reads it as a plain file, since it imports nothing of this package; it needs the standard library
alone. Each layer that holds is named; what a layer is worth is in `docs/gateway.md`.
"""

import ctypes
import errno
import os
import platform
import resource
import socket
import struct
import sys
from contextlib import suppress

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP = 1, 4, 38, 22
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
# How many rights over files each version of Landlock knows; newer ones know more than files.
_LANDLOCK_FILES = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_LANDLOCK_NET, _LANDLOCK_SCOPE = 4, 6

_NAMESPACES = ("CLONE_NEWNET", "CLONE_NEWIPC", "CLONE_NEWUTS", "CLONE_NEWPID", "CLONE_NEWNS")

# What computing on memory and on what is open already needs. Everything else fails as not permitted.
_ALLOWED = {
    "x86_64": (
        0xC000003E,
        frozenset(
            {
                *(0, 1, 3, 5, 7, 8),  # read write close fstat poll lseek
                *(9, 10, 11, 12, 25, 27, 28),  # mmap mprotect munmap brk mremap mincore madvise
                *(13, 14, 15, 131),  # rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
                *(17, 18, 19, 20, 32),  # pread64 pwrite64 readv writev dup
                *(
                    24,
                    35,
                    202,
                    219,
                    230,
                    271,
                ),  # sched_yield nanosleep futex restart_syscall clock_nanosleep ppoll
                *(44, 45, 46, 47, 48),  # sendto recvfrom sendmsg recvmsg shutdown
                *(39, 102, 104, 107, 108, 186),  # getpid getuid getgid geteuid getegid gettid
                *(60, 231, 234),  # exit exit_group tgkill
                *(96, 97, 98, 99, 100, 204, 228, 229, 309),  # times, limits, the processors there are
                *(218, 273, 318, 324, 334),  # set_tid_address set_robust_list getrandom membarrier rseq
            }
        ),
        56,  # clone
    ),
    "aarch64": (
        0xC00000B7,
        frozenset(
            {
                *(63, 64, 57, 80, 73, 62),  # read write close fstat ppoll lseek
                *(222, 226, 215, 214, 216, 232, 233),  # mmap mprotect munmap brk mremap mincore madvise
                *(132, 134, 135, 139),  # sigaltstack rt_sigaction rt_sigprocmask rt_sigreturn
                *(67, 68, 65, 66, 23),  # pread64 pwrite64 readv writev dup
                *(124, 101, 98, 128, 115),  # sched_yield nanosleep futex restart_syscall clock_nanosleep
                *(206, 207, 211, 212, 210),  # sendto recvfrom sendmsg recvmsg shutdown
                *(172, 174, 175, 176, 177, 178),  # getpid getuid geteuid getgid getegid gettid
                *(93, 94, 131),  # exit exit_group tgkill
                *(169, 163, 165, 179, 153, 123, 113, 114, 168),  # times, limits, the processors there are
                *(96, 99, 278, 283, 293),  # set_tid_address set_robust_list getrandom membarrier rseq
            }
        ),
        220,  # clone
    ),
}
_CLONE3 = 435
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def enter_namespaces() -> list[str]:
    """Leave the machine's network, processes and mounts behind; children are born in there."""
    if not hasattr(os, "unshare"):
        return []
    found = []
    with suppress(OSError):
        os.unshare(os.CLONE_NEWUSER)
        found.append("user")
    for name in _NAMESPACES:
        with suppress(OSError):
            os.unshare(getattr(os, name))
            found.append(name.removeprefix("CLONE_NEW").lower())
    return found


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)


def lock() -> list[str]:
    """Give up, for good, what the process could reach; the layers that hold."""
    if sys.platform == "darwin":
        return _sandbox()
    if sys.platform != "linux":
        return []
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return []
    return ["no_new_privs", *_landlock(), *_seccomp()]


def limit(*, seconds: int | None, memory: int) -> None:
    """Bound what the process may use: the kernel ends it where DuckDB does not."""
    for what, most in (
        ("RLIMIT_CPU", seconds),
        ("RLIMIT_DATA", memory),
        ("RLIMIT_FSIZE", 0),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_MEMLOCK", 0),
    ):
        if most is None:
            continue
        with suppress(OSError, ValueError, AttributeError):
            resource.setrlimit(getattr(resource, what), (most, most))


def reaches() -> list[str]:
    """What the process can still reach, tried: nothing, where the lock holds."""
    attempts = {
        "open a file": lambda: os.close(os.open(__file__, os.O_RDONLY)),
        "list a folder": lambda: os.scandir("/").close(),
        "make a file": lambda: os.close(os.open("/tmp/a360-worker-probe", os.O_CREAT | os.O_WRONLY, 0o600)),  # noqa: S108 -- it must fail
        "open a connection": _connect,
        "start a program": _start,
        "start a process": _fork,
    }
    return [what for what, attempt in attempts.items() if _works(attempt)]


def _works(attempt: object) -> bool:
    try:
        attempt()  # type: ignore[operator]
    except OSError:
        return False
    return True


def _connect() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.settimeout(0.1)
        # A refusal by who listens there would tell that the way was open.
        if attempt.connect_ex(("127.0.0.1", 9)) in {errno.EACCES, errno.EPERM, errno.ENETUNREACH}:
            raise PermissionError


def _start() -> None:
    # An empty name is refused by the kernel itself, as missing; a lock refuses the call before that.
    try:
        os.execv("/", ["/"])  # noqa: S606 -- it must fail
    except PermissionError as error:
        if error.errno == errno.EACCES and sys.platform == "linux":
            return  # looked up and found no program: the call itself was let through
        raise


def _fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _landlock() -> list[str]:
    version = _libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)
    if version < 1:
        return []
    rights = [(1 << _LANDLOCK_FILES.get(version, 16)) - 1]
    if version >= _LANDLOCK_NET:
        rights.append(3)
    if version >= _LANDLOCK_SCOPE:
        rights.append(3)
    attributes = struct.pack(f"={len(rights)}Q", *rights)
    ruleset = _libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return []
    try:
        return ["landlock"] if _libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0 else []
    finally:
        os.close(ruleset)


def _seccomp() -> list[str]:
    known = _ALLOWED.get(platform.machine())
    if known is None:
        return []
    program = _filter(*known)
    code = ctypes.create_string_buffer(program)

    class _Program(ctypes.Structure):
        _fields_ = (("len", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    fprog = _Program(len(program) // 8, ctypes.addressof(code))
    done = _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(fprog), 0, 0)
    return ["seccomp"] if done == 0 else []


def _filter(audit_arch: int, allowed: frozenset[int], clone: int) -> bytes:
    """A BPF program: these calls, and new threads; all else fails, under another architecture too."""
    load, equal, above, test, back = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, kill = 0x7FFF0000, 0x80000000
    refuse, absent = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS

    def op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    steps = [
        op(load, 4),
        op(equal, audit_arch, 1, 0),
        op(back, kill),
        op(load, 0),
        op(above, _X32, 0, 1),
        op(back, refuse),
        # The flags of clone3 lie in memory, where no filter sees them: its caller falls back on clone.
        op(equal, _CLONE3, 0, 1),
        op(back, absent),
        op(equal, clone, 0, 4),
        op(load, 16),
        op(test, _CLONE_THREAD, 0, 1),
        op(back, allow),
        op(back, refuse),
    ]
    for call in sorted(allowed):
        steps += [op(equal, call, 0, 1), op(back, allow)]
    return b"".join([*steps, op(back, refuse)])


def _sandbox() -> list[str]:
    """The profile of macOS for processes that only compute."""
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL("/usr/lib/libsandbox.1.dylib")
        failure = ctypes.c_char_p()
        if library.sandbox_init(b"pure-computation", ctypes.c_uint64(1), ctypes.byref(failure)) == 0:
            return ["sandbox"]
    return []
