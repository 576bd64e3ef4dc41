"""Files of rows: how DuckDB writes each format, and how a run leaves whole files or none."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from a360.contract import quote_name, quote_text
from a360.errors import OperatorError, UsageError
from a360.fhir._compile import ViewColumn
from a360.fhir._types import kind_of
from a360.files import whole_by_name

_JSON_NUMBER = "-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?"
# A spreadsheet runs a cell that begins so as a formula; the wide forms count where East Asian input is set.
_FORMULA = "^[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]"


def json_select(sql: str, schema: Sequence[ViewColumn]) -> str:
    """The rows with decimals as JSON's numbers, all of their digits kept; what is no number stays text."""
    return _select(sql, [(column.name, _json_form(column)) for column in schema])


def csv_select(sql: str, schema: Sequence[ViewColumn]) -> str:
    """The rows with lists as JSON text, and with no cell that a spreadsheet would run."""
    return _select(sql, [(column.name, _csv_form(column)) for column in schema])


def _select(sql: str, forms: Sequence[tuple[str, str]]) -> str:
    listed = ", ".join(f"{form} AS {quote_name(name)}" for name, form in forms)
    return f"SELECT {listed} FROM (\n{sql}\n)"


def _json_form(column: ViewColumn) -> str:
    name = quote_name(column.name)
    if kind_of(column.fhir_type) != "decimal":
        return name
    return (
        f"list_transform({name}, lambda x: {_json_number('x')})" if column.collection else _json_number(name)
    )


def _json_number(value: str) -> str:
    is_number = f"regexp_full_match({value}, {quote_text(_JSON_NUMBER)})"
    return f"CASE WHEN {is_number} THEN CAST({value} AS JSON) ELSE to_json({value}) END"


def _csv_form(column: ViewColumn) -> str:
    name = quote_name(column.name)
    if column.collection:
        return f"CAST(to_json({_json_form(column)}) AS VARCHAR)"
    if column.sql_type != "VARCHAR":
        return name
    runs = f"regexp_matches({name}, {quote_text(_FORMULA)})"
    if kind_of(column.fhir_type) == "decimal":
        runs += f" AND NOT regexp_full_match({name}, {quote_text(_JSON_NUMBER)})"
    return f"CASE WHEN {runs} THEN '''' || {name} ELSE {name} END"


def _copied(options: str, select: Callable[[str, Sequence[ViewColumn]], str]) -> Callable[..., str]:
    def statement(sql: str, schema: Sequence[ViewColumn], target: str) -> str:
        # The file is there already, readable for its owner alone, and takes its name when it is whole.
        return f"COPY (\n{select(sql, schema)}\n) TO {quote_text(target)} ({options}, USE_TMP_FILE false)"

    return statement


_FORMATS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        ".parquet": _copied("FORMAT parquet, COMPRESSION zstd", lambda sql, _: sql),
        ".csv": _copied("FORMAT csv, HEADER true", csv_select),
        ".ndjson": _copied("FORMAT json", json_select),
        ".jsonl": _copied("FORMAT json", json_select),
        ".json": _copied("FORMAT json, ARRAY true", json_select),
    }
)


def copy_sql(sql: str, schema: Sequence[ViewColumn], output: Path, target: str) -> str:
    """The statement that writes the rows to `target`, in the format that the name of `output` asks for."""
    return _FORMATS[output.suffix.lower()](sql, schema, target)


def require_outputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise where a run could not write an output, before anything is read.

    Raises:
        UsageError: An ending says no format, two outputs are one file, or an output is one of the inputs.
    """
    taken = {path.resolve(): "an input" for path in inputs}
    for path in outputs:
        if path.suffix.lower() not in _FORMATS:
            raise UsageError(
                "usage",
                "The ending of the file's name says no format",
                where=str(path),
                found=path.suffix or "no ending",
                next_step=f"end it in one of {', '.join(_FORMATS)}",
            )
        place = path.resolve()
        if place in taken:
            raise UsageError(
                "usage", "The output cannot be this file", where=str(path), found=f"it is {taken[place]}"
            )
        taken[place] = "the output of another view"


@contextmanager
def partial_files(outputs: Sequence[Path]) -> Iterator[list[str]]:
    """A file for each output, to be written to; all become the outputs together, or none does.

    Raises:
        OperatorError: `input-missing` where an output cannot be written.
    """
    try:
        with whole_by_name(*outputs) as drafts:
            yield [str(draft.resolve()) for draft in drafts]
    except OSError as error:
        raise OperatorError(
            "input-missing",
            "The output cannot be written",
            where=", ".join(map(str, outputs)),
            found=error.strerror or type(error).__name__,
            next_step="name a file in a folder that is there, has room and may be written to",
        ) from None
