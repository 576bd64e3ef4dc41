"""Which of the judged units land: versions ordered, compared with what the dataset holds, each counted."""

from dataclasses import dataclass

from a360.contract import HISTORY_COLUMN, version_order
from a360.engine import quote_name, quote_table, quote_text
from a360.refine._context import RefineContext
from a360.refine._shape import SilverShape
from a360.refine._typed import duckdb_type

HISTORY = HISTORY_COLUMN[0]

_UNIT = "source, resource_type, resource_id"
_VERSION = f"row_id, {_UNIT}, version_id, last_updated, known_at, arrival, deleted"
# What a unit that counts was made into.
_MADE = """deleted THEN 'tombstone'
    WHEN row_id IN (SELECT row_id FROM candidate) THEN 'row' ELSE 'empty'"""
_VALID = "FROM unit AS u ANTI JOIN rejected AS r ON r.row_id = u.row_id"
_NOT_HELD = "FALSE AS held, FALSE AS again"
LANDING_ROWS, JUDGED_ROWS = "landing_rows", "judged_rows"


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of the units, each counted on its own."""

    landed: int
    quarantined: int
    duplicates: int
    unchanged: int
    superseded: int
    filtered: int
    output_rows: int


class Settlement:
    """Settles a step in the temporary tables `settled` (a status a unit) and `landing` (rows to write).

    `exists` says that the dataset has been committed before; `whole` that the units are all there are, so
    that what the dataset holds and no unit gives has to go, as where a new rule refuses it. Of keys that are
    remembered for a while, the units are all there are of theirs, so that the same holds for each of these.
    """

    def __init__(
        self, context: RefineContext, shape: SilverShape, commit_id: str, *, exists: bool, whole: bool
    ) -> None:
        self._whole = whole and exists
        self._by_key = shape.has_window and exists and not whole
        self._session = context.session
        self._shape = shape
        self._commit_id = commit_id
        self._exists = exists
        self._target = quote_table(shape.table.dataset)
        self._columns = ", ".join(quote_name(name) for name in shape.table.column_names)

    def settle(self) -> Settled:
        """Give each unit its status, and prepare the rows that land."""
        if self._has_versions():
            self._rank()
        else:
            self._take_all()
        self._compare_with_target()
        self._make_rows()
        if self._complete:
            self._leave_equal()
        else:
            self._leave_unchanged()
        return self._count()

    @property
    def _complete(self) -> bool:
        """Whether the units are all that ever came under their keys."""
        return self._whole or self._by_key

    @property
    def _version_order(self) -> tuple[str, str]:
        """What orders versions, oldest and newest first; of events it must not be when they came."""
        arrival = "content_hash" if self._shape.has_window else "known_at"
        return version_order(arrival=arrival), version_order(direction="DESC", arrival=arrival)

    def _has_versions(self) -> bool:
        """Whether any resource comes in several versions; `several` has those, since ordering costs."""
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE several AS SELECT {_UNIT} FROM unit GROUP BY {_UNIT} "
            "HAVING count(*) > 1"
        )
        return bool(self._session.sql("SELECT count(*) AS n FROM several")["n"][0].as_py())

    def _take_all(self) -> None:
        """`settled` where each resource comes once."""
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE settled AS SELECT {_VERSION}, "
            f"CASE WHEN {_MADE} END AS status, TRUE AS latest, {_NOT_HELD} "
            f"FROM (SELECT u.* {_VALID}) AS valid"
        )

    def _rank(self) -> None:
        oldest_first, newest_first = self._version_order
        same = " AND ".join(f"m.{name} = v.{name}" for name in _UNIT.split(", "))
        self._session.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE settled AS
            WITH valid AS (
                SELECT u.* {_VALID}
            ), copied AS (
                SELECT v.*, coalesce((deleted, content_hash) = lag((deleted, content_hash)) OVER (
                    PARTITION BY {_UNIT} ORDER BY {oldest_first}, arrival), FALSE) AS copy
                FROM (SELECT v.* FROM valid AS v SEMI JOIN several AS m ON {same}) AS v
            ), ranked AS (
                SELECT {_VERSION}, copy, row_number() OVER (PARTITION BY {_UNIT}, copy
                    ORDER BY {newest_first}, arrival DESC) AS place
                FROM copied
                UNION ALL
                SELECT {_VERSION}, FALSE AS copy, 1 AS place
                FROM (SELECT v.* FROM valid AS v ANTI JOIN several AS m ON {same}) AS v
            )
            SELECT {_VERSION},
                CASE WHEN copy THEN 'duplicate'
                     WHEN place > 1 AND NOT {self._history} THEN 'superseded'
                     WHEN {_MADE} END AS status,
                place = 1 AND NOT copy AS latest, {_NOT_HELD}
            FROM ranked
            """
        )

    @property
    def _history(self) -> str:
        return "TRUE" if self._shape.table.history else "FALSE"

    def _compare_with_target(self) -> None:
        """Units older than what the dataset holds are superseded; the same version is compared later."""
        if not self._exists:
            return
        if self._complete:
            looked_at = f"SEMI JOIN unit AS u ON {self._same_unit('t', 'u')}" if self._by_key else ""
            self._session.execute(
                f"CREATE OR REPLACE TEMP TABLE held AS SELECT t.* FROM {self._target} AS t {looked_at}"
            )
            self._session.execute(
                f"CREATE OR REPLACE TEMP TABLE settled AS SELECT {_VERSION}, status, latest, EXISTS "
                f"(SELECT 1 FROM held AS t WHERE {self._same_unit('t', 's')}) AS held, again "
                "FROM settled AS s"
            )
            return
        current = "AND is_current" if self._shape.table.history else ""
        by_version = (
            "AND t.version_id IS NOT DISTINCT FROM s.version_id AND t.known_at = s.known_at"
            if self._shape.table.history
            else ""
        )
        self._session.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE held AS
            SELECT t.* FROM {self._target} AS t SEMI JOIN settled AS s ON {self._same_unit("t", "s")}
            """
        )
        order_s, order_t = version_order("s"), version_order("t")
        self._session.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE settled AS
            SELECT {_VERSION},
                CASE WHEN newer AND NOT {self._history} AND status <> 'duplicate'
                    THEN 'superseded' ELSE status END AS status,
                latest AND NOT newer AS latest, held, again
            FROM (
                SELECT {_VERSION}, status, latest,
                    EXISTS (SELECT 1 FROM held AS t WHERE {self._same_unit("t", "s")} {current}
                        AND ({order_t}) > ({order_s})) AS newer,
                    EXISTS (SELECT 1 FROM held AS t WHERE {self._same_unit("t", "s")}) AS held,
                    EXISTS (SELECT 1 FROM held AS t WHERE {self._same_unit("t", "s")} {by_version}
                        AND ({order_t}) = ({order_s})) AS again
                FROM settled AS s
            ) AS s
            """
        )

    def _same_unit(self, table: str, unit: str) -> str:
        type_column = (
            f" AND {table}.resource_type = {unit}.resource_type" if self._shape.has_type_column else ""
        )
        id_column = quote_name(self._shape.id_column)
        return f"{table}.source = {unit}.source AND {table}.{id_column} = {unit}.resource_id{type_column}"

    def _make_rows(self) -> None:
        """`landing`: the rows of units that land, and tombstones for those that end, by `row_id`.

        A view, so that rows are not copied; it is made again where `settled` says something else.
        """
        told = {HISTORY: "s.latest"}
        columns = ", ".join(
            f"{told.get(name, f'c.{quote_name(name)}')} AS {quote_name(name)}"
            for name in self._shape.table.column_names
        )
        rows = f"SELECT c.row_id, {columns} FROM candidate AS c {self._landing_join()}"
        self._session.execute(f"CREATE OR REPLACE TEMP VIEW landing AS {rows}{self._tombstones()}")

    def _landing_join(self) -> str:
        """What leaves of `candidate` the rows that land, by those that do not: mostly these are few."""
        if self._shape.table.history:
            return "JOIN settled AS s ON s.row_id = c.row_id WHERE s.status = 'row'"
        self._session.execute(
            "CREATE OR REPLACE TEMP TABLE left_out AS SELECT row_id FROM settled WHERE status <> 'row' "
            "UNION ALL SELECT row_id FROM rejected"
        )
        return "ANTI JOIN left_out AS s ON s.row_id = c.row_id"

    def _tombstones(self) -> str:
        """A resource that its source deleted, or that the view now leaves out, ends as a tombstone."""
        if self._shape.many:
            return ""
        told = {
            self._shape.id_column: "resource_id",
            "commit_id": quote_text(self._commit_id),
            "deleted": "TRUE",
            "unresolved_references": "0",
            HISTORY: "latest",
            **{name: name for name in ("source", "version_id", "last_updated", "known_at")},
        }
        columns = ", ".join(
            f"{told.get(each.name) or f'CAST(NULL AS {duckdb_type(each.type)})'} AS {quote_name(each.name)}"
            for each in self._shape.table.columns
        )
        return (
            f" UNION ALL SELECT row_id, {columns} FROM settled "
            "WHERE status = 'tombstone' OR (status = 'empty' AND held)"
        )

    def _leave_unchanged(self) -> None:
        """Units whose very version is there already, with the same rows, need no work."""
        again = self._session.sql("SELECT count(*) AS n FROM settled WHERE again")["n"][0].as_py()
        if not again:
            return
        compared = ", ".join(
            quote_name(name) for name in self._shape.compared if name not in {"commit_id", "is_current"}
        )
        self._session.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE same AS
            WITH wanted AS (
                SELECT s.row_id, {_prefixed("l", compared)}
                FROM landing AS l JOIN settled AS s USING (row_id) WHERE s.again
            ), held_rows AS (
                SELECT s.row_id, {_prefixed("t", compared)} FROM held AS t JOIN settled AS s
                ON {self._same_unit("t", "s")} AND ({version_order("t")}) = ({version_order("s")})
                WHERE s.again
            ), differing AS (
                (SELECT * FROM wanted EXCEPT ALL SELECT * FROM held_rows)
                UNION ALL (SELECT * FROM held_rows EXCEPT ALL SELECT * FROM wanted)
            )
            SELECT s.row_id FROM settled AS s ANTI JOIN differing AS d ON d.row_id = s.row_id
            WHERE s.again AND s.status IN ('row', 'tombstone', 'empty')
            """
        )
        self._leave("row_id IN (SELECT row_id FROM same)")

    def _leave(self, condition: str) -> None:
        """Have units for which a condition on `s` holds stay as they are."""
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE settled AS SELECT {_VERSION}, "
            f"CASE WHEN {condition} THEN 'unchanged' ELSE status END AS status, latest, held, again "
            "FROM settled AS s"
        )
        self._make_rows()

    def _leave_equal(self) -> None:
        """Resources all of whose rows are there already need no work; others are written anew as a whole."""
        compared = ", ".join(quote_name(name) for name in self._shape.compared if name != "commit_id")
        wanted, held = f"SELECT {compared} FROM landing", f"SELECT {compared} FROM held"
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE differing AS "
            f"SELECT DISTINCT {', '.join(map(quote_name, self.scope))} "
            f"FROM (({wanted} EXCEPT ALL {held}) UNION ALL ({held} EXCEPT ALL {wanted}))"
        )
        self._leave(
            "(status IN ('row', 'tombstone') OR (status = 'empty' AND held)) "
            f"AND NOT EXISTS (SELECT 1 FROM differing AS d WHERE {self._same_unit('d', 's')})"
        )

    def _count(self) -> Settled:
        statuses = self._session.sql("SELECT status, count(*) AS n FROM settled GROUP BY status")
        by_status = dict(zip(statuses["status"].to_pylist(), statuses["n"].to_pylist(), strict=True))
        quarantined = self._session.sql("SELECT count(DISTINCT row_id) AS n FROM rejected")["n"][0].as_py()
        sums = self._session.sql(
            "SELECT count(*) AS output_rows, "
            "count(DISTINCT CASE WHEN NOT deleted THEN row_id END) AS rows_landed FROM landing"
        ).to_pylist()[0]
        return Settled(
            landed=sums["rows_landed"] + by_status.get("tombstone", 0),
            quarantined=quarantined,
            duplicates=by_status.get("duplicate", 0),
            unchanged=by_status.get("unchanged", 0),
            superseded=by_status.get("superseded", 0),
            filtered=by_status.get("empty", 0),
            output_rows=sums["output_rows"],
        )

    @property
    def rows_sql(self) -> str:
        """The rows to write, in the table's columns."""
        if not self._shape.table.history or not self._exists or self._complete:
            return f"SELECT {self._columns} FROM landing"
        # Versions that stay do so beside the new ones; which of them is current is found anew.
        newest_first = f"{version_order(direction='DESC')}, is_current DESC"
        current = (
            f"row_number() OVER (PARTITION BY source, {quote_name(self._shape.id_column)} "
            f"ORDER BY {newest_first}) = 1 AS is_current"
        )
        columns = ", ".join(
            current if name == HISTORY else quote_name(name) for name in self._shape.table.column_names
        )
        return (
            f"SELECT {columns} FROM (SELECT {self._columns} FROM landing "
            f"UNION ALL SELECT {self._columns} FROM held AS t "
            f"WHERE {self._landing('t')} AND NOT {self._landing('t', self._same_version)}) AS versions"
        )

    def name_rows(self) -> None:
        """Name the rows to write, and the dataset as it will be, for SQL of the engine's own."""
        for name, query in ((LANDING_ROWS, self.rows_sql), (JUDGED_ROWS, self._judged_sql)):
            self._session.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {query}")

    @property
    def replaces_units(self) -> bool:
        """Whether rows may go because no unit gives them any more."""
        return self._complete

    @property
    def incremental(self) -> bool:
        """Whether the dataset keeps rows that were not looked at."""
        return self._exists and not self._whole

    @property
    def _judged_sql(self) -> str:
        """The dataset as it will be, which its rules judge: the rows to write, and those that stay."""
        if not self._exists:
            return self.rows_sql
        held = "held" if self._whole else self._target
        return (
            f"{self.rows_sql} UNION ALL SELECT {self._columns} FROM {held} AS t WHERE NOT EXISTS "
            f"(SELECT 1 FROM ({self.scope_sql}) AS d WHERE {self._same_key('d', 't')})"
        )

    def _same_key(self, one: str, other: str) -> str:
        return " AND ".join(f"{one}.{name} = {other}.{name}" for name in map(quote_name, self.scope))

    @property
    def _same_version(self) -> str:
        return f"AND ({version_order('l')}) = ({version_order('t')})"

    def _landing(self, table: str, condition: str = "") -> str:
        id_column = quote_name(self._shape.id_column)
        return (
            f"EXISTS (SELECT 1 FROM landing AS l WHERE l.source = {table}.source "
            f"AND l.{id_column} = {table}.{id_column} {condition})"
        )

    @property
    def scope_sql(self) -> str:
        """The units whose rows are replaced as a whole, by the columns of `scope`."""
        if self._complete:
            return "SELECT * FROM differing"
        type_column = "resource_type, " if self._shape.has_type_column else ""
        return (
            f"SELECT DISTINCT source, {type_column}resource_id AS {quote_name(self._shape.id_column)} "
            "FROM settled WHERE status IN ('row', 'tombstone') OR (status = 'empty' AND held)"
        )

    @property
    def scope(self) -> list[str]:
        """The columns of `scope_sql`."""
        return ["source", *(["resource_type"] if self._shape.has_type_column else []), self._shape.id_column]


def _prefixed(table: str, columns: str) -> str:
    return ", ".join(f"{table}.{column}" for column in columns.split(", "))
