"""What goes, gathered: envelopes first, then the lines, files, objects and keys that go with them."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Final

import pyarrow as pa

from a360.contract import Held, quote_name, quote_table, quote_text
from a360.protect import sealing_key_sql
from a360.trust.erasure._find import (
    ATTACHMENTS,
    RECORDS,
    RESOURCES,
    Finder,
    files_where,
    refused_where,
    rows_where,
)
from a360.trust.erasure._journal import Found, Row
from a360.trust.erasure._sealed import BLOCKS, FILES, Record, block_groups, lines_in, sealed_columns

_OBJECT: Final = b'"object"'
_ROWS: Final = "erasing_row"
PLACE: Final = ("commit_id", "file", "offset")
PLACED: Final = ", ".join(map(quote_name, PLACE))
PLACE_SQL: Final = f"({PLACED})"


class Gathering:
    """What goes with envelopes that go; `keys` is a relation of the patients that are meant, if any."""

    def __init__(self, finder: Finder, keys: str, patients: set[str]) -> None:
        self.finder = finder
        self.plan = finder.plan
        self.session = finder.tables.session
        self.sealer = finder.sealer
        self.store = finder.store
        self.keys = keys
        self.patients = patients
        self.result = Found()
        self.going: dict[str, dict[Row, Record]] = {RESOURCES: {}, RECORDS: {}}

    def envelopes(self, dataset: str, where: str) -> list[Record]:
        kind, key = ("resource_type", "resource_id") if dataset == RESOURCES else ("record_type", "record_id")
        subject = "subject_token" if dataset == RESOURCES else "NULL"
        rows: list[Record] = self.session.sql(
            f'SELECT commit_id, arrival, source, {kind} AS kind, {key} AS id, file, "offset", block_id, '
            f'"position", content_hash, {subject} AS subject FROM {quote_table(dataset)} WHERE {where}'
        ).to_pylist()
        return rows

    def take(self, dataset: str, rows: Iterable[Record]) -> None:
        """Let envelopes go, but for those that the lake knows to speak of somebody else."""
        for row in rows:
            own = row["subject"] in self.patients or row["id"] in self.patients
            if row["subject"] is None or own:
                self.going[dataset][row["commit_id"], row["arrival"]] = row

    def take_companions(self) -> None:
        """Records that came with the same piece of input: the message, the pictures within a resource."""
        if not self.finder.holds(RECORDS):
            return
        with self.registered(self.places(), PLACE) as relation:
            self.take(RECORDS, self.envelopes(RECORDS, f"{PLACE_SQL} IN (SELECT {PLACED} FROM {relation})"))

    def places(self) -> set[tuple[Any, ...]]:
        """The pieces of input with which all goes that came with them."""
        return {(row["commit_id"], row["file"], row["offset"]) for row in self.going[RESOURCES].values()}

    @contextmanager
    def registered(self, rows: Iterable[tuple[Any, ...]], names: Sequence[str]) -> Iterator[str]:
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        whole = {"offset", "arrival", "position"}
        types = [pa.int64() if name in whole else pa.string() for name in names]
        table = pa.table(
            [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)], names=list(names)
        )
        self.session.register(_ROWS, table)
        try:
            yield _ROWS
        finally:
            self.session.unregister(_ROWS)

    def settle_lines(self) -> None:
        for dataset, rows in self.going.items():
            if not rows:
                continue
            self.result.envelopes[dataset] = sorted(rows)
            lines: dict[str, list[int]] = defaultdict(list)
            for row in rows.values():
                if row["block_id"] is not None:
                    lines[row["block_id"]].append(row["position"])
            self.result.lines[BLOCKS[dataset]] = dict(lines)
            self.result.rows[dataset] = len(rows)
            told = [row for row in rows.values() if row["subject"] is None and row["id"] not in self.patients]
            self.result.contents += sorted({row["content_hash"] for row in told if row["content_hash"]})
            self.result.units += self._ended(dataset, rows.values())

    def _ended(self, dataset: str, rows: Iterable[Record]) -> list[tuple[str, str, str]]:
        """The resources or records of which no version stays."""
        units = {(row["source"], row["kind"], row["id"]): 0 for row in rows}
        for row in rows:
            units[row["source"], row["kind"], row["id"]] += 1
        kind, key = ("resource_type", "resource_id") if dataset == RESOURCES else ("record_type", "record_id")
        with self.registered(units, ("source", "kind", "id")) as relation:
            all_ = self.session.sql(
                f"SELECT source, {kind} AS kind, {key} AS id, count(*) AS n FROM {quote_table(dataset)} "
                f"WHERE (source, {kind}, {key}) IN (SELECT source, kind, id FROM {relation}) GROUP BY ALL"
            ).to_pylist()
        counted = {(row["source"], row["kind"], row["id"]): row["n"] for row in all_}
        return sorted(unit for unit, count in units.items() if counted.get(unit) == count)

    def settle_files(self) -> None:
        """Files that held nothing else: where they lay may say whose they were."""
        touched: dict[tuple[str, str], int] = defaultdict(int)
        for rows in self.going.values():
            for row in rows.values():
                touched[row["commit_id"], row["file"]] += 1
        if not touched or not self.finder.holds(FILES):
            return
        held: dict[tuple[str, str], int] = defaultdict(int)
        with self.registered(touched, ("commit_id", "file")) as relation:
            for dataset in BLOCKS:
                if self.finder.holds(dataset):
                    for row in self.session.sql(
                        f"SELECT commit_id, file, count(*) AS n FROM {quote_table(dataset)} "
                        f"WHERE (commit_id, file) IN (SELECT commit_id, file FROM {relation}) GROUP BY ALL"
                    ).to_pylist():
                        held[row["commit_id"], row["file"]] += row["n"]
        self.result.files = sorted(each for each, count in touched.items() if held[each] == count)

    def settle_objects(self, gone: str) -> None:
        """The files beside the tables that only rows name which go; `gone` is a condition for silver's.

        Bronze is asked too: silver may not have read, or have refused, what names them. They are shared by
        content, so that a picture may have been received for somebody else as well.
        """
        if self.store is None:
            return
        lines = self.result.lines.get(BLOCKS[RECORDS], {})
        going = {(block_id, at) for block_id, places in lines.items() for at in places}
        among = f"block_id IN ({', '.join(map(quote_text, lines)) or quote_text('')})"
        found = {name for place, name in self._named_objects(among) if place in going}
        if self.finder.holds(ATTACHMENTS):
            named = f"SELECT object_digest FROM {quote_table(ATTACHMENTS)} WHERE object_digest IS NOT NULL"
            found |= set(self.session.sql(f"{named} AND ({gone})")[0].to_pylist())
            found -= set(self.session.sql(f"{named} AND ({gone}) IS NOT TRUE")[0].to_pylist())
        found = {each for each in found if self.store.holds(each)}
        if found:
            found -= {name for place, name in self._named_objects("TRUE") if place not in going}
        self.result.objects = sorted(found)

    def _named_objects(self, among: str) -> Iterator[tuple[tuple[str, int], str]]:
        """The objects that lines of records name, each with the line's place."""
        if not self.finder.holds(BLOCKS[RECORDS]):
            return
        where = f"record_type = 'attachment' AND {among}"
        for group in block_groups(self.session, BLOCKS[RECORDS], where):
            for row in group:
                for at, line in enumerate(lines_in(self.sealer, row)):
                    name = json.loads(line).get("object") if _OBJECT in line else None
                    if isinstance(name, str):
                        yield (row["block_id"], at), name

    def settle_keys(
        self, reach: Mapping[str, Held], conditions: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """The keys under which any of it is sealed, and how much payload there is."""
        keys: set[str] = set()
        for blocks in (*self.result.lines.items(), *self.result.masked.items()):
            table, names = blocks[0], ", ".join(map(quote_text, blocks[1]))
            if names:
                key = sealing_key_sql("payload")
                told = self.session.sql(
                    f"SELECT DISTINCT {key} FROM {quote_table(table)} WHERE block_id IN ({names})"
                )
                keys |= set(told[0].to_pylist())
        for column in sealed_columns(self.plan):
            where = self._sealed_where(column.dataset, reach) or conditions.get(column.dataset)
            if where is not None:
                key = sealing_key_sql(quote_name(column.column))
                rows = self.session.sql(
                    f"SELECT DISTINCT {key} FROM {quote_table(column.dataset)} "
                    f"WHERE {quote_name(column.column)} IS NOT NULL AND ({where})"
                )
                keys |= set(rows[0].to_pylist())
        self.result.keys = sorted(keys)

    def _sealed_where(self, dataset: str, reach: Mapping[str, Held]) -> str | None:
        if dataset in self.result.refused:
            return refused_where(self.result.refused[dataset])
        if dataset == FILES and self.result.files:
            return files_where(self.result.files)
        if dataset in reach and self.result.rows.get(dataset):
            return rows_where(self.plan, reach[dataset], self.keys, self.result.units)
        return None
