"""Parses FHIRPath by precedence climbing: any text gives a tree or a `PathSyntaxError`, nothing else."""

from a360.fhir._fhirpath._lexer import PathSyntaxError, Token, tokens
from a360.fhir._fhirpath._syntax import (
    Binary,
    Constant,
    Indexer,
    Invocation,
    Kind,
    Member,
    Node,
    This,
    Unary,
    Value,
)

# From loosest to tightest, as the FHIRPath specification orders them.
_LEVELS: tuple[frozenset[str], ...] = (
    frozenset({"implies"}),
    frozenset({"or", "xor"}),
    frozenset({"and"}),
    frozenset({"in", "contains"}),
    frozenset({"=", "!=", "~", "!~"}),
    frozenset({"<", "<=", ">", ">="}),
    frozenset({"|"}),
    frozenset({"is", "as"}),
    frozenset({"+", "-", "&"}),
    frozenset({"*", "/", "div", "mod"}),
)
_POWER = {operator: power for power, level in enumerate(_LEVELS) for operator in level}
_UNARY_POWER = len(_LEVELS)
_LITERALS: dict[str, Kind] = {
    "string": "string",
    "integer": "integer",
    "decimal": "decimal",
    "date": "date",
    "dateTime": "dateTime",
    "time": "time",
}

# What people write who know other languages, by the word before the place where it no longer fits.
_HINTS = {"not": ": write not() after what it negates", "=": ": a single = compares"}

MAX_LENGTH = 10_000
MAX_DEPTH = 60


def parse(path: str) -> Node:
    """The syntax tree of an expression."""
    if len(path) > MAX_LENGTH:
        raise PathSyntaxError(f"the expression has {len(path)} characters, more than {MAX_LENGTH}")
    return _Parser(tokens(path)).whole()


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._expression(0)
        if self._peek().kind != "end":
            raise self._unexpected()
        return node

    def _peek(self) -> Token:
        return self._tokens[self._next]

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _at(self, symbol: str) -> bool:
        token = self._peek()
        return token.kind == "symbol" and token.text == symbol

    def _accept(self, symbol: str) -> bool:
        if self._at(symbol):
            self._next += 1
            return True
        return False

    def _expect(self, symbol: str) -> None:
        if not self._accept(symbol):
            raise self._unexpected(f"'{symbol}' was expected")

    def _unexpected(self, expected: str = "") -> PathSyntaxError:
        token = self._peek()
        found = (
            "the expression ends" if token.kind == "end" else f"{token.text!r} at character {token.at + 1}"
        )
        before = self._tokens[self._next - 1].text if self._next else ""
        hint = _HINTS.get(before, "")
        return PathSyntaxError(f"{found} where {expected or 'it may not stand'}{hint}")

    def _expression(self, power: int) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise PathSyntaxError(f"the expression nests deeper than {MAX_DEPTH} levels")
        left = self._unary()
        count = 0
        while (found := self._operator(power)) is not None:
            count += 1
            if count > MAX_DEPTH:
                raise PathSyntaxError(f"the expression chains more than {MAX_DEPTH} operators")
            self._next += 1
            left = Binary(found, left, self._expression(_POWER[found] + 1))
        self._depth -= 1
        return left

    def _operator(self, power: int) -> str | None:
        token = self._peek()
        if token.kind not in {"symbol", "name"}:
            return None
        return token.text if _POWER.get(token.text, -1) >= power else None

    def _unary(self) -> Node:
        token = self._peek()
        if token.kind == "symbol" and token.text in {"+", "-"}:
            self._next += 1
            return Unary(token.text, self._expression(_UNARY_POWER))
        return self._steps(self._term())

    def _steps(self, node: Node) -> Node:
        count = 0
        while True:
            count += 1
            if count > MAX_DEPTH:
                raise PathSyntaxError(f"the path has more than {MAX_DEPTH} steps")
            if self._accept("."):
                node = self._step(node)
            elif self._accept("["):
                index = self._expression(0)
                self._expect("]")
                node = Indexer(node, index)
            else:
                return node

    def _step(self, target: Node | None) -> Node:
        token = self._peek()
        if token.kind == "this" and target is not None:
            raise self._unexpected("a name was expected")
        if token.kind not in {"name", "quoted"}:
            raise self._unexpected("a name was expected")
        self._next += 1
        if self._accept("("):
            return Invocation(target, token.text, self._arguments())
        return Member(target, token.text)

    def _arguments(self) -> tuple[Node, ...]:
        if self._accept(")"):
            return ()
        found = [self._expression(0)]
        while self._accept(","):
            found.append(self._expression(0))
        self._expect(")")
        return tuple(found)

    def _term(self) -> Node:
        leaf = self._leaf(self._peek())
        if leaf is not None:
            self._next += 1
            return leaf
        if self._accept("("):
            node = self._expression(0)
            self._expect(")")
            return node
        if self._accept("{"):
            self._expect("}")
            return Value("empty", "")
        return self._step(None)

    @staticmethod
    def _leaf(token: Token) -> Node | None:
        if token.kind in _LITERALS:
            return Value(_LITERALS[token.kind], token.text)
        if token.kind == "name" and token.text in {"true", "false"}:
            return Value("boolean", token.text)
        if token.kind == "constant":
            return Constant(token.text)
        return This(token.text) if token.kind == "this" else None
