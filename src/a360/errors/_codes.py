"""The one table of error codes.

A code is a slug that never changes its meaning; `docs/errors.md` has one section for each.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A stable error code: its slug, one line of what it means, and a status of HTTP of its own."""

    slug: str
    meaning: str
    http_status: int | None = None


_TABLE = (
    # us
    ErrorCode("internal", "A fault of the software itself; nothing the caller did wrong."),
    ErrorCode("counts-do-not-reconcile", "A step's counts did not add up, so it committed nothing."),
    ErrorCode("engine-failed", "The query engine could not run a statement."),
    # usage
    ErrorCode("usage", "The command line or a call was put together wrongly."),
    ErrorCode("unknown-dataset", "No contract declares the dataset that was named."),
    ErrorCode("record-unknown", "No contract, or more than one, says what records a file holds."),
    ErrorCode("unknown-vocabulary", "The lake has no vocabulary of that name or URI."),
    ErrorCode("unknown-table", "The lake holds no table, or the table no snapshot, of that name or id."),
    ErrorCode(
        "time-unreachable", "A table was not there at the time asked for, or its snapshot has expired."
    ),
    ErrorCode("unknown-tag", "No table that is asked for bears the tag."),
    ErrorCode("rollback-unconfirmed", "A rollback has consequences that have not been agreed to."),
    # contract
    ErrorCode("contract-invalid", "One or more contract files have faults; `a360 lint` lists all of them."),
    ErrorCode("plan-refused", "The contracts ask for a change of a table that loses data or breaks readers."),
    ErrorCode("plan-pending", "Tables are not as the contracts have them; `a360 apply` makes them so."),
    ErrorCode("view-invalid", "A ViewDefinition has faults, or uses what is not supported."),
    ErrorCode("model-invalid", "A gold model is not a single portable SELECT over declared datasets."),
    # data
    ErrorCode("rule-blocked", "A blocking quality rule failed, so the step committed nothing."),
    ErrorCode("file-damaged", "A file of the lake is not what was committed, so it is not read."),
    ErrorCode("input-refused", "An input could not be read as a whole: it is broken, or too large."),
    ErrorCode("rows-do-not-fit", "Rows do not fit the table they were meant for."),
    ErrorCode("vocabulary-unreadable", "A file is not in the layout of the vocabulary it was loaded as."),
    ErrorCode("vocabulary-changed", "A version of a vocabulary is loaded with another content."),
    ErrorCode("view-stopped", "A resource has several values where a view takes one, or nests too deeply."),
    ErrorCode("release-refused", "Rows of a release do not meet the method that its contract names."),
    ErrorCode("evidence-refused", "A bundle of evidence is not what was signed."),
    ErrorCode("keys-not-unique", "Rows to merge lack a key, or hold the same key more than once."),
    # operator
    ErrorCode("not-a-lake", "The folder holds no lake, or one that this version cannot open."),
    ErrorCode("input-missing", "A file or folder that was named does not exist or cannot be read."),
    ErrorCode("input-mixed", "Generated data and a user's own data were about to be mixed in one lake."),
    ErrorCode("key-missing", "A key that sealed or tokenised data is not in the key store."),
    ErrorCode("key-destroyed", "A key was destroyed on purpose; what was sealed under it is gone for good."),
    ErrorCode("keys-foreign", "A backup or an escrow of keys belongs to another lake."),
    ErrorCode("passphrase-missing", "The keys open with a passphrase, and none was given."),
    ErrorCode("passphrase-wrong", "The passphrase does not open the keys."),
    ErrorCode("seal-broken", "Sealed data does not open under its key: it was changed or belongs elsewhere."),
    ErrorCode("storage-full", "The disk is full, or does not take what is written to it."),
    ErrorCode("erasure-unreadable", "The journal of an erasure that was begun cannot be read."),
    ErrorCode("erasure-incomplete", "Something of what was to be erased is still there."),
    ErrorCode("audit-broken", "The audit log is not what was recorded."),
    ErrorCode("audit-unwritable", "The audit log cannot be written, so nothing that must be on it may be."),
    ErrorCode("environment-unfit", "The machine lacks something the command needs."),
    ErrorCode("extra-missing", "A part of the product that is installed on request is not installed."),
    ErrorCode("java-missing", "There is no Java that Spark runs on."),
    ErrorCode("jar-missing", "A jar that Spark needs is not there and could not be fetched."),
    ErrorCode("jar-untrusted", "A jar's content is not the one that this version was made with."),
    ErrorCode("archive-unbuilt", "The archive of the Python environment of Spark jobs could not be made."),
    ErrorCode("archive-unfit", "There is no archive of Spark jobs, or it was made for other workers."),
    ErrorCode("not-on-aws", "The command works on a part of AWS that the environment does not have."),
    ErrorCode("event-unknown", "A message of a queue tells of nothing that could be taken in."),
    ErrorCode("aws-credentials", "AWS does not take the credentials, or they are of another account."),
    ErrorCode("aws-failed", "AWS did not answer, or did not do what was asked."),
    ErrorCode("aws-missing", "An application, a run or a place that was named is not there on AWS."),
    ErrorCode("job-cancelled", "A Spark job was cancelled, or ran out of its time."),
    ErrorCode("job-failed", "A Spark job ended in an error."),
    ErrorCode("job-unfinished", "A Spark job had not ended when waiting for it did."),
    ErrorCode("jobs-undeclared", "The environment does not say where Spark jobs run."),
    ErrorCode("catalog-unreachable", "The catalog did not answer."),
    ErrorCode("catalog-damaged", "The lake's catalog is missing or damaged; its tables are still there."),
    ErrorCode("catalog-unfaithful", "The catalog took a change of a table and did not make it."),
    ErrorCode("setting-invalid", "A setting has a value that is not allowed."),
    ErrorCode("setting-unknown", "A setting of that name does not exist."),
    ErrorCode("policy-unknown", "The policy in force is not that of the contracts that the server reads."),
    # denied
    ErrorCode("denied", "The principal may not do this."),
    ErrorCode("legal-hold", "A legal hold stands on what was to be erased."),
    ErrorCode("unauthenticated", "Who asks is not known: a login or a token is missing or no good.", 401),
    ErrorCode("too-many-requests", "There were too many requests or failed logins; later ones pass.", 429),
    ErrorCode("budget-exceeded", "A query wanted more than the roles of its principal have."),
    # conflict
    ErrorCode("commit-conflict", "Another writer changed the table, and trying again did not help."),
    ErrorCode("commit-outcome-unknown", "A commit's outcome could not be settled; it is safe to run again."),
    ErrorCode("emergency-reviewed", "The emergency has been reviewed; of several reviews the first stands."),
    ErrorCode("lake-busy", "Another process holds the lake for a job that must run alone."),
)

CODES: dict[str, ErrorCode] = {code.slug: code for code in _TABLE}
