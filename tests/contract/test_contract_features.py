"""Feature tables: what a feature store cannot hold is found before anything is made."""

import pytest

from a360.contract import FeaturePlan, load_contracts, make_plan

FEATURES = "  - {property: a360.features, value: true}\n"
GOLD = "gold/visits.yaml"
COUNT = "{name: visits, logicalType: integer, physicalType: long,"


@pytest.fixture
def codes(small_lake):
    """Makes the gold dataset a feature table, and tells the faults that it then has."""

    def declare(*changes, file=GOLD, before="  - {property: a360.model"):
        small_lake.replace(file, before, FEATURES + before)
        for old, new in changes:
            small_lake.replace(GOLD, old, new)
        return {fault.code for fault in small_lake.lint()}

    return declare


def test_a_table_with_one_key_is_planned_as_features(codes, small_lake):
    """The plan names the dataset, and the column that its features are found by."""
    assert make_plan(small_lake.load()).features == ()
    assert codes() == set()
    assert make_plan(small_lake.load()).features == (FeaturePlan("gold.visits", "patient_key"),)


def test_features_belong_to_gold(codes):
    """A silver dataset is no feature table."""
    assert codes(file="silver/patient.yaml", before="  - {property: a360.view") == {"C210"}


def test_a_key_of_several_columns_finds_no_record(codes):
    """A feature store finds a record by one value."""
    key = COUNT + " required: true, primaryKey: true, primaryKeyPosition: 2,"
    first = (
        "primaryKey: true, customProperties",
        "primaryKey: true, primaryKeyPosition: 1, customProperties",
    )
    assert "C331" in codes((COUNT, key), first)


@pytest.mark.parametrize("name", ["event_time", "is_deleted", "write_time", "api_invocation_time"])
def test_columns_that_stores_have_themselves_are_refused(codes, name):
    """A column that would hide one of the store's own is named."""
    assert "C331" in codes((COUNT, COUNT.replace("visits", name)))


def test_a_feature_is_no_bytes(codes):
    """A binary column belongs in no feature table."""
    binary = "{name: visits, logicalType: string, physicalType: binary,"
    assert "C331" in codes((COUNT, binary))


def test_our_feature_table_is_patients_at_a_glance():
    """Of the contracts of this repository one dataset is a feature table."""
    assert make_plan(load_contracts()).features == (FeaturePlan("gold.patient_360", "patient_key"),)
