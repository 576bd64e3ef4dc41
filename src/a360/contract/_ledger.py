"""Gives field ids, and keeps the ledger of every id ever given.

An id outlives its column: readers of old files know columns by id, so an id must never come to mean another
column. Contract files are edited as text, at the places their values stand, so that comments and layout stay.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a360.contract._faults import FaultyContractsError
from a360.contract._folders import LAKE_FILE
from a360.contract._lint import examine
from a360.contract._lint_release import against, release_of
from a360.contract._load import COLUMNS, CONTRACT_ZONES, LEDGER_FILE, pack_folders, read_ledger
from a360.contract._odcs import LIFTED
from a360.contract._release import RELEASED, Release
from a360.contract._yaml import Loc, SourceFile, parse_yaml, read_yaml
from a360.errors import InternalError
from a360.files import write_whole

_PROPERTY = f"{LIFTED}fieldId"
_HEADER = """\
# Every field id ever given, dataset by dataset; columns that are gone keep their line, so that no id is used
# again. Written by `a360 lint --fix`. To rename a column, add its new name here with the id of the old one.
# Below, under `released`, the last version of each contract as it was committed: later ones are held to it.
"""


@dataclass(frozen=True, slots=True)
class Assignment:
    """An id that was given to a column, or entered for it into the ledger."""

    dataset: str
    column: str
    field_id: int


@dataclass(frozen=True, slots=True)
class _Edit:
    """A text to be put in at an offset."""

    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Kept:
    """What was entered into the ledger: ids, and datasets whose form of now was noted with its version."""

    assigned: tuple[Assignment, ...]
    noted: Mapping[str, str]


def keep_ledger(folder: Path | str) -> Kept:
    """As `assign_field_ids`, and say which contracts were noted anew."""
    _, before, _ = read_ledger(Path(folder))
    assigned = tuple(assign_field_ids(folder))
    _, after, _ = read_ledger(Path(folder))
    return Kept(
        assigned, {name: release.version for name, release in after.items() if before.get(name) != release}
    )


def assign_field_ids(folder: Path | str) -> list[Assignment]:
    """Give every column without an id the next free one, and bring the ledger up to date.

    Nothing is changed that has an id already; what the linter says of those is for a person to decide. A file
    that is not well-formed is left alone.
    """
    folder = Path(folder)
    ledger, released, faults = read_ledger(folder)
    if faults:
        raise FaultyContractsError(faults, str(folder / LEDGER_FILE))
    entries = {dataset: dict(columns) for dataset, columns in ledger.items()}
    assigned: list[Assignment] = []
    folders = (folder, *pack_folders(folder))
    for zone in CONTRACT_ZONES:
        for path in sorted(path for each in folders for path in (each / zone).glob("*.yaml")):
            source, unsound = read_yaml(path, str(path))
            if unsound:
                continue
            dataset = f"{zone}.{path.stem}"
            given = _assign(source, entries.setdefault(dataset, {}))
            text = _edited(source, given)
            if text != source.text:
                write_whole(path, text, private=False)
            assigned += [Assignment(dataset, column, number) for column, number in given.items()]
    _write_ledger(folder, entries, released)
    _write_ledger(folder, entries, _released(folder, released))
    return assigned


def _released(folder: Path, before: Mapping[str, Release]) -> dict[str, Release]:
    """The releases with every sound contract as it is now, but for those that break what they promised."""
    if not (folder / LAKE_FILE).is_file():
        return dict(before)
    contracts, faults = examine(folder, packs=None)
    unsound = {fault.file for fault in faults}
    released = dict(before)
    for name, dataset in contracts.datasets.items():
        release = release_of(dataset)
        if release and dataset.source.label not in unsound and not list(against(dataset, before.get(name))):
            released[name] = release
    return released


def _write_ledger(
    folder: Path, entries: Mapping[str, Mapping[str, int]], released: Mapping[str, Release]
) -> None:
    text = _ledger_text(entries, released)
    path = folder / LEDGER_FILE
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_whole(path, text, private=False)


def _columns(source: SourceFile) -> Iterator[tuple[int, str, int | None]]:
    """Index, name and id of every column that can have an id; a file that is no contract has none."""
    for index, column in enumerate(_at(source.data, COLUMNS) or []):
        name = column.get("name") if isinstance(column, dict) else None
        if isinstance(name, str) and name and isinstance(column.get("customProperties", []), list):
            yield index, name, _id_of(column)


def _at(value: Any, loc: Loc) -> list[Any] | None:  # noqa: ANN401 - any YAML value
    for step in loc:
        inside = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        )
        if not inside:
            return None
        value = value[step]
    return value if isinstance(value, list) else None


def _id_of(column: Mapping[str, Any]) -> int | None:
    entries = column.get("customProperties")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict) and entry.get("property") == _PROPERTY:
            value = entry.get("value")
            return value if isinstance(value, int) and not isinstance(value, bool) else -1
    return None


def _assign(source: SourceFile, entries: dict[str, int]) -> dict[str, int]:
    """The ids of columns that were not in the ledger or had none; enters them into the ledger."""
    columns = list(_columns(source))
    owned = set(entries.values())
    highest = max([0, *owned, *(number for _, _, number in columns if number)])
    given: dict[str, int] = {}
    for _, name, number in columns:
        known = entries.get(name)
        if number is None:
            if known is None:
                highest += 1
                entries[name] = highest
            given[name] = entries[name]
        elif known is None and number > 0 and number not in owned:
            entries[name] = given[name] = number
            owned.add(number)
    return given


def _edited(source: SourceFile, given: Mapping[str, int]) -> str:
    """The text of a contract with the given ids written where columns have none."""
    missing = {index: given[name] for index, name, number in _columns(source) if number is None}
    edits = [_edit(source, (*COLUMNS, index), number) for index, number in missing.items()]
    text = source.text
    for edit in sorted(edits, key=lambda edit: edit.offset, reverse=True):
        text = text[: edit.offset] + edit.text + text[edit.offset :]
    again, faults = parse_yaml(text, source.label)
    if edits and (faults or again.data != _expected(source.data, missing)):
        raise InternalError(
            "internal",
            "Field ids could not be written into a contract; the file was left as it is",
            where=source.label,
            next_step=f"write each column's {_PROPERTY} by hand, numbers from 1",
        )
    return text


def _expected(data: Any, missing: Mapping[int, int]) -> Any:  # noqa: ANN401 - any YAML value
    """The values a contract shall have after the edit."""
    data = copy.deepcopy(data)
    columns = _at(data, COLUMNS) or []
    for index, number in missing.items():
        columns[index].setdefault("customProperties", []).append({"property": _PROPERTY, "value": number})
    return data


def _edit(source: SourceFile, column: Loc, number: int) -> _Edit:
    entry = f"{{property: {_PROPERTY}, value: {number}}}"
    here, properties = source.nodes[column], source.nodes.get((*column, "customProperties"))
    if properties is None:
        if here.flow:
            return _Edit(_end_of_items(source, column), f", customProperties: [{entry}]")
        lines = ("customProperties:", f"  - {entry}")
        return _lines_after(source, column, here.column, lines)
    if not properties.flow:
        return _lines_after(source, (*column, "customProperties"), properties.column, (f"- {entry}",))
    last = _end_of_items(source, (*column, "customProperties"))
    return _Edit(last, f", {entry}") if last > properties.start + 1 else _Edit(last, entry)


def _end_of_items(source: SourceFile, loc: Loc) -> int:
    """Where the last item of a collection ends; just inside the bracket of an empty one."""
    inside = [node.end for place, node in source.nodes.items() if place[:-1] == loc and place != loc]
    return max(inside, default=source.nodes[loc].start + 1)


def _lines_after(source: SourceFile, loc: Loc, column: int, lines: tuple[str, ...]) -> _Edit:
    """An edit that puts lines below a block collection, indented to a column; comments keep their lines."""
    text, end = source.text, _end_of_items(source, loc)
    newline = "\r\n" if "\r\n" in text else "\n"
    if text[end - 1 : end] == "\n":  # a block scalar ends on the line after it
        end -= 1
    following = text.find("\n", end)
    offset = len(text) if following < 0 else following
    if text[offset - 1 : offset] == "\r":
        offset -= 1
    return _Edit(offset, "".join(f"{newline}{' ' * column}{line}" for line in lines))


def _ledger_text(entries: Mapping[str, Mapping[str, int]], released: Mapping[str, Release]) -> str:
    lines = [_HEADER]
    for dataset, columns in sorted(entries.items()):
        if columns:
            ordered = sorted(columns.items(), key=lambda item: (item[1], item[0]))
            lines.append(f"{dataset}:\n")
            lines += [f"  {name}: {number}\n" for name, number in ordered]
    if released:
        lines.append(f"\n{RELEASED}:\n")
    for dataset, release in sorted(released.items()):
        lines.append(f"  {dataset}:\n")
        lines += [f"{line}\n" for line in release.lines]
    return "".join(lines)
