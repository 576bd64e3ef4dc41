"""What the vault knows of a patient, looked for in their own texts in every spelling."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from a360.trust.deid._dates import FoundDate
from a360.trust.deid._fold import fold, one_slip, solid, words
from a360.trust.deid._lexicon import lexicon, nicknames
from a360.trust.deid._names import is_medical
from a360.trust.deid._spans import Identifier, Span

_SHORTENED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "street": "st", "avenue": "ave", "av": "ave", "avda": "ave", "avenida": "ave", "boulevard": "blvd",
        "lane": "ln", "road": "rd", "drive": "dr", "court": "ct", "terrace": "ter", "parkway": "pkwy",
        "circle": "cir", "place": "pl", "highway": "hwy", "apartment": "apt", "suite": "ste", "calle": "c",
        "north": "n", "south": "s", "east": "e", "west": "w",
    }
)  # fmt: skip
_KINDS: Final[Mapping[str, Identifier]] = MappingProxyType(
    {
        "phone": Identifier.PHONE,
        "email": Identifier.EMAIL,
        "address": Identifier.ADDRESS,
        "number": Identifier.OTHER,
        "date": Identifier.DATE,
    }
)
_NAMES: Final = frozenset({"name", "given_name", "family_name"})
_STREAM: Final = re.compile(r"[0-9a-z](?:[\s().+/_-]{0,3}[0-9a-z])*")
_DOES: Final = re.compile(
    r" (?:has|is|was|had|reports?|reported|denies|states?|stated|tolerated|says|said|returns?|returned|came|"
    r"comes|notes|noted|feels|felt|wants|asks|asked|presents?|presented|called|complains|agreed|requests?|"
    r"understands|did|does)\b"
)
_LEAST_DIGITS: Final = 4
_FUZZY_LENGTH: Final = 5
_PREFIX_LENGTH: Final = 3


@dataclass(slots=True)
class KnownValues:
    """The known values of one patient, made ready to be looked for."""

    full: dict[tuple[str, ...], float] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)
    initials: set[str] = field(default_factory=set)
    days: set[date] = field(default_factory=set)
    numbers: dict[str, Identifier] = field(default_factory=dict)
    texts: dict[str, Identifier] = field(default_factory=dict)
    lines: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def of(cls, values: Sequence[tuple[str, str]]) -> "KnownValues":
        """Of pairs of a kind and a value."""
        known = cls()
        for kind, value in values:
            known._learn(kind, value)
        return known

    def _learn(self, kind: str, value: str) -> None:
        if kind in _NAMES:
            self._name(value, given=kind != "family_name")
        elif kind == "date":
            self._date(value)
        elif kind == "address":
            self.lines.add(tuple(_street(value)))
        elif kind in ("phone", "number"):
            digits = solid(value)
            if len(digits) >= _LEAST_DIGITS:
                self.numbers[digits[-10:] if kind == "phone" else digits] = _KINDS[kind]
        elif len(value) >= _PREFIX_LENGTH:
            self.texts[fold(value)] = _KINDS.get(kind, Identifier.OTHER)

    def _name(self, value: str, *, given: bool) -> None:
        found = [word for word, _, _ in words(fold(value))]
        self.full[tuple(found)] = 0.99
        if len(found) > 1:
            self.full[(*found[1:], found[0])] = 0.99
            self.initials.add("".join(word[0] for word in found if word not in lexicon("particles")))
            self.initials.add(found[0][0] + found[-1][0])
        for word in found:
            if len(word) > 1 and word not in lexicon("particles"):
                self.parts[word] = word
        for short in nicknames().get(found[0], ()) if given and found else ():
            self.parts.setdefault(short, found[0])

    def _date(self, value: str) -> None:
        try:
            self.days.add(date.fromisoformat(value[:10]))
        except ValueError:
            self.texts[fold(value)] = Identifier.DATE

    def find(self, text: str, dates: Sequence[FoundDate]) -> Iterator[Span]:
        """Every mention of a known value; spans may overlap."""
        folded = fold(text)
        found = words(folded)
        yield from self._names(text, found)
        yield from self._lines(found)
        yield from self._numbers(folded)
        for value, type_ in self.texts.items():
            for match in re.finditer(re.escape(value), folded):
                yield _span(match.start(), match.end(), type_, 0.99)
        for each in dates:
            if self._is_known(each.day):
                yield _span(each.start, each.end, Identifier.DATE, 0.99)

    def _is_known(self, day: date | None) -> bool:
        """Whether it is a known day; day and month may have changed places."""
        return day is not None and any(
            day == known or (day.year, day.month, day.day) == (known.year, known.day, known.month)
            for known in self.days
        )

    def _names(self, text: str, found: list[tuple[str, int, int]]) -> Iterator[Span]:
        beside = _beside(found, self.parts)
        for at, (word, start, end) in enumerate(found):
            for name, score in self.full.items():
                if word == name[0] and tuple(each for each, _, _ in found[at : at + len(name)]) == name:
                    last = found[at + len(name) - 1][2]
                    if len(name) > 1 and last - start <= sum(map(len, name)) + 3 * len(name):
                        yield _span(start, last, Identifier.NAME, score)
            score = self._part(text, word, start, end, least=3 if at in beside else _FUZZY_LENGTH)
            if score:
                yield _span(start, end, Identifier.NAME, score, self.parts.get(word, word))
        for match in re.finditer(r"(?<![\w.])(?:[A-Za-z]\.\s?){2,4}|(?<=[-—/] )[A-Z]{2,3}(?![\w-])", text):
            if solid(match.group()) in self.initials:
                end = match.start() + len(match.group().rstrip())
                yield _span(match.start(), end, Identifier.NAME, 0.9)

    def _part(self, text: str, word: str, start: int, end: int, *, least: int) -> float:
        """How sure a word is a part of the patient's name, or a slip of one."""
        if word in self.parts:
            if is_medical(text, start, end):
                return 0.0
            everyday = word in lexicon("common_words") or word in lexicon("eponyms")
            return (
                0.97 if not everyday else 0.9 if _stands_out(text, start) or _acts(text, start, end) else 0.0
            )
        if word in lexicon("not_names") or len(word) < least or word in lexicon("common_words"):
            return self._prefix(text, word, start)
        near = any(len(part) >= least and one_slip(word, part) for part in self.parts)
        return 0.7 if near and (text[start].isupper() or text[start:end].islower()) else 0.0

    def _prefix(self, text: str, word: str, start: int) -> float:
        """A capitalised beginning of a given name, as friends shorten it."""
        if len(word) < _PREFIX_LENGTH or not _stands_out(text, start) or word in lexicon("common_words"):
            return 0.0
        return 0.7 if any(part.startswith(word) and len(part) > len(word) for part in self.parts) else 0.0

    def _lines(self, found: list[tuple[str, int, int]]) -> Iterator[Span]:
        shortened = [(_SHORTENED.get(word, word), start, end) for word, start, end in found]
        for at, (word, start, _) in enumerate(shortened):
            for line in self.lines:
                if (
                    line
                    and word == line[0]
                    and tuple(each for each, _, _ in shortened[at : at + len(line)]) == line
                ):
                    yield _span(start, shortened[at + len(line) - 1][2], Identifier.ADDRESS, 0.98)

    def _numbers(self, folded: str) -> Iterator[Span]:
        """Numbers by their digits and letters alone, whatever stands between these."""
        for stretch in _STREAM.finditer(folded) if self.numbers else ():
            places = [at for at in range(*stretch.span()) if folded[at].isalnum()]
            stream = "".join(folded[at] for at in places)
            for value, type_ in self.numbers.items():
                at = stream.find(value)
                while at >= 0:
                    yield from self._whole(folded, places[at], places[at + len(value) - 1] + 1, type_)
                    at = stream.find(value, at + 1)

    def _whole(self, folded: str, start: int, end: int, type_: Identifier) -> Iterator[Span]:
        """A number, unless it is only a part of a longer word of digits and letters."""
        inside = (start and folded[start - 1].isalnum()) or (end < len(folded) and folded[end].isalnum())
        if not inside:
            yield _span(start, end, type_, 0.99)


