"""Contracts over records: sources, keys, fields, formats, and the plans they give."""

# ruff: noqa: E501 - contracts stand here as people write them

import fnmatch
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a360.contract import (
    DateFormat,
    FieldPlan,
    RecordReferencePlan,
    assign_field_ids,
    make_plan,
    mend,
    parse_date_format,
)
from a360.contract._globs import glob_problem, globs_overlap
from a360.errors import UsageError

PLAIN = "customProperties: [{property: a360.sensitivity, value: phi}]"
HOUSEKEEPING = """\
      - {name: version_id, logicalType: string, physicalType: string, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: last_updated, logicalType: timestamp, physicalType: timestamptz, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: known_at, logicalType: timestamp, physicalType: timestamptz, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: commit_id, logicalType: string, physicalType: string, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: deleted, logicalType: boolean, physicalType: boolean, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: unresolved_references, logicalType: integer, physicalType: int, required: true, customProperties: [{property: a360.sensitivity, value: operational}]}
"""
MEMBERSHIP = (
    """\
apiVersion: v3.2.0
kind: DataContract
id: silver.membership
name: membership
version: 1.0.0
status: active
description: {purpose: "One row per membership."}
customProperties:
  - {property: a360.zone, value: silver}
  - property: a360.source
    value:
      record: membership
      kinds: [csv, parquet]
      files: ["memberships*"]
      key: [Member No]
      updated: Changed
      deleted: {field: State, values: [VOID]}
      delimiter: ";"
      decimal: ","
      thousands: "."
      zone: Europe/Berlin
      dedupWindow: P1DT12H
      eventTime: {name: Occurred, format: epoch-millis}
      footer: "^Total"
schema:
  - name: membership
    physicalName: silver.membership
    properties:
      - {name: source, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: membership_id, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2, customProperties: [{property: a360.sensitivity, value: phi}]}
      - name: patient_key
        logicalType: string
        physicalType: string
        relationships: [{type: foreignKey, to: patient.patient_key}]
        customProperties:
          - {property: a360.sensitivity, value: identifier}
          - {property: a360.token, value: patient}
          - property: a360.field
            value: {name: Patient, reference: {type: Patient, system: "urn:mrn"}}
      - name: starts_on
        logicalType: date
        physicalType: date
        customProperties:
          - {property: a360.sensitivity, value: phi}
          - {property: a360.field, value: {name: Start, aliases: [Begin], format: dd.MM.yyyy}}
      - name: changed_at
        logicalType: timestamp
        physicalType: timestamptz
        customProperties:
          - {property: a360.sensitivity, value: phi}
          - {property: a360.field, value: {name: Changed, aliases: [Modified], format: "dd.MM.yyyy HH:mm"}}
      - {name: fee, logicalType: number, physicalType: "decimal(9,2)", customProperties: [{property: a360.sensitivity, value: phi}, {property: a360.field, value: Monthly fee}]}
      - {name: status, logicalType: string, physicalType: string, customProperties: [{property: a360.sensitivity, value: phi}]}
"""
    + HOUSEKEEPING
)
VISIT = (
    MEMBERSHIP[: MEMBERSHIP.index("  - property: a360.source")].replace("membership", "member_event")
    + "  - {property: a360.source, value: {record: membership}}\n"
    + """\
schema:
  - name: member_event
    physicalName: silver.member_event
    properties:
      - {name: source, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 1, customProperties: [{property: a360.sensitivity, value: operational}]}
      - {name: member_event_id, logicalType: string, physicalType: string, required: true, primaryKey: true, primaryKeyPosition: 2, customProperties: [{property: a360.sensitivity, value: phi}]}
      - {name: screen, logicalType: string, physicalType: string, customProperties: [{property: a360.sensitivity, value: phi}, {property: a360.field, value: {path: [payload, screen]}}]}
"""
    + HOUSEKEEPING
)
FILE, OTHER = "silver/membership.yaml", "silver/member_event.yaml"

