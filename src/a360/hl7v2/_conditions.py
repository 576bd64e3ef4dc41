"""The guide's computable conditions, compiled once to functions.

The language is that of the guide's column "Computable ANTLR", as people typed it:
`IF OBX-2 IN ("NM", "SN") AND OBX-5.1 NOT EQUALS "<>"`, with verbs left out where one is meant for several.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

type Condition[X] = Callable[[X], bool]


class Value[X](NamedTuple):
    """How a condition gets at what it speaks of."""

    text: Callable[[X], str]
    count: Callable[[X], int]


type Resolver[X] = Callable[[str], Value[X]]


class UncompilableError(ValueError):
    """A condition that says something no program can follow."""


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<literal>["'][^"']*["'])
    |(?P<ref>[A-Z][A-Z0-9]{1,2}[-.]\d+(?:\.\d+){0,2}|(?:PID|ORC|OBR|PV1)(?=\s+(?:IS\s+)?(?:NOT\s+)?VALUED))
    |(?P<number>\d+)
    |(?P<sign>[(),=<>]+?)
    |(?P<word>[A-Za-z.]+)
    )""",
    re.VERBOSE,
)
_SKIPPED = {"IF", "IS", "ARE", "AREA", "TO", "THAN"}
_VALUED = {"VALUED", "VALUE"}
_REPAIRS = (("PL3.NOT", "PL.3 NOT"), ("LST.COUNT", "COUNT"), ("LST.count", "COUNT"))


def compile_condition[X](text: str, resolve: Resolver[X], subject: str) -> Condition[X]:
    """The condition as a function; `subject` is what is meant where the text names nothing.

    Raises:
        UncompilableError: the text is not of the language.
    """
    return _Parser(text, resolve, subject).parse()


class _Parser[X]:
    """A recursive descent over the tokens of one condition."""

    def __init__(self, text: str, resolve: Resolver[X], subject: str) -> None:
        self._text = text
        self._resolve = resolve
        self._subject = subject
        self._tokens = _tokens(text)
        self._at = 0

    def parse(self) -> Condition[X]:
        """The whole text; parentheses left open at its end are taken as closed."""
        found = self._either()
        while self._peek() == ")":
            self._at += 1
        if self._at < len(self._tokens):
            raise self._fault()
        return found

    def _either(self) -> Condition[X]:
        found = self._both()
        while self._take("OR"):
            found = _or(found, self._both())
        return found

    def _both(self) -> Condition[X]:
        found = self._term()
        while self._take("AND") or self._is_ref():
            found = _and(found, self._term())
        return found

    def _term(self) -> Condition[X]:
        if self._take("("):
            found = self._either()
            self._take(")")
            return found
        subjects, joins = [self._subject_here()], []
        # "A AND B NOT VALUED": the verb that comes is meant for all before it.
        while self._peek() in {"AND", "OR"} and self._is_ref(1):
            joins.append(self._next())
            subjects.append(self._next())
            self._subject = subjects[-1]
        verb = self._verb()
        found = verb(self._resolve(subjects[0]))
        for join, name in zip(joins, subjects[1:], strict=True):
            # "A OR B NOT VALUED" and "A AND B VALUED" are meant as they read.
            found = (_and if join == "AND" else _or)(found, verb(self._resolve(name)))
        return found

    def _subject_here(self) -> str:
        if self._is_ref():
            self._subject = self._next()
        return self._subject

    def _verb(self) -> Callable[[Value[X]], Condition[X]]:
        negated = self._take("NOT") or (self._take("DOES") and self._take("NOT"))
        word = self._peek()
        if word in _VALUED or word == "EXIST":
            self._at += 1
            return _valued(negated=negated)
        if word == "EMPTY":
            self._at += 1
            return _valued(negated=not negated)
        if word in {"COUNT", "LENGTH"}:
            self._at += 1
            return self._measure(of_count=word == "COUNT")
        if word in {"EQUALS", "EQUAL", "="}:
            self._at += 1
            return _one_of([self._literal()], negated=negated)
        if word == "IN":
            self._at += 1
            return _one_of(self._list(), negated=negated)
        return _one_of([self._literal()], negated=negated)

    def _measure(self, *, of_count: bool) -> Callable[[Value[X]], Condition[X]]:
        sign = ""
        while (word := self._peek()) in {"LESS", "GREATER", "OR", "EQUALS", "=", ">"}:
            sign += {"LESS": "<", "GREATER": ">", "EQUALS": "="}.get(word, "" if word == "OR" else word)
            self._at += 1
        if not self._peek().isdigit():
            raise self._fault()
        bound = int(self._next())
        compare = {"<=": int.__le__, ">": int.__gt__, "=": int.__eq__, "<": int.__lt__}.get(sign)
        if compare is None:
            raise self._fault()

        def verb(value: Value[X]) -> Condition[X]:
            if of_count:
                return lambda x: compare(value.count(x), bound)
            return lambda x: compare(len(value.text(x)), bound)

        return verb

    def _list(self) -> list[str]:
        if not self._take("("):
            raise self._fault()
        found = [self._literal()]
        while self._take(","):
            found.append(self._literal())
        if not self._take(")"):
            raise self._fault()
        return found

    def _literal(self) -> str:
        token = self._peek()
        if token[:1] not in {'"', "'"}:
            raise self._fault()
        self._at += 1
        return token[1:-1]

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ""

    def _is_ref(self, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return bool(re.match(r"[A-Z][A-Z0-9]{1,2}[-.]\d|(?:PID|ORC|OBR|PV1)\Z", token))

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def _take(self, token: str) -> bool:
        found = self._peek() == token
        self._at += found
        return found

    def _fault(self) -> UncompilableError:
        return UncompilableError(self._text)


def _tokens(text: str) -> list[str]:
    for old, new in _REPAIRS:
        text = text.replace(old, new)
    found = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UncompilableError(text)
        at = match.end()
        token = match.group().strip()
        if match["word"]:
            token = token.upper()
            if token in _SKIPPED:
                continue
        found.append(token)
    return found


def _valued[X](*, negated: bool) -> Callable[[Value[X]], Condition[X]]:
    def verb(value: Value[X]) -> Condition[X]:
        text = value.text
        if negated:
            return lambda x: not text(x)
        return lambda x: bool(text(x))

    return verb


def _one_of[X](choices: list[str], *, negated: bool) -> Callable[[Value[X]], Condition[X]]:
    wanted = frozenset(choices)

    def verb(value: Value[X]) -> Condition[X]:
        text = value.text
        if negated:
            return lambda x: text(x) not in wanted
        return lambda x: text(x) in wanted

    return verb


def _and[X](left: Condition[X], right: Condition[X]) -> Condition[X]:
    return lambda x: left(x) and right(x)


def _or[X](left: Condition[X], right: Condition[X]) -> Condition[X]:
    return lambda x: left(x) or right(x)
