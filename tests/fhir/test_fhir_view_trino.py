"""Views on a real Trino server: official cases, random views, the lake's own views over real resources."""

import json
import os
import re
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import test_fhir_view_sql
import trino_server
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_views import counted, worlds
from test_fhir_view_cases import CASES, needs_cases
from test_fhir_view_texts import CASES as TEXT_CASES
from test_fhir_view_texts import PATIENT, PATTERNS, TEXTS, agreements, view_of
from trino_server import TrinoError

from a360.contract import engine_sql
from a360.fhir import ViewError, compile_view, evaluate
from a360.hl7v2 import convert, parse
from a360.synth import generate

pytestmark = pytest.mark.trino

ROOT = Path(__file__).resolve().parents[2]
VIEWS = sorted((ROOT / "contracts/views").glob("*.json"))

# `json` cannot write a decimal as the number it is: it writes a text, of which this makes the number.
_NUMBER = re.compile(r'"\\u0000([^"]*)\\u0000"')


class Views:
    """Views on a server, over resources that the query brings along as JSON text."""

    def __init__(self, server):
        self.server = server

    def sql(self, view, resources):
        """A view as one statement. UNNEST keeps the optimizer from computing it all while it plans."""
        compiled = compile_view(view, "trino")
        kept = [one for one in resources if one.get("resourceType") == compiled.resource_type]
        texts = ", ".join(_literal(_NUMBER.sub(r"\1", json.dumps(one, default=_marked))) for one in kept)
        payloads = f"UNNEST(CAST(ARRAY[{texts}] AS ARRAY(VARCHAR))) AS payloads (payload)"
        parsed = f"SELECT {compiled.struct.trino_json('payload')} AS resource FROM {payloads}"
        return f"WITH resources AS ({parsed})\n{compiled.sql}"

    def evaluate(self, view, resources):
        """What `evaluate` gives, from Trino."""
        schema = compile_view(view, "trino").schema
        return [
            {c.name: _value(c, value) for c, value in zip(schema, row, strict=True)}
            for row in self.server.query(self.sql(view, resources))
        ]

    def evaluate_all(self, worlds_):
        """What `evaluate` gives for each of several views, from one statement."""
        parts = []
        for number, world in enumerate(worlds_):
            names = [f'CAST("{c.name}" AS JSON)' for c in compile_view(world.view, "trino").schema]
            row = f"json_format(CAST(ARRAY[{', '.join(names)}] AS JSON))"
            parts.append(f"SELECT {number}, {row} FROM (\n{self.sql(world.view, world.resources)}\n)")
        found = [[] for _ in worlds_]
        schemas = [compile_view(world.view).schema for world in worlds_]
        for number, text in self.server.query("\nUNION ALL\n".join(parts)):
            pairs = zip(schemas[number], json.loads(text), strict=True)
            found[number].append({c.name: _value(c, value) for c, value in pairs})
        return found


def _literal(text):
    return "'" + text.replace("'", "''") + "'"


def _marked(number):
    assert isinstance(number, Decimal)
    return f"\0{number}\0"


def _value(column, value):
    if isinstance(value, list):
        return [_value(column, item) for item in value]
    return float(value) if column.fhir_type == "decimal" and value is not None else value


@pytest.fixture(scope="module")
def trino(tmp_path_factory):
    """A server that runs while this file is tested, or the one that A360_TRINO_URL names."""
    if "A360_TRINO_URL" in os.environ:
        yield Views(trino_server.Trino(os.environ["A360_TRINO_URL"]))
        return
    missing = trino_server.missing()
    if missing:
        required = "trino" in os.environ.get("A360_REQUIRE", "").split(",")
        (pytest.fail if required else pytest.skip)(missing)
    with trino_server.running(tmp_path_factory.mktemp("trino")) as server:
        yield Views(server)


def test_stable_ids_of_models_on_trino(trino):
    """STABLE_ID, which models have and no engine has, gives Trino the numbers that it gives DuckDB."""
    model = "SELECT STABLE_ID('x|' || k) AS a, STABLE_ID(k, 60) AS b FROM t ORDER BY n NULLS LAST"
    texts = ["", "é", "e\u0301", "\U0001f489", "'", "\\", " x ", "x" * 10_000, None]
    rows = ", ".join(f"({n}, {'NULL' if k is None else _literal(k)})" for n, k in enumerate(texts))
    given = f"WITH t (n, k) AS (VALUES {rows})"
    found = trino.server.query(f"{given} {engine_sql(model, 'trino')}")
    assert found == [list(row) for row in duckdb.sql(f"{given} {engine_sql(model, 'duckdb')}").fetchall()]


@needs_cases
@pytest.mark.parametrize(("name", "resources", "case"), CASES, ids=[name for name, _, _ in CASES])
def test_official_case_on_trino(trino, name, resources, case):
    """Every official case gives the rows, or the error, that it expects, on Trino too."""
    if case.get("expectError"):
        with pytest.raises((ViewError, TrinoError), match=r"fault|several values"):
            trino.evaluate(case["view"], resources)
        return
    assert counted(trino.evaluate(case["view"], resources)) == counted(case["expect"])


def test_values_on_trino(trino):
    """Each operation gives the value on Trino that it is tested for on DuckDB."""
    [cases] = [mark.args[1] for mark in test_fhir_view_sql.test_values.pytestmark]
    columns = [{"name": f"c{number}", "path": path} for number, (path, _) in enumerate(cases)]
    view = {"resource": "Observation", "select": [{"column": columns}]}
    resources = [{"resourceType": "Observation", "valueQuantity": {"value": Decimal("0.3")}}]
    assert trino.evaluate(view, resources) == [{f"c{n}": value for n, (_, value) in enumerate(cases)}]


