"""Both engines beside each other as data grows: merge, silver, gold, skew, small files, plans, cost.

    uv run python benchmarks/spark.py [--only merge …] [--rows N …] [--engine duckdb spark] [--folder FOLDER]

Each step of each engine runs in a process of its own, in a folder that is removed with it. Processor time is
that of Python, Java and all their children; the peak is the most memory that they held at once. Ratios are of
processor time, to the contender that comes first: above 1 costs more. `--only cost` measures nothing: it
reckons with the rates of the package and the prices in `scale/cost.py`.
"""

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scale.figures import ENGINES, Figure


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A function of a module in `scale/`, and the rows that it is run with: for each engine its own.

    With `shared`, one process has all engines look at one input, which takes longer to make than to look at.
    """

    module: str
    function: str
    says: str
    rows: dict[str, Sequence[int]]
    shared: bool = False


def both(*rows: int) -> dict[str, Sequence[int]]:
    return dict.fromkeys(ENGINES, rows)


ORDERS = (1_000, 10_000, 100_000, 1_000_000)
BENCHMARKS = {
    "merge": Benchmark("tables", "merge", "rows merged into five times as many, half new", both(1_000_000)),
    "silver": Benchmark("lakes", "silver", "resources from bronze to silver", both(10_000_000)),
    "gold": Benchmark("lakes", "gold", "resources of which gold is made", both(1_000_000)),
    "growth": Benchmark("lakes", "silver", "resources, three orders of magnitude", both(*ORDERS)),
    "skew": Benchmark("lakes", "skew", "events, evenly and with a heavy patient", both(200_000)),
    "small-files": Benchmark("tables", "small_files", "files, before and after a rewrite", both(10_000)),
    "partitions": Benchmark("tables", "partitions", "rows into 1,000 partitions", both(1_000_000)),
    "plan": Benchmark("plans", "plan", "data files", both(100_000), shared=True),
}


def child(name: str, engine: str, rows: int, folder: Path) -> None:
    benchmark = BENCHMARKS[name]
    found = getattr(importlib.import_module(f"scale.{benchmark.module}"), benchmark.function)
    print(json.dumps([each.to_json() for each in found(engine, rows, folder)]))


def measured(name: str, engine: str, rows: int, folder: Path | None) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="a360-bench-", dir=folder) as work:
        command = [sys.executable, __file__, "--measure", name, "--engine", engine, "--rows", str(rows)]
        done = subprocess.run([*command, "--folder", work], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{name} of {rows:,} rows on {engine} ended with {done.returncode}")
    return [Figure(**each) for each in json.loads(done.stdout.splitlines()[-1])]


def report(name: str, says: str, figures: Sequence[Figure]) -> None:
    """Print figures, those of one step and size beside each other, with the ratio to the first of these."""
    print(f"\n{name}: {says}")
    print(
        f"  {'step':<26}{'rows':>12} {'contender':<22}{'wall s':>9}{'proc. s':>9}{'us a row':>10}"
        f"{'peak MiB':>10}{'ratio':>7}"
    )
    groups: dict[tuple[str, int], list[Figure]] = {}
    for each in figures:
        groups.setdefault((each.step, each.rows), []).append(each)
    for (step, rows), group in groups.items():
        for each in group:
            print(
                f"  {step:<26}{rows:>12,} {each.contender:<22}{each.seconds:>9.1f}{each.spent:>9.1f}"
                f"{each.spent / rows * 1e6:>10.1f}{each.peak_mib:>10,.0f}"
                f"{each.spent / max(group[0].spent, 0.01):>7.1f}  {each.note}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=[*BENCHMARKS, "cost"], default=[*BENCHMARKS, "cost"])
    parser.add_argument("--rows", type=int, nargs="+", help="in the place of each one's own")
    parser.add_argument("--engine", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--folder", type=Path, help="where to work; by default the system's temporary folder")
    parser.add_argument("--measure", choices=BENCHMARKS, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.measure:
        child(given.measure, given.engine[0], given.rows[0], given.folder)
        return
    for name in given.only:
        if name == "cost":
            importlib.import_module("scale.cost").report()
            continue
        benchmark = BENCHMARKS[name]
        figures = [
            figure
            for engine in (given.engine[-1:] if benchmark.shared else given.engine)
            for rows in given.rows or benchmark.rows[engine]
            for figure in measured(name, engine, rows, given.folder)
        ]
        report(name, benchmark.says, figures)


if __name__ == "__main__":
    main()
