"""One function a silver dataset: what a resource says, in the contract's columns, read the obvious way.

Written from what the contracts promise, never from the views; identifiers stay raw, so that a test can tokenise them.
"""

from collections.abc import Callable

from silver_references import Follower
from silver_values import (
    Json,
    amount,
    code,
    coded,
    day,
    extension,
    first,
    has_code,
    moment,
    qualified,
    text_of,
    timed,
)

CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
NPI = "http://hl7.org/fhir/sid/us-npi"
SSN = "http://hl7.org/fhir/sid/us-ssn"
CLINIC = "https://aesthetics360.example"
PREFIX_LENGTH = 3


def patient(r: Json, to: Follower) -> Json:
    """Demographics, and what identifies the person."""
    name = official_name(r)
    home = first(r.get("address"), not_old)
    race = omb(r, f"{CORE}/us-core-race")
    ethnicity = omb(r, f"{CORE}/us-core-ethnicity")
    languages = r.get("communication", [])
    language = first(languages, lambda c: c.get("preferred") is True) or first(languages)
    flagged = r.get("deceasedBoolean")
    postal_code = home.get("postalCode")
    labels = r.get("meta", {}).get("security", []) + r.get("meta", {}).get("tag", [])
    mrn = first(r.get("identifier"), lambda i: has_code(i.get("type"), "MR"))
    return {
        "patient_key": r["id"],
        "active": r.get("active"),
        "birth_date": day(r.get("birthDate")),
        "gender": r.get("gender"),
        "birth_sex": extension(r, f"{CORE}/us-core-birthsex").get("valueCode"),
        "race_code": race.get("code"),
        "race": race.get("display"),
        "ethnicity_code": ethnicity.get("code"),
        "ethnicity": ethnicity.get("display"),
        "marital_status": code(r.get("maritalStatus")),
        "marital_status_display": first(r.get("maritalStatus", {}).get("coding")).get("display"),
        "language": code(language.get("language")),
        "deceased": flagged if flagged is not None else "deceasedDateTime" in r,
        **timed("deceased_at", r.get("deceasedDateTime"), "deceased_date"),
        "state": home.get("state"),
        "postal_code3": None if postal_code is None else postal_code[:PREFIX_LENGTH],
        "country": home.get("country"),
        "family_name_token": name.get("family"),
        "given_name_token": text_of(name.get("given")),
        "phone_token": first(r.get("telecom"), lambda t: t.get("system") == "phone" and not_old(t)).get("value"),
        "email_token": first(r.get("telecom"), lambda t: t.get("system") == "email" and not_old(t)).get("value"),
        "address_line_token": text_of(home.get("line")),
        "city_token": home.get("city"),
        "postal_code_token": postal_code,
        "mrn_token": qualified(mrn),
        "ssn_token": qualified(first(r.get("identifier"), lambda i: i.get("system") == SSN)),
        "managing_organization_id": to.one(r.get("managingOrganization"), "Organization"),
        "general_practitioner_id": to.pick(r.get("generalPractitioner"), "Practitioner"),
        "is_test": any(label.get("code") == "HTEST" for label in labels),
    }


def not_old(entry: Json) -> bool:
    """Whether an address or contact is not marked as one of the past."""
    return entry.get("use") != "old"


def official_name(r: Json) -> Json:
    """The official name, else the first."""
    return first(r.get("name"), lambda n: n.get("use") == "official") or first(r.get("name"))


def omb(r: Json, url: str) -> Json:
    """The first OMB category of a US Core race or ethnicity."""
    return extension(extension(r, url), "ombCategory").get("valueCoding", {})


def contact(r: Json, system: str) -> str | None:
    """The first contact of this kind."""
    return first(r.get("telecom"), lambda t: t.get("system") == system).get("value")


def npi(r: Json) -> str | None:
    """The National Provider Identifier."""
    return first(r.get("identifier"), lambda i: i.get("system") == NPI).get("value")


