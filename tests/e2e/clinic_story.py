"""A clinic's story as its systems tell it: news in every format, and what is true once all are told.

Each piece of news has a time of its own, in minutes of the story. What is true of a thing is what the latest
news says of it, whatever arrived last; that is all the oracle knows.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

SOURCE = "clinic"
MRN = "https://aesthetics360.example/identifier/mrn"
VISIT = "https://aesthetics360.example/identifier/visit"
BEGINNING = datetime(2026, 1, 5, tzinfo=UTC)


def moment(minute):
    """A time of the story."""
    return BEGINNING + timedelta(minutes=minute)


def iso(minute):
    """The same as FHIR, CSV and events write it."""
    return moment(minute).strftime("%Y-%m-%dT%H:%M:%SZ")


def hl7(minute):
    """The same as messages write it."""
    return moment(minute).strftime("%Y%m%d%H%M%S+0000")


@dataclass(frozen=True)
class News:
    """One record of one format; `told` has what it says by the thing it says it of."""

    kind: str
    stem: str
    at: int
    record: str
    told: dict = field(hash=False)


def message(event, minute, *segments):
    """An HL7 v2 message of the clinic."""
    header = f"MSH|^~\\&|EMR|CLINIC|LAKE|A360|{hl7(minute)}||{event}|C{minute}|P|2.5.1"
    return "\r".join([header, f"EVN||{hl7(minute)}", *segments]) + "\r"


def _pid(person, birth="", gender=""):
    born, sex = birth.replace("-", ""), gender[:1].upper()
    return f"PID|1||{person}^^^&{MRN}&URI^MR||Doe^{person}||{born}|{sex}"


def _pv1(number, start, end):
    closing = f"{hl7(start)}|{hl7(end)}" if end else hl7(start)
    return f"PV1|1|O|R1||||||||||||||||{number}^^^&{VISIT}&URI^VN" + "|" * 25 + closing


def registered(person, minute, birth, gender):
    """A person as the registration has them."""
    told = {("patient", person): {"birth": birth, "gender": gender}}
    text = message("ADT^A08^ADT_A01", minute, _pid(person, birth, gender))
    return News("hl7v2", "adt", minute, text, told)


def visit(event, person, number, minute, end, birth, gender):
    """A visit as A01, A03, A11 or A13 leave it, told with the person as the registration has them."""
    status = {"A01": "in-progress", "A03": "finished", "A11": "cancelled", "A13": "in-progress"}[event]
    told = {
        ("visit", number): {"status": status, "person": person, "end": iso(end) if end else None},
        ("patient", person): {"birth": birth, "gender": gender},
    }
    text = message(f"ADT^{event}^ADT_A01", minute, _pid(person, birth, gender), _pv1(number, 0, end))
    return News("hl7v2", "adt", minute, text, told)


def merged(person, into, minute):
    """Two records of one person become one."""
    told = {("link", person, into): {"into": into}}
    text = message("ADT^A40^ADT_A39", minute, _pid(into), f"MRG|{person}^^^&{MRN}&URI^MR")
    return News("hl7v2", "adt", minute, text, told)


def booking(event, person, number, minute, start):
    """An appointment booked, put off, cancelled or deleted."""
    status = {"S12": "booked", "S13": "booked", "S15": "cancelled", "S17": None}[event]
    told = {("booking", number): status and {"status": status, "person": person, "start": iso(start)}}
    filler = "|" * 13 + {"booked": "Booked", "cancelled": "Cancelled", None: "Deleted"}[status]
    timing = f"^^30^{hl7(start)}^{hl7(start + 30)}"
    text = message(
        f"SIU^{event}^SIU_S12",
        minute,
        f"SCH|{number}^EMR|{number}^EMR|||||ROUTINE|CHECKUP^Check-up^L|30|min|{timing}|{filler}",
        _pid(person),
        "RGS|1",
        f"AIS|1||TOX^Toxin^L|{hl7(start)}|||30|min",
    )
    return News("hl7v2", "siu", minute, text, told)


def result(person, number, minute, value, status):
    """A laboratory's result: preliminary, final or corrected."""
    meaning = {"P": "preliminary", "F": "final", "C": "corrected"}[status]
    told = {("result", number): {"status": meaning, "person": person, "value": value}}
    text = message(
        "ORU^R01^ORU_R01",
        minute,
        _pid(person),
        f"ORC|RE|{number}|{number}F",
        f"OBR|1|{number}|{number}F|PANEL^Panel^L|||{hl7(0)}",
        f"OBX|1|NM|HB^Haemoglobin^L||{value}|g/dL|||||{status}|||{hl7(0)}",
    )
    return News("hl7v2", "oru", minute, text, told)


