"""The fixture that asks for Spark, taken over by the conftest of each place that has tests of it."""

import os

import pytest

from a360.errors import OperatorError
from a360.jvm import find_java, require_extra

__all__ = ["spark_installed"]


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
    # Tests run each query once: code that is compiled twice, and a collector with threads, would not pay.
    os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
