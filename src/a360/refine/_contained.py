"""Resources contained in others: units of their own, keyed `Type/id#contained-id` after what contains them.

They take the version of what contains them. FHIR gives them no life of their own (R4, References, contained
resources), but a reference to one must still find a row, and the row must end with the first version that
does not contain it any more.
"""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import SilverStep, version_order
from a360.engine import quote_name, quote_table, quote_text
from a360.protect import PERSON_TYPES, Tokenizer, domains
from a360.refine._context import BRONZE_RESOURCE, RefineContext
from a360.refine._reader import PAYLOAD
from a360.refine._units import UNIT_COLUMNS, whole_sql

CONTAINERS = "container"
FOUND = "contained_found"
_RESOURCE = "source, resource_type, resource_id"
# What a unit has of the version that contains it.
_OF_CONTAINER = (
    "version_id",
    "last_updated",
    "known_at",
    "arrival",
    "content_hash",
    "file",
    "offset",
)
_IN_CONTAINER = '{0}.block_id = f.block_id AND {0}."position" = f."position"'
# A block of their own stands for each container, with a line for each resource in it.
INNER_BLOCK = "'contained:' || f.block_id || ':' || f.\"position\""


def inside_sql(lines: str, types: Sequence[str]) -> str:
    """SQL for what JSON lines contain, by `block_id` and `position`: `place` (from 1), type, id and text."""
    return f"""
        SELECT block_id, "position", place, text, inner_type, contained_id
        FROM (
            SELECT block_id, "position", place, text, text->>'$.resourceType' AS inner_type,
                text->>'$.id' AS contained_id
            FROM (
                SELECT block_id, "position", unnest(items) AS text, generate_subscripts(items, 1) AS place
                FROM (
                    SELECT block_id, "position", json_extract(payload, '$.contained[*]') AS items FROM {lines}
                )
            )
        )
        WHERE inner_type IN ({", ".join(map(quote_text, types))}) AND contained_id IS NOT NULL
    """


def with_person_tokens(found: pa.Table, tokenizer: Tokenizer) -> pa.Table:
    """Units inside others, by source, type and id: a contained person's id is a token like any other's."""
    person = pc.is_in(found["inner_type"], pa.array(sorted(PERSON_TYPES)))
    if not pc.any(person).as_py():
        return found
    named = pc.binary_join_element_wise(found["source"], found["resource_id"], "|")
    tokens = tokenizer.tokens(domains.PATIENT, named)
    place = found.schema.get_field_index("resource_id")
    return found.set_column(place, "resource_id", pc.if_else(person, tokens, found["resource_id"]))


