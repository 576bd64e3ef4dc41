"""Who is meant, by what they are known, and by which conditions their rows are found."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
import pyarrow as pa

from a360.contract import Held, LakePlan, SilverStep, patient_reach, quote_name, quote_table, quote_text
from a360.objects import ObjectStore
from a360.protect import Sealer, Tokenizer, domains
from a360.table import Tables
from a360.trust.erasure._clear import Clear, note_person, ways_of
from a360.trust.erasure._sealed import (
    BLANK,
    BLOCKS,
    block_groups,
    lines_in,
)

PATIENTS: Final = "silver.patient"
ATTACHMENTS: Final = "silver.attachment"
RESOURCES, RECORDS = BLOCKS
_KEYS: Final = "erasing_patient"


class Finder:
    """Looks through a lake."""

    def __init__(
        self,
        plan: LakePlan,
        tables: Tables,
        sealer: Sealer,
        tokenizer: Tokenizer,
        store: ObjectStore | None = None,
    ) -> None:
        self.plan = plan
        self._tokenizer = tokenizer
        self.tables = tables
        self._session = tables.session
        self.sealer = sealer
        self.store = store
        self.ways = ways_of(plan)
        self.reach: Sequence[Held] = [each for each in patient_reach(plan) if self.holds(each.dataset)]

    def holds(self, dataset: str) -> bool:
        """Whether a table is there and has ever held anything."""
        return self.tables.current_snapshot_id(dataset) is not None

    def together(self, patients: Iterable[str]) -> list[str]:
        """Patients with those whose records were merged with theirs."""
        known = set(patients)
        while known and self.holds(PATIENTS):
            among = ", ".join(map(quote_text, sorted(known)))
            found = self._session.sql(
                f"SELECT patient_key, replaced_by FROM {quote_table(PATIENTS)} "
                f"WHERE replaced_by IS NOT NULL AND (patient_key IN ({among}) OR replaced_by IN ({among}))"
            )
            more = known.union(*(column.to_pylist() for column in found.columns))
            if more == known:
                break
            known = more
        return sorted(known)

    @contextmanager
    def keys(self, patients: Sequence[str]) -> Iterator[str]:
        """A relation of patients' keys, for as long as it is asked for."""
        self._session.register(_KEYS, pa.table({"patient_key": pa.array(patients, pa.string())}))
        try:
            yield _KEYS
        finally:
            self._session.unregister(_KEYS)

    def keys_of(self, source: str, ids: Sequence[str]) -> list[str]:
        """The keys of patients by their ids in a source."""
        return tokens_of(self._tokenizer, source, ids)

    def names_of(self, persons: Iterable[tuple[str, str, int]]) -> Mapping[str, Clear]:
        """By what sources name people in clear, out of their own records, as far as these are there."""
        wanted: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for source, block_id, position in persons:
            wanted[block_id].append((source, position))
        clear: dict[str, Clear] = defaultdict(Clear)
        table = BLOCKS[RESOURCES]
        if not wanted or not self.holds(table):
            return clear
        among = f"block_id IN ({', '.join(map(quote_text, wanted))})"
        for group in block_groups(self._session, table, among):
            for row in group:
                lines = lines_in(self.sealer, row)
                for source, position in wanted[row["block_id"]]:
                    if lines[position].strip() != BLANK:
                        note_person(clear[source], msgspec.json.decode(lines[position]))
        return clear


def rows_where(plan: LakePlan, held: Held, keys: str, units: Sequence[tuple[str, str, str]]) -> str:
    """An SQL condition for a dataset's rows of patients, and of what is gone with them."""
    conditions = [held.where(keys)]
    steps = [step for step in plan.steps if step.dataset == held.dataset and isinstance(step, SilverStep)]
    table = plan.table(held.dataset)
    for step in steps:
        kinds = {step.records.record} if step.records else set(step.resource_types)
        ids = [(source, each) for source, kind, each in units if kind in kinds]
        column = step.records.id_column if step.records else (table.key[1] if len(table.key) > 1 else None)
        if ids and column is not None and "source" in table.column_names and column != "resource_type":
            listed = ", ".join(f"({quote_text(source)}, {quote_text(each)})" for source, each in ids)
            conditions.append(f"(source, {quote_name(column)}) IN ({listed})")
    return " OR ".join(conditions)


def refused_where(seals: Sequence[str]) -> str:
    """An SQL condition for refused rows by their payloads."""
    return f"sha256(payload) IN ({', '.join(map(quote_text, seals))})"


def files_where(files: Sequence[tuple[str, str]]) -> str:
    """An SQL condition for the records of files."""
    listed = ", ".join(f"({quote_text(commit)}, {quote_text(file)})" for commit, file in files)
    return f"(commit_id, file) IN ({listed})"


def tokens_of(tokenizer: Tokenizer, source: str, ids: Sequence[str]) -> list[str]:
    """The keys of patients by their logical ids in a source."""
    texts = pa.array([f"{source}|{each}" for each in ids], pa.string())
    told: list[str] = tokenizer.tokens(domains.PATIENT, texts).to_pylist()
    return told
