"""From FHIR NDJSON to committed silver, beside hand-written DuckDB SQL on the same file.

    uv run python benchmarks/main_job.py [--observations 100000] [--data FILE] [--repeat 3]

Each figure is taken in a process of its own and is the median of the repeats. The hand-written form reads the
same file into the same columns; it seals, tokenises, checks and commits nothing.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REAL = Path(__file__).resolve().parents[1] / "../shared/data/fhir-synthea-dirty/Observation.ndjson"
DATASET = "silver.observation"

CODING = "STRUCT(coding STRUCT(system VARCHAR, code VARCHAR, display VARCHAR)[])"
REFERENCE = "STRUCT(reference VARCHAR, type VARCHAR, identifier STRUCT(system VARCHAR, value VARCHAR))"
STRUCTURE = {
    "id": "VARCHAR",
    "status": "VARCHAR",
    "category": f"{CODING}[]",
    "code": CODING,
    "subject": REFERENCE,
    "encounter": REFERENCE,
    "performer": f"{REFERENCE}[]",
    "partOf": f"{REFERENCE}[]",
    "device": REFERENCE,
    "effectiveDateTime": "VARCHAR",
    "effectiveInstant": "VARCHAR",
    "effectivePeriod": 'STRUCT("start" VARCHAR)',
    "issued": "VARCHAR",
    "valueQuantity": "STRUCT(value VARCHAR, comparator VARCHAR, unit VARCHAR, code VARCHAR)",
    "valueCodeableConcept": CODING,
    "valueString": "VARCHAR",
    "valueInteger": "INTEGER",
    "valueBoolean": "BOOLEAN",
    "valueDateTime": "VARCHAR",
    "dataAbsentReason": CODING,
    "interpretation": f"{CODING}[]",
    "bodySite": CODING,
}
EFFECTIVE = "coalesce(effectiveDateTime, effectiveInstant, effectivePeriod.start)"
HAND_WRITTEN = f"""
    CREATE TABLE observation AS
    SELECT id AS observation_id, subject.reference AS patient_key, encounter.reference AS encounter_id,
        list_filter(performer, lambda p: contains(p.reference, 'Practitioner'))[1].reference
            AS practitioner_id,
        list_filter(partOf, lambda p: contains(p.reference, 'Procedure'))[1].reference AS procedure_id,
        device.reference AS device_id, status,
        category[1].coding[1].code AS category_code, category[1].coding[1].system AS category_code_system,
        category[1].coding[1].display AS category_code_display,
        code.coding[1].code AS code, code.coding[1].system AS code_system,
        code.coding[1].display AS code_display,
        try_cast({EFFECTIVE} AS TIMESTAMPTZ) AS effective_at,
        try_cast(left({EFFECTIVE}, 10) AS DATE) AS effective_date,
        try_cast(issued AS TIMESTAMPTZ) AS issued_at,
        try_cast(valueQuantity.value AS DECIMAL(18, 6)) AS value_quantity,
        valueQuantity.comparator AS value_comparator, valueQuantity.unit AS value_unit,
        valueQuantity.code AS value_unit_code,
        valueCodeableConcept.coding[1].code AS value_code,
        valueCodeableConcept.coding[1].system AS value_code_system,
        valueCodeableConcept.coding[1].display AS value_code_display, valueString AS value_string,
        valueInteger AS value_integer, valueBoolean AS value_boolean,
        try_cast(valueDateTime AS TIMESTAMPTZ) AS value_at,
        dataAbsentReason.coding[1].code AS data_absent_reason,
        interpretation[1].coding[1].code AS interpretation_code,
        interpretation[1].coding[1].display AS interpretation_code_display,
        bodySite.coding[1].code AS body_site_code, bodySite.coding[1].system AS body_site_code_system,
        bodySite.coding[1].display AS body_site_code_display
    FROM read_json('$path', format = 'newline_delimited', columns = {STRUCTURE},
        maximum_object_size = 16777216)
