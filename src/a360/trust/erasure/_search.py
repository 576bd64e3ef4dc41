"""Finding all that a lake holds of some patients."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec
import pyarrow as pa

from a360.contract import Held, LakePlan, SilverStep, quote_name, quote_table, quote_text
from a360.errors import OperatorError
from a360.protect import open_block, sealing_key_sql
from a360.trust.erasure._find import (
    ATTACHMENTS,
    RECORDS,
    RESOURCES,
    Clear,
    Finder,
    files_where,
    refused_where,
    rows_where,
)
from a360.trust.erasure._journal import Found, Row
from a360.trust.erasure._mentions import Fate, Names, fate_of
from a360.trust.erasure._sealed import (
    BLOCKS,
    FILES,
    Record,
    block_groups,
    in_threads,
    lines_in,
    sealed_columns,
)

_ROWS: Final = "erasing_row"


def find(finder: Finder, patients: Sequence[str]) -> Found:
    """All that is the patients'."""
    with finder.keys(patients) as keys:
        return Search(finder, keys, set(patients)).found()


class Search:
    """One look through a lake."""

    def __init__(self, finder: Finder, keys: str, patients: set[str]) -> None:
        self._finder = finder
        self._plan = finder.plan
        self._session = finder.tables.session
        self._sealer = finder.sealer
        self._store = finder.store
        self._keys = keys
        self._patients = patients
        self._found = Found()
        self._going: dict[str, dict[Row, Record]] = {RESOURCES: {}, RECORDS: {}}

    def found(self) -> Found:
        """All that is the patients'."""
        reach = {each.dataset: each for each in self._finder.reach}
        for dataset in BLOCKS:
            if dataset in reach:
                self._take(dataset, self._envelopes(dataset, reach[dataset].where(self._keys)))
        self._take_companions()
        self._clear = self._finder.names_of(self._persons())
        self._look_through_resources()
        self._look_through_records()
        self._take_companions()
        self._settle_lines()
        self._look_through_refused()
        self._count(reach)
        self._settle_files()
        self._settle_objects()
        self._settle_keys(reach)
        return self._found

    def _envelopes(self, dataset: str, where: str) -> list[Record]:
        kind, key = ("resource_type", "resource_id") if dataset == RESOURCES else ("record_type", "record_id")
        subject = "subject_token" if dataset == RESOURCES else "NULL"
        rows: list[Record] = self._session.sql(
            f'SELECT commit_id, arrival, source, {kind} AS kind, {key} AS id, file, "offset", block_id, '
            f'"position", content_hash, {subject} AS subject FROM {quote_table(dataset)} WHERE {where}'
        ).to_pylist()
        return rows

    def _take(self, dataset: str, rows: Iterable[Record]) -> None:
        """Let envelopes go, but for those that the lake knows to speak of somebody else."""
        for row in rows:
            own = row["subject"] in self._patients or row["id"] in self._patients
            if row["subject"] is None or own:
                self._going[dataset][row["commit_id"], row["arrival"]] = row

    def _take_companions(self) -> None:
        """Records that came with the same piece of input: the message, the pictures within a resource."""
        if not self._finder.holds(RECORDS):
            return
        places = {(row["commit_id"], row["file"], row["offset"]) for row in self._going[RESOURCES].values()}
        with self._registered(places, ("commit_id", "file", "offset")) as relation:
            same = f'(commit_id, file, "offset") IN (SELECT commit_id, file, "offset" FROM {relation})'
            self._take(RECORDS, self._envelopes(RECORDS, same))

    @contextmanager
    def _registered(self, rows: Iterable[tuple[Any, ...]], names: Sequence[str]) -> Iterator[str]:
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        whole = {"offset", "arrival", "position"}
        types = [pa.int64() if name in whole else pa.string() for name in names]
        table = pa.table(
            [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)], names=list(names)
        )
        self._session.register(_ROWS, table)
        try:
            yield _ROWS
        finally:
            self._session.unregister(_ROWS)

    def _persons(self) -> list[tuple[str, str, int]]:
        own = [row for row in self._going[RESOURCES].values() if row["id"] in self._patients]
        self._found.persons = [
            (row["source"], row["block_id"], row["position"]) for row in own if row["block_id"] is not None
        ]
        return self._found.persons

    def _look_through_resources(self) -> None:
        """Every block of the patients' sources is opened: a resource may name them anywhere."""
        fates: dict[tuple[str, int], Fate] = {}
        for source, clear in self._clear.items():
            for group in self._groups(BLOCKS[RESOURCES], source):
                for told in in_threads(partial(self._mentions, clear.names), group):
                    fates |= told
        if not fates:
            return
        with self._registered(fates, ("block_id", "position")) as relation:
            where = f'(block_id, "position") IN (SELECT block_id, "position" FROM {relation})'
            rows = {(row["block_id"], row["position"]): row for row in self._envelopes(RESOURCES, where)}
        for place, fate in fates.items():
            row = rows.get(place)
            known = row is not None and (row["commit_id"], row["arrival"]) in self._going[RESOURCES]
            if row is not None and not known and fate == "goes" and row["subject"] is None:
                self._going[RESOURCES][row["commit_id"], row["arrival"]] = row
            elif row is not None and not known:
                self._found.masked.setdefault(BLOCKS[RESOURCES], {}).setdefault(place[0], []).append(place[1])

    def _groups(self, table: str, source: str) -> Iterator[list[Record]]:
        if self._finder.holds(table):
            yield from block_groups(self._session, table, f"source = {quote_text(source)}")

    def _mentions(self, names: Names, row: Record) -> dict[tuple[str, int], Fate]:
        block = open_block(self._sealer, row["block_id"], row["payload"])
        places = sorted(names.found_in(block.text))
        lines = sorted(set(block.ends.searchsorted(places, side="right").tolist()))
        starts = [0, *block.ends.tolist()]
        return {
            (row["block_id"], at): fate_of(block.text[starts[at] : starts[at + 1]], names) for at in lines
        }

    def _look_through_records(self) -> None:
        """Rows of extracts and events that name the patients, whether silver has read them or not."""
        named = _patient_fields(self._plan)
        hits: set[tuple[str, int]] = set()
        for source, clear in self._clear.items():
            for group in self._groups(BLOCKS[RECORDS], source):
                wanted = [row for row in group if row["record_type"] in named]
                for told in in_threads(partial(self._naming, clear, named), wanted):
                    hits |= told
        if hits:
            with self._registered(hits, ("block_id", "position")) as relation:
                where = f'(block_id, "position") IN (SELECT block_id, "position" FROM {relation})'
                self._take(RECORDS, self._envelopes(RECORDS, where))

    def _naming(
        self, clear: Clear, named: Mapping[str, Sequence[Sequence[str]]], row: Record
    ) -> set[tuple[str, int]]:
        sought = clear.texts
        known = clear.ids | clear.values
        return {
            (row["block_id"], at)
            for at, line in enumerate(lines_in(self._sealer, row))
            if any(text in line for text in sought) and _says(line, named[row["record_type"]], known)
        }

    def _settle_lines(self) -> None:
        for dataset, rows in self._going.items():
            if not rows:
                continue
            self._found.envelopes[dataset] = sorted(rows)
            lines: dict[str, list[int]] = defaultdict(list)
            for row in rows.values():
                if row["block_id"] is not None:
                    lines[row["block_id"]].append(row["position"])
            self._found.lines[BLOCKS[dataset]] = dict(lines)
            self._found.rows[dataset] = len(rows)
            told = [
                row for row in rows.values() if row["subject"] is None and row["id"] not in self._patients
            ]
            self._found.contents += sorted({row["content_hash"] for row in told if row["content_hash"]})
            self._found.units += self._ended(dataset, rows.values())

    def _ended(self, dataset: str, rows: Iterable[Record]) -> list[tuple[str, str, str]]:
        """The resources or records of which no version stays."""
        units = {(row["source"], row["kind"], row["id"]): 0 for row in rows}
        for row in rows:
            units[row["source"], row["kind"], row["id"]] += 1
        kind, key = ("resource_type", "resource_id") if dataset == RESOURCES else ("record_type", "record_id")
        with self._registered(units, ("source", "kind", "id")) as relation:
            all_ = self._session.sql(
                f"SELECT source, {kind} AS kind, {key} AS id, count(*) AS n FROM {quote_table(dataset)} "
                f"WHERE (source, {kind}, {key}) IN (SELECT source, kind, id FROM {relation}) GROUP BY ALL"
            ).to_pylist()
        counted = {(row["source"], row["kind"], row["id"]): row["n"] for row in all_}
        return sorted(unit for unit, count in units.items() if counted.get(unit) == count)

    def _look_through_refused(self) -> None:
        """Refused rows are opened: nothing else tells whose they are."""
        places = {
            (row["source"], row["file"], row["offset"])
            for rows in self._going.values()
            for row in rows.values()
        }
        for column in sealed_columns(self._plan):
            if not column.dataset.startswith("quarantine.") or not self._finder.holds(column.dataset):
                continue
            rows = self._session.sql(
                f'SELECT dataset, source, commit_id, file, "offset", payload, sha256(payload) AS seal '
                f"FROM {quote_table(column.dataset)} WHERE payload IS NOT NULL"
            ).to_pylist()
            going = [
                row["seal"]
                for row in rows
                if (row["source"], row["file"], row["offset"]) in places
                or self._is_about(row["source"], self._sealer.unseal(row["payload"], column.context(row)))
            ]
            if going:
                self._found.refused[column.dataset] = sorted(going)
                self._found.rows[column.dataset] = len(going)

    def _is_about(self, source: str, payload: bytes) -> bool:
        clear = self._clear.get(source)
        if clear is None:
            return False
        told = any(value.encode() in payload for value in clear.values)
        return (
            told
            or any(True for _ in clear.names.found_in(payload))
            or any(text in payload for text in clear.texts)
        )

    def _count(self, reach: Mapping[str, Held]) -> None:
        for dataset, held in reach.items():
            if dataset in BLOCKS:
                continue
            where = rows_where(self._plan, held, self._keys, self._found.units)
            counted = self._session.sql(f"SELECT count(*) AS n FROM {quote_table(dataset)} WHERE {where}")
            if rows := int(counted["n"][0].as_py()):
                self._found.rows[dataset] = rows

    def _settle_files(self) -> None:
        """Files that held nothing else: where they lay may say whose they were."""
        touched: dict[tuple[str, str], int] = defaultdict(int)
        for rows in self._going.values():
            for row in rows.values():
                touched[row["commit_id"], row["file"]] += 1
        if not touched or not self._finder.holds(FILES):
            return
        held: dict[tuple[str, str], int] = defaultdict(int)
        with self._registered(touched, ("commit_id", "file")) as relation:
            for dataset in BLOCKS:
                if self._finder.holds(dataset):
                    for row in self._session.sql(
                        f"SELECT commit_id, file, count(*) AS n FROM {quote_table(dataset)} "
                        f"WHERE (commit_id, file) IN (SELECT commit_id, file FROM {relation}) GROUP BY ALL"
                    ).to_pylist():
                        held[row["commit_id"], row["file"]] += row["n"]
        self._found.files = sorted(each for each, count in touched.items() if held[each] == count)

    def _settle_objects(self) -> None:
        if self._store is None or not self._finder.holds(ATTACHMENTS):
            return
        # Named by a row of somebody else's too, a picture stays: it was received for both.
        where = f"patient_key IN (SELECT patient_key FROM {self._keys})"
        own = f"SELECT object_digest FROM {quote_table(ATTACHMENTS)} WHERE {where}"
        others = f"SELECT object_digest FROM {quote_table(ATTACHMENTS)} WHERE ({where}) IS NOT TRUE"
        found = set(self._session.sql(own)[0].to_pylist()) | self._told_objects()
        found -= set(self._session.sql(f"{others} AND object_digest IS NOT NULL")[0].to_pylist())
        self._found.objects = sorted(each for each in found if each and self._store.holds(each))

    def _told_objects(self) -> set[str]:
        """The objects that the records name which go, whether silver has read them or not."""
        names: set[str] = set()
        going = self._found.lines.get(BLOCKS[RECORDS], {})
        if going:
            among = f"record_type = 'attachment' AND block_id IN ({', '.join(map(quote_text, going))})"
            for group in block_groups(self._session, BLOCKS[RECORDS], among):
                for row in group:
                    lines = lines_in(self._sealer, row)
                    told = [json.loads(lines[at]).get("object") for at in going[row["block_id"]]]
                    names |= {each for each in told if isinstance(each, str)}
        return names

    def _settle_keys(
        self, reach: Mapping[str, Held], conditions: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """The keys under which any of it is sealed, and how much payload there is."""
        keys: set[str] = set()
        for blocks in (*self._found.lines.items(), *self._found.masked.items()):
            table, names = blocks[0], ", ".join(map(quote_text, blocks[1]))
            if names:
                key = sealing_key_sql("payload")
                told = self._session.sql(
                    f"SELECT DISTINCT {key} FROM {quote_table(table)} WHERE block_id IN ({names})"
                )
                keys |= set(told[0].to_pylist())
        for column in sealed_columns(self._plan):
            where = self._sealed_where(column.dataset, reach) or conditions.get(column.dataset)
            if where is not None:
                key = sealing_key_sql(quote_name(column.column))
                rows = self._session.sql(
                    f"SELECT DISTINCT {key} FROM {quote_table(column.dataset)} "
                    f"WHERE {quote_name(column.column)} IS NOT NULL AND ({where})"
                )
                keys |= set(rows[0].to_pylist())
        self._found.keys = sorted(keys)

    def _sealed_where(self, dataset: str, reach: Mapping[str, Held]) -> str | None:
        if dataset in self._found.refused:
            return refused_where(self._found.refused[dataset])
        if dataset == FILES and self._found.files:
            return files_where(self._found.files)
        if dataset in reach and self._found.rows.get(dataset):
            return rows_where(self._plan, reach[dataset], self._keys, self._found.units)
        return None


def _patient_fields(plan: LakePlan) -> dict[str, list[Sequence[str]]]:
    """By which members records of each type name a patient."""
    fields: dict[str, list[Sequence[str]]] = {}
    for step in plan.steps:
        if isinstance(step, SilverStep) and step.records is not None:
            for each in step.records.fields:
                if each.reference is not None and each.reference.type == "Patient":
                    ways = [each.path] if each.path else [(name,) for name in each.names]
                    fields.setdefault(step.records.record, []).extend(ways)
    return fields


def _says(line: bytes, paths: Sequence[Sequence[str]], known: set[str]) -> bool:
    """Whether a record names one of the patients in a member that is meant for it."""
    try:
        record = msgspec.json.decode(line)
    except msgspec.DecodeError:
        raise OperatorError(
            "seal-broken", "A record in bronze cannot be read", next_step="find out what wrote it"
        ) from None
    return any(_at(record, path) in known for path in paths)


def _at(value: object, path: Sequence[str]) -> str | None:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return str(value).strip() if isinstance(value, str | int) else None
