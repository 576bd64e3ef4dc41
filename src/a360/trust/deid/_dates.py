"""Dates in text: found, understood, and written again in the spelling in which they stood."""

# ruff: noqa: E501, PLR0911, PLR2004, RUF001 -- patterns are read whole; their numbers are the forms of the identifiers

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

_EN: Final = (
    "january february march april may june july august september october november december".split()  # noqa: SIM905
)
_ES: Final = (
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split()  # noqa: SIM905
)
_SLIPS: Final = {"febuary": 2, "janurary": 1, "feburary": 2, "septembre": 9, "setiembre": 9, "agust": 8}
_NUMBERS: Final = {
    **{name: at + 1 for at, name in enumerate(_EN)},
    **{name[:3]: at + 1 for at, name in enumerate(_EN)},
    **{name: at + 1 for at, name in enumerate(_ES)},
    "sept": 9,
    **_SLIPS,
}
_MONTH: Final = (
    r"(?:jan(?:uary|\.)?|janurary|feb(?:ruary|uary|\.)?|feburary|mar(?:ch|\.)?|apr(?:il|\.)?|may\.?|june?\.?|july?\.?|"
    r"aug(?:ust|\.)?|sept?(?:ember|\.)?|septembre|oct(?:ober|\.)?|nov(?:ember|\.)?|dec(?:ember|\.)?)"
)
_MES: Final = r"(?:" + "|".join([*_ES, "setiembre"]) + r")"
_FULL: Final = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])"
_ORDINAL: Final = (
    r"(?:twenty[- ](?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth)|thirty[- ]first|thirtieth|"
    r"twentieth|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|thirteenth|"
    r"fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth)"
)
_YEAR: Final = r"(?:(?:19|20)\d\d)"
_SAID_YEAR: Final = (
    r"(?:(?:nineteen|twenty)[- ](?:oh[- ])?(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ]\w+)?"
    r"|ten|eleven|twelve|\w+teen|one|two|three|four|five|six|seven|eight|nine)|two thousand(?: (?:and )?\w+)?)"
)
_DIA: Final = r"(?:lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo)"
_WEEKDAY: Final = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?"
_FEAST: Final = (
    r"(?:Christmas|Thanksgiving|New Year['’]?s?|Easter|Halloween|Hanukkah|Passover|Ramadan|Diwali|Eid|Mardi Gras|"
    r"Valentine['’]?s?|Cinco de Mayo|Juneteenth|Kwanzaa|Lent|Navidad|Semana Santa|A[nñ]o Nuevo|Pascua)"
)
_FEAST_DAY: Final = (
    r"(?:(?:Christmas|New Year['’]?s?) (?:Eve|Day)|Thanksgiving Day|(?:Labor|Memorial|Veterans['’]?|Presidents['’]?|Columbus|"
    r"MLK|Independence|Mother['’]?s|Father['’]?s|Valentine['’]?s|St\. Patrick['’]?s|Groundhog|Election|Boxing|Canada|Bastille) Day|"
    r"(?:the )?(?:Fourth|4th) of July|(?:Easter|Palm|Super Bowl) (?:Sunday|Monday)|Good Friday|Ash Wednesday|Black Friday|Cyber Monday|"
    r"Mardi Gras|Lunar New Year|Chinese New Year|Día de (?:la Madre|los Muertos|Reyes)|Nochebuena|Nochevieja|Halloween|Diwali)"
)
_PATTERNS: Final = {
    "iso": rf"(?P<y>{_YEAR})(?P<s>[-/._])(?P<m>0?[1-9]|1[0-2])(?P=s)(?P<d>{_DAY})(?!\d|[-/.]\d)(?P<t>T)?",
    "numbers": rf"(?P<a>\d{{1,2}})(?P<s>[-/.])(?P<b>\d{{1,2}})(?P=s)['’]?(?P<y>{_YEAR}|\d\d)(?!\d|[-/.]\d)",
    "compact": rf"(?P<y>{_YEAR})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\d|-\d)",
    "day_month": (
        rf"(?P<d>{_DAY})(?:st|nd|rd|th)?(?P<s1>[ \-/.]| of |(?=[A-Z]{{3}}\d\d))(?P<mon>{_MONTH})"
        rf"(?:(?P<s2>,? ?[\-/']? ?)(?P<y>{_YEAR}|(?<=[-/'])\d\d(?!\d)|(?<=[A-Z]{{3}})\d\d(?!\d)|(?<= )\d\d(?![\d/:.%-]| ?(?:u|mg|ml|units?|cc|min|yo)\b)))?\b(?!\d)"
    ),
    "month_day": (
        rf"(?P<mon>{_MONTH})(?P<s1>[ \-/.]| the )(?P<d>{_DAY})(?P<o>st|nd|rd|th)?\b"
        rf"(?:(?P<s2>,? ?|[-/])(?P<y>{_YEAR}|(?<=[-/])\d\d(?!\d)))?(?![:\d]|\.\d)"
    ),
    "month_year": rf"(?P<mon>{_MONTH})(?P<s1>,? (?:of )?|[-/]| ?['’])(?P<y>{_YEAR}|(?<=['’])\d\d)\b",
    "spanish": rf"(?P<d>{_DAY})(?P<s1> de )(?P<mon>{_MES})(?:(?P<s2>,? (?:de |del )?)(?P<y>{_YEAR}))?\b",
    "mes_year": rf"(?P<mon>{_MES})(?P<s1> (?:de |del )?)(?P<y>{_YEAR})\b",
    "said": rf"{_MONTH} (?:the )?(?:{_ORDINAL}|{_DAY}(?:st|nd|rd|th)?)(?:,? (?:of )?(?:{_SAID_YEAR}|{_YEAR}))\b",
    "said_day": rf"(?:{_MONTH} the {_ORDINAL}|the (?:{_ORDINAL}|{_DAY}(?:st|nd|rd|th)) of {_MONTH}(?:,? {_YEAR})?)\b",
    "us_compact": rf"(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?P<y>{_YEAR})(?!\d|-\d)",
    "foreign": (
        rf"{_DAY}\.? (?:de )?(?:januar|februar|m[aä]rz|mai|juni|juli|oktober|dezember|janvier|f[eé]vrier|mars|avril|juin|juillet|ao[uû]t|"
        rf"septembre|octobre|novembre|d[eé]cembre|gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|ene|abr|ago|dic)"
        rf"\b\.?(?: (?:de |del )?{_YEAR})?"
    ),
    "slashed_month": rf"{_DAY}/(?:{_MONTH}|{_MES}|ene|abr|ago|dic)/(?:{_YEAR}|\d\d)\b",
    "range": rf"{_MONTH} {_DAY}(?:st|nd|rd|th)? ?(?:-|–|to|and|through|&) ?{_DAY}(?:st|nd|rd|th)?\b(?:,? {_YEAR})?(?! ?(?:u|units?|mg|ml)\b)",
    "slash_range": r"\d{1,2}/\d{1,2} ?[-–] ?\d{1,2}(?:/\d{1,2}(?:/\d\d(?:\d\d)?)?|/\d\d)(?!\d)",
    "spaced": rf"(?:0?[1-9]|1[0-2]) ?([/-]) ?{_DAY} ?\1 ?(?:{_YEAR}|\d\d)(?!\d|[/-])",
    "said_month": rf"(?:{_MONTH} (?:the )?{_ORDINAL}|(?:the )?{_ORDINAL} (?:of )?{_MONTH})\b(?:,? (?:of )?{_SAID_YEAR})?",
    "year_month": rf"{_YEAR}[-/](?:0[1-9]|1[0-2])(?![\d/-])",
    "month_alone": (
        rf"(?:(?:in|by|of|to|since|until|till|from|last|next|this|after|during|before|through|around|due|for)[ -])?"
        rf"(?P<v>(?:early[ -]|mid[- ]?|late[ -]|last |next )?{_FULL})\b(?! \d|,? {_YEAR})"
    ),
    "short_month": (
        r"(?:in|by|since|until|till|from|last|next|early|mid|late|through)[ -]"
        r"(?P<v>(?:jan|feb|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)(?![ -]?\d)"
    ),
    "mes_alone": r"(?:(?:en|de|para|desde|hasta|fines|finales|principios|mediados) )(?P<v>"
    + _MES
    + r")\b(?! de)|(?P<w>"
    + "|".join(each for each in _ES if each not in ("mayo", "marzo"))
    + r")\b(?! de \d)",
    "weekday_day": rf"(?P<v>{_WEEKDAY},? (?:the )?(?:{_DAY}(?:st|nd|rd|th)|{_ORDINAL}))\b(?! (?:of|visit|session|time|day|week|treatment|dose)\b)",
    "dia": rf"{_DIA},? (?P<v>{_DAY})\b(?! de)",
    "that_weekday": rf"(?:last|next|this past|this coming|pasado|próximo) (?:{_WEEKDAY}|{_DIA})\b",
    "apart": rf"(?:0[1-9]|1[0-2]) (?:0[1-9]|[12]\d|3[01]) {_YEAR}(?![\w/-])",
    "the_day": (
        r"(?:on |by |until |till |from |since |before |after |for )?(?P<v>the (?:[12]?\d|3[01])(?:st|nd|rd|th))"
        r"(?=[.,;:)!?/]|\s*$|\s*\n| (?:at|and|or|for|if|with|because|to|but|w/|in|is|was|she|he|they|we|i|when|as|after|before|so|per)\b)"
    ),
    "feast": (
        rf"(?:(?:on|since|before|after|until|by|last|over|till|for|around|during|this|next|at|past|since|through) )(?P<v>{_FEAST}(?:,? {_YEAR})?)\b"
    ),
    "feast_day": rf"{_FEAST_DAY}(?: weekend| week)?(?:,? {_YEAR})?\b",
    "month_slash_year": rf"(?P<m>0?[1-9]|1[0-2])/(?P<y>{_YEAR})(?!\d|/)",
    "month_slash_day": r"(?P<a>\d{1,2})/(?P<b>\d{1,2})(?!\d|[/.]\d|-\d)",
}
_BEFORE: Final = r"(?<![\w/.#$-])(?<!\d,)"
_FORMS: Final = {name: re.compile(_BEFORE + pattern, re.IGNORECASE) for name, pattern in _PATTERNS.items()}
_WEEKDAY_BEFORE: Final = re.compile(rf"\b{_WEEKDAY},? (?:the )?$", re.IGNORECASE)

