"""From the payload of records to the columns of a contract: what a plan says, compiled to DuckDB SQL.

What comes out are lexical values, as views over FHIR give them: dates and times in ISO 8601, numbers with a
point, `true` and `false`. The casts of the contract read them. A text that its format does not read comes out
with `UNREAD` before it, which no cast reads, so that its row is refused: it is never null, and never another
value.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from a360.contract import FieldPlan, RecordPlan, quote_name, quote_text
from a360.records._dates import date_layers, iso_layers
from a360.records._values import boolean_sql, number_sql, typed_number_sql
from a360.records._zones import Layer, zone_layer

UNREAD = "?"
# The member that holds the text of a typed value that JSON has no type for: {"=": "12.50"}.
TYPED = "="
MISSHAPEN = "#misshapen"
_NUMBERS = ("int", "long", "double", "decimal")
_TIMES = ("date", "timestamptz")
_BLANKS = " \t\r\n\u00a0"
_PADDED = f"^[{_BLANKS}]|[{_BLANKS}]$"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A compiled mapping: a SELECT over a relation of payloads.

    `sql` gives the carried columns, a column of text for each field, and where records can have members of
    several JSON types `MISSHAPEN`: the names of those in whose place a list or an object stands, else null.
    """

    sql: str
    columns: tuple[str, ...]
    has_shape: bool


def compile_mapping(
    record: RecordPlan,
    *,
    source: str,
    payload: str = "payload",
    carry: Sequence[str] = (),
    fields: Sequence[FieldPlan] | None = None,
    owner: str = "unit_source",
) -> Mapping:
    """Compile the fields of a record, or others read by the same rules, over a relation of payloads.

    Fields are named by their column, or by their first name where no column holds them. `owner` is the
    carried column with the source, which the key of a record that is referred to is made of.
    """
    chosen = record.fields if fields is None else tuple(fields)
    members = _Members(record)
    raw = [column for number, field in enumerate(chosen) for column in members.raw(number, field)]
    query = f"SELECT {', '.join([*map(quote_name, carry), *members.extracted(payload)])} FROM {source}"
    zoned = record.zone is not None and any(field.type == "timestamptz" for field in chosen)
    first = [*raw, *members.shape(), *(zone_layer(record.zone or "") if zoned else ())]
    query = f"SELECT {_listed(carry, first)} FROM ({query})"
    kept = [*carry, *(name for name, _ in first)]
    layers = [_layers(number, field, record, members.typed) for number, field in enumerate(chosen)]
    for depth in range(max(map(len, layers), default=0)):
        level = [steps[depth] for steps in layers if depth < len(steps)]
        query = f"SELECT {_listed(kept, level)} FROM ({query})"
        kept += [name for name, _ in level]
    named = [(field.column or field.names[0], _final(n, field, owner)) for n, field in enumerate(chosen)]
    shape = [MISSHAPEN] if members.typed else []
    query = f"SELECT {_listed([*carry, *shape], named)} FROM ({query})"
    return Mapping(query, tuple(name for name, _ in named), members.typed)


class _Members:
    """The members of a payload that fields are found in: all taken out in one pass over the text."""

    def __init__(self, record: RecordPlan) -> None:
        self._record = record
        self.typed = set(record.kinds) != {"csv"}
        self._boxes = "parquet" in record.kinds
        self._pointers: dict[str, str] = {}
        self._places: dict[str, int] = {}

    def raw(self, number: int, field: FieldPlan) -> Iterator[Layer]:
        """The text of a field, and whether it was typed where it comes from."""
        ways = [field.path] if field.path else [(name,) for name in field.names]
        texts = [self._text(self._pointer(way)) for way in ways]
        yield f"raw{number}", _first(texts)
        if self.typed:
            typed = [self._is_typed(self._pointer(way)) for way in ways]
            found = zip(texts, typed, strict=True)
            whens = " ".join(f"WHEN {text} IS NOT NULL THEN {flag}" for text, flag in found)
            yield f"typed{number}", f"CASE {whens} ELSE FALSE END"

    def shape(self) -> list[Layer]:
        """The members in whose place a list or an object stands, where a value should; null where none."""
        if not self.typed:
            return []
        faulty = ["''"]
        for pointer, name in self._pointers.items():
            kind, boxed = self._kind(pointer), self._boxed(pointer)
            bare = f" AND {boxed} IS NULL" if boxed else ""
            wrong = f"{kind} = 'ARRAY' OR ({kind} = 'OBJECT'{bare})"
            faulty.append(f"CASE WHEN {wrong} THEN {quote_text(', ' + name)} END")
        return [(MISSHAPEN, f"nullif(substring(concat({', '.join(faulty)}), 3), '')")]

    def extracted(self, payload: str) -> Iterator[str]:
        """The columns that hold all members, once it is known which are wanted."""
        if not self._places:
            return
        pointers = ", ".join(map(quote_text, self._places))
        yield f"json_extract_string({payload}, [{pointers}]) AS texts"
        if self.typed:
            yield f"json_type({payload}, [{pointers}]) AS kinds"

    def _text(self, pointer: str) -> str:
        """The text of a member, null where it means nothing."""
        plain = self._at(pointer)
        cleaned = _trimmed(plain) if self._record.trim else plain
        for null in self._record.nulls:
            cleaned = f"nullif({cleaned}, {quote_text(null)})"
        if not self.typed:
            return cleaned
        return (
            f"CASE {self._kind(pointer)} WHEN 'VARCHAR' THEN {cleaned} "
            f"WHEN 'OBJECT' THEN {self._boxed(pointer) or 'NULL'} WHEN 'ARRAY' THEN NULL ELSE {plain} END"
        )

    def _is_typed(self, pointer: str) -> str:
        return f"{self._kind(pointer)} <> 'VARCHAR'"

    def _pointer(self, way: Sequence[str]) -> str:
        """The JSON pointer of a way through members (RFC 6901); a name with any character can be said so."""
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in way)
        self._at(pointer)
        self._pointers[pointer] = ".".join(way)
        return pointer

    def _boxed(self, pointer: str) -> str:
        """The text of a typed value that JSON has no type for, if there can be any."""
        return self._at(f"{pointer}/{TYPED}") if self._boxes else ""

    def _at(self, pointer: str) -> str:
        place = self._places.setdefault(pointer, len(self._places) + 1)
        return f"texts[{place}]"

    def _kind(self, pointer: str) -> str:
        return f"kinds[{self._places[pointer]}]"