CASES = [
    ("C611", FILE, "  - property: a360.source", "  - {property: a360.view, value: encounter}\n  - property: a360.source", "a360.source"),
    ("C612", FILE, MEMBERSHIP[MEMBERSHIP.index("      kinds:"): MEMBERSHIP.index("schema:")], "", "a360.source"),
    ("C612", OTHER, "{record: membership}", "{record: membership, kinds: [csv], files: [x], key: [Member No]}", "a360.source"),
    ("C612", OTHER, "{record: membership}", "{record: visit}", "a360.source"),
    ("C613", OTHER, "{record: membership}", "{record: visit, kinds: [csv], files: ['*2024*'], key: [no]}", "a360.source"),
    ("C614", FILE, "      kinds: [csv, parquet]\n", "", "a360.source"),
    ("C614", FILE, '      files: ["memberships*"]\n', "", "a360.source"),
    ("C614", FILE, "      key: [Member No]\n", "", "a360.source"),
    ("C614", FILE, '["memberships*"]', '["in/memberships*"]', "files"),
    ("C614", FILE, '["memberships*"]', '["memberships[0-9]"]', "files"),
    ("C614", FILE, 'delimiter: ";"', 'delimiter: ";;"', "delimiter"),
    ("C614", FILE, 'delimiter: ";"', "delimiter: '\"'", "a360.source"),
    ("C614", FILE, '"^Total"', '"(Total"', "footer"),
    ("C614", FILE, 'thousands: "."', 'thousands: ","', "thousands"),
    ("C614", FILE, "zone: Europe/Berlin", "zone: Europe/Berlyn", "zone: Europe"),
    ("C614", FILE, "zone: Europe/Berlin", "zone: Europe/Berlin\n      trueWords: [ja]", "trueWords"),
    ("C614", FILE, "zone: Europe/Berlin", "zone: Europe/Berlin\n      trueWords: [ja]\n      falseWords: [JA]", "falseWords"),
    ("C614", FILE, "zone: Europe/Berlin", 'zone: Europe/Berlin\n      symbols: ["-"]', "symbols"),
    ("C614", FILE, "      eventTime: {name: Occurred, format: epoch-millis}\n", "", "dedupWindow"),
    ("C615", FILE, "format: dd.MM.yyyy}", "format: dd.MM}", "name: starts_on"),
    ("C615", FILE, "format: dd.MM.yyyy}", "format: epoch-seconds}", "name: starts_on"),
    ("C615", FILE, "      zone: Europe/Berlin\n", "", "name: changed_at"),
    ("C615", FILE, "value: Monthly fee", "value: {name: Monthly fee, format: dd.MM.yyyy}", "name: fee"),
    ("C615", FILE, "format: epoch-millis", "format: epoch", "eventTime"),
    ("C616", FILE, "primaryKey: true, primaryKeyPosition: 2, customProperties: [{property: a360.sensitivity, value: phi}", "primaryKey: true, primaryKeyPosition: 2, customProperties: [{property: a360.field, value: State}, {property: a360.sensitivity, value: phi}", "name: membership_id"),
    ("C616", FILE, "      - {name: status, logicalType", "      - {name: member_no, logicalType: string, physicalType: string, customProperties: [{property: a360.sensitivity, value: identifier}, {property: a360.field, value: Member No}]}\n      - {name: status, logicalType", "name: membership_id"),
    ("C616", FILE, "      - {name: fee, logicalType: number", "      - {name: fee, primaryKey: true, required: true, primaryKeyPosition: 3, logicalType: number", "properties"),
    ("C617", FILE, 'system: "urn:mrn"}}', 'system: "urn:mrn"}, path: [a]}', "name: patient_key"),
    ("C617", FILE, "type: Patient", "type: Practitioner", "name: patient_key"),
    ("C617", FILE, "aliases: [Begin]", "aliases: [Changed]", "name: changed_at"),
    ("C617", "silver/encounter.yaml", 'physicalType: "decimal(18,6)", customProperties: [', 'physicalType: "decimal(18,6)", customProperties: [{property: a360.field, value: x}, ', "name: cost"),
    ("C617", FILE, "{name: version_id, logicalType: string, physicalType: string, customProperties: [", "{name: version_id, logicalType: string, physicalType: string, customProperties: [{property: a360.field, value: x}, ", "name: version_id"),
]  # fmt: skip


@pytest.fixture
def lake(small_lake):
    """The small lake with two datasets of one record type."""
    small_lake.write(FILE, MEMBERSHIP)
    small_lake.write(OTHER, VISIT)
    assign_field_ids(small_lake.folder)
    return small_lake


