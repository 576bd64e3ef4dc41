"""Resources whose values are awkward to read: at the ends of what types hold, of other shapes, or missing."""

TIMES = [
    "2024",
    "2024-02",
    "2024-02-29",
    "2023-02-29",
    "0000-01-01",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "2024-02-29T23:59:59.1234567+14:00",
    "2024-03-10T02:30:00-05:00",
    "2024-03-10T02:30-13:59",
    "2024-03-10T24:00:00Z",
    "2024-06-30T23:59:60Z",
    "2024-03-10T02:30:00",
    " 2024-03-10",
    "12.03.1980",
    "",
]
NUMBERS = [
    0,
    -0.0,
    0.5,
    2.5,
    1e-7,
    1e15,
    12345678901234567890,
    "0.1",
    "1e400",
    "NaN",
    "-Infinity",
    "0.000000499999999999999999999",
    "99999999999999999999.5",
    "1,5",
    True,
    None,
    {"value": 1},
    [1],
]
TEXTS = [
    "",
    " ",
    "Ünïcödé \U0001f489",
    "a|b",
    "x" * 300,
    "'; DROP TABLE silver.patient; --",
    'quote " and \\ back',
    "\u0000",
    "line\nbreak\ttab",
    None,
    7,
]
REFERENCES = [
    "Patient/",
    "Patient/p 1",
    "http://server.example/fhir/Patient/p1/_history/3",
    "https://elsewhere.example/Patient/p1?x=1",
    "urn:oid:1.2.3",
    "urn:uuid:",
    "#",
    "#nobody",
    "Patient?identifier=urn%3As%7C7",
    "Patient?identifier=|7",
    "Patient?identifier=100%|7",
    "?identifier=urn:s|7&active=true",
    "Practitioner?name=x",
    "Group/1",
    "Patient/ünï",
    "",
    None,
    3,
]


def awkward(dice, name, count):
    """Observations, patients and encounters of a name, with values drawn from what is awkward."""
    return [_KINDS[number % len(_KINDS)](dice, f"{name}-{number}") for number in range(count)]


def _observation(dice, key):
    components = [{"code": _code(dice), **_value(dice)} for _ in range(dice.choice([0, 0, 1, 5]))]
    return _some(
        dice,
        {"resourceType": "Observation", "id": key},
        status=dice.choice(["final", "final", "nonsense", None]),
        code=_code(dice),
        subject={"reference": dice.choice(REFERENCES)},
        encounter={"reference": dice.choice(REFERENCES)},
        performer=[{"reference": dice.choice(REFERENCES)} for _ in range(dice.randint(0, 3))],
        effectiveDateTime=dice.choice(TIMES),
        issued=dice.choice(TIMES),
        component=dice.choice([components, components, {}, None]),
        **_value(dice),
    )


def _value(dice):
    number = dice.choice(NUMBERS)
    return dice.choice(
        [
            {"valueQuantity": {"value": number, "unit": dice.choice(TEXTS)}},
            {"valueQuantity": number},
            {"valueInteger": number},
            {"valueBoolean": number},
            {"valueString": dice.choice(TEXTS)},
            {"valueDateTime": dice.choice(TIMES)},
            {},
        ]
    )


def _code(dice):
    coding = [{"system": dice.choice(TEXTS), "code": dice.choice(TEXTS)} for _ in range(dice.randint(0, 2))]
    return dice.choice([{"coding": coding}, {"coding": []}, {}, {"text": dice.choice(TEXTS)}, "code"])


def _patient(dice, key):
    return _some(
        dice,
        {"resourceType": "Patient", "id": key},
        birthDate=dice.choice(TIMES),
        gender=dice.choice(["female", "female", "none of these", None]),
        active=dice.choice([True, "true", 1, None]),
        deceasedDateTime=dice.choice(TIMES),
        name=dice.choice([[{"family": dice.choice(TEXTS)}], [], {}, "Jane"]),
        identifier=[
            {"system": dice.choice(["urn:s", "", None]), "value": dice.choice(TEXTS)}
            for _ in range(dice.randint(0, 3))
        ],
        managingOrganization={"reference": dice.choice(REFERENCES)},
        multipleBirthInteger=dice.choice(NUMBERS),
    )


def _encounter(dice, key):
    inside = {
        "resourceType": dice.choice(["Practitioner", "Patient", None]),
        "id": dice.choice(["d", None, "ü"]),
    }
    return _some(
        dice,
        {"resourceType": "Encounter", "id": key},
        status="finished",
        subject={"reference": dice.choice([*REFERENCES, "#d"])},
        period={"start": dice.choice(TIMES), "end": dice.choice(TIMES)},
        contained=dice.choice([[inside], [inside, inside], [], [None], {}]),
        participant=[{"individual": {"reference": dice.choice(["#d", *REFERENCES])}}],
    )


_KINDS = (_observation, _patient, _encounter)


def _some(dice, resource, **elements):
    """The resource with most of the elements; what is null is left out, as JSON of FHIR has it."""
    kept = {name: value for name, value in elements.items() if value is not None and dice.random() < 0.85}
    return {**resource, **kept}
