"""The marts at their edges, on rows written for the purpose."""

from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb
import pytest
from lake_content import model_sql, silver_tables


def mart(name, **rows):
    """The rows of a mart over silver datasets with these rows alone."""
    with duckdb.connect() as session:
        silver_tables(session, rows, "s")
        return session.execute(model_sql(name)).to_arrow_table().to_pylist()


def at(text):
    """An instant."""
    return datetime.fromisoformat(text).astimezone(UTC)


def lead(name, day, patient="p", campaign="c", **more):
    """A lead of a day."""
    created = {"created_at": at(f"{day}T12:00:00+00:00"), "created_date": date.fromisoformat(day)}
    return {
        "lead_id": name,
        "campaign_id": campaign,
        "patient_key": patient,
        "status": "new",
        **created,
        **more,
    }


def booking(name, day, patient="p", status="booked"):
    """An appointment booked on a day."""
    return {
        "appointment_id": name,
        "patient_key": patient,
        "status": status,
        "created_date": date.fromisoformat(day),
    }


@pytest.mark.parametrize(
    ("days", "credited"),
    [
        (["2026-01-01"], {"c": 1, "d": 0}),
        (["2025-12-31"], {"c": 0, "d": 0}),
        (["2026-01-31"], {"c": 1, "d": 0}),
        (["2026-02-01"], {"c": 0, "d": 1}),
        (["2026-05-02"], {"c": 0, "d": 1}),
        (["2026-05-03"], {"c": 0, "d": 0}),
    ],
)
def test_a_booking_is_credited_to_the_last_lead_for_ninety_days(days, credited):
    """The last lead on or before the day of a booking has it, up to 90 days after; none before or later."""
    leads = [lead("1", "2026-01-01"), lead("2", "2026-02-01", campaign="d")]
    found = mart("campaign_conversion", lead=leads, appointment=[booking(d, d) for d in days])
    assert {row["campaign_id"]: row["leads_booked"] for row in found} == credited


def test_of_two_leads_of_one_day_the_later_has_the_booking():
    """Two leads of one day share nothing: the later of them is credited."""
    later = lead("1", "2026-01-01", campaign="d") | {"created_at": at("2026-01-01T18:00:00+00:00")}
    found = mart(
        "campaign_conversion", lead=[lead("2", "2026-01-01"), later], appointment=[booking("b", "2026-01-01")]
    )
    assert {row["campaign_id"]: row["bookings"] for row in found} == {"c": 0, "d": 1}


@pytest.mark.parametrize(("patients", "matched"), [(1, 1), (2, 0)])
def test_an_address_that_two_patients_share_is_nobodys(patients, matched):
    """A lead without record number is a patient's where one patient alone has its address."""
    known = [{"patient_key": f"p{n}", "email_token": "e", "replaced_by": None} for n in range(patients)]
    found = mart(
        "campaign_conversion", lead=[lead("1", "2026-01-01", patient=None, email_token="e")], patient=known
    )
    assert [row["leads_matched"] for row in found] == [matched]


def test_a_replaced_record_does_not_hide_its_survivor():
    """Of two records that were merged, the survivor alone can match a lead."""
    known = [
        {"patient_key": "old", "email_token": "e", "replaced_by": "new"},
        {"patient_key": "new", "email_token": "e", "replaced_by": None},
    ]
    found = mart(
        "campaign_conversion", lead=[lead("1", "2026-01-01", patient=None, email_token="e")], patient=known
    )
    assert [row["leads_matched"] for row in found] == [1]


