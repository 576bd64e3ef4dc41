"""Who and where: patients, practitioners, organizations, locations, and their identifiers, as they say it."""

from silver_references import Follower
from silver_values import Json, code, coded, day, extension, first, has_code, qualified, text_of, timed

CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
NPI = "http://hl7.org/fhir/sid/us-npi"
SSN = "http://hl7.org/fhir/sid/us-ssn"
PREFIX_LENGTH = 3


def patient(r: Json, to: Follower) -> Json:
    """Demographics, and what identifies the person."""
    name = official_name(r)
    home = first(r.get("address"), not_old)
    race = omb(r, f"{CORE}/us-core-race")
    ethnicity = omb(r, f"{CORE}/us-core-ethnicity")
    languages = r.get("communication", [])
    language = first(languages, lambda c: c.get("preferred") is True) or first(languages)
    flagged = r.get("deceasedBoolean")
    postal_code = home.get("postalCode")
    labels = r.get("meta", {}).get("security", []) + r.get("meta", {}).get("tag", [])
    mrn = first(r.get("identifier"), lambda i: has_code(i.get("type"), "MR"))
    return {
        "patient_key": r["id"],
        "active": r.get("active"),
        "birth_date": day(r.get("birthDate")),
        "gender": r.get("gender"),
        "birth_sex": extension(r, f"{CORE}/us-core-birthsex").get("valueCode"),
        "race_code": race.get("code"),
        "race": race.get("display"),
        "ethnicity_code": ethnicity.get("code"),
        "ethnicity": ethnicity.get("display"),
        "marital_status": code(r.get("maritalStatus")),
        "marital_status_display": first(r.get("maritalStatus", {}).get("coding")).get("display"),
        "language": code(language.get("language")),
        "deceased": flagged if flagged is not None else "deceasedDateTime" in r,
        **timed("deceased_at", r.get("deceasedDateTime"), "deceased_date"),
        "state": home.get("state"),
        "postal_code3": None if postal_code is None else postal_code[:PREFIX_LENGTH],
        "country": home.get("country"),
        "family_name_token": name.get("family"),
        "given_name_token": text_of(name.get("given")),
        "phone_token": first(r.get("telecom"), lambda t: t.get("system") == "phone" and not_old(t)).get(
            "value"
        ),
        "email_token": first(r.get("telecom"), lambda t: t.get("system") == "email" and not_old(t)).get(
            "value"
        ),
        "address_line_token": text_of(home.get("line")),
        "city_token": home.get("city"),
        "postal_code_token": postal_code,
        "mrn_token": qualified(mrn),
        "ssn_token": qualified(first(r.get("identifier"), lambda i: i.get("system") == SSN)),
        "managing_organization_id": to.one(r.get("managingOrganization"), "Organization"),
        "general_practitioner_id": to.pick(r.get("generalPractitioner"), "Practitioner"),
        "is_test": any(label.get("code") == "HTEST" for label in labels),
    }


def not_old(entry: Json) -> bool:
    """Whether an address or contact is not marked as one of the past."""
    return entry.get("use") != "old"


def official_name(r: Json) -> Json:
    """The official name, else the first."""
    return first(r.get("name"), lambda n: n.get("use") == "official") or first(r.get("name"))


def omb(r: Json, url: str) -> Json:
    """The first OMB category of a US Core race or ethnicity."""
    return extension(extension(r, url), "ombCategory").get("valueCoding", {})


def contact(r: Json, system: str) -> str | None:
    """The first contact of this kind."""
    return first(r.get("telecom"), lambda t: t.get("system") == system).get("value")


def npi(r: Json) -> str | None:
    """The National Provider Identifier."""
    return first(r.get("identifier"), lambda i: i.get("system") == NPI).get("value")


def practitioner(r: Json, _: Follower) -> Json:
    """Who treats."""
    name, place = official_name(r), first(r.get("address"))
    return {
        "practitioner_id": r["id"],
        "active": r.get("active"),
        "npi": npi(r),
        "family_name": name.get("family"),
        "given_name": text_of(name.get("given")),
        "name_prefix": text_of(name.get("prefix")),
        "name_suffix": text_of(name.get("suffix")),
        "gender": r.get("gender"),
        **coded("qualification_code", first(r.get("qualification")).get("code")),
        "phone_token": contact(r, "phone"),
        "email_token": contact(r, "email"),
        "city": place.get("city"),
        "state": place.get("state"),
        "postal_code": place.get("postalCode"),
        "country": place.get("country"),
    }


def organization(r: Json, to: Follower) -> Json:
    """A clinic, group or payer."""
    place = first(r.get("address"))
    return {
        "organization_id": r["id"],
        "active": r.get("active"),
        "name": r.get("name"),
        **coded("type_code", first(r.get("type"))),
        "npi": npi(r),
        "part_of_id": to.one(r.get("partOf"), "Organization"),
        "phone": contact(r, "phone"),
        "address_line": text_of(place.get("line")),
        "city": place.get("city"),
        "state": place.get("state"),
        "postal_code": place.get("postalCode"),
        "country": place.get("country"),
    }


def location(r: Json, to: Follower) -> Json:
    """A place of care."""
    place, position = r.get("address", {}), r.get("position", {})
    return {
        "location_id": r["id"],
        "status": r.get("status"),
        "name": r.get("name"),
        "mode": r.get("mode"),
        **coded("type_code", first(r.get("type"))),
        **coded("physical_type_code", r.get("physicalType")),
        "managing_organization_id": to.one(r.get("managingOrganization"), "Organization"),
        "part_of_id": to.one(r.get("partOf"), "Location"),
        "phone": contact(r, "phone"),
        "address_line": text_of(place.get("line")),
        "city": place.get("city"),
        "state": place.get("state"),
        "postal_code": place.get("postalCode"),
        "country": place.get("country"),
        "latitude": None if position.get("latitude") is None else float(position["latitude"]),
        "longitude": None if position.get("longitude") is None else float(position["longitude"]),
    }


def identifiers(r: Json, _: Follower) -> list[Json]:
    """The business identifiers of a resource."""
    return [
        {
            "resource_type": r["resourceType"],
            "resource_id": r["id"],
            "identifier_index": place,
            "system": identifier.get("system"),
            "value_token": qualified(identifier),
            "use": identifier.get("use"),
            "type_code": code(identifier.get("type")),
        }
        for place, identifier in enumerate(r.get("identifier", []))
    ]
