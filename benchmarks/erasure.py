"""One patient of many erased: how long it takes, beside the limit, what memory, and what is written anew.

    python benchmarks/erasure.py [--patients 100000] [--folder FOLDER]

A generated clinic, resources and extracts, is brought into a lake of the contracts that come with this
project, all at once, so that one data key lies over all of bronze: the most that an erasure has to seal anew.
A folder that is given is kept, and its lake used again where it has one.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import a360
from a360.synth import generate

LIMIT = 60.0
MEMORY = "4GB"
MADE = "made"


def make(folder: Path, patients: int) -> None:
    """Bring a generated clinic into a new lake."""
    export = folder / "export"
    generate(export, patients=patients, seed=7, kinds=("extracts",))
    with a360.open(folder / "lake", memory_limit=MEMORY) as lake:
        lake.apply()
        lake.ingest(export)
        lake.ingest(export / "extracts", kind="csv")
        lake.run()
    (folder / MADE).touch()


def sizes(folder: Path) -> dict[Path, int]:
    """The files of tables and their sizes."""
    return {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}


def erased(folder: Path) -> dict[str, Any]:
    """Erase the patient in the middle, by key; what it took."""
    with a360.open(folder / "lake", memory_limit=MEMORY) as lake:
        people = lake.tables.read("silver.patient", ["patient_key"])["patient_key"].to_pylist()
        resources = lake.tables.info("bronze.fhir_resource").rows
        key = sorted(people)[len(people) // 2]
        started = time.perf_counter()
        lake.erasures.look(key)
        looked = time.perf_counter()
        before = sizes(lake.path / "warehouse")
        began, used = time.perf_counter(), time.process_time()
        done = lake.erasures.erase(key, cause="benchmark")
        ended, spent = time.perf_counter(), time.process_time()
        after = sizes(lake.path / "warehouse")
    return {
        "patients": len(people),
        "resources": resources,
        "look": looked - started,
        "seconds": ended - began,
        "processor": spent - used,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "rows": sum(done.rows.values()),
        "files": done.files,
        "deleted": done.bytes,
        "lake": sum(before.values()),
        "written": sum(size for path, size in after.items() if path not in before),
    }


def report(found: dict[str, Any]) -> None:
    """Print the figures."""
    mega = {name: found[name] / 1e6 for name in ("lake", "written", "deleted")}
    print(f"one of {found['patients']:,} patients, of {found['resources']:,} resources in bronze")
    print(f"dry run          {found['look']:8.1f} s")
    print(f"erasure          {found['seconds']:8.1f} s   ({found['processor']:.1f} s of processor time)")
    print(f"ratio to limit   {found['seconds'] / LIMIT:8.2f}     (limit {LIMIT:.0f} s)")
    print(f"peak memory      {found['peak_mb']:8,.0f} MB")
    print(f"rows erased      {found['rows']:8,}")
    print(f"bytes of tables  {mega['lake']:8,.0f} MB")
    print(f"written anew     {mega['written']:8,.0f} MB")
    print(f"deleted          {mega['deleted']:8,.0f} MB in {found['files']:,} files")


def measured(folder: Path, patients: int) -> dict[str, Any]:
    """The figures, from a process that has done nothing else."""
    if not (folder / MADE).exists():
        make(folder, patients)
    command = [sys.executable, __file__, "--erase", "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patients", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="where to work; by default a temporary folder")
    parser.add_argument("--erase", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.erase:
        print(json.dumps(erased(given.folder)))
    elif given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
        report(measured(given.folder, given.patients))
    else:
        with tempfile.TemporaryDirectory() as folder:
            report(measured(Path(folder), given.patients))


if __name__ == "__main__":
    main()
