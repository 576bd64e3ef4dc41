"""FHIR resources with as little in them as a test needs."""


def meta(version=None, updated=None):
    """The metadata that orders versions; nothing where nothing is said."""
    said = {"versionId": version, "lastUpdated": updated}
    told = {name: value for name, value in said.items() if value is not None}
    return {"meta": told} if told else {}


def identifiers(*values, system="urn:s"):
    """Business identifiers of one system."""
    return {"identifier": [{"system": system, "value": value} for value in values]} if values else {}


def patient(key="p1", *, version=None, updated=None, ids=(), **more):
    """A patient."""
    return {
        "resourceType": "Patient",
        "id": key,
        **meta(version, updated),
        **identifiers(*ids),
        "gender": "female",
        **more,
    }


def practitioner(key="d1", *, version=None, updated=None, ids=(), **more):
    """A practitioner."""
    return {
        "resourceType": "Practitioner",
        "id": key,
        **meta(version, updated),
        **identifiers(*ids),
        **more,
    }


def encounter(key="e1", subject="Patient/p1", *, version=None, updated=None, by=None, **more):
    """An encounter of a patient, by a practitioner where one is named."""
    participant = {"participant": [{"individual": {"reference": by}}]} if by else {}
    return {
        "resourceType": "Encounter",
        "id": key,
        **meta(version, updated),
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": subject},
        "period": {"start": "2026-01-02T10:00:00Z", "end": "2026-01-02T11:00:00Z"},
        **participant,
        **more,
    }


def observation(key="o1", subject="Patient/p1", *, version=None, updated=None, components=0, **more):
    """An observation, a panel where it has components."""
    parts = [{"code": code(f"{number}"), "valueInteger": number} for number in range(components)]
    return {
        "resourceType": "Observation",
        "id": key,
        **meta(version, updated),
        "status": "final",
        "code": code("panel"),
        "subject": {"reference": subject},
        **({"component": parts} if parts else {}),
        **more,
    }


def code(value, system="urn:codes"):
    """A concept of one coding."""
    return {"coding": [{"system": system, "code": value}]}


def entry(resource, full_url=None):
    """An entry of a Bundle."""
    return {**({"fullUrl": full_url} if full_url else {}), "resource": resource}


def deletion(*names):
    """Entries of a Bundle that delete what they name."""
    return [{"request": {"method": "DELETE", "url": name}} for name in names]


def bundle(*entries, timestamp=None, kind="transaction"):
    """A Bundle of entries."""
    at = {"timestamp": timestamp} if timestamp else {}
    return {"resourceType": "Bundle", "type": kind, **at, "entry": list(entries)}
