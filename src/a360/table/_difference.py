"""What differs between two states of a table, row by row, found by key in one pass of the engine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from a360.contract import TablePlan
from a360.engine import EngineSession, quote_name, quote_table, quote_text
from a360.table._pins import moment, pins
from a360.table._tables import Tables

# They say when and by which commit a row was written, not what it says.
_OF_THE_MOMENT = ("commit_id", "known_at")
_FOUND = "difference"


@dataclass(frozen=True, slots=True)
class State:
    """A table at a moment: the snapshot, None where it held nothing, and its columns."""

    table: str
    snapshot_id: str | None
    columns: Sequence[str]

    @property
    def rows_sql(self) -> str:
        """A relation with the state's rows."""
        name = quote_table(self.table)
        if self.snapshot_id is None:
            return f"(SELECT * FROM {name} WHERE FALSE)"
        return f"(SELECT * FROM {name} AT (VERSION => {int(self.snapshot_id)}))"


@dataclass(frozen=True, slots=True)
class Difference:
    """Counts, which are exact, and as samples the first rows of each kind of change.

    Without a key rows are compared as a whole: a changed row is one removed and one added.
    """

    table: str
    before: str | None
    after: str | None
    key: Sequence[str]
    added: int
    removed: int
    changed: int
    unchanged: int
    changed_columns: dict[str, int]
    columns_added: Sequence[str]
    columns_removed: Sequence[str]
    not_compared: Sequence[str]
    samples: Sequence[Mapping[str, Any]]

    @property
    def truncated(self) -> bool:
        """Whether there is more than the samples show."""
        shown = sum(int(each.get("times", 1)) for each in self.samples)
        return shown < self.added + self.removed + self.changed


def state_of(tables: Tables, name: str, snapshot_id: str | None) -> State:
    """A table as a snapshot has it; its columns are those of that snapshot's schema."""
    table = tables.load(name)
    schema = table.schema()
    if snapshot_id is not None and (snapshot := table.metadata.snapshot_by_id(int(snapshot_id))) is not None:
        schema = table.schemas().get(snapshot.schema_id or 0, schema)
    return State(name, snapshot_id, [field.name for field in schema.fields])


def difference(
    session: EngineSession, plan: TablePlan, before: State, after: State, *, limit: int
) -> Difference:
    """Compare two states of a table; at most `limit` rows of each kind of change are kept."""
    return _Comparison(session, plan, before, after).run(limit)


def diff(tables: Tables, plan: TablePlan, before: str, after: str | None, *, limit: int) -> Difference:
    """Compare two moments of a table; without the second, the first with how it stands."""
    name = plan.dataset
    then = pins(tables, moment(before), [name])[name]
    now = tables.current_snapshot_id(name) if after is None else pins(tables, moment(after), [name])[name]
    states = [state_of(tables, name, snapshot_id) for snapshot_id in (then, now)]
    return difference(tables.session, plan, *states, limit=limit)