# Of `3/14` only what stands around it tells whether it is a day or a mark on a scale.
_DAY_CUES: Final = re.compile(
    r"(?:\b(?:on|since|last|seen|visit|visits|appt|appointment|from|until|till|by|before|after|next|dated?|"
    r"sent|done|given|called|attempt|letter|tx|treated|tx'd|neg|pos|results?|due|dos|rtc|f/u|fu|recheck|today|"
    r"and|to|el|fecha|came|surgery|inj|started|stopped|3rd|2nd|1st|booked|for|reviewed|approved|signed)"
    r"[:,]? ?\(?|[\n(]\s?|^|- )$",
    re.IGNORECASE,
)
_SCALE_CUES: Final = re.compile(
    r"\b(?:pain|scale|score|scored|grade|graded|gais|merz|vision|vfq|va|bp|ratio|session|sessions|day|step|"
    r"phase|type|level|class|rated|nrs|vas|norwood|hamilton|glogau|stage|braden|gcs|apgar|botox|dysport|xeomin|"
    r"conc|concentration|dilution|dose|pulse|passes|pass|series|tx #|#|x|face|visus|brow|hertel|sleeps|falls|"
    r"cycle|over|20|week|wk|round|part|page|set|room|size|gauge|needle|ph|od|os|ou|blt)\W{0,3}$",
    re.IGNORECASE,
)
_UNITS: Final = re.compile(
    r"\s?(?:mm|cm|m|ml|cc|mg|mcg|g|kg|u|iu|units?|j|w|nm|hz|ms|hrs?|hours?|min|mins|minutes?|sec|days?|d|weeks?|wks?|"
    r"months?|mos?|sessions?|grafts?|happy|ratio|coverage|face|strength|improvement|lumen|of|out|%|x|pain|scale|"
    r"inch(?:es)?|in|better|worse|syringes?|vials?|pulses?|passes)\b|\s?[%x\u00d7]",
    re.IGNORECASE,
)
_PARTS: Final = frozenset({"1/2", "1/3", "2/3", "1/4", "3/4", "1/5", "1/8", "24/7"})
_AFTER_WEEKDAYS: Final = frozenset({"month_day", "day_month", "month_slash_day"})
_WIDE: Final = frozenset({"iso", "compact"})
_EXPIRES: Final = re.compile(
    r"(?<!commission )(?<!license )(?<!licence )\b(?:exp(?:ir\w*)?|best before|use by)\W{0,3}$", re.IGNORECASE
)
# What is somebody's expires on a day that tells of them; what is in a box does not.
_OF_SOMEBODY: Final = re.compile(
    r"\b(?:dl|licen[cs]e|passport|permit|card|visa|id|policy|insurance|registration)\b[^\n]{0,30}$",
    re.IGNORECASE,
)
_PREPOSITION: Final = re.compile(
    r"\b(?:on|by|since|until|till|before|after|from|last|next|of|for|to)\s$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class FoundDate:
    """A date as it stands in a text; without `day` its spelling is known, its day is not."""

    start: int
    end: int
    form: str
    score: float
    day: date | None = None


def find_dates(text: str) -> Iterator[FoundDate]:
    """Every date of a text, surest forms first; they may overlap."""
    for form, pattern in _FORMS.items():
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 24) : match.start()]
            score = 0.0 if _of_a_thing(text, before, match.start()) else _score(text, form, match, before)
            if score:
                start, end = match.span("v" if match.groupdict().get("v") else 0)
                weekday = _WEEKDAY_BEFORE.search(text, max(0, start - 16), start)
                whole = weekday.start() if weekday and form in _AFTER_WEEKDAYS else start
                yield FoundDate(whole, end, form, score, read_date(match.group(), form))


