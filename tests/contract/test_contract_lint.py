"""The linter: every fault has its code, its line, and does not hide another."""

# ruff: noqa: E501 - contracts stand here as people write them

from pathlib import Path

import pytest

from a360.contract import FAULTS, Fault, FaultyContractsError, lint, load_contracts
from a360.errors import OperatorError

PATIENT, ENCOUNTER, VISITS = "silver/patient.yaml", "silver/encounter.yaml", "gold/visits.yaml"

# code, file that is changed, what is replaced, by what, and a text of the line the fault must point to
# (in the changed file, unless another file is named before a colon)
CASES = [
    ("C101", PATIENT, "schema:\n", "schema: [\n", None),
    ("C102", PATIENT, "status: active\n", "status: active\nversion: 9.9.9\n", "version: 9.9.9"),
    ("C103", PATIENT, "version: 1.2.0", "version: &v 1.2.0", "version:"),
    ("C103", PATIENT, "version: 1.2.0", "version: !!str 1.2.0", "version:"),
    ("C103", PATIENT, "status: active\n", "status: active\n<<: {}\n", "<<"),
    ("C105", PATIENT, "required: true", "required: yes", "required: yes"),
    ("C111", PATIENT, "status: active\n", "status: active\nstatsu: x\n", "statsu"),
    ("C111", PATIENT, "        physicalType: date\n", "        physicalType: date\n        lenght: 3\n", "lenght"),
    ("C112", PATIENT, "version: 1.2.0\n", "", None),
    ("C112", PATIENT, "        physicalType: date\n", "", "name: birth_date"),
    ("C112", PATIENT, "  - {property: a360.view, value: patient}\n", "", None),
    ("C113", PATIENT, "version: 1.2.0", "version: 12", "version: 12"),
    ("C113", PATIENT, "required: true", 'required: "true"', 'required: "true"'),
    ("C113", PATIENT, "severity: warning", "severity: fatal", "fatal"),
    ("C113", "lake.yaml", "method: hash", "method: rot13", "rot13"),
    ("C113", "lake.yaml", "P30D", "P30X", "P30X"),
    ("C114", PATIENT, "a360.view", "a360.veiw", "a360.veiw"),
    ("C115", PATIENT, "a360.token, value: patient}", "a360.token, value: patient}\n          - {property: a360.token, value: patient}", "a360.token"),
    ("C116", "lake.yaml", "name: ", "packs: [nowhere]\nname: ", "packs"),
    ("C201", PATIENT, "id: silver.patient", "id: silver.person", "id: silver.person"),
    ("C201", PATIENT, "physicalName: silver.patient", "physicalName: silver.person", "physicalName"),
    ("C203", VISITS, "primaryKey: true, ", "", "properties"),
    ("C204", ENCOUNTER, "primaryKeyPosition: 2", "primaryKeyPosition: 3", "name: source"),
    ("C204", VISITS, "required: true, ", "", "name: patient_key"),
    ("C205", ENCOUNTER, "logicalType: boolean, physicalType: boolean, required: true", "logicalType: boolean, physicalType: boolean", "name: deleted"),
    ("C205", ENCOUNTER, "a360.view, value: [encounter]}", "a360.view, value: [encounter]}\n  - {property: a360.history, value: true}", "properties"),
    ("C207", ENCOUNTER, '"decimal(18,6)"', "decimal", "name: cost"),
    ("C207", ENCOUNTER, '"decimal(18,6)"', '"decimal(39,6)"', "name: cost"),
    ("C208", ENCOUNTER, "logicalType: number", "logicalType: integer", "name: cost"),
    ("C209", ENCOUNTER, "month(started_at)", "month(ended_at)", "a360.partition"),
    ("C209", ENCOUNTER, "month(started_at)", "month(cost)", "a360.partition"),
    ("C209", ENCOUNTER, "started_at desc", "started_at down", "a360.sort"),
    ("C210", ENCOUNTER, "a360.retention, value: P10Y", "a360.refresh, value: replace", "a360.refresh"),
    ("C217", VISITS, ", {property: a360.fieldId, value: 2}", ", {property: a360.seal, value: visits}, {property: a360.fieldId, value: 2}", "{name: visits"),
    ("C217", ENCOUNTER, "value: identifier}, {property: a360.token", "value: identifier}, {property: a360.seal, value: cost}, {property: a360.token", "name: patient_key"),
    ("C301", PATIENT, "          - property: a360.sensitivity\n            value: phi\n", "", "name: birth_date"),
    ("C302", ENCOUNTER, "value: operational", "value: secret", "name: source"),
    ("C303", PATIENT, "domain:patient", "domain:patients", "tags"),
    ("C303", "lake.yaml", "domain:patient", "patient", 'tags: ["patient"]'),
    ("C305", ENCOUNTER, "value: identifier}, {property: a360.token", "value: phi}, {property: a360.token", "name: patient_key"),
    ("C306", "lake.yaml", "{role: analyst, actions: [select], zones", "{role: analist, actions: [select], zones", "analist"),
    ("C306", "lake.yaml", "purposes: [operations]", "purposes: [research]", "research"),
    ("C306", "lake.yaml", "datasets: [gold.visits]", "datasets: [gold.visitors]", "gold.visitors"),
    ("C306", "lake.yaml", "silver.patient.birth_date", "silver.patient.born", "silver.patient.born"),
    ("C307", "lake.yaml", "visits > :least", "visitors > :least", "visitors"),
    ("C307", "lake.yaml", "visits > :least", "visits >", "visits >"),
    ("C307", "lake.yaml", "visits > :least", "visits > :least -- not all", "not all"),
    ("C308", "lake.yaml", "{name: born, roles", "{name: hide, roles", "{name: hide, roles: [analyst], columns"),
    ("C308", "lake.yaml", "zones: [gold], sensi", "purposes: [treatment], zones: [gold], sensi", "purposes: [treatment], zones"),
    ("C308", "lake.yaml", "grants:", "users:\n  ada: {subject: s-1}\n  ben: {subject: s-1}\ngrants:", "ben: {subject"),
    ("C308", "lake.yaml", "grants:", "users:\n  ada: {email: a@b.example}\n  ben: {email: A@B.example}\ngrants:", "ben: {email"),
    ("C309", "lake.yaml", "silver.patient.birth_date], method: year", "silver.patient.birth_date], method: last4", "date"),
    ("C310", PATIENT, 'tags: ["domain:patient"]', 'tags: ["domain:patient", "domain:clinical"]', "domain"),
    ("C401", VISITS, ", {property: a360.fieldId, value: 2}", "", "{name: visits"),
    ("C402", VISITS, "a360.fieldId, value: 2", "a360.fieldId, value: 1", "{name: visits"),
    ("C403", "field_ids.yaml", "  cost: 5\n", "  price: 5\n", "silver/encounter.yaml:name: cost"),
    ("C404", "field_ids.yaml", "  cost: 5\n", "  cost: 50\n", "silver/encounter.yaml:name: cost"),
    ("C405", "field_ids.yaml", "  cost: 5\n", "", "silver/encounter.yaml:name: cost"),
    ("C405", "field_ids.yaml", "gold.visits:\n  patient_key: 1\n  visits: 2\n", "", "gold/visits.yaml:apiVersion"),
    ("C501", ENCOUNTER, "to: patient.patient_key", "to: person.patient_key", "name: patient_key"),
    ("C502", ENCOUNTER, "to: patient.patient_key", "to: patient.key", "name: patient_key"),
    ("C503", ENCOUNTER, "to: patient.patient_key", "to: patient.source", "name: patient_key"),
    ("C511", ENCOUNTER, "value: [encounter]", "value: [encounter, visit]", "a360.view"),
    ("C512", "views/encounter.json", '"status": "active",', '"status": "active"', '"resource"'),
    ("C512", "views/encounter.json", "ViewDefinition", "View", "{"),
    ("C513", "views/encounter.json", '"name": "cost"', '"name": "source"', '"name": "source"'),
    ("C513", "views/encounter.json", '"name": "cost"', '"name": "price"', "silver/encounter.yaml:name: cost"),
    ("C521", VISITS, "a360.model, value: visits", "a360.model, value: visitors", "a360.model"),
    ("C522", "models/visits.sql", "SELECT p.patient_key", "SELCT p.patient_key", "SELCT"),
    ("C522", "models/visits.sql", "GROUP BY p.patient_key", "; SELECT 1", "--"),
    ("C523", "models/visits.sql", "FROM silver.patient", "FROM silver.person", "silver.person"),
    ("C523", VISITS, "FROM silver.encounter)", "FROM silver.visit)", "silver.visit"),
    ("C525", "models/visits.sql", "AS visits", "AS seen_times", "seen_times"),
    ("C525", "models/visits.sql", "AS visits", "AS seen_times", "gold/visits.yaml:{name: visits"),
    ("C601", PATIENT, "metric: rowCount", "metric: freshness", "freshness"),
    ("C601", PATIENT, "mustBeGreaterThan: 0", "unit: rows", "rowCount"),
    ("C601", PATIENT, 'minimum: "1900-01-01"', 'pattern: "[0-9]+"', "pattern"),
    ("C601", PATIENT, 'minimum: "1900-01-01"', "minimum: 1900", "minimum"),
    ("C601", PATIENT, "engine: a360", "engine: soda", "soda"),
    ("C601", PATIENT, '"birth_date <= known_at"', "{metric: freshness, mustBeLessThan: 4}", "freshness"),
    ("C601", PATIENT, '"birth_date <= known_at"', "{metric: volumeChange, mustBe: 1, mustNotBe: 2}", "volumeCh"),
    ("C601", PATIENT, '"birth_date <= known_at"', "{metric: growth, mustBe: 1}", "growth"),
    ("C602", PATIENT, "birth_date <= known_at", "birth_date <= knwon_at", "knwon_at"),
    ("C602", PATIENT, "birth_date <= known_at", "birth_date <=", "birth_date <="),
    ("C602", PATIENT, "birth_date <= known_at", "birth_date <= max(known_at)", "max("),
    ("C602", VISITS, "SELECT (SELECT sum", "SELECT ((SELECT sum", "query"),
    ("C604", VISITS, "by_key(patient_key)", "by_key(patient)", "a360.refresh"),
    ("C604", VISITS, "by_key(patient_key)", "sometimes", "a360.refresh"),
    ("C605", PATIENT, "{metric: rowCount", "{name: born_before_known, metric: rowCount", "metric: rowCount"),
    ("C606", PATIENT, "description: Who it is.", 'logicalTypeOptions: {pattern: "[0-9]+"}', "pattern"),
    ("C606", PATIENT, "description: Who it is.", "logicalTypeOptions: {minLength: 3}", "minLength"),
    ("C606", PATIENT, "description: Who it is.", "enum: [{value: Anna}]", "Anna"),
    ("C606", PATIENT, "description: Who it is.", "quality: [{metric: invalidValues, mustBe: 0, arguments: {validValues: [Anna]}}]", "Anna"),
]  # fmt: skip


