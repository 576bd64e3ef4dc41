"""Which words are names: what the model says of each, what kind of word it is, and who stands around it.

The model alone is unsure of names that are words (`Grace`, `Park`), of small letters and of capitals alone.
How far to believe it is told by lists of ordinary words and of names: a word that nobody writes small is a name
on little evidence, a word of every day only where its place says so.
"""

# ruff: noqa: C901, E501, PLR0911, PLR2004, RUF001 -- patterns are read whole; scores are chances that were measured

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Final

from a360.trust.deid._fold import fold, words
from a360.trust.deid._lexicon import lexicon, phrases
from a360.trust.deid._names import is_medical
from a360.trust.deid._spans import Identifier, Span


class _Kind(Enum):
    """What lists know of a word."""

    GIVEN = "a given name and nothing else"
    EITHER = "an ordinary word, and a name"
    ORDINARY = "an ordinary word and no name"
    EPONYM = "a surname that names diseases or instruments"
    LISTED = "a product, a label, or what stands beside names"
    UNKNOWN = "in no list"


class _Shape(Enum):
    """How a word is written."""

    SMALL = "small"
    TITLE = "with a capital that no sentence gave it"
    FIRST = "with a capital, where a sentence begins"
    CAPITALS = "in capitals"
    INITIAL = "one capital"


@dataclass(slots=True)
class _Word:
    word: str
    start: int
    end: int
    kind: _Kind
    shape: _Shape
    chance: float
    score: float = 0.0


