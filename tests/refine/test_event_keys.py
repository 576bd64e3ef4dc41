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
WAYS = ("one", "two")


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


def happened(dice):
    """Events of many keys over three weeks, some not to be read, and those at the edges of a window."""
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
    return [*events, event("f", START, "first", "many"), event("f", START + 2 * WINDOW, "late")]


def of_a_moment(dice):
    """Events of which some of a key have one moment, and differ in what else they say."""
    return [
        event(key, START + timedelta(days=dice.randint(0, 9)), screen, dice.choice([1, 2, "many"]))
        for key in range(12)
        for screen in ("a", "b", "c", "d")
    ]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A lake that each story is told to by two sources, in orders of their own; computed anew in the end."""
    folder = tmp_path_factory.mktemp("told")
    stories = {f"happened{seed}": happened(random.Random(seed)) for seed in (1, 2, 3)}
    stories |= {f"moment{seed}": of_a_moment(random.Random(seed)) for seed in (4, 5)}
    dice = random.Random(6)
    batches = {f"{name}-{way}": spread(dice, events) for name, events in stories.items() for way in WAYS}
    with a360.open(folder / "lake", contracts=record_contracts(folder / "contracts")) as lake:
        for number in range(4):
            for source, portions in batches.items():
                bring(lake, folder / f"taps_{source}_{number}.ndjson", portions[number], source, run=False)
            lake.run("silver.tap")
        before = held(lake)
        again = lake.run("silver.tap", full=True)
        yield stories, lake, before, (held(lake), again.steps[-1].landed)


def held(lake):
    """What silver holds, by source."""
    rows = rows_of(lake, "SELECT source, tap_id, screen, seconds FROM silver.tap WHERE NOT deleted")
    found = {}
    for row in rows:
        found.setdefault(row["source"], []).append((row["tap_id"], row["screen"], row["seconds"]))
    return {source: sorted(each) for source, each in found.items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_an_event_is_does_not_depend_on_the_order_of_arrival(told, seed, way):
    """Of the events of a key, the last good one in the window of the first counts, later ones are refused."""
    stories, lake, found, _ = told
    source = f"happened{seed}-{way}"
    refused = rows_of(lake, f"SELECT rule FROM quarantine.tap WHERE source = '{source}'")
    wanted, rules = expected(stories[f"happened{seed}"])
    assert {row[:2] for row in found[source]} == wanted
    assert sorted(row["rule"] for row in refused) == rules


@pytest.mark.parametrize("seed", [4, 5])
def test_one_of_two_events_of_a_moment_counts_in_any_order(told, seed):
    """Two sources that tell the same, with other words for one moment, in other orders give the same rows."""
    _, _, found, _ = told
    one, other = (found[f"moment{seed}-{way}"] for way in WAYS)
    assert one == other


def test_computing_all_anew_changes_nothing(told):
    """From bronze at once silver is what it was made of portion by portion."""
    _, _, found, (anew, landed) = told
    assert (anew, landed) == (found, 0)


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


def bring(lake, file, events, source="default", *, run=True):
    """Ingest events in a file of their own, and refine them."""
    file.write_text("".join(json.dumps(each) + "\n" for each in events))
    lake.ingest(file, kind="events", source=source)
    if run:
        lake.run("silver.tap")
