"""Organization, Location, Practitioner and the shared Devices."""

from collections.abc import Iterable

from a360.synth._chart import Chart, Record
from a360.synth._clock import Moment, iso
from a360.synth._fhir import CODES, NPI_SYSTEM, PLACE_SYSTEM, TERMS, Resource, clinic_concept, concept
from a360.synth._people import WINDOW, make_phone
from a360.synth._world import PROFESSIONS, Clinic, Practitioner, SharedDevice, World


def shared_records(world: World) -> Iterable[Record]:
    """Everything that belongs to no patient, the group first."""
    opened = Moment(world.until - WINDOW - 400, 9 * 60)
    for place, clinic in enumerate(world.clinics):
        chart = Chart(world, clinic, f"shared-{clinic.row.id}")
        if place == 0:
            chart.write(world.group, opened, _group(world))
        chart.write(clinic.target, opened, _organization(chart, clinic))
        for number in range(len(clinic.rooms)):
            chart.write(clinic.rooms[number], opened, _location(chart, clinic, number))
        for practitioner in clinic.staff:
            chart.write(practitioner.target, opened, _practitioner(chart, practitioner))
        for device in clinic.devices.values():
            chart.write(device.target, opened, _device(chart, device))
        yield from chart.records


def _group(world: World) -> Resource:
    group = world.vocabulary.places.group
    return {
        "identifier": [{"system": PLACE_SYSTEM, "value": group.id}],
        "active": True,
        "type": [concept(f"{TERMS}/organization-type", "bus", "Non-Healthcare Business or Corporation")],
        "name": group.name,
        "telecom": [{"system": "phone", "value": group.phone, "use": "work"}],
    }


def _organization(chart: Chart, clinic: Clinic) -> Resource:
    row = clinic.row
    dice = chart.dice("organization")
    return {
        "identifier": [{"system": PLACE_SYSTEM, "value": row.id}],
        "active": True,
        "type": [concept(f"{TERMS}/organization-type", "prov", "Healthcare Provider")],
        "name": row.name,
        "telecom": [{"system": "phone", "value": make_phone(clinic, dice), "use": "work"}],
        "address": [_address(chart)],
        "partOf": chart.ref(chart.world.group),
    }


def _address(chart: Chart) -> Resource:
    row = chart.clinic.row
    street = chart.dice("address").pick(chart.world.vocabulary.places.streets)
    return {
        "use": "work",
        "line": [f"100 {street}"],
        "city": row.towns[0],
        "state": row.state,
        "postalCode": f"{row.zip3}01",
        "country": "US",
    }


def _location(chart: Chart, clinic: Clinic, number: int) -> Resource:
    target = clinic.rooms[number]
    value = target.identifier[1] if target.identifier else target.id
    return {
        "identifier": [{"system": PLACE_SYSTEM, "value": value}],
        "status": "active",
        "name": target.display,
        "mode": "instance",
        "type": [concept(f"{TERMS}/v3-RoleCode", "OF", "Outpatient facility")],
        "address": _address(chart),
        "physicalType": concept(f"{TERMS}/location-physical-type", "ro", "Room"),
        "managingOrganization": chart.ref(clinic.target),
    }


def _practitioner(chart: Chart, person: Practitioner) -> Resource:
    profession, letters, (code, display), _ = PROFESSIONS[person.profession]
    dice = chart.dice(person.target.id)
    return {
        "identifier": [{"use": "official", "system": NPI_SYSTEM, "value": person.npi}],
        "active": True,
        "name": [{"use": "official", "family": person.family, "given": [person.given], "suffix": [letters]}],
        "telecom": [
            {"system": "phone", "value": make_phone(chart.clinic, dice), "use": "work"},
            {"system": "email", "value": f"{person.npi}@staff.example.org", "use": "work"},
        ],
        "gender": person.gender,
        "qualification": [
            {
                "code": {
                    "coding": [
                        {"system": f"{TERMS}/v2-0360", "code": code, "display": display},
                        {"system": f"{CODES}/profession", "code": profession.replace(" ", "-")},
                    ],
                    "text": profession,
                },
                "issuer": chart.ref(chart.clinic.target),
            }
        ],
    }


def _device(chart: Chart, device: SharedDevice) -> Resource:
    model = device.model
    carrier = (
        f"(01){model.gtin[:14]}(11){iso(device.made)[2:].replace('-', '')}(10){device.lot}(21){device.serial}"
    )
    return {
        "identifier": [{"system": f"{PLACE_SYSTEM}/device", "value": device.serial}],
        "udiCarrier": [
            {
                "deviceIdentifier": model.gtin,
                "issuer": "http://hl7.org/fhir/NamingSystem/gs1",
                "carrierHRF": carrier,
            }
        ],
        "status": "active",
        "manufacturer": model.maker,
        "manufactureDate": iso(device.made),
        "lotNumber": device.lot,
        "serialNumber": device.serial,
        "deviceName": [{"name": model.name, "type": "user-friendly-name"}],
        "modelNumber": model.model,
        "type": clinic_concept("device-kind", model.kind, model.name),
        "owner": chart.ref(chart.clinic.target),
        "location": chart.ref(chart.clinic.rooms[-1]),
    }
