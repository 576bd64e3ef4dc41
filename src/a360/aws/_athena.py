"""Queries of Athena: submitted once, watched to their end, and stopped if whoever asked goes away."""

import random
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from a360.aws._clients import Aws, told
from a360.aws._request import place_of
from a360.errors import (
    A360Error,
    ContractError,
    DataError,
    DeniedError,
    InternalError,
    OperatorError,
    UsageError,
)

_FIRST_POLL, _LONGEST_POLL = 0.25, 5.0
# How long AWS may be out of reach before a query is given up: it is stopped then, if that can be had.
_PATIENCE_SECONDS = 60.0
# Athena itself ends what runs for longer.
LONGEST_SECONDS = 1800.0
_FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELLED"})
_KIND = re.compile(r"\b([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+)\b")
# These speak of names and places in the statement; all others may quote values of a row.
_OF_THE_STATEMENT = frozenset({
    "AMBIGUOUS_NAME", "COLUMN_NOT_FOUND", "DUPLICATE_COLUMN_NAME", "EXPRESSION_NOT_AGGREGATE",
    "FUNCTION_NOT_FOUND", "NOT_SUPPORTED", "SCHEMA_NOT_FOUND", "SYNTAX_ERROR", "TABLE_NOT_FOUND",
    "TYPE_MISMATCH", "TYPE_NOT_FOUND",
})  # fmt: skip
_OF_A_VALUE = frozenset({
    "DIVISION_BY_ZERO", "INVALID_CAST_ARGUMENT", "INVALID_FUNCTION_ARGUMENT", "NUMERIC_VALUE_OUT_OF_RANGE",
})  # fmt: skip
_OF_THE_MACHINE = ("EXCEEDED_", "HIVE_", "ICEBERG_", "CLUSTER_", "QUERY_")
_DENIED = re.compile(
    r"(?i)insufficient (lake formation )?permission|access ?denied|not authorized|permission[_ ]denied"
)
_LIMITED = re.compile(r"(?i)bytes scanned limit")
_TOLD = 300


@dataclass(frozen=True, slots=True)
class Answered:
    """A query that has succeeded: where its answer lies, and what it took.

    `manifest` names the files that an UNLOAD has written; it is empty for what wrote none.
    """

    id: str
    place: str
    manifest: str
    scanned_bytes: int
    seconds: float