def line_of(lake, target: str, changed: str, *, last: bool = False) -> tuple[str, int]:
    """File and line a case expects: the first line with the text, or the last."""
    name, _, text = target.partition(":") if ".yaml:" in target else (changed, "", target)
    lines = lake.read(name).splitlines()
    matching = [number for number, line in enumerate(lines, start=1) if text in line]
    return str(lake.folder / name), matching[-1 if last else 0]


@pytest.mark.parametrize(("code", "name", "old", "new", "target"), CASES)
def test_each_fault_is_found_with_its_code_and_line(small_lake, code, name, old, new, target):
    """A single mistake gives a fault of its code at its line."""
    small_lake.replace(name, old, new)
    faults = small_lake.lint()
    found = [fault for fault in faults if fault.code == code]
    assert found, faults
    assert all(fault.message for fault in found)
    if target:
        expected = line_of(small_lake, target, name, last=code == "C115")
        assert expected in [(fault.file, fault.line) for fault in found]


def test_a_sound_lake_has_no_faults(small_lake):
    """What is declared well is not complained of."""
    assert small_lake.lint() == []


# What the one change breaks in several places by its nature.
WIDER = {
    ("C301", "C503"), ("C305", "C503"), ("C401", "C405"), ("C402", "C404"), ("C403", "C401"),
    ("C114", "C112"), ("C503", "C304"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "name", "old", "new", "target"), CASES)
