"""Statements of house SQL that make, change and drop temporary tables and views."""

from collections.abc import Callable, Iterator

import pyarrow as pa
from pyspark.sql import DataFrame
from sqlglot import exp

from a360.engine.spark._arrow import from_spark
from a360.engine.spark._columns import Lookup, columns_of
from a360.engine.spark._names import Names
from a360.engine.spark._temporary import quoted
from a360.errors import UsageError

# What changes a temporary table that is there.
_CHANGES = (exp.Insert, exp.Update, exp.Delete, exp.Alter)


class Statements:
    """Runs statements; a table of the workers that one changes is made anew, since a result cannot change."""

    def __init__(self, names: Names, rows: Callable[[exp.Expr], DataFrame], lookup: Lookup) -> None:
        self._names = names
        self._rows = rows
        self._lookup = lookup

    def run(self, statement: exp.Expr, sql: str) -> pa.Table | None:
        """Run a statement, which is given as it was written as well; the rows that it returns, if it does."""
        changed = statement.this.name if isinstance(statement, _CHANGES) else ""
        if changed in self._names.near and self._names.is_near(statement):
            return self._names.change(changed, statement, sql)
        match statement:
            case exp.Create():
                self._create(statement, sql)
            case exp.Insert():
                return self._insert(statement)
            case exp.Update() | exp.Delete() | exp.Alter():
                self._names.move(changed)
                self._remake(statement)
            case exp.Drop():
                for table in statement.args.get("tables") or [statement.this]:
                    self._names.drop(table.name)
            case _:
                raise _refused(statement)
        return None

    def _remake(self, statement: exp.Update | exp.Delete | exp.Alter) -> None:
        match statement:
            case exp.Update():
                self._update(statement)
            case exp.Delete():
                self._delete(statement)
            case exp.Alter():
                self._alter(statement)

    def _create(self, create: exp.Create, sql: str) -> None:
        temporary = create.find(exp.TemporaryProperty)
        schema = create.this if isinstance(create.this, exp.Schema) else None
        name, query = (schema.this if schema else create.this).name, create.expression
        if temporary is None or create.kind not in {"TABLE", "VIEW"} or (schema is None) == (query is None):
            raise _refused(create)
        if name in self._names and not create.args.get("replace"):
            if create.args.get("exists"):
                return
            raise UsageError("engine-failed", "A temporary table is there already", found=name)
        if schema is not None and self._names.holds:
            self._names.make(name, exp.select(), sql)
        elif schema is not None:
            self._names.keep(name, self._empty(schema))
        elif create.kind == "VIEW":
            self._names.view(name, query, sql)
        elif self._names.is_near(query):
            self._names.make(name, query, sql)
        else:
            self._names.keep(name, self._rows(query))

    def _empty(self, schema: exp.Schema) -> DataFrame:
        columns = [exp.alias_(exp.cast(exp.null(), each.kind), each.name, quoted=True) for each in schema]
        return self._rows(exp.select(*columns).limit(0))

    def _insert(self, insert: exp.Insert) -> pa.Table | None:
        target, query = insert.this, insert.expression
        if not isinstance(target, exp.Table) or target.db or target.name not in self._names:
            raise _refused(insert)
        given = columns_of(query, self._lookup)
        part = self._names.add(
            target.name, self._fitted(target.name, self._rows(query), given, by_name=insert.args["by_name"])
        )
        returning = insert.args.get("returning")
        if returning is None:
            return None
        names = [each.name for each in returning.expressions]
        return (
            part.select(names) if isinstance(part, pa.Table) else from_spark(part.select(*map(quoted, names)))
        )

    def _fitted(self, name: str, rows: DataFrame, given: list[str], *, by_name: bool) -> DataFrame:
        """Rows in the columns and types of a temporary table."""
        schema = self._names.schema(name)
        if not by_name and len(given) != len(schema):
            raise UsageError(
                "engine-failed", "Rows have another number of columns than the table", found=name
            )
        rows = rows.toDF(*given)
        known = {each.lower() for each in given}
        chosen = []
        for at, column in enumerate(schema):
            source = column.name if by_name else given[at]
            value = quoted(source) if source.lower() in known else "NULL"
            chosen.append(f"CAST({value} AS {column.dataType.simpleString()}) AS {quoted(column.name)}")
        return rows.selectExpr(*chosen)

    def _update(self, update: exp.Update) -> None:
        name, where = update.this.name, update.args.get("where")
        anew = {each.this.name.lower(): each.expression for each in update.expressions}
        self._again(update, name, list(self._changed(name, anew, where.this if where else exp.true())))

    def _changed(self, name: str, anew: dict[str, exp.Expr], where: exp.Expr) -> Iterator[exp.Expr]:
        for column in self._names.schema(name).names if name in self._names else ():
            value = anew.get(column.lower())
            old = exp.column(column, quoted=True)
            if value is None:
                yield old
            else:
                case = exp.Case(ifs=[exp.If(this=where.copy(), true=value.copy())], default=old)
                yield exp.alias_(case, column, quoted=True)

    def _again(
        self, statement: exp.Expr, name: str, columns: list[exp.Expr], keep: exp.Expr | None = None
    ) -> None:
        """Make a temporary table anew of its own rows."""
        if name not in self._names:
            raise _refused(statement)
        query = exp.select(*columns).from_(exp.to_table(quoted_house(name), dialect="duckdb"))
        self._names.keep(name, self._rows(query.where(keep) if keep is not None else query))

    def _delete(self, delete: exp.Delete) -> None:
        where = delete.args.get("where")
        keep = (
            exp.Not(this=exp.Coalesce(this=where.this.copy(), expressions=[exp.false()]))
            if where
            else exp.false()
        )
        self._again(delete, delete.this.name, [exp.Star()], keep)

    def _alter(self, alter: exp.Alter) -> None:
        added = []
        for action in alter.args["actions"]:
            if not isinstance(action, exp.ColumnDef) or action.kind is None:
                raise _refused(alter)
            default = action.find(exp.DefaultColumnConstraint)
            value = default.this if default else exp.null()
            added.append(exp.alias_(exp.cast(value.copy(), action.kind), action.name, quoted=True))
        self._again(alter, alter.this.name, [exp.Star(), *added])


def quoted_house(name: str) -> str:
    """A name as house SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def _refused(statement: exp.Expr) -> UsageError:
    return UsageError(
        "engine-failed",
        "Spark is not given a statement of this kind",
        found=type(statement).__name__.upper(),
        next_step="make temporary tables; what the lake's tables hold is changed by `a360.table` alone",
    )
