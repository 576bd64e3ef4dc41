"""The vault: what sealing and keeping identities cost the main job, and how fast identities are told.

    python benchmarks/vault.py [--patients 2000] [--repeat 3]

The same generated clinic is ingested and refined twice, each time by a process of its own: as always, and
without seals and vault. What counts is processor time, since both use all cores. Then all are revealed.
"""

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import a360
from a360.synth import generate

AIM_SPEED, AIM_SECONDS, AIM_VALUES = 0.6, 1.0, 10_000


class PlainSealer:
    """A sealer that does not seal."""

    key_id = "0" * 32

    def batch(self) -> "PlainSealer":
        return self

    def seal(self, plain: bytes, context: bytes) -> bytes:  # noqa: ARG002 -- the port's signature
        return plain

    def unseal(self, sealed: bytes, context: bytes) -> bytes:  # noqa: ARG002 -- the port's signature
        return sealed

    def destroy(self, key_id: str) -> None:
        """Nothing was made."""


def main_job(source: Path, folder: Path, *, sealed: bool) -> dict[str, float]:
    """The processor time of ingest and run, and where there is a vault, what it takes to tell who is who."""
    with a360.open(folder / "lake") as lake:
        lake.apply()
        if not sealed:
            vars(lake._parts)["sealer"] = PlainSealer()  # noqa: SLF001 -- no setting turns sealing off
            type(lake._parts).vault = property(lambda _: None)  # type: ignore[assignment,method-assign] # noqa: SLF001
        before = time.process_time()
        lake.ingest(source)
        lake.run()
        told = {"processor": time.process_time() - before}
        return {**told, **revealed(lake)} if sealed else told


def revealed(lake: a360.Lake) -> dict[str, float]:
    """How long it takes to tell all of all patients, for as many values as the aim speaks of."""
    rows = lake.tables.read("ops.identity", ["patient_key"], "resource_type = 'Patient'")
    keys = rows["patient_key"].unique().to_pylist()
    started = time.perf_counter()
    values = lake.vault.reveal(keys).num_rows
    return {"values": values, "seconds": time.perf_counter() - started}


def measured(work: Callable[[Path], dict[str, float]]) -> dict[str, float]:
    """The figures of a fresh lake, from a process of its own."""
    with tempfile.TemporaryDirectory() as folder, multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(work, (Path(folder),))


class Job:
    """Work that can be handed to another process."""

    def __init__(self, source: Path, *, sealed: bool) -> None:
        self.source, self.sealed = source, sealed

    def __call__(self, folder: Path) -> dict[str, float]:
        return main_job(self.source, folder, sealed=self.sealed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "clinic"
        generate(source, patients=asked.patients, seed=7, kinds=())
        with_all = [measured(Job(source, sealed=True)) for _ in range(asked.repeat)]
        without = [measured(Job(source, sealed=False)) for _ in range(asked.repeat)]
    sealed, plain = (min(each["processor"] for each in figures) for figures in (with_all, without))
    best = min(with_all, key=lambda each: each["seconds"])
    print(f"{asked.patients:,} patients, processor time, best of {asked.repeat}")
    print(f"with seals and vault     {sealed:8.2f} s")
    print(f"without                  {plain:8.2f} s")
    print(f"speed kept               {plain / sealed:8.2f}   (aim {AIM_SPEED})")
    aim = f"(aim {AIM_SECONDS} for {AIM_VALUES:,})"
    print(f"{best['values']:,.0f} values revealed in {best['seconds']:.2f} s   {aim}")


if __name__ == "__main__":
    main()
