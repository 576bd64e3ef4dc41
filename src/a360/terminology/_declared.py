"""The vocabularies of a contracts' folder: `terminology/*.yaml`, with long lists in CSV files beside them."""

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import pyarrow as pa
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from a360.contract import Fault, FaultyContractsError, LakeContracts
from a360.terminology._expand import Include, expanded
from a360.terminology._vocabulary import MAPPINGS, Vocabulary, concept_table

FOLDER = "terminology"

type Text = Annotated[str, Field(min_length=1)]
type Systems = Mapping[str, pa.Table]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, alias_generator=to_camel)


class _Concept(_Part):
    code: Text
    display: str | None = None
    parent: str | None = None
    status: Literal["active", "inactive"] = "active"
    selectable: bool = True


class _Listed(_Part):
    code: Text
    display: str | None = None


class _Include(_Part):
    system: Text
    codes: list[_Listed | str] = []
    descendants_of: str | None = None


class _Mapping(_Part):
    source: Text
    target: Text
    relationship: Literal["equivalent", "source-is-narrower-than-target", "source-is-broader-than-target"] = (
        "equivalent"
    )


class _File(_Part):
    """A file: what it declares, and as what."""

    kind: Literal["codeSystem", "valueSet", "conceptMap"]
    uri: Text
    version: Text
    name: Text
    title: str | None = None
    publisher: str | None = None
    licence: str | None = None
    concepts: list[_Concept] = []
    file: str | None = None
    include: list[_Include] = []
    source_system: str | None = None
    target_system: str | None = None
    mappings: list[_Mapping] = []

    @model_validator(mode="after")
    def _has_its_own(self) -> "_File":
        given = {name for name in self.model_fields_set if name in _OWN[None]}
        if wrong := given - _OWN[self.kind]:
            raise ValueError(f"{min(wrong)} is no part of a {self.kind}")
        if self.kind == "codeSystem" and bool(self.concepts) == bool(self.file):
            raise ValueError("a codeSystem has concepts, here or in a CSV file")
        if self.kind == "valueSet" and not self.include:
            raise ValueError("a valueSet includes something")
        if self.kind == "conceptMap" and not (self.source_system and self.target_system and self.mappings):
            raise ValueError("a conceptMap has sourceSystem, targetSystem and mappings")
        return self


_OWN: Mapping[str | None, frozenset[str]] = {
    "codeSystem": frozenset({"concepts", "file"}),
    "valueSet": frozenset({"include"}),
    "conceptMap": frozenset({"source_system", "target_system", "mappings"}),
    None: frozenset({"concepts", "file", "include", "source_system", "target_system", "mappings"}),
}


@dataclass(frozen=True)
class Declared:
    """What a folder declares, as far as it can be read, and the faults met on the way."""

    files: Mapping[str, _File] = field(repr=False)
    concepts: Mapping[str, list[_Concept]] = field(repr=False)
    faults: tuple[Fault, ...] = ()

    @cached_property
    def code_systems(self) -> list[Vocabulary]:
        """The code systems."""
        return [
            self._vocabulary(label, file, _concept_rows(file, self.concepts[label]))
            for label, file in self.files.items()
            if file.kind == "codeSystem"
        ]

    def systems_needed(
        self, current: Mapping[str, str], loaded: Collection[tuple[str, str]] = ()
    ) -> set[str]:
        """The code systems that value sets not yet `loaded` draw on, and that are not declared here.

        `current` says which version of a code system the lake looks codes up in; `loaded` are value sets by
        URI and version.
        """
        needed: set[str] = set()
        for file in self._value_sets:
            drawn = self._drawn(file)
            if drawn <= current.keys() and (file.uri, _drawn_version(file, drawn, current)) not in loaded:
                needed |= drawn
        return needed

    @property
    def _value_sets(self) -> list[_File]:
        return [file for file in self.files.values() if file.kind == "valueSet"]

    def _drawn(self, file: _File) -> set[str]:
        """The code systems of elsewhere that a value set draws on by hierarchy or as a whole."""
        drawn = {part.system for part in file.include if part.descendants_of is not None or not part.codes}
        return drawn - {each.uri for each in self.code_systems}

    def vocabularies(self, systems: Systems | None = None) -> list[Vocabulary]:
        """Everything that is declared; value sets over systems that are in neither place are left out.

        What a value set draws from elsewhere changes without its file: the version of the code system becomes
        part of its own.
        """
        elsewhere = systems or {}
        known = {**elsewhere, **{each.uri: each.rows for each in self.code_systems}}
        releases = {uri: str(rows["version"][0]) for uri, rows in elsewhere.items() if rows.num_rows}
        found = [*self.code_systems]
        for label, file in self.files.items():
            drawn = self._drawn(file)
            if file.kind == "valueSet" and drawn <= releases.keys():
                version = _drawn_version(file, drawn, releases)
                includes = [_include(part) for part in file.include]
                rows = expanded(file.uri, version, includes, known)
                found.append(replace(self._vocabulary(label, file, rows), version=version))
            elif file.kind == "conceptMap":
                found.append(self._vocabulary(label, file, _map_rows(file)))
        return found

    @staticmethod
    def _vocabulary(label: str, file: _File, rows: pa.Table) -> Vocabulary:
        kinds: Mapping[str, Literal["code-system", "value-set", "concept-map"]] = {
            "codeSystem": "code-system",
            "valueSet": "value-set",
            "conceptMap": "concept-map",
        }
        return Vocabulary(
            kinds[file.kind],
            file.uri,
            file.version,
            file.name,
            rows,
            file.title,
            file.publisher,
            file.licence,
            f"{FOLDER}/{Path(label).name}",
        )