def test_a_fault_brings_no_noise_of_other_codes(small_lake, code, name, old, new, target):
    """One mistake is reported once, not again by every check that meets its traces."""
    small_lake.replace(name, old, new)
    others = {fault.code for fault in small_lake.lint()} - {code}
    allowed = {second for first, second in WIDER if first == code}
    assert others <= allowed


def test_a_duplicate_dataset_is_found(small_lake):
    """Two files that declare one dataset are told so."""
    text = small_lake.read(VISITS)
    small_lake.write("gold/visits_again.yaml", text)
    assert "C202" in {fault.code for fault in small_lake.lint()}


def test_duplicate_columns_are_found(small_lake):
    """A column's name stands once in a dataset, and is lower snake case."""
    small_lake.replace(VISITS, "{name: visits,", "{name: patient_key,")
    small_lake.replace(ENCOUNTER, "{name: cost,", "{name: Cost,")
    codes = [(Path(fault.file).stem, fault.code) for fault in small_lake.lint()]
    assert ("visits", "C206") in codes
    assert ("encounter", "C206") in codes


def test_a_joined_identifier_needs_a_token_domain(small_lake):
    """An identifier that is a key, or leads to one, names its token domain."""
    for name in (PATIENT, ENCOUNTER):
        text = small_lake.read(name)
        text = text.replace("          - {property: a360.token, value: patient}  # joins\n", "")
        small_lake.write(name, text.replace(", {property: a360.token, value: patient}", ""))
    found = {Path(fault.file).stem for fault in small_lake.lint() if fault.code == "C304"}
    assert found == {"patient", "encounter"}


