"""Numbers and truth values as extracts write them, as lexical values in DuckDB SQL."""

import re

from a360.contract import RecordPlan, quote_text

TRUE_WORDS = ("true", "yes", "y", "t", "1")
FALSE_WORDS = ("false", "no", "n", "f", "0")
_BLANKS = " \u00a0\u2009\u202f"
_APOSTROPHE = "\u2019"
_GROUPING = {".": r"\.", ",": ",", "'": f"['{_APOSTROPHE}]", "_": "_", " ": f"[{_BLANKS}]"}
_PLAIN = r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?"
_WHOLE = frozenset({"int", "long"})


def boolean_sql(raw: str, record: RecordPlan) -> str:
    """`true` or `false` for a word that says so; null for another."""
    true = _words(record.true_words or TRUE_WORDS)
    false = _words(record.false_words or FALSE_WORDS)
    word = f"lower({raw})"
    return f"CASE WHEN {word} IN ({true}) THEN 'true' WHEN {word} IN ({false}) THEN 'false' END"


def _words(words: tuple[str, ...]) -> str:
    return ", ".join(f"lower({quote_text(word)})" for word in words)


def typed_number_sql(raw: str, type_: str) -> str:
    """A number that was one where it comes from: the point is a point."""
    whole = rf"regexp_replace({raw}, '\.0+$', '')" if type_ in _WHOLE else raw
    return f"CASE WHEN regexp_full_match({raw}, '{_PLAIN}') THEN {whole} END"


def number_sql(raw: str, type_: str, record: RecordPlan) -> str:
    """A number by the marks that the contract declares; null for what is none."""
    bare = raw if _is_bare(record) else _without_signs(raw, record)
    digits = rf"\d+|\d{{1,3}}(?:{_GROUPING[record.thousands]}\d{{3}})+" if record.thousands else r"\d+"
    decimal = re.escape(record.decimal)
    shape = rf"[+-]?(?:(?:{digits})(?:{decimal}\d+)?|{decimal}\d+)(?:[eE][+-]?\d{{1,3}})?"
    number = bare
    if record.thousands:
        number = f"regexp_replace({number}, {quote_text(_GROUPING[record.thousands])}, '', 'g')"
    if record.decimal != ".":
        number = f"replace({number}, {quote_text(record.decimal)}, '.')"
    return f"CASE WHEN regexp_full_match({bare}, {quote_text(shape)}) THEN {_canonical(number, type_)} END"


def _canonical(number: str, type_: str) -> str:
    """Without plus and leading zeros, with a digit before the point: one spelling, and the same number."""
    sign = rf"regexp_replace({number}, '^\+', '')"
    pointed = rf"regexp_replace({sign}, '^(-?)\.', '\10.')"
    short = rf"regexp_replace({pointed}, '^(-?)0+(\d)', '\1\2')"
    # A column of whole numbers with gaps is often written 12.0.
    return rf"regexp_replace({short}, '\.0+$', '')" if type_ in _WHOLE else short


def _is_bare(record: RecordPlan) -> bool:
    return not record.symbols and not record.negatives


def _without_signs(raw: str, record: RecordPlan) -> str:
    """The number without symbols, its sign in front; null where it has two signs, or half a bracket."""
    symbol = "|".join(re.escape(each) for each in record.symbols)
    mark = f"(?i:{symbol})?[{_BLANKS}]*" if symbol else ""
    after = f"[{_BLANKS}]*(?i:{symbol})?" if symbol else ""
    number = rf"[0-9.,'{_APOSTROPHE}_eE{_BLANKS}]*[0-9](?:[eE][+-][0-9]+)?"
    inner = rf"([+-]?){mark}([+-]?)({number}){after}"
    plain, bracket, trailing = f"^{inner}$", rf"^\({inner}\)$", rf"^{inner}-{after}$"
    cases = [(plain, " || ".join(_group(raw, plain, number) for number in (1, 2, 3)))]
    if "parentheses" in record.negatives:
        cases.append((bracket, _negative(raw, bracket)))
    if "trailing" in record.negatives:
        cases.append((trailing, _negative(raw, trailing)))
    whens = (f"WHEN regexp_matches({raw}, {quote_text(shape)}) THEN {value}" for shape, value in cases)
    return f"CASE {' '.join(whens)} END"


def _negative(raw: str, shape: str) -> str:
    """The number below zero, where nothing but the bracket or the minus behind it gives it a sign."""
    signs = f"{_group(raw, shape, 1)} || {_group(raw, shape, 2)}"
    return f"CASE WHEN {signs} = '' THEN '-' || {_group(raw, shape, 3)} END"


def _group(raw: str, shape: str, number: int) -> str:
    return f"regexp_extract({raw}, {quote_text(shape)}, {number})"
