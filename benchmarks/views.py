"""A view over FHIR NDJSON: this compiler, DuckDB SQL written by hand, and two Python peers, in one run.

    uv run python benchmarks/views.py [--resources 1000000] [--data FILE] [--repeat 3] [--peers FOLDER]

The view has eight columns and a row for each coding of `code`. Each figure is taken in a process of its own
and is the median of the repeats; `to Parquet` writes the rows to a file, the others compute every column and
count its values, so that what is timed is the view and not a store of its rows. Every contender's rows are
hashed besides, untimed: other rows than the hand-written form's end the benchmark. The
peers, which are slow, get fewer lines, and their speed is compared; they are installed into an environment of
their own in `--peers`, and left out, with a word, where that is not given.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

REAL = Path(__file__).resolve().parents[1] / "../shared/data/fhir-synthea-dirty/Observation.ndjson"
PEERS = {"sqlonfhir": "sqlonfhir==0.0.2", "fhir4ds-v2": "fhir4ds-v2==0.0.17"}
BLOCK_BYTES = 1_000_000
BLOCKS_A_BATCH = 8

VIEW: dict[str, Any] = {
    "name": "observation_codes",
    "status": "active",
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "status", "path": "status"},
                {"name": "patient", "path": "subject.reference"},
                {"name": "encounter", "path": "encounter.reference"},
                {"name": "effective", "path": "effective.ofType(dateTime)"},
                {"name": "unit", "path": "value.ofType(Quantity).unit"},
            ]
        },
        {
            "forEach": "code.coding",
            "column": [{"name": "code", "path": "code"}, {"name": "display", "path": "display"}],
        },
    ],
}
COLUMNS = ("id", "status", "patient", "encounter", "effective", "unit", "code", "display")

STRUCTURE = {
    "resourceType": "VARCHAR",
    "id": "VARCHAR",
    "status": "VARCHAR",
    "subject": "STRUCT(reference VARCHAR)",
    "encounter": "STRUCT(reference VARCHAR)",
    "effectiveDateTime": "VARCHAR",
    "valueQuantity": "STRUCT(unit VARCHAR)",
    "code": "STRUCT(coding STRUCT(code VARCHAR, display VARCHAR)[])",
}
HAND_WRITTEN = f"""
    SELECT id, status, patient, encounter, effective, unit, coding.code AS code, coding.display AS display
    FROM (
        SELECT id, status, subject.reference AS patient, encounter.reference AS encounter,
            effectiveDateTime AS effective, valueQuantity.unit AS unit, unnest(code.coding) AS coding
        FROM read_json('$path', format = 'newline_delimited', columns = {STRUCTURE})
        WHERE resourceType = 'Observation'
    )
"""


class Watch:
    """Seconds by the clock and of the processor since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        begun, worked = self._started
        return {"seconds": time.perf_counter() - begun, "processor": time.process_time() - worked}


def checked(connection: Any, rows: str) -> dict[str, float]:
    """How many rows there are, and one hash of them all, in whatever order."""
    texts = ", ".join(f"CAST({column} AS VARCHAR)" for column in COLUMNS)
    sql = f"SELECT count(*), coalesce(sum(hash(row({texts})) % 1_000_000_007), 0) FROM {rows}"
    count, mark = connection.execute(sql).fetchone()
    return {"rows": count, "hash": int(mark)}


def connected(folder: Path) -> Any:
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect()
    connection.execute(f"SET temp_directory = '{folder}'; SET TimeZone = 'UTC'")
    connection.execute("SET preserve_insertion_order = false")
    return connection


def computed(connection: Any, sql: str) -> None:
    """Have every column of a query computed, and nothing kept."""
    connection.sql(f"SELECT {', '.join(f'count({column})' for column in COLUMNS)} FROM ({sql})").fetchall()


def timed(folder: Path, sql: str) -> dict[str, float]:
    connection = connected(folder)
    watch = Watch()
    computed(connection, sql)
    taken = watch.read()
    return {**taken, **checked(connection, f"({sql})")}


def hand_written(path: Path, folder: Path) -> dict[str, float]:
    return timed(folder, HAND_WRITTEN.replace("$path", str(path)))


def compiled_view(path: Path, folder: Path) -> dict[str, float]:
    from a360.fhir import compile_view  # noqa: PLC0415
    from a360.fhir._run._scan import scan_sql  # noqa: PLC0415

    view = compile_view(VIEW, source="scanned")
    return timed(folder, f"WITH scanned AS NOT MATERIALIZED ({scan_sql([path], view.struct)}) {view.sql}")


