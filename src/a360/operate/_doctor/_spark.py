"""Spark: whether it is installed, and what it needs besides. Without it a lake is well all the same."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from a360.errors import OperatorError
from a360.jvm import ICEBERG, PYSPARK, cached, find_java
from a360.operate._doctor._check import DoctorCheck, judged, looked
from a360.settings import Settings

_AREA = "spark"
_ASKED = "make setup-spark"


def spark_checks(settings: Settings) -> Iterator[DoctorCheck]:
    """Checks of the extra, of Java and of the jars; the latter two only where the extra is installed."""
    installed = _installed()
    yield from looked(_AREA, "extra", lambda: _extra(installed), f"install it anew: `{_ASKED}`")
    if installed is not None:
        yield from looked(_AREA, "java", lambda: _java(settings), "install Java 17")
        yield from looked(_AREA, "jars", lambda: _jars(settings), f"fetch it: `{_ASKED}`")


def _installed() -> str | None:
    try:
        return version("pyspark")
    except PackageNotFoundError:
        return None


def _extra(installed: str | None) -> DoctorCheck:
    if installed is None:
        return judged(_AREA, "extra", f"not installed; `{_ASKED}` installs it, if Spark is wanted")
    found = f"PySpark {installed}"
    return judged(_AREA, "extra", found, warn=installed != PYSPARK, mend=f"install {PYSPARK}: `{_ASKED}`")


def _java(settings: Settings) -> DoctorCheck:
    try:
        java = find_java(settings.java_home)
    except OperatorError as error:
        # Spark is an extra: what it lacks keeps no lake from working.
        return DoctorCheck(_AREA, "java", "warn", error.found, error.next_step)
    return judged(_AREA, "java", f"{java.version} in {java.home}, by {java.origin}")


def _jars(settings: Settings) -> DoctorCheck:
    path = cached(ICEBERG, settings.cache)
    found = f"{ICEBERG.file}: {path.parent if path else 'not there yet'}"
    return judged(_AREA, "jars", found, warn=path is None, mend=f"fetch it: `{_ASKED}`")
