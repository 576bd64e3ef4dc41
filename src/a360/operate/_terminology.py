"""Vocabularies in a lake's governed tables: loaded version by version, and made current.

The rows of a version are written first and never change; the row of `silver.vocabulary` that names it comes
last, and nothing looks at rows without it. So a version is there as a whole or not at all, and which version
is current changes in one commit.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.contract import (
    VOCABULARIES,
    DanglingRows,
    DatasetRule,
    RowRule,
    quote_text,
)
from a360.errors import DataError, UsageError
from a360.failpoints import failpoint
from a360.operate._journal import RunRecord
from a360.operate._vocabularies import URI_COLUMNS, LoadedVocabularies, unknown_vocabulary
from a360.quality import RuleResult, measure_results, measure_sql, require_unblocked
from a360.table import StepReport, new_commit_id
from a360.terminology import TABLES, AthenaDownload, Kind, Vocabulary

OMOP = "https://athena.ohdsi.org"
_ROWS = "vocabulary_rows"

type Became = Literal["loaded", "unchanged", "made current"]


@dataclass(frozen=True, slots=True)
class LoadedVocabulary:
    """A version of a vocabulary, and what became of it."""

    kind: str
    uri: str
    version: str
    name: str
    codes: int
    became: Became
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As a program reads it."""
        return {
            "kind": self.kind,
            "uri": self.uri,
            "version": self.version,
            "name": self.name,
            "codes": self.codes,
            "became": self.became,
            "seconds": round(self.seconds, 3),
        }


