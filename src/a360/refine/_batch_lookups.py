"""Tokens and keys of a batch of rows in the lake's own session, each distinct text looked up once."""

import pyarrow as pa

from a360.engine import quote_name
from a360.refine._context import RefineContext
from a360.refine._lookups import Lookups, Targets
from a360.refine._reader import VIEWED
from a360.refine._references import parts_join, parts_of, token_join, tokens_of
from a360.refine._shape import SilverShape

_LOOKED_UP = "looked_up"


class BatchLookups(Lookups):
    """The temporary tables through which rows of `viewed` find tokens and keys."""

    def __init__(self, context: RefineContext, shape: SilverShape, targets: Targets) -> None:
        super().__init__(shape, targets)
        self._session = context.session
        self._tokenizer = context.tokenizer

    def prepare(self) -> None:
        """Look up what the rows of `viewed` hold; columns without a value need no join."""
        self.values, self.joins = {}, []
        columns = [*self._shape.tokens, *self._shape.references]
        if not columns:
            return
        counts = ", ".join(f"count({quote_name(name)}) AS {quote_name(name)}" for name in columns)
        filled = self._session.sql(f"SELECT {counts} FROM {VIEWED}").to_pylist()[0]
        for name, domain in self._shape.tokens.items():
            if filled[name]:
                tokens = tokens_of(self._session, self._tokenizer, name, domain)
                self._keep(name, tokens, f"SELECT * FROM {_LOOKED_UP}", token_join(name))
        for name in self._shape.references:
            if filled[name]:
                self._resolve(name)

    def _resolve(self, name: str) -> None:
        wanted = self._targets.wanted
        parts = parts_of(self._session, self._tokenizer, name, self._shape.references[name], wanted)
        way = self._targets.way(name, "r.source", lambda part: f"r.{part}", wanted)
        found = (
            f"SELECT r.source, r.raw, r.container, {way.key} AS key "
            f"FROM {_LOOKED_UP} AS r {' '.join(way.joins)}"
        )
        self._keep(name, parts, found, parts_join(name, parts))

    def _keep(self, name: str, looked_up: pa.Table, query: str, join: str) -> None:
        found = quote_name(f"{name}#")
        self._session.register(_LOOKED_UP, looked_up)
        self._session.execute(f"CREATE OR REPLACE TEMP TABLE {found} AS {query}")
        self._session.unregister(_LOOKED_UP)
        self.values[name] = f"{found}.key"
        self.joins.append(join)
