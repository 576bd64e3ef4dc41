"""Runs of views over files: the rows of `evaluate`, whole files or none, and errors that say where."""

import gzip
import json
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.errors import DataError, OperatorError, UsageError
from a360.fhir import evaluate, run_view, view_batches

VIEW = {
    "resource": "Observation",
    "select": [
        {
            "column": [
                {"name": "id", "path": "getResourceKey()", "type": "string"},
                {"name": "status", "path": "status"},
                {"name": "taken", "path": "effective.ofType(dateTime)"},
                {"name": "notes", "path": "note.text", "collection": True},
            ]
        },
        {
            "forEachOrNull": "component",
            "column": [
                {"name": "place", "path": "%rowIndex", "type": "integer"},
                {"name": "code", "path": "code.coding.code.first()"},
                {"name": "value", "path": "value.ofType(Quantity).value"},
            ],
        },
    ],
}
CODES = {
    "resource": "Observation",
    "select": [
        {"column": [{"name": "id", "path": "id"}, {"name": "text", "path": "code.text"}]},
        {"forEach": "code.coding", "column": [{"name": "code", "path": "code"}]},
    ],
}
SPOKEN = {"resource": "Observation", "select": [{"column": [{"name": "has_code", "path": "code.exists()"}]}]}
BIRTHS = {"resource": "Patient", "select": [{"column": [{"name": "born", "path": "birthDate"}]}]}


def observation(number, **fields):
    return {"resourceType": "Observation", "id": f"o{number}", "status": "final", **fields}


RESOURCES = [
    observation(1, code={"text": "Druck", "coding": [{"code": "a"}, {"code": "b"}]}),
    {"resourceType": "Patient", "id": "p1", "birthDate": "1980-02"},
    observation(
        2,
        effectiveDateTime="2026-03-01T09:30:00+01:00",
        note=[{"text": "=1+1"}, {"text": 'a "b"'}],
        component=[{"valueQuantity": {"value": 79.5}}, {"valueQuantity": {"value": -3}}],
    ),
    observation(3, code={}),
]


def lines(resources):
    return "".join(f"{json.dumps(each)}\n" for each in resources)


def bag(rows):
    """Rows without their order, which SQL on FHIR leaves open."""
    return Counter(json.dumps(row) for row in rows)