def test_functions_of_text_on_trino(trino):
    """Functions of text and of parts of collections give what they give on DuckDB."""
    found = trino.evaluate(view_of([path for path, _ in TEXT_CASES]), [PATIENT])
    assert found == [{f"c{number}": value for number, (_, value) in enumerate(TEXT_CASES)}]


@settings(deadline=None, max_examples=10, phases=[Phase.generate])
@given(st.lists(PATTERNS, min_size=8, max_size=12), st.lists(TEXTS, min_size=3, max_size=4))
def test_patterns_mean_the_same_on_trino(trino, pairs, texts):
    """A pattern that is allowed finds and replaces on Trino what Python's `re` does with it."""
    cases = agreements(pairs, texts)
    [row] = trino.evaluate(view_of([path for path, _ in cases]), [PATIENT])
    assert list(row.values()) == [expected for _, expected in cases]


def test_decimals_keep_their_digits(trino):
    """A decimal comes out of JSON as it was written there, whatever else stands in texts beside it."""
    columns = [
        {"name": "value", "path": "value.ofType(Quantity).value"},
        {"name": "unit", "path": "value.ofType(Quantity).unit"},
    ]
    view = {"resource": "Observation", "select": [{"column": columns}]}
    numbers = ["1.50", "0.1234567890123456789", "12e3", "-7", "100"]
    units = ["mg: 1.50", '"1.50",', "back\\", "[2.5]", ""]
    resources = [
        {"resourceType": "Observation", "valueQuantity": {"unit": unit, "value": Decimal(number)}}
        for number, unit in zip(numbers, units, strict=True)
    ]
    rows = trino.server.query(trino.sql(view, resources))
    assert sorted(rows) == sorted(
        [str(Decimal(number)), unit] for number, unit in zip(numbers, units, strict=True)
    )


def test_instants_compare_to_the_microsecond(trino):
    """Date-times are instants in comparisons, with all the digits of their seconds."""
    path = "effective.ofType(dateTime) = @2020-01-01T10:00:00.0001Z"
    view = {"resource": "Observation", "select": [{"column": [{"name": "same", "path": path}]}]}
    times = ["2020-01-01T11:00:00.0001+01:00", "2020-01-01T10:00:00.0002Z"]
    resources = [{"resourceType": "Observation", "effectiveDateTime": time} for time in times]
    assert [row["same"] for row in trino.evaluate(view, resources)] == [True, False]


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """The clean data of a few invented patients, a file for each resource type."""
    folder = tmp_path_factory.mktemp("export")
    generate(folder, patients=60, seed=4, dirty=0)
    return folder


def told_of_merges():
    """What messages say of records that are merged and of visits that move, which no export has."""
    told = []
    for event in ("A40", "A45"):
        segments = [
            f"MSH|^~\\&|EMR|CLINIC|LAKE|A360|20260101120000||ADT^{event}|1|P|2.5.1",
            "EVN||20260101120000",
            "PID|1||1^^^CLINIC^MR||Doe^Ann",
            "MRG|2^^^CLINIC^MR||||7^^^CLINIC^VN",
            "PV1|1|O|||||||||||||||||8^^^CLINIC^VN",
        ]
        (message,) = parse("\r".join(segments).encode()).messages
        told += convert(message).resources
    return told


# The export has Medications within other resources alone.
MEDICATION = {
    "resourceType": "Medication",
    "id": "m1",
    "identifier": [{"system": "urn:a", "value": "1"}],
    "status": "active",
    "manufacturer": {"reference": "Organization/1"},
    "code": {"coding": [{"system": "urn:codes", "code": "TOX-1", "display": "Toxin"}]},
    "form": {"coding": [{"system": "urn:forms", "code": "powder"}]},
    "batch": {"lotNumber": "L7", "expirationDate": "2027-01-31"},
}


@pytest.mark.parametrize("path", VIEWS, ids=[path.stem for path in VIEWS])
def test_own_views_agree_with_duckdb(trino, export, path):
    """Each view of the lake gives the same rows on Trino as on DuckDB, over the data of invented patients."""
    view = json.loads(path.read_text(encoding="utf-8"))
    files = sorted(export.rglob(f"{view['resource']}*.ndjson"))
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()][:60]
    besides = {"identifier": [{"system": "urn:a", "value": "1"}]}
    if view["resource"] == "Patient":
        besides["link"] = [{"other": {"reference": "Patient/1"}, "type": "replaced-by"}]
    resources = [besides | json.loads(line, parse_float=Decimal) for line in lines]
    resources += [
        each for each in (MEDICATION, *told_of_merges()) if each["resourceType"] == view["resource"]
    ]
    rows = trino.evaluate(view, resources)
    assert rows
    assert counted(rows) == counted(evaluate(view, resources))


# A query takes a good part of a second: too long to look for the smallest views that disagree.
@pytest.mark.timeout(900)
@settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(made=st.lists(worlds(), min_size=3, max_size=6))
def test_random_views_agree_with_duckdb(trino, made):
    """Any view of the language gives the same rows on Trino as on DuckDB."""
    found = trino.evaluate_all(made)
    wanted = [evaluate(world.view, world.resources) for world in made]
    assert [counted(rows) for rows in found] == [counted(rows) for rows in wanted]
