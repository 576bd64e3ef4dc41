"""Events that come late, again, or under a used key: silver holds what a plain reading gives."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from lakes import rows_of
from record_contracts import record_contracts

import a360

START = datetime(2024, 3, 1, tzinfo=UTC)
WINDOW = timedelta(days=7)


def event(key, time, screen):
    """An event as an app tells of it."""
    return {"id": f"k{key}", "at": time.isoformat(), "payload": {"screen": screen, "seconds": 1}}


def expected(events):
    """What silver holds and refuses, in plain Python: the last that happened in the window of the first."""
    first = {}
    for each in events:
        first[each["id"]] = min(each["at"], first.get(each["id"], each["at"]))
    ends = {key: (datetime.fromisoformat(at) + WINDOW).isoformat() for key, at in first.items()}
    meant = [each for each in events if each["at"] <= ends[each["id"]]]
    newest = {each["id"]: each for each in sorted(meant, key=lambda each: each["at"])}
    reused = {(each["id"], each["at"]) for each in events if each["at"] > ends[each["id"]]}
    return {(key, each["payload"]["screen"]) for key, each in newest.items()}, len(reused)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_an_event_is_does_not_depend_on_the_order_of_arrival(tmp_path, seed):
    """Of the events of a key, the last within a window of the first counts, and later ones are refused."""
    dice = random.Random(seed)
    hours = {key: dice.sample(range(24 * 20), dice.randint(1, 5)) for key in range(12)}
    events = [
        event(key, START + timedelta(hours=hour), f"s{hour}")
        for key, found in hours.items()
        for hour in found
    ]
    # The ends of the window: the last moment still means the event, the next one no more.
    events += [event("e", START + each, f"edge{each}") for each in (timedelta(0), WINDOW)]
    events += [event("e", START + WINDOW + timedelta(seconds=1), "past")]
    told = [*events, *dice.sample(events, 5)]
    dice.shuffle(told)
    contracts = record_contracts(tmp_path / "contracts")
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        for number in range(4):
            file = tmp_path / f"taps_{number}.ndjson"
            file.write_text("".join(json.dumps(each) + "\n" for each in told[number::4]))
            lake.ingest(file, kind="events")
            lake.run("silver.tap")
        held = rows_of(lake, "SELECT tap_id, screen FROM silver.tap WHERE NOT deleted")
        refused = rows_of(lake, "SELECT rule FROM quarantine.tap")
        again = lake.run("silver.tap", full=True)
        whole = rows_of(lake, "SELECT tap_id, screen FROM silver.tap WHERE NOT deleted")
    wanted, reused = expected(events)
    assert {(row["tap_id"], row["screen"]) for row in held} == wanted
    assert [row["rule"] for row in refused] == ["key-reused"] * reused
    assert (sorted(map(str, whole)), again.steps[-1].landed) == (sorted(map(str, held)), 0)
