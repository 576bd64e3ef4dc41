"""Notes with planted identifiers: templates filled from a seed, with the place and type of each identifier.

A template is text with slots: `{kind.form}` plants an identifier, `{!words}` marks words that look like one
and are none, `{~words}` or `{~{kind}}` words that nobody is asked about (a state, a title). The held-out set
was written before any rule of `a360.trust.deid` and is never tuned on; `development/` is there for that,
and `development_2/`, by another author.
`held_out_2/` came later, written without sight of the rules or of what they find, and is not tuned on either.
A set's `values.yaml` may bring its own people (`sexes`, for one file where it must; `kin`, who share the
patient's origin), names that go together (`origins`), ways to write a name (`forms`) or a date (`dates`), and
kinds of slot (`patterns`: `#` a digit, `@` a capital, `<list>` one of a list, `<person.form>` a name; with
`keep`, the same value throughout a note).
"""

import calendar
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
HARD_NEGATIVE, IGNORED = "HARD_NEGATIVE", "IGNORED"
_SLOT = re.compile(r"\{~\{([^{}]+)\}\}|\{([!~]?)([^{}]+)\}")
_PART = re.compile(r"<([^<>]+)>")
_TITLE = re.compile(r"Mrs?\.? |Ms\.? ")
_PEOPLE = ("patient", "relative", "relative2", "doctor", "doctor2", "nurse", "staff", "friend")
_MONTHS, _DAYS = list(calendar.month_name)[1:], list(calendar.day_name)
_MESES = [
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
]  # fmt: skip
_SPOKEN = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth",
]  # fmt: skip
_TENS = {4: "forty", 5: "fifty", 6: "sixty", 7: "seventy", 8: "eighty", 9: "ninety"}


@dataclass(frozen=True, slots=True)
class Planted:
    """A stretch of a note, in characters, and what it is."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Note:
    """A filled template, what was planted in it, and what the vault knows of its patient."""

    template: str
    patient_key: str
    text: str
    planted: tuple[Planted, ...]
    known: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Filling:
    """The values of one note."""

    dice: random.Random
    values: Mapping[str, Any]
    stem: str = ""
    people: dict[str, tuple[str, str]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    known: list[tuple[str, str]] = field(default_factory=list)

    def pick(self, name: str) -> str:
        return self.dice.choice(list(self.values[name]))

    def digits(self, pattern: str) -> str:
        """`#` a digit, `@` a capital; anything else as it stands."""
        letters = "ABCDEFGHJKLMNPRSTUVWXYZ"
        return "".join(
            self.dice.choice("0123456789" if each == "#" else letters) if each in "#@" else each
            for each in pattern
        )

    def person(self, who: str) -> tuple[str, str]:
        if who not in self.people:
            sexes, pool = self.values.get("sexes", {}), self._pool(who)
            sex = sexes.get(f"{self.stem}.{who}") or sexes.get(who) or self.dice.choice(["women", "men"])
            used = {given for given, _ in self.people.values()} if "origins" in self.values else set()
            given = self.dice.choice([each for each in pool[sex] if each not in used] or list(pool[sex]))
            self.people[who] = (given, self.dice.choice(list(pool["families"])))
        return self.people[who]

    def _pool(self, who: str) -> Mapping[str, Any]:
        """The names to choose from: the patient's kin are named as people are where the patient is from."""
        if "origins" not in self.values:
            return self.values
        key = "origin patient" if who in self.values["kin"] else f"origin {who}"
        if key not in self.kept:
            self.kept[key] = self.dice.choice(list(self.values["origins"]))
        return self.values["origins"][self.kept[key]]

    def learn(self, kind: str, value: str, share: float) -> None:
        """Put a value into the vault's row, for a share of the patients."""
        if self.dice.random() < share:
            self.known.append((kind, value))


def notes(name: str, *, draws: int, seed: int = 20261123) -> Iterator[Note]:
    """Each template of a set, filled `draws` times."""
    values = yaml.safe_load((HERE / name / "values.yaml").read_text(encoding="utf-8"))
    for path in sorted((HERE / name).glob("*.txt")):
        templates = path.read_text(encoding="utf-8").removesuffix("=====\n").split("\n=====\n")
        for number, template in enumerate(templates):
            for draw in range(draws):
                label = f"{path.stem}-{number}"
                filling = _Filling(random.Random(f"{seed} {name} {label} {draw}"), values, path.stem)
                yield _fill(label, f"{label}-{draw}", template.strip("\n"), filling)


