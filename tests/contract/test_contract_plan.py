"""The plan: what contracts declare, what is derived, the order of steps, and no chance in any of it."""

import dataclasses
import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import (
    HOUSEKEEPING,
    ColumnPlan,
    GoldStep,
    PartitionPlan,
    ReferencePlan,
    RefreshPlan,
    RetentionPlan,
    SilverStep,
    SortPlan,
    default_contracts,
    load_contracts,
    make_plan,
)
from a360.contract._references import circle, in_order
from a360.errors import OperatorError, UsageError

OPS = (
    "run",
    "run_step",
    "ingested_file",
    "quality_result",
    "lineage_event",
    "amendment",
    "catalog_metric",
    "identity",
    "legal_hold",
    "erased",
    "commit",
)


@pytest.fixture
def plan(small_lake):
    """The plan of the small lake."""
    return make_plan(small_lake.load())


def test_tables_are_declared_or_derived(plan):
    """Each contract is a table, each silver dataset has a quarantine, and every lake has its accounts."""
    assert [table.dataset for table in plan.tables] == [
        "gold.visits",
        "silver.encounter",
        "silver.patient",
        "quarantine.encounter",
        "quarantine.patient",
        *(f"ops.{name}" for name in OPS),
    ]
    assert [zone.name for zone in plan.zones] == ["bronze", "silver", "gold", "quarantine", "ops"]


def test_a_table_is_as_its_contract_says(plan):
    """Columns, key, layout, retention, tags and version come out of the contract."""
    table = plan.table("silver.encounter")
    assert table.key == ("source", "encounter_id")
    assert table.partition == (PartitionPlan("started_at", "month"),)
    assert table.sort == (SortPlan("patient_key"), SortPlan("started_at", descending=True))
    assert table.retention == RetentionPlan("P10Y", "P30D", 5)
    assert (table.format_version, table.history, table.version) == (2, False, "1.0.0")
    assert table.column("cost").type == "decimal(18,6)"
    assert table.column("patient_key") == ColumnPlan(
        name="patient_key",
        type="string",
        required=False,
        field_id=3,
        sensitivity="identifier",
        token="patient",
        references=(ReferencePlan("patient_key", "silver.patient", "patient_key", "Patient"),),
    )
    assert [column.name for column in table.columns[-6:]] == [name for name, _, _ in HOUSEKEEPING]
    assert plan.table("silver.patient").tags == ("domain:patient",)
    assert table.properties["a360.contract"] == "silver.encounter"
    with pytest.raises(KeyError):
        table.column("nothing")


def test_a_silver_table_requires_only_what_tombstones_have(small_lake):
    """The row of a deleted resource has its key and housekeeping alone; the rest is a rule of living rows."""
    small_lake.replace("silver/encounter.yaml", "{name: cost,", "{name: cost, required: true,")
    plan = make_plan(small_lake.load())
    required = {column.name for column in plan.table("silver.encounter").columns if column.required}
    assert required == {
        "source", "encounter_id", "known_at", "commit_id", "deleted", "unresolved_references"
    }  # fmt: skip
    assert "cost_required" in {rule.name for rule in plan.step("silver.encounter").rules}
    visits = plan.table("gold.visits")
    assert [column.name for column in visits.columns if column.required] == ["patient_key"]


def test_derived_tables_have_the_columns_later_work_relies_on(plan):
    """Quarantine and accounts have the agreed columns; what is sealed is an identifier."""
    quarantine = plan.table("quarantine.patient")
    assert quarantine.column_names == (
        "dataset", "source", "file", "offset", "rule", "reason", "payload", "commit_id", "known_at"
    )  # fmt: skip
    assert plan.table("ops.ingested_file").column_names == (
        "file", "digest", "path", "source", "bytes", "read", "landed", "quarantined", "duplicates",
        "unchanged", "superseded", "filtered", "commit_id", "known_at", "kind", "reading",
    )  # fmt: skip
    sealed = [column for table in plan.tables for column in table.columns if column.type == "binary"]
    assert {column.sensitivity for column in sealed} == {"identifier"}
    for name in OPS:
        table = plan.table(f"ops.{name}")
        assert table.key
        assert [column.field_id for column in table.columns] == list(range(1, len(table.columns) + 1))


def test_steps_come_after_what_they_need(plan):
    """A dataset is made after those it refers to or reads; silver carries its views, gold its model."""
    assert [step.dataset for step in plan.steps] == ["silver.patient", "silver.encounter", "gold.visits"]
    encounter, visits = plan.step("silver.encounter"), plan.step("gold.visits")
    assert isinstance(encounter, SilverStep)
    assert encounter.resource_type == "Encounter"
    assert [(view.name, view.resource_type) for view in encounter.views] == [("encounter", "Encounter")]
    assert encounter.views[0].definition["resourceType"] == "ViewDefinition"
    assert encounter.references == (ReferencePlan("patient_key", "silver.patient", "patient_key", "Patient"),)
    assert isinstance(visits, GoldStep)
    assert visits.upstream == ("silver.encounter", "silver.patient")
    assert visits.refresh == RefreshPlan("by_key", ("patient_key",))
    assert visits.sql.startswith("-- Visits of each patient.\nWITH seen AS")


