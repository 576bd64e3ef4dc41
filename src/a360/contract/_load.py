"""Reads a folder of contracts."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from a360.contract._environment import LOCAL, Environment, local_environment
from a360.contract._faults import Fault, FaultyContractsError
from a360.contract._folders import LAKE_FILE, environments_folder
from a360.contract._lakefile import LakeFile
from a360.contract._odcs import Column, Contract
from a360.contract._release import RELEASED, Release, read_releases
from a360.contract._validate import lift, validate
from a360.contract._yaml import Loc, SourceFile, read_text, read_yaml
from a360.errors import OperatorError

LEDGER_FILE = "field_ids.yaml"
EXAMPLES_FILE = "policy_tests.yaml"
PACKS = "packs"
CONTRACT_ZONES = ("bronze", "silver", "gold")
COLUMNS: Loc = ("schema", 0, "properties")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A contract with the place it was read from."""

    zone: str
    short: str
    contract: Contract = field(repr=False)
    source: SourceFile = field(repr=False)
    unsure: frozenset[Loc] = field(default=frozenset(), repr=False)

    @property
    def name(self) -> str:
        """The full name, `zone.name`, as folder and file say it."""
        return f"{self.zone}.{self.short}"

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, in order."""
        return self.contract.columns

    def column(self, name: str) -> Column | None:
        """The column of this name, if there is one."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def is_reference(self) -> bool:
        """Whether its rows are reference data, which are loaded and which no step computes."""
        return self.contract.a360.reference is not None

    @property
    def can_refuse(self) -> bool:
        """Whether rows may go to quarantine: all of silver, and bronze whose rows come out of files."""
        from_files = self.column("file") is not None and self.column("offset") is not None
        return (self.zone == "silver" and not self.is_reference) or (self.zone == "bronze" and from_files)

    def sure(self, *loc: str | int) -> bool:
        """Whether the value at this place is the author's, all of it."""
        return not any(place[: len(loc)] == loc or loc[: len(place)] == place for place in self.unsure)

    def fault(self, code: str, message: str, *loc: str | int, fix: str = "") -> Fault:
        """A fault at a place of the contract."""
        return self.source.fault(code, message, *loc, fix=fix)

    def place(self, column: str) -> Loc:
        """Where a column stands, or the dataset where there is no such column."""
        index = next((i for i, known in enumerate(self.columns) if known.name == column), None)
        return () if index is None else (*COLUMNS, index)

    def fault_at(self, column: str, code: str, message: str, *, fix: str = "") -> Fault:
        """A fault at a column, or at the dataset where there is no such column."""
        return self.source.fault(code, message, *self.place(column), fix=fix)


@dataclass(frozen=True, slots=True)
class TextFile:
    """A view or a model: its name, its text, and where it lies."""

    name: str
    label: str
    text: str = field(repr=False)

    def fault(self, code: str, message: str, line: int = 1, fix: str = "") -> Fault:
        """A fault in the file."""
        return Fault(self.label, line, code, message, fix)


@dataclass(frozen=True, slots=True)
class LakeContracts:
    """All that is declared about a lake; `datasets` are keyed by full name, views and models by file name."""

    folder: Path
    lake: LakeFile
    lake_source: SourceFile = field(repr=False)
    datasets: Mapping[str, Dataset] = field(repr=False)
    views: Mapping[str, TextFile] = field(repr=False)
    models: Mapping[str, TextFile] = field(repr=False)
    environments: Mapping[str, tuple[Environment, SourceFile]] = field(repr=False)
    ledger: Mapping[str, Mapping[str, int]] = field(repr=False)
    released: Mapping[str, Release] = field(repr=False)
    unreadable: frozenset[str] = frozenset()

    def environment(self, name: str) -> Environment:
        """The environment of this name; `local` always exists."""
        if name in self.environments:
            return self.environments[name][0]
        raise _no_environment(environments_folder(self.folder), name, self.environments)


def load_environment(contracts: Path, name: str) -> Environment:
    """One environment beside a folder of contracts; nothing else that is declared is looked at.

    Raises:
        ContractError: the file has faults.
        OperatorError: `setting-invalid` where there is none of this name.
    """
    folder = environments_folder(contracts)
    path = folder / f"{name}.yaml"
    if not path.exists():
        if name == LOCAL:
            return local_environment()
        raise _no_environment(folder, name, [LOCAL, *(each.stem for each in folder.glob("*.yaml"))])
    source, faults = read_yaml(path, str(path))
    checked = validate(Environment, source)
    if faults or checked.faults or checked.model is None:
        raise FaultyContractsError((*faults, *checked.faults), str(path))
    return checked.model


