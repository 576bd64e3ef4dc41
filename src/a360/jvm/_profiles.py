"""What Spark is told: on this machine all of it, on a cluster what the platform does not know."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from a360.jvm._jars import ICEBERG, Jar
from a360.settings import Settings

_LEAST_MIB = 512  # below it Spark refuses to start
_MIB = 1024**2
_UNITS = {"KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_UNITS |= {f"{unit[0]}iB": 1024**power for power, unit in enumerate(_UNITS, start=1)}

# What results rest on, also in a session that somebody else has started.
MEANING: Mapping[str, str] = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parser.escapedStringLiterals": "false",
    # A view with many steps is a deep query, whose names take Spark a pass a level.
    "spark.sql.analyzer.maxIterations": "1000",
}
# What is spilled, kept and shuffled is patients' data.
_ENCRYPTED = {"spark.io.encryption.enabled": "true"}
# The messages of a Spark that is not ours to configure quote values of rows, on its executors too.
_QUIET = {"spark.log.level": "FATAL", "spark.executor.syncLogLevel.enabled": "true"}
# Java would spend half of the processor time of a run of minutes on its second compiler, and on collecting
# garbage beside the work: that compiler gets what runs ten times as often as it asks for.
_FRUGAL = (
    "-XX:+UseParallelGC -XX:Tier4InvocationThreshold=50000 -XX:Tier4MinInvocationThreshold=6000 "
    "-XX:Tier4CompileThreshold=150000 -XX:Tier4BackEdgeThreshold=400000"
)
# Where releases of EMR keep their Iceberg, which is on no class path unless it is asked for.
EMR_ICEBERG = "/usr/share/aws/iceberg/lib/iceberg-spark3-runtime.jar"


def laptop(folder: Path, settings: Settings, jars: Sequence[Jar], paths: Sequence[Path]) -> dict[str, str]:
    """A Spark of this process alone: in the memory and on the threads that it is given, and on loopback."""
    memory = max(_LEAST_MIB, _bytes_of(settings.memory_limit) // _MIB)
    return {
        "spark.app.name": "a360",
        "spark.master": f"local[{settings.threads}]",
        "spark.driver.memory": f"{memory}m",
        # A result is what this process asked for: memory bounds it, and no other number.
        "spark.driver.maxResultSize": "0",
        "spark.driver.extraJavaOptions": f"-Duser.timezone=UTC -Djava.io.tmpdir={folder} -Xss8m {_FRUGAL}",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # What nobody looks at need not be kept.
        "spark.sql.ui.retainedExecutions": "10",
        "spark.ui.retainedJobs": "10",
        "spark.ui.retainedStages": "10",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.shuffle.partitions": str(settings.threads),
        **LOOPBACK,
        **_ENCRYPTED,
        **MEANING,
        **dict(_additions(jars, paths)),
    }


LOOPBACK: Mapping[str, str] = {
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}


def submit_properties(jars: Sequence[str] = (EMR_ICEBERG,)) -> dict[str, str]:
    """What a job is submitted with besides its size: nothing that the platform knows better.

    Args:
        jars: Where Iceberg's jars are for Spark, as paths on its workers or in a store.
    """
    return {
        "spark.jars": ",".join(jars),
        "spark.sql.extensions": ICEBERG.extension,
        **_QUIET,
        **_ENCRYPTED,
        **MEANING,
    }


def _additions(jars: Sequence[Jar], paths: Sequence[Path]) -> Iterator[tuple[str, str]]:
    if paths:
        yield "spark.jars", ",".join(path.absolute().as_uri() for path in paths)
    extensions = [jar.extension for jar in jars if jar.extension]
    if extensions:
        yield "spark.sql.extensions", ",".join(extensions)


def _bytes_of(size: str) -> int:
    """A size of the settings in bytes."""
    number, unit = re.fullmatch(r"([\d.]+)\s?([A-Za-z]+)", size).groups()  # type: ignore[union-attr]
    return int(float(number) * _UNITS[unit])
