"""The marts on extracts and events against sums done by hand, row by row, over generated books."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from content_inputs import GENERATED, silver_of
from lake_content import lake_of, rows_in

FAMILIES = {"toxin", "filler", "laser", "peel", "lift"}


@pytest.fixture(scope="module")
def rows():
    """Silver rows of the generated clinics."""
    return silver_of(GENERATED)


def mart(name, *key):
    """The rows of a mart by the columns of a key."""
    return {tuple(row[column] for column in key): row for row in rows_in(lake_of(GENERATED), f"gold.{name}")}


def month_of(day):
    """The first day of a month."""
    return day.replace(day=1)


def monday(day):
    """The first day of a week."""
    return day - timedelta(days=day.weekday())


def rounded(number, places):
    """A fraction at so many decimal places, halves away from zero."""
    step = Decimal(1).scaleb(-places)
    return (Decimal(number.numerator) / Decimal(number.denominator)).quantize(step, ROUND_HALF_UP)


def test_members_are_counted_month_by_month(rows):
    """A member is new in the first month, there until the last, and gone after the month of the last day."""
    found = mart("membership_revenue", "month", "plan_code", "organization_id", "currency")
    for (month, *cell), row in found.items():
        mine = [
            m
            for m in rows["membership"]
            if [m["plan_code"], m["organization_id"], m["currency"]] == cell
            and month_of(m["start_date"]) <= month
        ]
        there = [m for m in mine if m["end_date"] is None or month_of(m["end_date"]) >= month]
        new = [m for m in there if month_of(m["start_date"]) == month]
        gone = [m for m in there if m["end_date"] and month_of(m["end_date"]) == month]
        assert row["members_new"] == len(new)
        assert row["members_at_start"] == len(there) - len(new)
        assert row["members_cancelled"] == len(gone)
        assert row["members_at_end"] == len(there) - len(gone)
        share = Fraction(len(gone), len(there) - len(new)) if len(there) > len(new) else None
        assert row["churn_rate"] == (None if share is None else rounded(share, 4))
    assert sum(row["members_cancelled"] for row in found.values()) > 2


def test_no_month_of_a_member_is_missing(rows):
    """Every month from the first to the last of each membership has a row of its plan and clinic."""
    found = mart("membership_revenue", "month", "plan_code", "organization_id", "currency")
    last = max(month for month, *_ in found)
    for member in rows["membership"]:
        month = month_of(member["start_date"])
        while month <= min(last, month_of(member["end_date"] or last)):
            assert (month, member["plan_code"], member["organization_id"], member["currency"]) in found
            month = month_of(month + timedelta(days=32))


def test_membership_money_counts_when_it_is_paid(rows):
    """Fees count in the month they were paid in, refunds in the month they were paid back in."""
    plans = {member["membership_id"]: member["plan_code"] for member in rows["membership"]}
    billed, collected, refunded = Counter(), Counter(), Counter()
    for payment in rows["payment"]:
        if payment["membership_id"] is None:
            continue
        cell = (
            month_of(payment["paid_date"]),
            plans[payment["membership_id"]],
            payment["organization_id"],
            payment["currency"],
        )
        if payment["kind"] == "refund":
            refunded[cell] += payment["amount"]
        else:
            billed[cell] += payment["amount"]
            collected[cell] += payment["amount"] if payment["status"] == "completed" else 0
    found = mart("membership_revenue", "month", "plan_code", "organization_id", "currency")
    assert set(billed) | set(refunded) <= set(found)
    for cell, row in found.items():
        assert (row["billed"], row["collected"]) == (billed[cell], collected[cell])
        assert row["refunded"] == refunded[cell]
        assert row["net_revenue"] == collected[cell] - refunded[cell]
    assert sum(refunded.values()) > 0
    assert sum(billed.values()) > sum(collected.values())


def lot(text):
    """A lot number as people mean it."""
    return text.replace(" ", "").upper()


def uses_of(rows):
    """Every use of a lot: (record type, record id) to patient, lot and product."""
    devices = {device["device_id"]: device for device in rows["device"]}
    found = {}
    for p in rows["procedure"]:
        if p["lot_number"]:
            found["procedure", p["procedure_id"]] = p["patient_key"], lot(p["lot_number"]), p["product_code"]
        used = devices.get(p["device_id"])
        if used and used["lot_number"]:
            found["device_use", p["procedure_id"]] = p["patient_key"], lot(used["lot_number"]), None
    for m in rows["medication_administration"]:
        if m["lot_number"]:
            found["medication_administration", m["medication_administration_id"]] = (
                m["patient_key"],
                lot(m["lot_number"]),
                m["medication_code"],
            )
    for device in rows["device"]:
        if device["patient_key"] and device["lot_number"]:
            found["implant", device["device_id"]] = device["patient_key"], lot(device["lot_number"]), None
    return found


def test_lots_are_traced_to_whoever_received_them(rows):
    """Every use of a lot is there with its patient, every lot on a shelf is, and nothing else."""
    found = rows_in(lake_of(GENERATED), "gold.lot_trace")
    uses = uses_of(rows)
    traced = {
        (row["record_type"], row["record_id"]): (row["patient_key"], row["lot_number"], row["product_code"])
        for row in found
        if row["record_type"] != "stock"
    }
    assert traced == uses
    shelves = {row["record_id"]: row["quantity_on_hand"] for row in found if row["record_type"] == "stock"}
    assert shelves == {s["inventory_lot_id"]: s["quantity_on_hand"] for s in rows["inventory_lot"]}


def test_a_recall_names_its_patients_in_one_query(rows):
    """For each recall, one query gives exactly the patients who received the lot, however it was typed."""
    uses = uses_of(rows).values()
    answered = 0
    for recall in rows["lot_recall"]:
        query = (
            "SELECT DISTINCT patient_key FROM gold.lot_trace "
            "WHERE lot_recall_id = ? AND record_type <> 'stock'"
        )
        asked = lake_of(GENERATED).execute(query, [recall["lot_recall_id"]]).fetchall()
        expected = {
            patient
            for patient, number, product in uses
            if number == lot(recall["lot_number"])
            and (None in {product, recall["product_code"]} or product == recall["product_code"])
        }
        assert {patient for (patient,) in asked} == expected
        answered += len(expected)
    assert answered


def test_lots_nobody_booked_in_are_shown(rows):
    """A use of a lot that no stock lists says so, and one of a listed lot bears its expiry."""
    listed = {(lot(s["lot_number"]), s["product_code"]): s["expiration_date"] for s in rows["inventory_lot"]}
    by_lot = {number: expires for (number, _), expires in listed.items()}
    unlisted = 0
    for row in rows_in(lake_of(GENERATED), "gold.lot_trace"):
        key = row["lot_number"], row["product_code"]
        known = listed.get(key) if row["product_code"] else by_lot.get(row["lot_number"])
        assert row["in_inventory"] == (known is not None)
        assert row["expiration_date"] == known
        unlisted += row["record_type"] == "procedure" and known is None
    assert unlisted


def matched(rows):
    """Each lead's patient, by number, else by an address or a telephone that one patient alone has."""
    emails, phones = defaultdict(set), defaultdict(set)
    for patient in rows["patient"]:
        emails[patient["email_token"]].add(patient["patient_key"])
        phones[patient["phone_token"]].add(patient["patient_key"])
    found = {}
    for lead in rows["lead"]:
        by_email, by_phone = emails.get(lead["email_token"], ()), phones.get(lead["phone_token"], ())
        found[lead["lead_id"]] = (
            lead["patient_key"]
            or (next(iter(by_email)) if len(by_email) == 1 else None)
            or (next(iter(by_phone)) if len(by_phone) == 1 else None)
        )
    return found


