"""What HL7 v2 messages mean: the lake is the same in the end, in whatever order they arrive."""

import re

import pytest
from hl7v2_scenes import SCENES

import a360

ORDERS = ("as-sent", "backwards")
ROUNDS = max(len(scene.messages) for scene in SCENES)
# What the scenes ask for. What is made from the same besides is made once, in the end.
ASKED = sorted({name for scene in SCENES for name in re.findall(r"(?:silver|gold)\.\w+", scene.asked("s"))})


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A lake that all scenes were told to, a message at a time: by one source as sent, by one backwards."""
    folder = tmp_path_factory.mktemp("scenes")
    with a360.open(folder / "lake") as lake:
        for step in range(ROUNDS):
            for source in ORDERS:
                number = step if source == "as-sent" else ROUNDS - 1 - step
                file = folder / f"{source}-{number}.hl7"
                file.write_text("".join(scene.told(number) for scene in SCENES), newline="")
                report = lake.ingest(file, "hl7v2", source)
                assert report.steps[0].quarantined == report.steps[0].duplicates == 0
            lake.run(*ASKED)
        lake.run()
        yield lake


@pytest.mark.e2e
@pytest.mark.parametrize("source", ORDERS)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_a_story_ends_the_same_however_it_arrives(told, scene, source):
    """Updates, cancellations, deletions, merges and moves mean what the standard says, in any order."""
    rows = told.query(scene.asked(source)).to_pylist()
    assert [tuple(row.values()) for row in rows] == scene.wanted
