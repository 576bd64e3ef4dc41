"""What is remembered of values: bounded, and never anything else than what would be worked out again."""

from hl7v2_messages import PID, converted, er7, only

from a360.hl7v2 import Options, convert, parse
from a360.hl7v2._memory import Memory

DOCTOR = "PV1|1|O|ROOM^1^A^CLINIC||||1234^Smith^John^^^Dr^^^LOCAL"


def test_what_is_used_stays_and_what_is_not_goes():
    """However many values come, a few thousand are held, and among them the one that keeps coming."""
    memory = Memory()
    for number in range(20_000):
        memory.put(("doctor", number), (number, (), ()), "text")
        if memory.get("always") is None:
            memory.put("always", ("kept", (), ()), "text")
            assert not number
    assert memory.get("always") == ("kept", (), ())
    assert memory.get(("doctor", 0)) is None
    assert sum(memory.get(("doctor", number)) is not None for number in range(20_000)) <= 5000


def test_a_long_value_is_not_held():
    """Memory is bounded by the length of values too."""
    memory = Memory()
    memory.put("report", ("text", (), ()), "x" * 100_000)
    assert memory.get("report") is None


def test_what_is_remembered_is_of_one_sender_and_its_options():
    """The same value of another sender, or under other options, is another thing."""
    header = r"MSH|^~\&|EHR|OTHER|LAKE|A360|20260102030405+0000||{kind}|{control}|P|2.5.1"
    first = only(converted("ADT^A04", PID, DOCTOR), "Practitioner")
    again = only(converted("ADT^A08", PID, DOCTOR, control="2"), "Practitioner")
    elsewhere = only(converted("ADT^A04", PID, DOCTOR, header=header), "Practitioner")
    named = convert(
        parse(er7("ADT^A04", PID, DOCTOR)).messages[0],
        Options(systems={"LOCAL": "https://clinic.example/staff"}),
    )
    assert first == again
    assert elsewhere["name"] == first["name"]
    assert only(named, "Practitioner")["identifier"][0]["system"] == "https://clinic.example/staff"
    assert first["identifier"][0]["system"] == "urn:a360:hl7v2:Identifier:LOCAL"


def test_a_note_is_left_each_time():
    """What a value lacks is said of every message it comes in, not of the first alone."""
    for control in ("1", "2", "3"):
        made = converted("ADT^A04", "PID|1||1||Doe^Jane||19800203|X", control=control)
        assert [(note.rule, note.segment) for note in made.notes] == [("code-unmapped", "PID")]
