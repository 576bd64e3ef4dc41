"""What a value set consists of, computed from the code systems it draws on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from a360.terminology._vocabulary import MEMBERS


@dataclass(frozen=True, slots=True)
class Include:
    """A part of a value set: listed codes of a system, a code with all below it, or the whole system."""

    system: str
    codes: tuple[tuple[str, str | None], ...] = ()
    descendants_of: str | None = None


def expanded(
    value_set: str, version: str, includes: Sequence[Include], systems: Mapping[str, pa.Table]
) -> pa.Table:
    """The members of a value set; `systems` has the concepts of those code systems that are known."""
    parts = [_part(value_set, version, each, systems.get(each.system)) for each in includes]
    members = pa.concat_tables(parts) if parts else MEMBERS.empty_table()
    keys = ["value_set", "version", "system", "code"]
    first = members.group_by(keys, use_threads=False).aggregate(
        [("display", "first"), ("alternate_code", "first")]
    )
    return first.rename_columns([*keys, "display", "alternate_code"]).cast(MEMBERS)


def _part(value_set: str, version: str, include: Include, concepts: pa.Table | None) -> pa.Table:
    if include.codes:
        chosen = _listed(include, concepts)
    elif concepts is None:
        chosen = pa.table({name: pa.array([], pa.string()) for name in ("code", "display", "alternate_code")})
    else:
        chosen = concepts.filter(concepts["is_selectable"])
        if include.descendants_of is not None:
            below = _below(concepts, include.descendants_of)
            chosen = chosen.filter(pc.is_in(chosen["code"], value_set=pa.array(sorted(below), pa.string())))
    size = chosen.num_rows
    columns = {
        "value_set": pa.repeat(value_set, size),
        "version": pa.repeat(version, size),
        "system": pa.repeat(include.system, size),
        **{name: chosen[name] for name in ("code", "display", "alternate_code")},
    }
    return pa.table(columns).cast(MEMBERS)


def _listed(include: Include, concepts: pa.Table | None) -> pa.Table:
    codes = [code for code, _ in include.codes]
    known = {}
    if concepts is not None:
        wanted = concepts.filter(pc.is_in(concepts["code"], value_set=pa.array(codes)))
        known = {row["code"]: row for row in wanted.to_pylist()}
    names = [said or known.get(code, {}).get("display") for code, said in include.codes]
    others = [known.get(code, {}).get("alternate_code") for code in codes]
    return pa.table(
        {
            "code": pa.array(codes, pa.string()),
            "display": pa.array(names, pa.string()),
            "alternate_code": pa.array(others, pa.string()),
        }
    )


def _below(concepts: pa.Table, root: str) -> set[str]:
    """A code and all that descend from it."""
    children: dict[str, list[str]] = {}
    for code, parent in zip(concepts["code"].to_pylist(), concepts["parent_code"].to_pylist(), strict=True):
        if parent is not None:
            children.setdefault(parent, []).append(code)
    found, waiting = {root}, [root]
    while waiting:
        for child in children.get(waiting.pop(), ()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found
