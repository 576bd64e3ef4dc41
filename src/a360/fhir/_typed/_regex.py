r"""Regular expressions of views: the part of them that means the same in RE2, in Java's and in Trino's.

A pattern is read here and written anew, with what engines differ in said outright: `$` is the very end, `.`
is any character, `\d`, `\w`, `\s` and `\b` are of ASCII, and a class is the ranges of its characters.
"""

import re
from dataclasses import dataclass, field
from typing import NoReturn

ALLOWED = (
    "characters, . ^ $, classes such as [^a-z], groups (a|b), (?:a) and (?<name>a), repetitions ? * + {1,3},"
    " lazy ones too, and \\d \\D \\w \\W \\s \\S \\b \\t \\n \\r"
)
_LAST = 0x10FFFF
_CLASSES = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 10), (12, 13), (32, 32)],
}
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r"}
_WRITTEN = {character: f"\\{letter}" for letter, character in _CONTROLS.items()}
_SPECIAL = frozenset("\\^$.|?*+()[]{}-&~#")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_COUNT = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}", re.ASCII)
_NAME = re.compile(r"\?P?<([A-Za-z][A-Za-z0-9]*)>", re.ASCII)
_REFERENCE = re.compile(r"\$(?:([1-9])(?![0-9])|\{([A-Za-z][A-Za-z0-9]*|[1-9])\})", re.ASCII)
# RE2 takes no more repetitions than this, and has a limit for the size of what it compiles.
_MOST = 1000
_LARGEST = 5000
_DEEPEST = 30

type _Ranges = list[tuple[int, int]]


