"""Visits that were moved: what hangs on them is where the last move has put it, whatever came first."""

import pytest
from fhir_samples import encounter, observation, patient
from lakes import patient_key, rows_of

AT = "2026-02-01T00:00:00Z"


def moved(was, becomes, owner, number):
    """The statement that a visit has another number, and whose it is; of one second with all others."""
    return {
        "resourceType": "Provenance",
        "id": f"moved-{was}",
        "meta": {"lastUpdated": AT, "versionId": str(number)},
        "recorded": AT,
        "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "A45"}]},
        "agent": [{"who": {"display": "front desk"}}],
        "entity": [{"role": "revision", "what": {"reference": f"Encounter/{was}"}}],
        "target": [{"reference": f"Encounter/{becomes}"}, {"reference": f"Patient/{owner}"}],
    }


@pytest.mark.parametrize(("back", "forth", "end"), [(9, 10, "y"), (10, 9, "x")])
def test_of_moves_in_a_circle_in_one_second_the_higher_number_counts(small_lake, put, back, forth, end):
    """x became y and y became x within one second: the number of the message says what came last."""
    owners = {"x": "a", "y": "b"}
    visits = [encounter(name, f"Patient/{owner}") for name, owner in owners.items()]
    facts = [
        observation(f"o{name}", "Patient/a", encounter={"reference": f"Encounter/{name}"}) for name in "xy"
    ]
    put(
        small_lake,
        *map(patient, "ab"),
        *visits,
        *facts,
        moved("x", "y", "b", forth),
        moved("y", "x", "a", back),
    )
    small_lake.run()
    found = rows_of(small_lake, "SELECT DISTINCT encounter_id, patient_key FROM silver.observation")
    assert found == [{"encounter_id": end, "patient_key": patient_key(small_lake, owners[end])}]
