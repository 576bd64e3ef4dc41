"""The one local Spark of a process: small, silent, on loopback alone, its files private and encrypted."""

import atexit
import importlib
import importlib.util
import os
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
from a360.jvm._profiles import LOOPBACK, MEANING, laptop
from a360.settings import Settings, load_settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PYSPARK = "4.1.4"  # what the extra pins
# Its folder of configuration: without one, Spark would read the user's, and log what it works on.
_CONF = Path(__file__).parent / "conf"
# Variables that would lead Spark elsewhere than its installed version and our configuration.
_MISLEADING = (
    "HADOOP_CONF_DIR",
    "PYSPARK_GATEWAY_PORT",
    "PYSPARK_GATEWAY_SECRET",
    "PYSPARK_SUBMIT_ARGS",
    "SPARK_LOCAL_DIRS",
    "YARN_CONF_DIR",
)


@dataclass(slots=True)
class _Started:
    """The Spark that this process started, in a Java of its own or in the one that spark-submit gave it."""

    session: "SparkSession"
    gateway: Any
    jars: frozenset[Jar]
    folder: Path | None = None
    users: int = 0

    @property
    def alive(self) -> bool:
        """Whether it still runs: its memory may have ended it, or somebody who found it here."""
        if self.gateway.proc is not None and self.gateway.proc.poll() is not None:
            return False
        context = self.session.sparkContext._jsc  # noqa: SLF001 - Python's side does not say
        return context is not None and not context.sc().isStopped()


_lock = threading.RLock()
_started: _Started | None = None


@contextmanager
def spark_session(jars: Sequence[Jar] = (), settings: Settings | None = None) -> "Iterator[SparkSession]":
    """A session as `local_spark` gives it, under which Spark is not started anew meanwhile."""
    with _lock:
        session, used = local_spark(jars, settings), _started
        if used is not None:
            used.users += 1
    try:
        yield session
    finally:
        if used is not None:
            with _lock:
                used.users -= 1


def local_spark(jars: Sequence[Jar] = (), settings: Settings | None = None) -> "SparkSession":
    """A new session of the one local Spark of this process, which is started where there is none yet.

    Where somebody else has started Spark in this process, as a notebook or a job does, a session of that one:
    ANSI on, in UTC, with the jars that it has.

    Args:
        jars: Jars that it must have besides its own. They can only be given when it starts: one without them
            is ended, and its sessions with it, and started anew.
        settings: Threads, memory, Java and the cache of jars; None for those of the environment.

    Raises:
        UsageError: It lacks a jar, and is at work by a `spark_session`.
        OperatorError: `extra-missing`, `java-missing`, `jar-missing`, `jar-untrusted`, or
            `environment-unfit` where it does not start.
    """
    global _started  # noqa: PLW0603 - a process can have one Spark
    require_extra()
    with _lock:
        wanted = frozenset(jars)
        if _started is not None and not _started.alive:
            close_spark()
        if _started is not None and not wanted <= _started.jars:
            if _started.users:
                raise UsageError(
                    "usage",
                    "Spark is at work in this process, and lacks a jar that can only be given when it starts",
                    found=", ".join(sorted(jar.coordinates for jar in wanted - _started.jars)),
                    next_step="try again when that work has ended",
                )
            wanted |= _started.jars
            close_spark()
        if _started is None:
            theirs = _theirs()
            if theirs is not None:
                return _fresh(theirs)
            _started = _submitted(wanted) or _start(wanted, settings or load_settings())
            atexit.register(close_spark)
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


def speak_anew() -> None:
    """Have this thread open another connection to Java with its next call.

    Who is interrupted while it waits for an answer leaves that unread, and the next call would take it.
    """
    gateway = importlib.import_module("pyspark").SparkContext._gateway  # noqa: SLF001 - no other way
    connections = getattr(gateway and gateway._gateway_client, "thread_connection", None)  # noqa: SLF001 - likewise
    if connections is not None:
        connections.connection = None


