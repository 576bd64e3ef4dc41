"""The last committed form of each contract, as the ledger keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass

from a360.contract._faults import Fault
from a360.contract._types import parse_type
from a360.contract._yaml import SourceFile

RELEASED = "released"
_REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class ReleasedColumn:
    """A column as it was in a version."""

    field_id: int
    name: str
    type: str
    required: bool
    sensitivity: str

    @property
    def text(self) -> str:
        """As the ledger writes it: `patient_key string required identifier/patient`."""
        return " ".join((self.name, self.type, *([_REQUIRED] if self.required else []), self.sensitivity))


@dataclass(frozen=True, slots=True)
class Release:
    """A contract as it was in a version."""

    version: str
    key: tuple[int, ...]
    columns: tuple[ReleasedColumn, ...]

    @property
    def lines(self) -> list[str]:
        """The release as YAML, without its dataset."""
        key = ", ".join(map(str, self.key))
        columns = [f"    {column.field_id}: {column.text}" for column in self.columns]
        return [
            f"    version: {self.version}",
            f"    key: [{key}]",
            "    columns:",
            *map("  ".__add__, columns),
        ]


def read_releases(source: SourceFile, data: Mapping[str, object]) -> tuple[dict[str, Release], list[Fault]]:
    """The releases of a ledger; one that is not well-formed is a fault."""
    releases: dict[str, Release] = {}
    faults: list[Fault] = []
    for dataset, entry in data.items():
        release = _read(entry)
        if release is None:
            message = f"the release of {dataset} should have a version, a key and columns by field id"
            fix = "take the file as it was committed, or remove the entry and run `a360 lint --fix`"
            faults.append(source.fault("C113", message, RELEASED, dataset, fix=fix))
        else:
            releases[dataset] = release
    return releases, faults


def _read(entry: object) -> Release | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("version"), str):
        return None
    key, columns = entry.get("key"), entry.get("columns")
    if not isinstance(columns, dict) or not isinstance(key, list):
        return None
    read = [_column(number, text) for number, text in columns.items()]
    found = tuple(column for column in read if column is not None)
    if len(found) != len(read) or not all(isinstance(number, int) for number in key):
        return None
    return Release(entry["version"], tuple(key), found)


def _column(number: object, text: object) -> ReleasedColumn | None:
    words = text.split() if isinstance(text, str) else []
    required = _REQUIRED in words[2:-1]
    if not str(number).isdigit() or len(words) != 3 + required or parse_type(words[1]) is None:
        return None
    return ReleasedColumn(int(str(number)), words[0], words[1], required, words[-1])
