"""The one local Spark of a process: small, silent, on loopback alone, its files private and encrypted."""

import atexit
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from a360.errors import OperatorError, UsageError
from a360.jvm._jars import Jar, resolve
from a360.jvm._java import Java, find_java
from a360.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PYSPARK = "4.1.4"  # what the extra pins
# Its folder of configuration: without one, Spark would read the user's, and log what it works on.
_CONF = Path(__file__).parent / "conf"
_LEAST_MIB = 512  # below it Spark refuses to start
_MIB = 1024**2
_UNITS = {"KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_UNITS |= {f"{unit[0]}iB": 1024**power for power, unit in enumerate(_UNITS, start=1)}
# Variables that would lead Spark elsewhere than its installed version and our configuration.
_MISLEADING = (
    "HADOOP_CONF_DIR",
    "PYSPARK_GATEWAY_PORT",
    "PYSPARK_GATEWAY_SECRET",
    "PYSPARK_SUBMIT_ARGS",
    "SPARK_LOCAL_DIRS",
    "YARN_CONF_DIR",
)
# What results rest on, also in a session that somebody else has started.
_MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parser.escapedStringLiterals": "false",
    # A view with many steps is a deep query, whose names take Spark a pass a level.
    "spark.sql.analyzer.maxIterations": "1000",
}


@dataclass(slots=True)
class _Started:
    """The Spark that this process started."""

    session: "SparkSession"
    gateway: Any
    folder: Path
    jars: frozenset[Jar]

    @property
    def alive(self) -> bool:
        """Whether it still runs: its memory may have ended it, or somebody who found it here."""
        if self.gateway.proc.poll() is not None:
            return False
        context = self.session.sparkContext._jsc  # noqa: SLF001 - Python's side does not say
        return context is not None and not context.sc().isStopped()


_lock = threading.RLock()
_started: _Started | None = None


def local_spark(jars: Sequence[Jar] = (), settings: Settings | None = None) -> "SparkSession":
    """A new session of the one local Spark of this process, which is started where there is none yet.

    Where somebody else has started Spark in this process, as a notebook or a job does, a session of that one:
    ANSI on, in UTC, with the jars that it has.

    Args:
        jars: Jars that it must have besides its own; they can only be given when it starts.
        settings: Threads, memory, Java and the cache of jars; None for those of the environment.

    Raises:
        OperatorError: `extra-missing`, `java-missing`, `jar-missing`, `jar-untrusted`, or
            `environment-unfit` where it does not start.
    """
    global _started  # noqa: PLW0603 - a process can have one Spark
    require_extra()
    with _lock:
        if _started is not None and not _started.alive:
            close_spark()
        if _started is None:
            theirs = _theirs()
            if theirs is not None:
                return _fresh(theirs)
            _started = _start(frozenset(jars), settings or load_settings())
            atexit.register(close_spark)
        if not _started.jars.issuperset(jars):
            raise UsageError(
                "usage",
                "Spark runs in this process already, and jars can only be given when it starts",
                next_step="close_spark() first",
            )
        return _fresh(_started.session)


