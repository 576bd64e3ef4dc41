"""Drafts a contract from data. It holds names, types and small vocabularies, and no value of a person.

A draft is a beginning: it has no sensitivities, which only a person can know, and lint refuses it so long.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb

from a360.contract import HOUSEKEEPING, quote_name, quote_text
from a360.contract.exchange import MODELINE, Draft, Sketch, SketchColumn, contract_of, contract_text, mapped
from a360.errors import DataError, OperatorError, UsageError

_READERS = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".parquet": "Parquet",
    ".ndjson": "JSON",
    ".jsonl": "JSON",
    ".json": "JSON",
}
_COMPRESSED = frozenset({".gz", ".zst"})

# A vocabulary may be drafted only where the column's name promises one and its values look like codes.
_VOCABULARY = frozenset(
    {"status", "state", "type", "kind", "category", "class", "code", "gender", "sex", "unit", "currency"}
    | {"priority", "severity", "method", "mode", "channel", "level", "stage", "flag", "active", "reason"}
    | {"outcome", "visibility", "format", "language"}
)
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,29}|[A-Z][A-Z0-9_-]{0,15}|[A-Za-z]")
_MOST_VALUES = 12
_LEAST_ROWS_EACH = 5

_KEY_TYPES = frozenset({"string", "int", "long"})
_MOST_IN_PAIRS = 6
_NEARLY_ALL = 0.7  # distinct values are estimated first, and counted where they may be enough
_MOST_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Inferred:
    """A draft, what it was made of, and what its reader should look at."""

    draft: Draft
    rows: int
    key: tuple[str, ...]
    vocabularies: tuple[str, ...]
    notes: tuple[str, ...]


def infer(
    path: Path, *, name: str | None = None, zone: str = "silver", header: bool | None = None
) -> Inferred:
    """Draft a contract from a CSV, Parquet or JSON file, plain or compressed.

    Raises:
        OperatorError: `input-missing`.
        UsageError: `usage` for a file of another kind.
        DataError: `input-refused` where the file cannot be read; what it holds is not repeated.
    """
    if not path.is_file() or not path.stat().st_size:
        raise OperatorError("input-missing", "There is no such file, or it is empty", where=str(path))
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next((_READERS[each] for each in reversed(suffixes) if each in _READERS), None)
    if kind is None or (suffixes[-1] not in _READERS and suffixes[-1] not in _COMPRESSED):
        raise UsageError(
            "usage",
            "Contracts are drafted from CSV, Parquet and JSON files",
            found="".join(suffixes) or "a file without an ending",
            next_step="name a .csv, .tsv, .parquet, .ndjson, .jsonl or .json file, .gz and .zst included",
        )
    short = _snake(name or path.name.split(".")[0], "dataset")
    try:
        with duckdb.connect(config=_CONFIG) as session:
            return _Profile(session, path, kind, header).draft(zone, short)
    except duckdb.Error as error:
        # The engine's message quotes the line it failed at.
        raise DataError(
            "input-refused",
            f"The file cannot be read as {kind}",
            where=str(path),
            found=type(error).__name__,
            next_step="look at the file itself; for CSV without a line of names give --no-header",
        ) from None


_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "temp_directory": "",  # what was read of people is not spilt to disk
    "threads": 2,
}


class _Profile:
    """What a file holds, measured column by column."""

    def __init__(
        self,
        session: duckdb.DuckDBPyConnection,
        path: Path,
        kind: str,
        header: bool | None,  # noqa: FBT001 - not said is the third choice
    ) -> None:
        self._session = session
        self._kind = kind
        self._notes: list[str] = []
        place = quote_text(re.sub(r"([*?\[])", r"[\1]", str(path)))
        heading = "" if header is None else f", header = {str(header).lower()}"
        reads = {
            "CSV": f"read_csv({place}, sample_size = -1{heading})",
            "Parquet": f"read_parquet({place})",
            "JSON": f"read_json({place}, sample_size = -1, maximum_depth = 2)",
        }
        session.execute(f"CREATE TEMP VIEW input AS SELECT * FROM {reads[kind]}")
        if kind == "CSV":
            texts = f"read_csv({place}, all_varchar = true, sample_size = -1{heading})"
            session.execute(f"CREATE TEMP VIEW written AS SELECT * FROM {texts}")
            if len(self._session.sql("DESCRIBE input").fetchall()) == 1:
                self._notes.append("only one column was found; look whether the file is CSV")
            if header is None:
                self._notes.append(
                    "the first line may have been taken for names; --no-header says it is data"
                )

    def draft(self, zone: str, name: str) -> Inferred:
        """The contract that fits what was found."""
        found = self._session.sql("DESCRIBE input").fetchall()
        types = {str(row[0]): str(row[1]) for row in found}
        names = self._names(list(types))
        rows, present, distinct = self._counts(list(types))
        columns = {
            source: replace(self._column(source, names[source], type_), required=0 < rows == present[source])
            for source, type_ in types.items()
        }
        key = self._key(columns, distinct, rows)
        vocabularies = []
        for source, column in columns.items():
            values = self._vocabulary(source, column, distinct[source], present[source])
            if values:
                columns[source] = replace(column, enum=values)
                vocabularies.append(column.name)
            if source in key:
                position = key.index(source) + 1
                columns[source] = replace(columns[source], key=position, required=True)
        sketch = Sketch(
            name,
            zone,
            description=f"Drafted from {rows} rows of {self._kind}; say here what one row is.",
            columns=(*columns.values(), *self._housekeeping(zone, set(names.values()))),
        )
        text = contract_text(contract_of(sketch), head=MODELINE + _HEAD)
        return Inferred(
            Draft(f"{zone}.{name}", text),
            rows,
            tuple(names[source] for source in key),
            tuple(vocabularies),
            tuple(self._notes),
        )

    def _names(self, sources: Sequence[str]) -> dict[str, str]:
        """The columns' names as contracts have them, each once."""
        names: dict[str, str] = {}
        for number, source in enumerate(sources, start=1):
            wanted = _snake(source, f"column_{number}")
            name, again = wanted, 1
            while name in names.values():
                again += 1
                name = f"{wanted[:60]}_{again}"
            names[source] = name
            if name != source:
                self._notes.append(f"column {number} is named {name} here")
        return names

    def _counts(self, sources: Sequence[str]) -> tuple[int, dict[str, int], dict[str, int]]:
        asked = ", ".join(
            f"count({quote_name(each)}), approx_count_distinct({quote_name(each)})" for each in sources
        )
        row = self._session.sql(f"SELECT count(*), {asked} FROM input").fetchall()[0]
        present = dict(zip(sources, map(int, row[1::2]), strict=True))
        distinct = dict(zip(sources, map(int, row[2::2]), strict=True))
        return int(row[0]), present, distinct

    def _column(self, source: str, name: str, type_: str) -> SketchColumn:
        found = mapped(type_)
        kind, note = found.type, found.note
        if self._kind == "CSV" and kind in {"int", "long", "double"}:
            kind, note = self._as_written(source, kind, note)
        if note:
            self._notes.append(f"{name}: {note}")
        return SketchColumn(name, kind)

    def _as_written(self, source: str, kind: str, note: str) -> tuple[str, str]:
        """A number of a CSV file by its digits: one that begins with 0 is a text, a short one is exact."""
        written = quote_name(source)
        leading, inexact, decimals = self._session.sql(
            f"SELECT coalesce(bool_or(regexp_matches({written}, '^[+-]?0[0-9]')), false), "
            f"coalesce(bool_or(NOT regexp_full_match({written}, '[+-]?[0-9]{{1,14}}([.][0-9]+)?')), false), "
            f"coalesce(max(length(regexp_extract({written}, '[.]([0-9]+)$', 1))), 0) "
            f"FROM written WHERE {written} IS NOT NULL"
        ).fetchall()[0]
        if leading:
            return "string", "its numbers begin with 0, which only a text keeps"
        if kind == "double" and not inexact and 0 < decimals <= _MOST_DECIMALS:
            return f"decimal(18,{decimals})", ""
        return kind, note

    def _key(self, columns: dict[str, SketchColumn], distinct: dict[str, int], rows: int) -> tuple[str, ...]:
        """The columns that tell every row from the others: one, or two; named like an id first."""
        if rows <= 1:
            self._notes.append("too few rows to find a key")
            return ()
        usable = [each for each, column in columns.items() if column.required and column.type in _KEY_TYPES]
        single = [
            each for each in usable if distinct[each] >= rows * _NEARLY_ALL and self._unique((each,), rows)
        ]
        if single:
            single.sort(key=lambda each: not re.search(r"(^|_)(id|key|number|no)$", columns[each].name))
            others = [columns[each].name for each in single[1:]]
            if others:
                self._notes.append(f"{', '.join(others)} would be a key as well")
            return (single[0],)
        widest = sorted(usable, key=lambda each: -distinct[each])[:_MOST_IN_PAIRS]
        in_order = [each for each in usable if each in widest]
        pair = next((two for two in itertools.combinations(in_order, 2) if self._unique(two, rows)), ())
        if not pair:
            self._notes.append("no column, and no two, tell every row from the others: mark the key")
        return pair

    def _unique(self, sources: tuple[str, ...], rows: int) -> bool:
        names = ", ".join(map(quote_name, sources))
        [(found,)] = self._session.sql(
            f"SELECT count(*) FROM (SELECT DISTINCT {names} FROM input)"
        ).fetchall()
        return bool(found == rows)

    def _vocabulary(self, source: str, column: SketchColumn, distinct: int, rows: int) -> tuple[str, ...]:
        """The values of a column that is a vocabulary by its name, its values and their number; else none."""
        promised = column.name.rpartition("_")[2] in _VOCABULARY
        if column.type != "string" or not 0 < distinct <= 2 * _MOST_VALUES:
            return ()
        if not promised:
            return ()
        name = quote_name(source)
        counted = self._session.sql(
            f"SELECT CAST({name} AS VARCHAR), count(*) FROM input WHERE {name} IS NOT NULL "
            f"GROUP BY 1 ORDER BY 1 LIMIT {_MOST_VALUES + 1}"
        ).fetchall()
        fits = len(counted) <= _MOST_VALUES and all(
            count >= _LEAST_ROWS_EACH and _CODE.fullmatch(str(value)) for value, count in counted
        )
        if not fits:
            self._notes.append(f"{column.name}: its values were not drafted; write its enum if it has one")
        return tuple(str(value) for value, _ in counted) if fits and rows else ()

    def _housekeeping(self, zone: str, taken: set[str]) -> list[SketchColumn]:
        """What every silver dataset ends with; its sensitivity is no guess, since the lake fills it in."""
        if zone != "silver":
            return []
        columns = []
        for name, type_, required in HOUSEKEEPING:
            if name in taken:
                self._notes.append(
                    f"{name} is a column that refine fills in; give the one of the file another name"
                )
            else:
                columns.append(SketchColumn(name, type_, required=required, sensitivity="operational"))
        return columns


_HEAD = """\
# A draft. Lint refuses it until a person has said the a360.sensitivity of every column (public, operational,
# phi or identifier), and what makes the rows: a360.view or a360.source in silver, a360.model in gold.
"""


def _snake(name: str, otherwise: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    snake = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")[:63].rstrip("_")
    if not snake:
        return otherwise
    return snake if snake[0].isalpha() else f"c_{snake}"[:63]