def _no_environment(folder: Path, name: str, known: Collection[str]) -> OperatorError:
    return OperatorError(
        "setting-invalid",
        f"There is no environment {name}",
        where=str(folder),
        found="there are " + ", ".join(sorted({*known})),
        next_step=f"add environments/{name}.yaml, or name another",
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder holds as far as it can be read, and the faults met on the way."""

    contracts: LakeContracts
    faults: tuple[Fault, ...]


def pack_folders(folder: Path) -> list[Path]:
    """The packs a folder has: optional contracts, each in a folder of its own under `packs/`."""
    return sorted(path for path in (folder / PACKS).glob("*") if path.is_dir() and not _aside(path))


def read_folder(folder: Path, packs: Collection[str] | None = ()) -> Reading:
    """Read what can be read of a folder, and gather the faults.

    Of packs, those are read that `lake.yaml` chooses and those of `packs`; with None every one there is.
    """
    if not folder.is_dir():
        raise OperatorError(
            "input-missing",
            "The folder of contracts does not exist",
            where=str(folder),
            next_step="name a folder that holds lake.yaml and the contracts",
        )
    return _Reader(folder, packs).read()


class _Reader:
    def __init__(self, folder: Path, packs: Collection[str] | None = ()) -> None:
        self.folder = folder
        self.packs = packs
        self.folders = [folder]
        self.faults: list[Fault] = []
        self.unreadable: set[str] = set()

    def read(self) -> Reading:
        lake, source = self._lake()
        self._choose(lake, source)
        ledger, released = self._ledger()
        contracts = LakeContracts(
            folder=self.folder,
            lake=lake,
            lake_source=source,
            datasets=self._datasets(),
            views=self._texts("views", ".json"),
            models=self._texts("models", ".sql"),
            environments=self._environments(),
            ledger=ledger,
            released=released,
            unreadable=frozenset(self.unreadable),
        )
        self._stray()
        return Reading(contracts, tuple(sorted(set(self.faults))))

    def _lake(self) -> tuple[LakeFile, SourceFile]:
        source, faults = read_yaml(self.folder / LAKE_FILE, str(self.folder / LAKE_FILE))
        self.faults += faults
        if source.data is not None or not faults:
            checked = validate(LakeFile, source)
            self.faults += checked.faults
            if checked.model:
                return checked.model, source
        return LakeFile.model_validate(_EMPTY_LAKE), source

    def _datasets(self) -> dict[str, Dataset]:
        datasets: dict[str, Dataset] = {}
        for zone in CONTRACT_ZONES:
            for path in self._files(zone, ".yaml"):
                dataset = self._dataset(zone, path)
                if dataset is None:
                    self.unreadable.add(f"{zone}.{path.stem}")
                elif dataset.name in datasets:
                    message = f"{dataset.name} is declared in {datasets[dataset.name].source.label} too"
                    self.faults.append(dataset.fault("C202", message, "id", fix="keep one of the two"))
                else:
                    datasets[dataset.name] = dataset
        return datasets

    def _files(self, subfolder: str, suffix: str) -> list[Path]:
        """The files of a kind, those of the folder before those of its packs."""
        return [path for folder in self.folders for path in sorted((folder / subfolder).glob(f"*{suffix}"))]

    def _dataset(self, zone: str, path: Path) -> Dataset | None:
        source, faults = read_yaml(path, str(path))
        self.faults += faults
        if source.data is None and faults:
            return None
        checked = validate(Contract, source, lift(source))
        self.faults += checked.faults
        return Dataset(zone, path.stem, checked.model, source, checked.unsure) if checked.model else None

    def _texts(self, subfolder: str, suffix: str) -> dict[str, TextFile]:
        files: dict[str, TextFile] = {}
        for path in self._files(subfolder, suffix):
            text, faults = read_text(path, str(path))
            self.faults += faults
            file = TextFile(path.stem, str(path), text)
            if path.stem in files:
                message = f"{files[path.stem].label} has the same name"
                self.faults.append(file.fault("C202", message, fix="rename one of the two"))
            files.setdefault(path.stem, file)
        return files

    def _environments(self) -> dict[str, tuple[Environment, SourceFile]]:
        environments = {LOCAL: (local_environment(), SourceFile(str(environments_folder(self.folder))))}
        for path in sorted(environments_folder(self.folder).glob("*.yaml")):
            source, faults = read_yaml(path, str(path))
            self.faults += faults
            if source.data is None and faults:
                continue
            checked = validate(Environment, source)
            self.faults += checked.faults
            if checked.model:
                environments[path.stem] = (checked.model, source)
                if checked.model.name != path.stem:
                    fix = f"write name: {path.stem}"
                    self.faults.append(source.fault("C201", "file and name differ", "name", fix=fix))
        return environments

    def _ledger(self) -> tuple[dict[str, dict[str, int]], dict[str, Release]]:
        ledger, released, faults = read_ledger(self.folder)
        self.faults += faults
        return ledger, released

    def _choose(self, lake: LakeFile, source: SourceFile) -> None:
        """Read the packs that are chosen as if they lay in the folder itself."""
        known = {path.name: path for path in pack_folders(self.folder)}
        wanted = [*known] if self.packs is None else dict.fromkeys([*lake.packs, *self.packs])
        for name in wanted:
            if name in known:
                self.folders.append(known[name])
        for name in dict.fromkeys([*lake.packs, *(self.packs or ())]):
            if name not in known:
                message = f"there is no pack {name}: {PACKS}/ has {', '.join(known) or 'none'}"
                self.faults.append(source.fault("C116", message, "packs", fix="choose one that is there"))

    def _stray(self) -> None:
        inside = dict.fromkeys(CONTRACT_ZONES, (".yaml",)) | {"views": (".json",), "models": (".sql",)}
        known = inside | {"schema": (".json",), "terminology": (".yaml", ".csv"), PACKS: ("",)}
        self._stray_in(self.folder, known, (LAKE_FILE, LEDGER_FILE, EXAMPLES_FILE))
        for pack in pack_folders(self.folder):
            self._stray_in(pack, inside, ())

    def _stray_in(self, folder: Path, known: Mapping[str, tuple[str, ...]], files: tuple[str, ...]) -> None:
        for path in sorted(folder.iterdir()):
            if path.name in files or _aside(path):
                continue
            if not path.is_dir() or path.name not in known:
                self._fault_stray(path, f"expected {', '.join([*files, *sorted(known)])}")
                continue
            for inner in sorted(path.iterdir()):
                if inner.suffix not in known[path.name] and not _aside(inner):
                    self._fault_stray(inner, f"files in {path.name} end in {' or '.join(known[path.name])}")

    def _fault_stray(self, path: Path, expected: str) -> None:
        message = f"nothing reads {path.name}: {expected}"
        self.faults.append(Fault(str(path), 1, "C106", message, "rename or remove it"))


def read_ledger(folder: Path) -> tuple[dict[str, dict[str, int]], dict[str, Release], list[Fault]]:
    """The ids and the releases of a folder's ledger, and its faults; without one both are empty."""
    path = folder / LEDGER_FILE
    if not path.exists():
        return {}, {}, []
    source, faults = read_yaml(path, str(path))
    data: Any = source.data or {}
    if not isinstance(data, dict):
        return {}, {}, [*faults, source.fault("C113", "the ledger should map datasets to columns to ids")]
    released = data.pop(RELEASED, None) or {}
    if not isinstance(released, dict):
        released, fault = {}, source.fault("C113", "released should map datasets to releases", RELEASED)
        faults = [*faults, fault]
    releases, unreadable = read_releases(source, released)
    ledger = _read_ids(source, data, faults)
    return ledger, releases, [*faults, *unreadable]


def _read_ids(source: SourceFile, data: dict[str, Any], faults: list[Fault]) -> dict[str, dict[str, int]]:
    ledger: dict[str, dict[str, int]] = {}
    for dataset, columns in data.items():
        if not isinstance(columns, dict):
            faults.append(source.fault("C113", f"{dataset} should map columns to ids", dataset))
            continue
        ledger[dataset] = {}
        for column, number in columns.items():
            if isinstance(number, int) and not isinstance(number, bool) and number > 0:
                ledger[dataset][column] = number
            else:
                message = f"{column} should be a number from 1, found {number!r}"
                faults.append(source.fault("C113", message, dataset, column))
    return ledger


def _aside(path: Path) -> bool:
    """Whether a file may lie among the contracts without being one."""
    return path.name.startswith(".") or path.suffix == ".md"


# So that the contracts can still be checked.
_EMPTY_LAKE: dict[str, Any] = {
    "name": "unknown",
    "description": "Stands in for a lake.yaml that cannot be read.",
    "zones": {zone: {"description": zone} for zone in (*CONTRACT_ZONES, "quarantine", "ops")},
    "tags": {
        "sensitivity": {
            "description": "How far a column identifies a patient.",
            "values": {name: name for name in ("public", "operational", "phi", "identifier")},
        }
    },
}


def require_no_faults(faults: Sequence[Fault], folder: Path) -> None:
    """Raise what is wrong, all at once."""
    if faults:
        raise FaultyContractsError(faults, str(folder))


def parse_json(text: str) -> tuple[Any, int, str]:
    """The value of a JSON text; or None with the line and the reason why it is none."""
    try:
        return json.loads(text), 0, ""
    except json.JSONDecodeError as error:
        return None, error.lineno, error.msg
    except RecursionError:
        return None, 1, "nested too deeply"
