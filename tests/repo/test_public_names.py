import importlib
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "src/a360"
ROOMS = sorted(
    "a360" + "".join(f".{part}" for part in file.parent.relative_to(PACKAGE).parts)
    for file in PACKAGE.rglob("__init__.py")
)


@pytest.mark.parametrize("name", ROOMS)
def test_every_public_name_is_there(name):
    """Whatever a room says it shows can be had from it, be it imported with the room or when asked for."""
    room = importlib.import_module(name)
    assert [each for each in getattr(room, "__all__", ()) if getattr(room, each, None) is None] == []


@pytest.mark.parametrize("name", ["a360", "a360.contract", "a360.table", "a360.lake", "a360.operate"])
def test_a_name_that_is_not_there_is_said_to(name):
    """A misspelt name is an AttributeError that names the room, as of any other module."""
    room = importlib.import_module(name)
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'no_such'"):
        _ = room.no_such


@pytest.mark.parametrize(
    ("name", "heavy"),
    [
        ("a360.contract", ("pydantic", "yaml", "sqlglot")),
        ("a360.table", ("pyiceberg", "pyarrow", "duckdb")),
        ("a360.operate", ("pyiceberg", "pyarrow", "duckdb", "httpx", "a360.refine", "a360.ingest")),
    ],
)
def test_a_room_that_shows_names_lazily_is_imported_without_what_they_rest_on(name, heavy):
    """Importing such a room brings in no engine and no room that only some of its names need."""
    script = f"import sys, {name}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert sorted(set(heavy) & set(loaded.split())) == []
