"""Reading units where their rows are: payloads are opened by other processes, and come out typed.

What leaves a worker is typed values and tokens; what is shuffled on the way to one are sealed blocks. Joins
that lead references to keys, and verdicts, are the engine's.
"""

from collections.abc import Callable

from a360.engine import quote_name
from a360.failpoints import failpoint
from a360.refine._contained import CONTAINERS, FOUND, INNER_BLOCK, ContainedUnits
from a360.refine._judging import MISSHAPEN_FLAG
from a360.refine._kernels import (
    FOUND_SCHEMA,
    NAMES,
    ROW,
    ContainedKernel,
    RefusingKernel,
    TypingKernel,
    own_columns,
    part_name,
    typed_schema,
)
from a360.refine._lookups import Lookups
from a360.refine._opened import INNER, blocks_sql
from a360.refine._payloads import CARRIED
from a360.refine._reading import Reading
from a360.refine._references import Wanted
from a360.refine._rejects import REFUSED_SCHEMA
from a360.refine._shape import unreadable_flag
from a360.refine._typed import checked_casts

_LINES, _REFUSED_LINES = "unit_line", "refused_line"
_TYPED, _RESOLVED, _JUDGED, _REFUSED = "typed", "resolved", "judged", "refused"


class _TypedLookups(Lookups):
    def given_sql(self, column: str) -> str:
        """A typed row says so itself."""
        return f"v.{quote_name(part_name(column, 'given'))}"


def _part_sql(column: str) -> Callable[[str], str]:
    return lambda part: f"v.{quote_name(part_name(column, part))}"