def credited(rows, patients):
    """The last lead before each booking, if it is not older than 90 days."""
    leads = defaultdict(list)
    for lead in rows["lead"]:
        leads[patients[lead["lead_id"]]].append((lead["created_at"], lead["lead_id"], lead["created_date"]))
    found = {}
    for booking in rows["appointment"]:
        before = [each for each in leads[booking["patient_key"]] if each[2] <= booking["created_date"]]
        if booking["patient_key"] and before:
            *_, identifier, day = max(before)
            if booking["created_date"] - day <= timedelta(days=90):
                found[booking["appointment_id"]] = identifier
    return found


def test_campaigns_are_credited_with_the_last_lead(rows):
    """Bookings, visits, treatments and money of each campaign are those of the last lead before a booking."""
    patients = matched(rows)
    lead_of = credited(rows, patients)
    booked, kept, treated, bookings, revenue = (
        defaultdict(set),
        defaultdict(set),
        defaultdict(set),
        Counter(),
        Counter(),
    )
    channels = {c["campaign_id"]: c["channel"] for c in rows["campaign"]}
    cell_of = {
        lead["lead_id"]: (lead["campaign_id"] or "none", channels.get(lead["campaign_id"], lead["channel"]))
        for lead in rows["lead"]
    }
    for booking in rows["appointment"]:
        if booking["appointment_id"] in lead_of:
            lead = lead_of[booking["appointment_id"]]
            booked[cell_of[lead]].add(lead)
            bookings[cell_of[lead]] += 1
            if booking["status"] == "fulfilled":
                kept[cell_of[lead]].add(lead)
    visits = {
        visit["encounter_id"]: lead_of[visit["appointment_id"]]
        for visit in rows["encounter"]
        if visit["appointment_id"] in lead_of
    }
    for procedure in rows["procedure"]:
        if procedure["encounter_id"] in visits and procedure["status"] == "completed":
            treated[cell_of[visits[procedure["encounter_id"]]]].add(visits[procedure["encounter_id"]])
    for payment in rows["payment"]:
        if (
            payment["encounter_id"] in visits
            and payment["status"] == "completed"
            and payment["currency"] == "USD"
        ):
            sign = -1 if payment["kind"] == "refund" else 1
            revenue[cell_of[visits[payment["encounter_id"]]]] += sign * payment["amount"]
    found = mart("campaign_conversion", "campaign_id", "channel")
    assert set(found) == set(cell_of.values()) | set(channels.items())
    leads = Counter(cell_of.values())
    known = Counter(cell_of[lead] for lead, patient in patients.items() if patient)
    spend = {c["campaign_id"]: c["spend"] for c in rows["campaign"]}
    for cell, row in found.items():
        assert (row["leads"], row["leads_matched"], row["bookings"]) == (
            leads[cell],
            known[cell],
            bookings[cell],
        )
        reached = row["leads_booked"], row["leads_attended"], row["leads_treated"]
        assert reached == (len(booked[cell]), len(kept[cell]), len(treated[cell]))
        assert row["revenue"] == revenue[cell]
        assert row["spend"] == spend.get(cell[0])
        cost = kept[cell] and cell[0] in spend and Fraction(spend[cell[0]]) / len(kept[cell])
        assert row["cost_per_conversion"] == (rounded(cost, 2) if cost else None)
    assert sum(len(leads) for leads in treated.values()) > 5


