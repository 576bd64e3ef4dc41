"""Tables and columns that no contract declares, because every lake has them."""

from collections.abc import Iterable

from a360.contract._plan import ColumnPlan, TablePlan, Zone

type _Row = tuple[str, str, bool, str, str]

# The columns refine adds to every silver row; contracts declare them like the others, at the end.
HOUSEKEEPING: tuple[tuple[str, str, bool], ...] = (
    ("version_id", "string", False),
    ("last_updated", "timestamptz", False),
    ("known_at", "timestamptz", True),
    ("commit_id", "string", True),
    ("deleted", "boolean", True),
    ("unresolved_references", "int", True),
)
HISTORY_COLUMN = ("is_current", "boolean", True)
# The record that has taken the place of this one, where two were merged: refine finds it by what links say.
SURVIVOR_COLUMN = "replaced_by"
# What reference data has of them: it is loaded whole, so that no row of it has a history of its own.
LOADED = tuple(each for each in HOUSEKEEPING if each[0] in {"known_at", "commit_id"})

_QUARANTINE: tuple[_Row, ...] = (
    ("dataset", "string", True, "operational", "The dataset that refused the row."),
    ("source", "string", True, "operational", "The source the row came from."),
    ("file", "string", False, "operational", "The label of the file the row came from."),
    ("offset", "long", False, "operational", "Where in the file the row begins, in bytes of plain text."),
    ("rule", "string", True, "operational", "The rule the row failed."),
    ("reason", "string", True, "operational", "Why, in words that hold no value of the row."),
    ("payload", "binary", False, "identifier", "The row as received, sealed."),
    ("commit_id", "string", True, "operational", "The batch that refused the row."),
    ("known_at", "timestamptz", True, "operational", "When the lake learned of the row."),
)

_COUNTS: tuple[_Row, ...] = (
    ("read", "long", True, "operational", "Input units read, counted at the input."),
    ("landed", "long", True, "operational", "Input units that landed."),
    ("quarantined", "long", True, "operational", "Input units refused."),
    ("duplicates", "long", True, "operational", "Input units whose content was there already."),
    ("unchanged", "long", True, "operational", "Input units that needed no work."),
    ("superseded", "long", True, "operational", "Input units older than what is there."),
    ("filtered", "long", True, "operational", "Input units the step leaves out on purpose."),
)

AMENDMENTS = "ops.amendment"
"""The record of what patients ask to be amended, and of the answers."""
IDENTITIES = "ops.identity"
"""The vault's table: what its rows tell of a person goes when the person is erased, and at no age."""
LEGAL_HOLDS = "ops.legal_hold"
"""Which patients' data must stay, whatever else is asked for."""
ERASED = "ops.erased"
"""By what is recognised, should it come again, what was erased."""
COMMITS = "ops.commit"
"""Which batches have landed, also once their snapshots have expired."""
AGELESS = frozenset({COMMITS, IDENTITIES, LEGAL_HOLDS, ERASED})
"""Tables whose rows no retention of a zone takes."""