def _drawn_version(file: _File, drawn: Collection[str], releases: Mapping[str, str]) -> str:
    """The version of a value set with those of the code systems it is drawn from."""
    return "+".join([file.version, *(releases[uri] for uri in sorted(drawn))])


def _include(part: _Include) -> Include:
    codes = tuple((each, None) if isinstance(each, str) else (each.code, each.display) for each in part.codes)
    return Include(part.system, codes, part.descendants_of)


def _concept_rows(file: _File, concepts: list[_Concept]) -> pa.Table:
    return concept_table(
        file.uri,
        file.version,
        {
            "code": [each.code for each in concepts],
            "display": [each.display for each in concepts],
            "parent_code": [each.parent for each in concepts],
            "status": [each.status for each in concepts],
            "is_selectable": [each.selectable for each in concepts],
        },
    )


def _map_rows(file: _File) -> pa.Table:
    rows = [
        {
            "map": file.uri,
            "version": file.version,
            "source_system": file.source_system,
            "source_code": each.source,
            "target_system": file.target_system,
            "target_code": each.target,
            "relationship": each.relationship,
        }
        for each in file.mappings
    ]
    return pa.Table.from_pylist(rows, MAPPINGS)


def declared_faults(contracts: LakeContracts) -> Iterator[Fault]:
    """What is wrong with the vocabularies of a contracts' folder: a further check for the linter."""
    yield from _read(contracts.folder).faults


def read_declared(folder: Path) -> Declared:
    """The vocabularies of a contracts' folder.

    Raises:
        ContractError: `contract-invalid`, with every fault.
    """
    found = _read(folder)
    if found.faults:
        raise FaultyContractsError(found.faults, str(folder / FOLDER))
    return found


def _read(folder: Path) -> Declared:
    files: dict[str, _File] = {}
    concepts: dict[str, list[_Concept]] = {}
    faults: list[Fault] = []
    for path in sorted((folder / FOLDER).glob("*.yaml")):
        label = str(path)
        try:
            file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
            listed = [*file.concepts, *(_from_csv(path.parent / file.file) if file.file else [])]
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            faults.append(Fault(label, 1, "C101", str(error).splitlines()[0], "write UTF-8 and valid YAML"))
            continue
        except ValidationError as error:
            faults += [_fault(label, each["loc"], each["msg"]) for each in error.errors(include_url=False)]
            continue
        except _CsvError as error:
            faults.append(Fault(label, 1, "C113", str(error), "code,display,parent,status,selectable"))
            continue
        faults += _repeats(label, file, listed)
        files[label], concepts[label] = file, listed
    used = {file.file for file in files.values()}
    for path in sorted((folder / FOLDER).glob("*.csv")):
        if path.name not in used:
            faults.append(Fault(str(path), 1, "C106", "no code system names this file", "name or remove it"))
    return Declared(files, concepts, (*faults, *_twice(files)))


class _CsvError(Exception):
    """A CSV file that lists no concepts."""


def _from_csv(path: Path) -> list[_Concept]:
    if not path.is_file():
        raise _CsvError(f"there is no file {path.name}")
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream)
        names = set(reader.fieldnames or ())
        if "code" not in names or names - {"code", "display", "parent", "status", "selectable"}:
            raise _CsvError(f"{path.name} has the columns {', '.join(reader.fieldnames or ())}")
        found = []
        for row in reader:
            given: dict[str, object] = {name: value for name, value in row.items() if value}
            if "selectable" in given:
                given["selectable"] = given["selectable"] == "true"
            try:
                found.append(_Concept.model_validate(given))
            except ValidationError as error:
                raise _CsvError(f"{path.name}:{reader.line_num}: {error.errors()[0]['msg']}") from None
        return found


def _fault(label: str, loc: tuple[int | str, ...], message: str) -> Fault:
    return Fault(
        label, 1, "C113", f"{'.'.join(map(str, loc)) or 'the file'}: {message}", "docs/terminology.md"
    )


def _repeats(label: str, file: _File, concepts: list[_Concept]) -> Iterator[Fault]:
    codes = [each.code for each in concepts]
    for code in sorted({code for code in codes if codes.count(code) > 1}):
        yield Fault(label, 1, "C113", f"{file.name} has the code {code} twice", "keep one of them")
    for each in concepts:
        if each.parent is not None and each.parent not in codes:
            yield Fault(label, 1, "C113", f"{each.code} has the parent {each.parent}, which is no code of it")


def _twice(files: Mapping[str, _File]) -> Iterator[Fault]:
    first: dict[tuple[str, str, str], str] = {}
    for label, file in files.items():
        key = (file.kind, file.uri, file.version)
        if first.setdefault(key, label) != label:
            yield Fault(label, 1, "C202", f"{first[key]} declares {file.uri} {file.version} too", "keep one")
