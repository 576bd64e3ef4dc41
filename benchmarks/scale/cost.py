"""What resources cost on EMR Serverless and on one machine, reckoned from measured rates and from prices.

Nothing is measured here. Prices are of Linux in US East (N. Virginia), on demand, in US dollars, as public
documentation had them on 2026-11-23; taxes, discounts, storage on S3 and requests are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from a360.aws._sizing import Rates, Sizing, Work, measured_rates, propose

RESOURCES = (1_000_000, 100_000_000, 1_000_000_000)
STEPS = ("silver", "gold")
MAX_VCPUS = 1_000
MINUTES = 60
# https://aws.amazon.com/emr/pricing/, EMR Serverless on x86, an hour: a vCPU, a GB, a GB of disk above 20.
VCPU, GB, DISK = 0.052624, 0.0057785, 0.000111
FREE_DISK = 20


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine that DuckDB has for itself."""

    name: str
    cores: int
    memory_gb: int
    dollars: float  # an hour

    def seconds(self, resources: int, rates: Rates) -> float:
        return sum(resources / rates.duckdb[each] for each in STEPS) / (self.cores * EFFICIENCY)


# What is reckoned with of the cores, as for Spark; above two cores it is not measured.
EFFICIENCY = 0.6
MACHINES = (
    # https://aws.amazon.com/fargate/pricing/: 0.04048 a vCPU and 0.004445 a GB, an hour.
    Machine("Fargate, 16 vCPUs", 16, 120, 16 * 0.04048 + 120 * 0.004445),
    # https://aws.amazon.com/ec2/pricing/on-demand/: m7g.large (2 vCPUs) 0.0816, larger ones in proportion.
    Machine("EC2 m7g.4xlarge, 16 vCPUs", 16, 64, 8 * 0.0816),
    Machine("EC2 m7g.16xlarge, 64 vCPUs", 64, 256, 32 * 0.0816),
)


def on_spark(resources: int, rates: Rates) -> Sizing:
    """The job that the product would propose for silver and gold of so many resources."""
    work = [Work(f"{each}.all", each, resources) for each in STEPS]  # type: ignore[arg-type] - both are kinds
    return propose(work, max_vcpus=MAX_VCPUS, minutes=MINUTES, rates=rates)


def dollars(sizing: Sizing) -> float:
    """What a job costs while its workers are up."""
    workers = [(sizing.driver, 1), (sizing.executor, sizing.executors)]
    an_hour = sum(
        count * (each.vcpus * VCPU + each.memory_gb * GB + (each.disk_gb - FREE_DISK) * DISK)
        for each, count in workers
    )
    return an_hour * sizing.seconds / 3600


def crossing(cores: int, vcpus: int, rates: Rates) -> float | None:
    """From how many resources on so many vCPUs are faster than one machine; None if they never are."""
    machine = sum(1 / rates.duckdb[each] for each in STEPS) / (cores * EFFICIENCY)
    spark = sum(1 / rates.spark[each].rows_per_second for each in STEPS) / (vcpus * EFFICIENCY)
    # What a job takes however few its rows: no executor shortens it.
    least = propose([Work(each, each, 0) for each in STEPS], max_vcpus=8, rates=rates)  # type: ignore[arg-type]
    return least.seconds / (machine - spark) if machine > spark else None


def report() -> None:
    rates = measured_rates()
    print("\ncost: silver and gold of all resources, in US dollars, N. Virginia, prices of 2026-11-23")
    for line in (*_costs(rates), *_crossings(rates)):
        print(f"  {line}")


def _costs(rates: Rates) -> Iterator[str]:
    yield f"{'resources':>15} {'on':<44}{'minutes':>10}{'dollars':>10}"
    for resources in RESOURCES:
        sizing = on_spark(resources, rates)
        workers = f"EMR Serverless, {sizing.executors} x {sizing.executor.vcpus} vCPUs"
        yield (
            f"{resources:>15,} {workers + ' and a driver':<44}{sizing.seconds / 60:>10.1f}"
            f"{dollars(sizing):>10.2f}"
        )
        for each in MACHINES:
            seconds = each.seconds(resources, rates)
            yield f"{'':>15} {each.name:<44}{seconds / 60:>10.1f}{each.dollars * seconds / 3600:>10.3f}"


def _crossings(rates: Rates) -> Iterator[str]:
    yield ""
    ratio = sum(1 / rates.spark[each].rows_per_second for each in STEPS) / sum(
        1 / rates.duckdb[each] for each in STEPS
    )
    yield f"one core of DuckDB does what {ratio:.1f} of Spark's do; Spark is faster from so many resources:"
    vcpus = (64, 256, 1_024, 4_096)
    yield f"{'cores of one machine':>25}" + "".join(f"{f'{each:,} vCPUs':>18}" for each in vcpus)
    for cores in (4, 16, 64):
        found = [crossing(cores, each, rates) for each in vcpus]
        told = ["never" if each is None else f"{each / 1e6:,.0f} million" for each in found]
        yield f"{cores:>25}" + "".join(f"{each:>18}" for each in told)
