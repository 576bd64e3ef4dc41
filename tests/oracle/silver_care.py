"""What happened and what was found: visits, bookings, problems, observations, consents, documents, harm."""

from silver_references import Follower
from silver_values import Json, amount, clinic_code, code, coded, first, has_code, moment, timed


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
    return (
        r.get("effectiveDateTime") or r.get("effectiveInstant") or r.get("effectivePeriod", {}).get("start")
    )


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
        "encounter_id": to.one(r.get("encounter"), "Encounter"),
        **timed("effective_at", effective(r), "effective_date"),
    }
    return [
        {**parent, "component_index": place, **coded("code", component.get("code")), **value(component)}
        for place, component in enumerate(r.get("component", []))
    ]


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


def document_time(r: Json) -> str | None:
    """When a document was made, as far as it says so."""
    made = [each.get("attachment", {}).get("creation") for each in r.get("content", [])]
    return (
        r.get("date") or next(filter(None, made), None) or r.get("context", {}).get("period", {}).get("start")
    )


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
        **timed("created_at", document_time(r), "created_date"),
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
