"""Retention of messages, of which patients on hold have a part."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from lakes import CONTRACTS

import a360
from a360.protect import open_block

LATER = datetime.now(UTC) + timedelta(days=40 * 366)
MESSAGE = (
    "MSH|^~\\&|EMR|CLINIC|LAKE|HOME|20240105100000||ADT^A01^ADT_A01|{number}|P|2.5.1\r"
    "EVN|A01|20240105100000\r"
    "PID|1||{number}^^^CLINIC^MR||{family}^Ada||19800101|F\r"
    "PV1|1|O|ROOM^1^1||||||||||||||||V-{number}\r"
)


@pytest.fixture
def lake(tmp_path):
    """A lake of two messages, each about a patient."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, family in (("MRN1001", "Canaryheld"), ("MRN1002", "Canaryaged")):
        told = MESSAGE.format(number=number, family=family)
        (folder / f"{number}.hl7").write_text(told, newline="")
    with a360.open(tmp_path / "lake", contracts=CONTRACTS) as lake:
        lake.apply()
        lake.ingest(folder, kind="hl7v2")
        lake.run()
        yield lake


def messages(lake):
    """The texts of the messages in bronze that open, one after the other."""
    rows = lake.tables.read("bronze.record_block").to_pylist()
    return b"".join(open_block(lake._parts.sealer, row["block_id"], row["payload"]).text for row in rows)


def kinds(lake):
    """How many resources of each type bronze has."""
    return Counter(lake.tables.read("bronze.fhir_resource", ["resource_type"])["resource_type"].to_pylist())


def key_of(lake, family):
    """The key of a patient by their name, which only the vault knows."""
    people = lake.tables.read("silver.patient", ["patient_key"])["patient_key"].to_pylist()
    known = lake.vault.known_values(people).to_pylist()
    return next(row["patient_key"] for row in known if family.lower() in row["value"].lower())


def test_a_held_patients_message_outlives_its_retention(lake):
    """The raw message of who is on hold stays; that of others goes, with all that was made of it."""
    held = lake.erasures.hold(key_of(lake, "Canaryheld"), "case 11/2026")
    done = lake.erasures.erase_aged(LATER)
    assert done.rows["silver.patient"] == 1
    assert lake.tables.read("bronze.record").num_rows == 1
    assert b"Canaryheld" in messages(lake)
    assert b"Canaryaged" not in messages(lake)
    assert kinds(lake)["MessageHeader"] == kinds(lake)["Patient"] == 1
    lake.erasures.release(held.hold.hold_id)
    lake.erasures.erase_aged(LATER)
    assert lake.tables.read("bronze.record").num_rows == 0
    assert b"Canary" not in messages(lake)
    assert not kinds(lake)
