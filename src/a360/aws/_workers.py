"""The workers that EMR Serverless offers: so many vCPUs, with memory and disk within limits."""

from dataclasses import dataclass

from a360.errors import UsageError

DISK_GB = (20, 200)


@dataclass(frozen=True, slots=True)
class Shape:
    """The memory that a worker of so many vCPUs may have: from, to, in steps of; in GB."""

    least: int
    most: int
    step: int

    def memory(self, wanted: float) -> int:
        """The least memory that holds what is wanted, or the most there is."""
        above = max(0.0, wanted - self.least)
        return min(self.least + self.step * int(-(-above // self.step)), self._highest)

    @property
    def _highest(self) -> int:
        return self.least + self.step * ((self.most - self.least) // self.step)


SHAPES = {
    1: Shape(2, 8, 1),
    2: Shape(4, 16, 1),
    4: Shape(8, 30, 1),
    8: Shape(16, 60, 4),
    16: Shape(32, 120, 8),
}


@dataclass(frozen=True, slots=True)
class Worker:
    """A driver or an executor; memory is the whole of it, heap and what lies beside."""

    vcpus: int
    memory_gb: int
    disk_gb: int = DISK_GB[0]

    def __post_init__(self) -> None:
        shape = SHAPES.get(self.vcpus)
        if (
            shape is None
            or shape.memory(self.memory_gb) != self.memory_gb
            or not DISK_GB[0] <= self.disk_gb <= DISK_GB[1]
        ):
            raise UsageError(
                "usage",
                "EMR Serverless has no such worker",
                found=f"{self.vcpus} vCPUs, {self.memory_gb} GB of memory, {self.disk_gb} GB of disk",
                next_step="; ".join(
                    f"{vcpus} vCPUs: {each.least} to {each.most} GB by {each.step}"
                    for vcpus, each in SHAPES.items()
                )
                + f"; disk: {DISK_GB[0]} to {DISK_GB[1]} GB",
            )

    def to_json(self) -> dict[str, int]:
        """The worker as a flat object."""
        return {"vcpus": self.vcpus, "memory_gb": self.memory_gb, "disk_gb": self.disk_gb}