def practitioner(r: Json, _: Follower) -> Json:
    """Who treats."""
    name, place = official_name(r), first(r.get("address"))
    return {
        "practitioner_id": r["id"],
        "active": r.get("active"),
        "npi": npi(r),
        "family_name": name.get("family"),
        "given_name": text_of(name.get("given")),
        "name_prefix": text_of(name.get("prefix")),
        "name_suffix": text_of(name.get("suffix")),
        "gender": r.get("gender"),
        **coded("qualification_code", first(r.get("qualification")).get("code")),
        "phone_token": contact(r, "phone"),
        "email_token": contact(r, "email"),
        "city": place.get("city"),
        "state": place.get("state"),
        "postal_code": place.get("postalCode"),
        "country": place.get("country"),
    }


def organization(r: Json, to: Follower) -> Json:
    """A clinic, group or payer."""
    place = first(r.get("address"))
    return {
        "organization_id": r["id"],
        "active": r.get("active"),
        "name": r.get("name"),
        **coded("type_code", first(r.get("type"))),
        "npi": npi(r),
        "part_of_id": to.one(r.get("partOf"), "Organization"),
        "phone": contact(r, "phone"),
        "address_line": text_of(place.get("line")),
        "city": place.get("city"),
        "state": place.get("state"),
        "postal_code": place.get("postalCode"),
        "country": place.get("country"),
    }


def location(r: Json, to: Follower) -> Json:
    """A place of care."""
    place, position = r.get("address", {}), r.get("position", {})
    return {
        "location_id": r["id"],
        "status": r.get("status"),
        "name": r.get("name"),
        "mode": r.get("mode"),
        **coded("type_code", first(r.get("type"))),
        **coded("physical_type_code", r.get("physicalType")),
        "managing_organization_id": to.one(r.get("managingOrganization"), "Organization"),
        "part_of_id": to.one(r.get("partOf"), "Location"),
        "phone": contact(r, "phone"),
        "address_line": text_of(place.get("line")),
        "city": place.get("city"),
        "state": place.get("state"),
        "postal_code": place.get("postalCode"),
        "country": place.get("country"),
        "latitude": None if position.get("latitude") is None else float(position["latitude"]),
        "longitude": None if position.get("longitude") is None else float(position["longitude"]),
    }


def encounter(r: Json, to: Follower) -> Json:
    """A visit."""
    participants = r.get("participant", [])
    primary = [p for p in participants if any(has_code(kind, "PPRF") for kind in p.get("type", []))]
    individuals = [p["individual"] for p in [*primary, *participants] if "individual" in p]
    kind, period = r.get("class", {}), r.get("period", {})
    return {
        "encounter_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "practitioner_id": to.pick_inside(individuals, "Practitioner"),
        "organization_id": to.one(r.get("serviceProvider"), "Organization"),
        "location_id": to.one(first(r.get("location")).get("location"), "Location"),
        "appointment_id": to.one(first(r.get("appointment")), "Appointment"),
        "part_of_id": to.one(r.get("partOf"), "Encounter"),
        "status": r.get("status"),
        "class_code": kind.get("code"),
        "class_code_system": kind.get("system"),
        "class_code_display": kind.get("display"),
        **coded("type_code", first(r.get("type"))),
        "visit_kind": clinic_code(r.get("type"), "visit-kind"),
        **coded("service_type_code", r.get("serviceType")),
        **timed("start_at", period.get("start"), "start_date"),
        **timed("end_at", period.get("end"), "end_date"),
        **coded("reason_code", first(r.get("reasonCode"))),
        "reason_condition_id": to.pick(r.get("reasonReference"), "Condition"),
        "diagnosis_condition_id": to.one(first(r.get("diagnosis")).get("condition"), "Condition"),
        **coded("discharge_disposition_code", r.get("hospitalization", {}).get("dischargeDisposition")),
    }


def clinic_code(concepts: list[Json] | None, table: str) -> str | None:
    """The code that the clinics' own code system gives, whichever coding it is."""
    codings = [coding for concept in concepts or [] for coding in concept.get("coding", [])]
    return first(codings, lambda c: c.get("system") == f"{CLINIC}/CodeSystem/{table}").get("code")


