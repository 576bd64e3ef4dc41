"""What silver must hold of generated extracts and events, read row by row with nothing of the product.

    rows = records(folder, resources)["payment"]

The folder is that of a clean export, the resources those of its FHIR part, by which record numbers are
followed. Rows are as those of `silver_oracle`: typed, with raw identifiers where the contracts tokenise.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
from silver_references import Index
from silver_values import Json, moment

CLINIC = "https://aesthetics360.example/identifier"
NPI = "http://hl7.org/fhir/sid/us-npi"
HEAD_OFFICE = ZoneInfo("America/New_York")


def records(folder: Path, resources: Iterable[Json]) -> dict[str, list[Json]]:
    """The rows of every dataset of records, the latest version of each record."""
    index = Index.of(resources)
    return {
        dataset: _latest(reading(raw, _Found(index)) for raw in _raw(folder, pattern))
        for dataset, (pattern, reading) in READINGS.items()
    }


class _Found:
    """Finds resources by identifier, and counts what leads to none."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self.unresolved = 0

    def __call__(self, kind: str, system: str, value: str | None) -> str | None:
        if not value:
            return None
        found = self._index.found.get((kind, f"{system}|{value}"), set())
        self.unresolved += len(found) != 1
        return next(iter(found)) if len(found) == 1 else None


def _latest(rows: Iterable[Json]) -> list[Json]:
    """One row a key: the last by time of change, then by arrival."""
    kept: dict[str, Json] = {}
    for row in rows:
        key = next(iter(row.values()))
        known = kept.get(key)
        if known is None or row["last_updated"] is None or row["last_updated"] >= known["last_updated"]:
            kept[key] = row
    return list(kept.values())


def _raw(folder: Path, pattern: str) -> Iterator[Json]:
    """The rows of the files of a record, as received."""
    for file in sorted(folder.glob(pattern)):
        if file.suffix == ".parquet":
            yield from pq.read_table(file).to_pylist()
        elif file.suffix == ".ndjson":
            yield from (json.loads(line, parse_float=Decimal) for line in file.read_text().splitlines())
        else:
            yield from _sheet(file)


def _sheet(file: Path) -> Iterator[Json]:
    """The rows of a CSV file between its title and its total."""
    raw = file.read_bytes()
    german = b";" in raw.splitlines()[1]
    lines = raw.decode("cp1252" if german else "utf-8-sig").splitlines(keepends=True)
    if german and lines[0].startswith("Lager"):
        lines = lines[1:]
    for row in csv.DictReader(lines, delimiter=";" if german else ","):
        if next(iter(row.values())) not in {"TOTAL", "Total", "Summe"}:
            yield {name: value or None for name, value in row.items()}


def money(text: str | None) -> Decimal | None:
    """An amount in dollars and cents, thousands apart by commas."""
    return None if text is None else Decimal(text.replace(",", ""))


def german(text: str | None, places: str = "0.01") -> Decimal | None:
    """A number with a decimal comma."""
    if text is None:
        return None
    return Decimal(text.replace(",", ".")).quantize(Decimal(places), rounding=ROUND_HALF_UP)


def german_day(text: str | None) -> date | None:
    """A day before its month."""
    return None if text is None else datetime.strptime(text, "%d.%m.%Y").replace(tzinfo=UTC).date()


def day(text: str | None) -> date | None:
    """The day as written."""
    return None if text is None else date.fromisoformat(text[:10])


def head_office(text: str) -> datetime:
    """Local time of the head office."""
    form = "%m/%d/%Y %H:%M" if "/" in text else "%d.%m.%Y %H:%M"
    return datetime.strptime(text, form).replace(tzinfo=HEAD_OFFICE).astimezone(UTC)


def _beside(found: _Found, updated: datetime | None = None) -> Json:
    return {"version_id": None, "last_updated": updated, "unresolved_references": found.unresolved}


def _patient(raw: Json, found: _Found, name: str = "Patient MRN") -> str | None:
    return found("Patient", f"{CLINIC}/mrn", raw[name])


def _membership(raw: Json, found: _Found) -> Json:
    return {
        "membership_id": raw.get("Member No") or raw.get("Membership Number"),
        "patient_key": _patient(raw, found),
        "organization_id": raw["Clinic"],
        "plan_code": raw["Plan"],
        "monthly_fee": money(raw["Monthly Fee"]),
        "currency": raw["Currency"],
        "start_date": day(raw["Start Date"]),
        "end_date": day(raw["End Date"]),
        "status": raw["State"],
        "cancel_reason": raw.get("Cancel Reason"),
        **_beside(found, moment(raw["Changed"])),
    }


def _package(raw: Json, found: _Found) -> Json:
    return {
        "package_id": raw["Package No"],
        "patient_key": _patient(raw, found),
        "organization_id": raw["Clinic"],
        "treatment_code": raw["Treatment"],
        "sessions_sold": int(raw["Sessions"]),
        "sessions_used": int(raw["Used"]),
        "sessions_left": int(raw["Left"]),
        "price": money(raw["Price"]),
        "currency": raw["Currency"],
        "sold_date": day(raw["Sold On"]),
        "expires_date": day(raw["Expires On"]),
        "status": raw["State"],
        **_beside(found, moment(raw["Changed"])),
    }