def require_extra() -> None:
    """Raise where Spark is not installed.

    Raises:
        OperatorError: `extra-missing`.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise OperatorError(
            "extra-missing",
            "Spark is not installed",
            where="the extra `spark` of a360-data-lake",
            found="no package pyspark",
            next_step="run `make setup-spark` in a checkout, or pip install 'a360-data-lake[spark]'",
        )


def close_spark() -> None:
    """End the local Spark of this process, if it started one, and remove its files."""
    global _started
    with _lock:
        ours, _started = _started, None
    atexit.unregister(close_spark)
    if ours is None:
        return
    context = importlib.import_module("pyspark").SparkContext
    try:
        if ours.alive:
            ours.session.stop()
            ours.gateway.shutdown()
    finally:
        # The next one starts a Java of its own, with its own jars.
        context._gateway = context._jvm = context._active_spark_context = None  # noqa: SLF001 - no other way
        _end(ours.gateway.proc)
        shutil.rmtree(ours.folder, ignore_errors=True)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _theirs() -> "SparkSession | None":
    """A session of a Spark that somebody else has started here."""
    context = importlib.import_module("pyspark").SparkContext
    if context._active_spark_context is None:  # noqa: SLF001 - of another thread, it is known in no other way
        return None
    builder = importlib.import_module("pyspark.sql").SparkSession.builder
    found: SparkSession = builder.getOrCreate()
    return found


def _fresh(session: "SparkSession") -> "SparkSession":
    """A session with temporary views of its own, and with the meaning that results rest on."""
    session = session.newSession()
    for name, value in _MEANING.items():
        session.conf.set(name, value)
    return session


def _start(jars: frozenset[Jar], settings: Settings) -> _Started:
    pyspark, gateways = importlib.import_module("pyspark"), importlib.import_module("pyspark.java_gateway")
    sql = importlib.import_module("pyspark.sql")
    java = find_java(settings.java_home)
    paths = [resolve(jar, settings.cache, java, settings.maven_url) for jar in jars]
    folder = Path(tempfile.mkdtemp(prefix="a360-spark-"))
    gateway = None
    try:
        conf = pyspark.SparkConf(loadDefaults=False).setAll(
            [*_conf(folder, settings).items(), *_additions(jars, paths)]
        )
        gateway = _launched(gateways, conf, java, Path(str(pyspark.__file__)).parent)
        _hush()
        with _environ(PYSPARK_PYTHON=sys.executable):
            context = pyspark.SparkContext(conf=conf, gateway=gateway)
        return _Started(sql.SparkSession(context), gateway, folder, jars)
    except BaseException:
        if gateway is not None:
            gateway.shutdown()
            _end(gateway.proc)
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _hush() -> None:
    """Python's side of Spark logs the message of each failing query, with values, to standard error."""
    loggers = importlib.import_module("pyspark.logger").PySparkLogger
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        loggers.getLogger(name).disabled = True


def _conf(folder: Path, settings: Settings) -> Mapping[str, str]:
    memory = max(_LEAST_MIB, _bytes_of(settings.memory_limit) // _MIB)
    return {
        "spark.app.name": "a360",
        "spark.master": f"local[{settings.threads}]",
        "spark.driver.memory": f"{memory}m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Djava.io.tmpdir={folder} -Xss8m",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.sql.catalogImplementation": "in-memory",
        # What is spilled and shuffled is patients' data.
        "spark.io.encryption.enabled": "true",
        "spark.sql.shuffle.partitions": str(settings.threads),
        **_MEANING,
    }


def _additions(jars: frozenset[Jar], paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    if paths:
        yield "spark.jars", ",".join(path.absolute().as_uri() for path in paths)
    extensions = [jar.extension for jar in jars if jar.extension]
    if extensions:
        yield "spark.sql.extensions", ",".join(extensions)


def _bytes_of(size: str) -> int:
    """A size of the settings in bytes."""
    number, unit = re.fullmatch(r"([\d.]+)\s?([A-Za-z]+)", size).groups()  # type: ignore[union-attr]
    return int(float(number) * _UNITS[unit])


def _launched(gateways: Any, conf: Any, java: Java, home: Path) -> Any:  # noqa: ANN401 - of an untyped package
    """The process of Java, which ends with this one; what it says before it serves is kept for the error."""
    errors = importlib.import_module("pyspark.errors")
    with tempfile.TemporaryFile() as said:
        try:
            with _environ(
                JAVA_HOME=str(java.home),
                SPARK_HOME=str(home),
                SPARK_CONF_DIR=str(_CONF),
                SPARK_LOCAL_IP="127.0.0.1",
                **dict.fromkeys(_MISLEADING),
            ):
                return gateways.launch_gateway(
                    conf=conf, popen_kwargs={"stdout": said, "stderr": subprocess.STDOUT}
                )
        except (errors.PySparkException, OSError) as error:
            raise OperatorError(
                "environment-unfit",
                "Spark does not start",
                where=f"{java.program} ({java.version})",
                found=_last_line(said) or type(error).__name__,
                next_step="see that Java may use the memory that the setting memory_limit grants",
            ) from None


def _last_line(said: IO[bytes]) -> str:
    said.seek(0)
    lines = [line.strip() for line in said.read().decode(errors="replace").splitlines()]
    telling = [line for line in lines if line and "incubator modules" not in line]
    return telling[0][:200] if telling else ""


@contextmanager
def _environ(**changes: str | None) -> Iterator[None]:
    """The environment with changes (None unsets), while a process is started."""
    before = {name: os.environ.get(name) for name in changes}
    try:
        _set(changes)
        yield
    finally:
        _set(before)


def _set(changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
