"""Contracts in the formats of others: ODCS, JSON Schema, SQL DDL and dbt's `schema.yml`, both ways.

What a format cannot say is told, never dropped in silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from a360.contract._load import Dataset
from a360.contract.exchange import _dbt, _ddl, _json_schema_format, _odcs_file
from a360.contract.exchange._sketch import Sketch, SketchColumn, contract_of, restricted, sketch_of
from a360.contract.exchange._sql_types import is_dialect, mapped
from a360.contract.exchange._text import MODELINE, contract_text
from a360.errors import UsageError

__all__ = [
    "DIALECTS",
    "FORMATS",
    "MODELINE",
    "Draft",
    "Export",
    "Format",
    "Import",
    "Sketch",
    "SketchColumn",
    "contract_of",
    "contract_text",
    "export_contract",
    "import_contracts",
    "mapped",
    "sketch_of",
]

type Format = Literal["odcs", "json-schema", "sql", "dbt"]
FORMATS: tuple[Format, ...] = ("odcs", "json-schema", "sql", "dbt")
DIALECTS = _ddl.DIALECTS


@dataclass(frozen=True, slots=True)
class Export:
    """A contract in another format; `lost` names every part of it that the format cannot say."""

    text: str
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A contract made of something else: where it belongs, and its text."""

    dataset: str
    text: str

    @property
    def path(self) -> str:
        """Its place in a folder of contracts."""
        return self.dataset.replace(".", "/") + ".yaml"


@dataclass(frozen=True, slots=True)
class Import:
    """Contracts drafted from another format; `lost` names what a contract cannot say."""

    drafts: tuple[Draft, ...]
    lost: tuple[str, ...] = ()


def export_contract(dataset: Dataset, format_: Format, dialect: str = "duckdb") -> Export:
    """A contract in another format."""
    if format_ == "odcs":
        return Export(_odcs_file.write(dataset.contract))
    return export_sketch(sketch_of(dataset.contract), format_, dialect)


def export_sketch(sketch: Sketch, format_: Format, dialect: str = "duckdb") -> Export:
    """As `export_contract`, of a sketch."""
    if format_ == "sql":
        said, lost = restricted(sketch, *_ddl.says(dialect), _ddl.narrow)
        return Export(_ddl.write(said, dialect), tuple(lost))
    if format_ == "dbt":
        said, lost = restricted(sketch, _dbt.DATASET, _dbt.COLUMN, _dbt.narrow)
        return Export(_dbt.write(said), tuple(lost))
    schema = _json_schema_format
    said, lost = restricted(sketch, schema.DATASET, schema.COLUMN, schema.narrow)
    return Export(schema.write(said), tuple(lost))


def import_contracts(
    text: str, format_: Format, *, name: str = "unnamed", zone: str = "silver", dialect: str = "duckdb"
) -> Import:
    """Contracts drafted from another format; `name` is for formats whose files may have none.

    Raises:
        UsageError: `usage` where the text is not of the format.
    """
    if not is_dialect(dialect):
        raise UsageError("usage", f"There is no SQL dialect {dialect}", found=dialect)
    try:
        values, lost = _read(text, format_, name, zone, dialect)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            "usage",
            f"The text is not {format_}",
            found=str(error) or type(error).__name__,
            next_step="name the format it is in with --from",
        ) from None
    return Import(tuple(Draft(str(each["id"]), contract_text(each)) for each in values), tuple(lost))


def _read(
    text: str, format_: Format, name: str, zone: str, dialect: str
) -> tuple[list[Mapping[str, Any]], list[str]]:
    if format_ == "odcs":
        found, lost = _odcs_file.read(text, zone)
        return [*found], lost
    sketches, lost = read_sketches(text, format_, name, zone, dialect)
    if not sketches:
        raise ValueError("it declares no dataset")
    return [contract_of(sketch) for sketch in sketches], lost


def read_sketches(
    text: str, format_: Format, name: str = "unnamed", zone: str = "silver", dialect: str = "duckdb"
) -> tuple[list[Sketch], list[str]]:
    """The datasets of a text as sketches."""
    if format_ == "sql":
        return _ddl.read(text, dialect, zone)
    if format_ == "dbt":
        return _dbt.read(text, zone, dialect)
    return _json_schema_format.read(text, name)