def test_a_step_over_several_views_keeps_each_resource_type(small_lake):
    """A dataset may be fed by views of several resource types; references to it then name none."""
    other = small_lake.read("views/patient.json").replace('"Patient"', '"RelatedPerson"')
    small_lake.write("views/related.json", other)
    small_lake.replace(
        "silver/patient.yaml", "a360.view, value: patient}", "a360.view, value: [patient, related]}"
    )
    plan = make_plan(small_lake.load())
    step = plan.step("silver.patient")
    assert step.resource_types == ("Patient", "RelatedPerson")
    assert step.resource_type is None
    assert plan.table("silver.encounter").references[0].resource_type == ""


def test_the_policy_is_resolved_to_datasets_and_columns(plan):
    """Zones, tags and sensitivities in grants and masks become the names of what they reach."""
    by_zone, by_tag = plan.policy.grants
    assert by_zone.datasets == ("gold.visits",)
    assert by_tag.datasets == ("silver.patient",)
    hide, born = plan.policy.masks
    assert "silver.encounter.patient_key" in hide.columns
    assert "quarantine.patient.payload" in hide.columns
    assert "silver.encounter.cost" not in hide.columns
    assert born.columns == ("silver.patient.birth_date",)
    assert plan.policy.filters[0].where == "visits > :least"


def test_the_same_contracts_give_the_same_plan(small_lake, plan):
    """A plan depends on nothing but its contracts: neither order, nor process, nor hash seed."""
    again = make_plan(small_lake.load())
    assert again == plan
    code = (
        "import sys; from a360.contract import load_contracts, make_plan; "
        "print(make_plan(load_contracts(sys.argv[1])).fingerprint)"
    )
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code, str(small_lake.folder)],
            capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed},
        )  # fmt: skip
        assert run.stdout.strip() == plan.fingerprint


@pytest.mark.parametrize(
    ("name", "old", "new", "step", "table"),
    [
        ("silver/encounter.yaml", "status: active\n", "status: active  # since May\n", False, False),
        ("views/encounter.json", '"status": "active",', '"status":   "active",', False, False),
        ("views/encounter.json", '"path": "id"', '"path": "identifier"', True, True),
        ("silver/encounter.yaml", "One row per encounter", "A row per encounter", False, True),
        ("silver/encounter.yaml", "value: P10Y", "value: P11Y", False, True),
    ],
)
def test_fingerprints_change_with_what_is_planned_and_with_nothing_else(
    small_lake, plan, name, old, new, step, table
):
    """A comment changes no fingerprint; a view its step's, which the table notes; a contract its table's."""
    small_lake.replace(name, old, new)
    after = make_plan(small_lake.load())
    changed = plan.step("silver.encounter").fingerprint != after.step("silver.encounter").fingerprint
    assert changed == step
    changed = plan.table("silver.encounter").fingerprint != after.table("silver.encounter").fingerprint
    assert changed == table
    assert (plan.fingerprint != after.fingerprint) == (step or table)


def test_a_plan_is_frozen(plan):
    """Nobody changes a plan in passing."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.tables[0].name = "other"


def test_an_unknown_dataset_is_named_with_the_known_ones(plan):
    """A wrong name is answered by the right ones."""
    with pytest.raises(UsageError, match=r"silver\.encounter"):
        plan.table("silver.visit")
    with pytest.raises(UsageError, match=r"gold\.visits"):
        plan.step("silver.visit")


def test_environments_are_found_by_name(small_lake):
    """An environment is a file beside the contracts; `local` needs none."""
    small_lake.write(
        "../environments/staging.yaml",
        "name: staging\nkind: aws\naccount: '123456789012'\nregion: eu-west-1\n"
        "endpoints: {s3: 'https://localhost:4566'}\nalerts: {emails: [a@b.example]}\n",
    )
    contracts = small_lake.load()
    assert make_plan(contracts).environment == "local"
    assert make_plan(contracts, "staging").environment == "staging"
    assert contracts.environment("staging").endpoints == {"s3": "https://localhost:4566"}
    with pytest.raises(OperatorError, match="staging"):
        contracts.environment("prod")


def test_the_contracts_at_hand_are_the_default(small_lake, monkeypatch):
    """`./contracts` is used where it holds a lake."""
    monkeypatch.chdir(small_lake.folder.parent)
    assert default_contracts().resolve() == small_lake.folder
    assert set(load_contracts().datasets) == {"gold.visits", "silver.encounter", "silver.patient"}


NEEDS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.lists(st.sampled_from("abcdefgh"), max_size=4), max_size=8
)


@settings(deadline=None)
@given(NEEDS)
def test_the_order_respects_every_need_outside_of_circles(needs):
    """Each name comes once, after all it needs unless both lie in one circle."""
    order = in_order(needs)
    assert sorted(order) == sorted(needs)
    if not circle({name: [other for other in others if other != name] for name, others in needs.items()}):
        for name, others in needs.items():
            for other in set(others) & set(needs) - {name}:
                assert order.index(other) < order.index(name)


@settings(deadline=None)
@given(NEEDS)
def test_a_circle_is_one(needs):
    """A reported circle goes from need to need and ends where it began; none is missed."""
    found = circle(needs)
    if found:
        assert found[0] == found[-1]
        assert all(after in needs[name] for name, after in pairwise(found))
        return
    left = dict(needs)
    while True:  # what needs nothing that is left goes; without a circle all goes
        free = [name for name, others in left.items() if not set(others) & set(left)]
        if not free:
            break
        for name in free:
            del left[name]
    assert left == {}
