"""Turns the values of a file into a model, and pydantic's errors into faults with a line.

A value that is wrong is reported, then left out (or, where the model needs it, filled in), so that the rest
of the file can still be checked in the same pass. `Checked.unsure` says which values are not the author's.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from a360.contract._environment import Environment
from a360.contract._faults import Fault
from a360.contract._lakefile import LakeFile, Retention
from a360.contract._odcs import LIFTED, Column, Contract, DatasetProperties, Quality, Table, TypeOptions
from a360.contract._policy_file import (
    BreakGlass,
    Consent,
    Deny,
    Filter,
    Grant,
    Impersonation,
    Mask,
    Role,
    UserEntry,
)
from a360.contract._records import Deleted, Drift, RecordField, RecordReference, RecordSource, TimeField
from a360.contract._yaml import Loc, SourceFile

ROUNDS = 20

# What stands in for a required value that is missing or wrong, so that checking can go on.
_FILLERS: Mapping[str, Any] = {
    "apiVersion": "v3.2.0",
    "kind": "DataContract",
    "id": "unknown",
    "name": "unknown",
    "version": "0.0.0",
    "status": "draft",
    "description": {"purpose": "unknown"},
    "purpose": "unknown",
    "physicalName": "unknown",
    "logicalType": "string",
    "physicalType": "string",
}
_MODELS: tuple[type[BaseModel], ...] = (
    *(Contract, Table, Column, Quality, TypeOptions, DatasetProperties),
    *(LakeFile, Retention, Environment),
    *(Role, UserEntry, Grant, Deny, Filter, Mask, Consent, BreakGlass, Impersonation),
    *(RecordSource, RecordField, RecordReference, Deleted, Drift, TimeField),
)
_KNOWN_KEYS = sorted({field.alias or name for model in _MODELS for name, field in model.model_fields.items()})


@dataclass(frozen=True, slots=True)
class Checked[M: BaseModel]:
    """A model made from a file, if one could be made, with the faults found."""

    model: M | None
    faults: tuple[Fault, ...]
    unsure: frozenset[Loc] = frozenset()


@dataclass(frozen=True, slots=True)
class Lifted:
    """Values whose `a360.` custom properties stand under one key of their node, and where each came from."""

    data: Any
    origin: Mapping[Loc, Loc]
    faults: tuple[Fault, ...]


def lift(source: SourceFile) -> Lifted:
    """Gather the `a360.` custom properties of each node under the key `LIFTED`."""
    origin: dict[Loc, Loc] = {}
    faults: list[Fault] = []
    data = _lift(source.data, (), source, origin, faults)
    return Lifted(data, origin, tuple(faults))


def _lift(value: Any, loc: Loc, source: SourceFile, origin: dict[Loc, Loc], faults: list[Fault]) -> Any:  # noqa: ANN401 - any YAML value
    if isinstance(value, list):
        return [_lift(item, (*loc, i), source, origin, faults) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    node = {key: _lift(item, (*loc, key), source, origin, faults) for key, item in value.items()}
    entries = node.get("customProperties")
    if isinstance(entries, list):
        _lift_entries(node, entries, loc, origin)
        faults.extend(_repeated(entries, loc, source))
    return node


def _lift_entries(node: dict[str, Any], entries: list[Any], loc: Loc, origin: dict[Loc, Loc]) -> None:
    ours: dict[str, Any] = {}
    others: list[Any] = []
    for index, entry in enumerate(entries):
        here = (*loc, "customProperties", index)
        name = entry.get("property") if isinstance(entry, dict) else None
        if (
            isinstance(name, str)
            and name.startswith(LIFTED)
            and set(entry) <= {"property", "value", "description"}
        ):
            key = str(name).removeprefix(LIFTED)
            ours[key] = entry.get("value")
            origin[*loc, LIFTED, key] = (*here, "value")
        else:
            origin[*loc, "customProperties", len(others)] = here
            others.append(entry)
    node["customProperties"] = others
    if ours:
        node[LIFTED] = ours
        origin[*loc, LIFTED] = (*loc, "customProperties")


def _repeated(entries: list[Any], loc: Loc, source: SourceFile) -> Iterator[Fault]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        name = entry.get("property") if isinstance(entry, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            message = f"the custom property {name} stands twice"
            yield source.fault("C115", message, *loc, "customProperties", index, fix="keep one of them")
        seen.add(name)


def validate[M: BaseModel](model: type[M], source: SourceFile, lifted: Lifted | None = None) -> Checked[M]:
    """Make a model of a file's values; faults are where the file, not the lifted values, has them."""
    lifted = lifted or Lifted(source.data, {}, ())
    data, faults = lifted.data, list(lifted.faults)
    unsure: set[Loc] = set()
    for _ in range(ROUNDS):
        try:
            return Checked(model.model_validate(data), tuple(faults), frozenset(unsure))
        except ValidationError as errors:
            found = _by_place(data, errors)
            faults += [
                _fault(error, loc, source, lifted.origin) for loc, error in found.items() if loc not in unsure
            ]
            unsure |= set(found)
            mended = {_mend(data, loc, error) for loc, error in found.items()}
            unsure |= mended
            if () in mended:
                break
    return Checked(None, tuple(faults), frozenset(unsure))