def _of_a_thing(text: str, before: str, at: int) -> bool:
    """Whether a day is when a product expires."""
    return _EXPIRES.search(before) is not None and not _OF_SOMEBODY.search(text, max(0, at - 44), at)


def without_weekday(text: str) -> str:
    """A date without the day of the week before it."""
    return re.sub(rf"^{_WEEKDAY},? (?:the )?", "", text, flags=re.IGNORECASE)


def read_date(text: str, form: str) -> date | None:
    """The day that a spelling names; None where it names none, or leaves the year open."""
    match = re.fullmatch(_PATTERNS[form], text, re.IGNORECASE)
    return _day(match) if match else None


def _day(match: re.Match[str]) -> date | None:
    parts = match.groupdict()
    if not parts.get("y"):
        return None
    year = int(parts["y"])
    if year < 100:
        year += 2000 if year < 40 else 1900
    if parts.get("a"):
        month, day = _ordered(int(parts["a"]), int(parts["b"]), parts["s"])
    else:
        month = _NUMBERS.get((parts.get("mon") or "").lower().rstrip("."), 0) or int(parts.get("m") or 0)
        day = int(parts.get("d") or 15)
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _ordered(first: int, second: int, separator: str) -> tuple[int, int]:
    """Month and day: a dot stands between day and month, else the month is first unless it cannot be."""
    swapped = (separator == "." and second <= 12) or first > 12
    return (second, first) if swapped else (first, second)


