"""How generated code reads a message: fields of a segment, or components of a data type, as expressions.

What is read is named by the guide's references (`PID-3.4`, `CX.4`). A scope turns one into Python source, and
remembers which fields or components the code needs to have at hand.
"""

from functools import cache
from typing import NamedTuple, Protocol

from a360.hl7v2._conditions import Resolver, Value


class Read(NamedTuple):
    """Source that reads a value: whether it is there, its pieces, and the text of its first piece.

    `inner` says that the text may still hold pieces, of which the first is meant; `whole` is the text that
    is cut into the pieces, and `cut` by what, where the value may be remembered by it.
    """

    there: str
    pieces: str
    text: str
    inner: bool = False
    whole: str = ""
    cut: str = ""


class Scope(Protocol):
    """What code is generated for: the fields of a segment or the components of a data type."""

    def read(self, source: str, rep: str) -> Read:
        """How a source is read, in the repetition that a variable counts, or in the first."""

    def resolver(self, source: str, rep: str) -> Resolver:
        """How a condition of a mapping from a source gets at what it speaks of."""

    def count(self, source: str) -> str:
        """How many repetitions a source has; empty if it has none to count."""

    def present(self, numbers: frozenset[int]) -> str:
        """Whether any of some fields or components has a value."""

    def cut_in_loop(self) -> list[str]:
        """What stands before the code of a loop that was just written."""

    def prologue(self) -> list[str]:
        """What stands before all the code of the scope."""


@cache
def numbers_of(ref: str) -> tuple[str, tuple[int, ...]]:
    """`PID-3.4.1` to its name and numbers."""
    name, _, rest = ref.replace("-", ".", 1).partition(".")
    return name, tuple(int(number) for number in rest.split(".") if number)


def source_of(ref: str) -> tuple[str, int]:
    """The segment or data type a source names, and its field or component; nought if it is the whole."""
    name, numbers = numbers_of(ref)
    return name, numbers[0] if numbers else 0


