"""Mends what has one right answer: names that have changed, types under other names, order, loose ends.

A file is changed as text, at the places its values stand, so that comments and layout stay; each change is
made only if the file then reads as exactly the values it was meant to have. What a person has to decide (a
sensitivity, a key, a version) is never touched.
"""

import copy
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from a360.contract._faults import Fault
from a360.contract._folders import LAKE_FILE, environments_folder
from a360.contract._json_schema import editor_schemas
from a360.contract._load import COLUMNS, CONTRACT_ZONES, pack_folders
from a360.contract._mend_values import Fix, value_fixes
from a360.contract._order import COLUMN, CONTRACT, TABLE, in_order
from a360.contract._yaml import Loc, SourceFile, parse_yaml
from a360.files import write_whole

MOST_FIXES = 2000
SCHEMAS = "schema"


@dataclass(frozen=True, slots=True)
class Mended:
    """One thing that was mended, and where it stood."""

    file: str
    line: int
    said: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.said}"


type _Step = Callable[[str, Path], tuple[str, list[Mended]]]


def mend(folder: Path | str) -> list[Mended]:
    """Mend every file of a folder of contracts, and say what was done."""
    folder = Path(folder)
    folders = (folder, *pack_folders(folder))
    contracts = [
        path for zone in CONTRACT_ZONES for each in folders for path in sorted((each / zone).glob("*.yaml"))
    ]
    others = [folder / LAKE_FILE, *sorted(environments_folder(folder).glob("*.yaml"))]
    told = [each for path in contracts for each in _mend_file(path, (_tidied, _corrected, _sorted))]
    told += [each for path in others for each in _mend_file(path, (_tidied,))]
    return told + _schemas(folder)


def _schemas(folder: Path) -> list[Mended]:
    """Write the schemas for editors anew, where a folder keeps them and they are not as lake.yaml says."""
    if not (folder / SCHEMAS).is_dir():
        return []
    told = []
    for kind, text in editor_schemas(folder).items():
        path = folder / SCHEMAS / f"{kind}.schema.json"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_whole(path, text, private=False)
            told.append(Mended(str(path), 1, f"written anew, with the words of {LAKE_FILE}"))
    return told


def _mend_file(path: Path, steps: tuple[_Step, ...]) -> list[Mended]:
    try:
        before = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return []  # the linter tells of it
    text, told = before, []
    for step in steps:
        text, said = step(text, path)
        told += said
    if text != before:
        write_whole(path, text, private=False)
    return told


def _tidied(text: str, path: Path) -> tuple[str, list[Mended]]:
    """Without byte order mark and blanks at ends of lines, with a newline at the end."""
    told = []
    if text.startswith("\ufeff"):
        text = text.removeprefix("\ufeff")
        told.append(Mended(str(path), 1, "the byte order mark is gone"))
    tidy = re.sub(r"[ \t]+(?=\r?$)", "", text, flags=re.MULTILINE)
    if tidy and not tidy.endswith("\n"):
        tidy += "\r\n" if "\r\n" in tidy else "\n"
    if tidy == text:
        return text, told
    before, after = _parsed(text), _parsed(tidy)
    # Blanks in a text of several lines are part of it.
    if before is not None and after is not None and after.data == before.data:
        pairs = zip(text.split("\n"), tidy.split("\n"), strict=False)
        line = next((number for number, (old, new) in enumerate(pairs, start=1) if old != new), 0)
        said = "blanks at ends of lines, or the last newline, put right"
        return tidy, [*told, Mended(str(path), line or text.count("\n") + 1, said)]
    return text, told


def _parsed(text: str) -> SourceFile | None:
    source, faults = parse_yaml(text, "")
    return None if source.data is None and faults else source


def _corrected(text: str, path: Path) -> tuple[str, list[Mended]]:
    """With keys, types and flags as they are written today; one change at a time, each looked at again."""
    told: list[Mended] = []
    given_up: set[tuple[Loc, str]] = set()
    for _ in range(MOST_FIXES):
        source, faults = parse_yaml(text, str(path))
        if source.data is None:
            break
        fix = next(
            (each for each in value_fixes(source, path) if (each.loc, each.said) not in given_up), None
        )
        if fix is None:
            break
        changed = _made(source, fix, faults)
        if changed is None:
            given_up.add((fix.loc, fix.said))
        else:
            told.append(Mended(str(path), source.line(*fix.loc), fix.said))
            text = changed
    return text, told


