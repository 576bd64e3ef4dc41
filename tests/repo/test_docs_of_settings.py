import re
from pathlib import Path

import pytest

from a360.settings import FILE, FILE_VARIABLE, PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/settings.md").read_text("utf-8")
ROWS = {
    cells[0].strip("` "): [cell.strip() for cell in cells]
    for cells in (
        line.strip("|").split("|") for line in PAGE.splitlines() if re.match(r"^\| `[a-z_]+` \|", line)
    )
}


def test_the_table_has_every_setting_and_no_other():
    """A key in the table is a setting, and each setting is in the table, in the model's order."""
    assert list(ROWS) == list(Settings.model_fields)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_as_it_is(name):
    """A setting's row has its variable, its default and what it means."""
    assert PAGE.count(f"\n| `{name}` |") == 1
    _, variable, _, default, _, meaning = ROWS[name]
    field = Settings.model_fields[name]
    fixed = field.default if isinstance(field.default, str | int | Path) else None
    assert variable == f"`{PREFIX}{name.upper()}`"
    assert default == ("" if fixed is None else f"`{fixed}`")
    assert meaning.rstrip(".")


def test_every_variable_of_the_program_is_documented():
    """A variable with our prefix that the source names stands on the page."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src/a360").rglob("*.py"))
    named = set(re.findall(rf"\b{PREFIX}[A-Z]+(?:_[A-Z]+)*\b", source))
    named.discard("A360_X")  # a docstring's example
    assert named - set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", PAGE)) == set()
    assert {FILE_VARIABLE, FILE} <= set(re.findall(r"[\w.]+", PAGE))


def test_every_check_of_the_doctor_is_documented():
    """The page on installing has a row for each check, by area and name, and for no other."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "src/a360/operate/_doctor").glob("*.py"))
    checks = set(re.findall(r'(?:judged|looked)\(\s*(?:_AREA|"\w+"), "([a-z ]+)"', source)) | {"settings"}
    checks |= set(re.findall(r'\("((?:folder|keys) (?:is|are) private)"', source))
    page = (ROOT / "docs/install.md").read_text("utf-8")
    rows = re.findall(r"^\| (?:settings|machine|spark|trust|lake|tables) \| ([a-z ]+) \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(checks)