_NAMED: Final = 0.6
_NAMES: Final = frozenset({_Kind.GIVEN, _Kind.EITHER, _Kind.EPONYM, _Kind.UNKNOWN})
_BEGINS: Final = re.compile(
    r"(?:^|(?<!\b[A-Z])(?<!\b[DMJSV]r)(?<!\bMrs)(?<!\bMs)(?<!\bSt)(?<!\bvs)\.|[!?\n]|\n[-*>•]|^[-*>•])[ \t]*$"
)
_CAPITALISED: Final = frozenset({_Shape.TITLE, _Shape.FIRST})
_JOIN: Final = re.compile(r"(?:[ \t]|-|['’]|\.[ \t]?)\Z")
_AND: Final = re.compile(r"(?:['’]s)?(?:,? (?:and|&|or|y|e|und|vs?\.) |, |/|; |, and (?:her|his|their) )\Z")
_BEFORE: Final = re.compile(
    r"(?:\b(?:with|w/|by|from|to|per|told|tells?|asks?|asked|via|sees?|saw|seen by|called|calling|calls?|paged|between|"
    r"informed|notified|thanks?|thank you|spoke|inform|notify|hi|hello|hey|hola|dear|both|ref by|"
    r"sent by|sincerely|con|por|c/o|cc|attn|witness|wit|scribe|nanny|neighbor|signed|for|named|who is|tag|and|met|via|than|w|host|alias|helped|includes?|desde|"
    r"contact|is|lives with|given to|given by|report to|report from|left with|joined by|relieved|husband|wife|mom|dad)[:,]? |@ ?|[-–—~] ?|> )\Z",
    re.IGNORECASE,
)
_STRONG_BEFORE: Final = re.compile(
    r"(?:\b(?:told|asked|paged|informed|notified|spoke (?:to|with|w/)|d/w|discussed with|seen by|per|witness(?:ed by)?|relieved|"
    r"spoken to|t/c from|tc from|call(?:ed)? from|referred by|ref by|hi|hello|hey|hola|dear|tochter|sohn|hable con|llamar a|"
    r"attn|scribe|notary|custodian|deponent|chaplain|nanny|interpreter|atentamente|thanks|thank you|cousin|pcp|pmd|signed|sincerely,|"
    r"lunch:|on call:|provider|with my partner|my colleague)[:,]? )\Z",
    re.IGNORECASE,
)
_ACTS: Final = re.compile(
    r"(?: [A-Z]\.?)?,?(?: (?:also|then|still|now|never|just|always|who|herself|himself|later|again))? (?:who|herself|himself|reports?|reported|denies|denied|states?|stated|tolerated|says|said|"
    r"returns|returned|came|comes|notes|noted|feels|felt|wants|wanted|asks|asked|presents|presented|calls|called|complains|agreed|"
    r"agrees|requests|requested|understands|did|does|thinks|thought|prefers|plans|works|worked|lives|lived|drove|drives|"
    r"took|takes|gave|told|tells|saw|sees|left|picks|helped|assisted|injected|performed|declined|refuses|refused|cried|smiled|"
    r"remembers|offered|stayed|sat|arrived|cancelled|canceled|rescheduled|interpreted|accompanied|mentioned|explained|admits|"
    r"endorses|verbalized|understood|expressed|reviewed|signed|wrote|replied|answered|texted|emailed|visited|attended|looks|"
    r"looked|appears|appeared|seems|seemed|likes|liked|loves|loved|hates|knows|knew|tried|went|relieved|dressed|wishes|wished|rounding|rounded|"
    r"covering|cosigned|verified|notified|called|refused|consented|aware|informed|paged|pgd|advised|is back|will be|on call|sign|signs|texts|thanked|met|cb|at desk|at bedside|at bs)\b|/[A-Z]{2}\b",
)
# What things do as well; `here` and `calm` tell of patients.
_IS: Final = re.compile(
    r",? (?:(?:also|then|still|now|never|just|always|later|again) )?(?:has|is|was|had|will|would|can|could|should|may|must|might|needs?|"
    r"needed|didn['’]t|doesn['’]t|hasn['’]t|isn['’]t|wasn['’]t|won['’]t|can['’]t|here|calm|happy|aware|here w)\b|:? ?\d+ ?(?:yo|y/o|u\b)|: "
)
_DOCTOR: Final = re.compile(r"\b(?P<title>Dr\.?) (?:\w+ )?\Z")
_SURNAMES: Final = frozenset({"case", "price", "long", "art", "love"})
_INITIAL_BEFORE: Final = re.compile(r"(?<![\w.])[A-Z]\.? \Z")
_IN_A_BED: Final = re.compile(r"\b(?:bed|rm|room|bay|chair) \d{1,2}[:,-]? \Z|\bM\.?D\.? \Z")
# Of a word of no list: what the model says before it counts, and what a word before names is worth.
_HEARD: Final = 0.12
_AMONG: Final = 0.42
_CELL_BEGINS: Final = re.compile(r"(?:[\t|\"^;]|\| )\Z")
_CELL_ENDS: Final = re.compile(r" ?[\t|\"^;/]|[ \t]*(?:\n|$)")
_OWNS: Final = re.compile(r"['’]s? ")
_INITIAL_AFTER: Final = re.compile(r"[ ]([A-Z])(?:\.|(?=[\s,;:)/]|$))")
_GREETS: Final = re.compile(
    r"(?:\b(?:w/|its|it['’]s|this is|i am|i'm|name is|visitor|user|client|should i (?:come )?see) \(?|\n- ?|[.,] ?-{1,2} ?)\Z",
    re.IGNORECASE,
)
_KIN: Final = re.compile(
    r"\b(?:wife|husband|mom|mother|dad|father|sister|brother|son|daughter|dtr|aunt|uncle|cousin|niece|nephew|bf|gf|hubby|partner|fiance|friend|"
    r"boss|roommate|with nurse|appt w|by|nurse|tech|aunt|grandma|w) \Z"
)
_MODAL: Final = frozenset(
    {"will", "may", "can", "has", "see", "case", "price", "long", "art", "so", "hope", "love"}
)
# As the first word of a sentence these are verbs and nouns, whoever is named so.
_VERBS: Final = frozenset(
    [
        "will",
        "may",
        "mark",
        "drew",
        "bill",
        "pat",
        "case",
        "day",
        "price",
        "long",
        "can",
        "hope",
        "grant",
        "ray",
        "rose",
        "page",
        "rich",
        "chase",
        "cook",
        "guy",
        "see",
        "so",
        "art",
        "love",
        "young",
    ]
)