def test_models_in_a_circle_are_found(small_lake):
    """Gold models that need each other are told so, once."""
    other = small_lake.read(VISITS).replace("visits", "stays").replace("as_many_as_encounters", "as_many")
    small_lake.write("gold/stays.yaml", other)
    small_lake.write("models/stays.sql", "SELECT patient_key, visits AS stays FROM gold.visits")
    small_lake.replace("models/visits.sql", "FROM silver.patient AS p", "FROM gold.stays AS p")
    circles = [fault for fault in small_lake.lint() if fault.code == "C524"]
    assert len(circles) == 1
    assert "gold.stays → gold.visits → gold.stays" in circles[0].message


def test_gold_without_reconciliation_is_found(small_lake):
    """A gold dataset compares itself with what it comes from."""
    text = small_lake.read(VISITS)
    small_lake.write(VISITS, text[: text.index("    quality:")])
    assert [fault.code for fault in small_lake.lint()] == ["C603"]


def test_rules_on_bronze_are_found(small_lake):
    """A rule that no step would check is refused, not ignored."""
    bronze = small_lake.read(VISITS).replace("gold", "bronze").replace("visits", "raw")
    bronze = bronze.replace("  - {property: a360.model, value: raw}\n", "")
    bronze = bronze.replace("  - {property: a360.refresh, value: by_key(patient_key)}\n", "")
    small_lake.write("bronze/raw.yaml", bronze)
    assert {fault.code for fault in small_lake.lint()} == {"C405", "C601"}


