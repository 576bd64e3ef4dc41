"""Commands about quality: check, and quarantine list, show and replay."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._output import write_output
from a360.cli._text import number, plain, tell
from a360.cli._vocabulary_notes import vocabulary_notes
from a360.errors import DataError
from a360.quality import DIMENSIONS, asked, found, render_html

_WIDE = 125


def check(face: Face, datasets: Sequence[str], html: Path | None, *, stored: bool) -> int | None:
    """Measure or judge the rules; one of severity error that does not hold makes the command fail."""
    with face.lake() as lake:
        report = lake.check(*datasets, stored=stored)
        told = report.to_json()
        about_codes = vocabulary_notes(lake, {each["dataset"] for each in told})
        if html is not None:
            page = render_html(told, lake.quality_trends(), made_at=datetime.now(UTC), stored=stored)
            write_output(html, page)
    notes = [*_notes(told, stored=stored)]
    if html is not None:
        notes.append(f"Report: {plain(html)}")
    scores = render.quality(told, dimensions=tuple(DIMENSIONS) if face.out.width >= _WIDE else ())
    face.emit(told, scores, *_failing(told), *notes)
    for note in about_codes:
        face.note(note)
    return DataError.exit_code if report.blocking else None


def _failing(told: Sequence[Mapping[str, Any]]) -> list[Table]:
    rules = [rule for each in told for rule in each["rules"] if not rule["passed"]]
    rules.sort(key=lambda rule: (rule["severity"], rule["dataset"], rule["rule"]))
    body = [[rule["severity"], rule["dataset"], rule["rule"], found(rule), asked(rule)] for rule in rules]
    names = ["severity", "dataset", "rule", "found", "asked"]
    return [render.grid(names, body, title="Rules that do not hold", widest=60)] if body else []


def _notes(told: Sequence[Mapping[str, Any]], *, stored: bool) -> list[str]:
    notes = []
    waiting = sum(not rule["judged"] for each in told for rule in each["rules"])
    if waiting:
        notes.append(f"{waiting} rule(s) wait for more history before they judge")
    unmeasured = [each["dataset"] for each in told if each["unmeasured"]]
    if unmeasured:
        notes.append(f"Never counted on all rows: rules of {', '.join(unmeasured)}; `a360 check` counts them")
    stale = [each["dataset"] for each in told if each["measured_at"] and not each["current"]]
    if stale:
        notes.append(f"Changed since they were counted: {', '.join(stale)}; `a360 check` counts anew")
    if stored:
        notes.append("Judged by earlier counts; no data was read")
    return notes


def list_refused(face: Face, dataset: str | None) -> int | None:
    """Count what was refused."""
    with face.lake() as lake:
        rows = lake.quarantine.list(dataset)
    names, times = ["dataset", "source", "rule", "rows", "first", "last", "reason"], {"first", "last"}
    told = [{**row, **{name: row[name].isoformat() for name in times}} for row in rows]
    body = [[_moment(row[name]) if name in times else row[name] for name in names] for row in rows]
    if not rows:
        face.emit(told, "Nothing is in quarantine.")
        return None
    refused = f"{number(sum(row['rows'] for row in rows))} refused"
    face.emit(
        told,
        render.grid(names, body, widest=70),
        f"{refused}. One by one: a360 quarantine show DATASET. After a fix: a360 quarantine replay",
    )
    return None


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def show_refused(face: Face, dataset: str, rule: str | None, source: str | None, most: int) -> int | None:
    """List refused rows; no payload is opened."""
    with face.lake() as lake:
        rows = lake.quarantine.show(dataset, rule=rule, source=source, most=most)
    told = [{**row, "known_at": row["known_at"].isoformat()} for row in rows]
    names = ["row", "rule", "source", "file", "offset", "known_at", "reason"]
    body = [[_moment(row[name]) if name == "known_at" else row[name] for name in names] for row in rows]
    shown = [render.grid(names, body, widest=70)] if rows else ["No such rows are in quarantine."]
    face.emit(told, *shown)
    return None


def open_refused(face: Face, dataset: str, row: str) -> int | None:
    """Open one payload: what it holds is a patient's."""
    with face.lake() as lake:
        facts, payload = lake.quarantine.open(dataset, row)
    tell("This is a patient's data as it was received. That it was opened is on record.")
    try:
        text, encoding = payload.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(payload).decode(), "base64"
    told = {**facts, "known_at": facts["known_at"].isoformat(), "encoding": encoding, "payload": text}
    about = f"{facts['dataset']} refused by {facts['rule']}: {facts['reason']}"
    face.emit(told, plain(about), *(Text(plain(line)) for line in _lines(text)))
    return None


def _lines(text: str) -> list[str]:
    """A payload as a person reads it: JSON with its members on lines of their own."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False).split("\n")
    except ValueError:
        return text.split("\n")


def replay(face: Face, datasets: Sequence[str]) -> int | None:
    """Try again what was refused."""
    with face.lake() as lake, face.progress() as progress:
        report = lake.replay(*datasets, progress=progress)
    told = report.to_json()
    names = ["dataset", "waiting", "cleared", "refused", "untried"]
    body = [[each[name] for name in names] for each in told["datasets"]]
    if not body:
        face.emit(told, "Nothing waits in quarantine.")
        return None
    changed = [step for step in told["steps"] if step["commit_id"] is not None]
    steps = (
        render.steps(changed, face.out.width, title="What changed") if changed else ["No dataset changed."]
    )
    notes = [
        f"{number(each['untried'])} of {each['dataset']} were not tried, for a replay cannot: "
        f"{each['next_step']}"
        for each in told["datasets"]
        if each["untried"]
    ]
    face.emit(told, render.grid(names, body), *notes, *steps)
    return None
