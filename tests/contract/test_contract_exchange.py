"""Other formats: what a format can say comes back, and what it cannot is told."""

import json
from dataclasses import fields, replace
from pathlib import Path

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel
from sqlglot.tokens import Tokenizer

from a360.contract import load_contracts
from a360.contract._odcs import Contract
from a360.contract._validate import lift, validate
from a360.contract._yaml import parse_yaml
from a360.contract.exchange import (
    DIALECTS,
    FORMATS,
    Sketch,
    SketchColumn,
    contract_of,
    contract_text,
    export_contract,
    export_sketch,
    import_contracts,
    read_sketches,
    sketch_of,
)
from a360.errors import UsageError

CONTRACTS = load_contracts(Path(__file__).resolve().parents[2] / "contracts")
WAYS = [
    *((name, "duckdb") for name in FORMATS if name != "odcs"),
    *(("sql", each) for each in DIALECTS[1:]),
]

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=30).map(
    lambda text: " ".join(text.split())
)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
INTS = st.integers(-(10**9), 10**9)
DATES = st.dates().map(str)
OPTIONAL = {
    "string": {
        "pattern": st.sampled_from(["[A-Z]+", "a|b", r"\d{3}", "^x$", "(?i)abc", ".*"]),
        "min_length": st.integers(0, 5),
        "max_length": st.integers(5, 99),
    },
    "long": {"minimum": INTS, "maximum": INTS, "exclusive_minimum": INTS, "exclusive_maximum": INTS},
    "double": {"minimum": st.floats(-1e9, 1e9).map(lambda x: round(x, 3) + 0.0)},
    "date": {"minimum": DATES, "exclusive_maximum": DATES},
}
ENUMS = {"string": WORDS, "long": INTS, "int": st.integers(0, 99)}


@st.composite
def columns(draw, name, position):
    """A column with any of the parts its type allows."""
    kind = draw(st.sampled_from([*OPTIONAL, "int", "boolean", "timestamptz", "binary", "decimal(9,2)"]))
    options = {part: draw(values) for part, values in OPTIONAL.get(kind, {}).items() if draw(st.booleans())}
    token = draw(st.sampled_from([None, "patient"]))
    values = (
        st.lists(ENUMS.get(kind, st.nothing()), max_size=3, unique=True) if kind in ENUMS else st.just([])
    )
    return SketchColumn(
        name,
        kind,
        required=position > 0 or draw(st.booleans()),
        key=position,
        unique=draw(st.booleans()),
        deprecated=draw(st.booleans()),
        description=draw(TEXTS),
        business_name=draw(TEXTS),
        enum=tuple(draw(values)),
        references=draw(st.sampled_from([(), ("patient.patient_key",), ("silver.a.b", "c.d")])),
        sensitivity="identifier" if token else draw(st.sampled_from([None, "phi", "public"])),
        token=token,
        tags=draw(st.sampled_from([(), ("domain:clinical",)])),
        **options,
    )


@st.composite
def sketches(draw):
    """A dataset."""
    names = draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    keyed = draw(st.integers(0, len(names)))
    made = tuple(
        draw(columns(name, number if number <= keyed else 0)) for number, name in enumerate(names, start=1)
    )
    # A word of SQL is no name without quotes.
    plain = [each for each in names if each.upper() not in Tokenizer.KEYWORDS]
    checks = [(), *((("over_one", f"{each} > 1"),) for each in plain[:1])]
    return Sketch(
        draw(NAMES),
        draw(st.sampled_from(["bronze", "silver", "gold"])),
        draw(st.sampled_from(["0.1.0", "3.20.1"])),
        draw(st.sampled_from(["draft", "active"])),
        draw(TEXTS),
        draw(st.sampled_from([(), ("domain:clinical", "domain:patient")])),
        made,
        draw(st.sampled_from(checks)),
    )


def model_of(text):
    """The contract a text is, as the loader reads it."""
    source, faults = parse_yaml(text, "x.yaml")
    assert faults == []
    checked = validate(Contract, source, lift(source))
    assert checked.faults == ()
    return checked.model


def differences(one, other, path):
    """Every part in which two sketches differ, as a loss names it."""
    for part in fields(one):
        before, after = getattr(one, part.name), getattr(other, part.name)
        if part.name == "columns":
            assert [each.name for each in before] == [each.name for each in after]
            for left, right in zip(before, after, strict=True):
                yield from differences(left, right, f"{path}.{left.name}")
        elif part.compare and before != after:
            yield f"{path}: {to_camel(part.name)}"


