"""What ends a run, in our words: DuckDB's may quote a resource."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from a360.errors import A360Error, InternalError, OperatorError
from a360.fhir._run._archives import Archives
from a360.fhir._run._scan import NO_RESOURCE, faulty_line
from a360.fhir._stopped import stopped_by

_OF_A_LINE = (NO_RESOURCE, "Malformed JSON in file", "maximum_object_size")
_OF_THE_MACHINE = (duckdb.OutOfMemoryException, duckdb.IOException, duckdb.PermissionException)


@contextmanager
def in_words_of_a_run(
    session: duckdb.DuckDBPyConnection, files: Sequence[Path], archives: Archives
) -> Iterator[None]:
    """Turn DuckDB's errors into ours, with the place in the input where it can be found."""
    try:
        yield
    except duckdb.Error as error:
        archives.require_whole()
        raise _translated(error, session, files) from None
    except RuntimeError as error:
        # So DuckDB tells that a signal has ended its query; whoever sent it is to be obeyed.
        if isinstance(error.__cause__, KeyboardInterrupt | SystemExit):
            raise error.__cause__ from None
        raise


def _translated(
    error: duckdb.Error,
    session: duckdb.DuckDBPyConnection,
    files: Sequence[Path],
) -> A360Error:
    said = str(error)
    if any(each in said for each in _OF_A_LINE):
        return faulty_line(files, session)
    stopped = stopped_by(error)
    if stopped is not None:
        return stopped
    kind = type(error).__name__.removesuffix("Exception")
    if isinstance(error, _OF_THE_MACHINE):
        return OperatorError(
            "engine-failed",
            "DuckDB could not read the input or write the output",
            found=f"{kind}: {_first(said.strip().splitlines())}",
            next_step="check that archives are whole, and that there is room on the disk and in memory",
        )
    return InternalError(
        "engine-failed",
        "DuckDB could not run the view",
        found=f"{kind} (its text is withheld: it may quote values of a row)",
    )


def _first(texts: Sequence[str]) -> str:
    return texts[0] if texts else ""
