"""Rules for where somebody lives or works: streets, boxes, towns, postal codes, employers."""

# ruff: noqa: E501, ISC004, PLR2004, RUF001 -- patterns are read whole; their numbers are the forms of the identifiers

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final

from a360.trust.deid._fold import fold, words
from a360.trust.deid._lexicon import lexicon, phrases
from a360.trust.deid._names import is_medical
from a360.trust.deid._spans import Identifier, Span

_STATES: Final = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|"
    "OH|OK|OR|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC|PR"
)
_STATE_NAMES: Final = (
    "Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|"
    "Illinois|Indiana|Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|"
    "Mississippi|Missouri|Montana|Nebraska|Nevada|New Hampshire|New Jersey|New Mexico|New York|North Carolina|"
    "North Dakota|Ohio|Oklahoma|Oregon|Pennsylvania|Rhode Island|South Carolina|South Dakota|Tennessee|Texas|"
    "Utah|Vermont|Virginia|Washington|West Virginia|Wisconsin|Wyoming"
)
# These are degrees too, after a name; a postal code tells them apart.
_DEGREES: Final = "MD|PA"
_KIND: Final = (
    r"(?:Street|St|Avenue|Ave|Av|Boulevard|Blvd|Lane|Ln|Road|Rd|Drive|Dr|Court|Ct|Terrace|Ter|Way|Parkway|Pkwy|"
    r"Circle|Cir|Place|Pl|Highway|Hwy|Trail|Trl|Square|Sq|Loop|Crescent|Alley|Row|Run|Plaza|Expressway|Route|Rte|Crossing|Gardens|Grove|Close|Mews|Pike|Cove|Ridge|Walk|Path|Bend|Hollow|Manor|Turnpike)"
)
_NAMED: Final = r"(?:(?:St|Ft|Mt)\. )?(?:[dl]['’])?[A-ZÀ-ÖØ-ÞŁŚŠŻŹŽČĆĐİŐŰŘŤĎŇĚĞŞȘȚ][\w'’-]*"
_TOWN: Final = rf"{_NAMED}(?: (?:{_NAMED}|or|of|de|del|la|los|las|el))*?"
_STREET_WORD: Final = r"(?:[A-Z][\w'’-]*\.?|\d{1,3}(?:st|nd|rd|th))"
_WORK: Final = (
    r"(?:LLC|Inc\.?|Ltd\.?|LLP|Corp\.?|Company|Co\.|Group|School|University|College|Bakery|Roofing|Plumbing|Union|"
    r"Bank|Accounting|Supply|Hospital|Church|Restaurant|Associates|Partners|Industries|Services|Solutions|"
    r"Department|Systems|Holdings|Foundation|Academy|Construction|Logistics)"
)
# Of a place or an employer whose words are in no list.
_IF_STRANGE: Final = 0.55
# Of one that is told by the words before it alone.
_BY_CUE: Final = 0.6
_MONTHS_AND_DAYS: Final = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December|"
    r"Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b"
)
_ORG_WORD: Final = rf"(?:(?!{_MONTHS_AND_DAYS}){_NAMED})"
_ORG: Final = rf"(?:the )?{_ORG_WORD}(?: (?:&|{_ORG_WORD})| (?:of|de|del|for|and|on) {_ORG_WORD})*"
_RULES: Final = (
    (Identifier.ADDRESS, rf"(?<![\w.$/])\d{{1,6}}[A-Z]?(?:-\d+)? (?:{_STREET_WORD} ){{1,5}}?{_KIND}\b\.?", 0.96),
    (Identifier.ADDRESS, r"(?i:(?<![\w.$/])\d{1,6} (?:[a-z0-9'-]+ ){1,3}?(?:street|avenue|ave|blvd|lane|road|court|parkway))\b", 0.8),
    (
        Identifier.ADDRESS,
        r"\b(?i:apt|apartment|suite|ste|unit|piso|flat|bldg|dept|room|rm)\.? ?#?(?P<v>(?:\d{1,5}[A-Z]?|[A-Z]\d{0,4}))\b"
        r"(?! ?(?:mg|ml|units?|of))",
        0.0,
    ),
    (
        Identifier.ADDRESS,
        rf"(?<![\w.$/])\d{{1,6}}[A-Z]? (?:(?:[NSEW]{{1,2}}|North|South|East|West)\.? )?(?:Broadway|(?:Avenue|Ave) [A-Z0-9]\b|"
        rf"(?:Via|rue|Rue|avenue|Rua|Viale|Corso|boulevard|The)(?: (?:de|du|des|della|la|le))* {_NAMED})",
        0.93,
    ),
    (Identifier.ADDRESS, rf"(?<![\w.$/])\d{{2,6}} (?:[NSEW]|NE|NW|SE|SW|North|South|East|West) (?:{_NAMED}|\d{{1,3}}(?:st|nd|rd|th))(?: {_NAMED})?", 0.85),
    (Identifier.ADDRESS, rf"\b(?:Via|Viale|Rua|Rue|Corso|Lungarno)(?: (?:de|du|des|della|la|le))* {_NAMED} \d{{1,4}}\b", 0.9),
    (Identifier.ADDRESS, r"\b\w+(?i:straße|strasse|str\.|weg|platz|allee|gasse|laan|straat) \d{1,4}[a-z]?\b", 0.95),
    (
        Identifier.ADDRESS,
        r"(?<![\w/])(?i:\d{1,6} )?(?:[NSEW]{1,2} )?(?i:hwy|highway|fm|county road|cr|state route|route|rte|interstate|ranch road) ?-?\d{1,4}\b(?: (?:[NSEW]|North|South|East|West)\b)?(?: "
        rf"(?i:{_KIND})\b\.?)?",
        0.92,
    ),
    (Identifier.ZIP, r"\b[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}\b|\b[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d\b", 0.7),
    (Identifier.ADDRESS, rf"\b(?:on|off|at|near|along|down|from|of) (?P<v>(?:[NSEW]\.? )?{_NAMED}(?: {_NAMED})? (?:St|Ave|Rd|Ln|Lane|Road|Drive|Court|Ct|Way|Highway|Hwy|Trail|Circle|Pike|Terrace)\b\.?)", 0.8),
    (Identifier.ADDRESS, rf"\b(?:[Tt]he )?{_NAMED}(?: {_NAMED}){{0,2}} (?:Apartments?|Apts|Estates?|Condos?|Condominiums|Lofts|Residences|Subdivision|Mobile Home Park|Trailer Park|Senior Living|Assisted Living|Nursing Home|Retirement Community|Shelter|Motel|Hotel|Inn)\b", 0.75),
    (Identifier.ADDRESS, rf"\b(?i:trailer|lot|space|bldg|building|casa|depto|int\.?|interior) #?(?P<v>\d{{1,4}}[A-Z]?)(?=,? {_NAMED} (?:{_STATES})\b)", 0.7),
    (Identifier.ADDRESS, r"\b(?i:rr|rural route|star route|hc|hcr) ?\d{1,3},? (?i:box) ?\d{1,5}\b", 0.96),
    (Identifier.ADDRESS, rf"\b\d{{1,3}}(?:st|nd|rd|th) (?:and|&|at) {_NAMED}", 0.85),
    (Identifier.ADDRESS, rf"\b(?i:corner of|cross streets?:?|intersection of) (?P<v>[\w.]+(?: {_NAMED})? (?:and|&) [\w.]+(?: {_KIND}\b)?)", 0.9),
    (Identifier.ADDRESS, rf"\b(?:One|Two|Three|Four|Five) {_NAMED}(?: {_NAMED})? (?:Plaza|Center|Centre|Square|Tower|Place|Park)\b", 0.9),
    (Identifier.ADDRESS, rf"\b(?:{_NAMED} )(?:on|at) \d{{1,3}}(?:st|nd|rd|th) {_KIND}\b", 0.8),
    (Identifier.ADDRESS, rf"\b(?:[NSEW]\.? )?(?:{_STREET_WORD} ){{1,3}}(?:Street|Avenue|Boulevard|Blvd|Parkway|Pkwy)\b", 0.7),
    (
        Identifier.ADDRESS,
        r"(?i:(?<![\w.$/])\d{1,6} (?:[nsew]{1,2}\.? )?(?:(?!\d+ )[a-z0-9'.-]+ ){1,5}?"
        r"(?:street|st|avenue|ave|boulevard|blvd|lane|ln|road|rd|drive|court|terrace|parkway|pkwy|cir|circle|trail|loop|way|place))(?![\w-])",
        0.75,
    ),
    (
        Identifier.ADDRESS,
        rf"\b(?i:address|adresse|direcci[oó]n|staying at|stays at|lives at|living at|resides at|mail to|ship to|deliver to)[: ]{{1,2}}(?P<v>\d{{1,6}} {_NAMED}(?: {_NAMED}){{0,3}})",
        0.85,
    ),
    (Identifier.ADDRESS, r"\b(?i:apt|apartment|unit)\.? ?#?(?:\d{2,5}[A-Z]?|\d[A-Z]|[A-Z]\d{1,4})(?![\w/]|\.\d)(?! ?(?:mg|ml|units?|of))", 0.85),
    (Identifier.ADDRESS, rf"\b(?i:city|town|ciudad|ort|city/state)[:=] {{0,4}}(?P<v>{_NAMED}(?: {_NAMED}){{0,2}})", 0.9),
    (Identifier.ADDRESS, r"\b(?i:p\.? ?o\.? ?box|apartado(?: postal)?|apdo\.?) ?#?\d{1,6}\b", 0.97),
    (
        Identifier.ADDRESS,
        r"(?<!\w)(?:Calle|C/|Cl\.|Avenida|Avda\.?|Av\.|Paseo|P\.º|Carrera|Plaza|Pza\.?|Camino|Calzada|Ronda|Travesía|"
        r"Carretera|Ctra\.?|Colonia|Col\.)(?: (?:[A-ZÁÉÍÓÚÑ][\wÁÉÍÓÚÑáéíóúñ.]*|de|del|la|las|los|el|y|\d{1,3}))+,? "
        r"(?:(?:n\.?º|no\.?|núm\.?|#) ?)?\d{1,5}(?:-\d+)?(?:, ?\d{1,2}º ?\w)?"
        r"(?:,? \d{5} [A-ZÁÉÍÓÚÑ][\wáéíóúñ]+(?: (?:de )?[A-ZÁÉÍÓÚÑ][\wáéíóúñ]+)*)?",
        0.96,
    ),
    (Identifier.ADDRESS, rf"(?<![\w'])(?P<v>{_TOWN}),? (?:{_STATES}|{_DEGREES}),? \d{{5}}(?:-\d{{4}})?\b", 0.95),
    (Identifier.ADDRESS, rf"(?<![\w'])(?P<v>{_TOWN}), (?:{_STATES}|{_STATE_NAMES})\b(?!\.?[A-Z])", 0.85),
    (
        Identifier.ADDRESS,
        r"\b(?i:lives? in|living in|resident of|resides in|moved (?:to|from)|born in|drove from|flew (?:in )?from|"
        r"travel(?:l?ed|s)? from|native of|originally from|located in|visiting from|is from|vive en|reside en|"
        rf"(?:hospital|clinic|er|ed|office|surgery) in|from)[ ,]+(?:the )?(?P<v>{_NAMED}(?: {_NAMED}){{0,2}})",
        0.6,
    ),
    (Identifier.ADDRESS, rf"\b(?P<v>{_NAMED}(?: {_NAMED})?) (?:County|Parish)\b", 0.9),
    (
        Identifier.ADDRESS,
        r"\b(?i:lives?|lived|living|resid(?:es?|ing)|stay(?:s|ing|ed)?|address(?: is|:)|domicilio|vive|reside|house is|home is|mail(?:ed)? to|move(?:d|s)? to|moving to)"
        r"(?: (?i:alone|now|still|currently|permanently|nearby|temporarily))*(?: (?i:at|on|in|off|en|por|to))?:? (?P<v>(?:(?i:the|a|an|unit|apt|room|rm|flat|bldg|barracks|#) ?)?"
        rf"(?:(?=[^\n,.;(]{{0,40}}\d)[^\s,.;(]+(?: (?!(?i:with|and|in|but|w/|since|for|who|where|x|until|alone|by)\b)[^\s,.;(]+){{1,6}}|{_NAMED}(?: (?:of|on|at|the|de|{_NAMED}))*))",
        0.65,
    ),
    (Identifier.ADDRESS, rf"\b(?:Camp|Fort|Ft\.?|Naval (?:Base|Station)|Joint Base|Barracks|Bldg\.?|Building|Dorm|Hall) (?:{_NAMED}|\d{{1,4}})(?: (?:Room|Rm) \d{{1,4}}(?:, {_NAMED} (?:Hall|House))?)?", 0.6),
    (Identifier.ADDRESS, rf"\b(?:[Tt]he )?{_NAMED}(?: {_NAMED}){{0,3}} (?:Inn|Hotel|Motel|Assisted Living|Manor|Villas?|Village|Heights|Park|Terrace|Subdivision|subdivision|Mobile Park|Trailer Court|Towers?|Hall|House)(?: (?:on|at|in) {_NAMED})?\b", 0.55),
    (
        Identifier.ADDRESS,
        r"\b(?i:(?:grew up|raised|nearby|live|lives|works?|school|hotel|home|house|icu|er|ed|hospital|jail|prison|college|family|mother|father|mom|dad|parents|sister|brother|"
        r"wedding|funeral|trip|vacation|stationed|based|practice|practices|office|seen|surgery|done|market|best|hab[ií]a|nearest) (?:is |are |was )?(?:over |up |down |back |out )?in|"
        r"(?:fly|flying|flew|drive|drives|driving|drove|commut\w+|travel\w*|mov(?:e|es|ed|ing)|going|went|trip|relocat\w+|return\w*|visit\w*|traveling|back) (?:\w+ )?(?:in )?(?:to|from)|"
        r"visiting|hails? from|comes? from|came from|calls? from|called from|raised in|who drove \\w+ from|originari[oa] de|natural de|procedente de|oriund[oa] de|nacid[oa] en|desde|radica en|vecin[oa] de|viaj\w+ a|"
        rf"resident of|native of|born in) (?P<v>{_NAMED}(?: {_NAMED}){{0,2}})(?=[,.;:!?)\"\n]| (?:and|with|to|on|for|but|because|since|after|before|who|where|today|last|this|by|w/|every|each|via)\b|$)",
        0.6,
    ),
    # In what, one asks only of words that are no others: neither of the trade nor of every day.
    (Identifier.ADDRESS, rf"\b(?:in|In|from|near|outside|to) (?P<v>{_NAMED}(?: {_NAMED}){{0,2}})(?=[,.;:!?)\"\n]|$)", _IF_STRANGE),
    (Identifier.ZIP, rf"\b(?:{_STATES}|{_DEGREES}|{_STATE_NAMES}),? (?P<v>\d{{5}}(?:-\d{{4}})?)\b", 0.97),
    (Identifier.ZIP, r"\b(?i:zip(?: ?code)?|postal code|c\.?p\.?|código postal)[\s:#]{0,3}(?P<v>\d{5}(?:-\d{4})?)\b", 0.97),
    (Identifier.ZIP, r"(?<![\w-])\d{5}-\d{4}(?![\w-])", 0.7),
    (
        Identifier.EMPLOYER,
        r"\b(?i:work(?:s|ing|ed)? (?:[a-z-]+ ){0,4}?(?:at|for|with)|employed (?:[a-z]+ ){0,3}?(?:at|by|with)|hired (?:at|by)|(?:shifts?|coworkers?|colleagues|boss|hr|reception|desk|career|position) (?:at|with)|(?:owns|runs|manages|founded|ceo of|cfo of|owner of|partner at|president of|vp at|employees? of|insured through|coverage through|retired from)|employer(?: is)?|job (?:at|with)|trabaja en|"
        r"(?:attorney|lawyer|teacher|teaches|engineer|manager|accountant|driver|student|professor|intern|employee|cashier|clerk|server|"
        r"barista|officer|analyst|director|realtor|bartender|pilot|coach|librarian|principal|chef|mechanic|nurse|paralegal|welder|agent|"
        r"secretary|receptionist|foreman|supervisor|pastor|stylist|programmer|developer) (?:at|for|with)|"
        r"(?:stud(?:ied|ies|ying)|enrolled|graduated|goes to school|went to school) (?:at|from)|attends|retired from|laid off (?:from|by)|"
        rf"(?:school|occupation|company|workplace|place of work|firm):)[\s:,]{{1,3}}(?:the )?(?P<v>{_NAMED}(?: (?:&|and|of|{_NAMED}))*)",
        0.9,
    ),
    (
        Identifier.EMPLOYER,
        r"\b(?i:(?:duties|duty|job|shifts?|boxes|nights|days|part[- ]time|full[- ]time|volunteers?|volunteered|serve[sd]?|serving|stationed|teach(?:es|ing)?|taught|"
        r"stud(?:y|ies|ying|ied)(?: \w+)?|interns?|interning|residency|classes|freshman|sophomore|junior|senior|grader|scholarship|practice|exam|off|works?|working|clerks?|cooks?|"
        r"(?:[a-z]{2,}(?:er|or|ist|ian|ant|ent|eer)|rn|lpn|cna|md|emt|ceo|cfo|vp|pa|np|daughter|son|kids?|children|husband|wife|boss|hr)) (?:at|@)|"
        r"(?:models?|drives|trucks|flies|plays|coaches|cooks|sings|writes|codes|consults|contracts|freelances) (?:for|with)|(?:goes|went|going|transferred|enrolled) (?:to|at|in)|"
        r"(?:maestr[oa]|emplead[oa]|enfermer[oa]|trabajador[a]?|cociner[oa]|gerente|secretari[oa]|estudiante|profesor[a]?|cajer[oa]|vendedor[a]?) (?:en|de|del)|"
        r"(?:trabaja|labora|estudia|da clases) (?:en|para)|escuela|"
        rf"(?:lieutenant|sergeant|officer|deputy|owner|founder|president|member|retiree|veteran|alum\w*|graduate) (?:of|from))[ ,:]{{1,2}}(?P<v>{_ORG})",
        0.7,
    ),
    (
        Identifier.EMPLOYER,
        r"(?i:(?m:^|[|\t;,.] ?|  )(?:wk|work|emp|employer|employer group|employer name|occ|occup(?:ation)?|occ hx|job|school|company|workplace|works?|place of (?:work|employment)|"
        rf"prior|previously|formerly|empleador|trabajo|escuela|ocupaci[oó]n)[ ]?[:=|][ ]?(?:[a-z ]{{3,20}}, )?)(?P<v>{_ORG})",
        0.75,
    ),
    (Identifier.EMPLOYER, rf"\b(?i:employed by|hired by|fired by|laid off by|(?:her|his|their) (?:employer|company|school|work|firm),?|prior|retired [a-z]+ ?\(|employee of|contract with) ?(?P<v>{_ORG})", 0.7),
    (Identifier.EMPLOYER, rf"(?:\b[Aa]t|(?<=\s)@) (?P<v>{_ORG})", _IF_STRANGE),
    (
        Identifier.EMPLOYER,
        rf"\b(?!(?:{_NAMED} )*(?:Medical|Medicine|Spa|Skin|Laser|Clinic|Aesthetics?|Dermatology|Surgery|Plastic|Botox|Food|American|Emergency)\b)"
        rf"{_NAMED}(?: (?:&|and|of|{_NAMED})){{0,3}}? {_WORK}(?![\w-])",
        0.6,
    ),
)  # fmt: skip
_COMPILED: Final = tuple((type_, re.compile(pattern), score) for type_, pattern, score in _RULES if score)
_UNIT: Final = re.compile(_RULES[2][1])
_AFTER_STREET: Final = re.compile(
    r"^,? *(?:(?i:apt|apartment|suite|ste|unit|flat|piso)\.? ?#?[\w-]{1,5}|#\d+)"
)
_TOWN_AFTER: Final = re.compile(
    rf"^(?:, ?| in |,? *\n| |\",\"|\^+|\t| ?\| ?|;)(?P<v>{_NAMED}(?: {_NAMED}){{0,2}})(?=[,.\s?\"^|;]|$)"
)
_ZIP_AFTER: Final = re.compile(r"^,? (?P<v>\d{5}(?:-\d{4})?)(?![\w-])")
_KEPT: Final = frozenset(
    {
        "room",
        "botox",
        "mri",
        "ct",
        "bmi",
        "er",
        "or",
        "the",
        "she",
        "he",
        "patient",
        "lot",
        "today",
        "home",
        "tel",
        "next",
        "mommy",
    }
)