@settings(max_examples=120, deadline=None)
@given(sketches(), st.sampled_from(WAYS))
def test_what_does_not_come_back_was_told(sketch, way):
    """Out and back again, a contract differs in exactly those parts that were named as lost."""
    format_, dialect = way
    made = export_sketch(sketch, format_, dialect)
    [back], notes = read_sketches(made.text, format_, sketch.name, "silver", dialect)
    assert notes == []
    back = replace(back, zone=sketch.zone if "zone" in str(made.lost) else back.zone)
    assert set(differences(sketch, back, f"{sketch.zone}.{sketch.name}")) == set(made.lost)


@settings(max_examples=80, deadline=None)
@given(sketches())
def test_a_draft_is_a_contract_the_loader_reads(sketch):
    """Whatever names, texts and numbers a draft holds, its YAML reads back as the same contract."""
    sketch = replace(sketch, description=sketch.description or "Said.")
    text = contract_text(contract_of(sketch))
    assert sketch_of(model_of(text)) == sketch
    assert yaml.safe_load(text) == contract_of(sketch)


@pytest.mark.parametrize("name", CONTRACTS.datasets)
def test_odcs_says_everything(name):
    """A contract goes out as ODCS and comes back whole."""
    dataset = CONTRACTS.datasets[name]
    made = export_contract(dataset, "odcs")
    assert made.lost == ()
    assert model_of(made.text) == dataset.contract
    taken = import_contracts(made.text, "odcs")
    assert taken.lost == ()
    assert model_of(taken.drafts[0].text) == dataset.contract


@pytest.mark.parametrize("name", CONTRACTS.datasets)
def test_every_rule_that_is_lost_is_told(name):
    """No rule and no property of the lake is left out of another format in silence."""
    contract = CONTRACTS.datasets[name].contract
    told = "\n".join(export_contract(CONTRACTS.datasets[name], "json-schema").lost)
    rules = [*contract.table.quality, *(rule for column in contract.columns for rule in column.quality)]
    named = [
        rule.name for rule in rules if rule.name and not (rule.type == "custom" and rule.severity == "error")
    ]
    assert [each for each in named if each not in told] == []
    assert "a360.fieldId" in told
    assert ("a360.retention" in told) == (contract.a360.retention is not None)


@settings(max_examples=40, deadline=None)
@given(sketches())
def test_duckdb_takes_the_ddl_and_says_the_same_of_it(sketch):
    """A real engine makes the table, with the types and the NOT NULLs that the contract asks for."""
    sketch = replace(sketch, columns=tuple(replace(each, references=()) for each in sketch.columns))
    with duckdb.connect() as session:
        session.execute(f"CREATE SCHEMA {sketch.zone}")
        session.execute(export_sketch(replace(sketch, checks=()), "sql").text)
        found = session.execute(f'DESCRIBE {sketch.zone}."{sketch.name}"').fetchall()
    spelled = {
        "string": "VARCHAR", "long": "BIGINT", "int": "INTEGER", "binary": "BLOB",
        "timestamptz": "TIMESTAMP WITH TIME ZONE",
    }  # fmt: skip
    assert [(name, kind, null == "NO") for name, kind, null, *_ in found] == [
        (each.name, spelled.get(each.type, each.type.upper()), each.required) for each in sketch.columns
    ]


FOREIGN_ODCS = """
apiVersion: v3.0.2
kind: DataContract
id: 53581432-6c55-4ba2-a65f-72344a91553a
version: v1
status: active
servers: [{server: prod, type: s3}]
schema:
  - name: VisitFacts
    physicalName: visits_1_0
    properties:
      - {name: visit_id, logicalType: string, physicalType: varchar(18), primaryKey: true}
      - {name: seen, logicalType: date, physicalType: timestamp, partitioned: true}
      - name: price
        logicalType: number
        quality: [{rule: nullValues, mustBe: 0, severity: info}]
      - {name: address, logicalType: object, properties: [{name: street, logicalType: string}]}
  - name: other
    properties: [{name: a, logicalType: integer}]
"""


def test_contracts_of_others_are_taken_over_as_far_as_they_go():
    """A foreign ODCS file gives one draft a table; each part that the lake does not keep is named."""
    made = import_contracts(FOREIGN_ODCS, "odcs", zone="gold")
    assert [draft.path for draft in made.drafts] == ["gold/visit_facts.yaml", "gold/other.yaml"]
    contract = model_of(made.drafts[0].text)
    assert [column.physical_type for column in contract.columns] == [
        "string",
        "timestamptz",
        "double",
        "string",
    ]
    assert contract.columns[0].logical_type_options.max_length == 18
    assert contract.columns[0].required
    assert contract.columns[2].quality[0].metric == "nullValues"
    told = "\n".join(made.lost)
    for part in ("servers", "partitioned", "severity", "version v1", "address", "has no zone"):
        assert part in told, part


