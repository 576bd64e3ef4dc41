"""Every gold column is traced to its FHIR elements, and what changes it is among what lineage names."""

import random

import duckdb
import pytest

import a360
from a360.contract import GoldStep, default_contracts, load_contracts, make_plan
from a360.errors import UsageError
from a360.lineage import Field, LakeLineage, Use
from a360.synth import generate

# What a person finds who reads view and model: elements that the value is made of.
BY_HAND = {
    "gold.patient_360.gender": {"Patient.gender"},
    "gold.patient_360.birth_year": {"Patient.birthDate"},
    "gold.patient_360.postal_code3": {"Patient.address.postalCode"},
    "gold.patient_360.deceased": {"Patient.deceasedBoolean", "Patient.deceasedDateTime"},
    "gold.patient_360.first_visit_date": {"Encounter.period.start"},
    "gold.patient_360.visit_minutes": {"Encounter.period.start", "Encounter.period.end"},
    "gold.patient_360.toxin_units": {"Procedure.extension.valueQuantity.value"},
    "gold.patient_360.last_gais_score": {"Observation.valueQuantity.value"},
    "gold.patient_360.last_adverse_event_date": {"AdverseEvent.date"},
    "gold.patient_360.last_treatment_code": {"Procedure.code.coding.code"},
    "gold.visit_facts.patient_age": {"Encounter.period.start", "Patient.birthDate"},
    "gold.visit_facts.duration_minutes": {"Encounter.period.start", "Encounter.period.end"},
    "gold.visit_facts.location_name": {"Location.name"},
    "gold.visit_facts.practitioner_name": {"Practitioner.name.given", "Practitioner.name.family"},
    "gold.visit_facts.appointment_status": {"Appointment.status"},
    "gold.treatment_outcomes.baseline_severity": {"Observation.valueQuantity.value"},
    "gold.treatment_outcomes.severity_change": {"Observation.valueQuantity.value"},
    "gold.treatment_outcomes.lot_number": {"Procedure.extension.valueString"},
    "gold.treatment_outcomes.first_adverse_event_date": {"AdverseEvent.date"},
    "gold.provider_utilisation.booked_minutes": {"Appointment.minutesDuration"},
    "gold.provider_utilisation.qualification": {"Practitioner.qualification.code.coding.display"},
}
# A count is made of no value: it comes from what decides which rows are counted.
DECIDED = {
    "gold.patient_360.visits": {"Encounter.status"},
    "gold.patient_360.no_shows": {"Appointment.status"},
    "gold.patient_360.consents_to_marketing": {"Consent.status", "Consent.provision.type"},
    "gold.patient_360.serious_adverse_events": {
        "AdverseEvent.actuality",
        "AdverseEvent.seriousness.coding.code",
    },
    "gold.patient_360.last_gais_score": {"Observation.code.coding.code", "Observation.effectiveDateTime"},
    "gold.patient_360.age_band": {"Patient.birthDate", "Encounter.period.start"},
    "gold.provider_utilisation.patients": {"Encounter.subject.reference", "Encounter.status"},
    "gold.visit_facts.treatments": {"Procedure.category.coding.code", "Procedure.status"},
}
NOT_FROM_FHIR = {"source", "record_type", "known_at", "commit_id", "method", "model_version"}


@pytest.fixture(scope="module")
def plan():
    """The shipped plan."""
    return make_plan(load_contracts(default_contracts()), "local")


@pytest.fixture(scope="module")
def lineage(plan):
    """Its lineage."""
    return LakeLineage.of(plan)


def field(name):
    """The field of a column's full name."""
    dataset, _, column = name.rpartition(".")
    return Field(dataset, column)


@pytest.mark.parametrize("name", BY_HAND)
def test_values_come_from_the_elements_found_by_hand(lineage, name):
    """The elements that a value is made of are those that a person finds."""
    assert set(lineage.elements(field(name))) == BY_HAND[name]


@pytest.mark.parametrize("name", DECIDED)
def test_decisions_come_from_the_elements_found_by_hand(lineage, name):
    """The elements that decide a value are among those that lineage names for it."""
    assert set(lineage.elements(field(name), direct=False)) >= DECIDED[name]


def test_every_gold_column_leads_to_fhir(lineage):
    """No gold column ends before what came in, but the source's name, and words of a model or a job."""
    columns = [
        Field(name, column)
        for name in lineage.datasets
        if name.startswith("gold.")
        for column in lineage.fields(name)
    ]
    ends = {each.column for each in columns if not lineage.elements(each, direct=False)}
    assert len(columns) > 150
    assert ends == NOT_FROM_FHIR


def test_the_other_way_round(lineage):
    """A column is downstream of an element if and only if the element is upstream of the column."""
    birth = lineage.node("Patient.birthDate")
    down = {edge.target for edge in lineage.reach([birth], "down")}
    for name in ("gold.visit_facts.patient_age", "gold.patient_360.age_band"):
        assert field(name) in down
    for each in (each for each in down if each.zone == "gold"):
        assert "Patient.birthDate" in lineage.elements(each, direct=False)


def test_rows_of_patient_360_are_chosen_by_the_patient_alone(lineage):
    """What is joined to a patient at most once chooses no rows: no other resource adds or takes a patient."""
    assert {each.dataset for each in lineage.datasets["gold.patient_360"].rows} == {"silver.patient"}


