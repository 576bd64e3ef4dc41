"""Erasure of what names a patient in the records of others, in the vault, and under names of snapshots."""

import json
from pathlib import Path

import pytest
from erasure_samples import bring, bytes_under, opened, patient

import a360
from a360.errors import OperatorError
from a360.failpoints import ENV, FailpointError
from a360.protect import identity_context

CANARY = "Okafor-canary"


def kin(patient_id, version):
    """A relative's record, which names one patient, and at a later version another."""
    return {
        "resourceType": "RelatedPerson",
        "id": "r1",
        "meta": {"versionId": str(version), "lastUpdated": f"2024-01-0{version}T00:00:00Z"},
        "name": [{"family": "Kinsman"}],
        "patient": {"reference": f"Patient/{patient_id}"},
    }


def identities(lake):
    """What the vault keeps, opened: rows by the key that they lie under."""
    found = {}
    for row in lake.tables.read("ops.identity").to_pylist():
        known_at = int(row["known_at"].timestamp() * 1_000_000)
        place = identity_context(row["patient_key"], known_at, row["arrival"])
        found.setdefault(row["key_id"], []).append(lake._parts.sealer.unseal(row["identity"], place).decode())
    return found


def told(lake):
    """All that the vault keeps, in one text."""
    return "\n".join(each for texts in identities(lake).values() for each in texts)


def is_destroyed(lake, key_id):
    """Whether the key store says of a key that it was destroyed."""
    with pytest.raises(OperatorError) as raised:
        lake._parts.keys.data_key(key_id)
    return raised.value.code.slug == "key-destroyed"


@pytest.fixture
def lake(tmp_path, contracts):
    """A lake of a patient, another who is linked to them, and a relative of the one and then of the other."""
    seen = {"other": {"reference": "Patient/a", "display": CANARY}, "type": "seealso"}
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        bring(lake, tmp_path / "in", [patient("a"), patient("b", link=[seen]), patient("c"), kin("a", 1)])
        bring(lake, tmp_path / "more", [kin("b", 2)])
        lake.run()
        yield lake


def test_the_vault_names_them_in_nobodys_record(lake):
    """A record of somebody else is kept anew without the name, under another key, and all else stays."""
    before = identities(lake)
    assert told(lake).count(CANARY) == 2
    done = lake.erasures.erase(lake.erasures.key_of("default", "a"))
    after = identities(lake)
    assert CANARY not in told(lake)
    assert "Lind-b" in told(lake)
    assert "masked" in told(lake)
    touched = {
        key for key, texts in before.items() if any(CANARY in each or "Kinsman" in each for each in texts)
    }
    assert not touched & set(after)
    assert all(is_destroyed(lake, key) for key in touched)
    assert {key: texts for key, texts in before.items() if key not in touched}.items() <= after.items()
    assert touched <= set(json.loads(Path(done.certificate).read_text())["destroyed_keys"])


def test_a_relative_of_two_patients_stays_with_the_other(lake):
    """Only the version that names the patient goes; no certificate names a key that opens something."""
    done = lake.erasures.erase(lake.erasures.key_of("default", "a"))
    assert told(lake).count("Kinsman") == 1
    assert "Patient/b" in told(lake)
    keys = json.loads(Path(done.certificate).read_text())["destroyed_keys"]
    assert keys
    assert all(is_destroyed(lake, key) for key in keys)


def test_nothing_is_to_be_kept_again_afterwards(lake):
    """What the vault has is what bronze has: the next run, a full one too, finds nothing to do there."""
    lake.erasures.erase(lake.erasures.key_of("default", "a"))
    before = identities(lake)
    assert not [step for step in lake.run().steps if step.commit_id]
    lake.run(full=True)
    assert identities(lake) == before


@pytest.mark.parametrize(
    "point", ["erasure.vault-forgot", "refine.identities.batch", "vault.keep.before-commit"]
)
def test_who_dies_between_forgetting_and_keeping_again_is_completed(lake, monkeypatch, point):
    """The records of others come back with the call that completes the erasure."""
    monkeypatch.setenv(ENV, f"{point}=raise")
    with pytest.raises(FailpointError):
        lake.erasures.erase(lake.erasures.key_of("default", "a"))
    monkeypatch.delenv(ENV)
    [done] = lake.erasures.resume()
    assert CANARY not in told(lake)
    assert ("Lind-b" in told(lake), told(lake).count("Kinsman")) == (True, 1)
    keys = json.loads(Path(done.certificate).read_text())["destroyed_keys"]
    assert all(is_destroyed(lake, key) for key in keys)


def test_branches_of_others_keep_no_past(lake, tmp_path):
    """A branch that a client has set goes like a tag, and a dry run says so; one on what stays is left."""
    name = "silver.patient"
    table = lake.tables.load(name)
    at = table.metadata.current_snapshot_id
    table.manage_snapshots().create_branch(at, "theirs").create_tag(at, "release").commit()
    bring(lake, tmp_path / "again", [patient("b", gender="female")])
    lake.run()
    key = lake.erasures.key_of("default", "a")
    assert lake.erasures.look(key).references == {name: ["release", "theirs"]}
    lake.erasures.erase(key)
    table = lake.tables.load(name)
    assert set(table.metadata.refs) == {"main"}
    assert [each.snapshot_id for each in table.metadata.snapshots] == [table.metadata.current_snapshot_id]
    for text in bytes_under(lake.path / "warehouse/silver"):
        assert key.encode() not in text


def test_a_replay_brings_nobody_back(lake, tmp_path):
    """What was refused of the patient is gone; what was refused of others, sealed anew, is tried again."""
    refused = [
        {"resourceType": "Observation", "status": "final", "subject": {"reference": f"Patient/{name}"}}
        for name in "ab"
    ]
    bring(lake, tmp_path / "refused", refused)
    assert len(lake.quarantine.list()) == 1
    key = lake.erasures.key_of("default", "a")
    lake.erasures.erase(key)
    report = lake.replay()
    assert [each.refused for each in report.datasets] == [1]
    for name in lake.tables.list():
        if lake.tables.current_snapshot_id(name):
            assert key not in str(lake.tables.read(name).to_pylist()), name
    [payload] = [text for text in opened(lake) if b"Observation" in text]
    assert b"Patient/b" in payload
