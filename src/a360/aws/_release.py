"""What the releases of EMR carry, as far as a job depends on it."""

from dataclasses import dataclass

from a360.errors import OperatorError

PYTHON = "3.12"
"""The Python that this package is made for, and that goes into the archive: no release carries it."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release of EMR: its Spark, the Pythons on its workers, and the C library these are linked to."""

    label: str
    spark: str
    pythons: tuple[str, ...]
    glibc: tuple[int, int]

    def platform(self, architecture: str) -> str:
        """The wheels that run there, as packagers name them."""
        machine = "aarch64" if architecture == "arm64" else architecture
        return f"{machine}-manylinux_{self.glibc[0]}_{self.glibc[1]}"


# Amazon Linux 2023 has glibc 2.34. Spark before 4.1 lacks what the engine asks for.
_RELEASES = {
    each.label: each
    for each in (
        Release("emr-spark-8.1.0", "4.1.1", ("3.11", "3.13"), (2, 34)),
        Release("emr-spark-8.2.0", "4.1", ("3.11", "3.13"), (2, 34)),
    )
}


def release_of(label: str) -> Release:
    """A release by its label.

    Raises:
        OperatorError: `archive-unfit` for one that this version does not know.
    """
    found = _RELEASES.get(label)
    if found is None:
        raise OperatorError(
            "archive-unfit",
            "This version makes no jobs for that release of EMR",
            found=label,
            next_step=f"use one of: {', '.join(_RELEASES)}",
        )
    return found
