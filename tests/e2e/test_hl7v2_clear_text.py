"""HL7 v2 messages name people in every segment: none of it lies in clear below a lake."""

import pytest
from clear_text import found_below


@pytest.mark.e2e
def test_nothing_that_identifies_lies_in_clear(small_lake, tmp_path):
    """Names, numbers, contacts, streets and control ids of messages, refused ones too, are in no file."""
    texts = [
        "Canaryname",
        "MRN-0079190",
        "555-0134771",
        "Canarystreet",
        "CTRL-MRN-0079190",
        "NOTE-canarytext",
    ]
    name, number, phone, street, control, note = texts
    person = f"PID|1||{number}^^^CLINIC^MR||{name}^JANE||19800102|F|||{street} 1^^BOSTON^MA^02101||{phone}"
    heads = [
        f"MSH|^~\\&|EMR|CLINIC|LAKE|A360|20260301120000||ADT^A28|{control}|P|{version}\rEVN|A28|20260301120000\r"
        for version in ("2.5.1", "9.9")
    ]
    segments = f"{person}\rNK1|1|{name}^JOE|SPO|{street} 2|{phone}\rNTE|1||{note}\r"
    file = tmp_path / f"{name}.hl7"
    file.write_text("".join(head + segments for head in heads), newline="")
    report = small_lake.ingest(file, "hl7v2", "emr")
    assert (report.steps[0].landed, report.steps[0].quarantined) == (1, 1)
    small_lake.run()
    assert found_below(small_lake.path, texts) == {}