def _fill(label: str, patient_key: str, template: str, filling: _Filling) -> Note:
    given, family = filling.person("patient")
    filling.known.append(("name", f"{given} {family}"))
    text, planted, length, last = [], [], 0, 0
    for slot in _SLOT.finditer(template):
        plain = template[last : slot.start()]
        kind, value = _slot(slot, filling)
        start = length + len(plain)
        title = _TITLE.match(value) if kind == "NAME" else None
        if title:
            planted.append(Planted(start, start + title.end(), IGNORED))
        planted.append(Planted(start + (title.end() if title else 0), start + len(value), kind))
        text += [plain, value]
        length, last = start + len(value), slot.end()
    text.append(template[last:])
    return Note(label, patient_key, "".join(text), tuple(planted), tuple(filling.known))


def _slot(slot: re.Match[str], filling: _Filling) -> tuple[str, str]:
    nested, mark, words = slot.groups()
    if nested:
        return IGNORED, _value(nested, filling)[1]
    if mark:
        return (HARD_NEGATIVE if mark == "!" else IGNORED), words
    return _value(words, filling)


def _value(words: str, filling: _Filling) -> tuple[str, str]:
    kind, _, form = words.partition(".")
    own = filling.values.get("patterns", {}).get(words)
    if own:
        if words in filling.kept:
            return own["type"], filling.kept[words]
        make = partial(_pattern, own["any"])
        made = _often(own["vault"], make, filling) if "vault" in own else make(filling)
        if own.get("keep"):
            filling.kept[words] = made
        return own["type"], made
    if kind in _PEOPLE or kind in filling.values.get("sexes", {}):
        if form in filling.values.get("forms", {}):
            return "NAME", _pattern([filling.values["forms"][form]], filling, kind)
        return "NAME", _NAMES[form](_Named(*filling.person(kind), filling))
    if kind in ("date", "dob"):
        return "DATE", _date(filling, form, birth=kind == "dob")
    type_, make = _MAKERS[words]
    return type_, make(filling)


@dataclass(frozen=True, slots=True)
class _Named:
    """A person as a note may call them."""

    given: str
    family: str
    filling: _Filling

    def typo(self) -> str:
        """The full name with two neighbours of the family's letters swapped, or one left out."""
        family, dice = self.family, self.filling.dice
        at = dice.randrange(1, len(family) - 1)
        swapped = family[:at] + family[at + 1] + family[at] + family[at + 2 :]
        return f"{self.given} {dice.choice([swapped, family[:at] + family[at + 1 :]])}".lower()

    def slip(self, word: str) -> str:
        """A word with one of its letters doubled, or left out."""
        at = self.filling.dice.randrange(1, len(word) - 1)
        return self.filling.dice.choice([word[:at] + word[at] + word[at:], word[:at] + word[at + 1 :]])

    def initials(self, after: str) -> str:
        return "".join(part[0].upper() + after for part in (self.given, self.family))

    def title(self) -> str:
        return self.filling.dice.choice(["Ms. ", "Mrs. ", "Ms "])


_NAMES: dict[str, Callable[[_Named], str]] = {
    "full": lambda it: f"{it.given} {it.family}",
    "given": lambda it: it.given,
    "family": lambda it: it.family,
    "last_first": lambda it: f"{it.family}, {it.given}",
    "upper": lambda it: f"{it.given} {it.family}".upper(),
    "lower": lambda it: f"{it.given} {it.family}".lower(),
    "family_lower": lambda it: it.family.lower(),
    "family_upper": lambda it: it.family.upper(),
    "given_upper": lambda it: it.given.upper(),
    "upper_last_first": lambda it: f"{it.family}, {it.given}".upper(),
    "title_family": lambda it: f"{it.title()}{it.family}",
    "title_full": lambda it: f"Mrs. {it.given} {it.family}",
    "family_initial": lambda it: f"{it.family[0]}.",
    "initials": lambda it: it.initials(""),
    "initials_dots": lambda it: it.initials("."),
    "nick": lambda it: it.filling.values["nicknames"].get(it.given, it.given[:3]),
    "typo": _Named.typo,
    "spelled": lambda it: "-".join(letter for letter in it.family.upper() if letter.isalpha()),
    "given_lower": lambda it: it.given.lower(),
    "given_typo": lambda it: it.slip(it.given),
    "family_typo": lambda it: it.slip(it.family),
    "given_initial": lambda it: f"{it.given} {it.family[0]}",
    "initial_family": lambda it: f"{it.given[0]}. {it.family}",
    "initial_family_lower": lambda it: f"{it.given[0]} {it.family}".lower(),
    "middle": lambda it: f"{it.given} {it.filling.digits('@')}. {it.family}",
    "last_first_middle_upper": lambda it: f"{it.family}, {it.given} {it.filling.digits('@')}".upper(),
    "family_upper_given": lambda it: f"{it.family.upper()} {it.given}",
    "two_families": lambda it: f"{it.given} {it.family} {it.filling.pick('families')}",
    "hyphenated": lambda it: f"{it.given} {it.family}-{it.filling.pick('families')}",
    "nick_family": lambda it: f"{it.filling.values['nicknames'].get(it.given, it.given[:3])} {it.family}",
    "nick_lower": lambda it: it.filling.values["nicknames"].get(it.given, it.given[:3]).lower(),
    "joined": lambda it: re.sub(r"\W", "", f"{it.given}{it.family}").lower(),
    "doubled": lambda it: f"{it.given} {it.filling.pick('women')} {it.family}",
}


