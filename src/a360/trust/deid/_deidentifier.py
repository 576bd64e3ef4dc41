"""Texts without what tells whose they are: all stages, and a surrogate in place of what they find."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pyarrow as pa

from a360.errors import UsageError
from a360.protect import Tokenizer
from a360.trust.deid._dates import find_dates
from a360.trust.deid._known import KnownValues, known_of
from a360.trust.deid._model import NerModel
from a360.trust.deid._names import find_names, other_mentions
from a360.trust.deid._numbers import find_numbers
from a360.trust.deid._people import likely_names
from a360.trust.deid._places import find_places
from a360.trust.deid._reading import Reading
from a360.trust.deid._spans import Detector, Identifier, Span, as_written, merge
from a360.trust.deid._surrogates import Method, Replacing, Surrogates, redaction

type KnownValuesOf = Callable[[pa.Array], pa.Table]
"""For patient keys a table of `patient_key`, `kind` and `value`, as the vault keeps them."""

RULES_VERSION: Final = "4"
# A span less sure than the first is left in the text; one below the second is for a person to look at.
LEAST, SURE = 0.4, 0.5
NOT_SURE, NOBODY_KNOWN = "not-sure", "nothing-known"
_STAGES: Final = frozenset({"known", "rules", "model"})
_NO_PATIENT: Final = KnownValues()


@dataclass(frozen=True, slots=True)
class Replaced:
    """A stretch of a text that was replaced, and the one that stands for it."""

    start: int
    end: int
    new_start: int
    new_end: int
    type: Identifier
    score: float
    stage: str


@dataclass(frozen=True)
class Deidentified:
    """A text without identifiers, and where what was in the text before stands in it.

    Args:
        text: The new text.
        replaced: What was replaced, in order.
        doubts: Why a person should look at it; empty where nobody needs to.
        unsure: Stretches taken out, or left in, on little evidence; in characters of the old text.
    """

    text: str
    replaced: Sequence[Replaced]
    doubts: Sequence[str]
    unsure: Sequence[Span]

    @property
    def needs_review(self) -> bool:
        """Whether a person should look at it."""
        return bool(self.doubts)

    @cached_property
    def _starts(self) -> list[int]:
        return [each.start for each in self.replaced]

    def moved(self, at: int) -> int:
        """Where a character of the old text stands in the new; of a replaced stretch, where that begins."""
        before = bisect_right(self._starts, at) - 1
        if before < 0:
            return at
        last = self.replaced[before]
        return last.new_start if at < last.end else at - last.end + last.new_end


class Deidentifier:
    """Takes identity out of free text: known values, then rules, then the NER model, then plug-ins.

    It implements the port `TextDeidentifier`. Nothing is left out unless it is named: without the vault, or
    without the model, there is no text.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        known_values: KnownValuesOf | None,
        *,
        method: Method = "surrogate",
        without: frozenset[str] = frozenset(),
        plugins: Mapping[str, Detector] | None = None,
        threads: int = 1,
    ) -> None:
        """Make ready.

        Args:
            tokenizer: The lake's, by which surrogates and shifts are keyed.
            known_values: Asks the vault.
            method: Surrogates of the same form, or the type in brackets.
            without: Stages to do without, of `known`, `rules` and `model`.
            plugins: Further stages by name; what they find is taken out as well.
            threads: How many threads the model may use.

        Raises:
            UsageError: `usage` where a stage is missing, or none of this name is there.
            OperatorError: `extra-missing`.
        """
        _declared(without, known_values)
        self._known_values = known_values if "known" not in without else None
        self._rules = "rules" not in without
        self._model = NerModel(threads=threads) if "model" not in without else None
        self._plugins = dict(plugins or {})
        self._surrogates = Surrogates(tokenizer)
        self._replacing: Replacing = self._surrogates if method == "surrogate" else redaction
        self.method: Method = method

    @property
    def version(self) -> str:
        """What reads the texts: the model's package and version, and that of the rules."""
        parts = [f"rules {RULES_VERSION}"] if self._rules else []
        if self._model:
            parts.insert(0, self._model.version)
        return ", ".join([*parts, *sorted(self._plugins)])

    def deidentify(self, texts: pa.Array, *, subjects: pa.Array) -> pa.Array:
        """The texts without identifiers, row by row; null stays null."""
        given = texts.to_pylist()
        done = iter(self.read(*_present(given, subjects.to_pylist())))
        return pa.array([None if text is None else next(done).text for text in given], pa.string())

    def read(self, texts: Sequence[str], subjects: Sequence[str | None]) -> list[Deidentified]:
        """Each text with what was replaced in it; a subject is a patient's key."""
        known = self._known(subjects)
        readings = [Reading.of(text) for text in texts]
        values = [known.get(each or "", _NO_PATIENT) for each in subjects]
        found = self.find([each.text for each in readings], values)
        try:
            return [
                self._replaced(
                    text,
                    reading,
                    spans,
                    subject or "",
                    unknown=self._known_values is not None and subject not in known,
                )
                for text, reading, spans, subject in zip(texts, readings, found, subjects, strict=True)
            ]
        finally:
            self._surrogates.forget()

    def find(self, texts: Sequence[str], known: Sequence[KnownValues]) -> list[list[Span]]:
        """What the stages find in each text, merged."""
        told = self._model(texts) if self._model else [[] for _ in texts]
        for detector in self._plugins.values():
            told = [[*mine, *more] for mine, more in zip(told, detector(texts), strict=True)]
        return [self._one(text, values, more) for text, values, more in zip(texts, known, told, strict=True)]

    def _one(self, text: str, known: KnownValues, told: Sequence[Span]) -> list[Span]:
        dates = list(find_dates(text))
        spans = [*known.find(text, dates), *(each for each in told if not _is_chance(each))]
        chances = {each.start: each.score for each in told if _is_chance(each)}
        if self._rules:
            spans += [Span(each.start, each.end, Identifier.DATE, each.score, "rules") for each in dates]
            spans += [*find_numbers(text), *find_places(text), *find_names(text)]
            spans += likely_names(text, chances, spans)
            spans += other_mentions(text, spans)
        else:
            spans += (each for each in told if _is_chance(each))
        return as_written(text, merge(each for each in spans if each.score >= _CONSIDERED), LEAST)

    def _known(self, subjects: Sequence[str | None]) -> dict[str, KnownValues]:
        if self._known_values is None:
            return {}
        keys = sorted({each for each in subjects if each is not None})
        return known_of(self._known_values(pa.array(keys, pa.string())))

    def _replaced(
        self, text: str, reading: Reading, spans: Sequence[Span], patient: str, *, unknown: bool
    ) -> Deidentified:
        pieces: list[str] = []
        replaced: list[Replaced] = []
        length, last = 0, 0
        for read in spans:
            if read.score < LEAST:
                continue
            new = self._replacing(reading.text, read, patient)
            span = reading.in_original(read)
            pieces += [text[last : span.start], new]
            begin = length + span.start - last
            length, last = begin + len(new), span.end
            replaced.append(Replaced(span.start, span.end, begin, length, span.type, span.score, span.stage))
        unsure = tuple(reading.in_original(each) for each in spans if each.score < SURE)
        doubts = [*([NOT_SURE] if unsure else []), *([NOBODY_KNOWN] if unknown else [])]
        return Deidentified("".join([*pieces, text[last:]]), tuple(replaced), tuple(doubts), unsure)


_CONSIDERED: Final = 0.3


def _is_chance(span: Span) -> bool:
    """Whether a span is what the model says of one word that may be a name."""
    return span.stage == "model" and span.type is Identifier.NAME


def _declared(without: frozenset[str], known_values: KnownValuesOf | None) -> None:
    if without - _STAGES:
        raise UsageError(
            "usage",
            "There is no such stage of de-identification",
            found=", ".join(sorted(without - _STAGES)),
            next_step=f"name some of {', '.join(sorted(_STAGES))}",
        )
    if known_values is None and "known" not in without:
        raise UsageError(
            "usage",
            "Texts are not de-identified without what the vault knows of their patients",
            next_step='give `known_values`, or declare that there is none by without={"known"}',
        )


def _present(
    texts: Sequence[str | None], subjects: Sequence[str | None]
) -> tuple[list[str], list[str | None]]:
    pairs = [(text, subject) for text, subject in zip(texts, subjects, strict=True) if text is not None]
    return [text for text, _ in pairs], [subject for _, subject in pairs]