_OPS: dict[str, tuple[str, tuple[str, ...], tuple[_Row, ...]]] = {
    "run": (
        "One row per call that could change the lake.",
        ("run_id",),
        (
            ("run_id", "string", True, "operational", "The run."),
            ("command", "string", True, "operational", "What was asked for: ingest, run, apply, …"),
            ("engine", "string", False, "operational", "The engine that computed."),
            ("status", "string", True, "operational", "succeeded or failed."),
            ("error_code", "string", False, "operational", "The code of the error that ended a failed run."),
            ("plan", "string", True, "operational", "The fingerprint of the plan that was carried out."),
            ("started_at", "timestamptz", True, "operational", "When it began."),
            ("finished_at", "timestamptz", False, "operational", "When it ended."),
        ),
    ),
    "run_step": (
        "One row per dataset a run worked on.",
        ("run_id", "dataset"),
        (
            ("run_id", "string", True, "operational", "The run."),
            ("dataset", "string", True, "operational", "The dataset."),
            ("commit_id", "string", False, "operational", "The commit; none where nothing was committed."),
            ("status", "string", True, "operational", "succeeded, failed or skipped."),
            ("error_code", "string", False, "operational", "The code of the error that ended a failed step."),
            *_COUNTS,
            ("output_rows", "long", True, "operational", "Rows written."),
            ("seconds", "double", True, "operational", "How long it took."),
            ("started_at", "timestamptz", True, "operational", "When it began."),
        ),
    ),
    "ingested_file": (
        "One row per file an ingest read.",
        ("commit_id", "file", "digest"),
        (
            ("file", "string", True, "operational", "A label of the file that names nobody."),
            ("digest", "string", True, "operational", "The keyed digest of the file's bytes."),
            ("path", "binary", False, "identifier", "Where the file lay, sealed."),
            ("source", "string", True, "operational", "The source it was read for."),
            ("bytes", "long", True, "operational", "Its size as it lay."),
            *_COUNTS,
            ("commit_id", "string", True, "operational", "The batch."),
            ("known_at", "timestamptz", True, "operational", "When the lake learned of the file."),
            ("kind", "string", False, "operational", "What it was read as: fhir, csv, …; none means fhir."),
            ("reading", "string", False, "operational", "The fingerprint of the contract it was read by."),
        ),
    ),
    "quality_result": (
        "One row per rule and measurement.",
        ("run_id", "dataset", "rule"),
        (
            ("run_id", "string", True, "operational", "The run that measured."),
            ("commit_id", "string", False, "operational", "The commit whose rows were measured."),
            ("dataset", "string", True, "operational", "The dataset."),
            ("rule", "string", True, "operational", "The rule's name."),
            ("kind", "string", True, "operational", "What kind of check or measure it is."),
            ("dimension", "string", True, "operational", "The dimension of quality it speaks of."),
            ("severity", "string", True, "operational", "error or warning."),
            ("columns", "string", False, "operational", "The columns it looks at, joined by commas."),
            ("passed", "boolean", True, "operational", "Whether the rule held."),
            ("checked", "long", False, "operational", "Rows looked at."),
            ("failed", "long", False, "operational", "Rows that failed."),
            ("measured", "double", False, "operational", "The measure of a dataset rule."),
            ("operator", "string", False, "operational", "How measure and threshold compare."),
            ("threshold", "string", False, "operational", "The threshold; two numbers joined by a comma."),
            ("unit", "string", False, "operational", "rows, percent, hours or index."),
            ("known_at", "timestamptz", True, "operational", "When it was measured."),
            ("measure", "string", False, "operational", "The fingerprint of what was counted."),
            ("scope", "string", False, "operational", "dataset: all rows; batch: those of the commit."),
            ("counts", "string", False, "operational", "Counts by declared value or bin, in order."),
        ),
    ),
    "lineage_event": (
        "One row per OpenLineage event.",
        ("event_id",),
        (
            ("event_id", "string", True, "operational", "The event."),
            ("run_id", "string", True, "operational", "The run it belongs to."),
            ("commit_id", "string", False, "operational", "The commit it tells of."),
            ("dataset", "string", True, "operational", "The dataset that was written."),
            ("event_type", "string", True, "operational", "START, COMPLETE, FAIL, …"),
            ("event_time", "timestamptz", True, "operational", "When it happened."),
            ("payload", "string", True, "operational", "The event as OpenLineage JSON."),
        ),
    ),
    "amendment": (
        "One row per step of a patient's request to amend their records; rows are never changed.",
        ("amendment_id", "event"),
        (
            ("amendment_id", "string", True, "operational", "The request."),
            ("event", "string", True, "operational", "requested, extended, accepted or denied."),
            ("patient_key", "string", True, "identifier", "The patient who asks (a token)."),
            ("basis", "string", False, "operational", "Why it was denied, by 164.526(a)(2)."),
            ("principal", "string", True, "operational", "Who recorded the step."),
            ("due_at", "timestamptz", False, "operational", "By when it is to be acted on, from then on."),
            ("text", "binary", False, "identifier", "What is asked or answered, sealed."),
            ("known_at", "timestamptz", True, "operational", "When the step was recorded."),
            ("commit_id", "string", True, "operational", "The commit that wrote this row."),
        ),
    ),
    "catalog_metric": (
        "One row per metric of the scans and commits that clients reported to the catalog.",
        ("report_id", "metric"),
        (
            ("report_id", "string", True, "operational", "The report."),
            ("dataset", "string", True, "operational", "The table it tells of."),
            ("report", "string", True, "operational", "scan or commit."),
            ("snapshot_id", "string", False, "operational", "The snapshot that was read or made."),
            ("operation", "string", False, "operational", "What a commit did: append, overwrite, …"),
            ("engine", "string", False, "operational", "The client, where it said so."),
            ("metric", "string", True, "operational", "The metric's name in the Iceberg specification."),
            ("unit", "string", True, "operational", "count, bytes, or the unit of a time."),
            ("measured", "long", True, "operational", "The count, or the time in all."),
            ("events", "long", False, "operational", "How often a time was taken."),
            ("known_at", "timestamptz", True, "operational", "When the catalog was told."),
        ),
    ),
    "identity": (
        "What identifies people, sealed: one row per version of a person's record, under a key a person.",
        ("patient_key", "known_at", "arrival"),
        (
            ("patient_key", "string", True, "identifier", "The person: the token that stands for them."),
            ("subject_key", "string", False, "identifier", "The patient whose record, or kin's, it is."),
            ("source", "string", True, "operational", "The source that told it."),
            ("resource_type", "string", True, "operational", "Patient, RelatedPerson or Person."),
            ("version_id", "string", False, "operational", "The version as its server numbered it."),
            ("last_updated", "timestamptz", False, "operational", "When the server last changed the record."),
            ("known_at", "timestamptz", True, "operational", "When the lake received the version."),
            ("arrival", "long", True, "operational", "Its place in what was received with it."),
            ("key_id", "string", True, "identifier", "The person's data key."),
            ("identity", "binary", True, "identifier", "The elements that identify the person, sealed."),
            ("commit_id", "string", True, "operational", "The commit that wrote this row."),
        ),
    ),
    "legal_hold": (
        "One row per legal hold on the data of a patient.",
        ("hold_id",),
        (
            ("hold_id", "string", True, "operational", "The hold."),
            ("patient_key", "string", True, "identifier", "The patient, as the token that stands for them."),
            ("matter", "string", True, "operational", "What it is for: the number of a case, and no name."),
            ("placed_by", "string", True, "operational", "The account that placed it."),
            ("placed_at", "timestamptz", True, "operational", "Since when it stands."),
            ("released_by", "string", False, "operational", "The account that released it, if any has."),
            ("released_at", "timestamptz", False, "operational", "When it was released."),
        ),
    ),
    "erased": (
        "One row per patient or content that was erased, by which an ingest leaves out what comes again.",
        ("kind", "digest"),
        (
            ("kind", "string", True, "operational", "patient or content."),
            (
                "digest",
                "string",
                True,
                "identifier",
                "A keyed digest of the patient, or of the content.",
            ),
            ("erasure_id", "string", True, "operational", "The erasure."),
            ("known_at", "timestamptz", True, "operational", "When it was erased."),
        ),
    ),
    "commit": (
        "One row per commit of a table outside `ops`.",
        ("commit_id", "dataset"),
        (
            ("commit_id", "string", True, "operational", "The commit."),
            ("dataset", "string", True, "operational", "The table."),
            ("snapshot_id", "string", True, "operational", "The last snapshot the commit made."),
            ("parent_id", "string", False, "operational", "The snapshot it was built on."),
            ("operation", "string", True, "operational", "append, overwrite, delete or replace."),
            ("upstream", "string", True, "operational", "JSON: upstream table to snapshot."),
            ("counts", "string", True, "operational", "JSON: the counts of the step."),
            ("added_rows", "long", True, "operational", "Rows added."),
            ("deleted_rows", "long", True, "operational", "Rows removed."),
            ("seconds", "double", True, "operational", "How long the commit took."),
            ("known_at", "timestamptz", True, "operational", "When it was committed."),
        ),
    ),
}

