"""What the OMOP pack has to give, computed row by row in plain Python from the rows of silver."""

from collections import Counter

HOME = {
    "Condition": "condition_occurrence",
    "Procedure": "procedure_occurrence",
    "Drug": "drug_exposure",
    "Device": "device_exposure",
    "Measurement": "measurement",
}
DATE = {
    "condition": ("onset_date", "recorded_date"),
    "adverse_event": ("occurred_date",),
    "allergy_intolerance": ("onset_date", "recorded_date"),
    "procedure": ("performed_date",),
    "medication_request": ("authored_date",),
    "medication_administration": ("effective_date",),
    "immunization": ("occurrence_date",),
    "observation": ("effective_date",),
    "observation_component": ("effective_date",),
}
CODE = {
    "adverse_event": "event_code",
    "medication_request": "medication_code",
    "medication_administration": "medication_code",
    "immunization": "vaccine_code",
}
NOT_COUNTED = {
    "condition": {"refuted", "entered-in-error"},
    "allergy_intolerance": {"refuted", "entered-in-error"},
    "procedure": {"preparation", "not-done", "entered-in-error"},
    "medication_request": {"cancelled", "entered-in-error", "draft"},
    "medication_administration": {"not-done", "entered-in-error"},
    "observation": {"registered", "cancelled", "entered-in-error"},
}
ALLERGY_TO_DRUG = 439224


def rows_of(lake, name):
    """The living rows of a silver dataset."""
    return [row for row in lake.table(f"silver.{name}").to_pylist() if not row["deleted"]]


def persons(lake):
    """The keys of the patients that are persons."""
    return {
        row["patient_key"]
        for row in rows_of(lake, "patient")
        if row["is_current"] and row["replaced_by"] is None and row["birth_date"] is not None
    }


def records(lake):
    """Every coded record that CDM has a place for: origin, code system, code and the domain it has itself."""
    known = persons(lake)
    visits = {
        (row["source"], row["encounter_id"]): row
        for row in rows_of(lake, "encounter")
        if row["patient_key"] in known
        and row["start_date"]
        and row["status"] not in {"planned", "cancelled", "entered-in-error"}
    }
    drugs = {(row["source"], row["medication_id"]): row for row in rows_of(lake, "medication")}
    given = {
        (row["source"], row["encounter_id"], _coded(row, "medication_code", drugs)[1])
        for row in rows_of(lake, "medication_administration")
    }
    for origin, dates in DATE.items():
        for row in rows_of(lake, origin):
            visit = visits.get((row["source"], row.get("encounter_id")))
            in_visit = visit is not None and visit["patient_key"] == row["patient_key"]
            dated = in_visit or any(row[name] for name in dates)
            if row["patient_key"] not in known or not dated or not _counts(origin, row):
                continue
            column = CODE.get(origin, "code")
            yield origin, *_coded(row, column, drugs), _home(origin, row)
            told = (row["source"], row.get("encounter_id"), row.get("product_code"))
            if origin == "procedure" and row["product_code"] and told not in given:
                home = "Drug" if row["category_code"] == "toxin" else "Device"
                yield "product", row["product_code_system"], row["product_code"], home


def _coded(row, column, drugs):
    """Code system and code of a record; those of the Medication that it names where it tells none itself."""
    drug = drugs.get((row["source"], row.get("medication_id")))
    if row[column] is None and drug:
        return drug["code_system"], drug["code"]
    return row[f"{column}_system"], row[column]


def _counts(origin, row):
    if origin == "adverse_event":
        return row["actuality"] in {None, "actual"}
    if origin == "immunization":
        return row["status"] == "completed"
    if origin == "medication_request" and row["do_not_perform"]:
        return False
    status = "verification_status" if origin in {"condition", "allergy_intolerance"} else "status"
    return row.get(status) not in NOT_COUNTED.get(origin, set())


def _home(origin, row):
    if origin in {"condition", "adverse_event"}:
        return "Condition"
    if origin == "procedure":
        return "Procedure"
    if origin in {"medication_request", "medication_administration", "immunization"}:
        return "Drug"
    if origin == "allergy_intolerance":
        return "Observation"
    measured = row["value_quantity"] is not None
    if origin == "observation":
        measured = measured or row["category_code"] in {"laboratory", "vital-signs"}
    return "Measurement" if measured else "Observation"


def expected(lake, vocabulary):
    """How many rows each table has of each pair of standard and source concept; and what share is mapped."""
    rows, mapped = Counter(), Counter()
    for origin, system, code, home in records(lake):
        source, domain, targets = vocabulary.targets(system, code)
        mapped[origin, bool(targets)] += 1
        if not targets:
            table = (
                "observation" if origin == "allergy_intolerance" else HOME.get(domain or home, "observation")
            )
            rows[table, 0, source] += 1
        for concept, of in targets:
            allergen = origin == "allergy_intolerance" and of in {"Drug", "Device"}
            table = "observation" if allergen else HOME.get(of, "observation")
            rows[table, ALLERGY_TO_DRUG if allergen else concept, source] += 1
    return rows, mapped