def test_lots_are_compared_as_people_type_them():
    """Case and blanks do not part a recall from what was given; another product does."""
    given = {"status": "completed", "performed_date": date(2026, 1, 2), "patient_key": "p"}
    uses = [
        {**given, "procedure_id": "1", "lot_number": "AB 12", "product_code": "x"},
        {**given, "procedure_id": "2", "lot_number": "AB12", "product_code": "y"},
        {**given, "procedure_id": "3", "lot_number": "AB13", "product_code": "x"},
    ]
    recall = {
        "lot_recall_id": "r",
        "lot_number": "ab12",
        "product_code": "x",
        "announced_date": date(2026, 1, 2),
    }
    found = {row["record_id"]: row for row in mart("lot_trace", procedure=uses, lot_recall=[recall])}
    assert {key: row["lot_recall_id"] for key, row in found.items()} == {"1": "r", "2": "none", "3": "none"}
    assert found["1"]["given_after_recall"] is True
    assert [row["in_inventory"] for row in found.values()] == [False, False, False]


def test_two_recalls_of_a_lot_both_reach_it():
    """A lot that was recalled twice is found under each recall, on the shelf and in patients."""
    shelf = {"inventory_lot_id": "i", "lot_number": "L", "product_code": "x", "quantity_on_hand": Decimal(3)}
    use = {
        "procedure_id": "1",
        "status": "stopped",
        "lot_number": "L",
        "product_code": "x",
        "patient_key": "p",
    }
    recalls = [{"lot_recall_id": r, "lot_number": "L", "product_code": None} for r in ("r1", "r2")]
    found = mart("lot_trace", procedure=[use], inventory_lot=[shelf], lot_recall=recalls)
    assert sorted((row["record_type"], row["lot_recall_id"]) for row in found) == [
        ("procedure", "r1"), ("procedure", "r2"), ("stock", "r1"), ("stock", "r2"),
    ]  # fmt: skip


def test_months_of_engagement_are_those_of_the_telephone():
    """An event of the last evening of a month counts in it, though it is the next month in UTC."""
    event = {
        "app_event_id": "e",
        "patient_key": "p",
        "event_type": "screen_view",
        "session_id": "s",
        "occurred_at": at("2026-03-31T21:00:00-07:00"),
        "occurred_date": date(2026, 3, 31),
    }
    assert [row["month"] for row in mart("engagement", app_event=[event])] == [date(2026, 3, 1)]


def test_a_membership_of_one_month_comes_and_goes_in_it():
    """Who joins and leaves within a month is new and cancelled in it, and makes no churn of nobody."""
    member = {
        "membership_id": "m", "plan_code": "a", "organization_id": "o", "currency": "USD",
        "status": "cancelled", "start_date": date(2026, 2, 3), "end_date": date(2026, 2, 28),
    }  # fmt: skip
    (row,) = mart("membership_revenue", membership=[member])
    counts = [
        row[name] for name in ("members_at_start", "members_new", "members_cancelled", "members_at_end")
    ]
    assert counts == [0, 1, 1, 0]
    assert row["churn_rate"] is None


def test_a_refund_counts_in_the_month_it_is_paid_back():
    """Money is counted on a cash basis: a fee of January that is paid back in March lowers March."""
    fee = {"kind": "membership", "status": "completed", "membership_id": "m", "currency": "USD"}
    paid = {**fee, "payment_id": "1", "amount": Decimal(99), "paid_date": date(2026, 1, 31)}
    back = {**fee, "payment_id": "2", "kind": "refund", "amount": Decimal(99), "paid_date": date(2026, 3, 1)}
    treated = {**paid, "payment_id": "3", "kind": "treatment", "membership_id": None}
    found = mart("membership_revenue", payment=[paid, back, treated])
    assert {row["month"]: row["net_revenue"] for row in found} == {
        date(2026, 1, 1): Decimal(99),
        date(2026, 3, 1): Decimal(-99),
    }
    assert {row["plan_code"] for row in found} == {"unknown"}


