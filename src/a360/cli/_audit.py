"""What the commands about the audit log do."""

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rich.text import Text

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import number, plain
from a360.contract import default_contracts, load_contracts, make_plan
from a360.errors import OperatorError, UsageError
from a360.lake import Keys, checkpoint_place
from a360.protect import KeyStore
from a360.trust.audit import (
    CHECKPOINTS,
    REPORTS,
    CheckpointFolder,
    CheckpointPlace,
    ReportOptions,
    Search,
    VerifierKey,
    log_key,
    prove_record,
    pseudonym,
    record_at,
)
from a360.trust.audit import report as report_of
from a360.trust.audit import search as search_in
from a360.trust.audit import verify as verify_log

if TYPE_CHECKING:
    from rich.console import RenderableType

_TOLD_OF_PATIENTS = frozenset({"phi", "identifier"})
_RECORD = re.compile(r"([1-9][0-9]{0,15})(?:-([0-9a-f]{16}))?")
# An accounting goes six years back (45 CFR 164.528(a)(1)).
_ACCOUNTED = timedelta(days=6 * 366)
_HOURS = re.compile(r"([01]?[0-9]|2[0-4])-([01]?[0-9]|2[0-4])")


def wanted(
    principal: str | None,
    object_: str | None,
    since: str | None,
    until: str | None,
    *more: str | None,
) -> Search:
    """What to look for; `more` are action, outcome, purpose and request."""
    action, outcome, purpose, request = more or (None,) * 4
    return Search(principal, object_, action, outcome, purpose, request, _time(since), _time(until))


def _time(text: str | None) -> datetime | None:
    try:
        at = None if text is None else datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            "usage",
            "This is no time",
            found=str(text),
            next_step="write it as 2026-11-01 or 2026-11-01T08:00",
        ) from None
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def _folder(face: Face) -> Path:
    face.require_lake()
    return face.settings.lake / "audit"


def _keys(face: Face) -> KeyStore:
    face.require_lake()
    return Keys(face.settings).open()


def verify(face: Face, log: Path | None, checkpoints: Sequence[Path], key: str | None) -> int | None:
    """Hold the log against itself and its checkpoints."""
    folder = log or _folder(face)
    known = verifier_key(face, key)
    places = _places(face, folder, checkpoints, copied=log is not None)
    found = verify_log(folder, known, places)
    told = {"folder": str(folder), "checkpoints_from": [place.label for place in places], **found.to_json()}
    covered = (
        f"{number(found.covered)} of {number(found.records)} records are behind a checkpoint that matches"
    )
    shown: list[RenderableType]
    if found.sound:
        shown = [f"The log is what was recorded: {covered}."]
    else:
        names = ["kind", "file", "line", "sequence", "text"]
        rows = [[each.to_json()[name] for name in names] for each in found.findings]
        shown = [render.grid(names, rows, title="The log is not what was recorded", widest=90), f"{covered}."]
    if found.recoveries:
        places_of = ", ".join(map(str, found.recoveries[:10]))
        shown.append(
            f"{len(found.recoveries)} record(s) tell of a line that a death left unfinished: {places_of}"
        )
    face.emit(told, *shown)
    return None if found.sound else OperatorError.exit_code


def _places(face: Face, folder: Path, named: Sequence[Path], *, copied: bool) -> Sequence[CheckpointPlace]:
    """Where checkpoints are: as named, else as settings have it; else, and of a copy, beside the log."""
    if named:
        return [CheckpointFolder(each) for each in named]
    place = None if copied else checkpoint_place(face.settings)
    if place is not None:
        return [place]
    beside = folder / CHECKPOINTS
    return [CheckpointFolder(beside)] if beside.is_dir() else []


def verifier_key(face: Face, key: str | None) -> VerifierKey:
    """The public key that is named, or lies in the named file; none named means the lake's."""
    return log_key(_keys(face)) if key is None else VerifierKey.parse(_key_text(key))


def _key_text(key: str) -> str:
    path = Path(key)
    return path.read_text("utf-8") if "+" not in key and path.is_file() else key


def search(face: Face, what: Search, limit: int) -> int | None:
    """List the records that are found."""
    rows = search_in(_folder(face), what, newest=limit).read_all().to_pylist()
    for row in rows:
        row["details"] = json.loads(row["details"]) if row["details"] else {}
    told = [{**row, "event_time": row["event_time"].isoformat()} for row in rows]
    if not rows:
        face.emit(told, "No such records are in the log.")
        return None
    names = ["sequence", "time", "principal", "action", "outcome", "purpose", "objects", "rows"]
    body = [[each["sequence"], _minute(each["event_time"]), _who(each), each["action"], each["outcome"],
             each["purpose"], each["objects"], each["row_count"]] for each in rows]  # fmt: skip
    face.emit(told, render.grid(names, body, widest=60))
    return None


