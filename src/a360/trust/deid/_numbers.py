"""Rules for what is numbered or addressed: each kind by its form, its check digit or the words before it."""

# ruff: noqa: E501, PLR2004, RUF001 -- patterns are read whole; their numbers are the forms of the identifiers

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from a360.trust.deid._checks import (
    digits_of,
    is_card,
    is_code,
    is_dea,
    is_iban,
    is_ip,
    is_npi,
    is_phone,
    is_ssn,
    is_vin,
    today,
)
from a360.trust.deid._spans import Identifier, Span

_CODE: Final = r"(?P<v>(?=[A-Z0-9./-]*\d)[A-Z0-9][A-Z0-9./-]{2,24}[A-Z0-9])"
_FILLER: Final = r"[\s:#.=|]{0,10}(?:(?:is|was|reads?|on|the|of|as|card|file|number|with|id|ending|starting)\b[\s:#]{1,2}){0,3}"
_NO: Final = r"(?:[\s.]{0,2}(?:id|no|num|number|nr|#)(?![a-z]))?"


def _always(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class _Rule:
    """A pattern; where it has a group `v`, that is the identifier, and the rest says what it is."""

    type: Identifier
    pattern: re.Pattern[str]
    score: float
    holds: Callable[[str], bool] = _always


def _rule(type_: Identifier, pattern: str, score: float, holds: Callable[[str], bool] = _always) -> _Rule:
    return _Rule(type_, re.compile(pattern, re.IGNORECASE), score, holds)


_NANP: Final = r"(?<![\w.])(?:\+?1[ .-]?)?(?:\(\d{3}\)\s?|\d{3}[ .\-/])\d{3}[ .\-]\d{4}"
_EXTENSION: Final = r"(?:\s?(?:ext\.?|x|extension)\s?\d{1,5})?(?!\d|-\d)"
_RULES: Final = (
    _rule(Identifier.EMAIL, r"(?<![\w.+-])[\w.+'-]+@[\w-]+(?:\.[\w-]+)+(?<![.-])", 0.99),
    _rule(Identifier.EMAIL, r"\b[\w.+-]+(?: (?:dot|underscore) \w+)* at [\w-]+ dot (?:com|org|net|edu|mx|es|co|us|gov)\b", 0.95),
    _rule(Identifier.DEVICE, r"\b(?:[0-9A-F]{2}[:-]){5}[0-9A-F]{2}\b", 0.95),
    _rule(Identifier.OTHER, r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", 0.95),
    _rule(
        Identifier.OTHER,
        rf"\b(?:ticket|thread|case|badge|employee|emp|student|encounter|visit|accession|specimen|loyalty|rewards?|points|tracking|ups|usps|fedex|dhl|"
        rf"shipment|parcel|booking|reservation|appointment|appt|conf(?:irmation)?|trial|subject|study|user(?:name)?|login|pin|locker|gift ?card|voucher|"
        rf"(?:pre-?)?auth(?:ori[sz]ation)?|prior auth|approval|referral|claims?|rx|prescription|script|docket|cause|permit|caso|folio|expediente|recibo|"
        rf"autorizaci[oó]n|cita|receta|wristband|token|file|matter|incident|event|complaint|report|run|barcode|sample|slide|biopsy|path(?:ology)?|requisition|"
        rf"req|requested|donor|registry|session|key ?fob|check|cheque|transaction|order|unit|club|our ref|your ref|health ref|reference|study instance)"
        rf"(?: (?:id|code|card|ref(?:erence)?))?{_NO}{_FILLER}{_CODE}",
        0.8,
        is_code,
    ),
    _rule(
        Identifier.OTHER,
        r"\b(?:tracking|ups|usps|fedex|dhl|rewards?|loyalty|points|gift ?card|voucher|card)\b[\s:#.]{0,3}(?:(?:no|number|id)\b\.?[\s:#]{0,3})?"
        r"(?P<v>\d{3,4}(?: \d{2,4}){2,6})(?!\d)",
        0.85,
    ),
    # Whatever it numbers: `conf # 719928`, `badge number 4417`.
    _rule(
        Identifier.OTHER,
        r"(?:#|\b(?:no|nr|nbr|num|number|n[uú]mero|n[º°]|id|code|ref)\b[.:#=]{0,2}) ?(?:is )?(?P<v>(?=(?:[A-Z./-]*\d){4})[A-Z0-9]+(?:[./-][A-Z0-9]+)*)(?![\w-])",
        0.7,
        lambda text: len(digits_of(text)) >= 5 or (len(digits_of(text)) == 4 and len(text) > 4),
    ),
    # A number as long as a record's, with nothing that says what it numbers.
    _rule(Identifier.OTHER, r"(?<![\w.$/#,^+-])(?<!\d )\d{7,12}(?![\w/%]|[.,-]\d)", 0.5),
    _rule(Identifier.MRN, r"(?<![\w.$/-])\d{2}-\d{2}-\d{2}(?![\w/-])", 0.6),
    _rule(Identifier.MRN, r"(?:(?m:^)|[\t|\"^]) ?(?P<v>[A-Z]{0,2}-?\d{5,10}) ?(?=[\t|\"^]|(?m:$))", 0.6),
    _rule(Identifier.OTHER, r"\b(?:card|visa|mastercard|amex|discover|debit|account|acct|a/c)\b[^\d\n]{0,24}(?:ending|ends|last (?:4|four))[^\d\n]{0,8}(?P<v>\d{4})\b", 0.9),
    _rule(Identifier.PHONE, r"\b(?:ending|ends|last (?:4|four)(?: digits)?)(?: in| with| of)?[\s:#x*]{1,6}(?P<v>\d{3,4})\b(?!\s?(?:days|weeks|months|minutes))", 0.75),
    _rule(Identifier.PHONE, r"\b(?:ext\.?|extension|pager|beeper|pgr|pgd @|paged @|p:)[\s:#]{0,2}(?P<v>\d{3,6})(?![\d/%-]|\.\d)", 0.7, lambda text: len(text) >= 3),
    _rule(
        Identifier.OTHER,
        r"\b(?:user ?name|screen ?name|handle|login|log-?in|ig|insta(?:gram)?|tik ?tok|snap(?:chat)?|twitter|venmo|cash ?app|zelle|telegram|whatsapp|"
        r"discord|reddit|poshmark|usuario)(?:[ :=]+(?:is|name|handle|id|as|account|at))*['’s]{0,2}[\s:=\"“(]{1,3}"
        r"(?P<v>(?=[\w.-]*[\d._])(?=[\w.-]*[a-z])[\w.-]{4,30}\w)",
        0.85,
    ),
    _rule(Identifier.URL, r"(?<![\w@./-])[a-z0-9][\w-]+(?:\.[a-z][\w-]+)+/(?=[^\s<>\"']{3})[^\s<>\"']*[\w/]", 0.8),
    _rule(Identifier.DEVICE, r"(?<![\w.-])\d{7,8}-\d{3}(?![\w-])", 0.7),
    _rule(Identifier.DEVICE, rf"\b(?:serial|ser|s/?n|sn)\.?{_NO}[\s:#]{{0,3}}(?:r|l|right|left|od|os)[\s:#]{{1,2}}{_CODE}", 0.9, lambda text: len(digits_of(text)) >= 3),
    _rule(
        Identifier.AGE,
        r"\b(?:born|b\.|nacid[oa]|yob|birth ?year|year of birth|n[eé]e?)(?: (?:in|en|on|el|around|circa))?[\s:]{1,2}(?:\w+ )?(?P<v>(?:18|19)\d\d)\b(?![-/])",
        0.85,
        lambda text: int(text) <= today().year - 90,
    ),
    _rule(
        Identifier.AGE,
        r"\b(?:age[ds]?|edad)\b[\s:=|,]{0,4}(?:is |of )?(?P<v>9\d|10\d|11[0-5])(?![\w/%:-]|\.\d)",
        0.85,
    ),
    _rule(
        Identifier.OTHER,
        r"(?<![\w./$-])(?=[A-Z0-9-]*[A-Z])(?=(?:[A-Z-]*\d){5})[A-Z0-9]{2,}(?:-[A-Z0-9]+)*(?![\w-])",
        0.5,
        lambda text: len(text) >= 8 and text.isupper(),
    ),
    _rule(Identifier.EMAIL, r"(?<![\w.+-])[\w.+-]+ ?(?:\[at\]|\(at\)) ?[\w-]+ ?(?:\.|\[dot\]|\(dot\)) ?\w{2,6}", 0.95),
    _rule(Identifier.URL, r"\b(?:https?://|ftp://|www\.)[^\s<>\"']+[\w/]", 0.99),
    _rule(
        Identifier.URL,
        r"(?<![\w@.])(?:[a-z0-9-]+\.)+(?:com|org|net|io|health|clinic|me|co|info|es|mx)(?:/[^\s<>\"']*[\w/])?(?![\w@])",
        0.85,
    ),
    _rule(Identifier.IP, r"(?<![\w.])(?<!ver )(?<!version )(?<!v)(?:\d{1,3}\.){3}\d{1,3}(?!\w|\.\w)", 0.95, is_ip),
    _rule(Identifier.IP, r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", 0.95, is_ip),
    _rule(Identifier.SSN, r"(?<![\w-])\d{3}-\d{2}-\d{4}(?![\w-])", 0.98, is_ssn),
    _rule(Identifier.SSN, r"(?<![\w-])\d{3}[- ]\d{2}[- ]\d{4}(?![\w-])", 0.65),
    _rule(Identifier.SSN, r"\b(?:ssn|soc(?:ial)? sec\w*|ss ?#|itin)[^\d\n]{0,24}(?P<v>\d{3}[- ]?\d{2}[- ]?\d{4})(?!\d)", 0.98),
    _rule(Identifier.SSN, r"\b(?:ssn|social)[^\d\n]{0,24}(?:ending|last (?:4|four))[^\d\n]{0,8}(?P<v>\d{4})\b", 0.9),
    _rule(Identifier.PHONE, _NANP + _EXTENSION, 0.95, lambda text: is_phone(re.split(r"(?i)e?x", text)[0])),
    _rule(Identifier.PHONE, _NANP + _EXTENSION, 0.6),
    _rule(Identifier.PHONE, r"(?<![\w.])\(?[2-9]\d{2}\)? ?[-./] ?[2-9]\d{2} ?[-. ] ?\d{4}(?!\d)", 0.8),
    _rule(Identifier.PHONE, r"(?<![\w.])(?:00|011)[ -]?[1-9]\d{0,2}(?:[ -]?\d{2,5}){2,4}(?!\d)", 0.85),
    _rule(
        Identifier.PHONE,
        r"\b(?:(?:zero|oh|one|two|three|four|five|six|seven|eight|nine|double)[ ,-]{1,2}){6,}(?:zero|oh|one|two|three|four|five|six|seven|eight|nine)\b",
        0.9,
    ),
    _rule(Identifier.SSN, r"(?<![\w*])[x*•#]{3}-?[x*•#]{2}-?\d{4}\b", 0.9),
    _rule(Identifier.PHONE, r"(?<![\w.+-])\+\d{1,3}[ .-]?(?:\(?\d{1,4}\)?[ .-]?){2,5}\d{2,4}(?!\d)", 0.95),
    _rule(Identifier.LICENCE, r"(?<![\w.$-])[12]\d{9}(?![\w-])", 0.8, is_npi),
    _rule(Identifier.PHONE, r"(?<![\w.$-])1?[2-9]\d{2}[2-9]\d{6}(?![\w-])", 0.8, is_phone),
    _rule(
        Identifier.PHONE,
        r"\b(?:phone|ph|tel|telephone|tlf|tel[eé]fono|m[oó]vil|cell|mobile|call(?:ed|back)?|text|home|work|number|at)"
        r"\b[^\d\n]{0,16}(?P<v>\+?\(?\d[\d ().-]{5,18}\d)(?![\d%]|\s?(?:mg|ml|units?|cc|nm|j)\b)",
        0.8,
        lambda text: 7 <= len(digits_of(text)) <= 15,
    ),
    _rule(Identifier.PHONE, r"(?<![\w.$/#-])[2-9]\d{2}[-.][0-9]{4}(?![\w/-]|\.\d)", 0.6),
    _rule(Identifier.OTHER, r"(?<![\w.@/])@(?=[\w.]*[a-z])[\w.]{2,29}\w", 0.9),
    _rule(Identifier.ACCOUNT, r"(?<![\w.$/#-])\d{2,4}-\d{5,9}(?:-\d{1,3})?(?![\w-])", 0.6),
    _rule(Identifier.BIOMETRIC, r"\b(?:FP|BIO|IRIS|FACE|VOICE|PALM|RETINA)-?\d{4,}(?:-\d+)*\b", 0.85),
    _rule(Identifier.OTHER, r"\b(?:no|nr|num|number|id)[.:#]{0,2} (?P<v>[A-Z]{0,3}-?\d{5,12})(?![\w-])", 0.75),
    _rule(
        Identifier.MRN,
        rf"\b(?:mrn|mr ?#|med(?:ical)?\.? rec(?:ord)?|chart|patient|pt|hospital|record)(?:[\s.]{{0,2}}id|[\s.]{{0,2}}"
        rf"(?:no|num|number)\.?| ?#)?(?: band)?{_FILLER}{_CODE}",
        0.95,
        lambda text: len(digits_of(text)) >= 4,
    ),
    _rule(
        Identifier.INSURANCE,
        rf"\b(?:policy|member(?:ship)?|subscriber|insurance|ins|group|grp|medicare|medicaid|mbi|hicn|plan|claim|"
        rf"beneficiary|p[oó]liza|payer)(?: (?:id|no|num|number))?(?:[\s.]{{0,2}}#)?{_FILLER}{_CODE}",
        0.93,
        lambda text: len(digits_of(text)) >= 4,
    ),
    _rule(Identifier.INSURANCE, r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?"
          r"[AC-HJKMNP-RT-Y]{2}\d{2}\b", 0.95),
    _rule(Identifier.ACCOUNT, r"(?<![\w.-])(?:\d[ -]?){12,18}\d(?![\w-])", 0.97, is_card),
    _rule(Identifier.ACCOUNT, r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", 0.97, is_iban),
    _rule(
        Identifier.ACCOUNT,
        rf"\b(?:account|acct|a/c|invoice|inv|routing|iban|card|receipt|order|confirmation|cuenta)\.?{_NO}"
        rf"[\s,:#.=]{{0,4}}(?:is |was )?{_CODE}",
        0.93,
        lambda text: len(digits_of(text)) >= 4,
    ),
    _rule(Identifier.LICENCE, r"\b[ABCDEFGHJKLMPRSTUX][A-Z9]\d{7}\b", 0.95, is_dea),
    _rule(
        Identifier.LICENCE,
        rf"\b(?:licen[cs]e|lic|dl|d/l|dea|npi|certificate|cert|credential|passport|pasaporte|dni|nie|upin)\.?"
        rf"{_NO}{_FILLER}(?:[A-Z]{{2}} )?{_CODE}",
        0.93,
        lambda text: len(digits_of(text)) >= 4,
    ),
    _rule(
        Identifier.INSURANCE,
        rf"\b(?:aetna|cigna|bcbs|blue ?cross|united ?health\w*|uhc|humana|kaiser|anthem|tricare|medicaid|medicare|molina|ambetter|oscar)"
        rf"(?: (?:ppo|hmo|epo|plan|id|member|policy|group))*{_FILLER}{_CODE}",
        0.85,
        lambda text: len(digits_of(text)) >= 5,
    ),
    _rule(Identifier.PHOTO, r"\b(?:IMG|DSC|DSCN|PXL|MVI|VID|DCIM|P10)[ _-]?\d{3,}\w*", 0.9),
    _rule(
        Identifier.AGE,
        r"\b(?P<v>ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?|(?:a|one) hundred(?:[ -](?:and )?(?:one|two|three|four|five|six))?|"
        r"noventa(?: y \w+)?)[ -]?(?:year|yr|y/o|años)",
        0.95,
    ),
    _rule(
        Identifier.AGE,
        r"\b(?:aged?|is|turn(?:s|ed|ing)?|age of|edad)[\s:]{1,2}(?P<v>ninety(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?)\b(?! (?:days|minutes|percent|degrees))",
        0.9,
    ),
    _rule(
        Identifier.AGE,
        r"\b(?:ninety[ -](?:one|two|three|four|five|six|seven|eight|nine)|(?:a|one) hundred (?:and )?(?:one|two|three|four|five|six|seven|eight))\b"
        r"(?! (?:percent|degrees|minutes|seconds|days|dollars|units?|over|mil))",
        0.5,
    ),
    _rule(
        Identifier.AGE,
        r"(?<!sats )(?<!hr )(?<!pulse )(?<!rate )(?<!temp )\b(?:at|is|was|now|about|almost|nearly|already|only|age\W{1,6})\s(?P<v>9\d|10\d|11[0-5])"
        r"(?=[,;.)!?](?!\d)|\s(?:and|but|who|now|this|in|next|when|or|with|year)\b)(?!\s?(?:%|bpm|mm))",
        0.45,
    ),
    _rule(Identifier.AGE, r"\bage\b\W{1,6}(?P<v>9\d|10\d|11[0-5])(?![\d/.%:-])", 0.85),
    _rule(Identifier.AGE, r"\b(?:nonagenarian|centenarian)\b|\b(?:early |mid |late |mid-)?(?P<v>90['’]?s|nineties)\b(?! (?:%|bpm|sat))", 0.6),
    _rule(Identifier.AGE, r"(?<![\w./$-])(?P<v>9\d|10\d|11[0-5])[ -]?(?:[mf]\b|y\.? ?o\.?(?!\w)|yo[mf]?\b|yrs?\b|year|a[nñ]os|j[aä]hr)", 0.9),
    _rule(Identifier.AGE, r"\b(?:turn(?:s|ed|ing)|just turned|birthday:?|age|aged|edad)\W{1,2}(?P<v>9\d|10\d|11[0-5])(?![\d/.%:]|\s?(?:mg|ml|u|units?|mm|cm))", 0.85),
    _rule(Identifier.AGE, r"\b(?P<v>9\d|10\d)(?:st|nd|rd|th) birthday\b", 0.95),
    _rule(
        Identifier.DEVICE,
        rf"\b(?:serial|ser|s/?n|sn|device id|udi|imei|mac)\.?{_NO}{_FILLER}{_CODE}",
        0.93,
        lambda text: len(digits_of(text)) >= 3,
    ),
    _rule(Identifier.DEVICE, r"\(01\)\d{14}(?:\(\d{2}\)[\w-]+)*", 0.95),
    _rule(Identifier.VEHICLE, r"\b[A-HJ-NPR-Z0-9]{17}\b", 0.95, is_vin),
    _rule(Identifier.VEHICLE, rf"\bvin{_NO}{_FILLER}(?P<v>[A-HJ-NPR-Z0-9]{{11,17}})\b", 0.95),
    _rule(
        Identifier.VEHICLE,
        r"\b(?:(?:licen[cs]e )?plates?|tag|matr[ií]cula|registration|reg|vehicle|car|truck|van)(?: no| number|#)?"
        r"[\s:#]{1,3}(?:is )?(?P<v>(?=[A-Z0-9 -]{0,8}\d)[A-Z0-9]{1,4}[ -]?[A-Z0-9]{2,4}(?:[ -]?[A-Z0-9]{1,3})?)\b",
        0.9,
    ),
    _rule(
        Identifier.BIOMETRIC,
        r"\b(?:fingerprint|finger|biometric|iris|retina\w*|voice ?print|palm|face ?(?:print|id)|template)(?: \w+){0,3}?"
        + _FILLER + _CODE,
        0.93,
    ),
    _rule(
        Identifier.PHOTO,
        r"(?<![\w/])[\w\-+]+(?:\.[\w-]+)*\.(?:jpe?g|png|heic|heif|tiff?|gif|bmp|webp|dcm|mp4|mov|avi|raw|cr2|nef|arw|dng|psd|pdf|docx?|xlsx?|csv|zip|m4a|wav|mp3|txt)\b",
        0.97,
    ),
    _rule(
        Identifier.AGE,
        r"\b(?:aged?|age of|edad)[\s:]{0,2}(?P<v>(?:9\d|1[0-2]\d))(?![\d/.%]|\s?(?:mg|ml|units?|mm|cm))",
        0.95,
    ),
    _rule(
        Identifier.AGE,
        r"\b(?P<v>(?:9\d|1[0-2]\d))[ -]?(?:y/?o\b|yrs?\b|years?[ -]?(?:old|of age)|a[nñ]os\b|yr[ -]old)",
        0.95,
    ),
)  # fmt: skip
# What is one of these whatever stands before it.
_SPEAKS: Final = frozenset({Identifier.EMAIL, Identifier.URL})
_FAX: Final = re.compile(r"\bfax\w*\b[^\d\n|]{0,24}$", re.IGNORECASE)
_NOT_A_PERSONS: Final = re.compile(
    r"\b(?:lot|(?<!our )(?<!your )(?<!health )(?<!claim )(?<!case )(?<!file )ref|exp|batch|ndc|cpt|icd(?:-10)?|loinc|snomed|hcpcs|path|catalog|cat|ver|version|ndc|gtin|sku|bates|drg)(?: no\.?| number)?\W{0,4}$",
    re.IGNORECASE,
)


def is_of_a_thing(text: str, start: int) -> bool:
    """Whether the word before a number says that it is a lot's, a product's or a code system's."""
    return _NOT_A_PERSONS.search(text, max(0, start - 24), start) is not None


def find_numbers(text: str) -> Iterator[Span]:
    """What rules on numbers, codes and addresses of the network find; spans may overlap."""
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            start, end = match.span("v" if "v" in match.groupdict() else 0)
            before = text[max(0, start - 40) : start]
            if not rule.holds(text[start:end]) or (rule.type not in _SPEAKS and is_of_a_thing(text, start)):
                continue
            fax = rule.type is Identifier.PHONE and _FAX.search(before)
            yield Span(start, end, Identifier.FAX if fax else rule.type, rule.score, "rules")
