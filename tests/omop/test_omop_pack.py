"""The OMOP pack on generated and on real data, against an ETL in plain Python."""

from collections import Counter

import pytest
import yaml
from lakes import CONTRACTS, data_folder, made_once
from plain_etl import expected, persons, rows_of
from small_vocabulary import CVX, LOINC, RXNORM, SNOMED, SmallVocabulary, of_the_clinics

import a360
from a360.cli._vocabulary_notes import vocabulary_notes
from a360.contract import FaultyContractsError, load_contracts, make_plan
from a360.operate import OMOP_COVERAGE
from a360.synth import generate

TABLES = {
    "condition_occurrence": ("condition", "condition_start_date"),
    "procedure_occurrence": ("procedure", "procedure_date"),
    "drug_exposure": ("drug", "drug_exposure_start_date"),
    "device_exposure": ("device", "device_exposure_start_date"),
    "measurement": ("measurement", "measurement_date"),
    "observation": ("observation", "observation_date"),
}
PACK = CONTRACTS / "packs" / "omop" / "gold"


def of_synthea(lake):
    """A vocabulary for what the real data is coded with: every second code maps."""
    made = SmallVocabulary()
    wanted = {
        SNOMED: ("condition", "code", "Condition"),
        LOINC: ("observation", "code", "Measurement"),
        RXNORM: ("medication_request", "medication_code", "Drug"),
        CVX: ("immunization", "vaccine_code", "Drug"),
    }
    for system, (dataset, column, domain) in wanted.items():
        codes = {row[column] for row in rows_of(lake, dataset) if row[f"{column}_system"] == system}
        for place, code in enumerate(sorted(codes)):
            made.code(system, code, *([domain] if place % 2 else []), domain=domain)
    return made


def _open(folder):
    return a360.open(folder / "lake", contracts=CONTRACTS, packs="omop")


def _generated(folder):
    generate(folder / "data", patients=20, seed=11, dirty=0.0, kinds=())
    with _open(folder) as lake:
        lake.ingest(folder / "data")
        lake.run()
        lake.load_vocabulary("omop", of_the_clinics().write(folder / "athena"))
        lake.run()


def _real(data):
    def make(folder):
        with _open(folder) as lake:
            lake.ingest(data)
            lake.run()
            lake.load_vocabulary("omop", of_synthea(lake).write(folder / "athena"))
            lake.run()

    return make


@pytest.fixture(scope="module", params=["generated", "synthea"])
def mapped(request, tmp_path_factory):
    """A lake with the pack and a small vocabulary, and that vocabulary."""
    if request.param == "generated":
        folder = made_once(tmp_path_factory, "omop-generated", _generated)
    else:
        data = data_folder("fhir-synthea-10")
        folder = made_once(tmp_path_factory, "omop-synthea", _real(data))
    with _open(folder) as lake:
        yield lake, of_the_clinics() if request.param == "generated" else of_synthea(lake)


def test_each_table_has_what_plain_python_gives(mapped):
    """Every event is in the table of its concept's domain, with this concept and that of its code."""
    lake, vocabulary = mapped
    wanted, _ = expected(lake, vocabulary)
    found = Counter()
    for table, (prefix, _) in TABLES.items():
        for row in lake.table(f"gold.{table}").to_pylist():
            found[table, row[f"{prefix}_concept_id"], row[f"{prefix}_source_concept_id"]] += 1
    assert found == wanted
    assert sum(found.values()) > 300


def test_the_share_of_mapped_codes_is_that_of_plain_python(mapped):
    """What the coverage counts as mapped is what has a standard concept, for each kind of record."""
    lake, vocabulary = mapped
    _, wanted = expected(lake, vocabulary)
    found = Counter()
    for row in lake.table("gold.omop_mapping_coverage").to_pylist():
        found[row["origin"], True] += row["mapped"]
        found[row["origin"], False] += row["records"] - row["left_out"] - row["mapped"]
    assert +found == +wanted
    assert any(is_mapped for _, is_mapped in wanted)


def test_a_code_that_maps_to_several_concepts_gives_a_row_for_each(tmp_path_factory):
    """Two standard concepts of one code are two rows with ids of their own; one may lie in another table."""
    folder = made_once(tmp_path_factory, "omop-generated", _generated)
    with _open(folder) as lake:
        rows = lake.query(
            "SELECT origin_id, count(*) AS n, count(DISTINCT event_id) AS ids, "
            "count(DISTINCT target) AS targets "
            "FROM gold.omop_event WHERE code IN ('L57.4', 'L98.8') GROUP BY origin_id"
        ).to_pylist()
    assert rows
    assert all((row["n"], row["ids"]) == (2, 2) for row in rows)
    assert {row["targets"] for row in rows} == {1, 2}


def test_required_columns_hold_no_null(mapped):
    """What CDM 5.4 requires is there in every row of every table."""
    lake, _ = mapped
    for file in sorted(PACK.glob("*.yaml")):
        declared = yaml.safe_load(file.read_text())["schema"][0]["properties"]
        table = lake.table(f"gold.{file.stem}")
        for column in declared:
            if column.get("required"):
                assert table[column["name"]].null_count == 0, (file.stem, column["name"])


def test_references_lead_to_rows(mapped):
    """Persons, visits, providers and care sites that a row names are there, and no id stands twice."""
    lake, _ = mapped
    targets = {"person_id": "person", "visit_occurrence_id": "visit_occurrence", "provider_id": "provider"}
    ids = {name: lake.table(f"gold.{table}")[name].to_pylist() for name, table in targets.items()}
    assert all(len(set(found)) == len(found) for found in ids.values())
    named = {name: set(found) for name, found in ids.items()}
    used = 0
    for table in (*TABLES, "visit_occurrence", "observation_period", "note", "death"):
        rows = lake.table(f"gold.{table}")
        for name in set(targets) & set(rows.column_names):
            found = set(rows[name].drop_null().to_pylist())
            assert found <= named[name], (table, name)
            used += len(found)
    assert used > 50
    assert len(named["person_id"]) == len(persons(lake))


