from collections import Counter, defaultdict
from datetime import date
from statistics import fmean, median

UNTIL = date(2026, 6, 30)


def code(concept):
    """The first code of a CodeableConcept."""
    return concept["coding"][0]["code"]


def day(text):
    """The local day of a dateTime."""
    return date.fromisoformat(text[:10])


def performed(procedure):
    """The day of a procedure."""
    return day(procedure.get("performedDateTime") or procedure["performedPeriod"]["start"])


def key(reference):
    """The id a literal, absolute or urn reference names."""
    return reference.get("reference", "").split("/")[-1].removeprefix("urn:uuid:")


def test_size_is_moderate(clean):
    """A patient has 35 to 50 resources on average."""
    assert 35 <= clean.report.lines / 450 <= 50


def test_patients_are_adults_and_mostly_women(latest):
    """About 80 % are women, all are 18 to 80, most are 25 to 60."""
    patients = [p for p in latest["Patient"].values() if len(p["birthDate"]) == 10]
    ages = [(UNTIL - day(p["birthDate"])).days / 365.2425 for p in patients]
    assert 0.74 < fmean(p["gender"] == "female" for p in patients) < 0.86
    assert min(ages) >= 18
    assert max(ages) < 82
    assert fmean(25 <= age < 61 for age in ages) > 0.65


def test_appointments_fail_as_often_as_in_a_clinic(latest):
    """6 to 8 % of past appointments are missed, some are cancelled with a reason, and the next are booked."""
    statuses = Counter(a["status"] for a in latest["Appointment"].values())
    past = sum(statuses.values()) - statuses["booked"]
    assert 0.055 < statuses["noshow"] / past < 0.085
    assert 0.06 < statuses["cancelled"] / past < 0.14
    for appointment in latest["Appointment"].values():
        assert (day(appointment["start"]) > UNTIL) == (appointment["status"] == "booked")
        assert day(appointment["created"]) < day(appointment["start"])


def test_clinics_close_on_sunday_and_are_fullest_late_in_the_week(latest):
    """No visit falls on a Sunday; Thursday and Friday have more than Monday."""
    days = Counter(day(a["start"]).weekday() for a in latest["Appointment"].values())
    assert days[6] == 0
    assert min(days[3], days[4]) > days[0]


def test_lasers_and_peels_rest_in_summer(latest):
    """Lasers and peels are done far less in June to August than in winter."""
    months = Counter(
        performed(p).month for p in latest["Procedure"].values() if code(p["category"]) in {"laser", "peel"}
    )
    assert months[6] + months[7] + months[8] < 0.85 * (months[12] + months[1] + months[2])


def test_toxin_is_repeated_after_three_to_five_months(latest):
    """The median interval between toxin treatments of the same area is three to five months."""
    days = defaultdict(list)
    for procedure in latest["Procedure"].values():
        if code(procedure["code"]) == "BTX-UPPER":
            days[key(procedure["subject"])].append(performed(procedure))
    gaps = [
        (b - a).days
        for found in days.values()
        for a, b in zip(sorted(found), sorted(found)[1:], strict=False)
    ]
    assert 90 <= median(gaps) <= 155


def test_doses_are_those_of_practice(latest):
    """Toxin is given in tens of units, filler in millilitres, and the site amounts add up to the total."""
    for procedure in latest["Procedure"].values():
        extensions = defaultdict(list)
        for found in procedure["extension"]:
            extensions[found["url"].rsplit("/", 1)[1]].append(found)
        total = extensions["total-amount"][0]["valueQuantity"]
        parts = [part["extension"][1]["valueQuantity"]["value"] for part in extensions["site-amount"]]
        assert abs(sum(parts) - total["value"]) < 0.01
        assert len(parts) == len(procedure["bodySite"])
        low, high = {"U": (20, 200), "mL": (0.4, 5), "pulses": (50, 2000), "threads": (3, 9)}[total["unit"]]
        assert low <= total["value"] <= high
        assert ("product" in extensions) == ("lot-number" in extensions) == (total["unit"] != "pulses")


def test_lots_are_shared_within_a_clinic_and_quarter(latest):
    """A lot goes to several patients, so that a recall has someone to find."""
    patients = defaultdict(set)
    for procedure in latest["Procedure"].values():
        for found in procedure["extension"]:
            if found["url"].endswith("/lot-number"):
                patients[found["valueString"]].add(key(procedure["subject"]))
    assert max(map(len, patients.values())) >= 5


def test_adverse_events_are_rare_and_seldom_serious(latest):
    """1 to 2 % of treatments do harm, give or take the sample; serious harm is a small part of it."""
    events = list(latest["AdverseEvent"].values())
    assert 0.005 < len(events) / len(latest["Procedure"]) < 0.03
    assert fmean(code(e["seriousness"]) == "serious" for e in events) < 0.4
    procedures = set(latest["Procedure"])
    assert all(key(e["suspectEntity"][0]["instance"]) in procedures for e in events)


def test_outcomes_follow_treatments(latest):
    """The better the improvement score of a treatment, the more its wrinkle grade fell."""
    before, after, score = {}, {}, {}
    for observation in latest["Observation"].values():
        name = code(observation["code"])
        if "partOf" not in observation or name not in {"gais-score", "wrinkle-severity"}:
            continue
        procedure, value = key(observation["partOf"][0]), observation["valueQuantity"]["value"]
        when = day(observation["effectiveDateTime"])
        if name == "gais-score":
            score[procedure] = value
        elif when == performed(latest["Procedure"][procedure]):
            before[procedure] = value
        else:
            after[procedure] = value
    fall = defaultdict(list)
    for procedure in before.keys() & after.keys() & score.keys():
        fall[score[procedure]].append(before[procedure] - after[procedure])
    assert len(score) > 300
    assert fmean(fall[1]) > fmean(fall[2]) > fmean(fall[3]) > 0
    assert 1.3 < fmean(score.values()) < 3.0


def test_vital_signs_are_those_of_living_people(latest):
    """Blood pressure, body mass index and heart rate lie where living people have them."""
    limits = {"39156-5": (15, 45), "8867-4": (40, 120), "8302-2": (135, 205), "29463-7": (35, 160)}
    for observation in latest["Observation"].values():
        name = code(observation["code"])
        if name == "85354-9":
            systolic, diastolic = (part["valueQuantity"]["value"] for part in observation["component"])
            assert 80 <= systolic <= 190
            assert 45 <= diastolic < systolic
        elif name in limits:
            low, high = limits[name]
            assert low <= observation["valueQuantity"]["value"] <= high
