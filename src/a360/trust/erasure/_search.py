"""Finding all that a lake holds of some patients."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from a360.contract import Held, quote_table, quote_text
from a360.protect import open_block
from a360.trust.erasure._clear import Clear, Sought
from a360.trust.erasure._find import ATTACHMENTS, RECORDS, RESOURCES, Finder, rows_where
from a360.trust.erasure._gathering import Gathering
from a360.trust.erasure._journal import Found
from a360.trust.erasure._mentions import Fate, fate_of
from a360.trust.erasure._sealed import (
    BLOCKS,
    Record,
    SealedColumn,
    block_groups,
    in_threads,
    lines_in,
    sealed_columns,
)

_REFUSED_ROWS = 512


def find(finder: Finder, patients: Sequence[str], named: Mapping[str, Sequence[str]]) -> Found:
    """All that is the patients'; `named` are ids of theirs in clear, by source."""
    with finder.keys(patients) as keys:
        return _Search(finder, keys, set(patients)).found(named)


class _Search(Gathering):
    """One look through a lake."""

    def found(self, named: Mapping[str, Sequence[str]]) -> Found:
        """All that is the patients'."""
        reach = {each.dataset: each for each in self.finder.reach}
        for dataset in BLOCKS:
            if dataset in reach:
                self.take(dataset, self.envelopes(dataset, reach[dataset].where(self.keys)))
        self.take_companions()
        self._sought = self._named(named)
        self._look_through_resources()
        self._look_through_records()
        self.take_companions()
        self.settle_lines()
        self._look_through_refused()
        self._count(reach)
        self.settle_files()
        held = reach.get(ATTACHMENTS)
        self.settle_objects(rows_where(self.plan, held, self.keys, self.result.units) if held else "FALSE")
        self.settle_keys(reach)
        return self.result

    def _named(self, named: Mapping[str, Sequence[str]]) -> Mapping[str, Sought]:
        """What names the patients in clear: what was given, and what their own records say."""
        own = [row for row in self.going[RESOURCES].values() if row["id"] in self.patients]
        own = [row for row in own if row["block_id"] is not None]
        self.result.persons = [(row["source"], row["block_id"], row["position"]) for row in own]
        clear = dict(self.finder.names_of(self.result.persons))
        known = {row["id"] for row in own}
        for source, ids in named.items():
            clear.setdefault(source, Clear()).ids.update(ids)
            known.update(self.finder.keys_of(source, ids))
        self.result.unnamed = len(self.patients - known)
        return {source: Sought(each, self.finder.ways) for source, each in clear.items()}

    def _look_through_resources(self) -> None:
        """Every block of the patients' sources is opened: a resource may name them anywhere."""
        fates: dict[tuple[str, int], Fate] = {}
        for source, sought in self._sought.items():
            for group in self._groups(BLOCKS[RESOURCES], source):
                for told in in_threads(partial(self._mentions, sought), group):
                    fates |= told
        if not fates:
            return
        with self.registered(fates, ("block_id", "position")) as relation:
            where = f'(block_id, "position") IN (SELECT block_id, "position" FROM {relation})'
            rows = {(row["block_id"], row["position"]): row for row in self.envelopes(RESOURCES, where)}
        for place, fate in fates.items():
            row = rows.get(place)
            known = row is not None and (row["commit_id"], row["arrival"]) in self.going[RESOURCES]
            if row is not None and not known and fate == "goes" and row["subject"] is None:
                self.going[RESOURCES][row["commit_id"], row["arrival"]] = row
            elif row is not None and not known:
                self.result.masked.setdefault(BLOCKS[RESOURCES], {}).setdefault(place[0], []).append(place[1])

    def _groups(self, table: str, source: str) -> Iterator[list[Record]]:
        if self.finder.holds(table):
            yield from block_groups(self.session, table, f"source = {quote_text(source)}")

    def _mentions(self, sought: Sought, row: Record) -> dict[tuple[str, int], Fate]:
        block = open_block(self.sealer, row["block_id"], row["payload"])
        starts = [0, *block.ends.tolist()]
        return {
            (row["block_id"], at): fate_of(block.text[starts[at] : starts[at + 1]], sought.names)
            for at in sought.lines_naming(block.text, block.ends)
        }

    def _look_through_records(self) -> None:
        """Rows of extracts and events that name the patients, whether silver has read them or not."""
        hits: set[tuple[str, int]] = set()
        for source, sought in self._sought.items():
            for group in self._groups(BLOCKS[RECORDS], source):
                wanted = [row for row in group if row["record_type"] in self.finder.ways]
                for told in in_threads(partial(self._naming, sought), wanted):
                    hits |= told
        if hits:
            with self.registered(hits, ("block_id", "position")) as relation:
                where = f'(block_id, "position") IN (SELECT block_id, "position" FROM {relation})'
                self.take(RECORDS, self.envelopes(RECORDS, where))

    def _naming(self, sought: Sought, row: Record) -> set[tuple[str, int]]:
        return {
            (row["block_id"], at)
            for at, line in enumerate(lines_in(self.sealer, row))
            if sought.named_by(row["record_type"], line)
        }

    def _look_through_refused(self) -> None:
        """Refused rows are opened, some at a time: nothing else tells whose they are."""
        rows = (row for of_dataset in self.going.values() for row in of_dataset.values())
        places = {(row["source"], row["file"], row["offset"]) for row in rows}
        for column in sealed_columns(self.plan):
            if column.dataset.startswith("quarantine.") and self.finder.holds(column.dataset):
                going = sorted(set(self._refused(column, places)))
                if going:
                    self.result.refused[column.dataset] = going
                    self.result.rows[column.dataset] = len(going)

    def _refused(self, column: SealedColumn, places: set[tuple[str, str, int]]) -> Iterator[str]:
        rows = self.session.stream(
            f'SELECT dataset, source, commit_id, file, "offset", payload, sha256(payload) AS seal '
            f"FROM {quote_table(column.dataset)} WHERE payload IS NOT NULL",
            batch_rows=_REFUSED_ROWS,
        )
        for batch in rows:
            listed = batch.to_pylist()
            yield from (
                row["seal"] for row in listed if (row["source"], row["file"], row["offset"]) in places
            )
            asked = [row for row in listed if row["source"] in self._sought]
            sealed, contexts = [row["payload"] for row in asked], list(map(column.context, asked))
            for row, payload in zip(asked, self.sealer.unseal_all(sealed, contexts), strict=True):
                if self._sought[row["source"]].told_by(payload):
                    yield row["seal"]

    def _count(self, reach: Mapping[str, Held]) -> None:
        for dataset, held in reach.items():
            if dataset in BLOCKS:
                continue
            where = rows_where(self.plan, held, self.keys, self.result.units)
            counted = self.session.sql(f"SELECT count(*) AS n FROM {quote_table(dataset)} WHERE {where}")
            if rows := int(counted["n"][0].as_py()):
                self.result.rows[dataset] = rows