def close_spark() -> None:
    """End the local Spark of this process, if it started one, and remove its files."""
    global _started
    with _lock:
        ours, _started = _started, None
    atexit.unregister(close_spark)
    if ours is None:
        return
    context = importlib.import_module("pyspark").SparkContext
    speak_anew()
    try:
        if ours.alive:
            ours.session.stop()
            if ours.gateway.proc is not None:
                ours.gateway.shutdown()
    finally:
        # The next one starts a Java of its own, with its own jars.
        context._gateway = context._jvm = context._active_spark_context = None  # noqa: SLF001 - no other way
        if ours.gateway.proc is not None:
            _end(ours.gateway.proc)
        if ours.folder is not None:
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
    for name, value in MEANING.items():
        session.conf.set(name, value)
    return session


def _submitted(jars: frozenset[Jar]) -> _Started | None:
    """Spark in the Java that spark-submit gave this process, unless that is of this machine and lacks jars.

    What it was submitted with stands; only what results rest on is added.
    """
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        return None
    pyspark, gateways = importlib.import_module("pyspark"), importlib.import_module("pyspark.java_gateway")
    gateway = gateways.launch_gateway()
    conf = pyspark.SparkConf(loadDefaults=True, _jvm=gateway.jvm)
    local = conf.get("spark.master", "local").startswith("local")
    if not all(_has(gateway, jar) for jar in jars):
        if local:
            return None
        raise OperatorError(
            "jar-missing",
            "Spark was submitted without a jar that it needs",
            where=", ".join(sorted(jar.coordinates for jar in jars)),
            next_step="submit with --conf spark.jars=…; `a360 spark submit` does",
        )
    extensions = {each.extension for each in jars if each.extension}
    named = set(filter(None, conf.get("spark.sql.extensions", "").split(",")))
    conf.setAll([*MEANING.items(), ("spark.sql.extensions", ",".join(sorted(extensions | named)))])
    conf.setAll([*LOOPBACK.items()] if local else [])
    _hush()
    context = pyspark.SparkContext(conf=conf, gateway=gateway)
    context.setLogLevel("FATAL")
    return _Started(importlib.import_module("pyspark.sql").SparkSession(context), gateway, jars)


def _has(gateway: Any, jar: Jar) -> bool:  # noqa: ANN401 - of an untyped package
    """Whether a Java has the classes of a jar."""
    loader = gateway.jvm.java.lang.Thread.currentThread().getContextClassLoader()
    return loader.getResource(jar.has) is not None


def _start(jars: frozenset[Jar], settings: Settings) -> _Started:
    pyspark, gateways = importlib.import_module("pyspark"), importlib.import_module("pyspark.java_gateway")
    sql = importlib.import_module("pyspark.sql")
    java = find_java(settings.java_home)
    paths = [resolve(jar, settings.cache, java, settings.maven_url) for jar in jars]
    folder = Path(tempfile.mkdtemp(prefix="a360-spark-"))
    gateway = None
    try:
        conf = pyspark.SparkConf(loadDefaults=False)
        conf.setAll([*laptop(folder, settings, list(jars), paths).items()])
        gateway = _launched(gateways, conf, java, _home(Path(str(pyspark.__file__)).parent))
        _hush()
        with _environ(PYSPARK_PYTHON=sys.executable):
            context = pyspark.SparkContext(conf=conf, gateway=gateway)
        _without_checksums(context)
        return _Started(sql.SparkSession(context), gateway, jars, folder)
    except BaseException:
        if gateway is not None:
            gateway.shutdown()
            _end(gateway.proc)
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _without_checksums(context: Any) -> None:  # noqa: ANN401 - of an untyped package
    """Hadoop would lay a file with checksums beside each file of a table, which no other engine reads."""
    files = context._jvm.org.apache.hadoop.fs.FileSystem  # noqa: SLF001 - Python does not say
    files.getLocal(context._jsc.hadoopConfiguration()).setWriteChecksum(False)  # noqa: SLF001 - likewise


def _home(package: Path) -> Path:
    """Where Spark is installed: with its package, but what spark-submit runs has that from an archive."""
    return package if package.is_dir() else Path(os.environ["SPARK_HOME"])


def _hush() -> None:
    """Python's side of Spark logs the message of each failing query, with values, to standard error."""
    loggers = importlib.import_module("pyspark.logger").PySparkLogger
    for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
        loggers.getLogger(name).disabled = True


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