DDL = """
CREATE TABLE dbo.clients (
  id SERIAL PRIMARY KEY, email VARCHAR(80) UNIQUE NOT NULL CHECK (length(email) > 3),
  kind TEXT CHECK (kind IN ('a', 'b')), born DATE CHECK (born >= DATE '1900-01-01'),
  spent NUMERIC(12, 2) DEFAULT 0, extra JSONB, org INT REFERENCES orgs (id),
  CONSTRAINT sane CHECK (spent >= 0 OR extra IS NULL)
);
CREATE INDEX i ON clients (email);
"""


def test_ddl_of_others_is_taken_over_as_far_as_it_goes():
    """Postgres DDL gives types, key, limits, references and named checks; the rest is named."""
    [sketch], notes = read_sketches(DDL, "sql", "x", "silver", "postgres")
    by_name = {column.name: column for column in sketch.columns}
    assert (sketch.name, sketch.zone) == ("clients", "silver")
    assert by_name["id"].key == 1
    assert (by_name["email"].max_length, by_name["email"].unique, by_name["email"].required) == (
        80,
        True,
        True,
    )
    assert by_name["kind"].enum == ("a", "b")
    assert by_name["born"].minimum == "1900-01-01"
    assert by_name["spent"].type == "decimal(12,2)"
    assert by_name["org"].references == ("orgs.id",)
    assert sketch.checks[-1] == ("sane", "spent >= 0 OR extra IS NULL")
    told = "\n".join(notes)
    for part in ("extra", "DEFAULT", "CREATE"):
        assert part in told, part


def test_dbt_of_others_is_taken_over_as_far_as_it_goes():
    """Old and new spellings of dbt's tests are read; tests of packages are named."""
    text = """
version: 2
sources: []
models:
  - name: visits
    latest_version: 2
    columns:
      - name: id
        data_type: bigint
        tests: [unique, not_null, {dbt_utils.at_least_one: {}}]
      - name: status
        data_tests: [{accepted_values: {arguments: {values: [a, b]}}}]
      - name: patient
        tests: [{relationships: {to: "source('silver', 'patient')", field: patient_key}}]
"""
    [sketch], notes = read_sketches(text, "dbt")
    one, two, three = sketch.columns
    assert (one.type, one.unique, one.required) == ("long", True, True)
    assert two.enum == ("a", "b")
    assert three.references == ("silver.patient.patient_key",)
    assert {each for each in ("sources", "latest_version", "at_least_one") if each in "\n".join(notes)} == {
        "sources", "latest_version", "at_least_one",
    }  # fmt: skip


def test_json_schema_of_others_is_taken_over_as_far_as_it_goes():
    """An unanchored pattern keeps its meaning; nested objects and unknown words are named."""
    schema = {
        "properties": {
            "code": {"type": "string", "pattern": "^a|b$"},
            "when": {"type": "string", "format": "date-time"},
            "uuid": {"type": "string", "format": "uuid"},
            "inner": {"type": "object", "properties": {}},
            "many": {"type": "number", "multipleOf": 0.5},
        },
        "required": ["code"],
    }
    [sketch], notes = read_sketches(json.dumps(schema), "json-schema", "things")
    types = {column.name: column.type for column in sketch.columns}
    assert types == {
        "code": "string",
        "when": "timestamptz",
        "uuid": "string",
        "inner": "string",
        "many": "double",
    }
    pattern = sketch.columns[0].pattern
    with duckdb.connect() as session:
        asked = "SELECT [regexp_full_match(x, ?) FOR x IN ['ax', 'xb', 'xax', 'b', '']]".replace(
            "[regexp", "[regexp"
        )
        assert session.execute(asked, [pattern]).fetchone() == ([True, True, False, True, False],)
    told = "\n".join(notes)
    for part in ("uuid", "inner", "multipleOf"):
        assert part in told, part


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("text", ["", "{", "SELECT 1", "a: b", "[]", "null", "&a [*a]", "\x00"])
def test_what_is_no_declaration_is_a_usage_error(format_, text):
    """A text that is not of the format is said not to be, whatever it is."""
    with pytest.raises(UsageError):
        import_contracts(text, format_)