@cache
def _kind(word: str) -> _Kind:
    if any(word in lexicon(each) for each in ("products", "labels", "not_names", "trade_words")):
        return _Kind.LISTED
    if word in lexicon("eponyms"):
        return _Kind.EPONYM
    ordinary = word in lexicon("ordinary_words")
    given = word in lexicon("given_names")
    if ordinary:
        either = given or word in lexicon("surnames_that_are_words") or word in lexicon("common_words")
        return _Kind.EITHER if either else _Kind.ORDINARY
    if given:
        return _Kind.GIVEN
    return _Kind.ORDINARY if word in lexicon("proper_words") else _Kind.UNKNOWN


def _shape(text: str, start: int, end: int) -> _Shape:
    if not text[start].isupper():
        return _Shape.SMALL
    if end - start == 1:
        return _Shape.INITIAL
    if text[start:end].isupper():
        return _Shape.CAPITALS
    return _Shape.FIRST if _BEGINS.search(text, max(0, start - 8), start) else _Shape.TITLE


def likely_names(text: str, chances: Mapping[int, float], sure: Sequence[Span]) -> Iterator[Span]:
    """The words of a text that are names.

    Args:
        text: The text.
        chances: By the first character of a word, how likely the model finds it a name.
        sure: What other stages found; their names tell of the words beside them.
    """
    named, other = bytearray(len(text)), bytearray(len(text))
    for span in sure:
        if span.stage == "model":
            continue
        hides = named if span.type is Identifier.NAME else other
        if span.score >= _NAMED:
            hides[span.start : span.end] = b"\x01" * (span.end - span.start)
    found = [
        _Word(word, start, end, _kind(word), _shape(text, start, end), chances.get(start, 0.0))
        for word, start, end in words(fold(text))
        if not word.isdigit()
    ]
    for each in found:
        if _is_a_brand(text, each):
            each.kind = _Kind.LISTED
        each.score = 0.0 if is_medical(text, each.start, each.end) else _alone(each)
        if named[each.start]:
            each.score = max(each.score, 0.7)
        elif other[each.start]:
            each.score = 0.0
            each.kind = _Kind.LISTED
        else:
            each.score = max(each.score, _in_its_place(text, each))
    for _ in range(2):
        _with_particles(text, found)
        _beside(text, found)
    for each in found:
        if each.score > 0 and not named[each.start]:
            yield Span(
                each.start, each.end, Identifier.NAME, each.score, "model" if each.chance >= 0.3 else "rules"
            )


def _is_a_brand(text: str, it: _Word) -> bool:
    """Whether a word is of a doctor who is on a shelf: `Dr. Jart`."""
    before = _DOCTOR.search(text, max(0, it.start - 16), it.start)
    if before is None:
        return False
    said = fold(text[before.end("title") : it.end]).strip()
    return any(said == each or each.startswith(f"{said} ") for each in phrases("brands_of_doctors"))


def _alone(it: _Word) -> float:
    """How likely a word is a name by itself."""
    chance, length = it.chance, it.end - it.start
    if length < 2 or any(each.isdigit() for each in it.word):
        return 0.0
    match it.kind:
        case _Kind.LISTED:
            return 0.0
        case _Kind.ORDINARY:
            return chance * 0.3 if it.shape is _Shape.SMALL else chance * 0.38
        case _Kind.EPONYM:
            return chance * 0.5 if it.shape is not _Shape.SMALL else chance * 0.4
        case _Kind.EITHER:
            return _either(it)
        case _Kind.GIVEN:
            return _given(it)
        case _Kind.UNKNOWN:
            return _unknown(it)


