"""Spark as a peer: the rows that the specification gives, and those that DuckDB gives of the same files."""

import gzip
import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, Phase, given, settings
from random_views import counted, worlds

from a360.errors import DataError, InternalError
from a360.fhir import compile_view, evaluate, run_view
from a360.fhir._spark import explained, view_parquet

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT / "../shared/data/fhir-synthea-10"
VIEW = {
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "id", "path": "id"},
                {"name": "value", "path": "value.ofType(Quantity).value"},
                {"name": "notes", "path": "note.text", "collection": True},
            ]
        },
        {"forEachOrNull": "component", "column": [{"name": "code", "path": "code.text"}]},
    ],
}

pytestmark = [pytest.mark.spark, pytest.mark.usefixtures("spark_installed")]


# Spark takes seconds for a view: the same ones each time, and none made smaller.
@settings(
    max_examples=40,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(worlds())
def test_views_agree_with_the_specification_on_spark(world):
    """Any view of the language gives on Spark exactly the rows that the specification's algorithm gives."""
    assert counted(evaluate(world.view, world.resources, "spark")) == counted(world.rows)


def observation(number, **fields):
    return {"resourceType": "Observation", "id": f"o{number}", **fields}


LINES = [
    json.dumps(
        observation(1, note=[{"text": "naïve\n😀"}, {"text": "=1"}], component=[{"code": {"text": "a"}}, {}])
    ),
    "",
    json.dumps({"resourceType": "Patient", "id": "p1", "valueQuantity": "of another type"}),
    '  {"resourceType": "Observation", "id": "o2", "valueQuantity": {"value": 7.50}}\r',
    '{"resourceType": "Observation", "id": "o3", "valueQuantity": {"value": 0.12345678901234567890123}}',
]


def ran(engine, inputs, folder):
    """The rows of the view over files, in order."""
    output = folder / f"{engine}.ndjson"
    run_view({"v": VIEW}, inputs, {"v": output}, engine=engine)
    return [json.loads(line, parse_float=str) for line in output.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    "name", ["_hidden.ndjson", ".dot.ndjson", "a [b]{c}*?.ndjson", "a b:c,d.txt", "ä.ndjson"]
)
def test_files_of_any_name_are_read(tmp_path, name):
    """A file that is named is read, also where Spark would take its name for a pattern or pass it over."""
    (tmp_path / name).write_text("\n".join(LINES), "utf-8")
    (tmp_path / "a b.ndjson").write_text(LINES[3] + "\n", "utf-8")
    assert [row["id"] for row in ran("spark", [tmp_path / name], tmp_path)] == ["o1", "o1", "o2", "o3"]


def test_packed_and_plain_files_give_the_same_rows_in_their_order(tmp_path):
    """Plain, gzip and Zstandard files give what DuckDB gives of them, in the order of files and lines."""
    text = "\n".join(LINES[:4]).encode()
    paths = [tmp_path / name for name in ("1.ndjson", "2.ndjson.gz", "3.ndjson.zst")]
    for path, content in zip(paths, (text, gzip.compress(text), zstandard.compress(text)), strict=True):
        path.write_bytes(content)
    found = ran("spark", paths, tmp_path)
    assert [row["id"] for row in found] == ["o1", "o1", "o2"] * 3
    assert [{**row, "value": None} for row in found] == [
        {**row, "value": None} for row in ran("duckdb", paths, tmp_path)
    ]


def test_archives_of_several_parts_are_read_to_their_end(tmp_path):
    """Packed files that were put one after the other, as `cat` does, give the rows of all."""
    text = (LINES[0] + "\n").encode()
    (tmp_path / "1.ndjson.gz").write_bytes(gzip.compress(text) * 3)
    (tmp_path / "2.ndjson.zst").write_bytes(zstandard.compress(text) * 3)
    assert [row["id"] for row in ran("spark", [tmp_path], tmp_path)] == ["o1"] * 12


def test_decimals_keep_the_digits_of_the_file(tmp_path):
    """A decimal comes out with the digits that the file has: trailing zeros, and more than a double holds."""
    (tmp_path / "in.ndjson").write_text("\n".join(LINES), "utf-8")
    run_view({"v": VIEW}, [tmp_path / "in.ndjson"], {"v": tmp_path / "out.parquet"}, engine="spark")
    values = pq.read_table(tmp_path / "out.parquet")["value"].to_pylist()
    assert values == [None, None, "7.50", "0.12345678901234567890123"]


@pytest.mark.parametrize(
    "line",
    [
        '{"resourceType": "Observation", "id": ',
        '{"id": "o"}',
        "[]",
        "17",
        "garbage",
        '{"resourceType": "Observation"} x{',
        f"{LINES[3].strip()} {LINES[3]}",
        f"{LINES[3].strip()},{LINES[3]}",
    ],
)
def test_line_that_is_no_resource_ends_the_run(tmp_path, line):
    """A broken line, or one that is no resource, ends the run; the error does not say what it holds."""
    (tmp_path / "in.ndjson").write_text(f"{LINES[0]}\n{line}\n", "utf-8")
    with pytest.raises(DataError) as caught:
        ran("spark", [tmp_path / "in.ndjson"], tmp_path)
    assert caught.value.code.slug == "input-refused"
    assert line not in str(caught.value) or len(line) < 5
    assert not (tmp_path / "spark.ndjson").exists()


def test_resource_with_several_values_ends_the_run(tmp_path):
    """Several values where one is expected end a run over files with the error that memory gives."""
    view = {"resource": "Observation", "select": [{"column": [{"name": "t", "path": "note.text"}]}]}
    (tmp_path / "in.ndjson").write_text(LINES[0], "utf-8")
    with pytest.raises(DataError) as caught:
        view_parquet(view, [tmp_path / "in.ndjson"], tmp_path)
    assert caught.value.code.slug == "view-stopped"
    assert caught.value.where == "/select/0/column/0/path"


def test_text_of_a_foreign_error_is_withheld(tmp_path):
    """What Spark itself says of a failure is not passed on: it may quote values of a row."""
    with pytest.raises(InternalError) as caught:
        view_parquet(VIEW, [tmp_path / "not there"], tmp_path)
    assert "not there" not in str(caught.value)


def test_each_line_is_read_once(tmp_path):
    """However many elements a view reads, the plan has one scan, and parses JSON nowhere else."""
    (tmp_path / "in.ndjson").write_text("\n".join(LINES), "utf-8")
    plan = explained(compile_view(VIEW, "spark"), [tmp_path / "in.ndjson"])
    assert plan.count("FileScan json") == 1
    assert "from_json" not in plan


@pytest.mark.skipif(
    not REAL.exists() and "data" not in os.environ.get("A360_REQUIRE", ""),
    reason="the real data is not beside the project (../shared/data)",
)
@pytest.mark.parametrize(
    "name", ["encounter", "identifier_patient", "observation", "observation_component", "patient"]
)
def test_real_data_comes_out_alike(tmp_path, name):
    """The lake's own views give the same rows of real data on both engines, in the same order."""
    view = (ROOT / f"contracts/views/{name}.json").read_text("utf-8")
    found = {}
    for engine in ("duckdb", "spark"):
        output = tmp_path / f"{engine}.ndjson"
        run_view({name: view}, [REAL], {name: output}, engine=engine)
        found[engine] = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert found["spark"]
    assert found["spark"] == found["duckdb"]


def _spoilt(whole):
    middle = len(whole) // 2
    return whole[:middle] + bytes(64) + whole[middle + 64 :]


@pytest.mark.parametrize("ending", [".gz", ".zst"])
@pytest.mark.parametrize(
    "damage", [lambda whole: whole[: len(whole) // 2], lambda whole: whole[:-9], _spoilt]
)
def test_archive_that_is_broken_ends_the_run(tmp_path, ending, damage):
    """A packed file that is cut short or spoilt is told of as such, and no row of it is kept."""
    text = "\n".join(json.dumps(observation(n, note=[{"text": str(n**5)}])) for n in range(3000)).encode()
    packed = gzip.compress(text) if ending == ".gz" else zstandard.compress(text)
    (tmp_path / f"in.ndjson{ending}").write_bytes(damage(packed))
    with pytest.raises(DataError, match="archive of the input is broken"):
        ran("spark", [tmp_path], tmp_path)
    assert not (tmp_path / "spark.ndjson").exists()
