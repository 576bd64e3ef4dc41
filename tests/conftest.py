"""What tests of several rooms share."""

import fcntl
import gc
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from a360.errors import OperatorError
from a360.jvm import ICEBERG, find_java, local_spark, resolve
from a360.settings import load_settings

sys.path.insert(0, str(Path(__file__).parent))

from spark_fixtures import *  # noqa: F403 - found on the path just set

# What is collected stays: looking for garbage among it, again and again, took a seventh of some tests' time.
gc.disable()


def pytest_collection_finish():
    """From here on garbage is collected again, but for what is there already."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


# A shell has what it runs in the background ignore Ctrl-C, and so would what tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Two tests share a core, and an example that waited for it is not slow.
settings.register_profile("a360", deadline=None)
settings.load_profile("a360")


# One server forks the processes that tests start, so that none of them imports these again. It cannot import
# what lies beside tests: it does not take over where Python looks for modules.
FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [
        "a360.catalog",
        "a360.engine.duckdb",
        "a360.ingest",
        "a360.lake",
        "a360.operate._jobs",
        "a360.refine",
        "a360.table._tables",
        "a360.trust.audit",
        "pyiceberg.catalog.rest",
        "pyiceberg.io.pyarrow",
        "pytest",
        "sqlglot.optimizer",
        "stamina",
        "uvicorn.protocols.http.h11_impl",
    ]
)


@pytest.fixture(scope="session")
def processes():
    """Processes forked from one that has imported everything, so that starting one costs little."""
    return FORKED


@dataclass(frozen=True)
class DemoLake:
    """What `a360 demo` made: a folder with a small `lake` in it, and what it told each time."""

    folder: Path
    report: dict
    again: str

    @property
    def path(self):
        return self.folder / "lake"

    def a360(self, *arguments, **options):
        """Run a command from outside, in the folder of the lake."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("A360_")}
        return subprocess.run(
            [sys.executable, "-m", "a360", *map(str, arguments)],
            **{"cwd": self.folder, "env": environ, "capture_output": True, "text": True, "timeout": 120}
            | options,
            check=False,
        )


SLOW = {"spark", "trino", "e2e", "faults"}
LAKES = {"clean_lake", "contracts", "demo_lake", "dirty_lake", "mapped", "worked"}


def _is_slow(item):
    """Whether a test starts processes, or works in whole lakes."""
    return bool(SLOW & {each.name for each in item.iter_markers()} or LAKES & {*item.fixturenames})


# What works with Spark in the tests' own process: a Java that has started, and compiled what it runs, serves
# all of it. What ends that Spark, or starts one of its own, stands beside it.
WITH_SPARK = (
    "tests/catalog/test_catalog_with_spark.py",
    "tests/conformance/engine/",
    "tests/contract/test_stable_id.py",
    "tests/equality/",
    "tests/fhir/test_fhir_view_cases.py",
    "tests/fhir/test_fhir_view_run.py",
    "tests/fhir/test_fhir_view_spark.py",
    "tests/fhir/test_fhir_view_texts.py",
)


def pytest_collection_modifyitems(items):
    """Slow files come first: a file is the work of one process, and the others would wait for a late one."""
    slow = {item.path for item in items if _is_slow(item)}
    items.sort(key=lambda item: (not item.nodeid.startswith(WITH_SPARK), item.path not in slow))


class _ByFile(LoadFileScheduling):
    """Gives a file to one process, and to one all that shares a Spark."""

    def _split_scope(self, nodeid):
        return "spark" if nodeid.startswith(WITH_SPARK) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadfile`, files that share a Spark count as one."""
    return _ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def iceberg_jar(spark_installed):
    """The pinned jar of Iceberg; skips and fails as Spark itself does."""
    found = load_settings()
    try:
        return resolve(ICEBERG, found.cache, find_java(), found.maven_url)
    except OperatorError as error:
        if "spark" in os.environ.get("A360_REQUIRE", "").split(","):
            raise
        pytest.skip(f"{error.what}: {error.next_step}")


@pytest.fixture(scope="module")
def spark_with_iceberg(iceberg_jar):
    """A session of the one Spark of this process, with Iceberg; whoever comes later finds it started."""
    return local_spark([ICEBERG])


@pytest.fixture(scope="session")
def demo_lake(tmp_path_factory):
    """One lake for all workers, so that it is made once. Tests only look at it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo"
    folder.mkdir(exist_ok=True)
    lake = DemoLake(folder, {}, "")
    with (folder / "made.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = folder / "told.json"
        if not told.exists():
            told.write_text(json.dumps([_demo(lake, "--json"), _demo(lake)]))
    first, again = json.loads(told.read_text())
    return DemoLake(folder, json.loads(first), again)


def _demo(lake, *flags):
    result = lake.a360("demo", "--patients", 30, *flags)
    assert result.returncode == 0, result.stderr
    return result.stdout