def hand_written_to_parquet(path: Path, folder: Path) -> dict[str, float]:
    connection, target = connected(folder), folder / "hand.parquet"
    watch = Watch()
    connection.execute(f"COPY ({HAND_WRITTEN.replace('$path', str(path))}) TO '{target}' (COMPRESSION zstd)")
    taken = watch.read()
    return {**taken, **checked(connection, f"'{target}'")}


def run_to_parquet(path: Path, folder: Path) -> dict[str, float]:
    from a360.fhir import run_view  # noqa: PLC0415

    target = folder / "ours.parquet"
    watch = Watch()
    run_view({"view": VIEW}, [path], {"view": target})
    taken = watch.read()
    return {**taken, **checked(connected(folder), f"'{target}'")}


def from_sealed_blocks(path: Path, folder: Path) -> dict[str, float]:
    """From blocks as bronze has them, sealed beforehand: opened while the engine parses those before."""
    from a360.contract import quote_text  # noqa: PLC0415
    from a360.fhir import compile_view  # noqa: PLC0415
    from a360.protect import LocalKeyStore, LocalSealer, open_block, seal_block  # noqa: PLC0415

    sealer = LocalSealer(LocalKeyStore.create(folder / "keys"))
    batch = sealer.batch()
    blocks = [
        (name, seal_block(batch, name, b"".join(lines), lengths(lines))) for name, lines in plain_blocks(path)
    ]
    groups = [blocks[at : at + BLOCKS_A_BATCH] for at in range(0, len(blocks), BLOCKS_A_BATCH)]
    connection = connected(folder)
    opened(groups[:1], partial(open_block, sealer))
    watch = Watch()
    structure = quote_text(compile_view(VIEW).struct.duckdb_json())
    source = f"(SELECT from_json(payload, {structure}) AS resource FROM payloads)"
    sql = compile_view(VIEW, source=source).sql
    connection.register("payloads", opened(groups, partial(open_block, sealer)))
    computed(connection, sql)
    taken = watch.read()
    connection.register("payloads", opened(groups, partial(open_block, sealer)))
    return {**taken, **checked(connection, f"({sql})")}


def opened(groups: list[Any], open_block: Callable[[str, bytes], Any]) -> Any:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.dataset  # noqa: PLC0415 -- DuckDB would load it in the middle

    from a360.refine._payloads import payload_batches  # noqa: PLC0415

    batches = (batch for table in payload_batches(groups, open_block) for batch in table.to_batches())
    first = next(batches)
    return pa.RecordBatchReader.from_batches(first.schema, chain([first], batches))


def lengths(lines: list[bytes]) -> Any:
    import numpy as np  # noqa: PLC0415

    return np.array([len(line) for line in lines])