class DistributedReading(Reading):
    """Has kernels read blocks, and the engine judge what they give."""

    def read(self, contained: ContainedUnits) -> None:
        """Read all units; those that lie in others are found before."""
        if contained.containers:
            self._find_contained(contained)
        self._name_lines(contained)
        self._type()
        failpoint("refine.silver.batch")
        self._judge_rows()
        self._refuse()

    def _find_contained(self, contained: ContainedUnits) -> None:
        self._session.execute(
            f'CREATE OR REPLACE TEMP VIEW container_line AS SELECT block_id, "position", '
            f"CAST(NULL AS INTEGER) AS {INNER}, source, resource_type, resource_id FROM {CONTAINERS} "
            "WHERE block_id IS NOT NULL"
        )
        kernel = ContainedKernel(contained.types, self._context.tokenizer, self._context.sealer)
        names = ("source", "resource_type", "resource_id")
        query = blocks_sql(self._ground.block, "container_line", names)
        self._session.mapped(FOUND, query, kernel, FOUND_SCHEMA)
        contained.add_found()

    def _name_lines(self, contained: ContainedUnits) -> None:
        """Say in which line of which block each unit lies, and where in it."""
        block, position, inner, join = "u.block_id", 'u."position"', "CAST(NULL AS INTEGER)", ""
        if contained.count:
            join = f'LEFT JOIN {FOUND} AS f ON {INNER_BLOCK} = u.block_id AND f.place = u."position"'
            block, position = f"coalesce(f.block_id, {block})", f'coalesce(f."position", {position})'
            inner = "CAST(f.place AS INTEGER)"
        carried = ", ".join(f"u.{column} AS {name}" for name, column in CARRIED.items())
        self._session.execute(
            f'CREATE OR REPLACE TEMP VIEW {_LINES} AS SELECT {block} AS block_id, {position} AS "position", '
            f'{inner} AS {INNER}, {carried}, u.file, u."offset", u.line FROM unit AS u {join} '
            "WHERE u.block_id IS NOT NULL AND NOT u.deleted"
        )

    def _type(self) -> None:
        shape, context = self._shape, self._context
        kernel = TypingKernel(
            shape=shape,
            reads=self._reads,
            wanted=self._targets.wanted,
            tokenizer=context.tokenizer,
            sealer=context.sealer,
            batch=self._texts.batch() if shape.sealed else None,
        )
        self._session.mapped(
            _TYPED, blocks_sql(self._ground.block, _LINES, CARRIED), kernel, typed_schema(shape)
        )
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE misshapen AS SELECT row_id, {quote_name(NAMES)} AS names "
            f"FROM {_TYPED} WHERE NOT {quote_name(ROW)}"
        )

    def _judge_rows(self) -> None:
        session, names = self._session, ", ".join(map(quote_name, self._shape.table.column_names))
        own = [
            *(each.name for each in own_columns(self._shape)),
            *(unreadable_flag(each) for each in checked_casts(self._shape)),
        ]
        columns = [f"v.{quote_name(name)}" for name in own]
        resolved = self._resolved_sql(_TYPED, [*columns, f"v.{MISSHAPEN_FLAG}"], self._lookups())
        session.execute(f"CREATE OR REPLACE TEMP VIEW {_RESOLVED} AS {resolved} WHERE v.{quote_name(ROW)}")
        judged = session.define(
            _JUDGED,
            lambda dialect: (
                f"SELECT row_id, {names}, {self._judge.verdict(dialect)} AS verdict FROM {_RESOLVED}"
            ),
        )
        session.execute(f"CREATE OR REPLACE TEMP TABLE candidate AS SELECT * FROM {judged} AS judged")
        session.execute(
            f"CREATE OR REPLACE TEMP TABLE rejected AS SELECT row_id, min(verdict) AS verdict FROM candidate "
            f"WHERE {self._judge.refuses} GROUP BY row_id"
        )
        session.execute(f"INSERT INTO rejected {self._judge.refused_shapes('rejected')}")

    def _lookups(self) -> Lookups:
        """The way from tokens and parts of references to values; a reference nobody gives needs none."""
        lookups = _TypedLookups(self._shape, self._targets)
        lookups.values |= {name: f"v.{quote_name(name)}" for name in self._shape.tokens}
        for number, (name, given) in enumerate(self._given().items()):
            way = self._targets.way(name, "v.unit_source", _part_sql(name), given, at=str(number))
            lookups.values[name] = way.key
            lookups.joins += way.joins
        return lookups

    def _given(self) -> dict[str, Wanted]:
        """The reference columns with a value, and the tokens that there are to look them up by."""
        names = list(self._shape.references)
        if not names:
            return {}
        counts = ", ".join(
            f"count({quote_name(part_name(name, part))}) AS {part}{number}"
            for number, name in enumerate(names)
            for part in ("url", "search")
        )
        given = ", ".join(
            f"count(CASE WHEN {quote_name(part_name(name, 'given'))} THEN 1 END) AS given{number}"
            for number, name in enumerate(names)
        )
        found = self._session.sql(f"SELECT {given}, {counts} FROM {_TYPED}").to_pylist()[0]
        return {
            name: Wanted(urls=found[f"url{number}"] > 0, searches=found[f"search{number}"] > 0)
            for number, name in enumerate(names)
            if found[f"given{number}"]
        }

    def _refuse(self) -> None:
        """Have the payloads of refused units sealed for the quarantine."""
        session = self._session
        if not session.sql("SELECT count(*) AS n FROM rejected")["n"][0].as_py():
            return
        names = ("source", "file", "offset", "line", "known_at", "verdict", "names")
        session.execute(
            f'CREATE OR REPLACE TEMP VIEW {_REFUSED_LINES} AS SELECT l.block_id, l."position", l.{INNER}, '
            f'l.unit_source AS source, l.file, l."offset", l.line, l.unit_known AS known_at, r.verdict, '
            f"m.names FROM {_LINES} AS l JOIN rejected AS r ON r.row_id = l.row_id "
            f"LEFT JOIN misshapen AS m ON m.row_id = l.row_id"
        )
        kernel = RefusingKernel(self._refusal, self._context.sealer, self._rejects.key.batch())
        query = blocks_sql(self._ground.block, _REFUSED_LINES, names)
        session.mapped(_REFUSED, query, kernel, REFUSED_SCHEMA)
        self._rejects.stage(_REFUSED)
