"""The gold models against sums done by hand, and their joins on every input."""

from collections import Counter, defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest
from content_inputs import GENERATED, silver_of
from lake_content import columns, contract, lake_of, models, rows_in

FAMILIES = {"toxin", "filler", "laser", "peel", "lift"}
NOT_VISITS = {"planned", "cancelled", "entered-in-error"}
GOLD = models()


@pytest.fixture(scope="module")
def clinic():
    """Silver rows of the generated clinics, and gold made of them."""
    return silver_of(GENERATED), {name: rows_in(lake_of(GENERATED), f"gold.{name}") for name in GOLD}


def by_patient(rows):
    """Rows of a silver dataset by patient."""
    found = defaultdict(list)
    for row in rows:
        found[row["patient_key"]].append(row)
    return found


def test_patient_360_counts_what_each_patient_did(clinic):
    """Visits, bookings and treatments of every patient are those of the patient's silver rows."""
    rows, gold = clinic
    visits, bookings = by_patient(rows["encounter"]), by_patient(rows["appointment"])
    procedures = by_patient(rows["procedure"])
    assert {row["patient_key"] for row in gold["patient_360"]} == {p["patient_key"] for p in rows["patient"]}
    for row in gold["patient_360"]:
        key = row["patient_key"]
        mine = [visit for visit in visits[key] if visit["status"] not in NOT_VISITS]
        status = Counter(booking["status"] for booking in bookings[key])
        done = [procedure for procedure in procedures[key] if procedure["status"] == "completed"]
        toxin = sum((p["units"] for p in done if p["category_code"] == "toxin"), Decimal(0))
        assert row["visits"] == len(mine)
        assert row["first_visit_date"] == min((visit["start_date"] for visit in mine), default=None)
        assert row["last_visit_date"] == max((visit["start_date"] for visit in mine), default=None)
        assert (row["no_shows"], row["cancellations"]) == (status["noshow"], status["cancelled"])
        assert row["treatments"] == sum(p["category_code"] in FAMILIES for p in done)
        assert row["toxin_units"] == toxin


def test_patient_360_knows_scores_consents_and_harm(clinic):
    """The last score, the active consents, the allergies and the adverse events are the patient's own."""
    rows, gold = clinic
    scores = by_patient(o for o in rows["observation"] if o["code"] == "gais-score")
    consents, allergies = by_patient(rows["consent"]), by_patient(rows["allergy_intolerance"])
    harms = by_patient(rows["adverse_event"])
    for row in gold["patient_360"]:
        key = row["patient_key"]
        last = max(scores[key], key=lambda o: (o["effective_at"], o["observation_id"]), default=None)
        active = {c["consent_kind"] for c in consents[key] if c["status"] == "active"}
        stated = [a["code"] for a in allergies[key]]
        assert row["last_gais_score"] == (last and last["value_quantity"])
        assert row["consents_to_marketing"] == ("marketing" in active)
        assert row["consents_to_photography"] == ("photography" in active)
        assert row["allergies"] == sum(code != "716186003" for code in stated)
        assert row["no_known_allergies"] == (stated == ["716186003"])
        assert row["adverse_events"] == len(harms[key])


def test_ages_are_completed_years(clinic):
    """A patient's age at the last activity is the number of birthdays since birth."""
    rows, gold = clinic
    born = {patient["patient_key"]: patient["birth_date"] for patient in rows["patient"]}
    for row in gold["patient_360"]:
        seen, birth = row["last_activity_date"], born[row["patient_key"]]
        if seen is None:
            assert row["age_band"] == "unknown"
        else:
            had_birthday = (seen.month, seen.day) >= (birth.month, birth.day)
            assert row["age_at_last_activity"] == seen.year - birth.year - (not had_birthday)


