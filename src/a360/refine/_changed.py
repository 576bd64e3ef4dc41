"""The keys whose upstream rows changed, and the rows of these keys, read without reading all."""

from collections.abc import Mapping, Sequence

from a360.contract import GoldStep, SilverStep
from a360.engine import EngineSession, quote_name, quote_table, quote_text
from a360.refine._context import RefineContext
from a360.refine._shape import silver_shape
from a360.refine._standing import Standing

CHANGED = "changed"
# Keys without nulls apart from those with: scans can be told which values of the former are wanted.
_WHOLE, _WITH_NULLS = "changed_whole", "changed_with_nulls"
_LANDED = "landed"


class ChangedKeys:
    """Keys in temporary tables of a session, a null among them a value like others."""

    def __init__(self, session: EngineSession, columns: Sequence[str]) -> None:
        self._session = session
        self._columns = [quote_name(column) for column in columns]
        self._has_nulls = False

    def take(self, found: str) -> None:
        """Hold the keys that a query gives."""
        missing = " OR ".join(f"{column} IS NULL" for column in self._columns)
        for name, query in (
            (CHANGED, f"SELECT DISTINCT {', '.join(self._columns)} FROM ({found})"),
            (_WHOLE, f"SELECT * FROM {CHANGED} WHERE NOT ({missing})"),
            (_WITH_NULLS, f"SELECT * FROM {CHANGED} WHERE {missing}"),
        ):
            self._session.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")
        self._has_nulls = bool(self._session.sql(f"SELECT count(*) AS n FROM {_WITH_NULLS}")["n"][0].as_py())

    def rows_of(self, relation: str, columns: Sequence[str]) -> str:
        """A query for the rows of a relation that have one of the keys."""
        rows = _selected(relation, columns)
        query = f"{rows} SEMI JOIN {_wanted(_WHOLE, self._columns[0])} AS k ON {_equal(self._columns)}"
        if self._has_nulls:
            query += f" UNION ALL {rows} SEMI JOIN {_WITH_NULLS} AS k ON {self._same}"
        return query

    def result_of(self, query: str, columns: Sequence[str]) -> str:
        """A query for the rows that a query gives of the keys; it is evaluated once."""
        return f"{_selected(f'({query})', columns)} SEMI JOIN {CHANGED} AS k ON {self._same}"

    def keep(self, name: str) -> None:
        """Copy the keys into a table that other keys do not replace."""
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {CHANGED}")

    def are_among(self, keys: str) -> bool:
        """Whether another table of keys has all of these."""
        others = f"SELECT count(*) AS n FROM {CHANGED} AS t ANTI JOIN {keys} AS k ON {self._same}"
        return not self._session.sql(others)["n"][0].as_py()

    def other_rows(self, relation: str, columns: Sequence[str]) -> str:
        """A query for the rows of a relation that have none of the keys."""
        return f"{_selected(relation, columns)} ANTI JOIN {CHANGED} AS k ON {self._same}"

    @property
    def _same(self) -> str:
        return " AND ".join(f"t.{column} IS NOT DISTINCT FROM k.{column}" for column in self._columns)


def _selected(relation: str, columns: Sequence[str]) -> str:
    return f"SELECT {', '.join(f't.{quote_name(name)}' for name in columns)} FROM {relation} AS t"


def _equal(columns: Sequence[str]) -> str:
    return " AND ".join(f"t.{column} = k.{column}" for column in columns)


def _wanted(keys: str, column: str) -> str:
    """A relation of keys of which DuckDB makes a filter for the scan that it is joined with.

    It does where one column is compared for equality and the keys have a condition of their own: here one
    that always holds, which statistics cannot tell. The scan then decodes of other columns what is left.
    """
    return f"(SELECT * FROM {keys} WHERE hash({column}) IS NOT NULL)"


class UpstreamChanges:
    """Finds the keys of rows that came into upstream datasets since a standing, and of those that went."""

    def __init__(self, context: RefineContext, step: GoldStep) -> None:
        self._plan = context.plan
        self._tables = context.tables
        self._session = context.session
        self._dataset = step.dataset
        self._columns = step.refresh.columns
        self._keys = ", ".join(map(quote_name, self._columns))

    def find(self, stood: Standing, commits: Mapping[str, Sequence[str]]) -> ChangedKeys:
        """The keys; `commits` are those of each upstream dataset since."""
        queries = [f"SELECT {self._keys} FROM {quote_table(self._dataset)} WHERE FALSE"]
        for number, (dataset, since) in enumerate(commits.items()):
            if since:
                queries += self._queries(f"{_LANDED}_{number}", dataset, stood.upstream[dataset], since)
        keys = ChangedKeys(self._session, self._columns)
        keys.take(" UNION ALL ".join(queries))
        return keys

    def _queries(self, landed: str, dataset: str, before: str, commits: Sequence[str]) -> list[str]:
        key = self._plan.table(dataset).key
        texts = ", ".join(map(quote_text, commits))
        names = ", ".join(map(quote_name, dict.fromkeys([*self._columns, *key])))
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {landed} AS "
            f"SELECT {names} FROM {quote_table(dataset)} WHERE commit_id IN ({texts})"
        )
        queries = [f"SELECT {self._keys} FROM {landed}"]
        loses, moves = self._loses_rows(dataset), not set(self._columns) <= set(key)
        if (loses or moves) and not self._tables.only_grew(dataset, before):
            then = f"(SELECT * FROM {quote_table(dataset)} AT (VERSION => {int(before)}))"
            names_of_row = [quote_name(column) for column in key]
            if moves:
                queries.append(self._moved(landed, then, names_of_row))
            if loses:
                queries.append(
                    f"SELECT {self._keys} FROM {then} AS t ANTI JOIN {quote_table(dataset)} AS k "
                    f"ON {_equal(names_of_row)}"
                )
        return queries

    def _moved(self, landed: str, then: str, key: Sequence[str]) -> str:
        """The keys that the rows which landed had before."""
        counts = ", ".join(f"count(DISTINCT {name}) AS {name}" for name in key)
        distinct = list(self._session.sql(f"SELECT {counts} FROM {landed}").to_pylist()[0].values())
        # One column tells most rows apart, and of one column a scan can be told what is wanted.
        most = key[max(range(len(key)), key=lambda place: distinct[place])]
        near = f"SELECT * FROM {then} AS t SEMI JOIN {_wanted(landed, most)} AS k ON {_equal([most])}"
        return f"SELECT {self._keys} FROM ({near}) AS t SEMI JOIN {landed} AS k ON {_equal(key)}"

    def _loses_rows(self, dataset: str) -> bool:
        """Whether rows go without a trace.

        A newer version of a resource may have fewer of them; an event may prove to have taken a given key.
        """
        step = self._plan.step(dataset)
        if not isinstance(step, SilverStep):
            return False
        shape = silver_shape(step, self._plan.table(dataset))
        return shape.many or shape.has_window