def find_places(text: str) -> Iterator[Span]:
    """What rules on places find; spans may overlap."""
    yield from _towns(text)
    for type_, pattern, score in _COMPILED:
        for match in pattern.finditer(text):
            start, end = match.span("v" if "v" in match.groupdict() else 0)
            if text[start:end].removeprefix("the ").split(" ", maxsplit=1)[0].lower() in _KEPT:
                continue
            if (score <= _BY_CUE or type_ is Identifier.EMPLOYER) and not _may_be_one(
                text, start, end, score
            ):
                continue
            yield Span(start, end, type_, score, "rules")
            if type_ is Identifier.ADDRESS and score > 0.9:
                yield from _around(text, end)


def _may_be_one(text: str, start: int, end: int, score: float) -> bool:
    """Whether words can be a place or an employer: none is of the trade, and on weak cues one is in no list."""
    said = [word for word, _, _ in words(fold(text[start:end])) if word not in ("the", "of", "and", "on")]
    if not said or is_medical(text, start, end) or said[0] in lexicon("nowhere"):
        return False
    if any(word in lexicon("products") for word in said):
        return False
    if any(said[0] in lexicon(each) for each in ("trade_words", "labels")):
        return False
    return score > _BY_CUE or _is_no_other(text[start:end], said, score)