def _either(it: _Word) -> float:
    if it.shape is _Shape.SMALL:
        return it.chance * 0.5
    if it.shape is _Shape.CAPITALS:
        return it.chance * 0.9
    return 0.5 + 0.5 * it.chance if it.chance >= 0.2 else 0.0


@cache
def _begins_as_a_name(word: str) -> bool:
    """Whether a word may be a given name with a surname written to it: `anagarcia`."""
    return any(word[:at] in lexicon("given_names") for at in range(4, len(word) - 2))


def _given(it: _Word) -> float:
    length = it.end - it.start
    match it.shape:
        case _Shape.SMALL:
            return 0.4 + 0.55 * it.chance if length > 3 else it.chance
        case _Shape.CAPITALS:
            return 0.55 + 0.4 * it.chance if length > 2 else it.chance
        case _:
            return 0.68 + 0.3 * it.chance if length > 2 else 0.45 + 0.5 * it.chance


def _unknown(it: _Word) -> float:
    match it.shape:
        case _Shape.SMALL:
            if len(it.word) >= 8 and _begins_as_a_name(it.word):
                return 0.42 + 0.5 * it.chance if it.chance >= 0.08 else 0.33
            return it.chance * 0.8 if it.chance >= 0.5 else 0.0
        case _Shape.CAPITALS:
            return it.chance if it.end - it.start > 3 else it.chance * 0.6
        case _:
            return 0.5 + 0.5 * it.chance if it.chance >= _HEARD else 0.0


def _in_its_place(text: str, it: _Word) -> float:
    """How likely a word is a name by what stands before and after it."""
    if (
        it.kind not in _NAMES
        or it.shape is _Shape.INITIAL
        or len(it.word) < 2
        or is_medical(text, it.start, it.end)
    ):
        return 0.0
    before = text[max(0, it.start - 24) : it.start]
    if it.shape in _CAPITALISED:
        return _with_a_capital(text, it, before)
    if it.word in lexicon("given_names"):
        if _STRONG_BEFORE.search(before) or _GREETS.search(before):
            return 0.75 if it.kind is _Kind.GIVEN else 0.65
        if it.kind in (_Kind.EITHER, _Kind.EPONYM) and _KIN.search(before) and it.word not in _MODAL:
            return 0.65
    if it.shape is _Shape.CAPITALS and _STRONG_BEFORE.search(before) and len(it.word) > 2:
        return 0.6
    return 0.0


def _with_a_capital(text: str, it: _Word, before: str) -> float:
    if it.kind in (_Kind.UNKNOWN, _Kind.GIVEN) and _is_a_cell(text, it):
        return 0.6
    if _INITIAL_BEFORE.search(before) and it.word not in _MODAL - _SURNAMES:
        return 0.7
    if _IN_A_BED.search(before):
        return 0.7
    acts = _ACTS.match(text, it.end) is not None
    does = _IS.match(text, it.end) is not None
    initial = _INITIAL_AFTER.match(text, it.end) is not None
    if it.shape is _Shape.FIRST:
        return _beginning(it, acts=acts, does=does, initial=initial)
    if acts or (does and it.word in lexicon("given_names")):
        return 0.72
    if _STRONG_BEFORE.search(before):
        return 0.75
    if _BEFORE.search(before) or initial:
        return 0.6 if it.kind is not _Kind.UNKNOWN or initial else _AMONG + it.chance
    return 0.45 if _OWNS.match(text, it.end) and it.kind is not _Kind.UNKNOWN else 0.0


def _beginning(it: _Word, *, acts: bool, does: bool, initial: bool) -> float:
    """How likely the first word of a sentence is a name by what comes after it."""
    if initial and it.kind in (_Kind.UNKNOWN, _Kind.GIVEN):
        return 0.55
    if acts:
        return 0.5 if it.kind is _Kind.UNKNOWN else 0.7
    known = it.kind in (_Kind.GIVEN, _Kind.EPONYM) or it.word in lexicon("given_names")
    return 0.65 if does and known else 0.0


