"""Rules for names: the words before and after them, and their other mentions in the same text."""

# ruff: noqa: E501, ISC004, PLR2004, RUF001 -- patterns are read whole; their numbers are the forms of the identifiers

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from a360.trust.deid._fold import fold, one_slip, words
from a360.trust.deid._lexicon import lexicon, phrases
from a360.trust.deid._spans import Identifier, Span

_CAP: Final = r"[A-ZÁÉÍÓÚÑÜÖÄØÅŠŽŁĐÇ][\wáéíóúñüöäøåšžłđç'’]+(?:-[A-ZÁÉÍÓÚÑ]?[\w'’]+)*"
_PARTICLE: Final = (
    r"(?:van der|van den|van de|van|von|de la|de los|de las|de|del|della|di|da|dos|la|le|el|bin|al|St\.|O')"
)
_PART: Final = rf"(?:(?:{_PARTICLE} )*{_CAP}|[A-Z]\.)"
_NAME: Final = rf"{_PART}(?: {_PART}){{0,3}}"
_LAST_FIRST: Final = rf"(?:{_PARTICLE} ){{0,2}}{_CAP}(?: {_CAP})?, {_CAP}(?: {_PART})?"
_KIN: Final = (
    "mother|father|mom|mum|dad|mommy|parents?|husband|wife|spouse|partner|fianc[eé]e?|boyfriend|girlfriend|son|daughter|"
    "dtr|sister|brother|sibling|aunt|uncle|cousin|niece|nephew|grandmother|grandfather|grandma|grandson|granddaughter|"
    "roommate|friend|neighbou?r|caregiver|guardian|poa|next of kin|nok|sister-in-law|hija|hijo|hermana|hermano|madre|"
    "padre|esposa|esposo|marido|pareja|amiga|amigo|abuela|stepson|stepdaughter|twin|colleague|boss|surrogate|proxy"
)
_STAFF: Final = (
    "nurse|surgeon|assistant|provider|physician|doctor|injector|technician|tech|aesthetician|esthetician|therapist|"
    "anesthesiologist|anesthetist|scribe|receptionist|reporter|pathologist|radiologist|pharmacist|dermatologist|psychologist|dentist|operator|adjuster|examiner|supervisor|officer|counselor|attorney|lawyer|coach|teacher|driver|interpreter|coordinator|manager|agent|trainer|instructor|pastor|attending|resident|consultant|practitioner|enfermera|m[eé]dico"
)
_LABEL: Final = (
    r"patient(?:'s)? name|patient|pt name|client|customer|name|nombre|paciente|provider|surgeon|assistant|attending|"
    r"anesthesiologist|physician|doctor|nurse|tech|technician|injector|author|from|to|re|cc|attn|attention|caller|"
    r"emergency contact|contact|next of kin|spouse|guardian|signed|dictated by|transcribed by|reviewed by|seen by|"
    r"recovery nurse|referring(?: provider| physician)?|referred by|pcp|preferred|pref|signature|witness|parent|"
    r"surgeon 1|operator|user|reporter|reported by|pathologist|radiologist|examiner|adjuster|supervisor|coordinator|counselor|accompanied by|brought by|how heard|referral source|circ(?:ulator|ulating)?|anes(?:thesia)?|scrub|prescriber|requested by|ordered by|entered by|verified by|host|alias|tutor|testigo|recepci[oó]n|enfermer[oa]|enf\.?|firma|atendida por|atendido por|m[eé]dico|account holder|guarantor|guar|subs|policy ?holder|insured|subscriber"
)
_DEGREE: Final = (
    r"M\.?D\.?|D\.?O\.?|R\.?N\.?|N\.?P\.?|PA(?:-C)?|P\.A\.|FNP(?:-[A-Z]+)?|APRN|DNP|LVN|LPN|CRNA|BSN|MSN|PhD|FAAD|"
    r"FACS|DDS|DMD|CMA|MA|LE|CNM|MBBS|FRCS|PharmD|Esq"
)
_TITLE: Final = r"(?:Drs?|Dra|Doctora?|Mr|Mrs|Ms|Mx|Miss|Prof|Professor|Srta|Sra|Sr|Don|Doña|Frau|Herr|Mme|Judge|Rev|Nurse|Sgt|Capt)"
_RULES: Final = (
    (rf"\b{_TITLE}\.?[ ]+(?P<v>{_LAST_FIRST}|{_NAME})", 0.95),
    (r"\b(?i:drs?|mr|mrs|ms|dra|srta|sra)\.? (?P<v>[a-z][a-z'’-]{2,}(?:-[a-z]+)?(?: (?:de la|van der|van|de) [a-z]+)?)", 0.7),
    (rf"(?im:^[ \t]*|[|;/] ?|\t|  +|\b)(?i:{_LABEL})[ \t]?(?::|\||=)[ \t]*(?i:{_TITLE}\.? )?(?P<v>{_LAST_FIRST}|{_NAME})", 0.9),
    (rf"\b(?i:{_KIN})(?:[ ,(]+(?i:is |named |called |and poa |/poa |in law ))?[ ,:(/\"“]{{1,2}}(?:POA )?(?P<v>{_NAME})", 0.88),
    (rf"\b(?i:{_STAFF})(?: (?i:is|was))?,? (?P<v>{_NAME})", 0.85),
    (rf"\b(?P<v>{_NAME}),? (?i:\(|is )?(?:(?:his|her|the|my|their|sister|patient's) )?(?:{_KIN})\b", 0.0),
    (rf"(?P<v>{_NAME}|{_LAST_FIRST}),? (?:{_DEGREE})(?![\w-])", 0.93),
    (rf"\b(?i:this is|my name is|i am|i'm|it's|its|name's|soy|me llamo|name is|ask for|spoke (?:with|w/|to)|signed(?: electronically)? by|"
     rf"seen by|reviewed by|approved by|taken by|notes by|referred by|sent by|performed by|treated by|dictated by|called by|assisted by|"
     rf"with nurse|w/ nurse|picked up by|accompanied by|attended by|obtained from|left for|yours sincerely,|regards,|sincerely,|best,|"
     rf"atendida por|thanks to|message from|records to|sent to|attn|verified by name \(|tell|told)\s+(?P<v>{_NAME})", 0.8),
    (rf"(?im:^|[.!?] )(?i:dear|hi|hello|hey|hola|estimad[oa]|querid[oa]|thanks|thank you|thx|gracias|xoxo|love|cheers|reminder:?),? "
     rf"(?i:{_TITLE}\.? )?(?P<v>{_NAME})", 0.85),
    (rf"\b(?P<v>{_LAST_FIRST}),? (?:MRN|DOB|\d{{2,3}} ?y/?o|is a|was seen|an? \d)", 0.9),
    (r"\b(?i:pt|patient|client|paciente) (?P<v>[A-Za-z]\.|[A-Z]{2})(?=[\s,;:.)/])(?! ?\d)", 0.6),
    (r"(?<![\w.@/])(?P<v>[A-Z]\.(?:[A-Z]\.)?(?:Mc|Mac|O['’])?[A-Z][a-zà-ÿ]{2,})(?![\w@])", 0.75),
    (rf"(?P<v>{_CAP} [A-Z])\.?,? (?:{_DEGREE})(?![\w-])", 0.9),
    (r"(?m:(?:[.!?] |/ ?|[-–—~] ?|\n)(?P<v>[a-z]{2})\s*$)", 0.5),
    (r"(?:[|\t\"(,] ?)(?P<v>[A-Z]{2}/[A-Z]{2})(?= ?[|\t\"),.\n]|\s*$)", 0.6),
    (rf"(?m:^|[\t|\"]) ?(?P<v>(?:{_PARTICLE} )?{_CAP}(?: {_CAP})?, {_CAP}(?: {_PART})?)(?= ?(?:[\t|\"]|$))", 0.75),
    (r"\b(?i:user|usr|login|author|operator|owner|host|by|tech|provider|created_by|signed_by|staff|uploaded_by)[=:] ?(?P<v>[a-z][a-z.]{3,40}[a-z])\b(?![@/\\])", 0.8),
    (rf"\b(?i:alias|issued to|payable to|on behalf of|care of|c/o|in the name of|a nombre de|estate of|assisted by|woman named|man named|named|called|titular) (?P<v>{_NAME})", 0.8),
    (r"(?<![\w.])(?P<v>(?:[A-Z]\.){2,3})(?!\w)", 0.6),
    (r"(?m:^)\S*\d[/.-]\d\S* (?:\d{1,2}:?\d{2} )?(?P<v>[A-Z]{2,3})(?=\s?[-:—])", 0.7),
    (rf"\b(?i:pref(?:erred|ers)?(?: name)?|goes by|nick(?:name|named)?|known as|aka|a\.k\.a\.|n[eé]e|formerly|maiden name|"
     rf"registration|registered as)[ :,\"“(]{{1,3}}(?P<v>{_NAME})", 0.85),
    (r"(?:--?|—|/|\d|^)[ ]?(?P<v>[A-Z]{2,3})(?=[:.]? *(?:$|\n)|: )", 0.5),
    (rf"(?P<v>{_NAME}) speaking\b", 0.85),
    (r"(?<=[.!?] )(?P<v>[A-Z]{2,3})(?=\s*(?:\n|$))", 0.5),
    (r"(?m:^)(?P<v>[A-Z]{2,3}) (?=\d{2,3} ?(?:yo\b|y/o|[FM]\b))", 0.75),
    (r"(?<=\| )(?P<v>[A-Z]{2})(?= \|)", 0.45),
    (r"(?m:\]|^|[;,]) ?(?i:user|usr|login|author|by|owner)=(?P<v>[A-Za-z.]{3,40})", 0.85),
    (r"(?<=\d\] )(?P<v>[a-z]{4,40})(?=:)", 0.8),
    (r"(?m:^)(?P<v>[a-z]{6,40})(?=!? left a \d)", 0.7),
    (rf"(?:—|--|~) ?(?P<v>{_NAME})\s*(?:,|$|\n)", 0.8),
    (rf"(?m:^)(?P<v>{_CAP} {_CAP}(?: {_CAP})?)(?=\s*(?:\n|$))", 0.0),
    (rf"\b(?P<v>{_CAP}) \"(?P<w>{_CAP})\" ", 0.0),
)  # fmt: skip
# Letter by letter: here `A` is no article.
_SPELLED: Final = re.compile(
    r"(?<![A-Z-])[A-Z](?:[-–][A-Z]){3,}(?![A-Z-])|(?<![\w.])[A-Z](?:,? [A-Z]){3,}(?!\w)|"
    r"(?<![\w.])[A-Z],? (?:as in|for|like) [A-Z][a-z]+(?:,? (?:[A-Z],? (?:as in|for|like) [A-Z][a-z]+|[A-Z]\b))*"
)
# Of a signing-in: `given.family`.
_SIGN_IN: Final = re.compile(r"(?<![\w@./-])([a-z]{3,})[._]([a-z]{3,})(?![\w@/-]|\.\w)")
_COMPILED: Final = tuple((re.compile(pattern), score) for pattern, score in _RULES if score)
_LONG: Final = 5
# Words that begin sentences more often than their namesakes do.
_OFTEN_VERBS: Final = frozenset(
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
        "rose",
        "page",
        "chase",
        "cook",
        "so",
        "art",
        "love",
    ]
)
_CALLED: Final = re.compile(rf" [(\"“](?P<v>{_CAP})[)\"”]")