class ContainedUnits:
    """Finds what a step must read inside other resources; `count` grows as units are made of it."""

    def __init__(self, context: RefineContext, step: SilverStep, wanted: str) -> None:
        self._context = context
        self._session = context.session
        self.types = step.resource_types
        self.containers = self.count = 0
        if step.records:
            return  # records contain no others
        contains = " OR ".join(f"',' || contained || ',' LIKE '%,{kind},%'" for kind in self.types)
        bronze = quote_table(BRONZE_RESOURCE)
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {CONTAINERS} AS SELECT * FROM {bronze} AS bronze "
            f"WHERE contained IS NOT NULL AND ({contains}) AND ({whole_sql(wanted)})"
        )
        self.containers = self._size(CONTAINERS)
        if self.containers:
            self._session.execute(
                f"CREATE OR REPLACE TEMP TABLE outer_version AS SELECT bronze.*, row_number() OVER "
                f"(PARTITION BY {_RESOURCE} ORDER BY {version_order('bronze')}, arrival) AS place "
                f"FROM {bronze} AS bronze SEMI JOIN {CONTAINERS} USING ({_RESOURCE})"
            )
            self._session.execute(
                "CREATE OR REPLACE TEMP TABLE held_inside (source VARCHAR, outer_type VARCHAR, "
                "outer_id VARCHAR, resource_type VARCHAR, resource_id VARCHAR, place BIGINT)"
            )

    def take(self, payload: pa.Table) -> pa.Table | None:
        """Make units of what a batch of containers holds, and return their payloads, if there are any."""
        self._session.register(PAYLOAD, payload)
        found = self._session.sql(
            f"""
            SELECT c.source, c.resource_type || '/' || c.resource_id || '#' || i.contained_id AS resource_id,
                i.inner_type, i.place, i.text, c.block_id, c."position"
            FROM ({inside_sql(PAYLOAD, self.types)}) AS i JOIN {CONTAINERS} AS c USING (block_id, "position")
            """
        )
        self._session.unregister(PAYLOAD)
        if not found.num_rows:
            return None
        self._session.register(FOUND, with_person_tokens(found, self._context.tokenizer))
        self.add_found()
        texts = self._session.sql(f"SELECT {INNER_BLOCK} AS block_id, place, text FROM {FOUND} AS f")
        self._session.unregister(FOUND)
        return pa.table(
            {
                "block_id": texts["block_id"],
                "position": pc.cast(texts["place"], pa.int32()),
                "payload": pc.cast(texts["text"], pa.large_string()),
            }
        )

    def add_found(self) -> None:
        """Make units of the relation of what was found, each by its container's block and position."""
        columns = {
            "source": "f.source",
            "resource_type": "f.inner_type",
            "resource_id": "f.resource_id",
            "deleted": "FALSE",
            "block_id": INNER_BLOCK,
            "position": "CAST(f.place AS INTEGER)",
        }
        self.count += self._size(FOUND)
        self._insert(
            {**{name: f"c.{quote_name(name)}" for name in _OF_CONTAINER}, **columns},
            f"FROM {FOUND} AS f JOIN {CONTAINERS} AS c ON {_IN_CONTAINER.format('c')}",
        )
        self._session.execute(
            f"""
            INSERT INTO held_inside
            SELECT f.source, o.resource_type AS outer_type, o.resource_id AS outer_id,
                f.inner_type AS resource_type, f.resource_id, o.place
            FROM {FOUND} AS f JOIN outer_version AS o ON {_IN_CONTAINER.format("o")}
            """
        )

    def end(self) -> None:
        """Make units, deletions, of the versions that do not contain what an older one contained."""
        columns = {
            "source": "g.source",
            "resource_type": "g.resource_type",
            "resource_id": "g.resource_id",
            "deleted": "TRUE",
            "block_id": "CAST(NULL AS VARCHAR)",
            "position": "CAST(NULL AS INTEGER)",
        }
        before = self._size("unit")
        self._insert(
            {**{name: f"o.{quote_name(name)}" for name in _OF_CONTAINER}, **columns},
            f"""
            FROM (
                SELECT {_RESOURCE}, outer_type, outer_id, min(place) AS since FROM held_inside
                GROUP BY {_RESOURCE}, outer_type, outer_id
            ) AS g JOIN outer_version AS o ON o.source = g.source AND o.resource_type = g.outer_type
                AND o.resource_id = g.outer_id AND o.place > g.since
            WHERE NOT EXISTS (SELECT 1 FROM held_inside AS h WHERE h.source = g.source
                AND h.resource_type = g.resource_type AND h.resource_id = g.resource_id
                AND h.outer_type = g.outer_type AND h.outer_id = g.outer_id AND h.place = o.place)
            """,
        )
        self.count += self._size("unit") - before

    def _insert(self, columns: dict[str, str], rows: str) -> None:
        """Add units, numbered on from those there are."""
        values = ", ".join(
            f"{columns.get(name, 'CAST(NULL AS BIGINT)')} AS {quote_name(name)}" for name in UNIT_COLUMNS
        )
        self._session.execute(
            f"INSERT INTO unit SELECT (SELECT coalesce(max(row_id), 0) FROM unit) + row_number() OVER () "
            f"AS row_id, {values} {rows}"
        )

    def _size(self, relation: str) -> int:
        return int(self._session.sql(f"SELECT count(*) AS n FROM {relation}")["n"][0].as_py())
