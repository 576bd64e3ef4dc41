"""Messages put together from segments, and what they become."""

import os
from pathlib import Path

import pytest

from a360.hl7v2 import convert, parse

SHARED = Path(__file__).resolve().parents[2] / ".." / "shared" / "data"
HEADER = r"MSH|^~\&|EHR|CLINIC|LAKE|A360|20260102030405+0000||{kind}|{control}|P|2.5.1"
PID = "PID|1||12345^^^MAIN&2.16.840.1.113883.3.1&ISO^MR||Doe^Jane||19800203|F"
PV1 = "PV1|1|O|ROOM^1^A^CLINIC||||||||||||||||V100^^^MAIN&2.16.840.1.113883.3.1&ISO^VN"


def shared(*parts):
    """A folder of the shared test data; absent, the test is skipped, unless A360_REQUIRE asks for it."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        if "data" in os.environ.get("A360_REQUIRE", ""):
            pytest.fail(f"test data missing: {'/'.join(parts)}")
        pytest.skip("the shared test data is not here")
    return path


def er7(kind, *segments, control="1", header=HEADER):
    """The bytes of one message."""
    return "\r".join((header.format(kind=kind, control=control), *segments, "")).encode()


def converted(kind, *segments, **options):
    """What one message becomes; it must be taken."""
    parsed = parse(er7(kind, *segments, **options))
    assert not parsed.rejects
    conversion = convert(parsed.messages[0])
    assert not conversion.rejects, conversion.rejects
    return conversion


def of_type(conversion, kind):
    """The resources of a type."""
    return [resource for resource in conversion.resources if resource["resourceType"] == kind]


def only(conversion, kind):
    """The one resource of a type."""
    found = of_type(conversion, kind)
    assert len(found) == 1, [resource["resourceType"] for resource in conversion.resources]
    return found[0]


def dangling(bag):
    """References that lead nowhere in a message's resources."""
    there = {f"{resource['resourceType']}/{resource['id']}" for resource in bag}
    return [reference for resource in bag for reference in references(resource) if reference not in there]


def references(value):
    """Every reference a resource holds."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)
