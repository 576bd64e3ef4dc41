"""Contracts over records for tests: members, their visits, and what the members' app tells."""

from small_contracts import small_contracts, write

from a360.contract import assign_field_ids

MRN = "urn:s"


def record_contracts(folder):
    """The contracts of a small lake with datasets of records beside."""
    small_contracts(folder)
    write(folder / "silver/member.yaml", silver("member", MEMBER_SOURCE, MEMBER, history=False))
    write(
        folder / "silver/member_version.yaml",
        silver("member_version", {"record": "member"}, VERSION, history=True),
    )
    write(folder / "silver/visit.yaml", silver("visit", VISIT_SOURCE, VISIT, history=False))
    write(folder / "silver/tap.yaml", silver("tap", TAP_SOURCE, TAP, history=False))
    assign_field_ids(folder)
    return folder


MEMBER_SOURCE = {
    "record": "member",
    "kinds": ["csv", "parquet"],
    "files": ["members*"],
    "key": ["Member No"],
    "updated": {"name": "Changed", "format": "dd/MM/yyyy HH:mm"},
    "deleted": {"field": "State", "values": ["VOID"]},
    "delimiter": ";",
    "decimal": ",",
    "thousands": ".",
    "nulls": ["", "NULL"],
    "zone": "Europe/London",
}
VISIT_SOURCE = {"record": "visit", "kinds": ["csv"], "files": ["visits*"], "key": ["Site", "No"]}
TAP_SOURCE = {
    "record": "tap",
    "kinds": ["events"],
    "files": ["taps*"],
    "key": ["id"],
    "eventTime": "at",
    "dedupWindow": "P7D",
}


def column(name, kind="string", field=None, *, sensitivity="phi", token=None, **more):
    """A column of a record."""
    logical = {"decimal(9,2)": "number", "date": "date", "timestamptz": "timestamp", "int": "integer"}
    properties = {"sensitivity": sensitivity, "token": token, "field": field}
    return {
        "name": name,
        "logicalType": {"boolean": "boolean"}.get(kind) or logical.get(kind, "string"),
        "physicalType": kind,
        "description": f"The {name}.",
        **more,
        "customProperties": [
            {"property": f"a360.{key}", "value": value} for key, value in properties.items() if value
        ],
    }


def keyed(name, place, **more):
    """A column of the key."""
    return column(name, primaryKey=True, primaryKeyPosition=place, required=True, **more)


def to(name):
    """A relationship."""
    return [{"type": "foreignKey", "to": name}]


SOURCE = keyed("source", 1, sensitivity="operational")
SECRET = {"sensitivity": "identifier", "token": "record"}
PATIENT = {
    "sensitivity": "identifier",
    "token": "patient",
    "relationships": to("patient.patient_key"),
    "field": {"name": "Patient", "reference": {"type": "Patient", "system": MRN}},
}
MEMBER = [
    SOURCE,
    keyed("member_id", 2, **SECRET, field={"name": "Member No", "aliases": ["MemberNumber"]}),
    column("number", field={"name": "Member No", "aliases": ["MemberNumber"]}),
    column("patient_key", **PATIENT),
    column("fee", "decimal(9,2)", "Fee"),
    column("since", "date", {"name": "Since", "aliases": ["Start"], "format": ["dd/MM/yyyy", "d MMM yyyy"]}),
    column("changed_at", "timestamptz", {"name": "Changed", "format": "dd/MM/yyyy HH:mm"}),
    column("active", "boolean", "Active"),
    column("state", field="State", logicalTypeOptions={"pattern": "[A-Z]+"}, required=True),
    column("email", sensitivity="identifier", field="E-mail"),
]
VERSION = [
    SOURCE,
    keyed("member_id", 2, **SECRET),
    column("state", field="State"),
    column("fee", "decimal(9,2)", "Fee"),
]
VISIT = [
    SOURCE,
    keyed("visit_id", 2),
    column("site", field="Site"),
    column("minutes", "int", "Minutes"),
    column("member_id", field="Member", **SECRET, relationships=to("member.member_id")),
]
TAP = [
    SOURCE,
    keyed("tap_id", 2, field="id"),
    column("at", "timestamptz"),
    column("screen", field={"path": ["payload", "screen"]}),
    column("seconds", "int", {"path": ["payload", "seconds"]}),
    column(
        "patient_key",
        **{**PATIENT, "field": {"name": "mrn", "reference": {"type": "Patient", "system": MRN}}},
    ),
]
HOUSEKEEPING = [
    column("version_id", sensitivity="operational"),
    column("last_updated", "timestamptz", sensitivity="operational"),
    column("known_at", "timestamptz", sensitivity="operational", required=True),
    column("commit_id", sensitivity="operational", required=True),
    column("deleted", "boolean", sensitivity="operational", required=True),
    column("unresolved_references", "int", sensitivity="operational", required=True),
]


def silver(name, source, columns, *, history):
    """A silver contract over records."""
    current = [column("is_current", "boolean", sensitivity="operational", required=True)] if history else []
    properties = {"zone": "silver", "source": source, "history": history, "formatVersion": 2}
    return {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": f"silver.{name}",
        "name": name,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "For tests."},
        "customProperties": [
            {"property": f"a360.{key}", "value": value} for key, value in properties.items()
        ],
        "schema": [
            {
                "name": name,
                "physicalName": f"silver.{name}",
                "properties": [dict(each) for each in (*columns, *HOUSEKEEPING, *current)],
            }
        ],
    }
