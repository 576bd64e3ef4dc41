"""Tables in text files as vocabularies are shipped: delimited, with or without a header, quoted or not."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
from pyarrow import csv

from a360.errors import DataError, OperatorError


def delimited(
    path: Path,
    wanted: Sequence[str],
    *,
    delimiter: str = "\t",
    quoted: bool = False,
    header: Sequence[str] | None = None,
    encoding: str = "utf8",
) -> pa.Table:
    """The wanted columns of a file, all as text; without `header` its first line names the columns."""
    return pa.Table.from_batches(
        list(streamed(path, wanted, delimiter=delimiter, quoted=quoted, header=header, encoding=encoding)),
        pa.schema([(name, pa.string()) for name in wanted]),
    )


def streamed(
    path: Path,
    wanted: Sequence[str],
    *,
    delimiter: str = "\t",
    quoted: bool = False,
    header: Sequence[str] | None = None,
    encoding: str = "utf8",
) -> Iterator[pa.RecordBatch]:
    """The same batch by batch, for files that are larger than memory.

    Raises:
        OperatorError: `input-missing`.
        DataError: `vocabulary-unreadable` where a line or a column is not as the layout has it.
    """
    if not path.is_file():
        raise missing(path)
    types = dict.fromkeys(wanted, pa.string())
    try:
        with csv.open_csv(
            path,
            csv.ReadOptions(column_names=list(header) if header else None, encoding=encoding),
            csv.ParseOptions(delimiter=delimiter, quote_char='"' if quoted else False),
            csv.ConvertOptions(
                column_types=types,
                include_columns=list(wanted),
                strings_can_be_null=True,
                null_values=[""],
                quoted_strings_can_be_null=True,
            ),
        ) as reader:
            yield from reader
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise unreadable(path, _told(error)) from None


def _told(error: Exception) -> str:
    """What went wrong, without the line's text: a vocabulary may be under a licence."""
    return (
        str(error).splitlines()[0].partition(": ")[0 if "Row" in str(error) else 2][:200] or "no such layout"
    )


def one_of(folder: Path, pattern: str) -> Path:
    """The one file of a folder, at any depth, whose name fits a pattern."""
    if not folder.exists():
        raise missing(folder)
    found = sorted(folder.rglob(pattern))
    if len(found) != 1:
        raise OperatorError(
            "input-missing",
            f"One file {pattern} is needed, and {len(found)} are there",
            where=str(folder),
            next_step="name the folder of one release, as it was unpacked",
        )
    return found[0]


def missing(path: Path) -> OperatorError:
    """What is raised where an input is not there."""
    return OperatorError(
        "input-missing",
        "There is nothing to load",
        where=str(path),
        next_step="name the file or folder as the licensor ships it; docs/terminology.md has the layouts",
    )


def unreadable(path: Path, found: str) -> DataError:
    """What is raised where a file is not in the layout it should be in."""
    return DataError(
        "vocabulary-unreadable",
        "The file is not in the layout of this kind of vocabulary",
        where=str(path),
        found=found,
        next_step="compare it with the layout in docs/terminology.md",
    )