def _pattern(patterns: Sequence[str], filling: _Filling, who: str = "") -> str:
    """One of a set's own patterns, filled; a form of a name takes the parts of one person's."""
    made = filling.digits(filling.dice.choice(patterns))
    return _PART.sub(lambda part: _part(part[1], filling, who), made)


def _part(words: str, filling: _Filling, who: str) -> str:
    source, *changes = words.split("|")
    kind, _, form = source.partition(".")
    if form or who:
        made = _NAMES[form or source](_Named(*filling.person(kind if form else who), filling))
    else:
        made = filling.pick(source)
    for change in changes:
        made = _CHANGES[change](made, filling.dice)
    return made


def _slug(name: str) -> str:
    """A name as addresses and file names have it."""
    plain = unicodedata.normalize("NFKD", name.replace("ł", "l").replace("Ł", "L"))
    return re.sub(r"\W", "", plain.encode("ascii", "ignore").decode()).lower()


def _misheard(name: str, dice: random.Random) -> str:
    """A name with one letter doubled, or left out where enough are left."""
    at = dice.choice([place for place in range(1, len(name)) if name[place].isalpha()])
    heard = [f"{name[:at]}{name[at]}{name[at:]}", f"{name[:at]}{name[at + 1 :]}"]
    return dice.choice(heard if len(name) > 4 else heard[:1])


_CHANGES: dict[str, Callable[[str, random.Random], str]] = {
    "lower": lambda words, _: words.lower(),
    "upper": lambda words, _: words.upper(),
    "first": lambda words, _: words[0],
    "slug": lambda words, _: _slug(words),
    "misheard": _misheard,
}


def _own_date(day: date, form: str, pattern: str) -> str:
    """A date as a set's own `dates` write it; a form named so is in lower or in upper case."""
    made = pattern.format(
        d=day.day, dd=f"{day:%d}", o=_ordinal(day.day), spoken=_SPOKEN[(day.day - 1) % 20],
        m=day.month, mm=f"{day:%m}", mon=_MONTHS[day.month - 1][:3], month=_MONTHS[day.month - 1],
        yy=f"{day:%y}", year=day.year, wd=_DAYS[day.weekday()][:3], weekday=_DAYS[day.weekday()],
        later="{0.month}/{0.day}".format(day + timedelta(5)),
    )  # fmt: skip
    return made.lower() if form.endswith("_lower") else made.upper() if form.endswith("_upper") else made


def _date(filling: _Filling, form: str, *, birth: bool) -> str:
    if birth:
        if "dob" not in filling.kept:
            born = date(1940, 1, 1) + timedelta(filling.dice.randrange(23_000))
            filling.kept["dob"] = born.isoformat()
            filling.known.append(("date", born.isoformat()))
        day = date.fromisoformat(filling.kept["dob"])
    else:
        day = date(2022, 1, 1) + timedelta(filling.dice.randrange(1_700))
    own = filling.values.get("dates", {})
    return _own_date(day, form, own[form]) if form in own else _DATES[form](day)


def _ordinal(day: int) -> str:
    return f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