def known_of(table: pa.Table) -> dict[str, KnownValues]:
    """Each patient's known values, of rows of `patient_key`, `kind`, `value`."""
    rows: dict[str, list[tuple[str, str]]] = {}
    columns = [table[name].to_pylist() for name in ("patient_key", "kind", "value")]
    for key, kind, value in zip(*columns, strict=True):
        if key is not None and value:
            rows.setdefault(key, []).append((kind, value))
    return {key: KnownValues.of(values) for key, values in rows.items()}


def _span(start: int, end: int, type_: Identifier, score: float, stands_for: str | None = None) -> Span:
    return Span(start, end, type_, score, "known", stands_for)


def _street(value: str) -> list[str]:
    return [_SHORTENED.get(word, word) for word, _, _ in words(fold(value))]


def _stands_out(text: str, start: int) -> bool:
    """Whether a word has a capital that no sentence gave it, or stands in the line of a name."""
    if not text[start].isupper():
        return False
    return re.search(r"(?:^|[.!?\n]\s*)$", text[:start]) is None or text[start : start + 2].isupper()


def _acts(text: str, start: int, end: int) -> bool:
    """Whether a capitalised word does what people do: `Will has`, `May reports`."""
    return text[start].isupper() and _DOES.match(text, end) is not None


def _beside(found: Sequence[tuple[str, int, int]], parts: Mapping[str, str]) -> set[int]:
    """The places of words that stand next to a part of the name."""
    hits = [at for at, (word, _, _) in enumerate(found) if word in parts and len(word) > 2]  # noqa: PLR2004 -- a word
    return {near for at in hits for near in (at - 1, at + 1)}
