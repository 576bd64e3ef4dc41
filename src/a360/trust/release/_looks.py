"""What values of an element may look like when they leave, as conditions on those that may not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from a360.contract import ZIP_AREAS, Profile, ReleasedColumnPlan, quote_name, quote_text

_OLDEST: Final = 89
_YEARS: Final = "BETWEEN 1800 AND 2200"
# Findings and amounts have fewer digits; numbers of people, records and days written as one have more.
_LEAST_NUMBER: Final = 10_000_000
_NUMBERS: Final = ("int", "long", "double", "decimal")
# A count has fewer digits; a ZIP code has as many, a record's number at least.
_LEAST_COUNTED: Final = 10_000
_WHOLE: Final = frozenset({"int", "long"})
_OPEN: Final = frozenset({"value", "country"})
_BAND: Final = 10
_MONTH: Final = (
    r"(jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?|oct(ober)?|nov(ember)?"
    r"|dec(ember)?)\.?"
)
# Abbreviated and without a year, they mean too many other things.
_FULL_MONTH: Final = "(january|february|march|april|june|july|august|september|october|november|december)"
_YEAR: Final = "(1[89]|20)[0-9]{2}"
_BEFORE, _AFTER = "(^|[^0-9])", "($|[^0-9])"

_DIRECT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "e-mail addresses": r"[^\s@]@[^\s@.]+(\.[^\s@.]+)+",
        "telephone numbers": (
            rf"{_BEFORE}\(?[0-9]{{3}}(\) ?|[ .-])[0-9]{{3}}[ .-][0-9]{{4}}{_AFTER}"
            r"|\+[1-9]([ .()-]{0,2}[0-9]){7,14}"
        ),
        "social security numbers": rf"{_BEFORE}[0-9]{{3}}[- ][0-9]{{2}}[- ][0-9]{{4}}{_AFTER}",
        "device identifiers": (
            r"(?i)\(01\) ?[0-9]{14}|(^|[^0-9a-f:-])([0-9a-f]{2}[:-]){5}[0-9a-f]{2}($|[^0-9a-f:-])"
        ),
        "web addresses": r"(?i)([a-z][a-z0-9+-]*://|www\.)",
        "IP addresses": (
            r"(^|[^0-9.])((25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
            r"($|[^0-9.])|(?i)(^|[^0-9a-f:])(([0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}|[0-9a-f]{3,4}(:[0-9a-f]{1,4})*::)"
        ),
    }
)
_UNIQUE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "dates": (
            rf"(?i){_BEFORE}{_YEAR}[-/.](0?[1-9]|1[0-2])[-/.][0-3]?[0-9]{_AFTER}"
            rf"|{_BEFORE}{_YEAR}[-/](0[1-9]|1[0-2])($|[^0-9-])"
            rf"|{_BEFORE}[0-9]{{1,2}}[-/.][0-9]{{1,2}}[-/.]{_YEAR}{_AFTER}"
            r"|(^|[^0-9/])[0-9]{1,2}/[0-9]{1,2}/[0-9]{2}($|[^0-9/])"
            rf"|(^|[^a-z]){_MONTH} *([0-3]?[0-9](st|nd|rd|th)?)?,? *{_YEAR}{_AFTER}"
            rf"|{_BEFORE}[0-3]?[0-9](st|nd|rd|th)? +((of +)?{_FULL_MONTH}|of +may)"
            rf"|(^|[^a-z])({_FULL_MONTH} +[0-3]?[0-9]{_AFTER}|({_FULL_MONTH}|may) +[0-3]?[0-9](st|nd|rd|th))"
        ),
        "ZIP codes of nine digits": r"(^|[^0-9-])[0-9]{5}-[0-9]{4}($|[^0-9-])",
        "tokens or digests": (
            r"(?i)(^|[^0-9a-f])([0-9a-f]{32}|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})($|[^0-9a-f])"
        ),
    }
)
_OVER: Final = r"(?i)(^|[^0-9.])(9[0-9]|1[0-4][0-9])[ -]*(years?|yrs?|y\.?/?o)($|[^a-z])"
_STATES_WITH_CODES: Final = """
    Alabama AL, Alaska AK, Arizona AZ, Arkansas AR, California CA, Colorado CO, Connecticut CT, Delaware
    DE, District of Columbia DC, Florida FL, Georgia GA, Hawaii HI, Idaho ID, Illinois IL, Indiana IN,
    Iowa IA, Kansas KS, Kentucky KY, Louisiana LA, Maine ME, Maryland MD, Massachusetts MA, Michigan MI,
    Minnesota MN, Mississippi MS, Missouri MO, Montana MT, Nebraska NE, Nevada NV, New Hampshire NH, New
    Jersey NJ, New Mexico NM, New York NY, North Carolina NC, North Dakota ND, Ohio OH, Oklahoma OK,
    Oregon OR, Pennsylvania PA, Rhode Island RI, South Carolina SC, South Dakota SD, Tennessee TN, Texas
    TX, Utah UT, Vermont VT, Virginia VA, Washington WA, West Virginia WV, Wisconsin WI, Wyoming WY,
    American Samoa AS, Guam GU, Northern Mariana Islands MP, Puerto Rico PR, U.S. Virgin Islands VI