def plain_blocks(path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """The file as bronze has it: blocks of whole lines, about a megabyte each."""
    with path.open("rb") as file:
        number = 0
        while lines := file.readlines(BLOCK_BYTES):
            yield f"block-{number}", lines
            number += 1


def sqlonfhir(path: Path, folder: Path) -> dict[str, float]:
    import pyarrow as pa  # noqa: PLC0415
    import sqlonfhir as peer  # noqa: PLC0415

    watch = Watch()
    found = pa.Table.from_pylist(peer.evaluate([json.loads(line) for line in path.open("rb")], VIEW))
    taken = watch.read()
    connection = connected(folder)
    connection.register("found", found)
    return {**taken, **checked(connection, "found")}


def fhir4ds(path: Path, folder: Path) -> dict[str, float]:  # noqa: ARG001 -- measured alike
    import fhir4ds as peer  # noqa: PLC0415

    sql = peer.generate_view_sql(json.dumps(VIEW))
    connection = peer.create_connection()
    watch = Watch()
    connection.execute(
        "CREATE TABLE resources AS SELECT json->>'id' AS id, json->>'resourceType' AS resourceType, "
        f"json AS resource FROM read_ndjson_objects('{path}')"
    )
    connection.execute(f"CREATE TABLE found AS {sql}")
    return {**watch.read(), **checked(connection, "found")}


type Measure = Callable[[Path, Path], dict[str, float]]

OURS: Mapping[str, Measure] = {
    "hand-written": hand_written,
    "view": compiled_view,
    "hand-written to Parquet": hand_written_to_parquet,
    "view to Parquet": run_to_parquet,
    "view from sealed blocks": from_sealed_blocks,
}
OTHERS: Mapping[str, Measure] = {"sqlonfhir": sqlonfhir, "fhir4ds-v2": fhir4ds}


def repeated(source: Path, resources: int, target: Path) -> Path:
    """Write the file over and over, with ids of their own, until there are so many lines."""
    lines = source.read_text().splitlines()
    with target.open("w") as out:
        for written in range(0, resources, len(lines)):
            marked = (line.replace('"id":"', f'"id":"{written:x}-', 1) for line in lines)
            out.writelines(f"{line}\n" for line in islice(marked, resources - written))
    return target


def measured(names: Iterable[str], path: Path, python: Path, repeat: int) -> dict[str, dict[str, float]]:
    """The median figures of each contender; they take turns, so that other work on the machine meets all."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(repeat):
        for name, figures in found.items():
            with tempfile.TemporaryDirectory() as folder:
                command = [str(python), __file__, "--measure", name, "--data", str(path), "--folder", folder]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                figures.append(json.loads(done.stdout.splitlines()[-1]))
    return {
        name: {key: statistics.median(each[key] for each in figures) for key in figures[0]}
        for name, figures in found.items()
    }


def require_same_rows(figures: Mapping[str, Mapping[str, float]], expected: Mapping[str, float]) -> None:
    for name, each in figures.items():
        if (each["rows"], each["hash"]) != (expected["rows"], expected["hash"]):
            raise SystemExit(
                f"{name}: {each['rows']:,} rows, not the {expected['rows']:,} of the hand-written form"
            )


def peers_of(folder: Path) -> Path:
    """The Python of the peers' own environment, made where there is none."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS.values()], check=True)
    return python


def report(figures: Mapping[str, Mapping[str, float]], resources: int) -> dict[str, float]:
    rates = {name: resources / each["seconds"] for name, each in figures.items()}
    for name, each in figures.items():
        times = f"{each['seconds']:>7.2f} s {each['processor']:>7.2f} s processor"
        print(f"  {name:<26}{times} {rates[name]:>12,.0f} resources/s  peak {each['peak_mb']:,.0f} MB")
    return rates


def ratio(figures: Mapping[str, Mapping[str, float]], name: str, to: str) -> str:
    """How fast one is to another, by the clock and by the processor."""
    clock, processor = (figures[to][key] / figures[name][key] for key in ("seconds", "processor"))
    return f"{clock:.2f}, of the processor {processor:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resources", type=int, default=1_000_000)
    parser.add_argument("--peer-resources", type=int, default=20_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data", type=Path, default=REAL, help="NDJSON of Observations to repeat")
    parser.add_argument("--peers", type=Path, help="folder of the peers' environment")
    parser.add_argument("--measure", choices=[*OURS, *OTHERS], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given: Any = parser.parse_args()
    if given.measure:
        figures = {**OURS, **OTHERS}[given.measure](given.data, given.folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
            1024 if sys.platform == "linux" else 1024**2
        )
        print(json.dumps({**figures, "peak_mb": peak}))
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        compare(given, Path(folder))


def compare(given: Any, folder: Path) -> None:
    path = repeated(given.data, given.resources, folder / "Observation.ndjson")
    here = Path(sys.executable)
    figures = measured(OURS, path, here, given.repeat)
    require_same_rows(figures, figures["hand-written"])
    print(f"{given.resources:,} Observations, {path.stat().st_size / 1e6:,.0f} MB")
    rates = report(figures, given.resources)
    print(f"ratio to hand-written              {ratio(figures, 'view', 'hand-written')}  (aim 0.9)")
    parquet = ratio(figures, "view to Parquet", "hand-written to Parquet")
    print(f"ratio to hand-written, to Parquet  {parquet}")
    sealed = ratio(figures, "view from sealed blocks", "view")
    print(f"from sealed blocks to from NDJSON  {sealed}  (aim 0.7)")
    if given.peers is None:
        print("the peers were not measured: name a folder for their environment with --peers")
        return
    few = repeated(given.data, given.peer_resources, folder / "few.ndjson")
    python = peers_of(given.peers)
    others = measured(OTHERS, few, python, 1)
    require_same_rows(others, measured(["hand-written"], few, here, 1)["hand-written"])
    print(f"{given.peer_resources:,} Observations")
    slow = report(others, given.peer_resources)
    for name, rate in slow.items():
        print(f"ratio to {name:<27}{rates['view'] / rate:,.0f}{'  (aim 50)' if name == 'fhir4ds-v2' else ''}")


if __name__ == "__main__":
    main()
