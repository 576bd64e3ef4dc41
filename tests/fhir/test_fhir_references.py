"""Parts of a reference: DuckDB against slow, obvious Python."""

import re
from urllib.parse import quote, unquote_to_bytes

import duckdb
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from a360.fhir import is_resource, reference_parts_sql, resource_types

BLANK = {"kind": None, "type": None, "id": None, "system": None, "value": None}


def parts(values):
    """The parts as DuckDB finds them."""
    with duckdb.connect() as session:
        session.register("raw", pa.table({"x": pa.array(values, pa.string())}))
        return [row[0] for row in session.sql(f"SELECT {reference_parts_sql('x')} FROM raw").fetchall()]


def is_id(text):
    """Whether a text can be an id: nothing in it makes it a path or a query."""
    return text != "" and not re.search(r"[/?#|\t\n\f\r ]", text)


def oracle(text):
    """The parts, step by step."""
    if text is None:
        return None
    if text.startswith("#"):
        return BLANK | {"kind": "contained", "id": text[1:]}
    for scheme in ("urn:uuid", "urn:oid"):
        if text.startswith(f"{scheme}:") and len(text) > len(scheme) + 1:
            return BLANK | {"kind": "urn", "system": scheme, "id": text[len(scheme) + 1 :]}
    return literal(text) or search(text) or BLANK | {"kind": "other", "value": text}


def literal(text):
    """`[base/]Type/id[/_history/version]`."""
    if "?" in text:
        return None
    steps = text.split("/")
    if len(steps) >= 4 and steps[-2] == "_history" and is_id(steps[-1]):
        steps = steps[:-2]
    if len(steps) < 2 or not is_resource(steps[-2]) or not is_id(steps[-1]):
        return None
    base = steps[:-2]
    absolute = (
        len(base) >= 3 and base[1] == "" and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:", base[0], re.ASCII)
    )
    if base and base != [""] and not absolute:
        return None
    return BLANK | {"kind": "literal", "type": steps[-2], "id": steps[-1]}


def search(text):
    """`[Type]?identifier=[system|]value`, the value URL-encoded or not."""
    kind, mark, query = text.partition("?")
    if not mark or (kind and not is_resource(kind)):
        return None
    found = re.search(r"(?:^|&)identifier=(.+?)(?=&[A-Za-z_][A-Za-z0-9_.:-]*=|$)", query, re.ASCII)
    if not found:
        return None
    token = decoded(found[1])
    system, bar, value = token.partition("|")
    if not bar:
        system, value = "", token
    return BLANK | {"kind": "search", "type": kind or None, "system": system or None, "value": value or None}


def decoded(text):
    """The text URL-decoded, or as it is where that gives no text."""
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return text


kinds = st.one_of(
    st.sampled_from(sorted(resource_types())), st.sampled_from(["Foo", "patient", "", "Patients"])
)
ids = st.one_of(st.uuids().map(str), st.text("abzAZ09-._ :|#?/", max_size=12))
plain = st.text("abz09|: /%é", min_size=1, max_size=16)
references = st.one_of(
    st.builds("{}/{}".format, kinds, ids),
    st.builds("{}/{}/_history/{}".format, kinds, ids, ids),
    st.builds(
        "{}{}/{}".format, st.sampled_from(["http://a.org/fhir/", "https://b/", "/", "x/y/", "//"]), kinds, ids
    ),
    st.builds("{}{}".format, st.sampled_from(["urn:uuid:", "urn:oid:", "urn:x:", "#", "urn:uuid"]), ids),
    st.builds("{}?identifier={}|{}".format, kinds, plain, plain),
    st.builds(
        "{}?identifier={}".format, kinds, st.builds(lambda a, b: quote(f"{a}|{b}", safe=""), plain, plain)
    ),
    st.builds(
        "{}?{}identifier={}{}".format,
        kinds,
        st.sampled_from(["", "a=b&", "xa="]),
        plain,
        st.sampled_from(["", "&c=d", "&"]),
    ),
    st.text("PatienT/?#|=identifier&:urn%", max_size=30),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(references, max_size=100))
@example(
    [
        "Patient/1",
        "Patient/1/_history/2",
        "http://server.org/fhir/Patient/a_b",
        "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7",
        "#p1",
        "Practitioner?identifier=http://hl7.org/fhir/sid/us-npi|9999999999",
        "Practitioner?identifier=http%3A%2F%2Fx%7Cb%20c",
        "?identifier=a|b",
        "Organization?identifier=s|a&b",
        "Practitioner?identifier=%FF|x",
        "Nonsense/1",
        "",
    ]
)
def test_parts_agree_with_python(values):
    """Every reference has the kind and the parts that a plain reading of FHIR gives it."""
    assert parts([*values, None]) == [oracle(value) for value in [*values, None]]
