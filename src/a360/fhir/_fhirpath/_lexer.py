"""Cuts a FHIRPath expression into tokens."""

import re
from collections.abc import Callable
from dataclasses import dataclass

_PATTERN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<dateTime>@\d{4}(?:-\d{2}(?:-\d{2})?)?T
      (?:\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?(?:Z|[+-]\d{2}:\d{2})?)?)
  | (?P<time>@T\d{2}(?::\d{2}(?::\d{2}(?:\.\d+)?)?)?)
  | (?P<date>@\d{4}(?:-\d{2}(?:-\d{2})?)?)
  | (?P<decimal>\d+\.\d+)
  | (?P<integer>\d+)
  | (?P<string>'(?:[^'\\]|\\.)*')
  | (?P<quoted>`(?:[^`\\]|\\.)*`)
  | (?P<constant>%(?:[A-Za-z_]\w*|`(?:[^`\\]|\\.)*`|'(?:[^'\\]|\\.)*'))
  | (?P<this>\$[A-Za-z]+)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<symbol><=|>=|!=|!~|[.,()\[\]{}=<>~+\-*/&|])
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)

_HINTS = {
    "'": "begins a text that has no end",
    '"': "begins nothing FHIRPath knows: texts stand in single quotes",
    "!": "begins nothing FHIRPath knows: write not()",
}
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)


class PathSyntaxError(ValueError):
    """An expression is not FHIRPath; says what was found, and at which character."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its kind, its text with quotes and escapes resolved, and where it began."""

    kind: str
    text: str
    at: int


def tokens(path: str) -> list[Token]:
    """The tokens of an expression, ended by one of kind `end`."""
    found: list[Token] = []
    at = 0
    while at < len(path):
        match = _PATTERN.match(path, at)
        if match is None:
            hint = _HINTS.get(path[at], "begins nothing FHIRPath knows")
            raise PathSyntaxError(f"{path[at]!r} at character {at + 1} {hint}")
        kind = match.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, _plain(kind, match.group()), at))
        at = match.end()
    return [*found, Token("end", "", at)]


def _plain(kind: str, text: str) -> str:
    form = _FORMS.get(kind)
    return text if form is None else form(text)


def _unescape(text: str) -> str:
    plain = _ESCAPE.sub(lambda m: _escaped(m.group(1)), text)
    try:
        # Two escapes may make one character beyond the basic plane.
        whole = plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise PathSyntaxError("half a surrogate pair is no text") from None
    if "\0" in whole:
        raise PathSyntaxError("NUL is no text")
    return whole


def _escaped(code: str) -> str:
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPES.get(code, code)


_FORMS: dict[str, Callable[[str], str]] = {
    "string": lambda text: _unescape(text[1:-1]),
    "quoted": lambda text: _unescape(text[1:-1]),
    "constant": lambda text: _unescape(text[2:-1]) if text[1] in "`'" else text[1:],
    "this": lambda text: text[1:],
    "date": lambda text: text[1:],
    "dateTime": lambda text: text[1:].removesuffix("T"),
    "time": lambda text: text[2:],
}
