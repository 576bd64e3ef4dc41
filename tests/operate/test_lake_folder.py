"""The folder of a lake: made private, known again, never mixed up with anything else."""

import json
import stat
import threading

import pytest

import a360
from a360.errors import OperatorError, UsageError
from a360.operate import LakeFolder

FOLDERS = {"warehouse", "keys", "audit", "logs", "tmp"}


def test_a_lake_is_for_its_owner_alone(tmp_path):
    """A new lake has its folders, closed to everyone else, and says its format."""
    with a360.open(tmp_path / "deep/lake") as lake:
        assert {each.name for each in lake.path.iterdir() if each.is_dir()} >= FOLDERS
        for folder in (lake.path, *(lake.path / name for name in FOLDERS)):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder.name
        assert json.loads((lake.path / "a360.json").read_text())["format"] == 1


@pytest.mark.parametrize("names", [["notes.txt"], ["src/main.py"], ["keys/id_rsa", "notes.txt"]])
def test_a_folder_with_something_else_in_it_becomes_no_lake(tmp_path, names):
    """What is somebody's folder is left as it was, and the failure says so."""
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OperatorError) as failure:
        a360.open(tmp_path)
    assert failure.value.code.slug == "not-a-lake"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_is_no_lake(tmp_path):
    """A path to a file is refused."""
    (tmp_path / "lake").write_text("")
    with pytest.raises(OperatorError):
        a360.open(tmp_path / "lake")


@pytest.mark.parametrize("text", ['{"format": 2}', "{}", "[]", "", "{"])
def test_a_lake_of_another_format_is_left_alone(tmp_path, text):
    """A newer or broken `a360.json` is refused, and not replaced."""
    with a360.open(tmp_path / "lake") as lake:
        file = lake.path / "a360.json"
    file.write_text(text)
    with pytest.raises(OperatorError) as failure:
        a360.open(tmp_path / "lake")
    assert failure.value.code.slug == "not-a-lake"
    assert file.read_text() == text


def test_an_interrupted_creation_is_taken_up_again(tmp_path):
    """Folders and a draft of `a360.json` are what a creation leaves that was cut short: opening ends it."""
    for name in ("warehouse", "keys"):
        (tmp_path / "lake" / name).mkdir(parents=True)
    (tmp_path / "lake/a360-0123.tmp").touch()
    with a360.open(tmp_path / "lake") as lake:
        assert (lake.path / "a360.json").exists()


def test_opening_again_keeps_the_keys(tmp_path):
    """The keys are made once: what was sealed by a lake opens for ever after."""
    secrets = []
    for _ in range(2):
        with a360.open(tmp_path / "lake") as lake:
            files = sorted((lake.path / "keys").rglob("*"))
            secrets.append({file.name: file.read_bytes() for file in files if file.is_file()})
    assert secrets[0] == secrets[1] != {}


def test_generated_and_real_data_are_not_mixed(tmp_path):
    """A lake is claimed for one kind of data; the other is refused, the same kind is welcome."""
    with a360.open(tmp_path / "lake") as lake:
        assert lake.origin is None
        lake.claim("generated")
        lake.claim("generated")
        with pytest.raises(UsageError) as failure:
            lake.claim("own")
    assert failure.value.code.slug == "input-mixed"
    with a360.open(tmp_path / "lake") as lake:
        assert lake.origin == "generated"


def test_who_acts_as_a_principal_makes_no_lake(tmp_path):
    """A folder without a lake is left as it is where somebody asks on behalf of another."""
    with pytest.raises(OperatorError) as caught:
        a360.open(tmp_path / "lake", principal="analyst")
    assert caught.value.code.slug == "not-a-lake"
    assert not (tmp_path / "lake").exists()


def test_jobs_take_turns(tmp_path):
    """Who works in a lake works alone; the next one waits, and learns whether the one before it died."""
    folder = LakeFolder.open(tmp_path / "lake")
    order = []

    def wait_for_it():
        with folder.working() as died:
            order.append(("second", died))

    with folder.working() as died:
        waiting = threading.Thread(target=wait_for_it)
        waiting.start()
        waiting.join(0.3)
        order.append(("first", died))
    waiting.join(10)
    assert order == [("first", False), ("second", False)]
    with pytest.raises(ZeroDivisionError), folder.working():
        raise ZeroDivisionError
    with folder.working() as died:
        assert died
