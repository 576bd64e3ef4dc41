"""The one place where tables are committed: stamped, fenced, retried on conflict, and never twice."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NoSuchTableError,
    RESTError,
)
from pyiceberg.table import CommitTableRequest, Table, TableIdentifier
from pyiceberg.table.refs import MAIN_BRANCH

from a360.catalog import CatalogSession, CommitStamp, Endpoint, TableRefusedError
from a360.engine import StagedFile, discard
from a360.errors import A360Error, ConflictError, DataError, OperatorError, UsageError
from a360.failpoints import FailpointError, failpoint
from a360.table._audit import Audit, AuditedCommit
from a360.table._retry import again_on
from a360.table._snapshot import Draft, write_snapshot
from a360.table._standing import Standing
from a360.table._types import CommitResult

# Conflicts are tried again for this long; with eight writers on one table the last waits a few seconds.
PATIENCE_SECONDS = 300.0


class Unfenced:
    """Says that a write may land on whatever snapshot the table is at."""


UNFENCED: Final = Unfenced()

type Base = str | Unfenced | None
"""The snapshot id a table must be at for a write to land; None for a table without snapshots."""


class Change(Protocol):
    """What a commit does to a table, made for one base snapshot.

    `first_rows` is a relation with all that a table without a snapshot will hold, of a change that can be
    made to no branch of it.
    """

    first_rows: str | None

    def apply(self, catalog: CatalogSession, endpoint: Endpoint, branch: str = MAIN_BRANCH) -> None:
        """Commit to a branch at a stamped and fenced endpoint."""

    def withdraw(self, catalog: CatalogSession) -> None:
        """Remove what was made for a base that has gone; it can never be committed."""


type Plan = Callable[[Table], Change | None]
"""Makes the change for a table as it stands, without its past; None if there is nothing to do."""


class SnapshotChange:
    """A snapshot that we write ourselves."""

    first_rows: str | None = None

    def __init__(self, table: Table, draft: Draft, *, disposable: Sequence[StagedFile] = ()) -> None:
        self._table = table
        self._draft = draft
        self._disposable = disposable

    def apply(self, catalog: CatalogSession, endpoint: Endpoint, branch: str = MAIN_BRANCH) -> None:
        """Write the manifests and commit them."""
        written = write_snapshot(self._table, self._draft, branch)
        failpoint("table.commit.written")
        *namespace, table = self._table.name()
        request = CommitTableRequest(
            identifier=TableIdentifier(namespace=namespace, name=table),
            requirements=written.requirements,
            updates=written.updates,
        )
        body = request.model_dump_json().encode()
        catalog.commit_table(endpoint, ".".join((*namespace, table)), body)

    def withdraw(self, catalog: CatalogSession) -> None:
        """Delete files that were staged for this base alone; a branch may have had them on record."""
        discard(self._table, self._disposable)
        catalog.forget_files(each.path for each in self._disposable)


class EngineChange:
    """What the engine writes by itself as one commit, at an endpoint and to a branch that it is given."""

    def __init__(self, write: Callable[[Endpoint, str], None], first_rows: str | None = None) -> None:
        self._write = write
        self.first_rows = first_rows

    def apply(
        self,
        catalog: CatalogSession,  # noqa: ARG002 - the engine has its own
        endpoint: Endpoint,
        branch: str = MAIN_BRANCH,
    ) -> None:
        """Have the engine write."""
        self._write(endpoint, branch)

    def withdraw(self, catalog: CatalogSession) -> None:
        """Nothing is ours to remove: the engine's files are left for `collect`."""


class _MovedError(ConflictError):
    """The table is no longer at the snapshot that a change was made for."""