class Fields:
    """The fields of a segment, and of the segments near it.

    `f` has the fields as they were sent, `c7` the repetitions of a field; `t7` is the text of the first of
    them and `z7` its pieces, `u7` and `s7` those of the one a loop is at.
    """

    def __init__(self, owner: str) -> None:
        self._owner = owner
        # What the code has at hand: variables by field, in the order they have to be made.
        self._held: dict[str, str] = {}
        # The same of the repetition a loop is at.
        self._looped: dict[str, str] = {}

    def read(self, source: str, rep: str) -> Read:
        """How a source is read."""
        if "-" not in source:
            # A mapping of the segment itself: it has no field, so it always has a value.
            return Read("", "[]", '""')
        numbers = numbers_of(source)[1]
        if len(numbers) == 1:
            whole = self._text(source, rep)
            return Read(whole, f'{whole}.split("^")', whole, inner=False, whole=whole, cut="^")
        at = self._pieces(source, rep)
        component = numbers[1] - 1
        held = f"{at}[{component}]"
        there = f"len({at}) > {component} and {held}" if component else held
        if len(numbers) == 2:  # noqa: PLR2004 - field and component
            return Read(there, f'{held}.split("&")', held, inner=True, whole=held, cut="&")
        held = f"piece({held}, {numbers[2] - 1})"
        return Read(f"{there} and {held}", f"[{held}]", held)

    def _repetitions(self, source: str) -> str:
        """The variable with the repetitions of a field."""
        name, numbers = numbers_of(source)
        field = numbers[0]
        suffix = str(field) if name == self._owner else f"{name}_{field}"
        if f"c{suffix}" not in self._held:
            self._held[f"c{suffix}"] = (
                f"view.parts({field}) if f[{field}] else NONE"
                if name == self._owner
                else f"near(view, {name!r}, {field})"
            )
        return f"c{suffix}"

    def _text(self, source: str, rep: str) -> str:
        """The variable with the text of a repetition of a field; empty if it says nothing."""
        name, numbers = numbers_of(source)
        if not rep and name == self._owner:
            self._held["t"] = "view.firsts"
            self._held[f"t{numbers[0]}"] = f"t[{numbers[0]}]"
            return f"t{numbers[0]}"
        all_of = self._repetitions(source)
        held, stem = (self._looped, "u") if rep else (self._held, "t")
        at = rep or "0"
        test = f"{at} < len({all_of})" if rep else all_of
        held[f"{stem}{all_of[1:]}"] = f'{all_of}[{at}] if {test} else ""'
        return f"{stem}{all_of[1:]}"

    def _pieces(self, source: str, rep: str) -> str:
        """The variable with the pieces of a repetition of a field."""
        text = self._text(source, rep)
        held, name = (self._looped, "s") if rep else (self._held, "z")
        held[f"{name}{text[1:]}"] = f'{text}.split("^")'
        return f"{name}{text[1:]}"

    def resolver(self, source: str, rep: str) -> Resolver:
        """How a condition of a mapping from a source gets at what it speaks of."""

        def resolve(ref: str) -> Value:
            if "-" not in ref and "." not in ref:
                return Value("'1'" if ref == self._owner else f"('1' if {ref!r} in view.near else '')", "1")
            if "-" not in ref:
                # `CWE.3` in a segment's map: a component of the field that is mapped.
                ref = f"{source}.{ref.partition('.')[2]}"
            name, numbers = numbers_of(ref)
            there, mapped = numbers_of(source)
            own = name == there and numbers[:1] == mapped[:1]
            return self._value(name, numbers, rep if own else "")

        return resolve

    def _value(self, name: str, numbers: tuple[int, ...], rep: str) -> Value:
        field, *rest = numbers
        raw = f"f[{field}]" if name == self._owner else f"raw(view, {name!r}, {field})"
        count = f"({raw}.count('~') + 1 if {raw} else 0)"
        if rep:
            text = f"first_of({self._text(f'{name}-{field}', rep)})"
        elif name == self._owner:
            text = f"({raw} and whole({raw}))"
        else:
            text = f"whole({raw})"
        if rest:
            component = rest[0] - 1
            inner = rest[1] - 1 if len(rest) > 1 else -1
            at = self._pieces(f"{name}-{field}", rep)
            held = f"{at}[{component}]"
            text = f"(len({at}) > {component} and {held} and within({held}, {inner}) or '')"
        return Value(text, count)

    def count(self, source: str) -> str:
        """How many repetitions a field has."""
        if "-" not in source:
            return ""
        return f"len({self._repetitions(source)})"

    def cut_in_loop(self) -> list[str]:
        """What stands before the code of a loop that was just written: loops do not lie in one another."""
        lines = [f"{name} = {source}" for name, source in self._looped.items()]
        self._looped.clear()
        return lines

    def present(self, numbers: frozenset[int]) -> str:
        """Whether any of some fields was sent."""
        return " or ".join(f"f[{number}]" for number in sorted(numbers))

    def prologue(self) -> list[str]:
        """What stands before all the code of the scope."""
        return ["f = view.fields", *(f"{name} = {source}" for name, source in self._held.items())]


class Components:
    """The components of a data type: `p` has them, made up to as many as the code looks at."""

    def __init__(self) -> None:
        self._most = 0

    def read(self, source: str, rep: str) -> Read:  # noqa: ARG002 - components do not repeat
        """How a source is read."""
        numbers = numbers_of(source)[1] if source else ()
        if not numbers:
            return Read("", "parts", "p[0]")
        held = self._held(numbers[0] - 1)
        there = f"{held} and {held} != NULL"
        if len(numbers) == 1:
            return Read(there, f'{held}.split("&")', held, inner=True)
        found = f"piece({held}, {numbers[1] - 1})"
        return Read(f"{there} and {found}", f"[{found}]", found)

    def _held(self, at: int) -> str:
        self._most = max(self._most, at + 1)
        return f"p[{at}]"

    def resolver(self, source: str, rep: str) -> Resolver:  # noqa: ARG002 - components do not repeat
        """How a condition of a mapping from a source gets at what it speaks of."""

        def resolve(ref: str) -> Value:
            numbers = numbers_of(ref or source)[1]
            held = self._held(numbers[0] - 1 if numbers else 0)
            return Value(f"({held} and within({held}, 0))", "1")

        return resolve

    def count(self, source: str) -> str:  # noqa: ARG002 - components do not repeat
        """How many repetitions a component has: it does not repeat."""
        return ""

    def cut_in_loop(self) -> list[str]:
        """What stands before the code of a loop: there are none."""
        return []

    def present(self, numbers: frozenset[int]) -> str:
        """Whether any of some components has a value."""
        return " or ".join(self._held(number - 1) for number in sorted(numbers))

    def prologue(self) -> list[str]:
        """What stands before all the code of the scope."""
        most = max(self._most, 1)
        return [f"p = parts if len(parts) >= {most} else parts + BLANK[: {most} - len(parts)]"]