def _by_place(data: object, errors: ValidationError) -> dict[Loc, ErrorDetails]:
    """The first error at each place; a union reports one for each of its members."""
    found: dict[Loc, ErrorDetails] = {}
    for error in errors.errors(include_url=False):
        found.setdefault(_real(data, error), error)
    # A list is called too short as well when its items are at fault.
    inside = {loc[:length] for loc in found for length in range(len(loc))}
    return {loc: error for loc, error in found.items() if error["type"] != "too_short" or loc not in inside}


def _real(data: object, error: ErrorDetails) -> Loc:
    """The part of an error's location that leads to a value, or to the place of a missing one."""
    value, loc = data, error["loc"]
    for depth, step in enumerate(loc):
        inside = (isinstance(value, dict) and step in value) or (
            isinstance(value, list) and isinstance(step, int) and step < len(value)
        )
        if not inside:
            return loc[: depth + 1] if error["type"] == "missing" else loc[:depth]
        value = value[step]  # type: ignore[index]
    return loc


def _fault(error: ErrorDetails, loc: Loc, source: SourceFile, origin: Mapping[Loc, Loc]) -> Fault:
    place, name = _place(loc, origin), _spelled(loc)
    if error["type"] == "extra_forbidden":
        if LIFTED in loc:
            return source.fault("C114", f"{name} is no property that stands here", *place)
        near = difflib.get_close_matches(str(loc[-1]), _KNOWN_KEYS, 1)
        fix = f"write {near[0]}" if near else "remove it"
        return source.fault("C111", f"unknown key {name}", *place, fix=fix)
    if error["type"] == "missing":
        return source.fault("C112", f"{name} is missing", *place, fix=f"add {name}")
    message = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    found = error["input"]
    shown = f", found {found!r}" if isinstance(found, str | int | float | bool) else ""
    return source.fault("C113", f"{name or 'the file'} {message}{shown}", *place)


def _place(loc: Loc, origin: Mapping[Loc, Loc]) -> Loc:
    """Where in the file the value of a place in the lifted data stands."""
    for length in range(len(loc), 0, -1):
        if loc[:length] in origin:
            return (*origin[loc[:length]], *loc[length:])
    return loc


def _spelled(loc: Loc) -> str:
    """The name of a place as its author writes it."""
    if LIFTED in loc:
        inside = loc[loc.index(LIFTED) + 1 :]
        return LIFTED + ".".join(str(step) for step in inside) if inside else "the a360. properties"
    names = [step for step in loc if isinstance(step, str)]
    return names[-1] if names else ""


def _mend(data: object, loc: Loc, error: ErrorDetails) -> Loc:
    return _fill(data, loc) if error["type"] == "missing" else _drop(data, loc)


def _holder(data: Any, loc: Loc) -> Any:  # noqa: ANN401 - any YAML value
    for step in loc:
        reachable = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and step < len(data)
        )
        if not reachable:
            return None
        data = data[step]
    return data


def _fill(data: Any, loc: Loc) -> Loc:  # noqa: ANN401 - any YAML value
    """Put in a missing value; where there is none to put in, leave out what misses it. Gives the place."""
    holder, key = _holder(data, loc[:-1]), loc[-1]
    if not isinstance(holder, dict) or key not in _FILLERS:
        return _drop(data, loc[:-1])
    nearest = next((step for step in reversed(loc) if isinstance(step, int)), None)
    holder[key] = f"unnamed_{nearest}" if key == "name" and nearest is not None else _FILLERS[str(key)]
    return loc


def _drop(data: Any, loc: Loc) -> Loc:  # noqa: ANN401 - any YAML value
    """Leave a value out and give its place; of a list all of it, since places must stay as in the file."""
    while loc:
        holder = _holder(data, loc[:-1])
        if isinstance(holder, dict):
            holder.pop(loc[-1], None)
            return loc
        loc = loc[:-1]
    return ()