def test_a_visit_belongs_to_the_person_of_its_events(mapped):
    """An event and the visit it names have the same person."""
    lake, _ = mapped
    wrong = lake.query(
        "SELECT count(*) AS n FROM gold.omop_event AS e JOIN gold.visit_occurrence AS v "
        "ON v.visit_occurrence_id = e.visit_occurrence_id WHERE v.person_id <> e.person_id"
    )
    assert wrong["n"].to_pylist() == [0]


def test_periods_cover_all_events(mapped):
    """Each person with an event has one period, and no event of any table lies outside of it."""
    lake, _ = mapped
    periods = {
        row["person_id"]: (row["observation_period_start_date"], row["observation_period_end_date"])
        for row in lake.table("gold.observation_period").to_pylist()
    }
    dates = {table: date for table, (_, date) in TABLES.items()} | {"visit_occurrence": "visit_end_date"}
    for table, date in dates.items():
        for row in lake.table(f"gold.{table}").to_pylist():
            first, last = periods[row["person_id"]]
            assert first <= row[date] <= last


def test_reconciliation_holds_and_nothing_is_run_twice(mapped):
    """No rule of severity error fails, and a second run changes nothing."""
    lake, _ = mapped
    assert not lake.check().blocking
    assert not lake.run().changed


def test_columns_are_those_of_the_model():
    """The tables of CDM have its columns in its order, and no others."""
    person = yaml.safe_load((PACK / "person.yaml").read_text())["schema"][0]["properties"]
    assert [column["name"] for column in person][:4] == [
        "person_id",
        "gender_concept_id",
        "year_of_birth",
        "month_of_birth",
    ]
    housekeeping = {"known_at", "commit_id", "deleted", "source"}
    own = {"omop_record", "omop_event", "omop_mapping_coverage"}
    for file in PACK.glob("*.yaml"):
        names = {each["name"] for each in yaml.safe_load(file.read_text())["schema"][0]["properties"]}
        assert file.stem in own or not names & housekeeping, file.stem


@pytest.fixture(scope="module")
def unmapped(tmp_path_factory):
    """A lake with the pack and without any vocabulary of OMOP."""
    folder = tmp_path_factory.mktemp("unmapped")
    generate(folder / "data", patients=3, seed=5, dirty=0.0, kinds=())
    with _open(folder) as lake:
        lake.ingest(folder / "data")
        lake.run()
        yield lake


def test_without_a_vocabulary_nothing_is_lost_and_the_lake_says_so(unmapped):
    """Unmapped codes have concept 0 in the table of their kind, and 0 mapped is a warning of the check."""
    rows = unmapped.table("gold.condition_occurrence")
    assert rows.num_rows == len(rows_of(unmapped, "condition"))
    assert set(rows["condition_concept_id"].to_pylist()) == {0}
    [told] = unmapped.check("gold.omop_mapping_coverage").to_json()
    [rule] = [each for each in told["rules"] if each["rule"] == "some_codes_are_mapped"]
    assert (rule["passed"], rule["severity"]) == (False, "warning")
    coverage = unmapped.omop_coverage()
    assert coverage.nothing_is_mapped
    [note] = vocabulary_notes(unmapped, [OMOP_COVERAGE])
    assert note.startswith("WARNING: OMOP: none of")
    assert vocabulary_notes(unmapped, ["gold.person"]) == []


def test_person_ids_do_not_depend_on_what_else_is_there(unmapped, tmp_path):
    """A patient is the same person after others have come; ids fit the numbers of R and JavaScript."""
    before = unmapped.query("SELECT person_source_value, person_id FROM gold.person").to_pylist()
    generate(tmp_path / "more", patients=5, seed=4, dirty=0.0, kinds=())
    unmapped.ingest(tmp_path / "more", source="other")
    unmapped.run("gold.person")
    after = unmapped.query("SELECT person_source_value, person_id FROM gold.person").to_pylist()
    ids = {row["person_source_value"]: row["person_id"] for row in after}
    assert len(ids) > len(before)
    assert all(ids[row["person_source_value"]] == row["person_id"] for row in before)
    assert all(0 <= row["person_id"] < 2**52 for row in after)


def test_the_pack_is_off_unless_chosen():
    """A plan without the pack has none of its tables; with it, these and no others are added."""
    plain, packed = (make_plan(load_contracts(CONTRACTS, packs=packs)) for packs in ((), ("omop",)))
    added = {table.dataset for table in packed.tables} - {table.dataset for table in plain.tables}
    assert added == {f"gold.{file.stem}" for file in PACK.glob("*.yaml")}


def test_a_lake_is_well_after_the_pack_was_given_up(mapped):
    """Tables of a pack that is not chosen any more stay, and neither plan nor doctor stumbles over them."""
    lake, _ = mapped
    with a360.open(lake.path, contracts=CONTRACTS) as plain:
        assert {change.action for change in plain.plan()} == {"nothing"}
        [about] = [each for each in plain.doctor() if each.name == "contracts" and each.area == "tables"]
        assert about.ok
        assert "gold.person" in plain.tables.list()


def test_a_pack_that_is_not_there_is_a_fault():
    """A misspelt pack is refused, and the fault names those there are."""
    with pytest.raises(FaultyContractsError, match=r"C116.*omop"):
        load_contracts(CONTRACTS, packs=["omob"])
