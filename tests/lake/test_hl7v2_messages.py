"""HL7 v2 messages in bronze: sealed, each once, with what they became; what is refused, and tried again."""

import json
import shutil

import pytest
import yaml

import a360
import a360.ingest._hl7v2_convert as converting
from a360.protect import open_block


def message(control="1", kind="ADT^A28", name="DOE^JANE", version="2.5.1"):
    """A message on a patient."""
    return (
        f"MSH|^~\\&|EMR|CLINIC|LAKE|A360|20260301120000||{kind}|{control}|P|{version}\r"
        f"EVN|A28|20260301120000\rPID|1||M{control}^^^CLINIC^MR||{name}||19800102|F\r"
    )


def write(folder, text, name="messages.hl7"):
    """A file of messages."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def counts(step):
    """What became of the messages."""
    return {
        name: getattr(step, name)
        for name in ("read", "landed", "quarantined", "duplicates", "unchanged")
        if getattr(step, name)
    }


def test_messages_land_sealed_with_what_they_became(small_lake, tmp_path):
    """A message is a record whose payload is its ER7; its resources tell the same file and place."""
    report = small_lake.ingest(write(tmp_path, message("1") + message("2")), "hl7v2", "emr")
    assert counts(report.steps[0]) == {"read": 2, "landed": 2}
    [first, second] = small_lake.table("bronze.record").sort_by("offset").to_pylist()
    assert second["offset"] == len(message("1"))
    assert {row["record_type"] for row in (first, second)} == {"hl7v2_message"}
    resources = small_lake.table("bronze.fhir_resource").to_pylist()
    assert {(row["file"], row["offset"]) for row in resources} <= {
        (row["file"], row["offset"]) for row in (first, second)
    }
    assert {row["commit_id"] for row in resources} == {first["commit_id"]}
    [block] = small_lake.table("bronze.record_block").to_pylist()
    opened = open_block(small_lake._parts.sealer, block["block_id"], block["payload"])
    lines = bytes(opened.text).split(b"\n")
    assert json.loads(lines[first["position"]]) == {"er7": message("1").rstrip("\r")}
    assert "DOE" not in str(small_lake.table("bronze.record").to_pylist())


def test_a_message_sent_again_is_a_duplicate(small_lake, tmp_path):
    """The same bytes are known, alone, in a batch or framed; other bytes under the same number are not."""
    small_lake.ingest(write(tmp_path, message("1")), "hl7v2", "emr")
    batch = "BHS|^~\\&\r\x0b" + message("1") + "\x1c\r" + message("1", name="DOE^JOAN") + "BTS|2\r"
    report = small_lake.ingest(write(tmp_path, batch, "batch.txt"), "hl7v2", "emr")
    assert counts(report.steps[0]) == {"read": 2, "landed": 1, "duplicates": 1}
    rows = small_lake.table("bronze.record").to_pylist()
    assert len({row["record_id"] for row in rows}) == 1


def test_refused_messages_say_where_and_come_in_once_they_can(small_lake, tmp_path, monkeypatch):
    """The reason names segment and field; a replay brings in what can be converted by now, once."""
    bad = message("1", version="9.9") + message("2") + message("3")
    with monkeypatch.context() as patched:
        patched.setattr(converting, "convert", fails_on("2"))
        report = small_lake.ingest(write(tmp_path, bad), "hl7v2", "emr")
    assert counts(report.steps[0]) == {"read": 3, "landed": 1, "quarantined": 2}
    refused = {row["rule"]: row["reason"] for row in small_lake.table("quarantine.record").to_pylist()}
    assert refused == {
        "version-unknown": "MSH-12: not a version from 2.1 to 2.8",
        "conversion-failed": "the converter failed with KeyError",
    }
    for _ in range(2):
        small_lake.replay("bronze.record")
        assert small_lake.table("bronze.record").num_rows == 2
        rows = small_lake.table("quarantine.record").to_pylist()
        assert [row["rule"] for row in rows] == ["version-unknown"]


def fails_on(number):
    def fail(read, options):
        if read.control_id == number:
            raise KeyError(number)
        return convert(read, options)

    convert = converting.convert
    return fail


def test_what_is_only_mentioned_has_no_time(small_lake, tmp_path):
    """Resources that a message is not the source of are ordered before those it tells of."""
    small_lake.ingest(write(tmp_path, message("1")), "hl7v2", "emr")
    rows = small_lake.table("bronze.fhir_resource").to_pylist()
    told = {row["resource_type"]: (row["last_updated"] is None, row["version_id"]) for row in rows}
    assert told["Patient"] == (False, "1")
    assert told["Organization"] == (True, "1772366400000" + "1".zfill(20))


def told_at_once(number="", control="1", name="DOE^JANE", kind="ADT^A28"):
    """A message on one patient, of a second that others are of as well."""
    text = message(control, kind, name)
    text = text.replace(f"PID|1||M{control}^", "PID|1||M1^").replace("|P|2.5.1\r", f"|P|2.5.1|{number}\r")
    return text if kind.endswith("A28") else text.replace("EVN|A28", "EVN|A29")


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (told_at_once(control="9", name="OLD^JANE"), told_at_once(control="10", name="NEW^JANE")),
        (told_at_once("2", "77", "OLD^JANE"), told_at_once("10", "5", "NEW^JANE")),
        (told_at_once(control="A7", name="OLD^JANE"), told_at_once(control="1", name="NEW^JANE")),
        (told_at_once("1", "8", "OLD^JANE"), told_at_once("2", "7", kind="ADT^A29")),
        (told_at_once("1", "8", kind="ADT^A29"), told_at_once("2", "7", "NEW^JANE")),
    ],
    ids=["control id", "sequence number", "no number", "deleted last", "deleted first"],
)
def test_of_one_second_the_higher_number_counts(small_lake, tmp_path, older, newer):
    """MSH-13, else a numeric MSH-10, orders messages with one MSH-7, in whatever order they arrive."""
    said = {}
    for source, texts in {"one": (older, newer), "two": (newer, older)}.items():
        for place, text in enumerate(texts):
            small_lake.ingest(write(tmp_path, text, f"{source}{place}.hl7"), "hl7v2", source)
    small_lake.run("silver.patient")
    for row in small_lake.table("silver.patient").to_pylist():
        if row.get("is_current", True):
            said[row["source"]] = (row["deleted"], row["version_id"])
    wanted = ("A29" in newer, small_versions(newer))
    assert said == {"one": wanted, "two": wanted}


def small_versions(text):
    """The number that a message goes by."""
    header = text.split("\r")[0].split("|")
    return header[12] if len(header) > 12 and header[12] else header[9]


def test_the_lake_says_what_systems_names_stand_for(tmp_path, contracts):
    """`lake.yaml` gives the URI of a namespace, so that numbers of messages are those of other feeds."""
    shutil.copytree(contracts, tmp_path / "contracts")
    file = tmp_path / "contracts/lake.yaml"
    told = yaml.safe_load(file.read_text()) | {"hl7v2": {"systems": {"CLINIC": "https://clinic.example/mrn"}}}
    file.write_text(yaml.safe_dump(told, sort_keys=False))
    with a360.open(tmp_path / "lake", contracts=tmp_path / "contracts") as lake:
        lake.ingest(write(tmp_path, message("1")), "hl7v2", "emr")
        lake.run("silver.identifier")
        rows = lake.table("silver.identifier").to_pylist()
    assert {row["system"] for row in rows if row["resource_type"] == "Patient"} == {
        "https://clinic.example/mrn"
    }


def test_what_was_mended_is_counted(small_lake, tmp_path):
    """The report says how often values were to be deleted, and that a batch has fewer than it says."""
    text = "BHS|^~\\&\r" + message("1").replace("19800102", '""') + "BTS|2\r"
    report = small_lake.ingest(write(tmp_path, text), "hl7v2", "emr")
    assert report.remarks == ("mended, left out or worth knowing in messages: batch-count 1, null 1",)
