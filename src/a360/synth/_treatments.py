"""Procedure, MedicationAdministration, and the Device of what stays in the body."""

from a360.synth._chart import Chart
from a360.synth._clock import iso
from a360.synth._dice import Dice
from a360.synth._fhir import (
    CODES,
    HCPCS,
    LOT_EXTENSION,
    PRODUCT_EXTENSION,
    SESSION_EXTENSION,
    SITE_EXTENSION,
    SNOMED,
    TOTAL_EXTENSION,
    Resource,
    clinic_concept,
    coding,
    concept,
    extension,
    quantity,
)
from a360.synth._people import Person
from a360.synth._plan import Given, Visit
from a360.synth._sending import Target
from a360.synth._vocab import Product, Site

_OUTCOMES = {
    1: ("385669000", "Successful"),
    2: ("385669000", "Successful"),
    3: ("385670004", "Partially successful"),
    4: ("385670004", "Partially successful"),
    5: ("385671000", "Unsuccessful"),
}
_CONTAINED_PERFORMER = 0.03
_CONTAINED_DEVICE = 0.5


def write_treatments(chart: Chart, person: Person, visit: Visit) -> dict[str, Target]:
    """Write what was given at a visit; the MedicationAdministration, if any, by its procedure's id."""
    administered: dict[str, Target] = {}
    for number, given in enumerate(visit.given):
        dice = chart.dice(f"treatment {visit.number}.{number}")
        implant = _write_implant(chart, given, dice) if given.treatment.family == "lift" else None
        _write_procedure(chart, person, visit, given, dice, implant)
        if given.treatment.family == "toxin":
            target = Target("MedicationAdministration", dice.uuid())
            _write_administration(chart, visit, given, dice, target)
            administered[given.target.id] = target
    return administered


def product_coding(product: Product) -> Resource:
    """The clinic's own code of a product."""
    return coding(f"{CODES}/product", product.code, product.name)


def body_site(site: Site) -> Resource:
    """A site as the clinic and, where it has a concept for it, SNOMED CT names it."""
    codings = [coding(f"{CODES}/site", site.code, site.name)]
    if site.snomed is not None:
        codings.append(coding(SNOMED, *site.snomed))
    return {"coding": codings, "text": site.name}


def _write_procedure(
    chart: Chart, person: Person, visit: Visit, given: Given, dice: Dice, implant: Target | None
) -> None:
    treatment = given.treatment
    family = clinic_concept("procedure-family", treatment.family, treatment.family.capitalize())
    concern = chart.world.vocabulary.concerns[treatment.concern]
    sites = [body_site(chart.world.vocabulary.sites[dose.site]) for dose in given.doses]
    fields: Resource = {
        "extension": _amounts(chart, given),
        "status": "stopped" if dice.chance(0.004) else "completed",
        "category": family,
        "code": clinic_concept("procedure", treatment.code, treatment.name),
        "subject": chart.patient(person.name),
        "encounter": chart.ref(visit.encounter),
        **_performed(chart, given),
        "performer": [{"actor": chart.ref(given.practitioner.target)}],
        "location": chart.ref(visit.room),
        "reasonCode": [clinic_concept("concern", concern.code, concern.text)],
        "bodySite": sites,
        "outcome": concept(SNOMED, *_OUTCOMES[given.gais]),
    }
    contained = _contain(chart, given, fields, dice)
    if contained:
        fields = {"contained": contained, **fields}
    if given.harm is not None:
        fields["complication"] = [clinic_concept("adverse-event", given.harm.code, given.harm.text)]
    if implant is not None:
        fields["focalDevice"] = [{"manipulated": chart.ref(implant)}]
    if given.product is not None:
        fields["usedCode"] = [{"coding": [product_coding(given.product)], "text": given.product.name}]
    fields["note"] = [{"text": describe(chart, given)}]
    chart.write(given.target, visit.ended.later(dice.between(2, 30)), fields)


def _performed(chart: Chart, given: Given) -> Resource:
    if chart.clinic.row.system == "partner":
        return {"performedDateTime": chart.at(given.when)}
    return {
        "performedPeriod": {"start": chart.at(given.when), "end": chart.at(given.when.later(given.minutes))}
    }


def _amounts(chart: Chart, given: Given) -> list[Resource]:
    """Product, lot, session and amounts; base FHIR has no place for them on a Procedure."""
    unit = given.treatment.unit
    found = [extension(SESSION_EXTENSION, "PositiveInt", given.session)]
    if given.product is not None and given.lot is not None:
        found.append(extension(PRODUCT_EXTENSION, "Coding", product_coding(given.product)))
        found.append(extension(LOT_EXTENSION, "String", given.lot.number))
    found.append(extension(TOTAL_EXTENSION, "Quantity", quantity(given.total, unit)))
    for dose in given.doses:
        site = chart.world.vocabulary.sites[dose.site]
        parts = [
            extension("site", "Coding", coding(f"{CODES}/site", site.code, site.name)),
            extension("amount", "Quantity", quantity(dose.amount, unit)),
        ]
        found.append({"url": SITE_EXTENSION, "extension": parts})
    return found


