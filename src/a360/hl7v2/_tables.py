"""The mappings of each map: the guide's, with ours laid over them.

Our tables say per map what is left out of the guide's, and what is added or put in its place:

    [PID[Patient]]                     ours beside the guide's
    [!EI[Identifier-Extension]]        ours instead of the guide's
    - PID-12                           leave out what the guide maps from a field
    - PID-19 identifier[4].system      or one mapping of it
    PID-19 IF PID-3 VALUED -> identifier[4].value : CX[Identifier] ~ IdentifierType = "constant"

    < ORC[MedicationRequest]           all that another map says

Whatever is said after ` # ` on a line is the reason.
"""

import re
from functools import cache

from a360.hl7v2._mappings import guide, ours
from a360.hl7v2._targets import Row

_LINE = re.compile(
    r"(?P<source>[^\s]+)?\s*(?P<condition>IF .*?)?\s*->\s*(?P<target>[^:~=\s]+(?:\([^)]*\)+)?[^:~=\s]*)"
    r"(?:\s+:\s*(?P<kind>\S+))?(?:\s+~\s*(?P<vocabulary>\S+))?(?:\s+=\s*(?P<assign>.+?))?\s*\Z"
)


@cache
def rows_of(name: str, part: str) -> tuple[Row, ...]:
    """The mappings of a map of `segments` or `datatypes`; none if there is no such map."""
    base = name.partition(" < ")[0]
    found = [
        Row(source.removeprefix("$"), condition, target, kind, vocabulary, assign)
        for source, condition, prose, target, kind, vocabulary, assign in guide()[part].get(base, ())
        if not prose
    ]
    change = _ours(part).get(base)
    if change is None:
        return tuple(found)
    whole, dropped, lines = change
    added: list[Row] = []
    for line in lines:
        added += rows_of(line, part) if isinstance(line, str) else [line]
    if whole:
        return tuple(added)
    kept = [row for row in found if not any(_is(row, drop) for drop in dropped)]
    return (*kept, *added)


def names(part: str) -> list[str]:
    """The names of all maps of `segments` or `datatypes`."""
    return sorted({*guide()[part], *_ours(part)})


@cache
def _ours(part: str) -> dict[str, tuple[bool, list[str], list[Row | str]]]:
    found: dict[str, tuple[bool, list[str], list[Row | str]]] = {}
    current: tuple[bool, list[str], list[Row | str]] = (False, [], [])
    for line in ours(part):
        if line.startswith("["):
            name = line[1:-1]
            current = (name.startswith("!"), [], [])
            found[name.removeprefix("!")] = current
        elif line.startswith("- "):
            current[1].append(line[2:].strip())
        elif line.startswith("< "):
            current[2].append(line[2:].strip())
        else:
            current[2].append(_row(line))
    return found


def _row(line: str) -> Row:
    match = _LINE.match(line)
    if match is None:
        raise ValueError(f"not a mapping: {line}")
    parts = {key: text or "" for key, text in match.groupdict().items()}
    return Row(**parts)


def _is(row: Row, drop: str) -> bool:
    source, _, target = drop.partition(" ")
    if source == "*":
        return row.target.startswith(target)
    return row.source == source and (not target or row.target.startswith(target))
