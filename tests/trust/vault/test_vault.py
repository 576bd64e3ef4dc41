"""The vault: every token opens to what it stands for, for whom it is kept, until it is forgotten."""

import shutil

import pyarrow as pa
import pytest
from fhir_samples import bundle, code, deletion, patient
from lakes import only, patient_key, rows_of, snapshots, steps_of

import a360
from a360.catalog import CommitStamp
from a360.contract import IDENTITIES
from a360.errors import OperatorError
from a360.failpoints import FailpointError
from a360.lake import Keys
from a360.protect import LocalKeyStore, LocalTokenizer
from a360.table import new_commit_id
from a360.trust.audit import destroyed_keys

WORDS = "words for the escrow"


def person(n, **more):
    """A patient with all that tokens are made of."""
    told = {
        "identifier": [
            {"system": "urn:mrn", "type": code("MR"), "value": f"M-{n}"},
            {"system": "http://hl7.org/fhir/sid/us-ssn", "value": f"999-00-{n:04}"},
        ],
        "name": [{"use": "official", "family": f"Quill{n}", "given": ["Ada", "Bea"]}],
        "telecom": [
            {"system": "phone", "value": f"555-{n}"},
            {"system": "email", "value": f"q{n}@x.example"},
        ],
        "address": [{"line": [f"{n} High St"], "city": "Reading", "postalCode": "01867"}],
        "birthDate": "1980-02-03",
    }
    return patient(f"p{n}", **{**told, **more})


def kin(key, of, name):
    """Somebody related to a patient."""
    return {
        "resourceType": "RelatedPerson",
        "id": key,
        "patient": {"reference": f"Patient/{of}"},
        "name": [{"text": name}],
        "telecom": [{"system": "phone", "value": "777"}],
    }


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """Three patients, one merged into another, one renamed, one whose source deleted her; and next of kin."""
    put(module_lake, person(1, version="1"), person(2, version="1"), person(3), kin("k1", "p1", "Cleo Quill"))
    module_lake.run()
    put(
        module_lake,
        person(1, version="2", name=[{"family": "Marsh", "given": ["Ada"]}]),
        person(2, version="2", link=[{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}]),
        bundle(*deletion("Patient/p3"), timestamp="2026-02-01T00:00:00Z"),
    )
    module_lake.run()
    return module_lake


def told(lake, *names, **more):
    """What is revealed of patients, as pairs of a column's own name and a value."""
    rows = lake.vault.reveal([patient_key(lake, name) for name in names], **more).to_pylist()
    return {(row["column"].rpartition(".")[2], row["value"]) for row in rows}


def test_every_token_of_a_patient_opens_to_what_it_is_made_of(lake):
    """Made anew from what the vault gives, each token equals the one that silver has."""
    key = patient_key(lake, "p1")
    tokenizer = LocalTokenizer(LocalKeyStore.open(lake.path / "keys"))
    row = only(lake.tables.read("silver.patient", where=f"patient_key = '{key}' AND is_current").to_pylist())
    held = {name: value for name, value in row.items() if name.endswith("_token") and value is not None}
    opened = dict(told(lake, "p1"))
    assert len(held) >= 9
    made = {name: only(tokenizer.tokens("identifier", pa.array([opened[name]])).to_pylist()) for name in held}
    assert made == held
    assert opened["patient_key"] == "p1"


def test_all_identifiers_of_a_patient_open(lake):
    """Datasets with several rows a patient open row by row."""
    found = told(lake, "p1", columns=["silver.identifier.value_token"])
    assert found == {
        ("value_token", "urn:mrn|M-1"),
        ("value_token", "http://hl7.org/fhir/sid/us-ssn|999-00-0001"),
    }


def test_what_was_true_once_is_told_as_that(lake):
    """By default the newest name alone is told; the history has both, and says which is current."""
    assert ("family_name_token", "Marsh") in told(lake, "p1")
    assert ("family_name_token", "Quill1") not in told(lake, "p1")
    rows = lake.vault.reveal(
        [patient_key(lake, "p1")], ["silver.patient.family_name_token"], history=True
    ).to_pylist()
    assert {(row["value"], row["current"]) for row in rows} == {
        ("Marsh", True),
        ("Quill1", False),
        ("Quill2", False),
    }


def test_a_merged_record_tells_of_the_patient_that_survives(lake):
    """Who asks for the record that was replaced learns who the patient is now."""
    row = only(lake.vault.reveal([patient_key(lake, "p2")], ["silver.patient.family_name_token"]).to_pylist())
    assert row["value"] == "Marsh"
    assert (row["patient_key"], row["record_key"]) == (patient_key(lake, "p2"), patient_key(lake, "p1"))


def test_a_patient_whom_the_source_deleted_is_still_known(lake):
    """Facts may name the patient still: a source that deletes its record is no erasure."""
    assert ("family_name_token", "Quill3") in told(lake, "p3")