def test_schedules_are_held_against_bookings_day_by_day(rows):
    """Planned, booked, kept, idle and overbooked minutes of each week are those of its days."""
    rooms = {location["location_id"]: location["managing_organization_id"] for location in rows["location"]}
    planned, sums = Counter(), defaultdict(Counter)
    for session in rows["provider_schedule"]:
        if session["status"] == "planned":
            minutes = (session["end_at"] - session["start_at"]) // timedelta(minutes=1) - session[
                "break_minutes"
            ]
            planned[session["practitioner_id"], session["organization_id"], session["work_date"]] += minutes
    booked = Counter()
    for booking in rows["appointment"]:
        clinic = rooms[booking["location_id"]]
        week = sums[booking["practitioner_id"], clinic, monday(booking["start_date"])]
        week[booking["status"]] += 1
        if booking["status"] != "cancelled":
            booked[booking["practitioner_id"], clinic, booking["start_date"]] += booking["minutes_duration"]
            week["kept"] += booking["minutes_duration"] * (booking["status"] == "fulfilled")
    for who, clinic, day in set(planned) | set(booked):
        week, key = sums[who, clinic, monday(day)], (who, clinic, day)
        week["planned"] += planned[key]
        week["taken"] += booked[key]
        week["idle"] += max(0, planned[key] - booked[key])
        week["over"] += max(0, booked[key] - planned[key])
    found = mart("schedule_utilisation", "practitioner_id", "organization_id", "week")
    assert set(found) == set(sums)
    for cell, row in found.items():
        week = sums[cell]
        assert (row["planned_minutes"], row["booked_minutes"]) == (week["planned"], week["taken"])
        assert (row["idle_minutes"], row["overbooked_minutes"]) == (week["idle"], week["over"])
        assert (row["no_shows"], row["cancellations"]) == (week["noshow"], week["cancelled"])
        assert (row["attended"], row["attended_minutes"]) == (week["fulfilled"], week["kept"])
        assert row["practitioner_name"]
        assert row["organization_name"]
        share = Fraction(week["kept"], week["planned"]) if week["planned"] else None
        assert row["utilisation_rate"] == (None if share is None else rounded(share, 4))
    assert sum(week["over"] for week in sums.values()) > 0


