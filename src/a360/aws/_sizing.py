"""How large a job should be: from the rows and bytes it reads, and rates that were measured."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from a360.aws._workers import DISK_GB, SHAPES, Worker

type Kind = Literal["silver", "gold"]

MINUTES = 30
# Rates are of one machine: they know neither tasks that wait for a stage's longest, nor how far S3 is.
_EFFICIENCY = 0.6
_LEAST_SECONDS = 60.0
# Not measured: what EMR Serverless takes to bring workers up.
_SECONDS_TO_ALLOCATE = 120.0
_GIB = 1024**3
# A worker's memory beside its tasks': the JVM itself, and buffers of the network.
_BESIDE_GB = 2.0
_FILES_A_VCPU = 25_000
_SIZES = (4, 8, 16)
# Of the machine that a job is compared with: the largest that Fargate has.
_CORES = 16
_MANY = 16


@dataclass(frozen=True, slots=True)
class Rate:
    """What one vCPU does of one kind of step."""

    rows_per_second: float
    shuffled_bytes_per_row: float
    task_memory_mib: float


@dataclass(frozen=True, slots=True)
class Rates:
    """What was measured, and how."""

    spark: Mapping[Kind, Rate]
    duckdb: Mapping[Kind, float]
    seconds_to_start: float
    seconds_per_step: float
    measured: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Work:
    """One dataset that a job refreshes: the rows and bytes it reads, and in how many files they lie."""

    dataset: str
    kind: Kind
    rows: int
    bytes: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class Sizing:
    """The proposed driver and executors, how long they would take, and why it is these."""

    driver: Worker
    executor: Worker
    executors: int
    seconds: float
    duckdb_core_seconds: float
    reasons: tuple[str, ...] = ()

    @property
    def vcpus(self) -> int:
        """All vCPUs, driver included."""
        return self.driver.vcpus + self.executors * self.executor.vcpus

    def to_json(self) -> dict[str, Any]:
        """The proposal as an object."""
        return {
            "driver": self.driver.to_json(),
            "executor": self.executor.to_json(),
            "executors": self.executors,
            "vcpus": self.vcpus,
            "seconds": round(self.seconds),
            "duckdb_core_seconds": round(self.duckdb_core_seconds),
            "reasons": list(self.reasons),
        }


@cache
def measured_rates() -> Rates:
    """The rates of `rates.json`, which `benchmarks/spark_rates.py` writes."""
    told = json.loads((files("a360.aws") / "rates.json").read_text("utf-8"))
    return Rates(
        spark={kind: Rate(**told["spark"][kind]) for kind in ("silver", "gold")},
        duckdb=told["duckdb"],
        seconds_to_start=told["seconds_to_start"],
        seconds_per_step=told["seconds_per_step"],
        measured=told["measured"],
    )


def propose(
    work: Sequence[Work], *, max_vcpus: int, minutes: float = MINUTES, rates: Rates | None = None
) -> Sizing:
    """The smallest workers that should do the work in the wanted time, within what EMR Serverless offers.

    Args:
        work: What is to be refreshed.
        max_vcpus: How many vCPUs there may be, driver included; at least 8.
        minutes: How long it may take. What no number of workers shortens is not counted against it twice.
        rates: What was measured; by default the rates that came along.
    """
    rates = rates or measured_rates()
    busy = sum(each.rows / rates.spark[each.kind].rows_per_second for each in work)
    serial = _SECONDS_TO_ALLOCATE + rates.seconds_to_start + rates.seconds_per_step * len(work)
    wanted = math.ceil(busy / (max(minutes * 60 - serial, _LEAST_SECONDS) * _EFFICIENCY))
    driver = _driver(work, max_vcpus)
    vcpus, executors = _executors(wanted, max_vcpus - driver.vcpus)
    shuffled = sum(each.rows * rates.spark[each.kind].shuffled_bytes_per_row for each in work)
    task = max((rates.spark[each.kind].task_memory_mib for each in work), default=0.0) / 1024
    executor = Worker(
        vcpus, SHAPES[vcpus].memory(vcpus * task + _BESIDE_GB), _disk(shuffled / _GIB / executors)
    )
    seconds = serial + busy / (executors * vcpus * _EFFICIENCY)
    alone = sum(each.rows / rates.duckdb[each.kind] for each in work)
    sizing = Sizing(driver, executor, executors, seconds, alone)
    told = [*_reckoned(work, rates, busy, serial), *_found(wanted, shuffled, minutes, sizing)]
    return replace(sizing, reasons=tuple(told))


def _driver(work: Sequence[Work], max_vcpus: int) -> Worker:
    """The driver plans scans and commits: what it needs grows with the files. Half is left to executors."""
    needed = sum(each.files for each in work) / _FILES_A_VCPU
    fitting = [each for each in _SIZES if each <= max_vcpus // 2] or [_SIZES[0]]
    vcpus = next((each for each in fitting if needed <= each), fitting[-1])
    return Worker(vcpus, SHAPES[vcpus].memory(4 * vcpus))


def _executors(wanted: int, allowed: int) -> tuple[int, int]:
    """Their vCPUs, and how many: large ones shuffle less over the network, small ones are left idle less."""
    wanted = max(1, min(wanted, allowed))
    vcpus = next((each for each in _SIZES if wanted <= _MANY * each), _SIZES[-1])
    return vcpus, max(1, min(-(-wanted // vcpus), allowed // vcpus))


def _disk(shuffled_gib: float) -> int:
    """Twice what is shuffled, beside what the worker itself needs."""
    return min(max(DISK_GB[0], DISK_GB[0] + math.ceil(2 * shuffled_gib)), DISK_GB[1])


def _reckoned(work: Sequence[Work], rates: Rates, busy: float, serial: float) -> Iterator[str]:
    for kind, rate in rates.spark.items():
        rows = [each.rows for each in work if each.kind == kind]
        if rows:
            yield (
                f"{kind}: {sum(rows):,} rows read by {len(rows)} datasets, "
                f"{rate.rows_per_second:,.0f} a second and vCPU (measured)"
            )
    yield f"{busy:,.0f} vCPU seconds of work; {_EFFICIENCY:.0%} of what executors have is reckoned with"
    yield f"{serial:,.0f} s of starting and committing, which no number of executors shortens"


def _found(wanted: int, shuffled: float, minutes: float, sizing: Sizing) -> Iterator[str]:
    yield f"{sizing.seconds / 60:,.1f} minutes, of {minutes:g} wanted"
    alone = sizing.duckdb_core_seconds
    yield (
        f"DuckDB on one machine: {alone:,.0f} core seconds for the same, "
        f"{alone / (_CORES * _EFFICIENCY * 60):,.1f} minutes on {_CORES} cores"
    )
    if sizing.executors * sizing.executor.vcpus < wanted:
        yield f"maxVcpus holds it back: {minutes:g} minutes would take executors of {wanted:,} vCPUs"
    if 2 * shuffled / _GIB > sizing.executors * (DISK_GB[1] - DISK_GB[0]):
        yield "the disks may not hold what is shuffled: refresh fewer datasets at once, or allow more vCPUs"