@pytest.fixture
def files(tmp_path):
    """A folder with the resources in one file."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "all.ndjson").write_text(lines(RESOURCES))
    return folder


def rows(view, files, tmp_path):
    """The rows that a run writes as NDJSON."""
    output = tmp_path / "rows.ndjson"
    run_view({"v": view}, [files], {"v": output})
    return [json.loads(line) for line in output.read_text().splitlines()]


@pytest.mark.parametrize("view", [VIEW, CODES, SPOKEN, BIRTHS])
def test_rows_are_those_of_evaluate(view, files, tmp_path):
    """A run over files gives the rows that `evaluate` gives over the same resources."""
    assert bag(rows(view, files, tmp_path)) == bag(evaluate(view, RESOURCES))


def test_packed_files_and_folders_are_read(tmp_path):
    """Plain, .gz and .zst files are read, in folders of any depth; hidden and other files are not."""
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    text = lines(RESOURCES).encode()
    (folder / "a.ndjson.gz").write_bytes(gzip.compress(text))
    (folder / "b.ndjson.zst").write_bytes(zstandard.compress(text))
    (folder / "deep/c [1]*'.jsonl").write_bytes(text)
    (folder / ".hidden.ndjson").write_text("broken")
    (folder / "notes.txt").write_text("broken")
    assert bag(rows(CODES, folder, tmp_path)) == bag(evaluate(CODES, RESOURCES) * 3)


def test_formats_hold_the_same_rows(files, tmp_path):
    """Parquet, CSV, NDJSON and JSON hold the same rows; text keeps its form, and CSV runs no formula."""
    wanted = evaluate(VIEW, RESOURCES)
    outputs = [tmp_path / f"out{ending}" for ending in (".parquet", ".csv", ".ndjson", ".json")]
    for output in outputs:
        [run] = run_view({"v": VIEW}, [files], {"v": output})
        assert run.rows == len(wanted)
        assert output.stat().st_mode & 0o077 == 0
    parquet, csv, ndjson, array = outputs
    assert json.loads(array.read_text()) == wanted
    assert [json.loads(line) for line in ndjson.read_text().splitlines()] == wanted
    texts = [{**row, "value": row["value"] and str(row["value"])} for row in wanted]
    assert pq.read_table(parquet).to_pylist() == texts
    cells = duckdb.sql(f"FROM read_csv('{csv}', all_varchar = true)").fetchall()
    assert cells[1] == ("o2", "final", "2026-03-01T09:30:00+01:00", '["=1+1","a \\"b\\""]', "0", None, "79.5")
    assert cells[2][-1] == "-3"


def test_csv_runs_no_formula(tmp_path):
    """Text that a spreadsheet would run gets an apostrophe; a negative number does not."""
    (tmp_path / "a.ndjson").write_text(lines([observation(1, code={"text": "=cmd()", "coding": [{}]})]))
    run_view({"v": CODES}, [tmp_path / "a.ndjson"], {"v": tmp_path / "out.csv"})
    assert (tmp_path / "out.csv").read_text().splitlines()[1] == "o1,'=cmd(),"


def test_views_share_a_reading_and_change_nothing(files, tmp_path):
    """Views that run together give what each gives alone, those of one type and of several."""
    views = {"main": VIEW, "codes": CODES, "spoken": SPOKEN, "births": BIRTHS}
    outputs = {name: tmp_path / f"{name}.ndjson" for name in views}
    runs = run_view(views, [files], outputs)
    assert [run.view for run in runs] == list(views)
    for name, view in views.items():
        found = [json.loads(line) for line in outputs[name].read_text().splitlines()]
        assert bag(found) == bag(evaluate(view, RESOURCES))


def test_batches_hold_the_rows(files):
    """The stream of a view has its rows in the order of the input, as Arrow or as JSON."""
    wanted = evaluate(VIEW, RESOURCES)
    arrow = [row for batch in view_batches(VIEW, [files]) for row in batch.to_pylist()]
    assert [row["id"] for row in arrow] == [row["id"] for row in wanted]
    texts = [
        text for batch in view_batches(VIEW, [files], as_json=True) for text in batch.column(0).to_pylist()
    ]
    assert [json.loads(text) for text in texts] == wanted


WRONG = {
    '{"resourceType": "Observation", "id": "SECRET"': "broken JSON",
    '["SECRET"]': "JSON that is no object",
    '{"id": "SECRET"}': "an object without resourceType",
    '{"resourceType": "Observation", "id": "\\ud800 SECRET"}': "broken JSON",
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_line_at_fault_is_named(wrong, ending, tmp_path):
    """A line that is broken or no resource ends the run with its file and number, and without its text."""
    good, bad = tmp_path / "a.ndjson", tmp_path / f"b.ndjson{ending}"
    good.write_text(lines(RESOURCES))
    text = f"{lines(RESOURCES)}\n{wrong}\n{lines(RESOURCES)}".encode()
    bad.write_bytes(gzip.compress(text) if ending else text)
    with pytest.raises(DataError) as caught:
        run_view({"v": VIEW}, [good, bad], {"v": tmp_path / "out.parquet"})
    assert caught.value.where == f"{bad}, line {len(RESOURCES) + 2}"
    assert caught.value.found == WRONG[wrong]
    assert "SECRET" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ndjson", bad.name]


def test_bytes_that_are_no_text_are_named(tmp_path):
    """A line that is no UTF-8 ends the run with its file and number."""
    path = tmp_path / "a.ndjson"
    path.write_bytes(lines(RESOURCES).encode() + b'{"resourceType": "Observation", "id": "\xff"}\n')
    with pytest.raises(DataError, match=rf"line {len(RESOURCES) + 1}\n.*UTF-8"):
        run_view({"v": VIEW}, [path], {"v": tmp_path / "out.parquet"})


@settings(max_examples=8)
@given(st.integers(0, 40), st.integers(0, 40))
def test_every_line_counts(tmp_path_factory, before, after):
    """Wherever a broken line stands, it is found; without it, no line is lost."""
    folder = tmp_path_factory.mktemp("lines")
    path, output = folder / "a.ndjson", folder / "out.ndjson"
    sound = [observation(number) for number in range(before + after)]
    path.write_text(lines(sound))
    assert run_view({"v": CODES}, [path], {"v": output})[0].rows == 0
    assert len(list(rows(SPOKEN, path, folder))) == len(sound)
    path.write_text(lines(sound[:before]) + "{\n" + lines(sound[before:]))
    with pytest.raises(DataError) as caught:
        run_view({"v": CODES}, [path], {"v": output})
    assert caught.value.where == f"{path}, line {before + 1}"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "", "2026"]) | st.just(1.5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["text", "coding", "code", "value"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=15)
@given(st.lists(st.fixed_dictionaries({}, optional={"code": ANY, "status": ANY, "note": ANY}), max_size=9))
def test_other_shapes_read_as_evaluate_reads_them(tmp_path_factory, bodies):
    """JSON of another shape than FHIR's gives what it gives in `evaluate`; no resource is lost for it."""
    folder = tmp_path_factory.mktemp("shapes")
    resources = [{"resourceType": "Observation", "id": "o", **body} for body in bodies]
    (folder / "a.ndjson").write_text(lines(resources))
    for view in (VIEW, CODES, SPOKEN):
        assert bag(rows(view, folder / "a.ndjson", folder)) == bag(evaluate(view, resources))