class PatternError(ValueError):
    """A pattern, or a substitution, that has no one meaning; the text says what was found."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a pattern as it is written anew."""

    text: str
    nullable: bool = False  # whether it may match nothing at all
    size: int = 1  # with repetitions written out
    sign: str = ""  # how it repeats, where it is a repetition and no more


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern with one meaning. Of its groups those that have a name are known by it."""

    part: str
    dot: bool
    nullable: bool
    groups: int
    names: dict[str, int] = field(default_factory=dict)

    def text(self, *, whole: bool = False) -> str:
        """The pattern anew; `whole` if it has to be all of a text."""
        flags = "(?s)" if self.dot else ""
        return f"{flags}^(?:{self.part})\\z" if whole else flags + self.part


def pattern_of(text: str) -> Pattern:
    """The pattern that a text is."""
    return _Reader(text).pattern()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.groups = 0
        self.names: dict[str, int] = {}
        self.dot = False

    def pattern(self) -> Pattern:
        whole = self._choice()
        if self.at < len(self.text):
            self._fail("a ) without its (")
        return Pattern(whole.text, self.dot, whole.nullable, self.groups, self.names)

    def _fail(self, found: str) -> NoReturn:
        raise PatternError(f"{found}, at character {self.at + 1} of the pattern")

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _choice(self) -> Part:
        ways = [self._sequence()]
        while self._next() == "|":
            self.at += 1
            ways.append(self._sequence())
        return Part(
            "|".join(way.text for way in ways),
            any(way.nullable for way in ways),
            self._sized(sum(way.size for way in ways)),
            ways[0].sign if len(ways) == 1 else "",
        )

    def _sequence(self) -> Part:
        parts = []
        while self._next() not in {"", "|", ")"}:
            parts.append(self._repeated())
        return Part(
            "".join(part.text for part in parts),
            all(part.nullable for part in parts),
            self._sized(1 + sum(part.size for part in parts)),
            parts[0].sign if len(parts) == 1 else "",
        )

    def _sized(self, size: int) -> int:
        if size > _LARGEST:
            self._fail(f"more than {_LARGEST} parts, counted as often as they repeat")
        return size

    def _repeated(self) -> Part:
        if self._next() in {"?", "*", "+", "{"}:
            self._fail(f"{self._next()} with nothing before it to repeat")
        start = self.at
        part = self._one()
        anchor = self.text[start : self.at] in {"^", "$", "\\b"}
        least, most, text = self._quantifier()
        if not text:
            return part
        if anchor or (part.nullable and most > 1):
            # Engines differ in how often nothing fits, and some take forever.
            self._fail("a repetition of what may match nothing")
        if part.sign and (_is_lazy(part.sign) or _is_lazy(text)):
            # Trino's engine makes one repetition of the two, and that not the right one.
            self._fail("a repetition of a repetition, one of them lazy")
        return Part(
            part.text + text, part.nullable or least == 0, self._sized(part.size * max(most, 1)), text
        )

    def _quantifier(self) -> tuple[int, int, str]:
        """The least and the most times that come next, and the text; the text is '' if none comes."""
        sign = self._next()
        if sign == "{":
            least, most, text = self._counts()
        elif sign in {"?", "*", "+"}:
            self.at += 1
            least, most, text = int(sign == "+"), 1 if sign == "?" else 2, sign
        else:
            return 1, 1, ""
        if self._next() == "?":
            self.at += 1
            # A fixed count has no lazy form: some engines read it as another repetition.
            text += "" if least == most and "," not in text else "?"
        if self._next() in {"?", "*", "+", "{"}:
            self._fail(f"{self._next()} after a repetition")
        return least, most, text

    def _counts(self) -> tuple[int, int, str]:
        found = _COUNT.match(self.text, self.at)
        if found is None:
            self._fail("a { that begins no count (write \\{ for the character)")
        least = int(found[1])
        most = int(found[3] or max(least, 2)) if found[2] else least
        if least > most or most > _MOST:
            self._fail(f"the count {found[0]}")
        self.at = found.end()
        return least, most, found[0]

    def _one(self) -> Part:
        character = self._next()
        match character:
            case "(":
                return self._group()
            case "[":
                return Part(self._class())
            case "\\":
                return self._escape()
            case ".":
                self.dot = True
                text = "."
            case "^":
                text = "^"
            case "$":
                text = "\\z"
            case _:
                text = _literal(character)
        self.at += 1
        return Part(text, nullable=character in {"^", "$"})

    def _group(self) -> Part:
        opening = "("
        self.at += 1
        if self._next() == "?":
            opening = self._named()
        else:
            self.groups += 1
        self.depth += 1
        if self.depth > _DEEPEST:
            self._fail(f"groups nested deeper than {_DEEPEST}")
        inner = self._choice()
        if self._next() != ")":
            self._fail("a ( without its )")
        self.at += 1
        self.depth -= 1
        return Part(
            f"{opening}{inner.text})", inner.nullable, inner.size, inner.sign if opening == "(?:" else ""
        )

    def _named(self) -> str:
        if self.text.startswith("?:", self.at):
            self.at += 2
            return "(?:"
        name = _NAME.match(self.text, self.at)
        if name is None or name[1] in self.names:
            self._fail("a group that begins with (?" + self.text[self.at + 1 : self.at + 3])
        self.groups += 1
        self.names[name[1]] = self.groups
        self.at = name.end()
        return "("

    def _escaped(self) -> str:
        """The character after a backslash, which is stepped over with it."""
        letter = self.text[self.at + 1 : self.at + 2]
        # Not \B: RE2 finds it between the bytes of one character.
        known = letter in _PUNCTUATION or letter in _CONTROLS or letter == "b" or letter.lower() in _CLASSES
        if not letter or not known:
            self._fail(f"\\{letter}")
        self.at += 2
        return letter

    def _escape(self) -> Part:
        letter = self._escaped()
        if letter == "b":
            return Part("\\b", nullable=True)
        if letter.lower() in _CLASSES:
            return Part(_class_text(_ranges_of(letter)))
        return Part(_literal(_CONTROLS.get(letter, letter)))

    def _class(self) -> str:
        start = self.at
        self.at += 1
        negated = self._next() == "^"
        self.at += negated
        ranges: _Ranges = []
        while self._next() != "]":
            ranges += self._class_item()
        if not ranges:
            self._fail("an empty class")
        self.at += 1
        ranges = _merged(ranges)
        ranges = _others(ranges) if negated else ranges
        if not ranges:
            self._fail(f"the class {self.text[start : self.at]}, which no character is of")
        if ranges == [(0, _LAST)]:
            self.dot = True
            return "."
        return _class_text(ranges)

    def _class_item(self) -> _Ranges:
        first = self._class_character()
        follows = self.text[self.at + 1 : self.at + 2]
        if self._next() != "-" or follows in {"]", ""}:
            return [(ord(first), ord(first))] if isinstance(first, str) else first
        self.at += 1
        last = self._class_character()
        if not isinstance(first, str) or not isinstance(last, str) or first > last:
            self._fail("a range from what is not less to what is not more")
        return [(ord(first), ord(last))]

    def _class_character(self) -> str | _Ranges:
        character = self._next()
        if character == "\\":
            letter = self._escaped()
            if letter == "b":
                self._fail("\\b in a class")
            return _ranges_of(letter) if letter.lower() in _CLASSES else _CONTROLS.get(letter, letter)
        if character in {"", "["} or self.text.startswith(("&&", "--", "~~", "||"), self.at):
            self._fail("a [ without its ]" if not character else f"{character} in a class (escape it by \\)")
        self.at += 1
        return character


def _is_lazy(sign: str) -> bool:
    return len(sign) > 1 and sign.endswith("?")


def _ranges_of(letter: str) -> _Ranges:
    known = _CLASSES[letter.lower()]
    return known if letter.islower() else _others(known)


def _merged(ranges: _Ranges) -> _Ranges:
    found: _Ranges = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def _others(ranges: _Ranges) -> _Ranges:
    edges = [-1, *(edge for pair in ranges for edge in pair), _LAST + 1]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(low + 1, high - 1) for low, high in pairs if low + 1 <= high - 1]


def _class_text(ranges: _Ranges) -> str:
    if ranges[-1][1] == _LAST:
        return f"[^{_class_text(_others(ranges))[1:]}"
    listed = (
        _literal(chr(low)) + ("" if low == high else f"{'-' if high > low + 1 else ''}{_literal(chr(high))}")
        for low, high in ranges
    )
    return f"[{''.join(listed)}]"


def _literal(character: str) -> str:
    return _WRITTEN.get(character) or (f"\\{character}" if character in _SPECIAL else character)


def substitution(text: str, pattern: Pattern) -> list[str | int]:
    """What replaces a match: texts, and the numbers of groups."""
    found: list[str | int] = []
    at = 0
    for reference in _REFERENCE.finditer(text):
        found.append(text[at : reference.start()])
        name = reference[1] or reference[2]
        number = int(name) if name.isdigit() else pattern.names.get(name, 0)
        if not 0 < number <= pattern.groups:
            raise PatternError(f"{reference[0]}, which is no group of the pattern")
        found.append(number)
        at = reference.end()
    found.append(text[at:])
    if any(isinstance(part, str) and ("$" in part or "\\" in part) for part in found):
        raise PatternError("a $ or \\ in the substitution that refers to no group")
    if any(str(text)[:1].isdigit() for text in found[2::2]):
        # Groups and texts take turns; engines do not agree on where the number of a group ends.
        raise PatternError("a digit right after the reference to a group")
    return [part for part in found if part != ""]