@dataclass(slots=True)
class Athena:
    """One workgroup of Athena. `wait` and `clock` are time itself, but in tests."""

    aws: Aws
    workgroup: str
    wait: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    scanned_bytes: int = 0

    def output(self) -> str:
        """Where the workgroup has answers put, as `s3://bucket/prefix`; nobody can choose another place.

        Raises:
            OperatorError: `aws-missing` where there is no such workgroup, or it leaves the place open.
        """
        with told("look at a workgroup of Athena", self.workgroup):
            found = self.aws.athena.get_work_group(WorkGroup=self.workgroup)["WorkGroup"]
        configuration = found.get("Configuration") or {}
        place = (configuration.get("ResultConfiguration") or {}).get("OutputLocation") or ""
        if not place or not configuration.get("EnforceWorkGroupConfiguration"):
            raise OperatorError(
                "aws-missing",
                "The workgroup does not say where answers are put, or lets queries say so themselves",
                where=f"workgroup {self.workgroup}",
                next_step="deploy the stack `processing`, which enforces place and encryption of answers",
            )
        return str(place).rstrip("/")

    def run(self, sql: str, *, seconds: float = LONGEST_SECONDS, of_model: str = "") -> Answered:
        """Run a statement to its end; who interrupts it, or runs out of time, stops it at Athena too.

        Args:
            sql: One statement in Athena's SQL.
            seconds: How long it may take, its time in the queue included.
            of_model: The model whose SQL it is, which its author has to mend where Athena does not take it.

        Raises:
            UsageError: `engine-failed` where the statement is not understood.
            ContractError: `model-invalid` where a model's is not.
            DataError: `engine-failed` where a value of a row is not what a function takes.
            DeniedError: `denied`; `budget-exceeded` where it read more, or took longer, than it may.
            OperatorError: `aws-…`, or `engine-failed` where Athena had not the means.
        """
        deadline, token = self.clock() + seconds, uuid.uuid4().hex
        try:
            query = self._start(sql, token)
        except KeyboardInterrupt:
            # AWS may have started it: the same token says which it is.
            self._stop(self._start(sql, token))
            raise
        try:
            seen = self._until(query, deadline)
        except BaseException:
            self._stop(query)
            raise
        statistics = seen.get("Statistics") or {}
        scanned = int(statistics.get("DataScannedInBytes") or 0)
        self.scanned_bytes += scanned
        state = seen["Status"]["State"]
        if state not in _FINAL:
            self._stop(query)
            raise DeniedError(
                "budget-exceeded",
                "The query took longer than it may, and was stopped",
                where=f"query {query} of workgroup {self.workgroup}",
                found=f"{state} after {seconds:g} seconds",
                next_step="ask less at a time",
            )
        if state != "SUCCEEDED":
            raise failure(seen["Status"], f"query {query} of workgroup {self.workgroup}", of_model)
        return Answered(
            query,
            str((seen.get("ResultConfiguration") or {}).get("OutputLocation") or ""),
            str(statistics.get("DataManifestLocation") or ""),
            scanned,
            int(statistics.get("TotalExecutionTimeInMillis") or 0) / 1000,
        )

    def columns(self, query: str) -> list[dict[str, Any]]:
        """The columns of an answer, as Athena describes them."""
        with told("tell of an answer's columns", f"query {query}"):
            answer = self.aws.athena.get_query_results(QueryExecutionId=query, MaxResults=1)
        return [*answer["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]]

    def content(self, place: str) -> bytes:
        """A file of an answer."""
        bucket, key = place_of(place)
        with told("read an answer", place):
            found = self.aws.s3.get_object(
                Bucket=bucket, Key=key, ExpectedBucketOwner=self.aws.environment.account
            )
            return bytes(found["Body"].read())

    def remove(self, place: str) -> None:
        """Delete what lies under a prefix: answers are rows, and nobody needs them twice."""
        bucket, prefix = place_of(place)
        owner = {"ExpectedBucketOwner": self.aws.environment.account}
        with told("remove an answer", place):
            pages = self.aws.s3.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=f"{prefix}/", **owner
            )
            for page in pages:
                keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
                if keys:
                    self.aws.s3.delete_objects(
                        Bucket=bucket, Delete={"Objects": keys, "Quiet": True}, **owner
                    )

    def _start(self, sql: str, token: str) -> str:
        with told("start a query", f"workgroup {self.workgroup}"):
            started = self.aws.athena.start_query_execution(
                QueryString=sql, WorkGroup=self.workgroup, ClientRequestToken=token
            )
        return str(started["QueryExecutionId"])

    def _stop(self, query: str) -> None:
        """Stop a query as well as can be: why it is stopped must not be hidden by a refusal to."""
        try:
            with told("stop a query", f"query {query}"):
                self.aws.athena.stop_query_execution(QueryExecutionId=query)
        except A360Error:
            return

    def _until(self, query: str, deadline: float) -> dict[str, Any]:
        """The query when it has ended, or as it stands at the deadline."""
        pause, reached = _FIRST_POLL, self.clock()
        while True:
            try:
                with told("tell of a query", f"query {query} of workgroup {self.workgroup}"):
                    answer = self.aws.athena.get_query_execution(QueryExecutionId=query)
            except A360Error as error:
                if error.code.slug != "aws-failed" or self.clock() - reached > _PATIENCE_SECONDS:
                    raise
            else:
                reached = self.clock()
                seen: dict[str, Any] = answer["QueryExecution"]
                if seen["Status"]["State"] in _FINAL or self.clock() >= deadline:
                    return seen
            self.wait(min(pause * random.uniform(0.8, 1.2), max(deadline - self.clock(), 0)))  # noqa: S311 - jitter
            pause = min(pause * 1.5, _LONGEST_POLL)


def failure(status: dict[str, Any], where: str, of_model: str = "") -> A360Error:
    """Why a query failed, as an error of ours; what may quote a row's values is withheld."""
    said = str((status.get("AthenaError") or {}).get("ErrorMessage") or status.get("StateChangeReason") or "")
    found = _KIND.search(said)
    kind = found[1] if found else ""
    refused = _refused(said, kind, where)
    if refused is not None:
        return refused
    if status["State"] == "CANCELLED":
        again = "run it again"
        return OperatorError("engine-failed", "The query was cancelled", where=where, next_step=again)
    what = f"Athena could not run the model of {of_model}" if of_model else "Athena could not run a query"
    if kind in _OF_THE_STATEMENT and of_model:
        return ContractError("model-invalid", what, where=where, found=said[:_TOLD])
    if kind in _OF_THE_STATEMENT:
        return UsageError("engine-failed", what, where=where, found=said[:_TOLD])
    return _withheld(kind, what, where)


def _refused(said: str, kind: str, where: str) -> DeniedError | None:
    """The error where somebody, or some limit, does not let the query be."""
    if _LIMITED.search(said):
        return DeniedError(
            "budget-exceeded",
            "The query read more than its workgroup lets it",
            where=where,
            next_step="compare columns with constants, name fewer columns, or ask smaller tables",
        )
    if _DENIED.search(said):
        return DeniedError(
            "denied",
            "Lake Formation or IAM does not let these credentials read what the query asks for",
            where=where,
            found=kind,
            next_step="`a360 grants carriers` tells what each role of AWS is to see",
        )
    return None


def _withheld(kind: str, what: str, where: str) -> A360Error:
    """A failure of a kind without its text."""
    found = f"{kind or 'an error'} (its text is withheld: it may quote values of a row)"
    if kind in _OF_A_VALUE:
        return DataError(
            "engine-failed",
            f"{what}: it failed on a value of a row that it reads",
            where=where,
            found=found,
            next_step="leave such rows out with WHERE, or have NULL in their place by TRY_CAST or nullif",
        )
    if not kind or kind.startswith(_OF_THE_MACHINE):
        return OperatorError(
            "engine-failed",
            what,
            where=where,
            found=found,
            next_step="try again; if it stays, look at the query in Athena's console, under its id",
        )
    return InternalError("engine-failed", what, where=where, found=found)