def test_no_resources_give_no_rows(tmp_path):
    """An empty file, and one of other types, give an output with all columns and no rows."""
    (tmp_path / "a.ndjson").write_text("")
    (tmp_path / "b.ndjson").write_text(lines(RESOURCES[1:2]))
    [run] = run_view({"v": VIEW}, [tmp_path], {"v": tmp_path / "out.parquet"})
    assert run.rows == 0
    assert pq.read_schema(tmp_path / "out.parquet").names == [*evaluate(VIEW, RESOURCES)[0]]


def test_failure_leaves_what_was_there(files, tmp_path):
    """A run that fails leaves an earlier output as it was; one that succeeds replaces it."""
    output = tmp_path / "out.csv"
    output.write_text("before")
    (files / "z.ndjson").write_text("{")
    with pytest.raises(DataError):
        run_view({"v": VIEW}, [files], {"v": output})
    assert output.read_text() == "before"
    (files / "z.ndjson").unlink()
    run_view({"v": VIEW}, [files], {"v": output})
    assert output.read_text().startswith("id,status")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.csv"]


def test_one_failing_view_leaves_no_output(files, tmp_path):
    """Of several views that run together all outputs are written, or none."""
    stopping = {
        "resource": "Observation",
        "select": [{"column": [{"name": "c", "path": "code.coding.code"}]}],
    }
    outputs = {name: tmp_path / f"{name}.csv" for name in ("births", "stopping")}
    with pytest.raises(DataError) as caught:
        run_view({"births": BIRTHS, "stopping": stopping}, [files], outputs)
    assert caught.value.code.slug == "view-stopped"
    assert caught.value.where == "/select/0/column/0/path"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_places_are_checked_before_anything_is_read(files, tmp_path):
    """Outputs that cannot be, and inputs that are not there, are told before the run."""
    one = files / "all.ndjson"
    with pytest.raises(UsageError, match="format"):
        run_view({"v": VIEW}, [files], {"v": tmp_path / "out.xlsx"})
    with pytest.raises(UsageError, match="an input"):
        run_view({"v": VIEW}, [files], {"v": one})
    with pytest.raises(UsageError, match="another view"):
        run_view({"v": VIEW, "w": CODES}, [files], dict.fromkeys(("v", "w"), tmp_path / "out.csv"))
    with pytest.raises(OperatorError, match="cannot be written"):
        run_view({"v": VIEW}, [files], {"v": tmp_path / "nowhere/out.csv"})
    with pytest.raises(OperatorError, match="nothing there"):
        run_view({"v": VIEW}, [tmp_path / "nowhere"], {"v": tmp_path / "out.csv"})
    (tmp_path / "empty").mkdir()
    with pytest.raises(OperatorError, match="no file"):
        run_view({"v": VIEW}, [tmp_path / "empty"], {"v": tmp_path / "out.csv"})
    with pytest.raises(UsageError, match="engine"):
        run_view({"v": VIEW}, [files], {"v": tmp_path / "out.csv"}, engine="oracle")
    assert Path(one).read_text() == lines(RESOURCES)


