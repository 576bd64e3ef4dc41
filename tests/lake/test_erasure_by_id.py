"""Patients whose own record the lake has never had: by an id that is given, texts are searched for them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from erasure_samples import bring, bytes_under, opened
from lakes import only

import a360
from a360.errors import UsageError
from a360.failpoints import ENV, FailpointError

RESOURCES = [
    {"resourceType": "Patient", "id": "b"},
    {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"text": "canary-of-x"},
        "subject": {"reference": "Patient/x"},
    },
    {
        "resourceType": "Observation",
        "id": "o2",
        "status": "final",
        "code": {"text": "of b"},
        "subject": {"reference": "Patient/b"},
        "performer": [{"reference": "Patient/x", "display": "canary-of-x"}],
    },
    {"resourceType": "Account", "id": "acc1", "status": "active", "subject": [{"reference": "Patient/x"}]},
    # Refused, as it has no id.
    {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/x"}},
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory, contracts):
    """A lake with resources of a patient of whom there is no record."""
    folder = tmp_path_factory.mktemp("by-id")
    with a360.open(folder / "lake", contracts=contracts) as lake:
        bring(lake, folder / "in", RESOURCES)
        lake.run()
        yield lake


def files_of(lake):
    """The files of tables, as certificates name them."""
    folder = lake.path / "warehouse"
    return {str(path.relative_to(lake.path)) for path in folder.rglob("*") if path.is_file()}


def test_a_key_alone_says_what_it_cannot_find(lake):
    """The dry run tells of how many patients no text was searched; with the id it finds what names them."""
    by_key = lake.erasures.look(lake.erasures.key_of("default", "x"))
    assert (by_key.unnamed, by_key.masked) == (1, 0)
    assert "quarantine.fhir_resource" not in by_key.rows
    by_id = lake.erasures.look(named={"default": ["x"]})
    assert (by_id.unnamed, by_id.masked) == (0, 1)
    assert by_id.rows["quarantine.fhir_resource"] == 1
    assert by_id.rows["bronze.fhir_resource"] == 2
    assert lake.erasures.look(lake.erasures.key_of("default", "b")).unnamed == 0


def test_a_table_of_the_engine_alone_is_refused_before_anything(lake, monkeypatch):
    """Rows in a table of a format that only engines write are refused by its name, by the dry run too."""
    plan = lake.erasures._parts.plan
    newer = [
        replace(each, format_version=3) if each.dataset == "silver.observation" else each
        for each in plan.tables
    ]
    monkeypatch.setattr(type(lake.erasures._parts), "plan", replace(plan, tables=tuple(newer)))
    key = lake.erasures.key_of("default", "x")
    eraser = lake.erasures._eraser(None)
    for work in (lambda: eraser.look([key], {}), lambda: eraser.erase([key], {}, "case 1")):
        with pytest.raises(UsageError, match="version 3") as raised:
            work()
        assert raised.value.where == "silver.observation"
    assert not list(lake.path.glob("erasures/*"))
    # Of somebody who has no rows there it is no matter.
    assert lake.erasures.look(lake.erasures.key_of("default", "nobody")).rows == {}


def test_an_id_that_is_given_is_nowhere_in_clear(lake, monkeypatch):
    """It stands sealed in the journal, opens for who completes it, and goes with its key."""
    monkeypatch.setenv(ENV, "erasure.take_rows=raise")
    with pytest.raises(FailpointError):
        lake.erasures.erase(named={"default": ["x"]})
    monkeypatch.delenv(ENV)
    before = files_of(lake)
    journal = only(list(lake.path.glob("erasures/*.begun.*"))).read_text()
    sealed = json.loads(journal.splitlines()[0])["names"]
    assert b'"x"' not in bytes.fromhex(sealed)
    done = only(lake.erasures.resume())
    assert not [text for text in (*bytes_under(lake.path), *opened(lake)) if b"canary-of-x" in text]
    assert not [text for text in opened(lake) if b"Patient/x" in text]
    told = json.loads(Path(done.certificate).read_text())
    assert told["known_by_key_alone"] == 0
    # Whatever has gone is told, metadata of tables too, and nothing that is still there.
    paths = {each["path"] for each in told["deleted_files"]}
    assert before - files_of(lake) <= paths
    assert not paths & files_of(lake)
