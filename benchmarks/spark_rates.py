"""What one core does of the refinery on DuckDB and on Spark: the rates that `a360 spark size` reckons with.

    uv run python benchmarks/spark_rates.py [--patients 100] [--times 20 120] [--write]

Patients, Observations and Procedures of an invented clinic are repeated, with ids of their own, into a
smaller and a larger lake. A rate is the rows that the larger has more, by the processor time that these take,
of Python, Java and all their children: what else the machine does counts for little. What remains of the
smaller one, by the cores, is what a step takes whatever its rows. `--write` puts rates into the package.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from watch import Watch

RATES = Path(__file__).resolve().parents[1] / "src/a360/aws/rates.json"
SILVER = ("silver.adverse_event", "silver.observation", "silver.procedure")
REPEATED = ("Patient", "Procedure", "Observation")
GOLD = ("gold.treatment_outcomes",)
NOISE = 0.2
ENGINES = ("duckdb", "spark")


def repeated(source: Path, times: int, target: Path) -> None:
    """Write a file's resources so many times, each time with ids of their own, that references follow."""
    text = source.read_text()
    text = re.sub(rf'"reference":"({"|".join(REPEATED)})/', r'"reference":"\1/@@-', text)
    lines = [line.replace('"id":"', '"id":"@@-', 1) for line in text.splitlines(keepends=True)]
    with target.open("w") as out:
        for time_ in range(times):
            out.writelines(line.replace("@@", f"{time_:x}") for line in lines)


def shuffled() -> int:
    """What Spark has written to be shuffled, in bytes, since it began."""
    from a360.jvm import local_spark  # noqa: PLC0415

    executors = local_spark().sparkContext._jsc.sc().statusStore().executorList(True)  # noqa: SLF001
    return int(executors.head().totalShuffleWrite())


def measure(engine: str, data: Path, times: int, folder: Path) -> dict[str, Any]:
    """Silver, then gold, of one lake on one engine."""
    import a360  # noqa: PLC0415
    from a360.jvm import ICEBERG, close_spark, local_spark  # noqa: PLC0415

    with Watch() as watch:
        if engine == "spark":
            local_spark([ICEBERG])
    figures: dict[str, Any] = {"start": watch.spent}
    source = folder / "data"
    source.mkdir()
    for name in REPEATED:
        repeated(data / f"{name}.ndjson", times, source / f"{name}.ndjson")
    with a360.open(folder / "lake", memory_limit="3GB") as lake:
        lake.apply()
        lake.ingest(source)
        written = 0
        for kind, datasets in (("silver", SILVER), ("gold", GOLD)):
            with Watch() as watch:
                report = lake.run(*datasets, engine=engine)
            done = [step for step in report.steps if step.commit_id]
            total = shuffled() if engine == "spark" else 0
            figures[kind] = {
                "rows": sum(step.read for step in done),
                "steps": len(done),
                "spent": watch.spent,
                "seconds": watch.seconds,
                "peak_mib": watch.peak_mib,
                "shuffled": total - written,
            }
            written = total
    close_spark()
    return figures


def in_a_process(engine: str, data: Path, times: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, "--measure", engine, "--data", str(data), "--folder", folder]
        done = subprocess.run([*command, "--times", str(times)], check=True, capture_output=True, text=True)
        return json.loads(done.stdout.splitlines()[-1])


def rates(small: dict[str, Any], large: dict[str, Any], cores: int) -> dict[str, Any]:
    """What the larger lake has more, and costs more."""
    found: dict[str, Any] = {}
    for kind in ("silver", "gold"):
        low, high = small[kind], large[kind]
        rows, spent = high["rows"] - low["rows"], high["spent"] - low["spent"]
        # Where what the rows take is lost in what the rest takes, the rate is at least that of the whole.
        lost = spent < NOISE * high["spent"]
        rate = high["rows"] / high["spent"] if lost else rows / spent
        found[kind] = {
            "rows_per_second": round(rate),
            "shuffled_bytes_per_row": round(max(0, high["shuffled"] - low["shuffled"]) / rows),
            "task_memory_mib": round(high["peak_mib"] / cores),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, default=100)
    parser.add_argument("--times", type=int, nargs="+", default=[20, 120])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--measure", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure, given.data, given.times[0], given.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        command = [sys.executable, "-m", "a360", "synth", "--patients", str(given.patients)]
        subprocess.run(
            [*command, "--output", str(data), "--kinds", "none", "--dirty", "0"],
            check=True,
            capture_output=True,
        )
        told = {}
        for engine in ENGINES:
            told[engine] = [in_a_process(engine, data, times) for times in given.times]
            print(engine, json.dumps(told[engine]), flush=True)
    cores = len(os.sched_getaffinity(0))
    found = {engine: rates(*figures, cores) for engine, figures in told.items()}
    small, kinds = told["spark"][0], ("silver", "gold")
    steps = sum(small[kind]["steps"] for kind in kinds)
    rest = sum(
        small[kind]["spent"] - small[kind]["rows"] / found["spark"][kind]["rows_per_second"] for kind in kinds
    )
    answer = {
        "measured": {
            "on": f"{datetime.now(UTC):%Y-%m-%d}",
            "machine": f"{cores} cores, {platform.machine()}",
            "by": "benchmarks/spark_rates.py",
        },
        "duckdb": {kind: found["duckdb"][kind]["rows_per_second"] for kind in found["duckdb"]},
        "spark": found["spark"],
        "seconds_to_start": round(small["start"] / cores, 1),
        "seconds_per_step": round(rest / steps / cores, 1),
    }
    text = json.dumps(answer, indent=1) + "\n"
    print(text)
    if given.write:
        RATES.write_text(text)


if __name__ == "__main__":
    main()
