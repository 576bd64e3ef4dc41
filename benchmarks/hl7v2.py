"""How many HL7 v2 messages a second one core parses and converts, in processor time.

    uv run python benchmarks/hl7v2.py [--seconds 3] [--messages ../shared/data/hl7v2/messages]

Ordinary messages of a clinic, made here, and the sample messages, whose every field is full. Each message is
of another patient, with numbers, names and addresses of its own; staff, places and codes are the same, as
they are in the messages of a day. The last load repeats the samples as they are.
"""

import argparse
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

from a360.hl7v2 import convert, parse

AIM = 2000
VARIANTS = 40
PATIENT = (
    "PID|1||12345^^^CLINIC&2.16.840.1.113883.3.1&ISO^MR||Doe^Jane^Q^^Ms.||19800203|F"
    "|||1 Main St^^Springfield^IL^62701^USA^H||^PRN^PH^^1^217^5550100|||M"
)
STAY = (
    "PV1|1|O|ROOM1^1^A^CLINIC||||1234^Smith^John^^^Dr^MD^^&2.16.840.1.113883.4.6&ISO^L^^^NPI"
    "|||||||||||V100^^^CLINIC&2.16.840.1.113883.3.1&ISO^VN" + "|" * 25 + "20260101113000-0500"
)
HEADER = (
    r"MSH|^~\&|EHR|CLINIC^2.16.840.1.113883.3.1^ISO|LAKE|A360|20260101120000-0500||{kind}|1|P|2.5.1" + "\r"
)
ORDER = "OBR|1|P1^EHR|F1^LAB|58410-2^CBC^LN|||20260101080000|||||||||1234^Smith^John||||||20260101||HM|F"
BOOKED = "SCH|A1^EHR|B1^EHR||||ROUTINE^Routine|FOLLOWUP^Follow up||30|min|^^30^202601100900^202601100930"
BOOKED += "|||||1234^Smith^John" + "|" * 9 + "Booked"
MADE = {
    "visit (A08)": ("ADT^A08^ADT_A01", "EVN|A08|20260101120000", PATIENT, STAY),
    "appointment (S12)": (
        "SIU^S12^SIU_S12",
        BOOKED,
        PATIENT,
        STAY,
        "RGS|1",
        "AIS|1|A|BOTOX^Botulinum^L|202601100900|||30|min",
        "AIL|1|A|ROOM1^1^A^CLINIC",
        "AIP|1|A|1234^Smith^John|D^Doctor",
    ),
    "result (R01, five values)": (
        "ORU^R01^ORU_R01",
        PATIENT,
        STAY,
        "ORC|RE|P1^EHR|F1^LAB",
        ORDER,
        *(f"OBX|{n}|NM|{n}-2^Value^LN||7.{n}|10*3/uL^^UCUM|4-11|N|||F|||20260101090000" for n in range(5)),
    ),
}
# Fields that are a patient's own.
OWN: dict[str, tuple[int, ...]] = {
    "PID": (2, 3, 5, 11, 13, 18, 19),
    "PV1": (19, 50),
    "NK1": (2, 4, 5),
    "GT1": (2, 3, 5, 6),
    "IN1": (16, 19, 36),
    "MRG": (1, 3),
    "ORC": (2, 3, 4),
    "OBR": (2, 3),
    "OBX": (5,),
    "NTE": (3,),
    "SPM": (2,),
    "SCH": (1, 2),
    "TXA": (12,),
    "FT1": (2,),
    "RXE": (15,),
    "RXD": (7,),
}


def main() -> None:
    """Print messages a second for each load."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--messages", type=Path, default=Path("../shared/data/hl7v2/messages"))
    given = arguments.parse_args()
    start = time.process_time()
    kind, *segments = MADE["visit (A08)"]
    whole(message(kind, segments))
    print(f"the first message, with what it compiles: {time.process_time() - start:.2f} s")
    for name, (kind, *segments) in MADE.items():
        report(name, variants([message(kind, segments)]), given.seconds)
    samples = [path.read_bytes() for path in sorted(given.messages.glob("*.hl7"))]
    if samples:
        report("samples, each of another patient", variants(samples), given.seconds)
        report("samples, the same again and again", samples, given.seconds)


def message(kind: str, segments: list[str]) -> bytes:
    """The bytes of a message."""
    return (HEADER.format(kind=kind) + "\r".join(segments) + "\r").encode()


def variants(load: list[bytes]) -> list[bytes]:
    """The messages over and over, each time of other patients."""
    return [_of_another(data, number) for number in range(VARIANTS) for data in load]


def _of_another(data: bytes, number: int) -> bytes:
    lines = []
    for line in data.replace(b"\r\n", b"\r").replace(b"\n", b"\r").split(b"\r"):
        fields = line.split(b"|")
        for at in OWN.get(fields[0].decode(), ()):
            if at < len(fields) and fields[at] not in {b"", b'""'}:
                first, caret, rest = fields[at].partition(b"^")
                fields[at] = first + str(number).encode() + caret + rest
        lines.append(b"|".join(fields))
    return b"\r".join(lines)


def report(name: str, load: list[bytes], seconds: float) -> None:
    """Print what a load is and how fast it goes."""
    size = sum(map(len, load)) / len(load)
    resources = sum(len(convert(each).resources) for data in load for each in parse(data).messages)
    print(f"{name}: {size:,.0f} bytes and {resources / len(load):.0f} resources a message")
    print(f"  parse             {rate(load, parse, seconds / 3):>9,.0f} messages/s")
    speed = rate(load, whole, seconds)
    print(f"  parse and convert {speed:>9,.0f} messages/s, aim {AIM:,}: {speed / AIM:.2f}")


def whole(data: bytes) -> None:
    """Parse a file and convert its messages."""
    for each in parse(data).messages:
        convert(each)


def rate(load: list[bytes], work: Callable[[bytes], object], seconds: float) -> float:
    """How many files a second of processor time are worked through."""
    done, start = 0, time.process_time()
    endless = cycle(load)
    while time.process_time() - start < seconds:
        for data in islice(endless, 50):
            work(data)
        done += 50
    return done / (time.process_time() - start)


if __name__ == "__main__":
    main()