def _is_no_other(written: str, said: Sequence[str], score: float) -> bool:
    if said[0] in lexicon("not_names") or said == ["work"]:
        return False
    if score != _IF_STRANGE:
        return True
    return not written.isupper() and (len(said) > 1 or said[0] not in lexicon("ordinary_words"))


_IN: Final = re.compile(
    r"(?:\b(?:in|to|from|near|at|around|outside|of|via|through|hacia|desde|en) |[|,:] ?|\n)\Z", re.IGNORECASE
)


def _towns(text: str) -> Iterator[Span]:
    """Towns of the list; one that is a word or a surname only where a place is spoken of."""
    names = _town_words()
    found = words(fold(text))
    for at, (word, start, end) in enumerate(found):
        for name in names.get(word, ()):
            rest = found[at : at + len(name)]
            if tuple(each for each, _, _ in rest) != name or rest[-1][2] - start > sum(
                map(len, name)
            ) + 2 * len(name):
                continue
            placed = _IN.search(text[max(0, start - 9) : start]) is not None
            capital = text[start].isupper()
            if is_medical(text, start, end):
                continue
            if len(name) > 1 and (capital or placed):
                yield Span(start, rest[-1][2], Identifier.ADDRESS, 0.85, "rules")
            elif len(name) == 1 and (placed or (capital and word not in lexicon("ordinary_words"))):
                ordinary = word in lexicon("ordinary_words")
                if capital or not ordinary:
                    yield Span(start, end, Identifier.ADDRESS, 0.7, "rules")


@cache
def _town_words() -> dict[str, list[tuple[str, ...]]]:
    table: dict[str, list[tuple[str, ...]]] = {}
    for line in phrases("towns"):
        name = tuple(line.split())
        table.setdefault(name[0], []).append(name)
    return table


def _around(text: str, end: int) -> Iterator[Span]:
    """What stands after a street: an apartment, a town, a postal code."""
    tail = text[end : end + 100]
    unit = _AFTER_STREET.match(tail)
    at = unit.end() if unit else 0
    if at:
        lead = len(tail[:at]) - len(tail[:at].lstrip(", "))
        yield Span(end + lead, end + at, Identifier.ADDRESS, 0.93, "rules")
    town = _TOWN_AFTER.match(tail[at:])
    if town and town["v"].split(" ")[0].lower() not in _KEPT:
        yield Span(end + at + town.start("v"), end + at + town.end("v"), Identifier.ADDRESS, 0.75, "rules")
        at += town.end()
    code = _ZIP_AFTER.match(tail[at:])
    if code:
        yield Span(end + at + code.start("v"), end + at + code.end("v"), Identifier.ZIP, 0.95, "rules")