def test_nobody_is_made_up(lake):
    """Of a key that the vault does not know, nothing is told."""
    assert lake.vault.reveal(["0" * 32]).num_rows == 0
    assert lake.vault.reveal([]).num_rows == 0


def test_known_values_are_all_that_texts_may_say(lake):
    """Names of all versions, of merged records and of kin; each kind by its own."""
    rows = lake.vault.known_values([patient_key(lake, "p1")]).to_pylist()
    found = {(row["kind"], row["value"]) for row in rows}
    assert found >= {
        ("name", "Marsh"), ("name", "Quill1"), ("name", "Quill2"), ("name", "Bea"), ("name", "Cleo Quill"),
        ("phone", "555-1"), ("phone", "777"), ("email", "q1@x.example"), ("date", "1980-02-03"),
        ("address", "1 High St"), ("address", "Reading"), ("address", "01867"),
        ("number", "M-1"), ("number", "999-00-0001"), ("number", "p1"),
    }  # fmt: skip
    assert {row["patient_key"] for row in rows} == {patient_key(lake, "p1")}


def test_what_is_told_of_contacts_is_known(small_lake, put):
    """Texts may name whom to call by every part of a name and address, of the patient's contacts too."""
    name = {"family": "Orme", "given": ["Dee", "Fay"], "suffix": ["Jr"], "text": "Dee Orme"}
    place = {"line": ["7 Low St"], "city": "Ely", "district": "Fens", "postalCode": "02139", "text": "at Ely"}
    contact = {"name": name, "address": place, "telecom": [{"system": "phone", "value": "333"}]}
    put(small_lake, patient("p1", name=[], contact=[contact]))
    small_lake.run("silver.patient")
    found = small_lake.vault.known_values([patient_key(small_lake, "p1")])["value"].to_pylist()
    said = {"Orme", "Dee", "Fay", "Jr", "Dee Orme", "7 Low St", "Ely", "Fens", "02139", "at Ely", "333"}
    assert said <= set(found)


def test_nobody_elses_values_are_among_the_known(lake):
    """Another patient's name is no known value."""
    values = lake.vault.known_values([patient_key(lake, "p3")])["value"].to_pylist()
    assert "Quill3" in values
    assert not {"Marsh", "Quill1", "Cleo Quill"} & set(values)


def test_one_key_a_person_seals_all_versions(lake):
    """A patient has one key, and nobody else has it."""
    rows = rows_of(
        lake,
        f"SELECT patient_key, count(DISTINCT key_id) AS keys, count(*) AS n FROM {IDENTITIES} GROUP BY ALL",
    )
    assert {row["keys"] for row in rows} == {1}
    assert sorted(row["n"] for row in rows) == [1, 1, 2, 2]
    keys = only(rows_of(lake, f"SELECT count(DISTINCT key_id) AS n FROM {IDENTITIES}"))
    assert keys["n"] == len(rows)


def test_a_run_over_the_same_bronze_keeps_nothing_again(lake):
    """Neither a second run nor a full one writes a row, or makes a key."""
    before = snapshots(lake, ops=True)[IDENTITIES]
    assert not steps_of(lake.run())[IDENTITIES].read
    again = steps_of(lake.run(full=True))[IDENTITIES]
    assert (again.commit_id, again.read, again.unchanged) == (None, 7, 6)
    assert snapshots(lake, ops=True)[IDENTITIES] == before


def test_a_row_that_was_moved_does_not_open(lake):
    """Sealed bytes open only as the person and the version that they were sealed for."""
    vault, sealer = lake.vault, lake._parts.sealer
    one, other = rows_of(lake, f"SELECT * FROM {IDENTITIES} ORDER BY patient_key LIMIT 2")
    assert vault.columns
    with pytest.raises(OperatorError) as broken:
        sealer.unseal(one["identity"], f"identity|{other['patient_key']}|0|0".encode())
    assert broken.value.code.slug == "seal-broken"


@pytest.mark.parametrize("place", ["refine.identities.batch", "vault.keep.before-commit"])
def test_keys_of_a_run_that_never_landed_are_swept(small_lake, put, monkeypatch, place):
    """Keys are there before rows name them; where the run dies in between, the next one destroys them."""
    put(small_lake, person(1), person(2))
    with monkeypatch.context() as broken:
        broken.setenv("A360_FAILPOINTS", f"{place}=raise")
        with pytest.raises(FailpointError):
            small_lake.run()
    waiting = (small_lake.path / "pending-keys").read_text().split()
    keys = LocalKeyStore.open(small_lake.path / "keys")
    assert len([keys.data_key(each) for each in waiting]) == 2
    with a360.open(small_lake.path, contracts=small_lake._for_all.contracts) as again:
        again.run()
        assert again.vault.counts() == {"people": 2, "versions": 2, "waiting_keys": 0}
    for each in waiting:
        with pytest.raises(OperatorError):
            keys.data_key(each)


