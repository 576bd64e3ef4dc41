"""What a lake holds does not depend on the order in which news arrived, nor on how it was portioned."""

import shutil

import pytest
from lakes import content, difference, write_ndjson
from worlds import World

import a360

ROUNDS, WORLDS = 4, 60


def news(seed, rounds):
    """The news of many worlds, by round."""
    arriving = [World.of(f"w{number}", seed).arrivals(rounds) for number in range(WORLDS)]
    return [[each for world in arriving for each in world[place]] for place in range(rounds)]


@pytest.mark.parametrize("seed", [1])
def test_any_order_and_portioning_gives_the_same_silver_and_gold(tmp_path, contracts, seed):
    """Versions, deletions and targets that come late and in portions give what arriving at once gives."""
    portions = news(seed, ROUNDS)
    lakes = []
    for name, batches in (("portions", portions), ("whole", [[each for some in portions for each in some]])):
        with a360.open(tmp_path / name, contracts=contracts):
            pass
        if lakes:
            shutil.rmtree(tmp_path / name / "keys")
            shutil.copytree(tmp_path / "portions/keys", tmp_path / name / "keys")
        with a360.open(tmp_path / name, contracts=contracts) as lake:
            for number, batch in enumerate(batches):
                lake.ingest(write_ndjson(tmp_path / f"{name}-{number}", batch))
                lake.run()
            lakes.append(content(lake, ("silver", "gold")))
    assert difference(*lakes) == {}
