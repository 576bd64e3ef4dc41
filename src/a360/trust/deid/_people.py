"""Which words are names: what the model says of each, what kind of word it is, and who stands around it.

The model alone is unsure of names that are words (`Grace`, `Park`), of small letters and of capitals alone.
How far to believe it is told by lists of ordinary words and of names: a word that nobody writes small is a name
on little evidence, a word of every day only where its place says so.
"""

# ruff: noqa: C901, E501, PLR0911, PLR2004, RUF001 -- patterns are read whole; scores are chances that were measured

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from a360.trust.deid._fold import fold, words
from a360.trust.deid._lexicon import lexicon, phrases
from a360.trust.deid._names import is_medical
from a360.trust.deid._spans import Identifier, Span
from a360.trust.deid._words import Kind, Shape, Word, alone, kind_of, shape_of

_NAMED: Final = 0.6
_NAMES: Final = frozenset({Kind.GIVEN, Kind.EITHER, Kind.EPONYM, Kind.UNKNOWN})
_CAPITALISED: Final = frozenset({Shape.TITLE, Shape.FIRST})
_JOIN: Final = re.compile(r"(?:[ \t]|-|['’]|\.[ \t]?)\Z")
_AND: Final = re.compile(r"(?:['’]s)?(?:,? (?:and|&|or|y|e|und|vs?\.) |, |/|; |, and (?:her|his|their) )\Z")
_BEFORE: Final = re.compile(
    r"(?:\b(?:with|w/|by|from|to|per|told|tells?|asks?|asked|via|sees?|saw|seen by|called|calling|calls?|paged|between|"
    r"informed|notified|thanks?|thank you|spoke|inform|notify|hi|hello|hey|hola|dear|both|ref by|"
    r"sent by|sincerely|con|por|c/o|cc|attn|witness|wit|scribe|nanny|neighbor|signed|for|named|who is|tag|and|met|via|than|w|host|alias|can|could|does|did|pt of|patient of|helped|includes?|desde|"
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
# What a word before names is worth where nothing else is known of who comes after it.
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
        Word(word, start, end, kind_of(word), shape_of(text, start, end), chances.get(start, 0.0))
        for word, start, end in words(fold(text))
        if not word.isdigit()
    ]
    for each in found:
        if _is_a_brand(text, each):
            each.kind = Kind.LISTED
        each.score = 0.0 if is_medical(text, each.start, each.end) else alone(each)
        if named[each.start]:
            each.score = max(each.score, 0.7)
        elif other[each.start]:
            each.score = 0.0
            each.kind = Kind.LISTED
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


def _is_a_brand(text: str, it: Word) -> bool:
    """Whether a word is of a doctor who is on a shelf: `Dr. Jart`."""
    before = _DOCTOR.search(text, max(0, it.start - 16), it.start)
    if before is None:
        return False
    said = fold(text[before.end("title") : it.end]).strip()
    return any(said == each or each.startswith(f"{said} ") for each in phrases("brands_of_doctors"))


def _in_its_place(text: str, it: Word) -> float:
    """How likely a word is a name by what stands before and after it."""
    if (
        it.kind not in _NAMES
        or it.shape is Shape.INITIAL
        or len(it.word) < 2
        or is_medical(text, it.start, it.end)
    ):
        return 0.0
    before = text[max(0, it.start - 24) : it.start]
    if it.shape in _CAPITALISED:
        return _with_a_capital(text, it, before)
    if it.word in lexicon("given_names"):
        if _STRONG_BEFORE.search(before) or _GREETS.search(before):
            return 0.75 if it.kind is Kind.GIVEN else 0.65
        if it.kind in (Kind.EITHER, Kind.EPONYM) and _KIN.search(before) and it.word not in _MODAL:
            return 0.65
    if it.shape is Shape.CAPITALS and _STRONG_BEFORE.search(before) and len(it.word) > 2:
        return 0.6
    return 0.0


def _with_a_capital(text: str, it: Word, before: str) -> float:
    if it.kind in (Kind.UNKNOWN, Kind.GIVEN) and _is_a_cell(text, it):
        return 0.6
    if _INITIAL_BEFORE.search(before) and it.word not in _MODAL - _SURNAMES:
        return 0.7
    if _IN_A_BED.search(before):
        return 0.7
    acts = _ACTS.match(text, it.end) is not None
    does = _IS.match(text, it.end) is not None
    initial = _INITIAL_AFTER.match(text, it.end) is not None
    if it.shape is Shape.FIRST:
        return _beginning(it, acts=acts, does=does, initial=initial)
    if acts or (does and it.word in lexicon("given_names")):
        return 0.72
    if _STRONG_BEFORE.search(before):
        return 0.75
    if _BEFORE.search(before) or initial:
        return 0.6 if it.kind is not Kind.UNKNOWN or initial else _AMONG + it.chance
    return 0.45 if _OWNS.match(text, it.end) and it.kind is not Kind.UNKNOWN else 0.0