@pytest.mark.parametrize("cut", [1, 12, 40])
@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".zst", zstandard.compress)])
def test_archive_that_breaks_off_is_told(ending, pack, cut, tmp_path):
    """An archive that ends too early ends the run, also where a line ends; so does what is no archive."""
    texts = [lines(RESOURCES).encode() * 50, lines(RESOURCES).encode()]
    path, output = tmp_path / f"a.ndjson{ending}", tmp_path / "out.csv"
    for text in texts:
        path.write_bytes(pack(lines(RESOURCES).encode()) + pack(text)[:-cut])
        with pytest.raises(DataError, match="archive"):
            run_view({"v": VIEW}, [path], {"v": output})
        with pytest.raises(DataError, match="archive"):
            list(view_batches(VIEW, [path]))
        assert not output.exists()
    path.write_text("no archive")
    with pytest.raises(DataError, match="archive"):
        run_view({"v": VIEW}, [path], {"v": output})


def test_archives_one_after_the_other_are_whole(tmp_path):
    """Members of gzip and frames of Zstandard that follow each other are read to the last."""
    one = lines(RESOURCES).encode()
    (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(one) + gzip.compress(one))
    (tmp_path / "b.ndjson.zst").write_bytes(zstandard.compress(one) + zstandard.compress(one))
    assert bag(rows(CODES, tmp_path, tmp_path)) == bag(evaluate(CODES, RESOURCES) * 4)
    (tmp_path / "b.ndjson.zst").write_bytes(zstandard.compress(one) + zstandard.compress(b"{\n"))
    with pytest.raises(DataError, match=f"b.ndjson.zst, line {len(RESOURCES) + 1}\n"):
        run_view({"v": CODES}, [tmp_path], {"v": tmp_path / "out.csv"})


def test_what_does_not_fit_into_memory_is_spilled(tmp_path):
    """Views that share a reading go through more data than they may hold in memory."""
    text = lines(observation(number, code={"text": "x" * 200, "coding": [{}]}) for number in range(50_000))
    for number in range(8):
        (tmp_path / f"{number}.ndjson").write_text(text)
    outputs = {name: tmp_path / f"{name}.parquet" for name in ("codes", "main")}
    runs = run_view({"codes": CODES, "main": VIEW}, [tmp_path], outputs, memory_limit="100MB", threads=1)
    assert [run.rows for run in runs] == [400_000, 400_000]


@pytest.mark.spark
def test_spark_gives_the_same_rows(files, tmp_path, spark_installed):
    """A run on Spark writes what one on DuckDB writes, and streams the rows of `evaluate`."""
    for ending in (".csv", ".ndjson", ".parquet"):
        both = [tmp_path / f"{engine}{ending}" for engine in ("duckdb", "spark")]
        for output in both:
            run_view({"v": VIEW}, [files], {"v": output}, engine=output.stem)
        if ending == ".parquet":
            first, second = (bag(pq.read_table(output).to_pylist()) for output in both)
        else:
            first, second = (Counter(output.read_text().splitlines()) for output in both)
        assert first == second
    stream = view_batches(VIEW, [files], as_json=True, engine="spark")
    found = [json.loads(text) for batch in stream for text in batch.column(0).to_pylist()]
    assert bag(found) == bag(evaluate(VIEW, RESOURCES))


@pytest.mark.spark
def test_line_at_fault_is_named_on_spark(files, tmp_path, spark_installed):
    """On Spark, too, a broken line ends the run with its file and number, and leaves no output."""
    (files / "z.ndjson").write_text(f"{lines(RESOURCES)}{{broken\n")
    with pytest.raises(DataError) as caught:
        run_view({"v": VIEW}, [files], {"v": tmp_path / "out.csv"}, engine="spark")
    assert caught.value.where == f"{files / 'z.ndjson'}, line {len(RESOURCES) + 1}"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


@pytest.mark.parametrize("after", [0, 3])
def test_line_that_is_too_long_is_told(after, tmp_path):
    """A line of more than the bound ends the run with its file and number."""
    path = tmp_path / "a.ndjson"
    path.write_text(lines([*RESOURCES, observation("x" * (40 << 20)), *RESOURCES[:after]]))
    with pytest.raises(DataError, match="more than 16 MB") as caught:
        run_view({"v": VIEW}, [path], {"v": tmp_path / "out.csv"})
    assert caught.value.where == f"{path}, line {len(RESOURCES) + 1}"
    assert len(str(caught.value)) < 1000
