"""Transcripts: WebVTT, JSON turns and speaker-labelled text become one text of labelled lines, and turns."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from typing import Final

from a360.documents._sections import TURN, Section

_TIME: Final = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_CUE: Final = re.compile(rf"^{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?$")
_VOICE: Final = re.compile(r"<v(?:\.[^ \t>]{0,80})?[ \t]{1,8}([^<>]{1,200})>")
_TAG: Final = re.compile(r"<[^<>]{0,400}>")
_LABEL: Final = re.compile(
    r"^[ \t]*(?:\[?(\d{1,2}:)?(\d{1,2}):(\d{2})\]?[ \t]+)?([^\W\d_][^:\n]{0,40}):[ \t]+(\S.*)$"
)
_SKIPPED: Final = ("NOTE", "STYLE", "REGION")
_FEWEST_LINES: Final = 2

_ROLES: Final = {
    "clinician": "clinician,doctor,dr,nurse,provider,practitioner,injector,physician,surgeon,aesthetician",
    "patient": "patient,client,pt,guest",
}
_ROLE_OF: Final = {word: role for role, words in _ROLES.items() for word in words.split(",")}


@dataclass(frozen=True, slots=True)
class Turn:
    """What one speaker said; times in milliseconds."""

    speaker: str
    text: str
    from_ms: int | None = None
    to_ms: int | None = None


def joined(turns: Sequence[Turn]) -> tuple[str, list[Section]]:
    """Turns as one text, a line each behind its speaker's label, and where each stands in it."""
    speakers: dict[str, int] = {}
    parts: list[str] = []
    sections: list[Section] = []
    at = 0
    for turn in turns:
        label = f"{turn.speaker}: " if turn.speaker else ""
        line = f"{label}{turn.text}\n"
        number = speakers.setdefault(turn.speaker, len(speakers) + 1) if turn.speaker else None
        end = at + len(line)
        sections.append(
            Section(
                TURN,
                at,
                at + len(label),
                end,
                speaker=number,
                role=_role(turn.speaker),
                from_ms=turn.from_ms,
                to_ms=turn.to_ms,
            )
        )
        parts.append(line)
        at = end
    return "".join(parts), sections


def _role(speaker: str) -> str | None:
    words = re.split(r"[^a-z]+", speaker.lower())
    return next((_ROLE_OF[word] for word in words if word in _ROLE_OF), None)


def vtt_turns(text: str) -> list[Turn] | None:
    """The cues of a WebVTT file; None where the text is none. Cues of one voice in a row stay apart."""
    lines = text.removeprefix("\ufeff").split("\n")
    if not re.match(r"^WEBVTT([ \t].*)?$", lines[0]):
        return None
    return [turn for block in _blocks(lines[1:]) for turn in _cue(block)]


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line)
        elif block:
            yield block
            block = []


def _cue(block: list[str]) -> Iterator[Turn]:
    place = next((at for at, line in enumerate(block[:2]) if _CUE.match(line)), None)
    if place is None or block[0].split(" ")[0] in _SKIPPED:
        return
    match = _CUE.match(block[place])
    if match is None:
        return
    times = match.groups()
    start, end = _milliseconds(times[:4]), _milliseconds(times[4:])
    for speaker, said in _voices(" ".join(block[place + 1 :])):
        if said:
            yield Turn(speaker, said, start, end)


def _voices(payload: str) -> Iterator[tuple[str, str]]:
    """What each voice of a cue says; text before the first voice tag has no speaker."""
    at, speaker = 0, ""
    for match in _VOICE.finditer(payload):
        yield speaker, _said(payload[at : match.start()])
        at, speaker = match.end(), unescape(match[1]).strip()
    rest = _said(payload[at:])
    labelled = _LABEL.match(rest) if not speaker else None
    yield (labelled[4].strip(), labelled[5]) if labelled else (speaker, rest)


def _said(payload: str) -> str:
    return " ".join(unescape(_TAG.sub("", payload)).split())


def _milliseconds(parts: Sequence[str | None]) -> int:
    hours, minutes, seconds, rest = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + rest


def json_turns(text: str) -> list[Turn] | None:
    """Turns of a JSON transcript: a list of `{speaker, text, start, end}` (in seconds), or such `turns`."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    listed = told.get("turns") if isinstance(told, dict) else told
    if not isinstance(listed, list) or not all(isinstance(turn, dict) for turn in listed):
        return None
    if not all(isinstance(turn.get("text"), str) for turn in listed):
        return None
    return [
        Turn(
            " ".join(str(turn.get("speaker") or "").split()),
            " ".join(turn["text"].split()),
            _of_seconds(turn.get("start")),
            _of_seconds(turn.get("end")),
        )
        for turn in listed
    ]


def _of_seconds(value: object) -> int | None:
    is_time = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9  # noqa: PLR2004 - NaN and negative times are none
    return round(float(value) * 1000) if is_time else None  # type: ignore[arg-type]


def labelled_turns(text: str) -> list[Turn] | None:
    """Turns of a text in which every paragraph begins with a speaker's label; None for any other text.

    Two speakers at least, of whom one bears a role's name: a note with headings is not taken for one.
    """
    said: list[tuple[str, list[str], int | None]] = []
    for line in text.split("\n"):
        match = _LABEL.match(line)
        if match:
            said.append((match[4].strip(), [match[5].strip()], _clock(match.groups()[:3])))
        elif line.strip() and not said:
            return None
        elif line.strip():
            said[-1][1].append(line.strip())
    speakers = {speaker for speaker, _, _ in said}
    known = any(_role(speaker) for speaker in speakers)
    if not (known and len(said) > len(speakers) >= _FEWEST_LINES):
        return None
    return [Turn(speaker, " ".join(lines), start) for speaker, lines, start in said]


def _clock(parts: Sequence[str | None]) -> int | None:
    hours, minutes, seconds = parts
    if minutes is None or seconds is None:
        return None
    return ((int((hours or "0").rstrip(":")) * 60 + int(minutes)) * 60 + int(seconds)) * 1000