def _spoken(day: date) -> str:
    number = _SPOKEN[day.day - 1] if day.day <= 20 else _ordinal(day.day)
    units = ["", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    if not 1940 <= day.year < 2000:
        return f"{_MONTHS[day.month - 1]} the {number}, {day.year}"
    tail = "-".join(filter(None, [_TENS[day.year % 100 // 10], units[day.year % 10]]))
    return f"{_MONTHS[day.month - 1]} the {number}, nineteen {tail}"


_DATES: dict[str, Callable[[date], str]] = {
    "us": lambda day: f"{day:%m/%d/%Y}",
    "us2": lambda day: f"{day.month}/{day.day}/{day:%y}",
    "iso": lambda day: day.isoformat(),
    "long": lambda day: f"{_MONTHS[day.month - 1]} {day.day}, {day.year}",
    "longord": lambda day: f"{_MONTHS[day.month - 1]} {_ordinal(day.day)}, {day.year}",
    "eu": lambda day: f"{day.day} {_MONTHS[day.month - 1]} {day.year}",
    "dashmon": lambda day: f"{day.day:02d}-{_MONTHS[day.month - 1][:3]}-{day.year}",
    "md": lambda day: f"{day.month}/{day.day}",
    "monthday": lambda day: f"{_MONTHS[day.month - 1]} {day.day}",
    "monthdayord": lambda day: f"{_MONTHS[day.month - 1]} {_ordinal(day.day)}",
    "my": lambda day: f"{_MONTHS[day.month - 1]} {day.year}",
    "abbr": lambda day: f"{_MONTHS[day.month - 1][:3]} {day.day}",
    "compact": lambda day: f"{day:%Y%m%d}",
    "dot": lambda day: f"{day.day:02d}.{day.month:02d}.{day.year}",
    "spanish": lambda day: f"{day.day} de {_MESES[day.month - 1]} de {day.year}",
    "spanish_short": lambda day: f"{day.day} de {_MESES[day.month - 1]}",
    "weekday": lambda day: f"{_DAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}",
    "spoken": _spoken,
    "us_dash": lambda day: f"{day:%m-%d-%Y}",
    "us_dots": lambda day: f"{day.month}.{day.day}.{day:%y}",
    "eu_slash": lambda day: f"{day:%d/%m/%Y}",
    "iso_slash": lambda day: f"{day:%Y/%m/%d}",
    "abbr_year": lambda day: f"{_MONTHS[day.month - 1][:3]} {day.day}, {day.year}",
    "abbr_dot": lambda day: f"{_MONTHS[day.month - 1][:3]}. {day.day}, {day.year}",
    "eu_abbr": lambda day: f"{day.day} {_MONTHS[day.month - 1][:3]} {day:%y}",
    "daymonth": lambda day: f"{day.day} {_MONTHS[day.month - 1]}",
    "my_abbr": lambda day: f"{_MONTHS[day.month - 1][:3]} {day.year}",
    "my_tick": lambda day: f"{_MONTHS[day.month - 1][:3]} '{day:%y}",
    "my_slash": lambda day: f"{day.month}/{day.year}",
    "upper": lambda day: f"{_MONTHS[day.month - 1]} {day.day}, {day.year}".upper(),
    "dashmon_upper": lambda day: f"{day.day:02d}{_MONTHS[day.month - 1][:3]}{day.year}".upper(),
    "lower": lambda day: f"{_MONTHS[day.month - 1]} {_ordinal(day.day)}".lower(),
    "the_of": lambda day: f"the {_ordinal(day.day)} of {_MONTHS[day.month - 1]}",
    "stamp": lambda day: f"{day.isoformat()}T",
    "weekday_short": lambda day: f"{_DAYS[day.weekday()][:3]} {day.month}/{day.day}",
}


def _kept(name: str, kind: str, make: Callable[[_Filling], str], filling: _Filling) -> str:
    """The patient's own, the same throughout a note, and in the vault."""
    if name not in filling.kept:
        filling.kept[name] = make(filling)
        filling.learn(kind, filling.kept[name], 1.0 if name == "mrn" else 0.7)
    return filling.kept[name]


def _often(kind: str, make: Callable[[_Filling], str], filling: _Filling) -> str:
    """A fresh one, which the vault knows sometimes."""
    value = make(filling)
    filling.learn(kind, value, 0.35)
    return value


def _card(filling: _Filling) -> str:
    body = filling.digits("4##############")
    total = sum(
        sum(divmod(2 * int(digit), 10)) if place % 2 == 0 else int(digit) for place, digit in enumerate(body)
    )
    full = f"{body}{-total % 10}"
    return filling.dice.choice([full, " ".join(full[at : at + 4] for at in range(0, 16, 4))])


def _npi(filling: _Filling) -> str:
    body = filling.digits("1########")
    total = 24 + sum(
        int(digit) if place % 2 else sum(divmod(2 * int(digit), 10)) for place, digit in enumerate(body)
    )
    return f"{body}{-total % 10}"


def _dea(filling: _Filling) -> str:
    body = filling.digits("######")
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    return f"{filling.dice.choice('ABFM')}{filling.digits('@')}{body}{(odd + 2 * even) % 10}"


def _vin(filling: _Filling) -> str:
    body = filling.digits("1HGCM@@#0#@######")
    return _with_vin_check(body)


def _with_vin_check(body: str) -> str:
    """Put the check digit (49 CFR 565.15) in its ninth place."""
    worth = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum(
        weight * (worth[each] if each in worth else int(each))
        for weight, each in zip(weights, body, strict=True)
    )
    return f"{body[:8]}{'X' if total % 11 == 10 else total % 11}{body[9:]}"


def _ssn(separator: str, filling: _Filling) -> str:
    dice = filling.dice
    parts = f"{dice.randrange(1, 650):03d}", f"{dice.randrange(1, 100):02d}", f"{dice.randrange(1, 9999):04d}"
    return separator.join(parts)


def _phone(pattern: str, filling: _Filling) -> str:
    dice = filling.dice
    area = f"{dice.choice('2345679')}{dice.choice('01234567')}{dice.choice('23456789')}"
    local = f"{dice.choice('23456789')}{filling.digits('##')}"
    return filling.digits(pattern.replace("AAA", area).replace("LLL", local))


def _email(filling: _Filling, who: str) -> str:
    given, family = filling.person(who)
    plain = f"{given}.{family}".lower().replace(" ", "").replace("'", "")
    name = plain.encode("ascii", "ignore").decode()
    form = filling.dice.choice([name, name.replace(".", "_"), name.split(".", maxsplit=1)[0]])
    return f"{form}{filling.digits('##')}@{filling.pick('domains')}"


def _street(filling: _Filling) -> str:
    number = filling.dice.randrange(3, 19_999)
    return f"{number} {filling.pick('streets')} {filling.pick('street_kinds')}"


def _url(filling: _Filling) -> str:
    given, family = (re.sub(r"\W", "", part).lower() for part in filling.person("patient"))
    code = filling.digits("####")
    return filling.dice.choice(
        [
            f"https://portal.example-clinic.com/p/{family}{code}",
            f"www.facebook.com/{given}.{family}",
            f"http://instagram.com/{given}{code}/",
            f"https://book.aesthetics.example/r?id={code}{code}&u={given}",
        ]
    )


def _photo(filling: _Filling) -> str:
    given, family = (re.sub(r"\W", "", part) for part in filling.person("patient"))
    code = filling.digits("####")
    return filling.dice.choice(
        [
            f"IMG_{code}.JPG",
            f"{family}_{given}_before.jpg",
            f"{family.lower()}-{code}-L.png",
            f"DSC0{code}.jpeg",
        ]
    )


def _named_file(filling: _Filling) -> str:
    given, family = (re.sub(r"\W", "", part) for part in filling.person("patient"))
    code = filling.digits("######")
    return filling.dice.choice(
        [
            f"{given}{family}_postop_{code}.heic",
            f"{family.upper()}-{given[0].upper()}-frontal.JPG",
            f"consent_{family.lower()}_{code}.pdf",
            f"{given.lower()}.{family.lower()} 3mo.jpg".replace(" ", "_"),
            f"PXL_2024{code[:4]}_{code}.jpg",
        ]
    )


def _handle(filling: _Filling) -> str:
    given, family = (re.sub(r"\W", "", part).lower() for part in filling.person("patient"))
    code = filling.digits("##")
    return filling.dice.choice(
        [f"@{given}{code}", f"@{given}.{family}", f"@_{family}{given[0]}", f"@{family}_{code}"]
    )


def _make(pattern: str, filling: _Filling) -> str:
    return filling.digits(pattern)


def _any(patterns: tuple[str, ...], filling: _Filling) -> str:
    return filling.digits(filling.dice.choice(patterns))


def _address(filling: _Filling) -> str:
    street, number = filling.pick("spanish_streets"), filling.dice.randrange(1, 240)
    return f"{street}, {number}, {filling.digits('2####')} Madrid"


def _ip(filling: _Filling) -> str:
    return f"2001:db8:{filling.dice.randrange(16, 65535):x}::{filling.dice.randrange(1, 65535):x}"


_PHONES = {
    "paren": "(AAA) LLL-####", "dash": "AAA-LLL-####", "dot": "AAA.LLL.####", "plain": "AAALLL####",
    "intl": "+1 AAA LLL ####", "space": "AAA LLL ####", "ext": "AAA-LLL-#### ext. ###",
    "es": "+34 6## ## ## ##",
}  # fmt: skip
_MAKERS: dict[str, tuple[str, Callable[[_Filling], str]]] = {
    **{
        f"phone.{form}": ("PHONE", partial(_often, "phone", partial(_phone, pattern)))
        for form, pattern in _PHONES.items()
    },
    **{f"fax.{form}": ("FAX", partial(_phone, _PHONES[form])) for form in ("paren", "dash", "dot")},
    "ssn.dash": ("SSN", partial(_often, "number", partial(_ssn, "-"))),
    "ssn.plain": ("SSN", partial(_often, "number", partial(_ssn, ""))),
    "mrn": ("MRN", partial(_kept, "mrn", "number", partial(_any, ("00######", "A360-######", "#######")))),
    "age90": ("AGE", lambda filling: str(filling.dice.randrange(90, 104))),
    "email.patient": ("EMAIL", partial(_kept, "email", "email", partial(_email, who="patient"))),
    "email.staff": ("EMAIL", partial(_email, who="staff")),
    "url": ("URL", _url),
    "ip.v4": ("IP", lambda filling: ".".join(str(filling.dice.randrange(1, 255)) for _ in range(4))),
    "ip.v6": ("IP", _ip),
    "address.street": ("ADDRESS", partial(_often, "address", _street)),
    "address.unit": ("ADDRESS", partial(_any, ("Apt #@", "Apt. ##", "Unit ###", "Suite ###", "Apt ###"))),
    "address.city": ("ADDRESS", partial(_kept, "city", "address", lambda filling: filling.pick("cities"))),
    "address.pobox": ("ADDRESS", partial(_any, ("P.O. Box ####", "PO Box ###"))),
    "address.es": ("ADDRESS", partial(_often, "address", _address)),
    "county": ("ADDRESS", lambda filling: filling.pick("counties")),
    "zip": ("ZIP", partial(_any, ("7####", "3####", "9####"))),
    "zip4": ("ZIP", partial(_make, "7####-####")),
    "account": ("ACCOUNT", partial(_any, ("########", "AC-#######", "##-######-#"))),
    "card": ("ACCOUNT", _card),
    "insurance": ("INSURANCE", partial(_any, ("W#########", "@@@###@#####", "1@@#-@@#-@@##", "########01"))),
    "licence.dl": ("LICENCE", partial(_any, ("########", "@#######"))),
    "licence.md": ("LICENCE", partial(_any, ("MD#####", "G######", "ME-######"))),
    "licence.npi": ("LICENCE", _npi),
    "licence.dea": ("LICENCE", _dea),
    "device": ("DEVICE", partial(_any, ("########", "SN#####-##", "@@##@#####"))),
    "vehicle.plate": ("VEHICLE", partial(_any, ("@@@-####", "@@@ ####", "#@@@###"))),
    "vehicle.vin": ("VEHICLE", _vin),
    "biometric": ("BIOMETRIC", partial(_any, ("FP-######", "BIO########", "IRIS-####-####"))),
    "photo": ("PHOTO", _photo),
    "photo.named": ("PHOTO", _named_file),
    "handle": ("HANDLE", _handle),
    "phone.local": ("PHONE", partial(_phone, "LLL-####")),
    "phone.slash": ("PHONE", partial(_phone, "AAA/LLL-####")),
    "phone.uk": ("PHONE", partial(_any, ("+44 7### ######", "+49 30 #######", "+52 55 #### ####"))),
    "address.lower": ("ADDRESS", lambda filling: _street(filling).lower()),
    "address.upper": ("ADDRESS", lambda filling: _street(filling).upper()),
    "address.other": ("ADDRESS", lambda filling: filling.digits(filling.pick("other_addresses"))),
    "city.other": ("ADDRESS", lambda filling: filling.pick("cities")),
    "city.lower": ("ADDRESS", lambda filling: filling.pick("cities").lower()),
    "city.upper": ("ADDRESS", lambda filling: filling.pick("cities").upper()),
    "school": ("EMPLOYER", lambda filling: filling.pick("employers")),
    "employer": ("EMPLOYER", lambda filling: filling.pick("employers")),
    "state": (IGNORED, lambda filling: filling.pick("states")),
    "clinic": (IGNORED, lambda filling: filling.pick("clinics")),
    "insurer": (IGNORED, lambda filling: filling.pick("insurers")),
}  # fmt: skip
