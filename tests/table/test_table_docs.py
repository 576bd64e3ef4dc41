"""The documentation of this room tells the truth."""

import contextlib
import io
import re
from pathlib import Path

from a360.table import Tables

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_worked_example_prints_what_the_page_shows(tmp_path, monkeypatch):
    """The example runs as it stands, and its output is the one beneath it."""
    code, output = re.search(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE.read_text(), re.DOTALL
    ).groups()
    monkeypatch.chdir(tmp_path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, str(PAGE), "exec"), {})
    assert printed.getvalue() == output


def test_every_call_is_on_the_page():
    """What `Tables` offers is documented."""
    page = PAGE.read_text()
    offered = {name for name in vars(Tables) if not name.startswith("_")}
    assert {name for name in offered if f"`{name}" not in page} == set()
