"""Stretches of a text that tell who somebody is, and how those that several stages found become one."""

# ruff: noqa: RUF001 -- apostrophes as they are written

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Identifier(StrEnum):
    """The kinds of identifier that are looked for; after 45 CFR 164.514(b)(2)(i)."""

    NAME = "NAME"
    DATE = "DATE"
    AGE = "AGE"
    ADDRESS = "ADDRESS"
    ZIP = "ZIP"
    PHONE = "PHONE"
    FAX = "FAX"
    EMAIL = "EMAIL"
    URL = "URL"
    IP = "IP"
    SSN = "SSN"
    MRN = "MRN"
    INSURANCE = "INSURANCE"
    ACCOUNT = "ACCOUNT"
    LICENCE = "LICENCE"
    VEHICLE = "VEHICLE"
    DEVICE = "DEVICE"
    BIOMETRIC = "BIOMETRIC"
    PHOTO = "PHOTO"
    EMPLOYER = "EMPLOYER"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, in characters.

    Args:
        start: Its first character.
        end: The one after its last.
        type: What it is.
        score: How sure its stage is, from 0 to 1.
        stage: Who found it: `known`, `rules`, `model`, or the name of a plug-in.
        stands_for: Another writing of the same thing, by which its surrogate is chosen.
    """

    start: int
    end: int
    type: Identifier
    score: float
    stage: str
    stands_for: str | None = None


_WITHIN: Final = re.compile(r"[ \t]|[-'’.]|(?<=\b[A-Z])\. ")

type Detector = Callable[[Sequence[str]], Sequence[Sequence[Span]]]
"""A further stage: for each text the spans that it finds."""


def merge(spans: Iterable[Span]) -> list[Span]:
    """Spans of which no two share a character, and which together hide every character that any one hid.

    Where spans meet, the surest that knows says what it is; of equally sure ones, the longest.
    """
    merged: list[Span] = []
    group: list[Span] = []
    end = -1
    for span in sorted(spans, key=lambda each: (each.start, -each.end)):
        if span.start >= span.end:
            continue
        if group and span.start >= end:
            merged.append(_one(group))
            group = []
        group.append(span)
        end = max(end, span.end) if len(group) > 1 else span.end
    if group:
        merged.append(_one(group))
    return merged


def as_written(text: str, spans: Sequence[Span], least: float) -> list[Span]:
    """Spans of which the words of one name are one; a word as unsure as to stay is not joined."""
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else None
        if last and _of_one_name(last, span, least) and _WITHIN.fullmatch(text, last.end, span.start):
            joined[-1] = Span(last.start, span.end, span.type, min(last.score, span.score), last.stage)
        else:
            joined.append(span)
    return joined


def _of_one_name(last: Span, span: Span, least: float) -> bool:
    names = last.type is Identifier.NAME and span.type is Identifier.NAME
    return names and min(last.score, span.score) >= least


def _one(group: Sequence[Span]) -> Span:
    best = max(group, key=lambda each: (each.type is not Identifier.OTHER, each.score, each.end - each.start))
    start, end = min(each.start for each in group), max(each.end for each in group)
    whole = best.start == start and best.end == end
    return Span(start, end, best.type, best.score, best.stage, best.stands_for if whole else None)