"""
_STATES: Final = frozenset(
    word for state in " ".join(_STATES_WITH_CODES.split()).split(", ") for word in state.rsplit(" ", 1)
)


@dataclass(frozen=True, slots=True)
class Check:
    """A rule, told as what breaks it, and the condition on the rows that do."""

    rule: str
    sql: str


def checks_of(column: ReleasedColumnPlan, profile: Profile, today: date) -> Iterator[Check]:
    """What values of a column may not be under a profile."""
    name = quote_name(column.name)
    if column.element == "patient":
        return
    if profile == "safe_harbor":
        yield from _safe(column, name, today)
    if column.element == "state":
        yield Check("values are no state", f"{name} NOT IN ({_listed(_STATES)})")
    elif column.type == "string" and column.listed is not None:
        yield Check("values are not on the contract's list", f"{name} NOT IN ({_listed(column.listed)})")
    elif column.type == "string" and column.element != "zip":
        looks = _DIRECT if profile == "limited" else {**_DIRECT, **_UNIQUE}
        if profile == "safe_harbor":
            looks = {**looks, "ages over 89": _OVER}
        for what, pattern in looks.items():
            yield Check(f"values look like {what}", f"regexp_matches({name}, {quote_text(pattern)})")
    elif column.element == "value" and column.type.startswith(_NUMBERS):
        yield Check("numbers have eight digits or more", f"abs({name}) >= {_LEAST_NUMBER}")


def rare_when(column: ReleasedColumnPlan) -> str | None:
    """The condition on values that few may not have alone; None where no value tells of one person.

    Of texts that is any, unless the contract lists them; of whole numbers those that are as long as a ZIP
    code or a record's number, whatever the type they lie in.
    """
    if column.element not in _OPEN or column.listed is not None:
        return None
    if column.type == "string":
        return "true"
    if not column.type.startswith(_NUMBERS):
        return None
    name = quote_name(column.name)
    long = f"abs({name}) >= {_LEAST_COUNTED}"
    return long if column.type in _WHOLE else f"{long} AND {name} = trunc({name})"


def _safe(column: ReleasedColumnPlan, name: str, today: date) -> Iterator[Check]:
    """What Safe Harbor asks of dates, ages and ZIP codes, whoever made them."""
    banded = column.method == "age_band"
    if column.element in {"date", "birth_date"}:
        years = column.type in {"int", "long"}
        day = f"{name} NOT {_YEARS}" if years else f"{name} <> date_trunc('year', {name})"
        yield Check("dates are more than a year", day)
        if column.element == "birth_date":
            yield _born(name if years else f"year({name})", today, banded=banded)
    elif column.element == "age":
        band = f"{name} NOT BETWEEN 0 AND {_OLDEST + 1} OR {name} % {_BAND} <> 0"
        over = f"{name} > {_OLDEST}"
        yield Check("ages are no bands", band) if banded else Check("ages are over 89", over)
    elif column.element == "zip":
        small = _listed(ZIP_AREAS.restricted)
        no_area = f"NOT regexp_full_match({name}, '[0-9]{{3}}')"
        yield Check(
            "ZIP codes are of more than three digits, or of few people", f"{no_area} OR {name} IN ({small})"
        )


def _born(year: str, today: date, *, banded: bool) -> Check:
    if not banded:
        return Check("births tell of an age over 89", f"{year} < {today.year - _OLDEST}")
    # Years of birth are banded by tens; the first band has all who are 90 and over.
    oldest = today.year - _OLDEST - 1
    return Check("births are no bands", f"{year} < {oldest - oldest % _BAND} OR {year} % {_BAND} <> 0")


def _listed(values: frozenset[str] | tuple[str, ...]) -> str:
    return ", ".join(map(quote_text, sorted(values)))
