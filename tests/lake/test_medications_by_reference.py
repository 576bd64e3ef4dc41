"""The drug of what names its Medication by reference, from what is sent to what a clinic asks."""

import pytest
from fhir_samples import code, meta, patient
from lakes import CONTRACTS, only, rows_of, write_ndjson

import a360

TOXIN = {"code": code("TOX-1"), "batch": {"lotNumber": "L 7", "expirationDate": "2027-01-31"}}
OTHER = {"code": code("OTHER"), "batch": {"lotNumber": "L8"}}


def medication(key="m1", **more):
    """A Medication."""
    return {"resourceType": "Medication", "id": key, **more}


def administration(reference, key="a1", **more):
    """An administration of what a reference names."""
    return {
        "resourceType": "MedicationAdministration",
        "id": key,
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-01-02T10:00:00Z",
        "medicationReference": reference,
        **more,
    }


BY_ID = administration({"reference": "Medication/m1"})
IDENTIFIED = {"identifier": [{"system": "urn:s", "value": "tox"}]}
ARRIVALS = {
    "after": [[BY_ID, patient()], [medication(**TOXIN)]],
    "before": [[medication(**TOXIN), patient()], [BY_ID]],
    "corrected": [[medication(**OTHER), patient(), BY_ID], [medication(**meta("2"), **TOXIN)]],
    "searched": [
        [administration({"reference": "Medication?identifier=urn:s|tox"}), patient()],
        [medication(**IDENTIFIED, **TOXIN)],
    ],
    "contained": [
        [patient()],
        [
            administration(
                {"reference": "#tox"}, contained=[medication("saline", **OTHER), medication("tox", **TOXIN)]
            )
        ],
    ],
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake to which each source sends one administration and its Medication, in an order of its own."""
    base = tmp_path_factory.mktemp("medications")
    with a360.open(base / "lake", contracts=CONTRACTS) as lake:
        for part in (0, 1):
            for source, parts in ARRIVALS.items():
                lake.ingest(write_ndjson(base / f"{source}-{part}", parts[part]), source=source)
            lake.run("silver.medication", "silver.medication_administration", "gold.lot_trace")
        yield lake


@pytest.mark.parametrize("source", ARRIVALS)
def test_whichever_came_first_an_administration_has_the_drug_and_lot_that_it_names(lake, source):
    """A lot is traced to its patient by the Medication referred to, whatever else the resource contains."""
    traced = only(rows_of(lake, f"SELECT * FROM gold.lot_trace WHERE source = '{source}'"))
    assert traced["patient_key"] is not None
    assert (traced["product_code"], traced["lot_number"]) == ("TOX-1", "L7")


@pytest.mark.parametrize("source", ARRIVALS)
def test_silver_joins_to_the_medication(lake, source):
    """What a row names is a row of `silver.medication`, with code, lot and expiry."""
    found = only(
        rows_of(
            lake,
            "SELECT m.code, m.code_system, m.lot_number, m.expiration_date, a.unresolved_references "
            "FROM silver.medication_administration AS a JOIN silver.medication AS m "
            f"ON m.source = a.source AND m.medication_id = a.medication_id WHERE a.source = '{source}'",
        )
    )
    assert [str(value) for value in found.values()] == ["TOX-1", "urn:codes", "L 7", "2027-01-31", "0"]
