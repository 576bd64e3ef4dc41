"""From identifiers to tokens, and from references to the keys of what they name.

Each distinct text is looked at once: it is tokenised in Arrow, so that keys and plain values never meet in
SQL, and joined back to the rows.
"""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import SilverStep
from a360.engine import quote_name, quote_table, quote_text
from a360.fhir import reference_parts_sql
from a360.protect import PERSON_TYPES, domains
from a360.refine._context import BRONZE_RESOURCE, IDENTIFIERS, LINKS, MOVES, RefineContext
from a360.refine._merged import survivors
from a360.refine._moved import moves
from a360.refine._reader import VIEWED
from a360.refine._shape import OWNER, VISIT, SilverShape

_CONTAINER = "CASE WHEN starts_with({value}, '#') THEN v.unit_type || '/' || v.unit_id ELSE '' END"


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


class Lookups:
    """The temporary tables through which rows `v` find tokens and keys.

    References resolve by `Type/id`, absolute URL, `urn:uuid`, contained id and business identifier (FHIR R4,
    References). A full URL of a Bundle entry, or a business identifier, is looked up in the lake, where a
    conditional reference must match exactly one resource. What names a patient that another record replaces
    leads to that record; what is of a visit that was moved is whose the visit is.
    """

    def __init__(self, context: RefineContext, step: SilverStep, shape: SilverShape) -> None:
        self._session = context.session
        self._tokenizer = context.tokenizer
        self._shape = shape
        types = {target.resource_type for targets in shape.references.values() for target in targets}
        listed = ", ".join(quote_text(kind) for kind in sorted(types))
        now = {each: context.tables.current_snapshot_id(each) for each in step.looks_up}
        self._merged = survivors(context, now.get(LINKS))
        self._moved = moves(context, now.get(MOVES))
        self._aliases = bool(types) and not shape.of_records and self._load_aliases(listed)
        known = now.get(IDENTIFIERS) is not None
        self._searches = bool(types) and known and self._load_identifiers(listed)
        self._joins: dict[str, str] = {}

    def _load_aliases(self, types: str) -> bool:
        return self._load(
            "alias",
            f"SELECT source, full_url, min(resource_type) AS resource_type, min(resource_id) AS resource_id "
            f"FROM {quote_table(BRONZE_RESOURCE)} WHERE full_url IS NOT NULL AND resource_type IN ({types}) "
            f"GROUP BY ALL HAVING count(DISTINCT (resource_type, resource_id)) = 1",
        )

    def _load_identifiers(self, types: str) -> bool:
        return self._load(
            "searched",
            f"SELECT * FROM ({searched_sql(merged=self._merged)}) WHERE resource_type IN ({types})",
        )

    def _load(self, name: str, sql: str) -> bool:
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")
        return bool(self._session.sql(f"SELECT count(*) AS n FROM {name}")["n"][0].as_py())

    def prepare(self) -> None:
        """Look up what the rows of `viewed` hold; columns without a value need no join."""
        self._joins = {}
        columns = [*self._shape.tokens, *self._shape.references]
        if not columns:
            return
        counts = ", ".join(f"count({quote_name(name)}) AS {quote_name(name)}" for name in columns)
        filled = self._session.sql(f"SELECT {counts} FROM {VIEWED}").to_pylist()[0]
        for name, domain in self._shape.tokens.items():
            if filled[name]:
                self._tokenise(name, domain)
        for name in self._shape.references:
            if filled[name]:
                self._resolve(name)

    def _tokenise(self, name: str, domain: str) -> None:
        column = quote_name(name)
        values = self._session.sql(
            f"SELECT DISTINCT CAST({column} AS VARCHAR) AS plain FROM {VIEWED} WHERE {column} IS NOT NULL"
        )
        tokens = self._tokenizer.tokens(domain, values["plain"])
        self._keep(f"{name}#", pa.table({"plain": values["plain"], "key": tokens}), "SELECT * FROM looked_up")
        found = quote_name(f"{name}#")
        self._joins[name] = f"LEFT JOIN {found} ON {found}.plain = CAST(v.{column} AS VARCHAR)"

    def _resolve(self, name: str) -> None:
        table, value, found = self._parts(name), f"v.{quote_name(name)}", quote_name(f"{name}#")
        kinds = ", ".join(quote_text(target.resource_type) for target in self._shape.references[name])
        keys, joins = ["r.direct"], []
        if self._searches:
            keys.insert(0, "s.resource_id")
            joins.append(
                "LEFT JOIN searched AS s "
                "ON s.value_token = r.search AND s.source = r.source AND s.resource_type = r.type"
            )
        if self._aliases:
            keys.insert(0, "a.resource_id")
            joins.append(
                "LEFT JOIN alias AS a ON a.full_url = r.url AND a.source = r.source "
                f"AND a.resource_type IN ({kinds})"
            )
        query = (
            f"SELECT r.source, r.raw, r.container, coalesce({', '.join([*keys, 'NULL'])}) AS key "
            f"FROM looked_up AS r {' '.join(joins)}"
        )
        self._keep(f"{name}#", table, self._in_the_end(name, query))
        inside = "" if pc.all(pc.equal(table["container"], "")).as_py() else _CONTAINER.format(value=value)
        self._joins[name] = (
            f"LEFT JOIN {found} ON {found}.raw = {value} AND {found}.source = v.unit_source"
            + (f" AND {found}.container = {inside}" if inside else "")
        )

    def _in_the_end(self, name: str, query: str) -> str:
        """The keys that a query finds: of patients that were replaced the survivor's, of visits the last."""
        if self._merged and self._shape.names_patients(name):
            query = (
                f"SELECT k.* REPLACE ({_survivor('k.key')} AS key) FROM ({query}) AS k "
                f"LEFT JOIN {self._merged} AS m ON m.patient_key = k.key"
            )
        if self._moved and name in self._shape.visit_columns:
            query = (
                f"SELECT k.* REPLACE (coalesce(m.other_id, k.key) AS key) FROM ({query}) AS k "
                f"LEFT JOIN {self._moved} AS m ON m.source = k.source AND m.encounter_id = k.key"
            )
        return query

    def _parts(self, name: str) -> pa.Table:
        """The distinct references of a column: the key each gives, and the tokens to look it up by."""
        targets = [target.resource_type for target in self._shape.references[name]]
        kinds = ", ".join(quote_text(target) for target in targets)
        value = f"v.{quote_name(name)}"
        container = _CONTAINER.format(value=value)
        is_person = any(target in PERSON_TYPES for target in targets)
        direct = (
            f"CASE WHEN p.kind = 'literal' AND p.type IN ({kinds}) THEN p.id WHEN p.kind = 'urn' THEN p.id "
            "WHEN p.kind = 'contained' THEN container || '#' || p.id END"
        )
        kind = f"coalesce(nullif(p.type, ''), {quote_text(targets[0])})"
        found = self._session.sql(
            f"""
            SELECT source, raw, container, {"source || '|' || " if is_person else ""}({direct}) AS direct,
                CASE WHEN p.kind IN ('urn', 'other') OR contains(raw, '://')
                    THEN source || '|' || raw END AS url,
                {kind} AS type,
                CASE WHEN p.kind = 'search' AND {kind} IN ({kinds})
                    THEN coalesce(p.system, '') || '|' || p.value END AS search
            FROM (SELECT *, {reference_parts_sql("raw")} AS p FROM (
                SELECT DISTINCT v.unit_source AS source, {value} AS raw, {container} AS container
                FROM {VIEWED} AS v WHERE {value} IS NOT NULL))
            """
        )
        tokenised = [("url", domains.FULL_URL, self._aliases), ("search", domains.IDENTIFIER, self._searches)]
        return self._with_tokens(found, [*tokenised, ("direct", domains.PATIENT, is_person)])

    def _with_tokens(self, found: pa.Table, columns: Iterable[tuple[str, str, bool]]) -> pa.Table:
        for name, domain, wanted in columns:
            if wanted:
                tokens = self._tokenizer.tokens(domain, found[name])
                found = found.set_column(found.schema.get_field_index(name), name, tokens)
        return found

    def _keep(self, name: str, table: pa.Table, sql: str) -> None:
        self._session.register("looked_up", table)
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE {quote_name(name)} AS {sql}")
        self._session.unregister("looked_up")

    def value_sql(self, column: str) -> str:
        """SQL for the token or key of a column, over `joins_sql`."""
        key = f"{quote_name(f'{column}#')}.key" if column in self._joins else "CAST(NULL AS VARCHAR)"
        return f"coalesce(mv.patient_key, {key})" if column == OWNER and self._visit_sql() else key

    def _visit_sql(self) -> str:
        """SQL for the visit by which a row may belong to another patient than it says; empty if by none."""
        if not self._moved or OWNER not in self._shape.references:
            return ""
        if self._shape.is_visit:
            return "v.unit_id"
        return self.value_sql(VISIT) if VISIT in self._joins and VISIT in self._shape.visit_columns else ""

    def survivor_sql(self) -> str:
        """SQL for the record that replaces the one of a row, over `joins_sql`; null if none does."""
        return "sv.survivor" if self._merged and self._shape.is_replaceable else "CAST(NULL AS VARCHAR)"

    def joins_sql(self) -> str:
        """The joins that `value_sql` and `survivor_sql` need, for rows `v`."""
        joins = list(self._joins.values())
        if self._merged and self._shape.is_replaceable:
            joins.append(f"LEFT JOIN {self._merged} AS sv ON sv.patient_key = v.unit_id")
        visit = self._visit_sql()
        if visit:
            joins.append(
                f"LEFT JOIN {self._moved} AS mv ON mv.source = v.unit_source AND mv.encounter_id = {visit}"
            )
        return " ".join(joins)

    def unresolved_sql(self) -> str:
        """SQL for the number of references of a row that resolve to nothing."""
        counts = [
            f"CAST(v.{quote_name(column)} IS NOT NULL AND {self.value_sql(column)} IS NULL AS INTEGER)"
            for column in self._shape.references
            if column in self._joins
        ]
        return " + ".join(counts) if counts else "0"
