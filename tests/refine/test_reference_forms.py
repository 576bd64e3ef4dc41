"""The forms in which FHIR writes a reference, and what each of them finds (R4, References)."""

import pytest
from fhir_samples import bundle, encounter, entry, identifiers, patient, practitioner
from lakes import only, patient_key, rows_of

# Each reference to a patient, beside the logical id that it leads to and how many references stay open.
TO_PATIENTS = {
    "by id": ({"reference": "Patient/p1"}, "p1", 0),
    "by versioned id": ({"reference": "Patient/p1/_history/3"}, "p1", 0),
    "by absolute URL": ({"reference": "https://emr.example/fhir/Patient/p1"}, "p1", 0),
    "by the id of what is not there": ({"reference": "Patient/elsewhere"}, "elsewhere", 0),
    "by UUID that is an id": ({"reference": "urn:uuid:0a1b"}, "0a1b", 0),
    "by UUID that is a full URL": ({"reference": "urn:uuid:7777"}, "real", 0),
    "by URL that is a full URL": ({"reference": "http://posted.example/new-patient"}, "posted", 0),
    "by search": ({"reference": "Patient?identifier=urn:s|one"}, "p1", 0),
    "by encoded search": ({"reference": "Patient?identifier=urn%3As%7Cone"}, "p1", 0),
    "by search without system": ({"reference": "Patient?identifier=plain"}, "p2", 0),
    "by search for two": ({"reference": "Patient?identifier=urn:s|both"}, None, 1),
    "by search for none": ({"reference": "Patient?identifier=urn:s|none"}, None, 1),
    "by search for another type": ({"reference": "Practitioner?identifier=urn:s|doc"}, None, 1),
    "by logical identifier": ({"identifier": {"system": "urn:s", "value": "one"}}, "p1", 0),
    "to a contained one": ({"reference": "#inner"}, "Encounter/{id}#inner", 0),
    "to another type": ({"reference": "Group/p1"}, None, 1),
    "to nothing that is a reference": ({"reference": "see chart"}, None, 1),
    "left out": (None, None, 0),
}
TO_PRACTITIONERS = {
    "by id": ("Practitioner/d1", "d1"),
    "by search": ("Practitioner?identifier=urn:s|doc", "d1"),
    "by search for a patient's": ("Practitioner?identifier=urn:s|one", None),
    "by UUID that is a full URL": ("urn:uuid:8888", "d2"),
    "to a contained one": ("#inside", "Encounter/{id}#inside"),
}


def slug(name):
    return "e-" + name.replace(" ", "-").replace("'", "")


@pytest.fixture(scope="module")
def lake(module_lake, put):
    """A lake with one encounter for each form."""
    posted = bundle(
        entry(patient("real"), "urn:uuid:7777"),
        entry(patient("posted"), "http://posted.example/new-patient"),
        entry(practitioner("d2"), "urn:uuid:8888"),
    )
    people = [
        patient("p1", ids=["one", "both"]),
        patient("p2", identifier=[{"value": "plain"}, {"system": "urn:s", "value": "both"}]),
        patient("0a1b"),
        practitioner("d1", ids=["doc"]),
    ]
    visits = [
        encounter(
            slug(name), **({"contained": [patient("inner", gender="male")]} if "contained" in name else {})
        )
        | {"subject": subject}
        for name, (subject, _, _) in TO_PATIENTS.items()
    ]
    for visit in visits:
        if visit["subject"] is None:
            del visit["subject"]
    inside = practitioner("inside", **identifiers("doc"))
    treated = [
        encounter(f"{slug(name)}-d", by=reference, **({"contained": [inside]} if "contained" in name else {}))
        for name, (reference, _) in TO_PRACTITIONERS.items()
    ]
    put(module_lake, posted, *people, *visits, *treated)
    module_lake.run()
    return module_lake


@pytest.mark.parametrize("name", TO_PATIENTS)
def test_a_reference_to_a_patient_gives_its_key(lake, name):
    """Every form of a reference leads to the patient it means, or to none, and then counts as open."""
    _, wanted, unresolved = TO_PATIENTS[name]
    row = only(rows_of(lake, f"SELECT * FROM silver.encounter WHERE encounter_id = '{slug(name)}'"))
    key = None if wanted is None else patient_key(lake, wanted.format(id=slug(name)))
    assert (row["patient_key"], row["unresolved_references"]) == (key, unresolved)


@pytest.mark.parametrize("name", TO_PRACTITIONERS)
def test_a_reference_to_another_resource_gives_its_id(lake, name):
    """Resources that are no persons keep their id; a search finds the type it names and no other."""
    _, wanted = TO_PRACTITIONERS[name]
    key = f"{slug(name)}-d"
    row = only(rows_of(lake, f"SELECT * FROM silver.encounter WHERE encounter_id = '{key}'"))
    wanted = wanted and wanted.format(id=key)
    assert (row["practitioner_id"], row["unresolved_references"]) == (wanted, int(wanted is None))


def test_what_is_contained_joins_and_is_found_by_no_search(lake):
    """A contained resource has a row that its container leads to; its identifiers make no other ambiguous."""
    joined = rows_of(
        lake,
        "SELECT p.gender FROM silver.encounter AS e JOIN silver.patient AS p USING (patient_key) "
        f"WHERE e.encounter_id = '{slug('to a contained one')}'",
    )
    assert joined == [{"gender": "male"}]
    assert rows_of(lake, "SELECT * FROM silver.identifier WHERE contains(resource_id, '#')") == []


def test_open_and_dangling_references_are_reported(lake):
    """The quality of the dataset counts rows whose references stay open, and keys that have no row."""
    [quality] = [each for each in lake.check().datasets if each.dataset == "silver.encounter"]
    failed = {result.rule: result.failed for result in quality.results if not result.passed}
    assert failed["references_resolve"] == 6
    dangling = [count for rule, count in failed.items() if "patient" in rule]
    assert dangling == [1]
    assert quality.score < 100


def test_ids_mean_something_in_their_source_alone(lake, put):
    """The same ids and identifiers of another source are other people and places."""
    put(
        lake,
        patient("p1", ids=["one"]),
        encounter("e-here", "Patient/p1"),
        encounter("e-search", "Patient?identifier=urn:s|both"),
        source="elsewhere",
    )
    lake.run()
    rows = {
        row["encounter_id"]: row for row in rows_of(lake, "FROM silver.encounter WHERE source = 'elsewhere'")
    }
    assert rows["e-here"]["patient_key"] == patient_key(lake, "p1", "elsewhere") != patient_key(lake, "p1")
    assert rows["e-search"]["unresolved_references"] == 1
