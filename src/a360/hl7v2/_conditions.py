"""The guide's computable conditions, as Python expressions.

The language is that of the guide's column "Computable ANTLR", as people typed it:
`IF OBX-2 IN ("NM", "SN") AND OBX-5.1 NOT EQUALS "<>"`, with verbs left out where one is meant for several.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple


class Value(NamedTuple):
    """How a condition gets at what it speaks of: the source of its text, and of how often it is there."""

    text: str
    times: str


type Condition = Callable[[Any], bool]
type Resolver = Callable[[str], Value]
type Verb = Callable[[Value], str]


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


def expression(text: str, resolve: Resolver, subject: str) -> str:
    """The condition as a Python expression; `subject` is what is meant where the text names nothing.

    Raises:
        UncompilableError: the text is not of the language.
    """
    return _Parser(text, resolve, subject).parse()


class _Parser:
    """A recursive descent over the tokens of one condition."""

    def __init__(self, text: str, resolve: Resolver, subject: str) -> None:
        self._text = text
        self._resolve = resolve
        self._subject = subject
        self._tokens = _tokens(text)
        self._at = 0

    def parse(self) -> str:
        """The whole text; parentheses left open at its end are taken as closed."""
        found = self._either()
        while self._peek() == ")":
            self._at += 1
        if self._at < len(self._tokens):
            raise self._fault()
        return found

    def _either(self) -> str:
        found = self._both()
        while self._take("OR"):
            found = f"({found} or {self._both()})"
        return found

    def _both(self) -> str:
        found = self._term()
        while self._take("AND") or self._is_ref():
            found = f"({found} and {self._term()})"
        return found

    def _term(self) -> str:
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
            found = f"({found} {join.lower()} {verb(self._resolve(name))})"
        return found

    def _subject_here(self) -> str:
        if self._is_ref():
            self._subject = self._next()
        return self._subject

    def _verb(self) -> Verb:
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

    def _measure(self, *, of_count: bool) -> Verb:
        sign = ""
        while (word := self._peek()) in {"LESS", "GREATER", "OR", "EQUALS", "=", ">"}:
            sign += {"LESS": "<", "GREATER": ">", "EQUALS": "="}.get(word, "" if word == "OR" else word)
            self._at += 1
        if not self._peek().isdigit():
            raise self._fault()
        bound = int(self._next())
        compare = {"<=": "<=", ">": ">", "=": "==", "<": "<"}.get(sign)
        if compare is None:
            raise self._fault()
        if of_count:
            return lambda value: f"({value.times} {compare} {bound})"
        return lambda value: f"(len({value.text}) {compare} {bound})"

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


def _valued(*, negated: bool) -> Verb:
    return lambda value: f"(not {value.text})" if negated else value.text


def _one_of(choices: list[str], *, negated: bool) -> Verb:
    if len(choices) == 1:
        return lambda value: f"({value.text} {'!=' if negated else '=='} {choices[0]!r})"
    wanted = ", ".join(repr(choice) for choice in choices)
    return lambda value: f"({value.text} {'not in' if negated else 'in'} {{{wanted}}})"
