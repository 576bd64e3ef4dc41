"""Every view of the lake gives the same rows on DuckDB and on Spark, read from files."""

import json
from collections import Counter

import pytest
from lakes import CONTRACTS, data_folder

from a360.fhir import run_view
from a360.synth import generate

VIEWS = {path.stem: path.read_text("utf-8") for path in sorted((CONTRACTS / "views").glob("*.json"))}
LINES = 25

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Generated resources of every type, and some of the real ones."""
    folder = tmp_path_factory.mktemp("files")
    generate(folder, patients=3, seed=11, dirty=0)
    for file in data_folder("fhir-synthea-10").glob("*.ndjson"):
        lines = file.read_text("utf-8").splitlines(keepends=True)
        (folder / f"real.{file.name}").write_text("".join(lines[:: len(lines) // LINES + 1]), "utf-8")
    return sorted(folder.glob("*.ndjson"))


def test_every_view_gives_the_same_rows(files, tmp_path, spark_installed):
    """All views in one run: the same rows, to the last digit of a number."""
    found = {}
    for engine in ("duckdb", "spark"):
        outputs = {name: tmp_path / f"{name}.{engine}.ndjson" for name in VIEWS}
        run_view(VIEWS, files, outputs, engine=engine)
        found[engine] = {
            name: Counter(
                json.dumps(json.loads(line, parse_float=str), sort_keys=True)
                for line in output.read_text("utf-8").splitlines()
            )
            for name, output in outputs.items()
        }
    assert sum(map(bool, found["duckdb"].values())) > len(VIEWS) // 2
    different = {
        name: (list(rows - found["spark"][name])[:2], list(found["spark"][name] - rows)[:2])
        for name, rows in found["duckdb"].items()
        if rows != found["spark"][name]
    }
    assert different == {}
