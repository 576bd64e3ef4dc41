"""Resources contained in others: units of their own, keyed `Type/id#contained-id` after what contains them.

They take the version of what contains them. FHIR gives them no life of their own (R4, References, contained
resources), but a reference to one must still find a row, and the row must end with the first version that
does not contain it any more.
"""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import SilverStep
from a360.engine import quote_table, quote_text
from a360.protect import PERSON_TYPES, domains
from a360.refine._context import BRONZE_RESOURCE, RefineContext
from a360.refine._reader import PAYLOAD
from a360.refine._units import whole_sql
from a360.refine._versions import version_order

CONTAINERS = "container"
_RESOURCE = "source, resource_type, resource_id"


class ContainedUnits:
    """Finds what a step must read inside other resources; `count` grows as batches are taken."""

    def __init__(self, context: RefineContext, step: SilverStep, wanted: str) -> None:
        self._context = context
        self._session = context.session
        self.containers = self.count = 0
        if step.records:
            return  # records contain no others
        self._types = ", ".join(quote_text(kind) for kind in step.resource_types)
        contains = " OR ".join(
            f"list_contains(string_split(contained, ','), {quote_text(kind)})" for kind in step.resource_types
        )
        bronze = quote_table(BRONZE_RESOURCE)
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {CONTAINERS} AS SELECT * FROM {bronze} AS bronze "
            f"WHERE contained IS NOT NULL AND ({contains}) AND ({whole_sql(wanted)})"
        )
        self.containers = int(self._session.sql(f"SELECT count(*) AS n FROM {CONTAINERS}")["n"][0].as_py())
        if self.containers:
            self._session.execute(
                f"CREATE OR REPLACE TEMP TABLE outer_version AS SELECT *, row_number() OVER "
                f"(PARTITION BY {_RESOURCE} ORDER BY {version_order('bronze')}, arrival) AS place "
                f"FROM {bronze} AS bronze SEMI JOIN {CONTAINERS} USING ({_RESOURCE})"
            )
            self._session.execute(
                "CREATE OR REPLACE TEMP TABLE held_inside (source VARCHAR, outer_type VARCHAR, "
                "outer_id VARCHAR, resource_type VARCHAR, resource_id VARCHAR, place BIGINT)"
            )

    def take(self, payload: pa.Table) -> Iterator[pa.Table]:
        """Make units of what a batch of containers holds, and yield their payloads, if there are any."""
        self._session.register(PAYLOAD, payload)
        found = self._session.sql(
            f"""
            SELECT * REPLACE (resource_type || '/' || resource_id || '#' || contained_id AS resource_id),
                resource_id AS outer_id, 'contained:' || block_id || ':' || "position" AS inner_block
            FROM (
                SELECT c.*, item.text AS text, item.text->>'$.resourceType' AS inner_type,
                    item.text->>'$.id' AS contained_id, item.place AS place
                FROM (
                    SELECT block_id, "position", unnest(items) AS text, generate_subscripts(items, 1) AS place
                    FROM (
                        SELECT block_id, "position", json_extract(payload, '$.contained[*]') AS items
                        FROM {PAYLOAD}
                    )
                ) AS item JOIN {CONTAINERS} AS c USING (block_id, "position")
            ) WHERE inner_type IN ({self._types}) AND contained_id IS NOT NULL
            """
        )
        self._session.unregister(PAYLOAD)
        if found.num_rows:
            self._add_units(self._with_person_tokens(found))
            self.count += found.num_rows
            yield pa.table(
                {
                    "block_id": found["inner_block"],
                    "position": pc.cast(found["place"], pa.int32()),
                    "payload": pc.cast(found["text"], pa.large_string()),
                }
            )

    def _with_person_tokens(self, found: pa.Table) -> pa.Table:
        """A contained person's key is a token like any other person's."""
        person = pc.is_in(found["inner_type"], pa.array(sorted(PERSON_TYPES)))
        if not pc.any(person).as_py():
            return found
        named = pc.binary_join_element_wise(found["source"], found["resource_id"], "|")
        tokens = self._context.tokenizer.tokens(domains.PATIENT, named)
        place = found.schema.get_field_index("resource_id")
        return found.set_column(place, "resource_id", pc.if_else(person, tokens, found["resource_id"]))

    def _add_units(self, found: pa.Table) -> None:
        self._session.register("contained_found", found)
        self._session.execute(
            """
            INSERT INTO unit BY NAME
            SELECT (SELECT coalesce(max(row_id), 0) FROM unit) + row_number() OVER () AS row_id, source,
                inner_type AS resource_type, resource_id, version_id, last_updated, known_at, arrival,
                FALSE AS deleted, content_hash, file, "offset", inner_block AS block_id,
                CAST(place AS INTEGER) AS "position"
            FROM contained_found
            """
        )
        self._session.execute(
            """
            INSERT INTO held_inside
            SELECT f.source, f.resource_type, f.outer_id, f.inner_type, f.resource_id, o.place
            FROM contained_found AS f JOIN outer_version AS o USING (block_id, "position")
            """
        )
        self._session.unregister("contained_found")

    def end(self) -> None:
        """Make units, deletions, of the versions that do not contain what an older one contained."""
        gone = self._session.sql(
            f"""
            INSERT INTO unit BY NAME
            SELECT (SELECT coalesce(max(row_id), 0) FROM unit) + row_number() OVER () AS row_id, g.source,
                g.resource_type, g.resource_id, o.version_id, o.last_updated, o.known_at, o.arrival,
                TRUE AS deleted, o.content_hash, o.file, o."offset",
                CAST(NULL AS VARCHAR) AS block_id, CAST(NULL AS INTEGER) AS "position"
            FROM (
                SELECT {_RESOURCE}, outer_type, outer_id, min(place) AS since, list(place) AS places
                FROM held_inside GROUP BY ALL
            ) AS g JOIN outer_version AS o ON o.source = g.source AND o.resource_type = g.outer_type
                AND o.resource_id = g.outer_id AND o.place > g.since AND NOT list_contains(g.places, o.place)
            RETURNING row_id
            """
        )
        self.count += gone.num_rows