def test_time_beyond_the_plan_does_not_fill_gaps_of_another_day():
    """An overbooked Monday and an idle Tuesday stand beside each other in the week."""
    session = {"practitioner_id": "a", "organization_id": "o", "status": "planned", "break_minutes": 30}
    hours = [("2026-06-01", "09:00", "11:00"), ("2026-06-02", "09:00", "11:00")]
    plan = [
        {
            **session,
            "provider_schedule_id": day,
            "work_date": date.fromisoformat(day),
            "start_at": at(f"{day}T{start}:00+00:00"),
            "end_at": at(f"{day}T{end}:00+00:00"),
        }
        for day, start, end in hours
    ]
    visit = {"practitioner_id": "a", "location_id": "r", "start_date": date(2026, 6, 1)}
    visits = [
        {**visit, "appointment_id": "1", "status": "fulfilled", "minutes_duration": 100},
        {**visit, "appointment_id": "2", "status": "cancelled", "minutes_duration": 45},
    ]
    room = {"location_id": "r", "managing_organization_id": "o"}
    (row,) = mart("schedule_utilisation", provider_schedule=plan, appointment=visits, location=[room])
    assert (row["planned_minutes"], row["booked_minutes"]) == (180, 100)
    assert (row["overbooked_minutes"], row["idle_minutes"]) == (10, 90)
    assert row["week"] == date(2026, 6, 1)


def test_readings_of_one_day_have_no_slope():
    """A week with readings of one day alone has a mean and no slope."""
    reading = {"patient_key": "p", "metric": "tewl", "unit": "u", "measured_date": date(2026, 6, 3)}
    readings = [{**reading, "sensor_reading_id": str(value), "value": Decimal(value)} for value in (10, 12)]
    (row,) = mart("skin_sensor_trend", sensor_reading=readings)
    assert (row["mean_value"], row["slope_per_day"], row["days_since_treatment"]) == (Decimal(11), None, None)


def record(name, *, born="1980-02-03", family="f", given="g", **more):
    """A live record of a patient."""
    return {
        "patient_key": name,
        "gender": "female",
        "birth_date": date.fromisoformat(born) if born else None,
        "family_name_token": family,
        "given_name_token": given,
        "is_current": True,
        "deleted": False,
        "replaced_by": None,
        **more,
    }


def number(patient, value):
    """An identifier of a patient."""
    return {"resource_type": "Patient", "resource_id": patient, "value_token": value}


def matches(people, numbers=()):
    """Who may be whom: identifiers they share, and whether names and birth date are the same."""
    found = mart("patient_match", patient=people, identifier=[number(*each) for each in numbers])
    pairs = {(row["patient_key"], row["other_key"]): row for row in found}
    assert len(pairs) == len(found)
    return {pair: (row["shared_identifiers"], row["same_name_and_birth_date"]) for pair, row in pairs.items()}


def test_records_match_by_identifiers_or_by_names_and_birth_date():
    """Each pair stands once, with all that its records share; one part of a name is not enough."""
    people = [record("a"), record("b"), record("c", given="h"), record("d", born="1990-01-01")]
    numbers = [("a", "1"), ("b", "1"), ("a", "2"), ("b", "2"), ("c", "3"), ("d", "3"), ("d", "3")]
    assert matches(people, numbers) == {("a", "b"): (2, True), ("c", "d"): (1, False)}


@pytest.mark.parametrize(
    "gone", [{"deleted": True}, {"is_current": False}, {"replaced_by": "a"}, {"family": None}, {"born": None}]
)
def test_nobody_matches_a_record_that_is_no_patient_of_now(gone):
    """Deleted, old and merged records match nobody, nor do records whose name or birth date is unknown."""
    assert matches([record("a"), record("b", **gone)]) == {}


def test_what_many_share_matches_nobody():
    """A number or a name that more than ten records share is a placeholder."""
    ten, eleven = ([record(f"{n:02}") for n in range(count)] for count in (10, 11))
    assert len(matches(ten)) == 45
    assert matches(eleven) == {}
    apart = [record(f"{n:02}", family=f"{n}") for n in range(11)]
    assert matches(apart, [(f"{n:02}", "000-00-0000") for n in range(11)]) == {}
