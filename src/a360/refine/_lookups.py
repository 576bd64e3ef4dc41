"""From references, taken apart, to the keys of what they name."""

from collections.abc import Callable
from dataclasses import dataclass

from a360.contract import SilverStep
from a360.engine import quote_name, quote_table, quote_text
from a360.refine._context import BRONZE_RESOURCE, IDENTIFIERS, LINKS, MOVES, RefineContext
from a360.refine._merged import survivors
from a360.refine._moved import moves
from a360.refine._references import Wanted
from a360.refine._shape import OWNER, VISIT, SilverShape


def searched_sql(*, merged: str | None, snapshot_id: str | None = None) -> str:
    """A query for what identifiers lead to, now or as of a snapshot: those that one resource alone has.

    Records that were merged, as `survivors` has them, are one.
    """
    at = "" if snapshot_id is None else f" AT (VERSION => {int(snapshot_id)})"
    joined, found = "", "i.resource_id"
    if merged:
        joined, found = (
            f"LEFT JOIN {merged} AS m ON m.patient_key = i.resource_id",
            _survivor("i.resource_id"),
        )
    return (
        f"SELECT i.source, i.resource_type, i.value_token, min({found}) AS resource_id "
        f"FROM (SELECT * FROM {quote_table(IDENTIFIERS)}{at}) AS i {joined} "
        f"WHERE NOT i.deleted AND i.value_token IS NOT NULL "
        f"GROUP BY i.source, i.resource_type, i.value_token HAVING count(DISTINCT {found}) = 1"
    )


def _survivor(key: str) -> str:
    return f"coalesce(m.survivor, {key})"


@dataclass(frozen=True, slots=True)
class Way:
    """How the parts of a reference lead to a key: SQL for it, and the joins that it needs."""

    key: str
    joins: tuple[str, ...]


class Targets:
    """What references can lead to, as temporary tables, and the way there.

    References resolve by `Type/id`, absolute URL, `urn:uuid`, contained id and business identifier (FHIR R4,
    References). A full URL of a Bundle entry, or a business identifier, is looked up in the lake, where a
    conditional reference must match exactly one resource. What names a patient that another record replaces
    leads to that record; what names a visit that was moved leads to where it is.
    """

    def __init__(self, context: RefineContext, step: SilverStep, shape: SilverShape) -> None:
        self._session = context.session
        self._shape = shape
        types = {target.resource_type for targets in shape.references.values() for target in targets}
        listed = ", ".join(quote_text(kind) for kind in sorted(types))
        now = {each: context.tables.current_snapshot_id(each) for each in step.looks_up}
        self.merged = survivors(context, now.get(LINKS))
        self.moved = moves(context, now.get(MOVES))
        known = now.get(IDENTIFIERS) is not None
        self.wanted = Wanted(
            urls=bool(types) and not shape.of_records and self._load_aliases(listed),
            searches=bool(types) and known and self._load_identifiers(listed),
        )

    def _load_aliases(self, types: str) -> bool:
        return self._load(
            "alias",
            f"SELECT source, full_url, min(resource_type) AS resource_type, min(resource_id) AS resource_id "
            f"FROM {quote_table(BRONZE_RESOURCE)} WHERE full_url IS NOT NULL AND resource_type IN ({types}) "
            f"GROUP BY source, full_url HAVING count(DISTINCT (resource_type, resource_id)) = 1",
        )

    def _load_identifiers(self, types: str) -> bool:
        return self._load(
            "searched",
            f"SELECT * FROM ({searched_sql(merged=self.merged)}) AS found WHERE resource_type IN ({types})",
        )

    def _load(self, name: str, sql: str) -> bool:
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
        return bool(self._session.sql(f"SELECT count(*) AS n FROM {name}")["n"][0].as_py())

    def way(self, column: str, source: str, part: Callable[[str], str], wanted: Wanted, at: str = "") -> Way:
        """The way from the parts of a reference column to a key; no row is joined twice.

        `source` and `part` are SQL for the source of a row and for a part by its name; `at` is added to the
        names of what is joined.
        """
        keys, joins = [part("direct")], []
        if wanted.searches:
            keys.insert(0, f"s{at}.resource_id")
            joins.append(
                f"LEFT JOIN searched AS s{at} ON s{at}.value_token = {part('search')} "
                f"AND s{at}.source = {source} AND s{at}.resource_type = {part('type')}"
            )
        if wanted.urls:
            kinds = ", ".join(quote_text(target.resource_type) for target in self._shape.references[column])
            keys.insert(0, f"a{at}.resource_id")
            joins.append(
                f"LEFT JOIN alias AS a{at} ON a{at}.full_url = {part('url')} AND a{at}.source = {source} "
                f"AND a{at}.resource_type IN ({kinds})"
            )
        key = f"coalesce({', '.join(keys)})" if len(keys) > 1 else keys[0]
        if self.merged and self._shape.names_patients(column):
            joins.append(f"LEFT JOIN {self.merged} AS m{at} ON m{at}.patient_key = {key}")
            key = f"coalesce(m{at}.survivor, {key})"
        if self.moved and column in self._shape.visit_columns:
            joins.append(
                f"LEFT JOIN {self.moved} AS e{at} ON e{at}.source = {source} AND e{at}.encounter_id = {key}"
            )
            key = f"coalesce(e{at}.other_id, {key})"
        return Way(key, tuple(joins))