def test_files_nothing_reads_are_found(small_lake):
    """A file in the wrong place, of the wrong kind, or that no contract names is told so."""
    small_lake.write("silver/notes.md", "About silver.")
    small_lake.write("silver/visit.yml", "")
    small_lake.write("platinum/visit.yaml", "")
    small_lake.write("views/spare.json", small_lake.read("views/patient.json"))
    small_lake.write("models/spare.sql", "SELECT 1 AS one")
    found = [(fault.code, Path(fault.file).name) for fault in small_lake.lint()]
    assert sorted(found) == [
        ("C106", "platinum"),
        ("C106", "visit.yml"),
        ("C514", "spare.json"),
        ("C514", "spare.sql"),
    ]


def test_too_large_or_deep_files_are_refused(small_lake):
    """A file that would take long to read is refused before it does."""
    small_lake.write("silver/large.yaml", "#" * 2_000_001)
    small_lake.write("silver/deep.yaml", "[" * 100_000)
    found = {Path(fault.file).stem: fault.code for fault in small_lake.lint()}
    assert found == {"large": "C104", "deep": "C104"}


def test_environments_are_linted(small_lake):
    """An environment's name is its file's, and what it shares exists."""
    small_lake.write("../environments/staging.yaml", (
        "name: stage\nkind: aws\naccount: '123456789012'\nregion: eu-west-1\n"
        "sharing: [{account: '210987654321', datasets: [gold.nothing]}]\n"
    ))  # fmt: skip
    found = [(fault.code, fault.line) for fault in small_lake.lint()]
    assert found == [("C201", 1), ("C306", 5)]


def test_an_environment_needs_what_its_kind_needs(small_lake):
    """An environment on AWS has an account and a region."""
    small_lake.write("../environments/prod.yaml", "name: prod\nkind: aws\n")
    (fault,) = small_lake.lint()
    assert fault.code == "C113"
    assert "account and a region" in fault.message


def test_jobs_of_an_environment_act_as_a_role_of_its_account(small_lake):
    """Where Spark jobs run is checked: the role's account, the form of places, and every key."""
    spark = (
        "spark: {{application: 00f1, role: 'arn:aws:iam::{account}:role/jobs', "
        "artifacts: {place}, logs: 's3://logs-of-lake/spark', {more}}}\n"
    )
    head = "name: staging\nkind: aws\naccount: '123456789012'\nregion: eu-west-1\n"
    good = {"account": "123456789012", "place": "s3://lake-artifacts", "more": "maxVcpus: 16"}
    for changed, told in (
        ({}, None),
        ({"account": "210987654321"}, "another account"),
        ({"place": "https://lake.example"}, "s3:"),
        ({"more": "maxVcpus: 2"}, "8"),
        ({"more": "workers: 2"}, "workers"),
    ):
        small_lake.write("../environments/staging.yaml", head + spark.format(**good | changed))
        messages = [fault.message for fault in small_lake.lint()]
        assert (messages == []) if told is None else any(told in each for each in messages)


def test_models_of_an_environment_are_named_as_aws_names_them(small_lake):
    """A pattern in place of a model's id, or a machine that is none of SageMaker's, is refused."""
    head = "name: staging\nkind: aws\naccount: '123456789012'\nregion: eu-west-1\n"
    for models, accepted in (
        ("{bedrock: ['amazon.nova-lite-v1:0'], served: churn-7, instance: ml.m6i.large}", True),
        ("{bedrock: ['*']}", False),
        ("{bedrock: ['amazon.*']}", False),
        ("{served: churn_7}", False),
        ("{instance: m6i.large}", False),
    ):
        small_lake.write("../environments/staging.yaml", f"{head}models: {models}\n")
        assert (not small_lake.lint()) is accepted, models


