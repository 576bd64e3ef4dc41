"""What the commands about patients' rights do: export, and requests for amendment."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import number, plain

if TYPE_CHECKING:
    from rich.table import Table

    from a360.trust.rights import Amendment, Answer, Basis


def export(
    face: Face, patient: str, output: Path, recipient: str, principal: str | None, purpose: str | None
) -> int | None:
    """Write a patient's export, and say what is in it and what is not."""
    with face.lake(principal=principal, purpose=purpose) as lake:
        report = lake.rights.export(patient, output.expanduser(), recipient=recipient)
    held = [*report.resources.items(), *report.records.items(), *report.rows.items()]
    withheld = [
        f"Withheld, as they tell of others too: {count} of {kind}" for kind, count in report.withheld.items()
    ]
    face.emit(
        report.to_json(),
        render.grid(["what", "how many"], [[name, number(count)] for name, count in held]),
        *map(plain, withheld),
        plain(f"Wrote {number(len(report.files))} files to {report.folder}; begin with record.html"),
    )
    return None


def add(face: Face, patient: str, text: str, principal: str | None, purpose: str | None) -> int | None:
    """Record a request."""
    with face.lake(principal=principal, purpose=purpose) as lake:
        made = lake.rights.request_amendment(patient, text)
    face.emit(
        made.to_json(datetime.now(UTC)), plain(f"Request {made.amendment_id} is due {made.due_at:%Y-%m-%d}")
    )
    return None


def list_all(
    face: Face, patient: str | None, principal: str | None, purpose: str | None, *, every: bool
) -> int | None:
    """List requests."""
    with face.lake(principal=principal, purpose=purpose) as lake:
        found = lake.rights.amendments(patient, every=every)
    now = datetime.now(UTC)
    told = [each.to_json(now) for each in found]
    face.emit(told, _grid(found, now) if found else "No request waits." if not every else "No requests.")
    return None


def _grid(found: Sequence["Amendment"], now: datetime) -> "Table":
    names = ["request", "patient", "state", "requested", "due", "days left"]
    rows = [
        [
            each.amendment_id,
            each.patient_key,
            each.state,
            f"{each.requested_at:%Y-%m-%d}",
            f"{each.due_at:%Y-%m-%d}",
            _left(each, now),
        ]
        for each in found
    ]
    return render.grid(names, rows)


def _left(each: "Amendment", now: datetime) -> str:
    if not each.is_open:
        return "decided"
    days = each.days_left(now)
    return f"{days}" if days >= 0 else f"{-days} LATE"


def show(face: Face, request: str, principal: str | None, purpose: str | None) -> int | None:
    """Show a request with its texts."""
    with face.lake(principal=principal, purpose=purpose) as lake:
        found = lake.rights.amendment(request)
    now = datetime.now(UTC)
    texts = [
        plain(f"{when:%Y-%m-%d %H:%M} {event} by {who}\n{text}\n") for event, when, who, text in found.texts
    ]
    face.emit(found.to_json(now), _grid([found], now), *texts)
    return None


def decide(
    face: Face,
    request: str,
    answer: "Answer",
    text: str,
    basis: "Basis | None",
    principal: str | None,
    purpose: str | None,
) -> int | None:
    """Record a decision."""
    with face.lake(principal=principal, purpose=purpose) as lake:
        found = lake.rights.decide_amendment(request, answer, text, basis=basis)
    until = f", due {found.due_at:%Y-%m-%d}" if found.is_open else ""
    face.emit(found.to_json(datetime.now(UTC)), plain(f"Request {request} is {found.state}{until}"))
    return None