def appointment(r: Json, to: Follower) -> Json:
    """A booking and how it ended."""
    actors = [p["actor"] for p in r.get("participant", []) if "actor" in p]
    return {
        "appointment_id": r["id"],
        "patient_key": to.pick(actors, "Patient"),
        "practitioner_id": to.pick(actors, "Practitioner", uuid=False),
        "location_id": to.pick(actors, "Location", uuid=False),
        "device_id": to.pick(actors, "Device", uuid=False),
        "status": r.get("status"),
        "no_show": None if r.get("status") is None else r["status"] == "noshow",
        **coded("cancellation_reason_code", r.get("cancelationReason")),
        **coded("service_category_code", first(r.get("serviceCategory"))),
        **coded("service_type_code", first(r.get("serviceType"))),
        **coded("appointment_type_code", r.get("appointmentType")),
        **coded("reason_code", first(r.get("reasonCode"))),
        **timed("start_at", r.get("start"), "start_date"),
        **timed("end_at", r.get("end")),
        "minutes_duration": r.get("minutesDuration"),
        **timed("created_at", r.get("created"), "created_date"),
    }


def condition(r: Json, to: Follower) -> Json:
    """A problem, diagnosis or finding."""
    onset = r.get("onsetDateTime") or r.get("onsetPeriod", {}).get("start")
    witnesses = [r[role] for role in ("asserter", "recorder") if role in r]
    abatement = r.get("abatementDateTime") or r.get("abatementPeriod", {}).get("end")
    return {
        "condition_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(witnesses, "Practitioner"),
        "clinical_status": code(r.get("clinicalStatus")),
        "verification_status": code(r.get("verificationStatus")),
        **coded("category_code", first(r.get("category"))),
        **coded("severity_code", r.get("severity")),
        **coded("code", r.get("code")),
        **coded("body_site_code", first(r.get("bodySite"))),
        **timed("onset_at", onset, "onset_date"),
        **timed("abatement_at", abatement, "abatement_date"),
        **timed("recorded_at", r.get("recordedDate"), "recorded_date"),
    }


def value(r: Json) -> Json:
    """The value of an observation or of one of its components, whatever its type."""
    quantity = r.get("valueQuantity", {})
    interpretation = first(first(r.get("interpretation")).get("coding"))
    return {
        "value_quantity": amount(quantity.get("value")),
        "value_comparator": quantity.get("comparator"),
        "value_unit": quantity.get("unit"),
        "value_unit_code": quantity.get("code"),
        **coded("value_code", r.get("valueCodeableConcept")),
        "value_string_token": r.get("valueString"),
        "value_integer": r.get("valueInteger"),
        "value_boolean": r.get("valueBoolean"),
        "value_at": moment(r.get("valueDateTime")),
        "data_absent_reason": code(r.get("dataAbsentReason")),
        "interpretation_code": interpretation.get("code"),
        "interpretation_code_display": interpretation.get("display"),
    }


def effective(r: Json) -> str | None:
    """When an observation was true, or began to be."""
    return r.get("effectiveDateTime") or r.get("effectiveInstant") or r.get("effectivePeriod", {}).get("start")


def observation(r: Json, to: Follower) -> Json:
    """A measurement, score or finding."""
    return {
        "observation_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(r.get("performer"), "Practitioner"),
        "procedure_id": to.pick(r.get("partOf"), "Procedure"),
        "device_id": to.pick(r.get("device"), "Device"),
        "status": r.get("status"),
        **coded("category_code", first(r.get("category"))),
        **coded("code", r.get("code")),
        **timed("effective_at", effective(r), "effective_date"),
        "issued_at": moment(r.get("issued")),
        **value(r),
        **coded("body_site_code", r.get("bodySite")),
    }


def observation_component(r: Json, to: Follower) -> list[Json]:
    """The readings of a panel."""
    parent = {
        "observation_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        **timed("effective_at", effective(r), "effective_date"),
    }
    return [
        {**parent, "component_index": place, **coded("code", component.get("code")), **value(component)}
        for place, component in enumerate(r.get("component", []))
    ]


