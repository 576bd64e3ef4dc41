"""From raw values to typed, judged rows: the temporary tables `candidate` and `rejected`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pyarrow as pa

from a360.contract import SURVIVOR_COLUMN, ColumnPlan, Expression, RowRule, SilverStep
from a360.engine import EngineSession, quote_name, quote_text
from a360.fhir import cast_sql
from a360.quality import RuleResult, Verdicts, verdict_sql
from a360.refine._context import RefineContext
from a360.refine._lookups import Lookups
from a360.refine._payloads import CARRIED, with_units
from a360.refine._reader import PAYLOAD, VIEWED, reader_of
from a360.refine._reasons import TYPE
from a360.refine._rejects import Rejects
from a360.refine._sealing import Sealing
from a360.refine._shape import SilverShape, unreadable_flag

_DUCKDB_TYPES = {
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamptz": "TIMESTAMPTZ",
    "binary": "BLOB",
}
_KEPT = ("source", "version_id", "last_updated", "known_at")
SHAPE_RULE = RowRule(
    name="shape",
    columns=(),
    check=Expression('NOT "#misshapen"'),
    severity="error",
    dimension="conformity",
    doc="an element of the resource has another JSON type than FHIR says",
)
_REUSED = RowRule(
    name="key-reused",
    columns=(),
    check=Expression('NOT "#reused"'),
    severity="error",
    dimension="uniqueness",
    doc="the key names an event that happened longer before than keys are remembered",
)
_RECORD_SHAPE = replace(SHAPE_RULE, doc="a list or an object stands where a value should")


class Candidates:
    """Collects the rows of a step, batch by batch, with the rules that each of them fails."""

    def __init__(
        self, context: RefineContext, step: SilverStep, shape: SilverShape, commit_id: str, rejects: Rejects
    ) -> None:
        self._context = context
        self._session = context.session
        self._shape = shape
        self._commit_id = commit_id
        self._rejects = rejects
        self._sealing = Sealing(context, shape)
        self._reader = reader_of(context, step, self._sealing)
        self._lookups = Lookups(context, step, shape)
        self._verdicts = Verdicts(step.dataset, _ordered_rules(step, shape))
        self._errors = sum(rule.severity == "error" for rule in self._verdicts.rules)
        self._verdict = verdict_sql(self._verdicts.rules)
        self._create()

    def _create(self) -> None:
        columns = ", ".join(
            f"{quote_name(column.name)} {duckdb_type(column.type)}" for column in self._shape.table.columns
        )
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE candidate (row_id BIGINT, {columns}, verdict VARCHAR)"
        )
        self._session.execute("CREATE OR REPLACE TEMP TABLE rejected (row_id BIGINT, verdict VARCHAR)")

    def add(self, payload: pa.Table) -> None:
        """Read, type, tokenise, resolve and judge one batch of payloads; rejected ones are sealed at once."""
        self._session.register(PAYLOAD, with_units(self._session, payload))
        for _ in self._reader.read():
            self._lookups.prepare()
            self._judge()
        self._reject_misshapen()
        self._rejects.capture(self._verdicts)
        self._session.execute("DELETE FROM misshapen")
        self._session.unregister(PAYLOAD)

    def _judge(self) -> None:
        names = ", ".join(quote_name(name) for name in self._shape.table.column_names)
        # Rows are numbered as they come in, which tells those of this batch from the ones before.
        before = self._session.sql("SELECT count(*) AS n FROM candidate")["n"][0].as_py()
        with _joins_as_written(self._session):
            self._session.execute(
                f"INSERT INTO candidate SELECT row_id, {names}, {self._verdict} AS verdict "
                f"FROM ({self._typed_sql()})"
            )
        self._session.execute(
            f"INSERT INTO rejected SELECT row_id, min(verdict) FROM candidate "
            f"WHERE rowid >= {before} AND verdict <> '' "
            f"AND CAST(split_part(verdict, ',', 1) AS INTEGER) < {self._errors} "
            "AND row_id NOT IN (SELECT row_id FROM rejected) GROUP BY row_id"
        )

    def _reject_misshapen(self) -> None:
        number = [rule.name for rule in self._verdicts.rules].index(SHAPE_RULE.name)
        self._session.execute(
            f"INSERT INTO rejected SELECT DISTINCT row_id, '{number}' FROM misshapen "
            "WHERE row_id NOT IN (SELECT row_id FROM rejected)"
        )

    def _typed_sql(self) -> str:
        shape = self._shape
        columns = [f"{self._value_sql(column)} AS {quote_name(column.name)}" for column in shape.viewed]
        flags = [_unreadable(column) for column in _checked_casts(shape)]
        flags.append('v.row_id IN (SELECT row_id FROM misshapen) AS "#misshapen"')
        if shape.has_window:
            flags.append('v.row_id IN (SELECT row_id FROM reused) AS "#reused"')
        current = ["TRUE AS is_current"] if shape.table.history else []
        if shape.is_replaceable:
            current.append(f"{self._lookups.survivor_sql()} AS {SURVIVOR_COLUMN}")
        housekeeping = [
            *(f"v.{name} AS {column}" for name, column in CARRIED.items() if column in _KEPT),
            f"{quote_text(self._commit_id)} AS commit_id",
            "FALSE AS deleted",
            f"{self._lookups.unresolved_sql()} AS unresolved_references",
        ]
        return (
            f"SELECT v.row_id, {', '.join([*columns, *flags, *housekeeping, *current])} "
            f"FROM {VIEWED} AS v {self._lookups.joins_sql()}"
        )

    def _value_sql(self, column: ColumnPlan) -> str:
        if column.name == self._shape.id_column:
            return "v.unit_id"
        if column.name in self._shape.references or column.name in self._shape.tokens:
            return self._lookups.value_sql(column.name)
        return f"v.{quote_name(column.name)}" if column.seal else _cast(column)

    def abandon(self) -> None:
        """Forget what was sealed for rows of which none lands."""
        self._sealing.abandon()

    @property
    def rules(self) -> tuple[RowRule, ...]:
        """The rules of a row, as verdicts number them."""
        return self._verdicts.rules

    def results(self) -> list[RuleResult]:
        """What the row rules measured over all rows that the step read, refused ones included."""
        tally = self._session.sql(
            "SELECT verdict, count(*) AS n FROM (SELECT verdict FROM candidate UNION ALL SELECT verdict "
            "FROM rejected WHERE row_id NOT IN (SELECT row_id FROM candidate)) GROUP BY verdict"
        )
        counted = zip(tally["verdict"].to_pylist(), tally["n"].to_pylist(), strict=True)
        return self._verdicts.results(counted, "batch")


@contextmanager
def _joins_as_written(session: EngineSession) -> Iterator[None]:
    """Have joins look rows up on their right side.

    DuckDB does not know how many rows Arrow data has, so that it would copy all of them to look up the few.
    """
    session.execute("SET disabled_optimizers = 'build_side_probe_side'")
    try:
        yield
    finally:
        session.execute("RESET disabled_optimizers")


def duckdb_type(physical_type: str) -> str:
    """DuckDB's name of a contract's physical type."""
    return _DUCKDB_TYPES.get(physical_type, physical_type.upper())


def _ordered_rules(step: SilverStep, shape: SilverShape) -> tuple[RowRule, ...]:
    """All rules of a row, errors first, so that a verdict's first number tells whether it holds one."""
    types = tuple(
        RowRule(
            name=f"{column.name}{TYPE}",
            columns=(column.name,),
            check=Expression(f"NOT {quote_name(unreadable_flag(column))}"),
            severity="error",
            dimension="conformity",
            doc=f"{column.name} cannot be read as {column.type}",
        )
        for column in _checked_casts(shape)
    )
    shaped = _RECORD_SHAPE if shape.of_records else SHAPE_RULE
    reused = (_REUSED,) if shape.has_window else ()
    rules: Sequence[RowRule] = (shaped, *reused, *types, *step.rules)
    return tuple(sorted(rules, key=lambda rule: rule.severity != "error"))


def _checked_casts(shape: SilverShape) -> list[ColumnPlan]:
    return [*(column for column in shape.plain if column.type != "string"), *shape.sealed]


def _unreadable(column: ColumnPlan) -> str:
    flag = quote_name(unreadable_flag(column))
    if column.seal:
        return f"v.{flag}"
    return f"v.{quote_name(column.name)} IS NOT NULL AND {_cast(column)} IS NULL AS {flag}"


def _cast(column: ColumnPlan) -> str:
    value = f"v.{quote_name(column.name)}"
    return value if column.type == "string" else cast_sql(f"CAST({value} AS VARCHAR)", column.type)