def test_every_fault_of_every_file_comes_in_one_pass(small_lake):
    """Faults of one kind do not hide faults of another, neither in one file nor across files."""
    changes = [
        (PATIENT, "status: active\n", "status: active\nstatsu: x\n"),
        (PATIENT, "severity: warning", "severity: fatal"),
        (PATIENT, "          - property: a360.sensitivity\n            value: phi\n", ""),
        (PATIENT, "metric: rowCount", "metric: freshness"),
        (ENCOUNTER, "version: 1.0.0\n", ""),
        (ENCOUNTER, "month(started_at)", "month(cost)"),
        (VISITS, "by_key(patient_key)", "sometimes"),
        ("lake.yaml", "visits > :least", "visits >"),
        ("models/visits.sql", "FROM silver.patient", "FROM silver.person"),
    ]
    for name, old, new in changes:
        small_lake.replace(name, old, new)
    codes = {fault.code for fault in small_lake.lint()}
    assert codes == {"C111", "C113", "C301", "C601", "C112", "C209", "C604", "C307", "C523"}


def test_an_unreadable_contract_is_not_called_undeclared(small_lake):
    """What points to a contract that cannot be read is not blamed for it."""
    small_lake.write(PATIENT, "schema: [")
    assert {fault.code for fault in small_lake.lint()} == {"C101"}


def test_without_lake_yaml_the_contracts_are_still_checked(small_lake):
    """A missing lake.yaml does not hide the faults of the contracts."""
    small_lake.remove("lake.yaml")
    small_lake.replace(ENCOUNTER, "month(started_at)", "month(cost)")
    assert {fault.code for fault in small_lake.lint()} == {"C101", "C209", "C303"}


def test_extra_checks_see_the_contracts(small_lake):
    """Other rooms' checks get the contracts, and their faults come sorted among the others."""

    def no_encounters(contracts):
        dataset = contracts.datasets["silver.encounter"]
        yield dataset.fault_at("cost", "X001", "no costs here")

    (fault,) = lint(small_lake.folder, [no_encounters])
    assert (fault.code, fault.line) == ("X001", line_of(small_lake, "name: cost", ENCOUNTER)[1])


def test_loading_raises_all_faults_at_once(small_lake):
    """Contracts with faults cannot be used; the error names each fault and its place."""
    small_lake.replace(ENCOUNTER, "month(started_at)", "month(cost)")
    small_lake.replace(VISITS, "by_key(patient_key)", "sometimes")
    with pytest.raises(FaultyContractsError) as raised:
        load_contracts(small_lake.folder)
    assert [fault.code for fault in raised.value.faults] == ["C604", "C209"]
    assert f"{small_lake.folder / VISITS}:11: C604" in str(raised.value)
    assert raised.value.exit_code == 3


def test_a_missing_folder_is_the_operators_fault(tmp_path):
    """A folder that does not exist is no fault of a contract."""
    with pytest.raises(OperatorError, match="input-missing"):
        lint(tmp_path / "nowhere")


def test_every_code_is_shown_by_a_test():
    """No code exists that no test provokes."""
    elsewhere = {"C104", "C106", "C202", "C206", "C304", "C514", "C515", "C516", "C524", "C603"}
    elsewhere |= {"C406", "C407", "C408", "C409"}
    elsewhere |= {code for code in FAULTS if code.startswith("C61")}  # test_contract_records.py
    elsewhere |= {code for code in FAULTS if code.startswith("C32")}  # test_contract_disclosure.py
    elsewhere |= {"C331"}  # test_contract_features.py
    elsewhere |= {code for code in FAULTS if code.startswith(("C53", "C54", "C7"))}  # tests/lineage
    assert {code for code, *_ in CASES} | elsewhere == set(FAULTS)


def test_a_fault_renders_for_people_and_for_programs():
    """A fault's text can be clicked in a terminal; its JSON is flat."""
    fault = Fault("contracts/silver/x.yaml", 7, "C301", "the column a has no sensitivity", "add it")
    assert str(fault) == "contracts/silver/x.yaml:7: C301 the column a has no sensitivity; add it"
    assert fault.to_json() == {
        "code": "C301",
        "file": "contracts/silver/x.yaml",
        "line": 7,
        "message": "the column a has no sensitivity",
        "fix": "add it",
    }