def procedure(r: Json, to: Follower) -> Json:
    """A treatment or other act."""
    period = r.get("performedPeriod", {})
    actors = [p["actor"] for p in r.get("performer", []) if "actor" in p]
    manipulated = first(r.get("focalDevice")).get("manipulated")
    used = r.get("usedReference")
    product = clinic_extension(r, "product").get("valueCoding", {})
    total = clinic_extension(r, "total-amount").get("valueQuantity", {})
    return {
        "procedure_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(actors, "Practitioner"),
        "location_id": to.one(r.get("location"), "Location"),
        "device_id": to.pick_inside(used, "Device") if used else to.one(manipulated, "Device"),
        "part_of_id": to.pick(r.get("partOf"), "Procedure"),
        "status": r.get("status"),
        "status_reason_code": code(r.get("statusReason")),
        **coded("category_code", r.get("category")),
        **coded("code", r.get("code")),
        **timed("performed_at", r.get("performedDateTime") or period.get("start"), "performed_date"),
        **timed("performed_end_at", period.get("end")),
        **coded("body_site_code", first(r.get("bodySite"))),
        "body_sites": len(r.get("bodySite", [])),
        "product_code": product.get("code"),
        "product_code_system": product.get("system"),
        "product_code_display": product.get("display"),
        "lot_number": clinic_extension(r, "lot-number").get("valueString"),
        "units": amount(total.get("value")),
        "unit": total.get("unit"),
        "unit_code": total.get("code"),
        "session_number": clinic_extension(r, "session-number").get("valuePositiveInt"),
        **coded("outcome_code", r.get("outcome")),
        **coded("complication_code", first(r.get("complication"))),
        **coded("reason_code", first(r.get("reasonCode"))),
        "reason_condition_id": to.pick(r.get("reasonReference"), "Condition"),
    }


def clinic_extension(r: Json, name: str) -> Json:
    """The clinics' own extension of this name."""
    return extension(r, f"{CLINIC}/StructureDefinition/{name}")


def medication_inside(r: Json) -> Json:
    """The Medication that lies in the resource and is referred to, if there is one."""
    reference = r.get("medicationReference", {}).get("reference", "")
    return first(r.get("contained"), lambda c: reference == f"#{c.get('id')}")


def medication(r: Json) -> Json | None:
    """The concept of the medication, wherever it stands."""
    return r.get("medicationCodeableConcept") or medication_inside(r).get("code")


def medication_request(r: Json, to: Follower) -> Json:
    """A prescription or order."""
    dosage = first(r.get("dosageInstruction"))
    dose = first(dosage.get("doseAndRate")).get("doseQuantity", {})
    repeat = dosage.get("timing", {}).get("repeat", {})
    dispense = r.get("dispenseRequest", {})
    return {
        "medication_request_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(r.get("requester"), "Practitioner"),
        "status": r.get("status"),
        "intent": r.get("intent"),
        **coded("category_code", first(r.get("category"))),
        **coded("medication_code", medication(r)),
        **timed("authored_at", r.get("authoredOn"), "authored_date"),
        "do_not_perform": r.get("doNotPerform"),
        "as_needed": dosage.get("asNeededBoolean"),
        "dose_quantity": amount(dose.get("value")),
        "dose_unit": dose.get("unit"),
        "frequency": repeat.get("frequency"),
        "period": amount(repeat.get("period")),
        "period_unit": repeat.get("periodUnit"),
        **coded("route_code", dosage.get("route")),
        "dispense_quantity": amount(dispense.get("quantity", {}).get("value")),
        "dispense_unit": dispense.get("quantity", {}).get("unit"),
        "refills": dispense.get("numberOfRepeatsAllowed"),
        **coded("reason_code", first(r.get("reasonCode"))),
        "reason_condition_id": to.pick(r.get("reasonReference"), "Condition"),
    }


def medication_administration(r: Json, to: Follower) -> Json:
    """What was given."""
    period, dosage = r.get("effectivePeriod", {}), r.get("dosage", {})
    dose, batch = dosage.get("dose", {}), medication_inside(r).get("batch", {})
    actors = [p["actor"] for p in r.get("performer", []) if "actor" in p]
    return {
        "medication_administration_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "encounter_id": to.pick(r.get("context"), "Encounter"),
        "practitioner_id": to.pick_inside(actors, "Practitioner"),
        "medication_request_id": to.one(r.get("request"), "MedicationRequest"),
        "procedure_id": to.pick(r.get("partOf"), "Procedure"),
        "device_id": to.pick(r.get("device"), "Device"),
        "status": r.get("status"),
        "status_reason_code": code(first(r.get("statusReason"))),
        **coded("category_code", r.get("category")),
        **coded("medication_code", medication(r)),
        **timed("effective_at", r.get("effectiveDateTime") or period.get("start"), "effective_date"),
        **timed("effective_end_at", period.get("end")),
        "dose_quantity": amount(dose.get("value")),
        "dose_unit": dose.get("unit"),
        "dose_unit_code": dose.get("code"),
        **coded("site_code", dosage.get("site")),
        **coded("route_code", dosage.get("route")),
        "lot_number": clinic_extension(r, "lot-number").get("valueString") or batch.get("lotNumber"),
        "expiration_date": day(batch.get("expirationDate")),
        **coded("reason_code", first(r.get("reasonCode"))),
        "reason_condition_id": to.pick(r.get("reasonReference"), "Condition"),
    }