def test_sound_records_have_no_faults(lake):
    """What is declared well is not complained of."""
    assert lake.lint() == []


@pytest.mark.parametrize(("code", "name", "old", "new", "target"), CASES)
def test_each_fault_of_records_is_found_with_its_code_and_line(lake, code, name, old, new, target):
    """A single mistake gives a fault of its code at its line."""
    lake.replace(name, old, new)
    found = [fault for fault in lake.lint() if fault.code == code]
    assert found, lake.lint()
    lines = lake.read(name).splitlines()
    expected = next(number for number, line in enumerate(lines, start=1) if target in line)
    assert expected in [fault.line for fault in found if Path(fault.file).name == Path(name).name], found


@pytest.mark.parametrize(
    "field", ["encoding: klingon", "kinds: [xml]", "skip: -1", "dedupWindow: P1M", "recordd: x"]
)
def test_unknown_words_of_a_source_are_found(lake, field):
    """A word that no part of the lake knows is a fault, not ignored."""
    key = field.split(":", maxsplit=1)[0]
    text = lake.read(FILE)
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(f"      {key}:")]
    lake.write(
        FILE, "".join(lines).replace("      key: [Member No]\n", f"      key: [Member No]\n      {field}\n")
    )
    assert next(fault.code for fault in lake.lint()) in {"C113", "C114"}


def test_neither_view_nor_source_is_a_fault(lake):
    """A silver dataset says where its rows come from."""
    lake.replace(OTHER, "  - {property: a360.source, value: {record: membership}}\n", "")
    assert "C112" in {fault.code for fault in lake.lint()}


def test_a_step_over_records_has_what_the_contract_says(lake):
    """The plan holds key column, fields by column, and how texts are read; its upstream are the records."""
    step = make_plan(lake.load()).step("silver.membership")
    assert step.upstream == ("bronze.record", "bronze.record_block")
    assert (step.records.record, step.records.id_column) == ("membership", "membership_id")
    assert (step.records.decimal, step.records.thousands, step.records.zone) == (",", ".", "Europe/Berlin")
    fields = {field.column: field for field in step.records.fields}
    assert list(fields) == ["patient_key", "starts_on", "changed_at", "fee", "status"]
    assert fields["starts_on"] == FieldPlan("starts_on", "date", ("Start", "Begin"), formats=("dd.MM.yyyy",))
    assert fields["patient_key"].reference == RecordReferencePlan("Patient", "urn:mrn")
    assert fields["status"].names == ("status",)


def test_a_reception_unites_the_datasets_of_a_record(lake):
    """Ingest learns of every field that some dataset is made of, and of nothing twice."""
    plan = make_plan(lake.load())
    (reception,) = plan.receptions
    assert reception == plan.reception("membership")
    assert reception.datasets == ("silver.membership", "silver.member_event")
    assert [field.column for field in reception.record.fields][-1] == "screen"
    assert [field.names for field in reception.key] == [("Member No",)]
    assert not reception.identifier
    # The column that holds the field says its aliases and formats.
    assert reception.updated == FieldPlan(
        "", "timestamptz", ("Changed", "Modified"), formats=("dd.MM.yyyy HH:mm",)
    )
    assert reception.event_time.formats == ("epoch-millis",)
    assert reception.record.dedup_window == 36 * 3600
    assert (reception.deleted.names, reception.deleted_values) == (("State",), ("VOID",))


def test_a_key_that_is_an_identifier_is_a_token_everywhere(lake):
    """Where a record's number identifies, its key and every reference to it are tokens of one domain."""
    lake.replace(FILE, "primaryKeyPosition: 2, customProperties: [{property: a360.sensitivity, value: phi}", "primaryKeyPosition: 2, customProperties: [{property: a360.token, value: record}, {property: a360.sensitivity, value: identifier}")  # fmt: skip
    lake.replace(OTHER, "primaryKeyPosition: 2, customProperties: [{property: a360.sensitivity, value: phi}", "primaryKeyPosition: 2, customProperties: [{property: a360.token, value: record}, {property: a360.sensitivity, value: identifier}")  # fmt: skip
    lake.replace(OTHER, "{name: screen, logicalType: string, physicalType: string, customProperties: [{property: a360.sensitivity, value: phi}", "{name: screen, logicalType: string, physicalType: string, relationships: [{type: foreignKey, to: membership.membership_id}], customProperties: [{property: a360.token, value: record}, {property: a360.sensitivity, value: identifier}")  # fmt: skip
    assign_field_ids(lake.folder)
    plan = make_plan(lake.load())
    assert plan.reception("membership").identifier
    (screen,) = plan.step("silver.member_event").records.fields
    assert screen.record == "membership"


