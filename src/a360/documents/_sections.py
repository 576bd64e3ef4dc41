"""Sections of a text: where each begins and ends, and which of the usual ones it is.

A heading is free text and may name a person. So a section tells a word of a closed vocabulary, and where its
heading stands in the text; who may open the text finds the heading there.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_LONGEST_HEADING: Final = 80
_MARKDOWN: Final = re.compile(r"^ {0,3}(#{1,6})[ \t]+(\S.*)$")
_ALONE: Final = re.compile(r"^[ \t]*([^\W\d_][^:\n]{1,60}):[ \t]*$")
_CAPITALS: Final = re.compile(r"^[ \t]*((?=[^a-z\n]*[A-Z]{3})[A-Z][A-Z0-9 /&(),.'-]{2,60}):?[ \t]*$")
_LEADING: Final = re.compile(r"^[ \t]*([^\W\d_][^:\n]{1,40}):[ \t]+\S")
_WORDS: Final = re.compile(r"[^a-z0-9]+")

PREAMBLE: Final = "preamble"
OTHER: Final = "other"
TURN: Final = "turn"

_SPELLINGS: Final[dict[str, str]] = {
    "aftercare": "aftercare,after care,aftercare instructions,post treatment care,post care",
    "allergies": "allergies,allergy,allergies and intolerances,known allergies",
    "anaesthesia": "anaesthesia,anesthesia,anaesthetic,anesthetic",
    "assessment": "assessment,impression,diagnosis,diagnoses,a",
    "assessment_and_plan": "assessment and plan,assessment plan,a p,a and p",
    "chief_complaint": "chief complaint,cc,reason for visit,presenting complaint,chief concern,concerns",
    "complications": "complications,adverse events,adverse reactions",
    "consent": "consent,informed consent",
    "family_history": "family history,fh",
    "follow_up": "follow up,followup,review,next appointment",
    "history_of_present_illness": "history of present illness,hpi,history",
    "instructions": "instructions,patient instructions,advice",
    "medications": "medications,current medications,medication,meds",
    "objective": "objective,o,findings",
    "past_medical_history": "past medical history,pmh,medical history",
    "photographs": "photographs,photos,photography,images",
    "physical_examination": "physical examination,physical exam,examination,exam",
    "plan": "plan,treatment plan,p,recommendations",
    "procedure": "procedure,procedure details,procedure note,treatment,treatment performed,treatment details",
    "products": "products,products used,product,lot,lots,lot numbers",
    "results": "results,investigations,outcome",
    "review_of_systems": "review of systems,ros",
    "risks": "risks,risks discussed,risks and benefits",
    "social_history": "social history,sh",
    "subjective": "subjective,s",
    "summary": "summary",
    "vital_signs": "vital signs,vitals,observations",
}
_KINDS: Final = {spelling: kind for kind, listed in _SPELLINGS.items() for spelling in listed.split(",")}
KINDS: Final = (PREAMBLE, OTHER, TURN, *_SPELLINGS)
"""Every kind of section."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a text, in characters: its heading begins at `start`, what it heads fills `body` to `end`.

    Of a transcript each turn is a section: `speaker` numbers the speakers as they first speak, `role` is
    `clinician` or `patient` where the label says so; times are in milliseconds from the beginning.
    """

    kind: str
    start: int
    body: int
    end: int
    level: int = 1
    speaker: int | None = None
    role: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    def to_json(self) -> dict[str, str | int]:
        """The section as JSON, without what is not known."""
        names = ("kind", "level", "start", "body", "end", "speaker", "role", "from_ms", "to_ms")
        told = {name: getattr(self, name) for name in names}
        if self.kind == TURN:
            del told["level"]
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading found in a text: its place, where its section's body begins, its level and its words."""

    start: int
    body: int
    level: int
    words: str


def kind_of(words: str) -> str:
    """The kind of section that a heading's words name."""
    return _KINDS.get(_WORDS.sub(" ", words.lower()).strip(), OTHER)


def plain_sections(text: str) -> list[Section]:
    """Sections of plain text: headings in capitals, a colon alone on a line, or a usual one before text."""
    return sections_of(text, _plain_headings(text))


def markdown_sections(text: str) -> list[Section]:
    """Sections of Markdown by its headings; a text without any is read as plain text."""
    return sections_of(text, list(_markdown_headings(text)) or _plain_headings(text))


def sections_of(text: str, headings: Iterable[Heading]) -> list[Section]:
    """Sections between headings; text before the first one is a preamble. Without headings there are none."""
    found = sorted(headings, key=lambda heading: heading.start)
    if not found:
        return []
    sections = []
    if text[: found[0].start].strip():
        sections.append(Section(PREAMBLE, 0, 0, found[0].start))
    ends = [heading.start for heading in found[1:]] + [len(text)]
    for heading, end in zip(found, ends, strict=True):
        sections.append(
            Section(kind_of(heading.words), heading.start, min(heading.body, end), end, heading.level)
        )
    return sections


def _lines(text: str) -> Iterable[tuple[int, str]]:
    at = 0
    for line in text.split("\n"):
        yield at, line
        at += len(line) + 1


def _markdown_headings(text: str) -> Iterable[Heading]:
    fenced = False
    for at, line in _lines(text):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        match = None if fenced else _MARKDOWN.match(line)
        if match:
            yield Heading(at, min(at + len(line) + 1, len(text)), len(match[1]), match[2].strip(" #*_:"))


def _plain_headings(text: str) -> Sequence[Heading]:
    found = []
    for at, line in _lines(text):
        alone = _CAPITALS.match(line) or _ALONE.match(line)
        leading = None if alone else _LEADING.match(line)
        if alone and len(line) <= _LONGEST_HEADING:
            found.append(Heading(at, min(at + len(line) + 1, len(text)), 1, alone[1]))
        elif leading and kind_of(leading[1]) != OTHER:
            found.append(Heading(at, at + leading.end() - 1, 1, leading[1]))
    return found
