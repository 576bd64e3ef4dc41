"""What the commands about time do: history, diff, rollback, tags, collect."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import number, plain, size
from a360.trust.gateway import json_value

_KINDS = ("added", "removed", "changed", "unchanged")

if TYPE_CHECKING:
    from a360.operate import RollbackReport
    from a360.table import Tag


def history(face: Face, name: str | None, limit: int) -> int | None:
    """List snapshots, and the moments of rollbacks."""
    with face.lake() as lake:
        entries = lake.history(*([name] if name else []))
    told = [entry.to_json() for entry in entries[:limit]]
    columns = ["when", *([] if name else ["table"]), "operation", "added", "deleted", "snapshot", "commit"]
    rows = [
        [
            each["timestamp"].removesuffix("+00:00"),
            *([] if name else [each["table"]]),
            each["operation"],
            each["added_rows"],
            each["deleted_rows"],
            each["snapshot_id"],
            each["commit_id"],
            each["run_id"],
            ", ".join([*([each["state"]] if each["state"] != "past" else []), *each["tags"]]),
            ", ".join(f"{table} {snapshot}" for table, snapshot in each["upstream"].items()),
        ]
        for each in told
    ]
    left = len(entries) - len(told)
    more = [f"{number(left)} older; --limit N shows more"] if left else []
    face.emit(told, render.grid([*columns, "run", "is", "made from"], rows, widest=120), *more)
    return None


def diff(face: Face, name: str, before: str, after: str | None, limit: int) -> int | None:
    """Show exact counts, the columns that changed, and the first rows of each kind."""
    with face.lake() as lake:
        found = lake.diff(name, before, after, limit=limit)
    told = {
        "table": found.table,
        "from": found.before,
        "to": found.after,
        "key": [*found.key],
        **{kind: getattr(found, kind) for kind in _KINDS},
        "changed_columns": found.changed_columns,
        "columns_added": [*found.columns_added],
        "columns_removed": [*found.columns_removed],
        "not_compared": [*found.not_compared],
        "truncated": found.truncated,
        "rows": [json_value(dict(each)) for each in found.samples],
    }
    face.emit(told, *_shown_difference(told))
    return None


def _shown_difference(told: dict[str, Any]) -> list[Any]:
    shown: list[Any] = [f"{told['table']}: {', '.join(f'{number(told[kind])} {kind}' for kind in _KINDS)}"]
    for kind, word in (("columns_added", "new columns"), ("columns_removed", "columns that are gone")):
        if told[kind]:
            shown.append(f"{word}: {', '.join(told[kind])}")
    if told["not_compared"]:
        shown.append(f"not compared: {', '.join(told['not_compared'])}")
    if told["changed_columns"]:
        shown.append(render.grid(["changed column", "rows"], list(told["changed_columns"].items())))
    if told["rows"]:
        rows = [_shown_row(each) for each in told["rows"]]
        shown.append(render.grid(["change", "row", "what"], rows, widest=160))
    if told["truncated"]:
        shown.append("There is more; --limit N shows more, and the counts are exact")
    return shown


def _shown_row(row: dict[str, Any]) -> list[object]:
    if "row" in row:
        times = f"{number(row['times'])} times" if row["times"] > 1 else ""
        return [row["change"], _pairs(row["row"]), times]
    if row["change"] == "changed":
        moved = [f"{name}: {row['before'][name]} -> {row['after'][name]}" for name in row["columns"]]
        return ["changed", _pairs(row["key"]), "; ".join(moved)]
    return [row["change"], _pairs(row["key"]), _pairs(row["after"] or row["before"] or {})]


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)


def rollback(face: Face, name: str, to: str, *, yes: bool) -> int | None:
    """Roll back, once it is agreed to."""
    with face.lake() as lake:
        report = lake.rollback(name, to, accept=yes)
    face.emit(report.to_json(), *_shown_rollback(report))
    return None


def _shown_rollback(report: "RollbackReport") -> list[str]:
    said = [f"{plain(report.table)} is at snapshot {report.after} again"]
    if report.commit_id is None:
        said = [f"{plain(report.table)} is at snapshot {report.after} already: nothing was changed"]
    if report.undone:
        said.append(f"commits undone: {number(len(report.undone))}")
    said += [f"removed with them from {name}: {number(rows)} rows" for name, rows in report.removed.items()]
    if report.recomputed and report.undone:
        said.append(f"Next: a360 run computes anew: {', '.join(report.recomputed)}")
    return said


def tag_create(face: Face, tag: str, names: Sequence[str]) -> int | None:
    """Tag tables."""
    with face.lake() as lake:
        tags = lake.tag(tag, *names)
    told = [_tag_json(each) for each in tags]
    empty = sum(each.snapshot_id is None for each in tags)
    said = f"{plain(tag)} names {number(len(tags))} tables as they are now"
    face.emit(told, said + (f", {number(empty)} of them without rows" if empty else ""))
    return None


def _tag_json(tag: "Tag") -> dict[str, Any]:
    created = tag.created_at.isoformat(timespec="milliseconds") if tag.created_at else None
    return {"tag": tag.name, "table": tag.table, "snapshot_id": tag.snapshot_id, "created_at": created}


def tag_list(face: Face, names: Sequence[str]) -> int | None:
    """List tags: on a screen a line each, in JSON each table that bears one."""
    with face.lake() as lake:
        told = [_tag_json(each) for each in lake.tags(*names)]
    by_tag: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in told:
        by_tag[each["tag"]].append(each)
    rows = [
        [tag, borne[0]["created_at"], len(borne), ", ".join(each["table"] for each in borne)]
        for tag, borne in sorted(by_tag.items())
    ]
    shown = render.grid(["tag", "set", "tables", "which"], rows) if rows else "No table bears a tag"
    face.emit(told, shown)
    return None


def tag_remove(face: Face, tag: str, names: Sequence[str]) -> int | None:
    """Take a tag off."""
    with face.lake() as lake:
        removed = lake.untag(tag, *names)
    said = f"{plain(tag)} was taken off {number(len(removed))} tables; what it kept may expire now"
    face.emit([_tag_json(each) for each in removed], said)
    return None


def collect(face: Face, names: Sequence[str], *, delete: bool) -> int | None:
    """List or delete files that nothing reaches."""
    with face.lake() as lake:
        found = lake.collect(*names, delete=delete)
    told = [
        {"table": name, "path": each.path, "bytes": each.bytes, "modified": each.modified.isoformat()}
        for name, files in found.items()
        for each in files
    ]
    rows = [
        [name, len(files), size(sum(each.bytes for each in files))] for name, files in found.items() if files
    ]
    weight = sum(each.bytes for files in found.values() for each in files)
    total = f"{number(len(told))} files, {size(weight)}"
    done = "deleted" if delete else "that no snapshot reaches; --delete deletes them"
    face.emit(told, *([render.grid(["table", "files", "size"], rows)] if rows else []), f"{total} {done}")
    return None
