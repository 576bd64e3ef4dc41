"""Commands that work on a lake's folder alone refuse an environment whose tables are elsewhere."""

import pytest
import typer.main
from aws_server import ACCOUNT

from a360.cli._app import app
from a360.cli._main import run

GROUP = typer.main.get_command(app).commands["catalog"]
GIVEN = {
    "serve": [],
    "rebuild": [],
    "connect": ["spark"],
    "client add": ["somebody"],
    "client list": [],
    "client remove": ["somebody"],
}


def names(group, start=""):
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            yield from names(each, f"{start}{name} ")
        else:
            yield start + name


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A lake's folder, and an environment whose catalog is Glue."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/staging.yaml").write_text(
        f"name: staging\nkind: aws\naccount: '{ACCOUNT}'\nregion: us-east-1\ncatalog: glue\n"
    )
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/a360.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_commands_of_the_catalog_are_looked_at():
    """A command that is added to the group is held to the rule as well."""
    assert {*names(GROUP)} == {*GIVEN}


@pytest.mark.parametrize("name", GIVEN)
def test_a_catalog_in_glue_is_not_that_of_the_folder(folder, capsys, name):
    """A command on the embedded catalog touches nothing in an environment whose tables are in Glue."""
    assert run(["catalog", *name.split(), *GIVEN[name], "--env", "staging"]) == 2
    assert "in Glue" in capsys.readouterr().err
    assert [each.name for each in (folder / "lake").iterdir()] == ["a360.json"]