class Lookups:
    """SQL for the tokens and keys of rows `v`; `values` has that of each column with a value, and `joins`.

    What is of a visit that was moved is whose the visit is.
    """

    def __init__(self, shape: SilverShape, targets: Targets) -> None:
        self._shape = shape
        self._targets = targets
        self.values: dict[str, str] = {}
        self.joins: list[str] = []

    def given_sql(self, column: str) -> str:
        """SQL for whether a row has a reference in a column."""
        return f"v.{quote_name(column)} IS NOT NULL"

    def value_sql(self, column: str) -> str:
        """SQL for the token or key of a column, over `joins_sql`."""
        key = self.values.get(column, "CAST(NULL AS VARCHAR)")
        return f"coalesce(mv.patient_key, {key})" if column == OWNER and self._visit_sql() else key

    def _visit_sql(self) -> str:
        """SQL for the visit by which a row may belong to another patient than it says; empty if by none."""
        if not self._targets.moved or OWNER not in self._shape.references:
            return ""
        if self._shape.is_visit:
            return "v.unit_id"
        return self.values.get(VISIT, "") if VISIT in self._shape.visit_columns else ""

    def survivor_sql(self) -> str:
        """SQL for the record that replaces the one of a row, over `joins_sql`; null if none does."""
        replaceable = self._targets.merged and self._shape.is_replaceable
        return "sv.survivor" if replaceable else "CAST(NULL AS VARCHAR)"

    def joins_sql(self) -> str:
        """The joins that `value_sql` and `survivor_sql` need, for rows `v`."""
        joins = list(self.joins)
        if self._targets.merged and self._shape.is_replaceable:
            joins.append(f"LEFT JOIN {self._targets.merged} AS sv ON sv.patient_key = v.unit_id")
        visit = self._visit_sql()
        if visit:
            joins.append(
                f"LEFT JOIN {self._targets.moved} AS mv "
                f"ON mv.source = v.unit_source AND mv.encounter_id = {visit}"
            )
        return " ".join(joins)

    def unresolved_sql(self) -> str:
        """SQL for the number of references of a row that resolve to nothing."""
        counts = [
            f"CAST({self.given_sql(column)} AND {self.value_sql(column)} IS NULL AS INTEGER)"
            for column in self._shape.references
            if column in self.values
        ]
        return " + ".join(counts) if counts else "0"