"""


class PlainSealer:
    """A sealer that does not seal, to show what sealing costs."""

    key_id = "0" * 32

    def batch(self) -> "PlainSealer":
        return self

    def seal(self, plain: bytes, context: bytes) -> bytes:  # noqa: ARG002 -- the port's signature
        return plain

    def unseal(self, sealed: bytes, context: bytes) -> bytes:  # noqa: ARG002 -- the port's signature
        return sealed

    def unseal_all(self, sealed: list[bytes], contexts: list[bytes]) -> list[bytes]:  # noqa: ARG002
        return sealed

    def destroy(self, key_id: str) -> None:
        raise NotImplementedError(key_id)


def hand_written(path: Path, folder: Path) -> dict[str, float]:
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
    connection.execute(f"SET temp_directory = '{folder}'; SET TimeZone = 'UTC'")
    started = time.perf_counter()
    connection.execute(HAND_WRITTEN.replace("$path", str(path)))
    seconds = time.perf_counter() - started
    (rows,) = connection.execute("SELECT count(*) FROM observation").fetchone()
    return {"seconds": seconds, "rows": rows}


def main_job(path: Path, folder: Path, *, sealed: bool) -> dict[str, float]:
    import a360  # noqa: PLC0415

    with a360.open(folder / "lake", memory_limit="1GB") as lake:
        if not sealed:
            lake._parts.sealer = PlainSealer()  # noqa: SLF001 -- no setting turns sealing off
        lake.apply()
        started = time.perf_counter()
        lake.ingest(path)
        ingested = time.perf_counter()
        report = lake.run(DATASET)
        ended = time.perf_counter()
        rows = next(step.output_rows for step in report.steps if step.dataset == DATASET)
        lake.ingest(path)
        again = lake.run(DATASET)
        no_change = time.perf_counter() - ended
    if again.changed:
        raise AssertionError("the second run changed something")
    return {
        "seconds": ended - started,
        "ingest": ingested - started,
        "refine": ended - ingested,
        "no_change": no_change,
        "rows": rows,
    }


def start_up(path: Path, folder: Path) -> dict[str, float]:  # noqa: ARG001 -- measured alike
    command = [str(Path(sys.executable).parent / "a360"), "--help"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {"seconds": time.perf_counter() - started}


MEASURES: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "hand-written": hand_written,
    "sealed": lambda path, folder: main_job(path, folder, sealed=True),
    "unsealed": lambda path, folder: main_job(path, folder, sealed=False),
    "start-up": start_up,
}


def repeated(source: Path, observations: int, target: Path) -> int:
    """Write the file over and over, with ids of their own, until there are so many lines."""
    lines = source.read_text().splitlines()
    written = 0
    with target.open("w") as out:
        while written < observations:
            batch = lines[: observations - written]
            out.writelines(line.replace('"id":"', f'"id":"{written:x}-', 1) + "\n" for line in batch)
            written += len(batch)
    return written


def measured(name: str, path: Path, repeat: int) -> dict[str, float]:
    figures: list[dict[str, float]] = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--measure", name, "--data", str(path), "--folder", folder]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            figures.append(json.loads(done.stdout.splitlines()[-1]))
    return {key: statistics.median(each[key] for each in figures) for key in figures[0]}


def report(observations: int, size: int, figures: dict[str, dict[str, float]]) -> None:
    hand, sealed, plain = figures["hand-written"], figures["sealed"], figures["unsealed"]
    if not hand["rows"] == sealed["rows"] == plain["rows"] == observations:
        raise AssertionError(f"not the same rows: {hand['rows']}, {sealed['rows']}, {plain['rows']}")
    print(f"{observations:,} Observations, {size / 1e6:.0f} MB")
    for name, each in figures.items():
        rate = f"{observations / each['seconds']:>10,.0f} resources/s" if name != "start-up" else " " * 22
        print(f"  {name:<14}{each['seconds']:>8.2f} s {rate}  peak {each['peak_mb']:,.0f} MB")
    print(f"  sealed: ingest {sealed['ingest']:.2f} s, refine {sealed['refine']:.2f} s")
    print(f"ratio to hand-written, sealed    {hand['seconds'] / sealed['seconds']:.2f}  (aim 0.20)")
    print(f"ratio to hand-written, unsealed  {hand['seconds'] / plain['seconds']:.2f}")
    print(f"resources/s, sealed              {observations / sealed['seconds']:,.0f}  (aim 40,000)")
    print(f"no-change re-run                 {sealed['no_change']:.2f} s  (aim 2 s)")
    print(f"a360 --help                      {figures['start-up']['seconds']:.2f} s  (aim 0.30 s)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--observations", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data", type=Path, default=REAL, help="NDJSON of Observations to repeat")
    parser.add_argument("--measure", choices=MEASURES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.measure:
        figures = MEASURES[given.measure](given.data, given.folder)
        peak = max(
            resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        print(json.dumps({**figures, "peak_mb": peak / (1024 if sys.platform == "linux" else 1024**2)}))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Observation.ndjson"
        written = repeated(given.data, given.observations, path)
        figures = {name: measured(name, path, given.repeat) for name in MEASURES}
        report(written, path.stat().st_size, figures)


if __name__ == "__main__":
    main()