class Committer:
    """Commits changes to the tables of one catalog."""

    def __init__(self, catalog: CatalogSession, *, patience: float = PATIENCE_SECONDS) -> None:
        self.catalog = catalog
        self.patience = patience

    def load(self, name: str) -> Table:
        """A table as it stands now, with all its past."""
        try:
            table: Table = self.catalog.client().load_table(name)
        except NoSuchTableError:
            raise self._unknown_table(name) from None
        except (RESTError, OSError) as error:
            self.standing(name)  # tells of damage, if that is why
            raise self._unreachable(name, type(error).__name__) from error
        return table

    def standing(self, name: str) -> Standing:
        """A table as it stands now, without its past but for what became of commits."""
        try:
            return Standing.of(self.catalog, name)
        except TableRefusedError as error:
            if error.no_such_table:
                raise self._unknown_table(name) from None
            if error.damaged:
                raise DataError(
                    "file-damaged",
                    f"{name} is not read: a file that leads to its rows is not what was committed",
                    where=name,
                    found=error.told,
                    next_step="`a360 verify` names all damaged files, and how to restore each",
                ) from None
            raise self._unreachable(name, str(error)) from error

    def _unknown_table(self, name: str) -> UsageError:
        return UsageError(
            "unknown-table",
            f"There is no table {name}",
            where=self.catalog.endpoint.warehouse,
            next_step="`a360 tables` lists the tables; `a360 apply` creates those that contracts declare",
        )

    def _unreachable(self, name: str, found: str) -> OperatorError:
        return OperatorError(
            "catalog-unreachable",
            f"The catalog did not say how {name} stands",
            where=self.catalog.endpoint.uri,
            found=found,
            next_step="check that the catalog runs and is reachable, then run again",
        )

    def commit(
        self,
        name: str,
        stamp: CommitStamp,
        plan: Plan,
        *,
        base: Base = UNFENCED,
        audit: Audit | None = None,
    ) -> CommitResult:
        """Commit what `plan` makes of a table, once: a commit id that is in the table already is left alone.

        Where another writer was faster, the plan is made anew upon what that writer left; with a `base` there
        is nothing to make anew, and ConflictError is raised. With an `audit` the change is made on a branch,
        and becomes the table when the audit has passed it.
        """
        started = time.monotonic()
        result = again_on(
            _MovedError, lambda: self._attempt(name, stamp, plan, base, audit), patience=self.patience
        )
        return replace(result, seconds=round(time.monotonic() - started, 6))

    def _attempt(
        self, name: str, stamp: CommitStamp, plan: Plan, base: Base, audit: Audit | None
    ) -> CommitResult:
        standing = self.standing(name)
        before = standing.landed(stamp.commit_id)
        if before is not None:
            return replace(before, replayed=True)
        at = standing.snapshot_id
        if not isinstance(base, Unfenced) and base != (None if at is None else str(at)):
            raise ConflictError(
                "commit-conflict",
                f"{name} is not at the snapshot that the commit was computed from",
                where=name,
                found=f"expected {base}, found {at}",
                next_step="compute again from the table as it is now",
            )
        change = plan(standing.table)
        if change is None:
            return CommitResult(name, None, stamp.commit_id)
        failpoint("table.commit.before")
        try:
            if audit is not None:
                AuditedCommit(self, stamp, audit).carry_out(name, standing.table, change)
            else:
                with self.catalog.stamped(stamp, base={name: at}) as endpoint:
                    change.apply(self.catalog, endpoint)
        except Exception as error:  # noqa: BLE001 - whatever happened, the table says what became of the commit
            return self._settle(name, stamp.commit_id, at, change, error)
        failpoint("table.commit.after")
        return self._outcome(name, stamp.commit_id)

    def _outcome(self, name: str, commit_id: str) -> CommitResult:
        """What the commit did; an engine that found nothing to do makes no snapshot."""
        return self.standing(name).landed(commit_id) or CommitResult(name, None, commit_id)

    def _settle(
        self, name: str, commit_id: str, at: int | None, change: Change, error: Exception
    ) -> CommitResult:
        """Find out what became of a commit that ended in an error, from the table itself."""
        if isinstance(error, FailpointError):
            raise error
        try:
            standing = self.standing(name)
        except OperatorError:
            raise _unknown(name, error) from error
        result = standing.landed(commit_id)
        if result is not None:
            return result
        moved = standing.snapshot_id != at
        if moved:
            # The fence stands on a snapshot that is history, so that the commit cannot land any more.
            change.withdraw(self.catalog)
        if moved or isinstance(error, CommitFailedException) or _is_conflict(error):
            raise _MovedError(
                "commit-conflict",
                f"Other writers kept changing {name}",
                where=name,
                next_step="run again; nothing of this commit has landed",
            ) from None
        if isinstance(error, A360Error):
            raise error
        if not isinstance(error, TableRefusedError | RESTError | CommitStateUnknownException | OSError):
            raise error
        raise _unknown(name, error) from error


def _is_conflict(error: Exception) -> bool:
    return isinstance(error, TableRefusedError) and error.conflict


def _unknown(name: str, error: Exception) -> OperatorError:
    return OperatorError(
        "commit-outcome-unknown",
        f"The commit to {name} failed, and the table does not show it",
        where=name,
        found=str(error) if isinstance(error, TableRefusedError) else type(error).__name__,
        next_step="run again with the same input: what has landed is not committed twice",
    )
