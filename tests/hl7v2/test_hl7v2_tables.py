"""The mapping tables: made from the guide, laid over by ours, and compiled."""

import hashlib

import pytest

from a360.hl7v2 import _observed, _replaced
from a360.hl7v2._compile import datatype_map, faults_of, segment_map
from a360.hl7v2._conditions import UncompilableError, Value, expression
from a360.hl7v2._mappings import _build, guide, ours, vocabularies
from a360.hl7v2._routes import routes
from a360.hl7v2._tables import names, rows_of

# Conditions of the guide that no program can follow: a page to look in, and a comparison without an operator.
UNCOMPILED = {
    "IF CX.4 IN http://hl7.org/implement/standards/fhir/identifier-registry.html",
    "IF PID-11 LST.COUNT EQUALS 1 AND PID-11.9 IS VALUED NOT EQUAL PID-12",
}


def holds(text, subject="", **values):
    """Whether a condition holds of some values; lists are repetitions."""

    def resolve(ref):
        value = values.get(ref.replace("-", "_").replace(".", "_"), "")
        found = value if isinstance(value, list) else [value] if value else []
        return Value(repr((found or [""])[0]), repr(len(found)))

    return bool(eval(expression(text, resolve, subject)))


def test_the_tables_are_what_the_guide_gives(guide_folder, tmp_path):
    """Building again from the guide gives the committed tables byte for byte."""
    _build.main(guide_folder, tmp_path)
    here = _build.Path(_build.__file__).parent
    for name in ("guide.json", "elements.json"):
        assert digest(tmp_path / name) == digest(here / name), name


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_conditions_that_cannot_be_compiled_are_known():
    """Every computable condition of the guide compiles, but for the listed ones."""
    found, compiled = set(), set()
    for part in ("segments", "datatypes", "messages"):
        for rows in guide()[part].values():
            for source, condition, *_ in rows:
                try:
                    if condition:
                        expression(condition, lambda _: Value("''", "0"), source)
                        compiled.add(condition)
                except UncompilableError:
                    found.add(condition)
    assert found == UNCOMPILED
    assert len(compiled) == 234


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ('IF OBX-2 IN ("NM", "SN")', {"OBX_2": "SN"}, True),
        ('IF OBX-2 NOT IN ("NM", "SN")', {"OBX_2": "SN"}, False),
        ('IF OBX-2 EQUALS "SN" AND OBX-5.1  NOT EQUALS "<>"', {"OBX_2": "SN", "OBX_5_1": ">"}, True),
        ("IF PID-33 AND PID-34 VALUED", {"PID_33": "x"}, False),
        ("IF PID-33 AND PID-34 VALUED", {"PID_33": "x", "PID_34": "y"}, True),
        ("IF PL.1 AND PL.2 NOT VALUED", {"PL_1": "x"}, False),
        ("IF EVN-5 NOT VALUED AND (MSH-22 IS VALUED OR MSH-4 IS VALUED)", {"MSH_4": "x"}, True),
        ("IF OBX-33 COUNT>1", {"OBX_33": ["a", "b"]}, True),
        ("IF PID-7 LENGTH GREATER THAN 8", {"PID_7": "19800203"}, False),
        ('IF (OBX-2 EQUALS "SN"  AND OBX-5.1  EQUALS "<>"', {"OBX_2": "SN", "OBX_5_1": "<>"}, True),
        ('IF IAM-15 VALUED AND NOT "SEL"', {"IAM_15": "SPO"}, True),
        ('IF HD.2 NOT VALUED AND (HD-3 NOT IN ("ISO", "UUID"))', {"HD_3": "ISO"}, False),
        ("IF TQ1-3.9 IS EMPTY", {}, True),
    ],
)
def test_conditions_mean_what_they_say(text, values, expected):
    """The guide's conditions hold exactly when a reader would say so."""
    assert holds(text, **values) is expected


def test_every_mapping_of_ours_can_be_followed():
    """Our tables name elements that R4 has, maps that there are, and conditions that compile."""
    mine = {
        part: {line.strip("[]!") for line in ours(part) if line.startswith("[")}
        for part in ("segments", "datatypes")
    }
    wrong = {
        (name, row.source, row.target)
        for part, known in mine.items()
        for name in names(part)
        if name in known
        for row, _ in faults_of(name, part)
        if row.condition not in UNCOMPILED
    }
    assert not wrong
    for name in mine["segments"]:
        segment_map(name)
    for name in mine["datatypes"]:
        datatype_map(name)


def test_mappings_of_the_guide_that_lead_nowhere_are_counted():
    """What the guide maps to elements R4 does not have is left out, and its number is known."""
    left_out = [
        (name, row)
        for part in ("segments", "datatypes")
        for name in guide()[part]
        for row, _ in faults_of(name, part)
    ]
    assert len(left_out) == LEFT_OUT, sorted({name for name, _ in left_out})
    used = {route.map_name for found in routes().values() for route in found}
    assert {(name, row.source, row.target) for name, row in left_out if name in used} == {
        ("PID[Patient]", "PID-12", "address[2].district"),
    }


LEFT_OUT = 115


def test_every_vocabulary_that_is_named_is_there():
    """A mapping through a vocabulary that does not exist would let codes through unmapped."""
    known = set(vocabularies())
    missing = {
        row.vocabulary
        for route_rows in routes().values()
        for route in route_rows
        for row in rows_of(route.map_name, "segments")
        if row.vocabulary and row.vocabulary.replace("/", "").replace(" ", "") not in known
    }
    assert missing <= {"OperatorID"}


def test_hand_written_data_types_are_listed_with_their_reasons():
    """What is built by hand instead of by the guide's rows is one table, each entry with a reason."""
    for table in (_replaced.BY_MAP, _observed.BY_SEGMENT):
        assert all(reason for _, reason in table.values())
    assert len(_replaced.BY_MAP) == REPLACED
    assert len(_observed.BY_SEGMENT) == 5


REPLACED = 48


def test_the_guides_messages_go_our_routes():
    """Every segment the guide's message tables map with a condition it can compute has a route of ours."""
    routed = set(routes())
    unrouted = {
        row[0].rpartition(".")[2].rpartition(":")[2] for rows in guide()["messages"].values() for row in rows
    } - routed
    # IN3 makes a care team of who certifies a stay, which nothing of ours reads.
    assert {name for name in unrouted if name.isalnum() and len(name) == 3} == {"IN3"}