def _made(source: SourceFile, fix: Fix, faults: list[Fault]) -> str | None:
    """The text with a fix; none where it would then read as anything else than it was meant to."""
    text = source.text[: fix.start] + fix.text + source.text[fix.end :]
    again, left = parse_yaml(text, source.label)
    expected = copy.deepcopy(source.data)
    fix.change(expected)
    return text if again.data == expected and len(left) <= len(faults) else None


def _sorted(text: str, path: Path) -> tuple[str, list[Mended]]:
    """With the keys of contract, table and columns in the order contracts are written in."""
    told: list[Mended] = []
    source = _parsed(text)
    columns = source.data.get("schema") if source and isinstance(source.data, dict) else None
    number = _count(columns)
    places: list[tuple[Loc, tuple[str, ...]]] = [((), CONTRACT), (COLUMNS[:2], TABLE)]
    places += [((*COLUMNS, index), COLUMN) for index in range(number)]
    for loc, order in places:
        changed = _reordered(source, loc, order) if source else None
        if source and changed is not None:
            told.append(Mended(str(path), source.line(*loc), "keys put in order"))
            text, source = changed, _parsed(changed)
    return text, told


def _count(schema: Any) -> int:  # noqa: ANN401 - any YAML value
    table = schema[0] if isinstance(schema, list) and schema else None
    columns = table.get("properties") if isinstance(table, dict) else None
    return len(columns) if isinstance(columns, list) else 0


def _reordered(source: SourceFile, loc: Loc, order: tuple[str, ...]) -> str | None:
    """The text with the keys of one block mapping in order; none where they are, or cannot be moved."""
    node, value = source.nodes.get(loc), _at(source.data, loc)
    if node is None or node.flow or not isinstance(value, dict):
        return None
    names = list(value)
    wanted = in_order(names, order)
    # The first key of an item of a list stands behind its dash, where no other can be moved to.
    if wanted == names or (loc and wanted[0] != names[0]):
        return None
    lines = source.text.splitlines(keepends=True)
    blocks = _blocks(source, loc, names, lines)
    if blocks is None:
        return None
    first, last = blocks[names[0]][0], blocks[names[-1]][1]
    moved = [line for name in wanted for line in lines[slice(*blocks[name])]]
    if any(not line.endswith("\n") for line in moved[:-1]):
        return None
    text = "".join([*lines[:first], *moved, *lines[last:]])
    again = _parsed(text)
    same = again is not None and again.data == source.data
    return text if same and Counter(text.splitlines()) == Counter(source.text.splitlines()) else None


def _blocks(
    source: SourceFile, loc: Loc, names: list[str], lines: list[str]
) -> dict[str, tuple[int, int]] | None:
    """The lines of each key with what belongs to it; comments right above a key are its own."""
    starts = [source.nodes[*loc, name].line - 1 for name in names]
    if len(set(starts)) != len(starts):
        return None
    first = 0 if not loc else 1  # the first key of an item of a list follows its dash
    for index, start in enumerate(starts[first:], start=first):
        above = starts[index - 1] if index else -1
        while start - 1 > above and lines[start - 1].lstrip().startswith("#"):
            start -= 1  # noqa: PLW2901 - the key's block begins at its comments
        # Comments from the first line on are about the file.
        starts[index] = start or starts[index]
    end = _end(source, loc, names[-1])
    bounds = [*starts, max(end, starts[-1] + 1)]
    return {name: (bounds[i], bounds[i + 1]) for i, name in enumerate(names)}


def _end(source: SourceFile, loc: Loc, last: str) -> int:
    """The line behind the last value of a mapping; what follows it is no longer its own."""
    inside = [node.end for place, node in source.nodes.items() if place[: len(loc) + 1] == (*loc, last)]
    offset = max(inside)
    head = source.text[:offset]
    return head.count("\n") + (0 if head.endswith("\n") else 1)


def _at(value: Any, loc: Loc) -> Any:  # noqa: ANN401 - any YAML value
    for step in loc:
        inside = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        )
        if not inside:
            return None
        value = value[step]
    return value
