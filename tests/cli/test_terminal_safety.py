import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from a360.cli._render import grid
from a360.cli._text import number, plain, size


@given(st.text())
def test_no_control_character_reaches_the_terminal(text):
    """Whatever a cell holds, it is one line of printable text that UTF-8 can carry."""
    shown = plain(text)
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 or each in "\u202e\u2066" for each in shown)
    shown.encode("utf-8")


def test_ordinary_text_is_left_alone():
    """Letters of every script stay as they are; an escape sequence is written out."""
    assert plain("José Müller 山田") == "José Müller 山田"
    assert plain("a\x1b[2Jb\tc") == "a\\x1b[2Jb c"


def test_data_is_never_markup():
    """A cell with brackets or emoji codes is shown letter by letter."""
    stream = io.StringIO()
    console = Console(file=stream, width=80, markup=False, emoji=False, highlight=False)
    console.print(grid(["[bold]x"], [["[red]a[/red] :smile:"], ["[/nonsense]"]]))
    assert "[bold]x" in stream.getvalue()
    assert "[red]a[/red] :smile:" in stream.getvalue()
    assert "[/nonsense]" in stream.getvalue()


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (1_234_567, "1.2 MB"), (10**16, "10000.0 TB")],
)
def test_sizes_have_the_unit_a_person_would_choose(count, shown):
    """Bytes are shown in the largest unit that leaves a number above one."""
    assert size(count) == shown


def test_thousands_are_set_apart():
    """Counts have thousands set apart, measures two decimals."""
    assert (number(1234567), number(0.5)) == ("1,234,567", "0.50")
