"""Work on a lake in a process of its own, forked from one that has loaded everything, and so starts fast."""

import multiprocessing
import os

import a360

# What it imports beforehand stands in the conftest of all tests.
_PROCESSES = multiprocessing.get_context("forkserver")


def work(verb, lake, contracts, arguments, failpoint):
    """What a lake is asked to do; a failpoint is switched on where one is named."""
    for name in [name for name in os.environ if name.startswith("A360_")]:
        del os.environ[name]
    if failpoint:
        name, _, nth = failpoint.partition("@")
        os.environ["A360_FAILPOINTS"] = f"{name}=kill" + (f"@{nth}" if nth else "")
    with a360.open(lake, contracts=contracts) as opened:
        getattr(opened, verb)(*arguments)


def exit_code(verb, lake, contracts, *arguments, failpoint=None):
    """How a process that does this work ends."""
    process = _PROCESSES.Process(target=work, args=(verb, lake, contracts, arguments, failpoint))
    process.start()
    process.join(120)
    return process.exitcode