def _who(row: dict[str, Any]) -> str:
    return f"{row['principal']} for {row['acting_for']}" if row["acting_for"] else str(row["principal"])


def _minute(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _sequence(record: str, folder: Path) -> int:
    """The place that a record's id names, if the record is still the one of the id."""
    parts = _RECORD.fullmatch(record)
    if parts is None:
        raise UsageError("usage", "This is no id of a record", found=record, next_step="write it as 42")
    sequence = int(parts[1])
    if parts[2] and f'"hash":"{parts[2]}' not in record_at(folder, sequence):
        raise OperatorError(
            "audit-broken",
            "The record of this id is not the one that was answered",
            where=str(folder),
            found=f"another record {sequence}",
            next_step="run `a360 audit verify`",
        )
    return sequence


def show(face: Face, record: str) -> int | None:
    """Show one record."""
    folder = _folder(face)
    text = record_at(folder, _sequence(record, folder))
    try:
        told = json.loads(text)
    except ValueError:
        told = {"unreadable": text}
    pretty = json.dumps(told, indent=2, ensure_ascii=False)
    face.emit(told, *(Text(plain(line)) for line in pretty.split("\n")))
    return None


def report(
    face: Face,
    kind: str,
    what: Search,
    *,
    patient: str | None,
    everything: bool,
    zone: str,
    hours: str,
) -> int | None:
    """Compute a report."""
    opens, closes = _hours(hours)
    _require_zone(zone)
    if kind == "disclosures" and what.since is None:
        what = replace(what, since=datetime.now(UTC) - _ACCOUNTED)
    options = ReportOptions(
        search=what,
        subject=pseudonym(_keys(face), patient) if patient else None,
        datasets=_of_patients(face) if kind == "disclosures" else None,
        everything=everything,
        zone=zone,
        opens=opens,
        closes=closes,
    )
    rows = report_of(_folder(face), kind, options).to_pylist()
    told = [{name: _plain(value) for name, value in row.items()} for row in rows]
    if not rows:
        face.emit(told, f"{REPORTS[kind].title}: nothing.")
        return None
    body = [[_minute(each) if isinstance(each, datetime) else each for each in row.values()] for row in rows]
    names = [name.replace("_", " ") for name in rows[0]]
    face.emit(told, render.grid(names, body, title=REPORTS[kind].title, widest=60))
    return None


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _hours(text: str) -> tuple[int, int]:
    parts = _HOURS.fullmatch(text)
    if parts is None or int(parts[1]) >= int(parts[2]):
        raise UsageError("usage", "These are no hours of a day", found=text, next_step="write them as 7-20")
    return int(parts[1]), int(parts[2])


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            "usage", "There is no such time zone", found=name, next_step="write it as Europe/London"
        ) from None


def _of_patients(face: Face) -> list[str]:
    """The datasets that tell of patients."""
    settings = face.settings
    contracts = load_contracts(settings.contracts or default_contracts(), packs=settings.packs)
    tables = make_plan(contracts, settings.env).tables
    return [
        table.dataset
        for table in tables
        if any(column.sensitivity in _TOLD_OF_PATIENTS for column in table.columns)
    ]


def checkpoint(face: Face) -> int | None:
    """Sign the log, and say where the checkpoint is."""
    with face.lake() as lake:
        log = lake.audit
        signed = log.checkpoint()
    told = {
        "log": signed.name,
        "records": signed.size,
        "root": signed.tree.root.hex(),
        "head": signed.head,
        "at": signed.at.isoformat(),
        "place": log.place.label,
    }
    face.emit(told, f"{number(signed.size)} records, root {told['root']}", f"signed in {told['place']}")
    return None


def prove(face: Face, record: str) -> int | None:
    """Give a record with what shows that the newest checkpoint has it."""
    folder = _folder(face)
    sequence = _sequence(record, folder)
    with face.lake() as lake:
        log = lake.audit
        signed = log.checkpoint()
        note = log.place.read(log.place.names()[-1]).decode()
    proof = prove_record(folder, sequence, signed)
    told = {
        "record": proof.record,
        "index": proof.index,
        "size": proof.size,
        "proof": [base64.b64encode(each).decode() for each in proof.proof],
        "checkpoint": note,
        "key": log.key.text,
    }
    face.emit(told, Text(json.dumps(told, indent=2, ensure_ascii=False)))
    return None


def key(face: Face) -> int | None:
    """Print the public key."""
    text = log_key(_keys(face)).text
    face.emit({"key": text}, Text(text))
    return None
