"""What arrives at a lake of records and resources, round after round; the same for the same seed.

Versions, deletions, merges of patients, moves of visits, what lies in other resources, rows of extracts, and
events whose keys come again; some of it cannot be read.
"""

import json
import random
from datetime import UTC, datetime, timedelta

from awkward_resources import awkward
from lakes import write_ndjson
from worlds import World

START = datetime(2024, 3, 1, 9, tzinfo=UTC)


def news(seed, rounds):
    """What arrives round after round: resources, rows of extracts, and events."""
    dice = random.Random(seed)
    arriving = [World.of(f"w{number}", seed).arrivals(rounds) for number in range(6)]
    merges = [merge(dice, number) for number in range(6)]
    moves = [move(dice, number) for number in range(6)]
    for place in range(rounds):
        resources = [each for world in arriving for each in world[place]]
        resources += [*merges[place::rounds], *moves[place::rounds], *awkward(dice, f"a{place}", 25)]
        members = [member(dice) for _ in range(20)]
        taps = [
            {
                "id": f"t{dice.randint(0, 9)}",
                "at": (START + timedelta(hours=dice.randint(0, 400))).isoformat(),
                "mrn": f"w{dice.randint(0, 9)}-a",
                "payload": {
                    "screen": f"s{dice.randint(0, 99)}",
                    "seconds": dice.choice([1, "2", "many", [3]]),
                },
            }
            for _ in range(20)
        ]
        yield resources, members, taps


def member(dice):
    """A row of an extract, now and then with what cannot be read."""
    fee = dice.choice(["1,50", "1.234,5", "1.5", "x", ""])
    since = dice.choice(["01/02/2024", "31/02/2024", "3 mar 2024", ""])
    changed = f"{dice.randint(1, 28):02}/0{dice.randint(1, 9)}/2024 10:00"
    ends = f"{dice.choice(['yes', 'maybe', ''])};{dice.choice(['OPEN', 'VOID', 'shut'])};m@example.org"
    return f"M{dice.randint(0, 9)};w{dice.randint(0, 9)}-a;{fee};{since};{changed};{ends}"


def merge(dice, number):
    """The statement that one record of a patient has become another."""
    one, other = dice.sample(range(3), 2)
    items = [("source", f"w{number}-pa{one}"), ("historical", f"w{number}-pa{other}")]
    return {
        "resourceType": "Linkage",
        "id": f"merge{number}",
        "active": True,
        "item": [{"type": kind, "resource": {"reference": f"Patient/{name}"}} for kind, name in items],
    }


def move(dice, number):
    """The statement that a visit has another number now, and perhaps another patient."""
    target = [{"reference": f"Encounter/w{number}-en{dice.randint(0, 3)}"}]
    if dice.random() < 0.5:
        target.append({"reference": f"Patient/w{number}-pa{dice.randint(0, 2)}"})
    event = {"system": "http://terminology.hl7.org/CodeSystem/v2-0003", "code": "A45"}
    return {
        "resourceType": "Provenance",
        "id": f"move{number}",
        "target": target,
        "recorded": "2026-01-05T00:00:00Z",
        "activity": {"coding": [event]},
        "entity": [{"role": "revision", "what": {"reference": f"Encounter/w{number}-en0"}}],
    }


HEADER = "Member No;Patient;Fee;Since;Changed;Active;State;E-mail"


def land(lake, folder, arriving):
    """Bring in what arrives in a round."""
    resources, members, taps = arriving
    write_ndjson(folder, [each for each in resources if each["resourceType"] != "Bundle"])
    for number, each in enumerate(each for each in resources if each["resourceType"] == "Bundle"):
        (folder / f"Bundle.{number}.json").write_text(json.dumps(each))
    lake.ingest(folder)
    (folder / "members_1.csv").write_text("\n".join([HEADER, *members]) + "\n")
    (folder / "taps.ndjson").write_text("".join(json.dumps(each) + "\n" for each in taps))
    lake.ingest(folder / "members_1.csv", kind="csv")
    lake.ingest(folder / "taps.ndjson", kind="events")