def _beginning(it: Word, *, acts: bool, does: bool, initial: bool) -> float:
    """How likely the first word of a sentence is a name by what comes after it."""
    if initial and it.kind in (Kind.UNKNOWN, Kind.GIVEN):
        return _NAMED
    if acts:
        return 0.5 if it.kind is Kind.UNKNOWN else 0.7
    known = it.kind in (Kind.GIVEN, Kind.EPONYM) or it.word in lexicon("given_names")
    return 0.65 if does and known else 0.0


def _is_a_cell(text: str, it: Word) -> bool:
    """Whether a word stands alone between the lines of a table."""
    return _CELL_BEGINS.search(text, max(0, it.start - 2), it.start) is not None and (
        _CELL_ENDS.match(text, it.end) is not None
    )


def _with_particles(text: str, found: Sequence[Word]) -> None:
    """Make names of the particles before a surname: `de la Cruz`, `St. Clair`."""
    for at in range(len(found) - 1, 0, -1):
        name, other = found[at], found[at - 1]
        between = text[other.end : name.start]
        small = other.shape is not Shape.FIRST or text[other.start : name.end].istitle()
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
                other.shape is not Shape.SMALL
                or name.shape is not Shape.SMALL
                or other.word not in ("le", "al")
            )
        ):
            other.score, other.kind = max(other.score, 0.66), Kind.UNKNOWN


def _beside(text: str, found: Sequence[Word]) -> None:
    """Make names of words that stand next to one, or in a row with one."""
    for left, right in itertools.pairwise(found):
        between = text[left.end : right.start]
        if len(between) > 12 or (left.score >= _NAMED) == (right.score >= _NAMED):
            continue
        name, other = (left, right) if left.score >= _NAMED else (right, left)
        if other.kind not in _NAMES and other.shape is not Shape.INITIAL:
            continue
        if is_medical(text, other.start, other.end):
            continue
        if _JOIN.match(between):
            other.score = max(other.score, _joined(text, name, other, between))
        elif (
            _AND.match(between)
            and other.shape in _CAPITALISED
            and name.shape in (*_CAPITALISED, Shape.INITIAL)
        ):
            other.score = max(other.score, 0.6 if other.kind is not Kind.UNKNOWN else 0.5)
        elif _AND.match(between) and other.kind is Kind.GIVEN:
            other.score = max(other.score, 0.65)


def _joined(text: str, name: Word, other: Word, between: str) -> float:
    """How likely the neighbour of a name is a part of it."""
    after = other is not name and other.start > name.start
    if between.startswith(".") and not (name.end - name.start <= 2 or other.shape is Shape.INITIAL):
        return 0.0
    if other.shape is Shape.INITIAL:
        return 0.7 if after or text[other.end : other.end + 1] in (".", " ", "'", "’") else 0.0
    if len(other.word) == 2 and other.kind is Kind.UNKNOWN and other.chance < 0.2:
        return 0.0
    if other.shape in _CAPITALISED:
        if other.shape is Shape.FIRST and other.word in _VERBS:
            return 0.0
        return 0.75
    if other.shape is Shape.CAPITALS:
        same = name.shape is Shape.CAPITALS
        return (
            0.7
            if same and len(other.word) > 2 and other.kind is not Kind.EITHER
            else 0.55
            if same and after and len(other.word) > 2
            else 0.0
        )
    if name.shape is not Shape.SMALL and between not in ("-", "'", "’"):
        return 0.0
    if other.kind is Kind.GIVEN:
        return 0.7
    if other.kind is Kind.UNKNOWN and len(other.word) > 2 and (after or other.chance >= 0.1):
        return 0.62
    if other.kind is Kind.EPONYM and after and name.word in lexicon("given_names"):
        return 0.62
    told = other.chance >= 0.15 or (after and other.word in lexicon("surnames_that_are_words"))
    return (
        0.6
        if other.kind is Kind.EITHER
        and told
        and other.word not in _VERBS - {"long", "day", "case", "price", "rose", "love", "young"}
        else 0.0
    )