def immunization(r: Json, to: Follower) -> Json:
    """A vaccine given, or not given."""
    actors = [p["actor"] for p in r.get("performer", []) if "actor" in p]
    dose = r.get("doseQuantity", {})
    return {
        "immunization_id": r["id"],
        "patient_key": to.one(r.get("patient"), "Patient"),
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(actors, "Practitioner"),
        "location_id": to.one(r.get("location"), "Location"),
        "manufacturer_id": to.one(r.get("manufacturer"), "Organization"),
        "status": r.get("status"),
        "status_reason_code": code(r.get("statusReason")),
        **coded("vaccine_code", r.get("vaccineCode")),
        **timed("occurrence_at", r.get("occurrenceDateTime"), "occurrence_date"),
        "primary_source": r.get("primarySource"),
        "lot_number": r.get("lotNumber"),
        "expiration_date": day(r.get("expirationDate")),
        **coded("site_code", r.get("site")),
        **coded("route_code", r.get("route")),
        "dose_quantity": amount(dose.get("value")),
        "dose_unit": dose.get("unit"),
    }


def allergy_intolerance(r: Json, to: Follower) -> Json:
    """What a patient does not tolerate."""
    reaction = first(r.get("reaction"))
    return {
        "allergy_intolerance_id": r["id"],
        "patient_key": to.one(r.get("patient"), "Patient"),
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(r.get("recorder"), "Practitioner"),
        "clinical_status": code(r.get("clinicalStatus")),
        "verification_status": code(r.get("verificationStatus")),
        "type": r.get("type"),
        "category": first(r.get("category")) or None,
        "criticality": r.get("criticality"),
        **coded("code", r.get("code")),
        **timed("onset_at", r.get("onsetDateTime") or r.get("onsetPeriod", {}).get("start"), "onset_date"),
        **timed("recorded_at", r.get("recordedDate"), "recorded_date"),
        **timed("last_occurrence_at", r.get("lastOccurrence")),
        **coded("reaction_code", first(reaction.get("manifestation"))),
        "reaction_severity": reaction.get("severity"),
    }


def consent(r: Json, to: Follower) -> Json:
    """What a patient allows or refuses."""
    provision = r.get("provision", {})
    period, purpose = provision.get("period", {}), first(provision.get("purpose"))
    return {
        "consent_id": r["id"],
        "patient_key": to.one(r.get("patient"), "Patient"),
        "organization_id": to.one(first(r.get("organization")), "Organization"),
        "document_reference_id": to.pick(r.get("sourceReference"), "DocumentReference"),
        "status": r.get("status"),
        **coded("scope_code", r.get("scope")),
        **coded("category_code", first(r.get("category"))),
        "consent_kind": clinic_code(r.get("category"), "consent-kind"),
        **coded("policy_rule_code", r.get("policyRule")),
        **timed("consented_at", r.get("dateTime"), "consented_date"),
        "provision_type": provision.get("type"),
        **timed("valid_from_at", period.get("start")),
        **timed("valid_to_at", period.get("end")),
        "purpose_code": purpose.get("code"),
        "purpose_code_system": purpose.get("system"),
        "verified": first(r.get("verification")).get("verified"),
    }


def document_reference(r: Json, to: Follower) -> Json:
    """A document, without what it says."""
    context = r.get("context", {})
    attachment = first(r.get("content")).get("attachment", {})
    period = context.get("period", {})
    return {
        "document_reference_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "encounter_id": to.pick(context.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(r.get("author"), "Practitioner"),
        "organization_id": to.one(r.get("custodian"), "Organization"),
        "status": r.get("status"),
        "doc_status": r.get("docStatus"),
        **coded("type_code", r.get("type")),
        **coded("category_code", first(r.get("category"))),
        **timed("created_at", r.get("date"), "created_date"),
        "content_type": attachment.get("contentType"),
        "content_language": attachment.get("language"),
        "content_size": attachment.get("size"),
        "content_hash_token": attachment.get("hash"),
        "title_token": attachment.get("title"),
        **timed("period_start_at", period.get("start")),
        **timed("period_end_at", period.get("end")),
    }