@pytest.mark.parametrize("place", ["keys.destroy.recorded", "vault.sweep.destroyed"])
def test_keys_are_on_record_before_they_are_destroyed(small_lake, put, monkeypatch, tmp_path, place):
    """Cut short around the destruction, a sweep has it on record, and no lost folder brings the keys back."""
    put(small_lake, person(1), person(2))
    small_lake.run()
    keys = Keys(small_lake._for_all.settings)
    keys.export(tmp_path / "escrow", WORDS)
    gone = small_lake.vault.keys_of([patient_key(small_lake, "p1")])
    with monkeypatch.context() as broken:
        broken.setenv("A360_FAILPOINTS", f"{place}=raise")
        with pytest.raises(FailpointError):
            small_lake.vault.forget([patient_key(small_lake, "p1")], CommitStamp(new_commit_id()))
    assert set(gone) <= set(destroyed_keys(small_lake.path / "audit"))
    shutil.rmtree(keys.folder)
    keys.bring_back(tmp_path / "escrow", lambda: WORDS)
    with pytest.raises(OperatorError) as caught:
        LocalKeyStore.open(keys.folder).data_keys(gone)
    assert caught.value.code.slug == "key-destroyed"


def test_many_destroyed_keys_are_all_on_record(small_lake):
    """However many keys are destroyed at once, the record names each of them in full."""
    store = LocalKeyStore.open(small_lake.path / "keys")
    ids = [key_id for key_id, _ in store.create_data_keys(450)]
    small_lake._for_all.sealer.destroy(*ids)
    assert set(ids) <= set(destroyed_keys(small_lake.path / "audit"))


def test_a_log_that_was_changed_tells_of_no_destroyed_keys(small_lake, tmp_path):
    """Where a record is not what it was, no import goes by the log: a key could come back that it told of."""
    small_lake._for_all.sealer.destroy(LocalKeyStore.open(small_lake.path / "keys").create_data_key()[0])
    copy = tmp_path / "audit"
    shutil.copytree(small_lake.path / "audit", copy)
    assert len(set(destroyed_keys(copy))) == 1
    file = next(each for each in sorted(copy.glob("*.jsonl")) if b"keys.destroy" in each.read_bytes())
    file.write_bytes(file.read_bytes().replace(b'"keys.destroy"', b'"keys.destrox"'))
    with pytest.raises(OperatorError) as caught:
        set(destroyed_keys(copy))
    assert caught.value.code.slug == "audit-broken"


def test_a_noted_key_that_the_store_never_held_holds_up_nothing(small_lake):
    """After an import of older keys, a note of a younger one that is gone with them stops no run."""
    LocalKeyStore.open(small_lake.path / "keys").create_data_key()
    known = LocalKeyStore.open(small_lake.path / "keys").create_data_key()[0]
    with (small_lake.path / "pending-keys").open("a") as noted:
        noted.write(f"{'0' * 32}\n{known}\n")
    small_lake.vault.sweep()
    assert (
        not (small_lake.path / "pending-keys").exists() or not (small_lake.path / "pending-keys").read_text()
    )
    with pytest.raises(OperatorError) as caught:
        LocalKeyStore.open(small_lake.path / "keys").data_key(known)
    assert caught.value.code.slug == "key-destroyed"


def test_a_patient_who_is_forgotten_is_nobody(small_lake, put):
    """Rows and keys are gone for the patient and her kin, and for nobody else; a second call does no harm."""
    put(small_lake, person(1), person(2), kin("k1", "p1", "Cleo Quill"))
    small_lake.run()
    vault, gone = small_lake.vault, patient_key(small_lake, "p1")
    rows = rows_of(small_lake, f"SELECT * FROM {IDENTITIES}")
    theirs = {row["key_id"] for row in rows if gone in {row["patient_key"], row["subject_key"]}}
    assert len(theirs) == 2
    assert set(vault.forget([gone], CommitStamp(new_commit_id()))) == theirs
    assert vault.forget([gone], CommitStamp(new_commit_id())) == []
    keys = LocalKeyStore.open(small_lake.path / "keys")
    for key in theirs:
        with pytest.raises(OperatorError):
            keys.data_key(key)
    assert vault.reveal([gone]).num_rows == 0
    assert told(small_lake, "p2")


def test_people_of_what_was_undone_are_forgotten(small_lake, put):
    """Where bronze is rolled back, who came with it goes with the next run; others keep their keys."""
    put(small_lake, person(1))
    small_lake.run("silver.patient")
    before, keys = snapshots(small_lake), rows_of(small_lake, f"SELECT key_id FROM {IDENTITIES}")
    put(small_lake, person(2))
    small_lake.run("silver.patient")
    small_lake.rollback("bronze.fhir_resource", before["bronze.fhir_resource"], accept=True)
    small_lake.run("silver.patient")
    assert small_lake.vault.counts() == {"people": 1, "versions": 1, "waiting_keys": 0}
    assert rows_of(small_lake, f"SELECT key_id FROM {IDENTITIES}") == keys
    assert told(small_lake, "p1")