def _score(text: str, form: str, match: re.Match[str], before: str) -> float:
    after = text[match.end() : match.end() + 16]
    if form == "month_slash_day":
        return _month_slash_day(match, before, after)
    if form in ("iso", "numbers", "compact") and _day(match) is None:
        return 0.4 if form == "numbers" and len(match["y"]) == 4 else 0.0
    if form == "numbers" and len(match["y"]) == 2 and match["s"] == ".":
        return 0.5
    if form in _ROUGH:
        return _rough(form, match)
    if form == "month_slash_year":
        return 0.8
    if form == "month_day" and not match["y"]:
        return _month_day(match, before, after)
    return 0.97


_ROUGH: Final = frozenset(
    {
        "us_compact",
        "the_day",
        "month_alone",
        "feast",
        "year_month",
        "spaced",
        "slash_range",
        "short_month",
        "mes_alone",
        "weekday_day",
        "dia",
        "that_weekday",
        "apart",
        "feast_day",
    }
)


def _rough(form: str, match: re.Match[str]) -> float:
    """How sure forms are that say little."""
    if form == "month_alone":
        return _lone_month(match)
    if form == "feast_day" and match.group()[0].islower() and match.group()[0] != "t":
        return 0.0
    return _ROUGH_SCORES.get(form, 0.8)