def test_engagement_counts_events_once(rows):
    """A patient's month has the events of its local days, each event once though it was sent twice."""
    events = defaultdict(list)
    for event in rows["app_event"]:
        events[event["patient_key"], month_of(event["occurred_date"])].append(event)
    found = mart("engagement", "patient_key", "month")
    assert set(found) == set(events)
    for cell, row in found.items():
        mine = events[cell]
        kinds = Counter(event["event_type"] for event in mine)
        assert row["events"] == len({event["app_event_id"] for event in mine})
        assert row["sessions"] == len({event["session_id"] for event in mine})
        assert row["screens"] == len({event["screen"] for event in mine} - {None})
        assert (row["screen_views"], row["messages"]) == (kinds["screen_view"], kinds["message_sent"])
        assert row["last_seen_at"] == max(event["occurred_at"] for event in mine)
    local = sum(e["occurred_date"] != e["occurred_at"].date() for e in rows["app_event"])
    assert local, "the input has no event whose local day is another than that of UTC"


def test_skin_trends_are_lines_through_the_readings(rows):
    """Mean, slope and days since the last treatment are those of the exact sums over a week's readings."""
    weeks, treated = defaultdict(list), defaultdict(list)
    for reading in rows["sensor_reading"]:
        key = (
            reading["patient_key"],
            reading["site_code"],
            reading["metric"],
            monday(reading["measured_date"]),
        )
        weeks[key].append(reading)
    for procedure in rows["procedure"]:
        if procedure["status"] == "completed" and procedure["category_code"] in FAMILIES:
            treated[procedure["patient_key"]].append(procedure["performed_date"])
    found = mart("skin_sensor_trend", "patient_key", "site_code", "metric", "week")
    assert set(found) == set(weeks)
    for cell, row in found.items():
        points = [((r["measured_date"] - cell[3]).days, Fraction(r["value"])) for r in weeks[cell]]
        mean_x = Fraction(sum(x for x, _ in points), len(points))
        mean_y = sum(y for _, y in points) / len(points)
        spread = sum((x - mean_x) ** 2 for x, _ in points)
        slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else None
        assert row["readings"] == len(points)
        assert abs(row["mean_value"] - rounded(mean_y, 4)) <= Decimal("0.0001")
        assert (row["slope_per_day"] is None) == (slope is None)
        if slope is not None:
            assert abs(row["slope_per_day"] - rounded(slope, 4)) <= Decimal("0.0001")
        last = max(r["measured_date"] for r in weeks[cell])
        before = max((day for day in treated[cell[0]] if day <= last), default=None)
        assert row["last_treatment_date"] == before
        assert row["days_since_treatment"] == (None if before is None else (last - before).days)
    assert any(row["slope_per_day"] for row in found.values())


def test_the_books_are_those_of_several_months():
    """The generated books are long enough for these tests to mean something."""
    months = {row["month"] for row in rows_in(lake_of(GENERATED), "gold.membership_revenue")}
    assert len(months) > 12
    assert min(months) > date(2023, 1, 1)
