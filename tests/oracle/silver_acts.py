"""What was done and with what: procedures, medications, vaccines, devices."""

from silver_references import Follower
from silver_values import Json, amount, clinic_extension, code, coded, day, first, timed


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


def medication_inside(r: Json) -> Json:
    """The Medication that lies in the resource and is referred to, if there is one."""
    reference = r.get("medicationReference", {}).get("reference", "")
    return first(r.get("contained"), lambda c: reference == f"#{c.get('id')}")


def medicine(r: Json) -> Json | None:
    """The concept of the medication, told in the resource or in what it contains."""
    return r.get("medicationCodeableConcept") or medication_inside(r).get("code")


def medication(r: Json, to: Follower) -> Json:
    """A medication that others refer to."""
    batch = r.get("batch", {})
    return {
        "medication_id": r["id"],
        "manufacturer_id": to.one(r.get("manufacturer"), "Organization"),
        "status": r.get("status"),
        **coded("code", r.get("code")),
        **coded("form_code", r.get("form")),
        "lot_number": batch.get("lotNumber"),
        "expiration_date": day(batch.get("expirationDate")),
    }


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
        "medication_id": to.one(r.get("medicationReference"), "Medication"),
        **coded("medication_code", medicine(r)),
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
        "medication_id": to.one(r.get("medicationReference"), "Medication"),
        **coded("medication_code", medicine(r)),
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
