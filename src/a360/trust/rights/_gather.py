"""All that a lake holds of one patient: the resources and records as they were received, and the rows.

Somebody else's data is left aside: a resource that names another patient as well is withheld as a whole and
counted, since only a person can tell what of it may be told; in rows, keys of others are blanked.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from a360.contract import (
    Held,
    LakePlan,
    TablePlan,
    patient_reach,
    quote_table,
    quote_text,
    version_order,
)
from a360.protect import Sealer, Tokenizer, column_context, domains, open_block, open_text
from a360.table import Tables
from a360.trust.rights._behind import behind
from a360.trust.rights._envelopes import BLOCKS, KINDS, RECORDS, RESOURCES, units_sql
from a360.trust.rights._refused import Refusals, Refused, Text
from a360.trust.rights._shared import told_of_others

PATIENTS: Final = "silver.patient"
_KEYS: Final = "exporting_patient"
_PERSON: Final = re.compile(r"(?:.*/)?(Patient/|urn:uuid:)([A-Za-z0-9.-]{1,64})(?:/_history/.*)?")
_ANYTHING: Final = "urn:uuid:"


type _Way = tuple[str, str, str]
"""A source, and a reference in it that may lead to a patient: of what kind, and to which id."""


@dataclass(frozen=True, slots=True)
class Received:
    """A resource or record as it was received; `deleted` where its source has deleted it since."""

    kind: str
    source: str
    text: bytes
    deleted: bool

    @classmethod
    def of(cls, text: bytes, source: str) -> "Received":
        """A resource that was refused, by its text alone."""
        resource = msgspec.json.decode(text)
        return cls(str(resource["resourceType"]), source, text, deleted=False)

    @property
    def content(self) -> dict[str, Any]:
        """As parsed JSON."""
        content: dict[str, Any] = msgspec.json.decode(self.text)
        return content


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is of a patient.

    Attributes:
        keys: The patient, and those whose records were merged with theirs.
        resources: FHIR resources, the last version of each.
        records: Records of extracts and events, likewise.
        rows: The rows of silver and gold, by dataset.
        withheld: How many resources name another patient too, by type.
        missing: How many were deleted by their source, and have no version here, by type.
        refused: What the lake refused of them.
    """

    keys: tuple[str, ...]
    resources: Sequence[Received]
    records: Sequence[Received]
    rows: Mapping[str, pa.Table]
    withheld: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    refused: Refused = field(default_factory=Refused)


