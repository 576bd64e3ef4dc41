"""What a lake holds of a patient as one page to read: no script, nothing from elsewhere, all escaped."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final

from a360.trust.rights._gather import Gathered, Received

_DATES: Final = """
effectiveDateTime effectivePeriod.start performedDateTime performedPeriod.start occurrenceDateTime
period.start start authoredOn recordedDate onsetDateTime dateTime date assertedDate created sent issued
birthDate
"""
_WHAT: Final = """
code medicationCodeableConcept vaccineCode type event serviceType reasonCode category class scope
"""
_FACTS: Final = """
status clinicalStatus verificationStatus criticality severity bodySite outcome description valueQuantity
valueCodeableConcept valueString valueBoolean valueInteger valueDateTime doseQuantity dosage interpretation
note provision.type lotNumber deviceName udiCarrier
"""
_HIGHEST: Final = 4
_STYLE: Final = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1e21}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #ccd0d5}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;
padding:.3rem .6rem .3rem 0;border-bottom:1px solid #e4e6e9}th{font-weight:600}td.when{white-space:nowrap}
tr.gone{color:#767a80}
pre{white-space:pre-wrap;background:#f5f6f7;padding:.8rem}.small{color:#5b6066;font-size:.9rem}
"""


_BESIDE: Final = (
    "The folder beside this page holds the same as data: <code>fhir/</code> as it was received, "
    "<code>records/</code> from other systems, "
    "<code>refused/</code> what was refused as faulty, <code>tables/</code> as it was worked out."
)
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_TIMELINE: Final = "<table><tr><th>When</th><th>Kind</th><th>What</th><th>Details</th></tr>"
_UNTOLD: Final = frozenset({"use", "system", "extension"})


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the timeline."""

    when: str
    kind: str
    what: str
    facts: str
    deleted: bool


def page(gathered: Gathered, at: datetime, files: Sequence[str]) -> str:
    """The page, whole in itself."""
    patients = [each for each in gathered.resources if each.kind == "Patient"]
    others = [each for each in gathered.resources if each.kind not in {"Patient", "RelatedPerson", "Person"}]
    timeline = sorted(map(_entry, others), key=lambda entry: (entry.when, entry.kind), reverse=True)
    body = [
        "<h1>Your health record</h1>",
        f'<p class="small">What this lake held of you on {escape(f"{at:%d %B %Y, %H:%M} UTC")}.</p>',
        f'<p class="small">{_BESIDE}</p>',
        *_people(patients),
        *_timeline(timeline),
        *_notes(gathered),
        *_aside(gathered, files),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>Your health record</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _people(patients: Iterable[Received]) -> Iterator[str]:
    yield "<h2>Who you are</h2><table>"
    for each in patients:
        for name, value in _facts_of_patient(each.content):
            yield f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
    yield "</table>"


def _facts_of_patient(patient: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in _many(patient.get("name")):
        yield "Name", _text(name)
    for label, key in (("Born", "birthDate"), ("Gender", "gender"), ("Died", "deceasedDateTime")):
        if patient.get(key):
            yield label, _text(patient[key])
    for label, key in (
        ("Address", "address"),
        ("Contact", "telecom"),
        ("Number", "identifier"),
        ("Language", "communication"),
        ("Emergency contact", "contact"),
    ):
        for value in _many(patient.get(key)):
            yield label, _text(value)


def _timeline(entries: Sequence[_Entry]) -> Iterator[str]:
    yield f"<h2>Timeline ({len(entries)})</h2>{_TIMELINE}"
    for entry in entries:
        gone = ' class="gone"' if entry.deleted else ""
        kind = f"{entry.kind} (deleted by its source)" if entry.deleted else entry.kind
        yield (
            f'<tr{gone}><td class="when">{escape(entry.when or "no date")}</td><td>{escape(kind)}</td>'
            f"<td>{escape(entry.what)}</td><td>{escape(entry.facts)}</td></tr>"
        )
    yield "</table>"


def _entry(received: Received) -> _Entry:
    content = received.content
    when = next((_text(value) for path in _DATES.split() if (value := _at(content, path))), "")
    what = next((_text(value) for path in _WHAT.split() if (value := _at(content, path))), "")
    told = ((path, _text(_at(content, path))) for path in _FACTS.split())
    facts = "; ".join(f"{path.partition('.')[0]}: {text}" for path, text in told if text)
    return _Entry(when[:16].replace("T", " "), received.kind, what, facts, received.deleted)


def _notes(gathered: Gathered) -> Iterator[str]:
    notes = gathered.rows.get("silver.note")
    if notes is None:
        return
    yield f"<h2>Notes ({notes.num_rows})</h2>"
    for note in sorted(notes.to_pylist(), key=lambda each: str(each["created_at"]), reverse=True):
        title = " ".join(filter(None, (str(note["created_at"] or "")[:16], note["type_code_display"])))
        yield f"<h3>{escape(title or 'Note')}</h3><pre>{escape(note['text'] or 'no text')}</pre>"


def _aside(gathered: Gathered, files: Sequence[str]) -> Iterator[str]:
    if files:
        yield "<h2>Pictures and documents</h2><ul>"
        yield from (f"<li>{escape(name)}</li>" for name in files)
        yield "</ul>"
    yield "<h2>What is not here</h2><ul>"
    for kind, count in sorted(gathered.withheld.items()):
        told = "tell of somebody else as well. Ask for them: a person will look."
        yield f"<li>{count} of {escape(kind)} {told}</li>"
    for kind, count in sorted(gathered.missing.items()):
        yield f"<li>{count} of {escape(kind)} were deleted by their source before they came here.</li>"
    for why, count in sorted(gathered.refused.not_told.items()):
        yield f"<li>Refused as faulty: {count} that {escape(why)}.</li>"
    yield "</ul>"


def _at(content: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 -- any JSON
    value: Any = content
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _many(value: Any) -> list[Any]:  # noqa: ANN401 -- any JSON
    return value if isinstance(value, list) else [] if value is None else [value]


def _text(value: Any, depth: int = 0) -> str:  # noqa: ANN401 -- any JSON
    """A FHIR value in words, as far as a line has room for."""
    if value is None or depth > _HIGHEST:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(filter(None, (_text(each, depth + 1) for each in value)))
    return _of_object(value, depth) if isinstance(value, dict) else str(value)


def _of_object(value: Mapping[str, Any], depth: int) -> str:
    """What people read of a value comes first: its text, its display, that of its first coding."""
    for best in ("text", "display"):
        if isinstance(value.get(best), str):
            return str(value[best])
    if "coding" in value:
        return _text(next(iter(_many(value["coding"])), None), depth + 1)
    if "value" in value:
        words = (value.get("system"), value["value"], value.get("unit") or value.get("code"))
        # A result may be nought.
        return " ".join(
            _text(each, depth + 1) for each in words if each not in (None, "") and "://" not in str(each)
        )
    parts = (_text(each, depth + 1) for name, each in value.items() if name not in _UNTOLD)
    return " ".join(filter(None, parts))