def _trimmed(text: str) -> str:
    """Few texts have blanks around them, and to look is cheaper than to trim."""
    blanks = quote_text(_BLANKS)
    return (
        f"CASE WHEN regexp_matches({text}, {quote_text(_PADDED)}) THEN trim({text}, {blanks}) ELSE {text} END"
    )


def _first(texts: list[str]) -> str:
    return texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"


def _layers(number: int, field: FieldPlan, record: RecordPlan, typed: bool) -> list[Layer]:  # noqa: FBT001 - private
    """The columns that lead from a field's text to its lexical value, which is the last of them."""
    raw, name, flag = quote_name(f"raw{number}"), f"value{number}", quote_name(f"typed{number}")
    kind = field.type.partition("(")[0]
    if kind in _TIMES:
        return _time_layers(name, raw, flag if typed else "", field, record)
    if kind in _NUMBERS:
        written = number_sql(raw, kind, record)
        if typed:
            written = f"CASE WHEN {flag} THEN {typed_number_sql(raw, kind)} ELSE {written} END"
        return [(name, written)]
    if kind == "boolean":
        return [(name, boolean_sql(raw, record))]
    return [(name, raw)]


def _time_layers(name: str, raw: str, flag: str, field: FieldPlan, record: RecordPlan) -> list[Layer]:
    if not flag:
        return date_layers(name, raw, field.type, field.formats, record.zone)
    # A date or time that was one where it comes from is written in ISO 8601, whatever texts are written in.
    day = f"regexp_extract({raw}, '^(\\d{{4}}-\\d{{2}}-\\d{{2}})(?:T[0-9:.]+)?$', 1)"
    typed = iso_layers(f"{name}.typed", raw, field.type, record.zone)
    if field.type == "date":
        typed = [(f"{name}.typed", f"nullif({day}, '')")]
    written = date_layers(f"{name}.written", raw, field.type, field.formats, record.zone)
    read, known = _last(written), _last(typed)
    both = f"CASE WHEN {flag} THEN coalesce({known}, {read}) ELSE {read} END"
    return [*typed, *written, (name, both)]


def _last(layers: list[Layer]) -> str:
    return quote_name(layers[-1][0])


def _final(number: int, field: FieldPlan, owner: str) -> str:
    """A field's lexical value, or its text marked as one that cannot be read."""
    raw, value = quote_name(f"raw{number}"), quote_name(f"value{number}")
    if field.reference is not None:
        # An identifier may hold any character, and is told apart from the rest of a search by encoding.
        system = field.reference.system
        if system is None:
            return f"{quote_text(field.reference.type + '/')} || {raw}"
        search = quote_text(f"{field.reference.type}?identifier=")
        return f"{search} || url_encode({quote_text(system)}) || '|' || url_encode({raw})"
    if field.record:
        return f"{owner} || {quote_text(f'|{field.record}|')} || {raw}"
    if field.type == "string":
        return value
    return f"CASE WHEN {raw} IS NOT NULL THEN coalesce({value}, {quote_text(UNREAD)} || {raw}) END"


def _listed(kept: Sequence[str], added: Sequence[Layer] = ()) -> str:
    return ", ".join([*map(quote_name, kept), *(f"{sql} AS {quote_name(name)}" for name, sql in added)])