def find_names(text: str) -> Iterator[Span]:
    """What rules on names find; spans may overlap."""
    for pattern, score in _COMPILED:
        for match in pattern.finditer(text):
            start, end = _trimmed(text, *match.span("v"))
            if start < end and _is_name(text, start, end):
                yield Span(start, end, Identifier.NAME, score, "rules")

    for match in _SPELLED.finditer(text):
        yield Span(*match.span(), Identifier.NAME, 0.9, "rules")
    for match in _SIGN_IN.finditer(text):
        parts = match.groups()
        known = any(each in lexicon("given_names") for each in parts)
        if known and not all(each in lexicon("ordinary_words") for each in parts):
            yield Span(*match.span(), Identifier.NAME, 0.7, "rules")


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the words at either end that are no part of a name."""
    parts = [(each.start() + start, each.end() + start) for each in re.finditer(r"\S+", text[start:end])]
    while parts and _common(text[slice(*parts[0])]):
        parts.pop(0)
    for at, part in enumerate(parts):
        if at and _common(text[slice(*part)]):
            parts = parts[:at]
            break
    if not parts:
        return start, start
    tail = text[parts[0][0] : parts[-1][1]]
    bare = re.sub(r"(?:['’]s?|[,])$", "", tail)
    return parts[0][0], parts[0][0] + len(bare)


def _common(word: str) -> bool:
    return fold(word).strip(".,:;'’\"") in lexicon("not_names")


def _is_name(text: str, start: int, end: int) -> bool:
    name = fold(text[start:end])
    if (
        name in lexicon("no_initials")
        or name in lexicon("no_dotted_initials")
        or is_medical(text, start, end)
    ):
        return False
    if any(name == each or name.startswith(f"{each} ") for each in phrases("brands_of_doctors")):
        return False
    return not all(each in lexicon("products") for each, _, _ in words(name))


_GRADE: Final = re.compile(r" (?:[IV]{1,4}|[1-7])\b")
# What follows the one whom a scale or a sign is called after.
_SCALE: Final = re.compile(
    r"(?:['’]s)? (?:(?:stage|grade|class|type|score|scale|classification|criteria|index) (?:[IV]{1,4}|\d)|"
    r"(?:syndrome|disease|phenomenon|sign|nodes?|contracture|classification|criteria|scale|forceps|scissors|retractors?|clamps?|"
    r"drains?|catheter|technique|flap|maneuver|elevator|speculum|ligament|fascia|spots?)\b)"
)
_HAS: Final = re.compile(r"\b(?:hx|history of|h/o|has|with|for|dx)(?: of)? \Z", re.IGNORECASE)


def is_medical(text: str, start: int, end: int) -> bool:
    """Whether a surname names a disease, a sign or an instrument here: `Bell's palsy`, `Baker cyst`."""
    folded = fold(text[start:end])
    if all(each in lexicon("products") for each, _, _ in words(folded)):
        return True
    chain = re.match(r"(?:-\w+)+", text[end:])
    if chain and words(folded)[-1:] and words(folded)[-1][0] in lexicon("eponyms"):
        # `Baker-Gordon peel`, `Ehlers-Danlos`: several people, one thing.
        if fold(chain.group()).rsplit("-", 1)[-1] in lexicon("eponyms"):
            return True
        end += chain.end()
    after = [each for each, _, _ in words(fold(text[end : end + 40]))]
    after = after[1:] if after[:1] == ["s"] else after
    last = [each for each, _, _ in words(folded)][-1:]
    if last and last[0] in lexicon("eponym_nouns") and len(words(folded)) > 1:
        return words(folded)[-2][0] in lexicon("eponyms")
    crows_feet = folded == "crow" and after[:1] == ["feet"]
    if crows_feet or (text[start].isupper() and " " not in folded and _SCALE.match(text, end)):
        return True
    own = re.match(r"['’]s?\b", text[end:]) is not None
    if (
        last
        and last[0] in lexicon("eponyms")
        and (_GRADE.match(text, end) or (own and _HAS.search(text, max(0, start - 14), start)))
    ):
        return True
    return bool(
        last
        and after
        and (last[0] in lexicon("eponyms") or own)
        and after[0] in lexicon("eponym_nouns")
        and re.match(r"(?:['’]s?)?[ -]", text[end:])
    )


def other_mentions(text: str, found: Iterable[Span]) -> Iterator[Span]:
    """Where a text names again, in part, somebody whom it names for sure.

    A word of every day counts only with a capital that no sentence gave it.
    """
    folded = fold(text)
    sure = [each for each in found if each.type is Identifier.NAME and each.score >= 0.7]
    parts: dict[str, float] = {}
    for span in sure:
        for word, _, _ in words(folded[span.start : span.end]):
            if len(word) > 2 and word not in lexicon("not_names"):
                parts[word] = max(parts.get(word, 0.0), span.score)
    for word, start, end in words(folded):
        score = parts.get(word) or _slip_of(word, parts)
        if score is None or is_medical(text, start, end):
            continue
        everyday = (
            word in lexicon("common_words") or word in lexicon("eponyms") or word in lexicon("products")
        )
        if (
            everyday
            and not _capital_within(text, start)
            and not (text[start].isupper() and word not in _OFTEN_VERBS)
        ):
            continue
        yield Span(start, end, Identifier.NAME, min(score, 0.85), "rules", word)
    for span in sure:
        called = _CALLED.match(text, span.end)
        if called and _is_name(text, *called.span("v")) and not _common(called["v"]):
            yield Span(*called.span("v"), Identifier.NAME, 0.75, "rules")


def _slip_of(word: str, parts: Mapping[str, float]) -> float | None:
    """A long word that no list knows, and that is a part of a name but for one letter."""
    if len(word) < _LONG or word in lexicon("not_names") or word in lexicon("common_words"):
        return None
    return 0.6 if any(len(part) >= _LONG and one_slip(word, part) for part in parts) else None


def _capital_within(text: str, start: int) -> bool:
    """Whether a word has a capital, and stands where no sentence begins."""
    return text[start].isupper() and re.search(r"(?:^|[.!?:\n]\s*)$", text[:start]) is None