def finding(person, number, minute, value, *, deleted=False):
    """An observation of the FHIR server, of which it tells the newest version or that it is gone."""
    if deleted:
        gone = {"request": {"method": "DELETE", "url": f"Observation/{number}"}}
        record = {"resourceType": "Bundle", "type": "history", "timestamp": iso(minute), "entry": [gone]}
        return News("fhir", "Bundle", minute, json.dumps(record), {("finding", number): None})
    record = {
        "resourceType": "Observation",
        "id": number,
        "meta": {"lastUpdated": iso(minute)},
        "status": "final",
        "code": {"coding": [{"system": "urn:codes", "code": "skin"}]},
        "subject": {"reference": f"Patient?identifier={MRN}|{person}"},
        "effectiveDateTime": iso(0),
        "valueQuantity": {"value": value, "unit": "1"},
    }
    told = {("finding", number): {"status": "final", "person": person, "value": value}}
    return News("fhir", "Observation", minute, json.dumps(record), told)


MEMBERSHIP = "Member No,Patient MRN,Plan,Monthly Fee,Currency,Start Date,State,Changed"


def membership(person, number, minute, fee, state):
    """A row of the practice management's extract of memberships."""
    told = {("membership", number): {"person": person, "fee": fee, "status": state}}
    row = f"{number},{person},glow,{fee},USD,2026-01-01,{state},{iso(minute)}"
    return News("csv", "memberships", minute, row, told)


def tap(person, number, minute):
    """An event of the app: it is what it was, however often it comes."""
    told = {("tap", number): {"person": person, "at": iso(minute)}}
    record = {
        "event_id": number,
        "event_type": "screen_view",
        "occurred_at": iso(minute),
        "received_at": iso(minute + 1),
        "user": {"mrn": person},
        "session": {"id": f"S{number}", "platform": "ios", "app_version": "4.2.0"},
        "payload": {"screen": "home"},
    }
    return News("events", "app_events", minute, json.dumps(record), told)


def note(person, number, minute, text):
    """A consultation note, written or amended."""
    told = {("note", number): {"person": person, "length": len(text)}}
    record = {
        "note_id": number,
        "patient_identifier": f"{MRN}|{person}",
        "author_role": "physician",
        "type": "34109-9",
        "created_at": iso(0),
        "updated_at": iso(minute),
        "text": text,
    }
    return News("notes", "notes", minute, json.dumps(record), told)


def write(news, folder):
    """Write news as files, a folder for each kind and a file for each stem; gives the folders by kind."""
    folders = {}
    for each in news:
        home = folders.setdefault(each.kind, folder / each.kind)
        home.mkdir(parents=True, exist_ok=True)
        if each.kind == "csv":
            file, head = home / f"{each.stem}.csv", MEMBERSHIP + "\n"
        elif each.kind == "hl7v2":
            file, head = home / f"{each.stem}.hl7", ""
        else:
            file, head = home / f"{each.stem}.ndjson", ""
        with file.open("a", encoding="utf-8", newline="") as out:
            out.write((head if out.tell() == 0 else "") + each.record + "\n")
    return folders


class Truth:
    """What is true once some news are told."""

    def __init__(self, news):
        self._things = {}
        for each in sorted(news, key=lambda one: one.at):
            for thing, says in each.told.items():
                self._things[thing] = (each.at, says)

    def of(self, kind):
        """Everything of a kind that is there, by its number."""
        return {
            key[1]: says for key, (_, says) in self._things.items() if key[0] == kind and says is not None
        }

    def survivor(self, person):
        """Whom a person's records belong to now: the newest merge of each record counts, and a circle of
        merges is cut at its oldest.
        """
        newest = {}
        for (kind, *who), (at, _) in self._things.items():
            if kind == "link" and at >= newest.get(who[0], (None, -1))[1]:
                newest[who[0]] = (who[1], at)
        path = [person]
        while path[-1] in newest and newest[path[-1]][0] not in path:
            path.append(newest[path[-1]][0])
        if path[-1] not in newest:
            return path[-1]
        circle = path[path.index(newest[path[-1]][0]) :]
        return min(circle, key=lambda one: newest[one][1])
