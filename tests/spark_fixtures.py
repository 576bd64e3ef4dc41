"""What asks for Spark in tests, taken over by the conftest of each place that has tests of it."""

import gc
import os
import sys
import warnings

import pytest

from a360.errors import OperatorError
from a360.jvm import find_java, require_extra

__all__ = ["collect_sockets", "pytest_runtest_protocol", "spark_installed"]

_UNCLOSED = "unclosed <socket"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """PySpark leaves the sockets that results come over to the garbage collector, who may tell of them.

    What Spark's tests leave is collected behind the last of them, so that no test without Spark is blamed.
    This comes before pytest reads a test's marks.
    """
    if not item.get_closest_marker("spark"):
        return (yield)
    item.add_marker(pytest.mark.filterwarnings(f"ignore:{_UNCLOSED}:ResourceWarning"))
    result = yield
    if "pyspark" in sys.modules and not (nextitem and nextitem.get_closest_marker("spark")):
        collect_sockets()
    return result


def collect_sockets():
    """Have the garbage collector close the sockets that PySpark let go, and tell nobody."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", _UNCLOSED, ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def spark_installed():
    """Skips where Spark or its Java is not installed, and fails where A360_REQUIRE names spark."""
    try:
        require_extra()
        find_java()
    except OperatorError as error:
        if "spark" in os.environ.get("A360_REQUIRE", "").split(","):
            raise
        pytest.skip(f"{error.what}: {error.next_step}")
    # Tests run each query once: code that is compiled twice would not pay. One compiler alone is given little
    # room for code, and would throw away and compile again what hundreds of statements need.
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m")
