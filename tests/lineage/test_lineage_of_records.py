"""The lineage of datasets that are made of records: by the fields that contracts name."""

import pytest

from a360.contract import load_contracts, make_plan
from a360.lineage import Field, LakeLineage, Use, lineage_of


@pytest.fixture(scope="module")
def plan():
    """The plan of the shipped contracts."""
    return make_plan(load_contracts())


def _steps(plan):
    return [step for step in plan.steps if step.kind == "silver" and step.records]


def test_every_column_of_a_record_leads_to_its_field(plan):
    """A column's value comes from the field its contract names, through bronze, and from nothing else."""
    lineage = LakeLineage.of(plan)
    for step in _steps(plan):
        record = step.records.record
        for field in step.records.fields:
            name = ".".join(field.path) or field.names[0]
            assert lineage.elements(Field(step.dataset, field.column)) == [f"{record}.{name}"]


def test_the_key_and_the_version_lead_to_the_fields_ingest_draws_them_from(plan):
    """A record's key comes from its key fields, and its time of change from the field that says it."""
    lineage = LakeLineage.of(plan)
    for step in _steps(plan):
        reception = plan.reception(step.records.record)
        key = lineage.elements(Field(step.dataset, step.records.id_column))
        assert key == sorted(f"{reception.name}.{field.names[0]}" for field in reception.key)
        if reception.updated:
            updated = lineage.elements(Field(step.dataset, "last_updated"))
            assert f"{reception.name}.{reception.updated.names[0]}" in updated


def test_a_record_type_and_its_fields_can_be_asked_for(plan):
    """What goes into silver can be followed from the record type and from a field of it."""
    step = _steps(plan)[0]
    record = step.records.record
    view = lineage_of(plan, f"record.{record}")
    assert step.dataset in {edge.target for edge in view.down}
    field = next(field for field in step.records.fields if not field.path)
    down = lineage_of(plan, f"record.{record}.{field.names[0]}").down
    assert Field(step.dataset, field.column) in {edge.target for edge in down}


def test_resources_and_records_do_not_mix(plan):
    """A dataset of resources comes from no record, and one of records from no resource by its values."""
    lineage = LakeLineage.of(plan)
    assert lineage.types_of("silver.patient") == {"fhir.Patient"}
    for step in _steps(plan):
        assert lineage.types_of(step.dataset) == {f"record.{step.records.record}"}
        direct = {
            each.dataset
            for inputs in lineage.datasets[step.dataset].columns.values()
            for each, uses in inputs.items()
            if uses & {Use.IDENTITY, Use.TRANSFORMATION}
        }
        assert direct == {"bronze.record"}