# What is read as tables are, and is none: its rows are made when somebody asks.
_OPS_RELATIONS: dict[str, tuple[str, tuple[str, ...], tuple[_Row, ...]]] = {
    "audit": (
        "One row per record of the audit log.",
        ("sequence",),
        (
            ("sequence", "long", True, "operational", "The place of the record in the log, from 1."),
            ("event_time", "timestamptz", True, "operational", "When it happened."),
            ("principal", "string", True, "operational", "Whose rights counted."),
            ("acting_for", "string", False, "operational", "Who really asked, acting as the principal."),
            ("action", "string", True, "operational", "What was done: query, login, grant.change, …"),
            ("outcome", "string", True, "operational", "allowed, denied, done or failed."),
            ("purpose", "string", False, "operational", "The purpose of use that was given."),
            ("objects", "string", False, "operational", "The datasets it was done to, joined by commas."),
            ("column_names", "string", False, "operational", "The columns that were read, joined by commas."),
            ("rules", "string", False, "operational", "The rules that decided, joined by semicolons."),
            ("subjects", "string", False, "identifier", "Pseudonyms of patients, joined by commas."),
            ("row_count", "long", False, "operational", "How many rows were told."),
            ("byte_count", "long", False, "operational", "How many bytes they had."),
            ("request", "string", False, "operational", "What all records of one request share."),
            ("source", "string", False, "operational", "The address that asked."),
            ("details", "string", False, "operational", "JSON: what else there is to say."),
            ("hash", "string", True, "operational", "The record's SHA-256."),
        ),
    ),
}

# What every table is created with, whoever writes it.
TABLE_PROPERTIES: dict[str, str] = {
    "write.format.default": "parquet",
    "write.parquet.compression-codec": "zstd",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
}


def quarantine_table(name: str) -> TablePlan:
    """The table that holds the rows which datasets of this name refused."""
    doc = f"Rows that {name} refused, with the rule and the reason; payloads are sealed."
    return _derived("quarantine", name, _QUARANTINE, key=(), doc=doc)


def ops_tables() -> tuple[TablePlan, ...]:
    """The tables in which the lake keeps account of itself."""
    return tuple(_derived("ops", name, rows, key=key, doc=doc) for name, (doc, key, rows) in _OPS.items())


def ops_relations() -> tuple[TablePlan, ...]:
    """What can be read in `ops` beside its tables, and has no table of its own."""
    return tuple(
        _derived("ops", name, rows, key=key, doc=doc) for name, (doc, key, rows) in _OPS_RELATIONS.items()
    )


def _derived(zone: Zone, name: str, rows: Iterable[_Row], *, key: tuple[str, ...], doc: str) -> TablePlan:
    columns = tuple(
        ColumnPlan(column, type_, required, field_id, sensitivity, doc=text)
        for field_id, (column, type_, required, sensitivity, text) in enumerate(rows, start=1)
    )
    return TablePlan(zone, name, columns, key=key, properties={**TABLE_PROPERTIES, "comment": doc}, doc=doc)
