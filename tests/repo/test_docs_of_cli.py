import re
from pathlib import Path

import pytest
import typer.main

from a360.cli._app import app

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/cli.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))
GLOBAL = {"--lake", "--env", "--json", "--help", "-h", "--version"}


def commands(group, path="a360"):
    """Every command with its full name."""
    for name, each in group.commands.items():
        if hasattr(each, "commands"):
            if each.invoke_without_command:
                yield f"{path} {name}", each
            yield from commands(each, f"{path} {name}")
        else:
            yield f"{path} {name}", each


ROOT_COMMAND = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT_COMMAND))


def flags(command):
    """The flags a command knows by any name."""
    names = (name for each in command.params for name in (*each.opts, *each.secondary_opts))
    return {name for name in names if name.startswith("-")}


def test_every_command_has_its_section():
    """Every command has a section in docs/cli.md, in the order of the help, and no section is about none."""
    assert [name for name in SECTIONS if name.startswith("a360 ")] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_flag_is_documented(name):
    """A command's section has a row for each of its flags, and for no other."""
    rows = re.findall(r"^\| (`-.*?) \|", SECTIONS[name], re.MULTILINE)
    documented = {flag for row in rows for flag in re.findall(r"`(--?[a-z-]+)", row)}
    assert documented == flags(COMMANDS[name]) - GLOBAL


def test_global_flags_are_documented():
    """The section on global flags has all of them, and every command knows those that may follow it."""
    assert set(re.findall(r"`(--?[a-z]+)", SECTIONS["Global flags"])) >= GLOBAL
    assert flags(ROOT_COMMAND) <= GLOBAL
    assert all({"--lake", "--env", "--json"} <= flags(command) for command in COMMANDS.values())


def test_documented_defaults_are_those_of_the_flags():
    """Where a flag's row names a default, it is the default."""
    for name, command in COMMANDS.items():
        for option in command.params:
            row = re.search(
                rf"^\| `{option.opts[0]}[ `].*Default: `?([^`. ]+(?:\.\d+)?)", SECTIONS[name], re.MULTILINE
            )
            if row and isinstance(option.default, int | float):
                assert str(option.default) == row[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_is_documented(name):
    """A command that takes arguments shows them in its section, in their order."""
    wanted = [each.metavar for each in COMMANDS[name].params if each.param_type_name == "argument"]
    if wanted:
        [shown, *_] = re.findall(rf"^    {name}( .*)$", SECTIONS[name], re.MULTILINE)
        # Of few words all are shown in the argument's place.
        names = [metavar.strip("[]….") for metavar in wanted]
        places = [shown.find(each if each in shown else "|") for each in names]
        assert -1 not in places
        assert places == sorted(places)