@pytest.mark.parametrize(
    "name", ["gold.nothing", "gold.visit_facts.nothing", "Patient.nothing", "Unicorn", "", ".", "gold"]
)
def test_what_is_not_there_is_told(lineage, name):
    """A name that is nowhere is a fault of who asks, and the answer says what there is."""
    with pytest.raises(UsageError, match="unknown-dataset"):
        lineage.node(name)


@pytest.fixture(scope="module")
def silver(tmp_path_factory):
    """A DuckDB connection with the silver tables of a generated lake, to be changed."""
    folder = tmp_path_factory.mktemp("differential")
    generate(folder / "in", patients=5, seed=11, dirty=0.0)
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA silver")
    with a360.open(folder / "lake", contracts=default_contracts()) as lake:
        lake.ingest(folder / "in")
        lake.run(*(step.dataset for step in lake.lake_plan.steps if step.kind == "silver"))
        for table in (table for table in lake.lake_plan.tables if table.namespace == "silver"):
            rows = lake.table(table.dataset)
            connection.register("rows", rows)
            connection.execute(f"CREATE TABLE {table.dataset} AS FROM rows")
            connection.unregister("rows")
    yield connection
    connection.close()


CHANGES = {
    "string": "CASE WHEN {c} IS NULL THEN 'x' WHEN hash(rowid) % 3 = 0 THEN NULL ELSE {c} || 'x' END",
    "boolean": "NOT coalesce({c}, FALSE)",
    "date": "CASE WHEN hash(rowid) % 4 = 0 THEN NULL ELSE {c} - 400 * (1 + CAST(hash(rowid) % 3 AS INT)) END",
    "timestamptz": "CASE WHEN hash(rowid) % 4 = 0 THEN NULL ELSE {c} - INTERVAL 400 DAY * (1 + hash(rowid) % 3) END",  # noqa: E501
}
SAMPLE = 35  # columns changed for each model: each costs a run of it
NUMBER = "CASE WHEN hash(rowid) % 4 = 0 THEN NULL ELSE coalesce({c}, 0) + 1 END"


def answer(connection, table, sql):
    """What a model gives: how often each key comes, each column by key, and each column by itself."""
    rows = connection.sql(sql).to_arrow_table().to_pylist()
    keys = [str([row[name] for name in table.key]) for row in rows]
    alone = {name: sorted(str(row[name]) for row in rows) for name in table.column_names}
    keyed = {
        name: sorted((key, str(row[name])) for key, row in zip(keys, rows, strict=True))
        for name in table.column_names
    }
    return sorted(keys), keyed, alone


@pytest.mark.parametrize(
    "model", ["patient_360", "visit_facts", "treatment_outcomes", "provider_utilisation"]
)
def test_what_changes_is_what_lineage_names(silver, plan, lineage, model):
    """Change one silver column: every gold column that is another then has that column among its inputs."""
    step = next(each for each in plan.steps if isinstance(each, GoldStep) and each.model == model)
    table, made = plan.table(step.dataset), lineage.datasets[step.dataset]
    keys, keyed, alone = answer(silver, table, step.sql)
    assert keys
    told, seen = 0, 0
    fields = [(dataset, each) for dataset in step.upstream for each in plan.table(dataset).columns]
    read = [(dataset, each) for dataset, each in fields if each.name in step.sql]
    for dataset, column in random.Random(model).sample(read, min(len(read), SAMPLE)):
        source = Field(dataset, column.name)
        told += 1
        if source in made.rows:
            continue
        change = CHANGES.get(column.type, NUMBER).format(c=f'"{column.name}"')
        silver.execute("BEGIN")
        silver.execute(f'UPDATE {dataset} SET "{column.name}" = {change}')
        keys_after, keyed_after, alone_after = answer(silver, table, step.sql)
        silver.execute("ROLLBACK")
        if any(source in made.columns[name] for name in table.key):
            # The keys are others, so that a column can only be held against itself.
            assert len(keys_after) == len(keys)
            before, after = alone, alone_after
        else:
            assert keys_after == keys, f"{source} chooses rows, and lineage does not say so"
            before, after = keyed, keyed_after
        changed = {name for name in before if before[name] != after[name]}
        assert {name for name in changed if source not in made.columns[name]} == set(), source
        seen += bool(changed)
    assert told > 10
    assert seen > told / 5  # a change that shows nowhere proves nothing


def test_uses_say_how(lineage):
    """A copy, a computation, an aggregate, a condition, a filter and a join are told apart."""
    visits = lineage.datasets["gold.visit_facts"].columns
    patients = lineage.datasets["gold.patient_360"].columns
    assert visits["status"][Field("silver.encounter", "status")] == {Use.IDENTITY}
    assert Use.TRANSFORMATION in visits["patient_age"][Field("silver.patient", "birth_date")]
    assert patients["visit_minutes"][Field("silver.encounter", "end_at")] == {Use.AGGREGATION}
    assert Use.CONDITIONAL in patients["toxin_units"][Field("silver.procedure", "unit")]
    assert patients["visits"][Field("silver.encounter", "status")] == {Use.FILTER}
    assert Use.JOIN in visits["location_name"][Field("silver.location", "location_id")]
    assert Use.WINDOW in visits["visit_number"][Field("silver.encounter", "start_at")]