class Gatherer:
    """Looks a patient up in all datasets that can hold one."""

    def __init__(self, plan: LakePlan, tables: Tables, sealer: Sealer, tokenizer: Tokenizer) -> None:
        self._plan = plan
        self._tables = tables
        self._sealer = sealer
        self._tokenizer = tokenizer
        self.reach: Sequence[Held] = [
            each for each in patient_reach(plan) if tables.current_snapshot_id(each.dataset) is not None
        ]

    def together(self, patient_key: str) -> tuple[str, ...]:
        """A patient with those whose records were merged with theirs."""
        known = {patient_key}
        while self._tables.current_snapshot_id(PATIENTS) is not None:
            among = ", ".join(map(quote_text, sorted(known)))
            found = self._tables.session.sql(
                f"SELECT patient_key, replaced_by FROM {quote_table(PATIENTS)} "
                f"WHERE replaced_by IS NOT NULL AND (patient_key IN ({among}) OR replaced_by IN ({among}))"
            )
            more = known.union(*(column.to_pylist() for column in found.columns))
            if more == known:
                break
            known = more
        return tuple(sorted(known))

    def gather(self, keys: Sequence[str]) -> Gathered:
        """All that is of these keys, which are one patient's."""
        withheld: dict[str, int] = defaultdict(int)
        missing: dict[str, int] = defaultdict(int)
        with self._named(keys) as relation:
            found = {
                each.dataset: self._received(each, relation, set(keys), missing, withheld)
                for each in self.reach
                if each.dataset in BLOCKS
            }
            rows = dict(self._rows(relation, set(keys)))
            refused = self._refused(set(keys), found.get(RESOURCES, []), withheld)
        resources = list(self._without_others(found.get(RESOURCES, []), set(keys), withheld))
        return Gathered(
            tuple(keys), resources, found.get(RECORDS, []), rows, dict(withheld), dict(missing), refused
        )

    def behind(self, keys: Sequence[str]) -> list[str]:
        """The datasets into which what came of these keys has not come yet."""
        with self._named(keys) as relation:
            return behind(self._plan, self._tables, self.reach, relation)

    def _refused(self, keys: set[str], own: Iterable[Received], withheld: dict[str, int]) -> Refused:
        """What was refused and is theirs; what names others, too, is withheld."""
        patients = [each.content for each in own if each.kind == "Patient"]
        refusals = Refusals(self._plan, self._tables, self._sealer, patients)
        told = []
        for batch in refusals.readable():
            for each, ways in self._naming(batch, keys):
                if self._others(ways, keys):
                    withheld[each.kind] += 1
                else:
                    told.append(each)
        return Refused(told, dict(refusals.not_told))

    def _naming(self, batch: Iterable[Text], keys: set[str]) -> list[tuple[Received, set[_Way]]]:
        """The resources of a batch that name one of some patients, with all references in each."""
        found = [(each, _ways_in(each)) for each in (Received.of(*told) for told in batch)]
        every = sorted(set().union(*(ways for _, ways in found)))
        theirs = {way for way, token in zip(every, self._tokens(every), strict=True) if token in keys}
        return [(each, ways) for each, ways in found if ways & theirs]

    def _tokens(self, ways: Sequence[_Way]) -> list[str]:
        texts = pa.array([f"{source}|{person}" for source, _, person in ways], pa.string())
        tokens: list[str] = self._tokenizer.tokens(domains.PATIENT, texts).to_pylist()
        return tokens

    @contextmanager
    def _named(self, keys: Sequence[str]) -> Iterator[str]:
        session = self._tables.session
        session.register(_KEYS, pa.table({"patient_key": pa.array(keys, pa.string())}))
        try:
            yield _KEYS
        finally:
            session.unregister(_KEYS)

    def _received(
        self,
        held: Held,
        relation: str,
        keys: set[str],
        missing: dict[str, int],
        withheld: dict[str, int],
    ) -> list[Received]:
        """The last version of each resource or record; of one that is deleted, the last before."""
        kind, key = KINDS[held.dataset]
        subject = "subject_token" if held.dataset == RESOURCES else "CAST(NULL AS VARCHAR)"
        unit = f"PARTITION BY source, {kind}, {key} ORDER BY {version_order(direction='DESC')}, arrival DESC"
        mine = units_sql(held, relation)
        rows = self._tables.session.sql(
            f"SELECT * FROM (SELECT source, {kind} AS kind, {subject} AS subject, {key} AS id, block_id, "
            f'"position", first_value(deleted) OVER ({unit}) AS gone, '
            f"row_number() OVER (PARTITION BY source, {kind}, {key} ORDER BY block_id IS NULL, "
            f"{version_order(direction='DESC')}, arrival DESC) AS place FROM {quote_table(held.dataset)} "
            f"WHERE (source, {kind}, {key}) IN ({mine})) WHERE place = 1 ORDER BY kind, source, id"
        ).to_pylist()
        # A later version may speak of somebody else: it was moved to another patient.
        own = [row for row in rows if row["subject"] is None or {row["subject"], row["id"]} & keys]
        if held.dataset == RECORDS:
            others = told_of_others(self._plan, self._tables, own, relation)
            shared = [row for row in own if (row["source"], row["kind"], row["id"]) in others]
            for row in shared:
                withheld[row["kind"]] += 1
            own = [row for row in own if row not in shared]
        for row in own:
            if row["block_id"] is None:
                missing[row["kind"]] += 1
        texts = self._texts(BLOCKS[held.dataset], own)
        return [
            Received(row["kind"], row["source"], texts[row["block_id"], row["position"]], row["gone"])
            for row in own
            if row["block_id"] is not None
        ]

    def _texts(self, table: str, rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], bytes]:
        """The lines at places of blocks; a block is opened once, and no two are in memory."""
        wanted: dict[str, set[int]] = defaultdict(set)
        for row in rows:
            if row["block_id"] is not None:
                wanted[row["block_id"]].add(row["position"])
        texts = {}
        for block_id, places in wanted.items():
            sealed = self._tables.session.sql(
                f"SELECT payload FROM {quote_table(table)} WHERE block_id = {quote_text(block_id)}"
            )
            block = open_block(self._sealer, block_id, sealed["payload"][0].as_py())
            for place in places:
                start = block.ends[place - 1] if place else 0
                texts[block_id, place] = bytes(block.text[start : block.ends[place]]).strip()
        return texts

    def _without_others(
        self, found: Iterable[Received], keys: set[str], withheld: dict[str, int]
    ) -> Iterator[Received]:
        """What names no other patient. Who is linked to in a patient's own record is the same person."""
        named = [(each, set() if each.kind == "Patient" else _people_in(each.content)) for each in found]
        others = self._others({(each.source, *way) for each, people in named for way in people}, keys)
        for each, people in named:
            if any((each.source, *way) in others for way in people):
                withheld[each.kind] += 1
            else:
                yield each

    def _others(self, ways: Iterable[_Way], keys: set[str]) -> set[_Way]:
        """Of references, those to patients who are not this one; a URN leads to one whom the lake knows."""
        every = sorted(ways)
        tokens = self._tokens(every)
        among = ", ".join(map(quote_text, tokens)) or "''"
        known = set(
            self._tables.session.sql(
                f"SELECT DISTINCT resource_id FROM {quote_table(RESOURCES)} "
                f"WHERE resource_type = 'Patient' AND resource_id IN ({among})"
            )["resource_id"].to_pylist()
        )
        return {
            way
            for way, token in zip(every, tokens, strict=True)
            if token not in keys and (way[1] != _ANYTHING or token in known)
        }

    def _rows(self, relation: str, keys: set[str]) -> Iterator[tuple[str, pa.Table]]:
        """The rows of silver and gold, keys of others blanked, texts opened, what is sealed else left out."""
        for held in self.reach:
            if held.dataset.partition(".")[0] not in {"silver", "gold"}:
                continue
            rows = self._tables.session.sql(
                f"SELECT * FROM {quote_table(held.dataset)} WHERE {held.where(relation)}"
            )
            if rows.num_rows:
                yield held.dataset, self._told(self._plan.table(held.dataset), rows, keys)

    def _told(self, table: TablePlan, rows: pa.Table, keys: set[str]) -> pa.Table:
        own = pa.array(sorted(keys), pa.string())
        for column in table.columns:
            index = rows.column_names.index(column.name)
            if column.token == domains.PATIENT:
                mine = pc.is_in(rows[column.name], value_set=own)
                rows = rows.set_column(index, column.name, pc.if_else(mine, rows[column.name], None))
            elif column.seal:
                rows = rows.set_column(index, column.name, self._opened(table, column.name, rows))
            elif column.type == "binary":
                rows = rows.drop_columns([column.name])
        return rows

    def _opened(self, table: TablePlan, column: str, rows: pa.Table) -> pa.Array:
        [key] = [name for name in table.key if name != "source"]
        return pa.array(
            [
                None
                if row[column] is None
                else open_text(
                    self._sealer, row[column], column_context(table.dataset, column, row["source"], row[key])
                )
                for row in rows.select(["source", key, column]).to_pylist()
            ],
            pa.string(),
        )


def _ways_in(received: Received) -> set[_Way]:
    """By what a refused resource may name patients: a patient's own by its id."""
    if received.kind == "Patient":
        return {(received.source, "Patient/", str(received.content.get("id")))}
    return {(received.source, *way) for way in _people_in(received.content)}


def _people_in(content: Any) -> set[tuple[str, str]]:  # noqa: ANN401 -- any JSON
    """The references that may lead to a patient, anywhere in a resource: what kind they are, and the id."""
    found: set[tuple[str, str]] = set()
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            reference = value.get("reference")
            person = _PERSON.fullmatch(reference) if isinstance(reference, str) else None
            if person:
                found.add((person[1], person[2]))
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return found
