"""Contracts as CREATE TABLE statements, and back, in the dialects sqlglot knows."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from a360.contract._rules import Scalar
from a360.contract._sql import SqlError, condition_columns
from a360.contract._types import physical_type
from a360.contract.exchange._sketch import Sketch, SketchColumn
from a360.contract.exchange._sql_types import map_type

DUCKDB = "duckdb"
DIALECTS = ("duckdb", "postgres", "spark", "trino")
DATASET = frozenset({"zone", "description", "checks"})
COLUMN = frozenset(
    {"type", "required", "key", "unique", "description", "enum", "references"}
    | {"min_length", "max_length", "minimum", "maximum", "exclusive_minimum", "exclusive_maximum"}
)
# Engines that read files written by others keep no promise but NOT NULL, so that no other is written there.
PLAIN_DATASET = frozenset({"zone", "description"})
PLAIN_COLUMN = frozenset({"type", "required", "description"})
_PLAIN = frozenset({"spark", "trino"})
_BARE = re.compile(r"[a-z_][a-z0-9_]*")
_TYPES = {"string": "TEXT", "int": "INT", "long": "BIGINT", "timestamptz": "TIMESTAMPTZ", "binary": "BLOB"}
_BOUNDS: dict[str, type[exp.Binary]] = {
    "minimum": exp.GTE,
    "maximum": exp.LTE,
    "exclusive_minimum": exp.GT,
    "exclusive_maximum": exp.LT,
}
_LENGTHS: dict[str, type[exp.Binary]] = {"min_length": exp.GTE, "max_length": exp.LTE}


def says(dialect: str) -> tuple[frozenset[str], frozenset[str]]:
    """What a dialect can say of a dataset and of a column."""
    return (PLAIN_DATASET, PLAIN_COLUMN) if dialect in _PLAIN else (DATASET, COLUMN)


def narrow(column: SketchColumn) -> SketchColumn:
    """Nothing more is lost."""
    return column


def write(sketch: Sketch, dialect: str = DUCKDB) -> str:
    """CREATE TABLE with its comments."""
    inline = dialect in _PLAIN
    table = exp.table_(sketch.name, db=sketch.zone, quoted=True)
    definitions: list[exp.Expr] = [_definition(column, inline=inline) for column in sketch.columns]
    definitions += _constraints(sketch)
    properties = None
    if inline and sketch.description:
        comment = exp.SchemaCommentProperty(this=exp.Literal.string(sketch.description))
        properties = exp.Properties(expressions=[comment])
    create = exp.Create(
        this=exp.Schema(this=table, expressions=definitions), kind="TABLE", properties=properties
    )
    statements = [create, *([] if inline else _comments(sketch, table))]
    return "".join(each.sql(dialect, pretty=True, identify=True) + ";\n" for each in statements)


def _definition(column: SketchColumn, *, inline: bool) -> exp.ColumnDef:
    kinds: list[exp.Expr] = []
    if column.required:
        kinds.append(exp.NotNullColumnConstraint())
    if column.unique:
        kinds.append(exp.UniqueColumnConstraint())
    if inline and column.description:
        kinds.append(exp.CommentColumnConstraint(this=exp.Literal.string(column.description)))
    return exp.ColumnDef(
        this=exp.to_identifier(column.name, quoted=True),
        kind=exp.DataType.build(_TYPES.get(column.type, column.type.upper()), dialect=DUCKDB),
        constraints=[exp.ColumnConstraint(kind=kind) for kind in kinds],
    )


def _constraints(sketch: Sketch) -> Iterator[exp.Expr]:
    key = sorted((column for column in sketch.columns if column.key), key=lambda column: column.key)
    if key:
        yield exp.PrimaryKey(expressions=[exp.to_identifier(column.name, quoted=True) for column in key])
    for column in sketch.columns:
        for to in column.references:
            *table, target = to.split(".")
            schema = exp.Schema(
                this=exp.table_(table[-1], db=table[0] if len(table) > 1 else None, quoted=True),
                expressions=[exp.to_identifier(target, quoted=True)],
            )
            yield exp.ForeignKey(
                expressions=[exp.to_identifier(column.name, quoted=True)],
                reference=exp.Reference(this=schema),
            )
        yield from (exp.CheckColumnConstraint(this=check) for check in _checks(column))
    for name, sql in sketch.checks:
        condition = exp.CheckColumnConstraint(this=sqlglot.parse_one(sql, dialect=DUCKDB))
        yield exp.Constraint(this=exp.to_identifier(name, quoted=True), expressions=[condition])


def _checks(column: SketchColumn) -> Iterator[exp.Expr]:
    this = exp.column(column.name, quoted=True)
    if column.enum:
        yield exp.In(this=this, expressions=[exp.convert(value) for value in column.enum])
    for part, kind in _BOUNDS.items():
        bound = getattr(column, part)
        if bound is not None:
            yield kind(this=this.copy(), expression=exp.convert(bound))
    for part, kind in _LENGTHS.items():
        bound = getattr(column, part)
        if bound is not None:
            yield kind(this=exp.Length(this=this.copy()), expression=exp.convert(bound))


def _comments(sketch: Sketch, table: exp.Table) -> Iterator[exp.Expr]:
    if sketch.description:
        text = exp.Literal.string(sketch.description)
        yield exp.Comment(this=table.copy(), kind="TABLE", expression=text)
    for column in sketch.columns:
        if column.description:
            this = exp.column(column.name, table=sketch.name, db=sketch.zone, quoted=True)
            text = exp.Literal.string(column.description)
            yield exp.Comment(this=this, kind="COLUMN", expression=text)


def read(text: str, dialect: str = DUCKDB, zone: str = "silver") -> tuple[list[Sketch], list[str]]:
    """The datasets of all CREATE TABLE statements of a text; other statements are noted."""
    try:
        statements = [each for each in sqlglot.parse(text, dialect=dialect) if each]
    except SqlglotError as error:
        raise ValueError(f"not SQL of {dialect}: {str(error).splitlines()[0]}") from None
    notes: list[str] = []
    sketches: dict[str, Sketch] = {}
    for statement in statements:
        if isinstance(statement, exp.Create) and isinstance(statement.this, exp.Schema):
            sketch = _Reader(statement, zone, notes).read()
            sketches[sketch.name] = sketch
        elif isinstance(statement, exp.Comment):
            _comment(statement, sketches, notes)
        else:
            notes.append(f"the statement {statement.key.upper()} is not taken over")
    return list(sketches.values()), notes


def _comment(statement: exp.Comment, sketches: dict[str, Sketch], notes: list[str]) -> None:
    kind, this, text = str(statement.args.get("kind")), statement.this, statement.expression.name
    name = this.table if kind == "COLUMN" else this.name
    sketch = sketches.get(name)
    if sketch is None:
        notes.append(f"a comment on {kind.lower()} {this.sql()}, which is not created here")
    elif kind == "TABLE":
        sketches[name] = replace(sketch, description=text)
    else:
        columns = tuple(
            replace(each, description=text) if each.name == this.name else each for each in sketch.columns
        )
        sketches[name] = replace(sketch, columns=columns)


class _Reader:
    """Reads one CREATE TABLE."""

    def __init__(self, create: exp.Create, zone: str, notes: list[str]) -> None:
        self._create = create
        self._zone = zone
        self._notes = notes
        self._columns: dict[str, SketchColumn] = {}
        self._checks: list[tuple[str, str]] = []

    def read(self) -> Sketch:
        """The dataset."""
        table = self._create.this.this
        self._name = table.name
        for part in self._create.this.expressions:
            if isinstance(part, exp.ColumnDef):
                self._column(part)
        for part in self._create.this.expressions:
            if not isinstance(part, exp.ColumnDef):
                self._constraint(part, "")
        properties = self._create.args.get("properties")
        return Sketch(
            name=self._name,
            zone=table.db if table.db in {"bronze", "silver", "gold"} else self._zone,
            description=self._properties(properties.expressions if properties else []),
            columns=tuple(self._columns.values()),
            checks=tuple(self._checks),
        )

    def _note(self, text: str) -> None:
        self._notes.append(f"{self._name}: {text}")

    def _properties(self, properties: list[exp.Expr]) -> str:
        description = ""
        for each in properties:
            if isinstance(each, exp.SchemaCommentProperty):
                description = each.this.name
            else:
                self._note(f"{each.sql(DUCKDB) or each.key} is not taken over")
        return description

    def _column(self, part: exp.ColumnDef) -> None:
        name, kind = part.name, part.args.get("kind")
        found = map_type(kind) if kind else None
        if found is None or found.note:
            self._note(f"{name}: {found.note if found else 'a column without a type became string'}")
        self._columns[name] = SketchColumn(
            name, found.type if found else "string", max_length=found.max_length if found else None
        )
        for constraint in part.args.get("constraints") or ():
            self._column_constraint(name, constraint.args["kind"])

    def _set(self, name: str, **parts: Any) -> None:  # noqa: ANN401 - as the parts are
        if name in self._columns:
            self._columns[name] = replace(self._columns[name], **parts)
        else:
            self._note(f"a constraint names {name}, which is no column")

    def _column_constraint(self, name: str, kind: exp.Expr) -> None:
        match kind:
            case exp.NotNullColumnConstraint():
                self._set(name, required=not kind.args.get("allow_null"))
            case exp.PrimaryKeyColumnConstraint():
                self._set(name, key=1, required=True)
            case exp.UniqueColumnConstraint():
                self._set(name, unique=True)
            case exp.CommentColumnConstraint():
                self._set(name, description=kind.this.name)
            case exp.Reference():
                self._reference(name, kind)
            case exp.CheckColumnConstraint():
                self._check(kind.this, "")
            case _:
                self._note(f"{name}: {kind.sql(DUCKDB)} is not taken over")

    def _constraint(self, part: exp.Expr, name: str) -> None:
        match part:
            case exp.Constraint():
                for inner in part.expressions:
                    self._constraint(inner, part.name)
            case exp.PrimaryKey():
                for position, column in enumerate(part.expressions, start=1):
                    self._set(column.name, key=position, required=True)
            case exp.ForeignKey() if len(part.expressions) == 1:
                self._reference(part.expressions[0].name, part.args["reference"])
            case exp.UniqueColumnConstraint() if len(getattr(part.this, "expressions", ())) == 1:
                self._set(part.this.expressions[0].name, unique=True)
            case exp.CheckColumnConstraint():
                self._check(part.this, name)
            case _:
                self._note(f"{part.sql(DUCKDB)} is not taken over")

    def _reference(self, column: str, reference: exp.Expr) -> None:
        schema = reference.this
        targets = schema.expressions if isinstance(schema, exp.Schema) else []
        table = schema.this if isinstance(schema, exp.Schema) else schema
        if len(targets) != 1:
            self._note(f"{column}: a reference to {table.sql(DUCKDB)} names no single column")
            return
        to = ".".join(filter(None, (table.db, table.name, targets[0].name)))
        self._set(column, references=(*self._columns[column].references, to))

    def _check(self, condition: exp.Expr, name: str) -> None:
        if isinstance(condition, exp.Paren):
            self._check(condition.this, name)
        elif name or not self._limit(condition):
            sql = _plain(condition)
            try:
                condition_columns(sql)
            except SqlError as error:
                self._note(f"the check {sql} is not taken over: {error}")
            else:
                self._checks.append((name or f"check_{len(self._checks) + 1}", sql))

    def _limit(self, condition: exp.Expr) -> bool:
        """Take a check over as a limit of its column, where it is one."""
        column = condition.this
        length = isinstance(column, exp.Length)
        column = column.this if length else column
        if not isinstance(column, exp.Column) or column.name not in self._columns:
            return False
        if isinstance(condition, exp.In) and not length:
            values = [_value(each) for each in condition.expressions]
            if values and None not in values and not self._columns[column.name].enum:
                self._set(column.name, enum=tuple(values))
                return True
            return False
        parts = _LENGTHS if length else _BOUNDS
        part = next((name for name, kind in parts.items() if type(condition) is kind), None)
        value = _value(condition.expression) if part else None
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole if length else value is not None and not isinstance(value, bool)
        if part is None or not fits or getattr(self._columns[column.name], part) is not None:
            return False
        if isinstance(value, str) and not self._limited_by_text(column.name):
            return False
        self._set(column.name, **{part: value})
        return True

    def _limited_by_text(self, column: str) -> bool:
        return physical_type(self._columns[column].type).name in {"date", "timestamptz"}


def _value(node: exp.Expr) -> Scalar | None:
    """A literal's value; a cast text, as in DATE '2020-01-01', counts as its text."""
    match node:
        case exp.Literal() if node.is_string:
            return node.name
        case exp.Literal():
            return int(node.name) if node.name.isdigit() else float(node.name)
        case exp.Boolean():
            return bool(node.this)
        case exp.Neg() if isinstance(node.this, exp.Literal) and not node.this.is_string:
            inner = _value(node.this)
            return -inner if isinstance(inner, int | float) else None
        case exp.Cast() if isinstance(node.this, exp.Literal) and node.this.is_string:
            return node.this.name
        case _:
            return None


def _plain(condition: exp.Expr) -> str:
    """A condition as people write it, with quotes about names only where the name needs them."""
    bare = condition.copy()
    for name in bare.find_all(exp.Identifier):
        name.set("quoted", not _BARE.fullmatch(name.name))
    sql = bare.sql(DUCKDB)
    try:
        same = sqlglot.parse_one(sql, dialect=DUCKDB).sql(DUCKDB, identify=True)
    except SqlglotError:
        same = ""
    return sql if same == condition.sql(DUCKDB, identify=True) else condition.sql(DUCKDB, identify=True)
