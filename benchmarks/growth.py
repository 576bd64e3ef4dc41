"""The main job over more and more patients: what a resource costs, and what a refresh of gold costs.

    uv run python benchmarks/growth.py [--patients 1000 10000] [--folder FOLDER]

Each size runs in a process of its own: generated files to bronze, silver and gold, then again after 1 % of
the patients changed (a new version of the patient and one more observation each). Generating is not counted.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHARE = 100  # one patient in so many changes
CHANGED_AT = "2030-01-01T00:00:00Z"


def living(export: Path) -> Iterator[dict[str, Any]]:
    """The patients of an export that can be read; some of the generated records cannot."""
    for file in sorted(export.glob("Patient*.ndjson")):
        for line in file.read_bytes().splitlines():
            try:
                yield json.loads(line)
            except ValueError:
                continue


def changes(export: Path, target: Path) -> int:
    """Write what changes: every so many-th patient anew, with an observation; how many patients these are."""
    target.mkdir()
    with (
        (target / "Patient.ndjson").open("w") as patients,
        (target / "Observation.ndjson").open("w") as observations,
    ):
        count = 0
        for place, patient in enumerate(living(export)):
            if place % SHARE:
                continue
            patient["meta"] = {**patient.get("meta", {}), "lastUpdated": CHANGED_AT}
            patient["maritalStatus"] = {"coding": [{"code": "M"}]}
            observation = {
                "resourceType": "Observation",
                "id": f"growth-{count}",
                "meta": {"lastUpdated": CHANGED_AT},
                "status": "final",
                "code": {"coding": [{"system": "http://loinc.org", "code": "29463-7"}]},
                "subject": {"reference": f"Patient/{patient['id']}"},
                "effectiveDateTime": CHANGED_AT,
                "valueQuantity": {"value": 70, "unit": "kg"},
            }
            patients.write(json.dumps(patient) + "\n")
            observations.write(json.dumps(observation) + "\n")
            count += 1
    return count


def measured(export: Path, folder: Path) -> dict[str, Any]:
    """Run the main job over an export, and over its changes."""
    import a360  # noqa: PLC0415

    changed = changes(export, folder / "changes")
    with a360.open(folder / "lake", memory_limit="4GB") as lake:
        lake.apply()
        started = time.perf_counter()
        ingested = lake.ingest(export)
        landed = time.perf_counter()
        first = lake.run()
        ended = time.perf_counter()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        lake.ingest(folder / "changes")
        second = lake.run()
        # A dataset is computed whole again on the lake as it is, so that both take in the same rows.
        whole = lake.run(full=True)
    return {
        "resources": sum(step.read for step in ingested.steps),
        "ingest": landed - started,
        "refine": ended - landed,
        "peak_mb": peak / 1024,
        "changed": changed,
        "first": len(first.steps),
        "gold": {
            step.dataset: {"way": second.ways[step.dataset], "refresh": step.seconds, "full": again.seconds}
            for step, again in zip(second.steps, whole.steps, strict=True)
            if step.dataset.startswith("gold.")
        },
    }


def report(patients: int, found: dict[str, Any], smallest: dict[str, Any] | None) -> None:
    """Print the figures of one size, with the ratios to the smallest."""
    seconds, resources = found["ingest"] + found["refine"], found["resources"]
    each = seconds / resources * 1e6
    print(f"{patients:,} patients, {resources:,} resources")
    print(f"  ingest {found['ingest']:.1f} s, refine {found['refine']:.1f} s: {each:.0f} us a resource")
    print(f"  peak {found['peak_mb']:,.0f} MB, {found['peak_mb'] * 1024 / resources:.1f} KB a resource")
    if smallest:
        base = (smallest["ingest"] + smallest["refine"]) / smallest["resources"] * 1e6
        memory = found["peak_mb"] / resources / (smallest["peak_mb"] / smallest["resources"])
        print(f"  ratio to the smallest: time {each / base:.2f}, memory {memory:.2f}  (aim 1.3 at most)")
    print(f"  gold after {found['changed']:,} patients changed, to a full computation (aim 0.1)")
    for dataset, times in found["gold"].items():
        way, refresh, full = times["way"], times["refresh"], times["full"]
        print(f"    {dataset:<26}{way:<9}{refresh:6.2f} s of {full:.2f} s: {refresh / full:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patients", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--folder", type=Path, help="where to work; by default the system's temporary folder")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.measure:
        print(json.dumps(measured(given.measure, given.folder)))
        return
    smallest: dict[str, Any] | None = None
    for patients in sorted(given.patients):
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            export = Path(folder) / "export"
            make = [str(Path(sys.executable).parent / "a360"), "synth", "--patients", str(patients)]
            subprocess.run([*make, "--seed", "1", "--output", str(export)], check=True, capture_output=True)
            command = [sys.executable, __file__, "--measure", str(export), "--folder", folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(done.stdout.splitlines()[-1])
        report(patients, found, smallest)
        smallest = smallest or found


if __name__ == "__main__":
    main()
