"""How many HL7 v2 messages a second one core parses and converts, in processor time.

    uv run python benchmarks/hl7v2.py [--seconds 3] [--messages ../shared/data/hl7v2/messages]

Two loads: an ordinary visit of four segments, made here, and the sample messages, whose every field is full.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

from a360.hl7v2 import convert, parse

AIM = 2000
PATIENT = (
    "PID|1||12345^^^CLINIC&2.16.840.1.113883.3.1&ISO^MR||Doe^Jane^Q^^Ms.||19800203|F"
    "|||1 Main St^^Springfield^IL^62701^USA^H||^PRN^PH^^1^217^5550100|||M"
)
STAY = (
    "PV1|1|O|ROOM1^1^A^CLINIC||||1234^Smith^John^^^Dr^MD^^&2.16.840.1.113883.4.6&ISO^L^^^NPI"
    "|||||||||||V100^^^CLINIC&2.16.840.1.113883.3.1&ISO^VN" + "|" * 25 + "20260101113000-0500"
)
HEADER = (
    r"MSH|^~\&|EHR|CLINIC^2.16.840.1.113883.3.1^ISO|LAKE|A360|20260101120000-0500||ADT^A08^ADT_A01|1|P|2.5.1"
)
VISIT = f"{HEADER}\rEVN|A08|20260101120000\r{PATIENT}\r{STAY}\r".encode()


def main() -> None:
    """Print messages a second for both loads."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--messages", type=Path, default=Path("../shared/data/hl7v2/messages"))
    given = arguments.parse_args()
    loads = {"visit": [VISIT]}
    samples = [path.read_bytes() for path in sorted(given.messages.glob("*.hl7"))]
    if samples:
        loads["samples"] = samples
    for name, load in loads.items():
        size = sum(map(len, load)) / len(load)
        resources = sum(len(convert(message).resources) for data in load for message in parse(data).messages)
        print(f"{name}: {len(load)} messages of {size:,.0f} bytes and {resources / len(load):.0f} resources")
        print(f"  parse            {rate(load, parse, given.seconds):>9,.0f} messages/s")
        speed = rate(load, whole, given.seconds)
        print(f"  parse and convert {speed:>8,.0f} messages/s, aim {AIM:,}: {speed / AIM:.2f}")


def whole(data: bytes) -> None:
    """Parse a file and convert its messages."""
    for message in parse(data).messages:
        convert(message)


def rate(load: list[bytes], work: Callable[[bytes], object], seconds: float) -> float:
    """How many files a second of processor time are worked through."""
    done, start = 0, time.process_time()
    while time.process_time() - start < seconds:
        for data in load:
            work(data)
        done += len(load)
    return done / (time.process_time() - start)


if __name__ == "__main__":
    main()
