import io

from rich.console import Console

from a360.cli import _progress
from a360.cli._progress import bars, lines


def test_lines_come_now_and_then(monkeypatch):
    """Off a terminal a stage's start and end are lines, and between them one comes every few seconds."""
    clock = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    show = lines(stream)
    for done in range(101):
        clock[0] += 0.1
        show("ingest", "Patient.ndjson", done, 100)
    show("run", "silver.patient", 1, None)
    shown = stream.getvalue().splitlines()
    assert shown[0] == "ingest: Patient.ndjson (0 %)"
    assert shown[-1] == "run: silver.patient (1)"
    assert "ingest: Patient.ndjson (100 %)" in shown
    assert len(shown) <= 6


def test_bars_survive_any_detail():
    """A detail is never markup, and a total may become known late."""
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with bars(console) as show:
        show("ingest", "[/broken]\x1b[2J", 1, None)
        show("ingest", "[/broken]", 5, 10)
        show("run", "silver.patient", 1, 2)
    assert "[/broken]" in console.file.getvalue()
