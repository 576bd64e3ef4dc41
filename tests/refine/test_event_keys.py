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


def event(key, time, screen, seconds=1):
    """An event as an app tells of it."""
    return {"id": f"k{key}", "at": time.isoformat(), "payload": {"screen": screen, "seconds": seconds}}


def is_good(each):
    """Whether an event's cells can be read."""
    return each["payload"]["seconds"] != "many"


def expected(events):
    """What silver holds and refuses, in plain Python: the last that happened in the window of the first.

    The first of a key is the first of all that came, whether its cells can be read or not.
    """
    first = {}
    for each in events:
        first[each["id"]] = min(each["at"], first.get(each["id"], each["at"]))
    ends = {key: (datetime.fromisoformat(at) + WINDOW).isoformat() for key, at in first.items()}
    meant = [each for each in events if each["at"] <= ends[each["id"]]]
    newest = {each["id"]: each for each in sorted(filter(is_good, meant), key=lambda each: each["at"])}
    reused = [each for each in events if each["at"] > ends[each["id"]]]
    broken = [each for each in meant if not is_good(each)]
    rules = ["key-reused"] * len(reused) + ["seconds-type"] * len(broken)
    return {(key, each["payload"]["screen"]) for key, each in newest.items()}, rules


def spread(dice, events):
    """The events in some order, some of them twice, in batches of any size."""
    told = [*events, *dice.sample(events, len(events) // 4)]
    dice.shuffle(told)
    cuts = sorted(dice.sample(range(1, len(told)), 3))
    return [told[start:end] for start, end in zip([0, *cuts], [*cuts, len(told)], strict=True)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_an_event_is_does_not_depend_on_the_order_of_arrival(tmp_path, seed):
    """Of the events of a key, the last good one in the window of the first counts, later ones are refused."""
    dice = random.Random(seed)
    hours = {key: dice.sample(range(24 * 20), dice.randint(1, 5)) for key in range(16)}
    events = [
        event(key, START + timedelta(hours=hour), f"s{hour}", dice.choice([1, 2, "many"]))
        for key, found in hours.items()
        for hour in found
    ]
    # The ends of the window: the last moment still means the event, the next one no more.
    events += [event("e", START + each, f"edge{each}") for each in (timedelta(0), WINDOW)]
    events += [event("e", START + WINDOW + timedelta(seconds=1), "past")]
    # A first one that cannot be read has taken its key all the same.
    events += [event("f", START, "first", "many"), event("f", START + 2 * WINDOW, "late")]
    with a360.open(tmp_path / "lake", contracts=record_contracts(tmp_path / "contracts")) as lake:
        for number, batch in enumerate(spread(dice, events)):
            bring(lake, tmp_path / f"taps_{number}.ndjson", batch)
        held = rows_of(lake, "SELECT tap_id, screen FROM silver.tap WHERE NOT deleted")
        refused = rows_of(lake, "SELECT rule FROM quarantine.tap")
        again = lake.run("silver.tap", full=True)
        whole = rows_of(lake, "SELECT tap_id, screen FROM silver.tap WHERE NOT deleted")
    wanted, rules = expected(events)
    assert {(row["tap_id"], row["screen"]) for row in held} == wanted
    assert sorted(row["rule"] for row in refused) == rules
    assert (sorted(map(str, whole)), again.steps[-1].landed) == (sorted(map(str, held)), 0)


@pytest.mark.parametrize("seed", [4, 5])
def test_one_of_two_events_of_a_moment_counts_in_any_order(tmp_path, seed):
    """Two sources that tell the same, with other words for one moment, in other orders give the same rows."""
    dice = random.Random(seed)
    events = [
        event(key, START + timedelta(days=dice.randint(0, 9)), screen, dice.choice([1, 2, "many"]))
        for key in range(12)
        for screen in ("a", "b", "c", "d")
    ]
    with a360.open(tmp_path / "lake", contracts=record_contracts(tmp_path / "contracts")) as lake:
        for source in ("one", "two"):
            for number, batch in enumerate(spread(dice, events)):
                bring(lake, tmp_path / f"taps_{source}_{number}.ndjson", batch, source)
        held = rows_of(lake, "SELECT source, tap_id, screen, seconds FROM silver.tap WHERE NOT deleted")
        rows = {
            source: sorted(
                (row["tap_id"], row["screen"], row["seconds"]) for row in held if row["source"] == source
            )
            for source in ("one", "two")
        }
        again = lake.run("silver.tap", full=True)
    assert rows["one"] == rows["two"]
    assert again.steps[-1].landed == 0


def test_what_reads_events_loses_one_that_took_a_given_key(tmp_path):
    """An event that landed and is another's by a first one that came late goes, and nothing stands for it."""
    contracts = record_contracts(tmp_path / "contracts")
    with a360.open(tmp_path / "lake", contracts=contracts) as lake:
        bring(
            lake, tmp_path / "taps_0.ndjson", [event(1, START + 2 * WINDOW, "late"), event(2, START, "other")]
        )
        before = rows_of(lake, "SELECT tap_id FROM silver.tap ORDER BY tap_id")
        bring(lake, tmp_path / "taps_1.ndjson", [event(1, START, "first", "many")])
        after = rows_of(lake, "SELECT tap_id, deleted FROM silver.tap")
    assert before == [{"tap_id": "k1"}, {"tap_id": "k2"}]
    assert after == [{"tap_id": "k2", "deleted": False}]


def bring(lake, file, events, source="default"):
    """Ingest events in a file of their own and refine them."""
    file.write_text("".join(json.dumps(each) + "\n" for each in events))
    lake.ingest(file, kind="events", source=source)
    lake.run("silver.tap")
