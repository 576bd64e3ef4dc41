"""How a file's columns differ from what the contract knows, and what the contract says of that."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from a360.contract import FieldPlan, ReceptionPlan

_TOLD = 300


@dataclass(frozen=True, slots=True)
class Drift:
    """What is new, what is gone (by the contract's names), and what has another of its known names."""

    added: tuple[str, ...]
    dropped: tuple[str, ...]
    renamed: Mapping[str, str]
    refused: str = ""


def drift_of(reception: ReceptionPlan, names: Sequence[str]) -> Drift:
    """Compare columns with a contract; `refused` says why the file is, if it is."""
    there = set(names)
    fields = list(_fields(reception))
    known = {name for field in fields for name in _places(field)}
    added = tuple(name for name in names if name not in known)
    gone = [field for field in fields if not there & set(_places(field))]
    dropped = tuple(dict.fromkeys(_places(field)[0] for field in gone))
    renamed = {
        field.names[0]: next(name for name in field.names if name in there)
        for field in fields
        if not field.path and field.names[0] not in there and there & set(field.names)
    }
    if names and len(added) == len(names):
        return Drift(added, dropped, renamed, _headless(len(names)))
    return Drift(added, dropped, renamed, _refused(reception, added, dropped, gone))


def _fields(reception: ReceptionPlan) -> Iterator[FieldPlan]:
    yield from reception.key
    yield from reception.record.fields
    yield from (each for each in (reception.updated, reception.deleted, reception.event_time) if each)


def _places(field: FieldPlan) -> Sequence[str]:
    return field.path[:1] or field.names


def _headless(count: int) -> str:
    """Why a file is refused of whose columns none is known; its first row may be of a patient: not shown."""
    columns = "its one column is not" if count == 1 else f"of its {count:,} columns none is"
    return f"{columns} one that the contract knows: check its header, and the contract's delimiter and skip"


def _refused(
    reception: ReceptionPlan, added: Sequence[str], dropped: Sequence[str], gone: Sequence[FieldPlan]
) -> str:
    keys = [field.names[0] for field in gone if field in reception.key]
    if keys:
        return f"columns of the key are missing: {listed(keys)}; it has {listed(added) or 'no others'}"
    found = []
    if dropped and reception.drift.dropped == "refuse":
        found.append(f"columns are missing: {listed(dropped)}")
    if added and (reception.drift.added == "refuse" or found):
        found.append(f"columns are new: {listed(added)}")
    return "; ".join(found)


def listed(names: Iterable[str]) -> str:
    """Names of columns, as far as they fit."""
    told = ", ".join(names)
    return told if len(told) <= _TOLD else f"{told[:_TOLD]}…"