def test_visit_facts_name_and_count(clinic):
    """Every visit of the clinics bears its names, its length and what was done in it."""
    rows, gold = clinic
    encounters = {encounter["encounter_id"]: encounter for encounter in rows["encounter"]}
    staff = {p["practitioner_id"]: f"{p['given_name']} {p['family_name']}" for p in rows["practitioner"]}
    observations = Counter(o["encounter_id"] for o in rows["observation"])
    assert len(gold["visit_facts"]) == len(encounters)
    for row in gold["visit_facts"]:
        encounter = encounters[row["encounter_id"]]
        minutes = (encounter["end_at"] - encounter["start_at"]) // timedelta(minutes=1)
        assert row["practitioner_name"] == staff[encounter["practitioner_id"]]
        assert all(row[name] for name in ("location_name", "organization_name", "appointment_status"))
        assert row["duration_minutes"] == minutes
        assert row["observations"] == observations[row["encounter_id"]]
        assert row["start_month"] == encounter["start_date"].replace(day=1)


def test_provider_utilisation_adds_up(clinic):
    """Each practitioner's month has the bookings, no-shows and visits of that month."""
    rows, gold = clinic
    booked, missed, seen = Counter(), Counter(), Counter()
    for booking in rows["appointment"]:
        month = booking["practitioner_id"], booking["start_date"].replace(day=1)
        booked[month] += 1
        missed[month] += booking["status"] == "noshow"
    for visit in rows["encounter"]:
        seen[visit["practitioner_id"], visit["start_date"].replace(day=1)] += (
            visit["status"] not in NOT_VISITS
        )
    found = {(row["practitioner_id"], row["month"]): row for row in gold["provider_utilisation"]}
    assert set(booked) | set(seen) <= set(found)
    for month, row in found.items():
        assert (row["appointments"], row["no_shows"], row["encounters"]) == (
            booked[month],
            missed[month],
            seen[month],
        )
        if row["appointments"]:
            assert abs(float(row["no_show_rate"]) - missed[month] / booked[month]) < 0.0001


def test_treatment_outcomes_pair_scores(clinic):
    """A treatment's score is the first from the seventh day on, its baseline the last before."""
    rows, gold = clinic
    procedures = {procedure["procedure_id"]: procedure for procedure in rows["procedure"]}
    named = defaultdict(list)
    for observation in sorted(rows["observation"], key=lambda o: (o["effective_at"], o["observation_id"])):
        named[observation["procedure_id"], observation["code"]].append(observation)
    judged = 0
    for row in gold["treatment_outcomes"]:
        procedure = procedures[row["procedure_id"]]
        day = procedure["performed_date"]
        scores = [
            o["value_quantity"]
            for o in named[row["procedure_id"], "gais-score"]
            if timedelta(7) <= o["effective_date"] - day <= timedelta(180)
        ]
        before = [
            o["value_quantity"]
            for o in named[row["procedure_id"], "wrinkle-severity"]
            if o["effective_at"] <= procedure["performed_at"]
        ]
        assert row["gais_score"] == (scores[0] if scores else None)
        assert row["baseline_severity"] == (before[-1] if before else None)
        judged += bool(scores)
    assert judged > len(gold["treatment_outcomes"]) / 3


def test_reconciliation_rules_hold(origin):
    """On every input, each gold dataset has as much as silver gives it."""
    for name in GOLD:
        for rule in contract("gold", name)["schema"][0]["quality"]:
            if rule["type"] == "sql":
                assert lake_of(origin).execute(rule["query"]).fetchone()[0] == rule["mustBe"], (
                    name,
                    rule["name"],
                )


def test_keys_are_unique(origin):
    """On every input, no two rows of a gold dataset have the same key."""
    for name in GOLD:
        key = ", ".join(column["name"] for column in columns("gold", name) if column.get("primaryKey"))
        assert (
            not lake_of(origin)
            .execute(f"SELECT {key} FROM gold.{name} GROUP BY ALL HAVING count(*) > 1")
            .fetchall()
        )


def test_joins_find_what_the_input_has(origin):
    """On every input, a visit finds its patient and its names wherever the input holds them."""
    rows = silver_of(origin)
    targets = {
        "practitioner_name": ("practitioner_id", {r["practitioner_id"] for r in rows["practitioner"]}),
        "organization_name": ("organization_id", {r["organization_id"] for r in rows["organization"]}),
        "location_name": ("location_id", {r["location_id"] for r in rows["location"]}),
        "patient_gender": ("patient_key", {r["patient_key"] for r in rows["patient"] if r["gender"]}),
    }
    for row in rows_in(lake_of(origin), "gold.visit_facts"):
        for name, (key, known) in targets.items():
            if row[key] in known:
                assert row[name] is not None, name
