"""Bronze to vault: what identifies people is taken out of their records and handed on, version by version."""

import time
from collections.abc import Iterator, Sequence

import pyarrow as pa

from a360.catalog import CommitStamp
from a360.engine import EngineSession, quote_table, quote_text
from a360.failpoints import failpoint
from a360.protect import PERSON_TYPES, open_block
from a360.refine._context import FHIR, STEP_KEY, Identities, RefineContext, StepOutcome
from a360.refine._payloads import payload_batches, sealed_blocks
from a360.refine._standing import FIRST, UNCHANGED, Standing, anew, current_snapshots, lost, standing
from a360.refine._units import wanted_sql
from a360.table import StepReport, new_commit_id

_PEOPLE = "person_unit"
_PAYLOAD = "person_payload"
_VERSION = "patient_key, known_at, arrival"
_TOLD = ("source", "resource_type", "version_id", "last_updated", "known_at", "arrival")


def refine_identities(
    context: RefineContext, identities: Identities, *, full: bool = False, missing: bool = False
) -> StepOutcome:
    """Bring the vault up to date with bronze; `missing` looks through all of bronze for what it lacks.

    Values in clear are in the memory of this process alone, whichever engine makes the datasets.
    """
    return _IdentityRun(context, identities, full=full, missing=missing).run()


class _IdentityRun:
    def __init__(self, context: RefineContext, identities: Identities, *, full: bool, missing: bool) -> None:
        self._context = context
        self._identities = identities
        self._full = full
        self._missing = missing
        self._session: EngineSession = context.tables.session
        self._step = ",".join(identities.elements)
        self._started = time.perf_counter()

    def run(self) -> StepOutcome:
        """Keep the versions that came since the vault was last looked after."""
        self._identities.sweep()
        try:
            return self._brought_up_to_date()
        finally:
            self._session.execute(f"DROP TABLE IF EXISTS {_PEOPLE}")

    def _brought_up_to_date(self) -> StepOutcome:
        tables, dataset = self._context.tables, self._identities.dataset
        stood = standing(tables, dataset)
        upstream = current_snapshots(tables, [FHIR.envelope])
        anyway = self._full or self._missing
        if not upstream or (not anyway and stood.is_current(upstream, self._step)):
            return self._outcome(StepReport(dataset, None), ("nothing", UNCHANGED), upstream)
        commits, why = self._commits(stood)
        read, deleted = self._select(commits)
        if not read and (self._missing or commits is not None or stood.snapshot_id is None):
            return self._outcome(StepReport(dataset, None), ("nothing", UNCHANGED), upstream)
        whole = commits is None and not self._missing
        if whole and stood.step == self._step and self._is_kept():
            same = StepReport(dataset, None, read=read, unchanged=read - deleted, filtered=deleted)
            return self._outcome(same, ("full", why), upstream)
        commit_id = new_commit_id()
        counts = {"read": read, "filtered": deleted}
        stamp = CommitStamp(commit_id, upstream, counts, {STEP_KEY: self._step})
        kept = self._identities.keep(self._people(), stamp, whole=whole)
        report = StepReport(
            dataset,
            commit_id,
            read=read,
            landed=kept,
            filtered=deleted,
            output_rows=kept,
            seconds=self._seconds,
        )
        report.require_reconciled()
        return self._outcome(report, ("full" if whole else "incremental", why), upstream)

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self._started

    def _outcome(self, report: StepReport, way: tuple[str, str], upstream: dict[str, str]) -> StepOutcome:
        return StepOutcome(report, *way, upstream=upstream, upstream_rows={FHIR.envelope: report.read})

    def _commits(self, stood: Standing) -> tuple[list[str] | None, str]:
        """The bronze commits to look at, those since the last time or None for all of them; and why."""
        if self._missing:
            return None, "what it lacks"
        why = anew(stood, self._step, full=self._full)
        if why or FHIR.envelope not in stood.upstream:
            return None, why or FIRST
        commits = self._context.tables.commits_since(
            FHIR.envelope, stood.upstream[FHIR.envelope], recorded=True
        )
        return (
            (None, lost(FHIR.envelope)) if commits is None else (commits, f"{len(commits)} commit(s) since")
        )

    def _select(self, commits: Sequence[str] | None) -> tuple[int, int]:
        """Make a table of people's records as they were received; how many, and how many tell of an end.

        That a source deleted a record takes nothing from who the person was: facts may name them still.
        """
        types = ", ".join(map(quote_text, sorted(PERSON_TYPES)))
        wanted = wanted_sql(commits, FHIR, waiting=False)
        if self._missing:
            held = f"SELECT {_VERSION} FROM {quote_table(self._identities.dataset)}"
            lacks = f"(resource_id, known_at, arrival) NOT IN ({held})"
            wanted = f"block_id IS NOT NULL AND {lacks} AND ({wanted})"
        self._session.execute(
            f"CREATE OR REPLACE TEMP TABLE {_PEOPLE} AS SELECT resource_id AS patient_key, "
            f'subject_token AS subject_key, {", ".join(_TOLD)}, deleted, block_id, "position" '
            f"FROM {quote_table(FHIR.envelope)} AS bronze WHERE resource_type IN ({types}) AND ({wanted})"
        )
        counted = self._session.sql(
            f"SELECT count(*) AS n, count(*) FILTER (WHERE block_id IS NULL) AS gone FROM {_PEOPLE}"
        ).to_pylist()[0]
        return counted["n"], counted["gone"]

    def _is_kept(self) -> bool:
        """Whether the vault has these very versions: sealed anew they would differ, and say nothing else."""
        wanted = f"SELECT {_VERSION} FROM {_PEOPLE} WHERE block_id IS NOT NULL"
        held = f"SELECT {_VERSION} FROM {quote_table(self._identities.dataset)}"
        differing = f"({wanted} EXCEPT ALL {held}) UNION ALL ({held} EXCEPT ALL {wanted})"
        return not self._session.sql(f"SELECT count(*) AS n FROM ({differing})")["n"][0].as_py()

    def _people(self) -> Iterator[pa.Table]:
        """The records, each with what identifies the person as JSON; so many at a time as memory may hold."""
        sealer = self._context.sealer
        groups = sealed_blocks(self._session, FHIR.block, _PEOPLE, self._context.batch_bytes)
        for payload in payload_batches(groups, lambda *block: open_block(sealer, *block)):
            yield self._told(payload)
            failpoint("refine.identities.batch")

    def _told(self, payload: pa.Table) -> pa.Table:
        """What identifies the people of a batch of records."""
        names = ("resourceType", "id", *self._identities.elements)
        paths = ", ".join(quote_text(f"$.{name}") for name in names)
        fields = ", ".join(f"{quote_text(name)}, e.told[{place}]" for place, name in enumerate(names, 1))
        told = ", ".join(f"u.{name}" for name in ("patient_key", "subject_key", *_TOLD))
        self._session.register(_PAYLOAD, payload)
        try:
            # A merge patch leaves out what is null.
            return self._session.sql(
                f"SELECT {told}, CAST(json_merge_patch('{{}}', json_object({fields})) AS VARCHAR) "
                f"AS identity FROM {_PEOPLE} AS u "
                f'JOIN (SELECT block_id, "position", json_extract(payload, [{paths}]) AS told '
                f'FROM {_PAYLOAD}) AS e USING (block_id, "position")'
            )
        finally:
            self._session.unregister(_PAYLOAD)