def _lone_month(match: re.Match[str]) -> float:
    """`May` and `March` are words as well: small, and where a sentence begins."""
    said = match["v"]
    if said.rsplit(" ", 1)[-1].rsplit("-", 1)[-1].lower() not in ("may", "march"):
        return 0.75
    if match.start("v") > match.start() or " " in said or "-" in said:
        return (
            0.7
            if said[-3:] not in ("may", "rch") or said.rsplit(" ", 1)[-1].rsplit("-", 1)[-1][0].isupper()
            else 0.0
        )
    begins = _SENTENCE.search(match.string, max(0, match.start() - 4), match.start())
    month = said[0].isupper() and not said.isupper() and not begins
    return 0.6 if month and _NO_VERB_AFTER.match(match.string, match.end()) else 0.0


_NO_VERB_AFTER: Final = re.compile(
    r"\W*(?:$|\n)|[.,;:)/!?]| (?:if|with|w/|or|and|for|at|to|when|because|since|she|he|they|we|i)\b"
)
_SENTENCE: Final = re.compile(r"(?:^|[.!?:\n>*•-])\s*$")
_ROUGH_SCORES: Final = {
    "us_compact": 0.6, "the_day": 0.55, "feast": 0.6, "feast_day": 0.7, "year_month": 0.7, "short_month": 0.7,
    "mes_alone": 0.6, "that_weekday": 0.55, "apart": 0.75, "dia": 0.7, "weekday_day": 0.85,
}  # fmt: skip


def _month_day(match: re.Match[str], before: str, after: str) -> float:
    """`May 3` is a day; `may 20 units` is not."""
    if _UNITS.match(after):
        return 0.0
    word = match["mon"]
    verb = word.lower() in ("may", "march", "mar") and word[0].islower()
    return 0.0 if verb and not match["o"] and not _PREPOSITION.search(before) else 0.92


def _month_slash_day(match: re.Match[str], before: str, after: str) -> float:
    month, day = _ordered(int(match["a"]), int(match["b"]), "/")
    if not (1 <= month <= 12 and 1 <= day <= 31) or _SCALE_CUES.search(before) or _UNITS.match(after):
        return 0.0
    if _DAY_CUES.search(before) or _WEEKDAY_BEFORE.search(before):
        return 0.85
    # Parts of a whole and marks out of ten are written so too: these stay, for a person to look at.
    return 0.0 if match.group() in _PARTS else 0.35 if match["b"] == "10" else 0.5


def written(day: date, like: str, form: str) -> str | None:
    """A day in the spelling of another; None where the spelling cannot carry it."""
    match = re.fullmatch(_PATTERNS[form], like, re.IGNORECASE)
    if match is None:
        return None
    parts: dict[str, str] = {}
    groups = match.groupdict()
    if groups.get("y"):
        parts["y"] = f"{day:%Y}"[-len(groups["y"]) :]
    if groups.get("a"):
        swapped = _ordered(int(groups["a"]), int(groups["b"]), groups.get("s", "/"))[0] != int(groups["a"])
        first, second = (day.day, day.month) if swapped else (day.month, day.day)
        wide = groups["a"][0] == "0" or groups["b"][0] == "0" or groups.get("s") in ("-", ".")
        parts["a"], parts["b"] = _padded(first, groups["a"], wide), _padded(second, groups["b"], wide)
    if groups.get("m"):
        parts["m"] = _padded(day.month, groups["m"], form in _WIDE)
    if groups.get("d"):
        parts["d"] = _padded(day.day, groups["d"], form in _WIDE)
    if groups.get("mon"):
        parts["mon"] = _named(day.month, groups["mon"])
    if groups.get("o"):
        parts["o"] = _suffix(day.day)
    return _put(match, parts)


def _put(match: re.Match[str], parts: dict[str, str]) -> str:
    text, last = [], 0
    for name, value in sorted(parts.items(), key=lambda item: match.start(item[0])):
        text += [match.string[last : match.start(name)], value]
        last = match.end(name)
    return "".join([*text, match.string[last:]])


def _padded(number: int, like: str, wide: bool) -> str:  # noqa: FBT001 -- private, and said by its caller
    """With a zero before it where the number in its place had one, or might have had."""
    return f"{number:02d}" if len(like) == 2 and (wide or like[0] == "0") else str(number)


def _suffix(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def _named(month: int, like: str) -> str:
    name = (_ES if like.lower() in _ES else _EN)[month - 1]
    bare = like.rstrip(".")
    name = name[:3] if len(bare) == 3 else name
    return name.upper() if bare.isupper() else name.title() if bare[0].isupper() else name
