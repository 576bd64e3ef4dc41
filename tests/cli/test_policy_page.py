"""The page on the policy shows what its commands write."""

import re
import shutil
from pathlib import Path

import pytest

from a360.cli._main import run

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/policy.md").read_text("utf-8")
FENCES = dict.fromkeys(re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
TYPED = [
    (command, shown)
    for kind, body in FENCES
    if kind == "console"
    for command, shown in re.findall(r"^\$ a360 (.*)\n((?:(?!\$ ).*\n)*)", body, re.MULTILINE)
]


def lines(text):
    """What stands in a text, line by line, without the blanks that end lines and without empty ones."""
    return [line.rstrip() for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the contracts, and the file that the page shows."""
    folder = tmp_path_factory.mktemp("page")
    shutil.copytree(ROOT / "contracts", folder / "contracts")
    [example] = [body for kind, body in FENCES if kind == "yaml"]
    (folder / "wrong.yaml").write_text(example, "utf-8")
    return folder


@pytest.mark.parametrize(("command", "shown"), TYPED, ids=[command for command, _ in TYPED])
def test_the_page_shows_what_comes_out(command, shown, folder, monkeypatch, capsys):
    """Each command of the page writes what stands under it."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")
    code = run(command.split())
    assert lines(capsys.readouterr().out) == lines(shown)
    assert code == (3 if "policy test" in command else 0)