def _payment(raw: Json, found: _Found) -> Json:
    return {
        "payment_id": raw.get("Payment No") or raw.get("Receipt"),
        "kind": raw["Kind"],
        "status": raw["Status"],
        "patient_key": _patient(raw, found, "MRN" if "MRN" in raw else "Patient MRN"),
        "organization_id": raw["Clinic"],
        "encounter_id": found("Encounter", f"{CLINIC}/visit", raw["Visit No"]),
        "membership_id": raw["Membership No"],
        "package_id": raw["Package No"],
        "refund_of_payment_id": raw["Refund Of"],
        "amount": money(raw.get("Amount") or raw.get("Total")),
        "original_amount": money(raw["Original Amount"]),
        "currency": raw["Currency"],
        "method": raw["Method"],
        "item_code": raw["Item"],
        "paid_at": moment(raw["Paid At"]),
        "paid_date": day(raw["Paid At"]),
        **_beside(found),
    }


def _inventory_lot(raw: Json, found: _Found) -> Json:
    return {
        "inventory_lot_id": f"{raw['Filiale']}|{raw['Artikel']}|{raw['Charge']}",
        "organization_id": raw["Filiale"],
        "product_code": raw["Artikel"],
        "product_name": raw["Bezeichnung"],
        "manufacturer": raw["Hersteller"],
        "lot_number": raw["Charge"],
        "expiration_date": german_day(raw["Verfall"]),
        "received_date": german_day(raw["Eingang"]),
        "quantity_received": german(raw["Menge"], "0.001"),
        "quantity_on_hand": german(raw["Bestand"], "0.001"),
        "unit_cost": german(raw["Einzelpreis"]),
        "currency": raw["Währung"],
        "storage_temperature": german(raw.get("Temperatur °C"), "0.1"),
        **_beside(found, head_office(raw["Geändert"])),
    }


def _lot_recall(raw: Json, found: _Found) -> Json:
    return {
        "lot_recall_id": raw["Rückruf-Nr"],
        "product_code": raw["Artikel"],
        "lot_number": raw["Charge"],
        "recall_class": raw["Klasse"],
        "reason": raw["Grund"],
        "announced_date": german_day(raw["Bekannt seit"]),
        "closed_date": german_day(raw["Beendet"]),
        "status": raw["Status"],
        **_beside(found),
    }


def _campaign(raw: Json, found: _Found) -> Json:
    return {
        "campaign_id": raw["Campaign ID"],
        "name": raw["Name"],
        "channel": raw["Channel"],
        "start_date": day(raw["Starts"]),
        "end_date": day(raw["Ends"]),
        "budget": money(raw["Budget"]),
        "spend": money(raw["Spend"]),
        "currency": raw["Currency"],
        **_beside(found),
    }


def _lead(raw: Json, found: _Found) -> Json:
    created = raw["Created"]
    return {
        "lead_id": raw["Lead ID"],
        "patient_key": _patient(raw, found),
        "campaign_id": raw["Campaign ID"],
        "channel": raw["Channel"],
        "organization_id": raw["Clinic"],
        "given_name_token": raw["First Name"],
        "family_name_token": raw["Last Name"],
        "email_token": raw["Email"],
        "phone_token": raw["Phone"],
        "status": raw["Status"],
        "interest": raw["Interest"],
        "created_at": head_office(created),
        "created_date": date(int(created[6:10]), int(created[:2]), int(created[3:5])),
        **_beside(found),
    }


def _provider_schedule(raw: Json, found: _Found) -> Json:
    return {
        "provider_schedule_id": raw["shift_no"],
        "practitioner_id": found("Practitioner", NPI, raw["provider_npi"]),
        "organization_id": raw["clinic"],
        "location_id": raw["room"],
        "work_date": raw["work_date"],
        "start_at": raw["starts_at"],
        "end_at": raw["ends_at"],
        "break_minutes": raw["break_minutes"],
        "status": raw["status"],
        **_beside(found, raw["changed_at"]),
    }


def _app_event(raw: Json, found: _Found) -> Json:
    return {
        "app_event_id": raw["event_id"],
        "patient_key": _patient(raw["user"], found, "mrn"),
        "organization_id": raw["user"]["clinic"],
        "event_type": raw["event_type"],
        "session_id": raw["session"]["id"],
        "platform": raw["session"]["platform"],
        "app_version": raw["session"]["app_version"],
        "screen": raw["payload"].get("screen"),
        "occurred_at": moment(raw["occurred_at"]),
        "occurred_date": day(raw["occurred_at"]),
        "received_at": moment(raw["received_at"]),
        **_beside(found, moment(raw["received_at"])),
    }


def _sensor_reading(raw: Json, found: _Found) -> Json:
    return {
        "sensor_reading_id": raw["reading_id"],
        "patient_key": _patient(raw, found, "mrn"),
        "device_serial_token": raw["device"]["serial"],
        "site_code": raw["site"],
        "metric": raw["metric"],
        "value": Decimal(raw["value"]).quantize(Decimal("0.0001")),
        "unit": raw["unit"],
        "measured_at": moment(raw["measured_at"]),
        "measured_date": day(raw["measured_at"]),
        "uploaded_at": moment(raw["uploaded_at"]),
        "battery_percent": raw["battery"],
        **_beside(found, moment(raw["uploaded_at"])),
    }


READINGS: dict[str, tuple[str, Callable[[Json, _Found], Json]]] = {
    "membership": ("extracts/memberships*", _membership),
    "package": ("extracts/packages*", _package),
    "payment": ("extracts/payments*", _payment),
    "inventory_lot": ("extracts/inventory_lots*", _inventory_lot),
    "lot_recall": ("extracts/lot_recalls*", _lot_recall),
    "campaign": ("extracts/campaigns*", _campaign),
    "lead": ("extracts/leads*", _lead),
    "provider_schedule": ("extracts/provider_schedules*", _provider_schedule),
    "app_event": ("events/app_events*", _app_event),
    "sensor_reading": ("events/sensor_readings*", _sensor_reading),
}