class Terminology(LoadedVocabularies):
    """The vocabularies of one lake, to be loaded and looked at."""

    def load(
        self, vocabularies: Sequence[Vocabulary], record: RunRecord, *, current: bool = True
    ) -> list[LoadedVocabulary]:
        """Load versions that are not there; one that is there with the same content is left as it is.

        Raises:
            DataError: `vocabulary-changed` where a version is there with another content; `rule-blocked`.
        """
        self._require_declared()
        started = time.perf_counter()
        known = {(row["kind"], row["uri"], row["version"]): row for row in self.versions()}
        fresh = []
        for each in vocabularies:
            before = known.get((each.kind, each.uri, each.version))
            if before is None:
                fresh.append(each)
            elif before["content_hash"] != each.content_hash:
                raise _changed(each.uri, each.version, each.origin)
        if fresh:
            self._write(fresh, record, current=current)
        seconds = time.perf_counter() - started
        return [
            LoadedVocabulary(
                each.kind,
                each.uri,
                each.version,
                each.name,
                each.rows.num_rows,
                "loaded" if each in fresh else "unchanged",
                seconds if each in fresh else 0.0,
            )
            for each in vocabularies
        ]

    def _write(self, fresh: Sequence[Vocabulary], record: RunRecord, *, current: bool) -> None:
        stamp = {"commit_id": new_commit_id(), "known_at": datetime.now(UTC)}
        by_kind: dict[Kind, list[Vocabulary]] = {}
        for each in fresh:
            by_kind.setdefault(each.kind, []).append(each)
        for kind, found in by_kind.items():
            table = TABLES[kind][0]
            self._forget_half(table, found)
            rows = pa.concat_tables([each.rows for each in found])
            self._append(table, rows, stamp, record)
            failpoint("terminology.rows")
        self._head([_header(each) for each in fresh], stamp, record, current=current)

    def _forget_half(self, table: str, found: Sequence[Vocabulary]) -> None:
        """Delete what a process that died has left of these versions, which nothing has looked at."""
        if self._tables.current_snapshot_id(table) is None:
            return
        for each in found:
            version = (
                f"{URI_COLUMNS[table]} = {quote_text(each.uri)} AND version = {quote_text(each.version)}"
            )
            self._tables.delete(table, version, CommitStamp(new_commit_id()))

    def _append(self, table: str, rows: pa.Table, stamp: Mapping[str, Any], record: RunRecord) -> None:
        started = time.perf_counter()
        record.runs.begin(table)
        quality = self._measured(table, rows)
        stamped = _stamped(rows, stamp)
        self._tables.append(table, stamped, CommitStamp(stamp["commit_id"]))
        count, seconds = rows.num_rows, time.perf_counter() - started
        report = StepReport(
            table, stamp["commit_id"], read=count, landed=count, output_rows=count, seconds=seconds
        )
        record.add(report, quality=quality)

    def _measured(self, dataset: str, rows: pa.Table) -> list[RuleResult]:
        """What the rules of the dataset say of rows about to be loaded; a row that fails stops the load."""
        step = self._plan.step(dataset)
        of_all = [rule for rule in step.dataset_rules if not isinstance(rule.measure, DanglingRows)]
        session = self._tables.session
        session.register(_ROWS, rows)
        try:
            every: list[RowRule | DatasetRule] = [*step.rules, *of_all]
            rules = [rule for rule in every if set(rule.columns) <= set(rows.column_names)]
            answer = session.sql(measure_sql(dataset, rules, _ROWS)).to_pylist()[0]
        finally:
            session.unregister(_ROWS)
        results = measure_results(dataset, rules, answer, scope="batch")
        require_unblocked(
            dataset, results, rows_too=True, next_step="mend the vocabulary's file, and load it again"
        )
        return results

    def _head(
        self,
        headers: Sequence[Mapping[str, Any]],
        stamp: Mapping[str, Any],
        record: RunRecord,
        *,
        current: bool,
    ) -> None:
        """Name versions in `silver.vocabulary`, and make them current in the place of others if asked to.

        The first version of a vocabulary is current in any case.
        """
        uris = {(each["kind"], each["uri"]) for each in headers}
        others = [row for row in self.versions() if (row["kind"], row["uri"]) in uris]
        alone = uris - {(row["kind"], row["uri"]) for row in others}
        rows = [
            {**each, **stamp, "is_current": current or (each["kind"], each["uri"]) in alone}
            for each in headers
        ]
        if current:
            rows += [{**row, **stamp, "is_current": False} for row in others if row["is_current"]]
        table = self._tables.load(VOCABULARIES).schema().as_arrow()
        merged = pa.Table.from_pylist(rows, schema=table)
        record.runs.begin(VOCABULARIES)
        key = ["kind", "uri", "version"]
        self._tables.merge(VOCABULARIES, merged, key, CommitStamp(stamp["commit_id"]))
        self._tables.session.refresh()
        count = len(headers)
        record.add(
            StepReport(VOCABULARIES, stamp["commit_id"], read=count, landed=count, output_rows=len(rows))
        )

    def load_athena(self, download: AthenaDownload, record: RunRecord) -> LoadedVocabulary:
        """Put a download of OMOP's vocabularies in the place of the one that is there.

        Raises:
            UsageError: `usage` where the contracts have no OMOP pack.
        """
        self._require_declared()
        lacking = set(download.tables) - {step.dataset for step in self._plan.steps}
        if lacking:
            raise UsageError(
                "usage",
                "OMOP's vocabularies belong to the pack omop, which is not chosen",
                found=f"no contract declares {min(lacking)}",
                next_step="write packs: [omop] into lake.yaml, or set A360_PACKS=omop",
            )
        started = time.perf_counter()
        known = [
            row for row in self.versions() if row["kind"] == "omop" and row["version"] == download.version
        ]
        if known and known[0]["content_hash"] != download.content_hash:
            raise _changed(OMOP, download.version, download.origin)
        if known and known[0]["is_current"]:
            return LoadedVocabulary("omop", OMOP, download.version, "omop", known[0]["codes"], "unchanged")
        commit_id = new_commit_id()
        stamp = {"commit_id": commit_id, "known_at": datetime.now(UTC)}
        codes = self._replace_omop(download, commit_id, record)
        header = {
            "kind": "omop",
            "uri": OMOP,
            "version": download.version,
            "name": "omop",
            "title": "OMOP standardized vocabularies",
            "publisher": "OHDSI",
            "licence": "those of each vocabulary in it",
            "codes": codes,
            "content_hash": download.content_hash,
            "loaded_from": download.origin,
        }
        self._head([header], stamp, record, current=True)
        seconds = time.perf_counter() - started
        return LoadedVocabulary("omop", OMOP, download.version, "omop", codes, "loaded", seconds)

    def _replace_omop(self, download: AthenaDownload, commit_id: str, record: RunRecord) -> int:
        codes = 0
        for table, rows in download.tables.items():
            record.runs.begin(table)
            result = self._tables.replace(table, rows(), CommitStamp(commit_id))
            count = result.added_rows
            codes = count if table == "gold.concept" else codes
            record.add(StepReport(table, commit_id, read=count, landed=count, output_rows=count))
        return codes

    def use(self, name: str, version: str, record: RunRecord) -> LoadedVocabulary:
        """Make a loaded version the current one.

        Raises:
            UsageError: `unknown-vocabulary`.
        """
        versions = [
            row for row in self.versions() if name in {row["uri"], row["name"]} and row["kind"] != "omop"
        ]
        wanted = next((row for row in versions if row["version"] == version), None)
        if wanted is None:
            loaded = ", ".join(row["version"] for row in versions)
            raise unknown_vocabulary(
                f"{name} {version}", f"loaded of it: {loaded}" if loaded else "no version of it is loaded"
            )
        if not wanted["is_current"]:
            stamp = {"commit_id": new_commit_id(), "known_at": datetime.now(UTC)}
            self._head([wanted], stamp, record, current=True)
        became: Became = "unchanged" if wanted["is_current"] else "made current"
        return LoadedVocabulary(
            wanted["kind"], wanted["uri"], version, wanted["name"], wanted["codes"], became
        )

    def _require_declared(self) -> None:
        if not self.is_declared:
            raise UsageError(
                "usage",
                "The contracts have no tables for vocabularies",
                found=f"no contract declares {VOCABULARIES}",
                next_step="take silver/vocabulary.yaml and the like from the package's contracts",
            )


def _header(each: Vocabulary) -> dict[str, Any]:
    return {
        "kind": each.kind,
        "uri": each.uri,
        "version": each.version,
        "name": each.name,
        "title": each.title,
        "publisher": each.publisher,
        "licence": each.licence,
        "codes": each.rows.num_rows,
        "content_hash": each.content_hash,
        "loaded_from": each.origin,
    }


def _stamped(rows: pa.Table, stamp: Mapping[str, Any]) -> pa.Table:
    size = rows.num_rows
    rows = rows.append_column(
        "known_at", pa.repeat(pa.scalar(stamp["known_at"], pa.timestamp("us", "UTC")), size)
    )
    return rows.append_column("commit_id", pa.repeat(stamp["commit_id"], size))


def _changed(uri: str, version: str, origin: str | None) -> DataError:
    return DataError(
        "vocabulary-changed",
        f"Version {version} of {uri} is loaded already, with another content",
        where=origin or uri,
        found="records were checked against what was loaded; a version does not change",
        next_step="give what changed a new version, in its file or with --release",
    )