def adverse_event(r: Json, to: Follower) -> Json:
    """Harm that came, or could have come."""
    suspects = [s["instance"] for s in r.get("suspectEntity", []) if "instance" in s]
    given = "MedicationAdministration"
    return {
        "adverse_event_id": r["id"],
        "patient_key": to.one(r.get("subject"), "Patient"),
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        "practitioner_id": to.pick_inside(r.get("recorder"), "Practitioner"),
        "location_id": to.one(r.get("location"), "Location"),
        "suspect_procedure_id": to.pick(suspects, "Procedure"),
        "suspect_medication_administration_id": to.pick(suspects, given, uuid=False),
        "suspect_device_id": to.pick(suspects, "Device", uuid=False),
        "resulting_condition_id": to.one(first(r.get("resultingCondition")), "Condition"),
        "actuality": r.get("actuality"),
        **coded("category_code", first(r.get("category"))),
        **coded("event_code", r.get("event")),
        **timed("occurred_at", r.get("date"), "occurred_date"),
        **timed("detected_at", r.get("detected")),
        **timed("recorded_at", r.get("recordedDate")),
        **coded("seriousness_code", r.get("seriousness")),
        "severity_code": code(r.get("severity")),
        "outcome_code": code(r.get("outcome")),
    }


def device(r: Json, to: Follower) -> Json:
    """Equipment of a clinic, or an implant of a patient."""
    name = first(r.get("deviceName"))
    return {
        "device_id": r["id"],
        "patient_key": to.one(r.get("patient"), "Patient"),
        "organization_id": to.one(r.get("owner"), "Organization"),
        "location_id": to.one(r.get("location"), "Location"),
        "status": r.get("status"),
        **coded("type_code", r.get("type")),
        "device_name": name.get("name"),
        "device_name_type": name.get("type"),
        "manufacturer": r.get("manufacturer"),
        "model_number": r.get("modelNumber"),
        "lot_number": r.get("lotNumber"),
        "udi_device_identifier": first(r.get("udiCarrier")).get("deviceIdentifier"),
        "serial_number_token": r.get("serialNumber"),
        "distinct_identifier_token": r.get("distinctIdentifier"),
        "manufacture_date": day(r.get("manufactureDate")),
        "expiration_date": day(r.get("expirationDate")),
    }


def identifiers(r: Json, _: Follower) -> list[Json]:
    """The business identifiers of a resource."""
    return [
        {
            "resource_type": r["resourceType"],
            "resource_id": r["id"],
            "identifier_index": place,
            "system": identifier.get("system"),
            "value_token": qualified(identifier),
            "use": identifier.get("use"),
            "type_code": code(identifier.get("type")),
        }
        for place, identifier in enumerate(r.get("identifier", []))
    ]


type Reading = Callable[[Json, Follower], Json | list[Json]]

READINGS: dict[str, tuple[str, Reading]] = {
    "patient": ("Patient", patient),
    "practitioner": ("Practitioner", practitioner),
    "organization": ("Organization", organization),
    "location": ("Location", location),
    "encounter": ("Encounter", encounter),
    "appointment": ("Appointment", appointment),
    "condition": ("Condition", condition),
    "observation": ("Observation", observation),
    "observation_component": ("Observation", observation_component),
    "procedure": ("Procedure", procedure),
    "medication_request": ("MedicationRequest", medication_request),
    "medication_administration": ("MedicationAdministration", medication_administration),
    "immunization": ("Immunization", immunization),
    "allergy_intolerance": ("AllergyIntolerance", allergy_intolerance),
    "consent": ("Consent", consent),
    "document_reference": ("DocumentReference", document_reference),
    "adverse_event": ("AdverseEvent", adverse_event),
    "device": ("Device", device),
}

WITH_IDENTIFIERS = (
    "Patient",
    "Practitioner",
    "Organization",
    "Location",
    "Device",
    "Encounter",
    "Appointment",
    "Condition",
    "Procedure",
    "MedicationRequest",
    "DocumentReference",
)