def _is_a_cell(text: str, it: _Word) -> bool:
    """Whether a word stands alone between the lines of a table."""
    return _CELL_BEGINS.search(text, max(0, it.start - 2), it.start) is not None and (
        _CELL_ENDS.match(text, it.end) is not None
    )


def _with_particles(text: str, found: Sequence[_Word]) -> None:
    """Make names of the particles before a surname: `de la Cruz`, `St. Clair`."""
    for at in range(len(found) - 1, 0, -1):
        name, other = found[at], found[at - 1]
        between = text[other.end : name.start]
        small = other.shape is not _Shape.FIRST or text[other.start : name.end].istitle()
        if (
            (
                name.score >= _NAMED
                and other.word in lexicon("particles")
                and other.word != "y"
                and between in (" ", "-", "'", "’", ". ")
                and small
            )
            and other.word not in ("a", "in")
            and (
                other.shape is not _Shape.SMALL
                or name.shape is not _Shape.SMALL
                or other.word not in ("le", "al")
            )
        ):
            other.score, other.kind = max(other.score, 0.66), _Kind.UNKNOWN


def _beside(text: str, found: Sequence[_Word]) -> None:
    """Make names of words that stand next to one, or in a row with one."""
    for left, right in itertools.pairwise(found):
        between = text[left.end : right.start]
        if len(between) > 12 or (left.score >= _NAMED) == (right.score >= _NAMED):
            continue
        name, other = (left, right) if left.score >= _NAMED else (right, left)
        if other.kind not in _NAMES and other.shape is not _Shape.INITIAL:
            continue
        if is_medical(text, other.start, other.end):
            continue
        if _JOIN.match(between):
            other.score = max(other.score, _joined(text, name, other, between))
        elif (
            _AND.match(between)
            and other.shape in _CAPITALISED
            and name.shape in (*_CAPITALISED, _Shape.INITIAL)
        ):
            other.score = max(other.score, 0.6 if other.kind is not _Kind.UNKNOWN else 0.5)
        elif _AND.match(between) and other.kind is _Kind.GIVEN:
            other.score = max(other.score, 0.65)


def _joined(text: str, name: _Word, other: _Word, between: str) -> float:
    """How likely the neighbour of a name is a part of it."""
    after = other is not name and other.start > name.start
    if between.startswith(".") and not (name.end - name.start <= 2 or other.shape is _Shape.INITIAL):
        return 0.0
    if other.shape is _Shape.INITIAL:
        return 0.7 if after or text[other.end : other.end + 1] in (".", " ", "'", "’") else 0.0
    if len(other.word) == 2 and other.kind is _Kind.UNKNOWN and other.chance < 0.2:
        return 0.0
    if other.shape in _CAPITALISED:
        if other.shape is _Shape.FIRST and other.word in _VERBS:
            return 0.0
        return 0.75
    if other.shape is _Shape.CAPITALS:
        same = name.shape is _Shape.CAPITALS
        return (
            0.7
            if same and len(other.word) > 2 and other.kind is not _Kind.EITHER
            else 0.55
            if same and after and len(other.word) > 2
            else 0.0
        )
    if name.shape is not _Shape.SMALL and between not in ("-", "'", "’"):
        return 0.0
    if other.kind is _Kind.GIVEN:
        return 0.7
    if other.kind is _Kind.UNKNOWN and len(other.word) > 2 and (after or other.chance >= 0.1):
        return 0.62
    if other.kind is _Kind.EPONYM and after and name.word in lexicon("given_names"):
        return 0.62
    told = other.chance >= 0.15 or (after and other.word in lexicon("surnames_that_are_words"))
    return (
        0.6
        if other.kind is _Kind.EITHER
        and told
        and other.word not in _VERBS - {"long", "day", "case", "price", "rose", "love", "young"}
        else 0.0
    )