def _contain(chart: Chart, given: Given, fields: Resource, dice: Dice) -> list[Resource]:
    """Resources some systems put inside the procedure, with the references that then point to them."""
    contained: list[Resource] = []
    staff = given.practitioner
    if chart.clinic.row.system == "legacy" and dice.chance(_CONTAINED_PERFORMER):
        system, npi = staff.target.identifier or ("", "")
        contained.append(
            {
                "resourceType": "Practitioner",
                "id": "performer",
                "identifier": [{"system": system, "value": npi}],
                "name": [{"family": staff.family, "given": [staff.given]}],
            }
        )
        fields["performer"] = [{"actor": {"reference": "#performer", "display": staff.name}}]
    if given.device is not None:
        if chart.clinic.row.system == "partner" and dice.chance(_CONTAINED_DEVICE):
            model = given.device.model
            contained.append(
                {
                    "resourceType": "Device",
                    "id": "device",
                    "serialNumber": given.device.serial,
                    "deviceName": [{"name": model.name, "type": "user-friendly-name"}],
                    "type": clinic_concept("device-kind", model.kind, model.name),
                }
            )
            fields["usedReference"] = [{"reference": "#device", "display": model.name}]
        else:
            fields["usedReference"] = [chart.ref(given.device.target)]
    return contained


def _write_implant(chart: Chart, given: Given, dice: Dice) -> Target:
    target = Target("Device", dice.uuid(), given.product.name if given.product else None)
    product, lot = given.product, given.lot
    if product is not None and lot is not None:
        gtin = "00860001000613"
        expires = iso(lot.expires)
        carrier = f"(01){gtin}(17){expires[2:].replace('-', '')}(10){lot.number}"
        fields: Resource = {
            "udiCarrier": [
                {
                    "deviceIdentifier": gtin,
                    "issuer": "http://hl7.org/fhir/NamingSystem/gs1",
                    "carrierHRF": carrier,
                }
            ],
            "status": "active",
            "manufacturer": product.maker,
            "expirationDate": expires,
            "lotNumber": lot.number,
            "deviceName": [{"name": product.name, "type": "manufacturer-name"}],
            "type": clinic_concept("device-kind", "implant-thread", "Absorbable suspension thread"),
            "patient": chart.patient(),
            "owner": chart.ref(chart.clinic.target),
        }
        chart.write(target, given.when.later(given.minutes), fields)
    return target


def _write_administration(chart: Chart, visit: Visit, given: Given, dice: Dice, target: Target) -> None:
    product, lot = given.product, given.lot
    if product is None or lot is None:
        return
    medication: Resource = {
        "coding": [
            product_coding(product),
            coding(SNOMED, "108890005", "Botulinum toxin type A"),
            *([coding(HCPCS, product.hcpcs, f"{product.ingredient} injection")] if product.hcpcs else []),
        ],
        "text": product.name,
    }
    fields: Resource = {"status": "completed"}
    if chart.clinic.row.system == "legacy" or dice.chance(0.05):
        batch = {"lotNumber": lot.number, "expirationDate": iso(lot.expires)}
        inside = {"resourceType": "Medication", "id": "med", "code": medication, "batch": batch}
        fields = {"contained": [inside], **fields, "medicationReference": {"reference": "#med"}}
    else:
        fields = {
            "extension": [extension(LOT_EXTENSION, "String", lot.number)],
            **fields,
            "medicationCodeableConcept": medication,
        }
    fields |= {
        "subject": chart.patient(),
        "context": chart.ref(visit.encounter),
        "effectiveDateTime": chart.at(given.when),
        "performer": [{"actor": chart.ref(given.practitioner.target)}],
        "dosage": {
            "text": describe(chart, given),
            "site": body_site(chart.world.vocabulary.sites[given.doses[0].site]),
            "route": concept(SNOMED, "78421000", "Intramuscular route"),
            "dose": quantity(given.total, "U"),
        },
    }
    chart.write(target, visit.ended.later(dice.between(2, 30)), fields)


def describe(chart: Chart, given: Given) -> str:
    """One line of what was given where, as it stands in notes."""
    sites = chart.world.vocabulary.sites
    unit = given.treatment.unit
    doses = ", ".join(f"{sites[dose.site].name} {dose.amount:g} {unit}" for dose in given.doses)
    text = f"{given.treatment.name}: {doses}"
    if given.product is not None and given.lot is not None:
        text += f"; {given.product.name}, lot {given.lot.number}, exp {iso(given.lot.expires)}"
    if given.device is not None:
        text += f"; {given.device.model.name} s/n {given.device.serial}"
    return text
