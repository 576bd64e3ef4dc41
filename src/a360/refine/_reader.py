"""From payload text to raw columns: the views of a step, run over a batch of payloads."""

from collections.abc import Iterator
from dataclasses import dataclass

from a360.contract import SilverStep, ViewPlan
from a360.engine import quote_text
from a360.fhir import CompiledView, compile_view
from a360.refine._context import RefineContext

PAYLOAD = "payload_batch"
VIEWED = "viewed"


@dataclass(frozen=True, slots=True)
class _View:
    plan: ViewPlan
    compiled: CompiledView


class ViewReader:
    """Runs the views of a step; what comes out are raw values: text as written, references as text."""

    def __init__(self, context: RefineContext, step: SilverStep) -> None:
        self._session = context.session
        self._views = [
            _View(view, compile_view(view.definition, "duckdb", source="resources", carry=("row_id",)))
            for view in step.views
        ]
        self._session.execute("CREATE OR REPLACE TEMP TABLE misshapen (row_id BIGINT)")

    def read(self) -> Iterator[ViewPlan]:
        """Make `viewed` of the registered payload batch, one view after the other."""
        for view in self._views:
            payloads = (
                f"FROM {PAYLOAD} AS p "
                'JOIN unit AS u ON u.block_id = p.block_id AND u."position" = p."position" '
                f"WHERE u.resource_type = {quote_text(view.plan.resource_type)} AND NOT u.deleted"
            )
            structure = quote_text(view.compiled.struct.duckdb_json())
            self._session.execute(
                f"CREATE OR REPLACE TEMP VIEW resources AS "
                f"SELECT u.row_id, from_json(p.payload, {structure}) AS resource {payloads}"
            )
            self._session.execute(f"CREATE OR REPLACE TEMP TABLE {VIEWED} AS {view.compiled.sql}")
            self._note_misshapen(view.compiled, payloads)
            yield view.plan

    def _note_misshapen(self, view: CompiledView, payloads: str) -> None:
        """Note resources one of whose elements has another JSON type than FHIR says.

        Parsing gives null for such an element: without this check its content would be lost silently.
        """
        children = view.struct.children
        if not children:
            return
        paths = ", ".join(quote_text("$." + name) for name in children)
        # Kept in a table: as an inner query it would be computed anew for each element.
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE kinds AS "
            f"SELECT u.row_id, json_type(p.payload, [{paths}]) AS kind {payloads}"
        )
        tests = []
        for place, child in enumerate(children.values(), start=1):
            if child.many:
                tests.append(f"kind[{place}] NOT IN ('ARRAY', 'NULL')")
            elif child.children:
                tests.append(f"kind[{place}] NOT IN ('OBJECT', 'NULL')")
            else:
                tests.append(f"kind[{place}] IN ('ARRAY', 'OBJECT')")
        self._session.execute(
            f"INSERT INTO misshapen SELECT row_id FROM kinds WHERE coalesce({' OR '.join(tests)}, FALSE)"
        )
