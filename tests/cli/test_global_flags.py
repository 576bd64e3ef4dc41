from pathlib import Path

import pytest

from a360.cli import _look, _time
from a360.cli._main import run


@pytest.fixture
def seen(monkeypatch):
    faces = []
    monkeypatch.setattr(_look, "tables", faces.append)
    monkeypatch.setattr(_time, "history", lambda face, *_: faces.append(face))
    monkeypatch.delenv("A360_LAKE", raising=False)
    return faces


@pytest.mark.parametrize(
    "arguments",
    [
        ["--lake", "there", "--env", "staging", "--json", "tables"],
        ["tables", "--lake", "there", "--env", "staging", "--json"],
        ["--lake=there", "tables", "--json", "--env=staging"],
        ["--json", "history", "--lake", "there", "gold.x", "--env", "staging"],
    ],
)
def test_global_flags_stand_anywhere(seen, arguments):
    """--lake, --env and --json mean the same before and after the command."""
    assert run(arguments) == 0
    (face,) = seen
    assert (face.settings.lake, face.settings.env, face.as_json) == (Path("there"), "staging", True)


def test_nearer_flag_wins(seen):
    """A flag given twice: the one after the command, which is nearer to it, counts."""
    assert run(["--lake", "far", "tables", "--lake", "near"]) == 0
    assert seen[0].settings.lake == Path("near")


def test_lake_is_the_one_of_the_folder_by_default(seen):
    """Without a flag the lake is ./lake."""
    assert run(["tables"]) == 0
    assert seen[0].settings.lake == Path("lake")


def test_home_is_understood(seen, monkeypatch, tmp_path):
    """A tilde that the shell left alone (`--lake=~/x`) means the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert run(["tables", "--lake=~/lake"]) == 0
    assert seen[0].settings.lake == tmp_path / "lake"