def test_how_files_are_read_is_no_part_of_a_step(lake):
    """Silver is not computed anew because files come in another encoding, but is when dates are read otherwise."""
    before = make_plan(lake.load())
    lake.replace(FILE, 'delimiter: ";"', 'delimiter: "|"')
    after = make_plan(lake.load())
    assert before.step("silver.membership").fingerprint == after.step("silver.membership").fingerprint
    assert before.fingerprint != after.fingerprint
    lake.replace(FILE, "format: dd.MM.yyyy}", "format: MM.dd.yyyy}")
    changed = make_plan(lake.load())
    assert before.step("silver.membership").fingerprint != changed.step("silver.membership").fingerprint


def test_keys_of_a_source_in_snake_case_are_mended(lake):
    """`event_time` can mean one key only, so that `lint --fix` writes that one."""
    lake.replace(FILE, "eventTime:", "event_time:")
    assert {fault.code for fault in lake.lint()} >= {"C114"}
    mend(lake.folder)
    assert lake.lint() == []


def test_an_unknown_record_type_is_named_with_the_known_ones(lake):
    """Who asks for a record type that is not declared is told those that are."""
    with pytest.raises(UsageError, match="membership"):
        make_plan(lake.load()).reception("member")


GLOBS = st.text(alphabet="ab?*", max_size=6)


@given(GLOBS, GLOBS, st.text(alphabet="ab", max_size=8))
def test_patterns_that_one_name_fits_overlap(one, other, name):
    """Where a name fits both patterns they are said to overlap, whichever is named first."""
    if fnmatch.fnmatchcase(name, one) and fnmatch.fnmatchcase(name, other):
        assert globs_overlap(one, other)
    assert globs_overlap(one, other) == globs_overlap(other, one)


@given(st.text(alphabet="ab?", max_size=5), st.text(alphabet="ab?", max_size=5))
def test_patterns_without_stars_overlap_only_if_some_name_fits_both(one, other):
    """No overlap is invented: patterns of fixed length overlap where no place holds two different letters."""
    fits = len(one) == len(other) and all(x == y or "?" in (x, y) for x, y in zip(one, other, strict=True))
    assert globs_overlap(one, other) == fits


def test_case_makes_no_other_file():
    """A pattern in capitals overlaps with the same in small letters."""
    assert globs_overlap("Visits*", "VISITS_2024*")
    assert not globs_overlap("visits*.csv", "payments*")
    assert glob_problem(" visits")


@pytest.mark.parametrize("pattern", ["dd/MM/yyyy", "M/d/yy H:mm", "yyyyMMddHHmmss", "d MMM yyyy h:mm a", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "epoch-seconds", "MMMM d, yyyy", "yyyy''MM''dd"])  # fmt: skip
def test_formats_that_clinics_use_are_formats(pattern):
    """A pattern that says day, month and year, and a time without gaps, is one."""
    parsed = parse_date_format(pattern)
    assert isinstance(parsed, DateFormat)
    assert replace(parsed, pattern="") == replace(parse_date_format(pattern), pattern="")


@pytest.mark.parametrize(("pattern", "why"), [("dd/MM", "year"), ("dMMyyyy", "ends"), ("hh:mm dd/MM/yyyy", "half"), ("dd/MM/yyyy mm", "hour"), ("dd/dd/yyyy", "twice"), ("dd/MM/yyyy Q", "Q"), ("dd/MM/yyyy 'at", "quote"), ("%d/%m/%Y", "means nothing"), ("", "year"), ("dd.MM.yyyy HH", "minute")])  # fmt: skip
def test_what_is_no_format_is_told_why(pattern, why):
    """A pattern that leaves out a part, or could be read in two ways, is none."""
    problem = parse_date_format(pattern)
    assert isinstance(problem, str)
    assert why in problem