class _Comparison:
    def __init__(self, session: EngineSession, plan: TablePlan, before: State, after: State) -> None:
        self._session = session
        self._before, self._after = before, after
        self._plan = plan
        shared = [name for name in after.columns if name in before.columns]
        self._aside = [name for name in _OF_THE_MOMENT if name in shared and name not in plan.key]
        key = [name for name in plan.key if name in shared]
        self._key = key if key and all(self._is_unique(state, key) for state in (before, after)) else []
        self._compared = [name for name in shared if name not in {*self._aside, *self._key}]
        # Of what is sealed, a digest is told: its bytes say nothing to a reader.
        self._sealed = {each.name for each in plan.columns if each.type == "binary"}

    def _value(self, name: str, sql: str) -> str:
        return f"sha256({sql})" if name in self._sealed else sql

    def _is_unique(self, state: State, key: Sequence[str]) -> bool:
        """Whether the key names rows; versions of a resource share theirs."""
        names = ", ".join(map(quote_name, key))
        sql = f"SELECT count(*) = count(DISTINCT ({names})) AS yes FROM {state.rows_sql}"
        return bool(self._session.sql(sql)["yes"][0].as_py())

    def run(self, limit: int) -> Difference:
        found = self._by_key() if self._key else self._as_a_whole()
        try:
            self._session.execute(f"CREATE OR REPLACE TEMP TABLE {_FOUND} AS {found}")
            return self._told(limit)
        finally:
            self._session.execute(f"DROP TABLE IF EXISTS temp.{_FOUND}")

    def _told(self, limit: int) -> Difference:
        counts = dict.fromkeys(("added", "removed", "changed"), 0) | self._pairs(
            f"SELECT __change, sum(__times)::BIGINT FROM {_FOUND} GROUP BY __change"
        )
        [rows] = self._session.sql(f"SELECT count(*) AS n FROM {self._before.rows_sql}")["n"].to_pylist()
        return Difference(
            table=self._plan.dataset,
            before=self._before.snapshot_id,
            after=self._after.snapshot_id,
            key=self._key,
            **counts,
            unchanged=rows - counts["removed"] - counts["changed"],
            changed_columns=self._pairs(
                f"SELECT name, count(*) FROM (SELECT unnest(__columns) AS name FROM {_FOUND}) "
                "GROUP BY name ORDER BY count(*) DESC, name"
            ),
            columns_added=[name for name in self._after.columns if name not in self._before.columns],
            columns_removed=[name for name in self._before.columns if name not in self._after.columns],
            not_compared=self._aside,
            samples=self._session.sql(self._samples(limit)).to_pylist(),
        )

    def _pairs(self, sql: str) -> dict[str, int]:
        names, numbers = self._session.sql(sql).columns
        return dict(zip(names.to_pylist(), numbers.to_pylist(), strict=True))

    def _by_key(self) -> str:
        """Each key that is on one side only, or whose rows differ; the rows themselves are not kept."""
        keys = [quote_name(name) for name in self._key]
        values = {name: quote_name(name) for name in self._compared}
        differs = {name: f"b.{value} IS DISTINCT FROM a.{value}" for name, value in values.items()}
        cases = [f"CASE WHEN {test} THEN {quote_text(name)} END" for name, test in differs.items()]
        columns = f"list_filter([{', '.join(cases)}], lambda x: x IS NOT NULL)" if cases else "NULL"
        chosen = ", ".join([*keys, *values.values()])
        sides = " FULL JOIN ".join(
            f"(SELECT {chosen}, TRUE AS __there FROM {state.rows_sql}) AS {side}"
            for state, side in ((self._before, "b"), (self._after, "a"))
        )
        return (
            f"SELECT {', '.join(f'coalesce(b.{key}, a.{key}) AS {key}' for key in keys)}, "
            "CASE WHEN b.__there IS NULL THEN 'added' WHEN a.__there IS NULL THEN 'removed' "
            f"ELSE 'changed' END AS __change, 1 AS __times, "
            f"(CASE WHEN b.__there AND a.__there THEN {columns} END)::VARCHAR[] AS __columns FROM {sides} "
            f"ON {self._same_key('b', 'a')} "
            f"WHERE {' OR '.join(['b.__there IS NULL', 'a.__there IS NULL', *differs.values()])}"
        )

    def _same_key(self, one: str, other: str) -> str:
        keys = map(quote_name, self._key)
        return " AND ".join(f"{one}.{key} IS NOT DISTINCT FROM {other}.{key}" for key in keys)

    def _as_a_whole(self) -> str:
        """Each row that occurs more often on one side, with how much more often."""
        names = ", ".join(map(quote_name, self._compared))
        shown = ", ".join(
            f"{self._value(name, quote_name(name))} AS {quote_name(name)}" for name in self._compared
        )
        return (
            f"SELECT {names}, CASE WHEN sum(__side) > 0 THEN 'added' ELSE 'removed' END AS __change, "
            f"abs(sum(__side)) AS __times, NULL::VARCHAR[] AS __columns FROM "
            f"(SELECT {shown}, -1 AS __side FROM {self._before.rows_sql} "
            f"UNION ALL SELECT {shown}, 1 AS __side FROM {self._after.rows_sql}) "
            f"GROUP BY {names} HAVING sum(__side) <> 0"
        )

    def _samples(self, limit: int) -> str:
        """The first rows of each kind of change, by key."""
        names = self._key or self._compared
        order = ", ".join(map(quote_name, names))
        first = (
            f"SELECT * FROM {_FOUND} QUALIFY row_number() OVER (PARTITION BY __change ORDER BY {order}) "
            f"<= {int(limit)}"
        )
        row = ", ".join(f"{quote_name(name)} := f.{quote_name(name)}" for name in names)
        if not self._key:
            return (
                f"SELECT __change AS change, __times::BIGINT AS times, struct_pack({row}) AS row "
                f"FROM ({first}) AS f ORDER BY __change, {order}"
            )
        sides = " ".join(
            f"LEFT JOIN {state.rows_sql} AS {name} ON {self._same_key('f', name)}"
            for state, name in ((self._before, "b"), (self._after, "a"))
        )
        return (
            f"SELECT __change AS change, struct_pack({row}) AS key, __columns AS columns, "
            f"{self._packed('b', 'added')} AS before, {self._packed('a', 'removed')} AS after "
            f"FROM ({first}) AS f {sides} ORDER BY __change, {', '.join(f'f.{quote_name(n)}' for n in names)}"
        )

    def _packed(self, side: str, absent_when: str) -> str:
        """A side's row as a struct; null for a row that is on the other side only."""
        if not self._compared:
            return "NULL"
        values = ", ".join(
            f"{quote_name(name)} := {self._value(name, f'{side}.{quote_name(name)}')}"
            for name in self._compared
        )
        return f"CASE WHEN __change <> {quote_text(absent_when)} THEN struct_pack({values}) END"
