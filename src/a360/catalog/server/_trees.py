"""Manifest lists and manifests are what was committed, before a table is shown to who will read them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from a360.catalog._errors import FileDamagedError
from a360.catalog._wire import Json
from a360.catalog.server._durable import live_files, manifests_in
from a360.catalog.store import CheckedFiles, damaged
from a360.errors import DataError


def require_trees(files: CheckedFiles, document: Json) -> None:
    """Look at what leads to the data of the snapshots that a branch or tag names, once a process.

    Engines parse these files before they could be told of a fault in them. What the ledger does not have
    is left to readers of ours, who open no such file.

    Raises:
        FileDamagedError: One of them is not what was committed.
    """
    try:
        for manifest_list in _manifest_lists(document):
            _require_tree(files, manifest_list)
    except DataError as damaged:
        raise FileDamagedError(damaged) from damaged


def require_data(files: CheckedFiles, document: Json) -> None:
    """Look at data and delete files of a table before an engine is shown it, once a process.

    None may be missing from the ledger. Which of them a query reads, the engine decides later, and it does
    not ask. A damaged file that only past snapshots lead to does not stand in the way; who has read the past
    asks `require_past`.

    Raises:
        FileDamagedError: One of them is not what was committed, or was never committed.
    """
    try:
        for manifest_list in _manifest_lists(document):
            _require_recorded(files, manifest_list)
        files.note_past(document["table-uuid"], _manifest_lists(document, all_of_them=True))
        folder = files.ledger.name_of(document["location"])
        found = files.unsound(folder) if folder else {}
        _require_unreached(files, found, _manifest_lists(document))
    except DataError as fault:
        raise FileDamagedError(fault) from fault


def _manifest_lists(document: Json, *, all_of_them: bool = False) -> list[str]:
    """What the snapshots begin with that a branch or tag names, or all of them."""
    wanted = {each["snapshot-id"] for each in (document.get("refs") or {}).values()}
    wanted.add(document.get("current-snapshot-id"))
    return [
        snapshot["manifest-list"]
        for snapshot in document.get("snapshots") or ()
        if (all_of_them or snapshot["snapshot-id"] in wanted) and "manifest-list" in snapshot
    ]


def require_past(files: CheckedFiles) -> None:
    """Look at the past of all tables that engines were shown: who has read it, is not told before this.

    Raises:
        DataError: `file-damaged`.
    """
    past = files.past()
    for manifest_list in past:
        if _path_of(files, manifest_list).exists():  # snapshots may have expired since
            _require_recorded(files, manifest_list)
    _require_unreached(files, files.found_unsound(), past)


def _require_recorded(files: CheckedFiles, manifest_list: str) -> None:
    """Have the ledger know all that a snapshot leads to: what it does not know, nobody can look at."""
    top = files.ledger.name_of(manifest_list)
    if top is None or files.is_recorded(top):
        return
    files.require([manifest_list])
    manifests = {
        name: each
        for each in manifests_in(_content(files, manifest_list))
        if (name := files.ledger.name_of(each.manifest_path)) is not None and not files.is_recorded(name)
    }
    files.require(each.manifest_path for each in manifests.values())
    for name, each in manifests.items():
        files.require_recorded(name, live_files(each, _content(files, each.manifest_path)))
    files.require_recorded(top, ())


def _require_unreached(files: CheckedFiles, faults: Mapping[str, str], manifest_lists: Sequence[str]) -> None:
    """Have no snapshot lead to a damaged file: the ledger tells of files too that none leads to any more."""
    if faults:
        for path in sorted(faults.keys() & _reached(files, manifest_lists)):
            raise damaged(path, faults[path])


def _reached(files: CheckedFiles, manifest_lists: Sequence[str]) -> set[str]:
    """The files that snapshots lead to."""
    reached = {*manifest_lists}
    for manifest_list in manifest_lists:
        for manifest in manifests_in(_content(files, manifest_list)):
            reached |= {manifest.manifest_path}
            reached |= {*live_files(manifest, _content(files, manifest.manifest_path))}
    return {name for each in reached if (name := files.ledger.name_of(each)) is not None}


def _content(files: CheckedFiles, location: str) -> bytes:
    try:
        return _path_of(files, location).read_bytes()
    except OSError:
        return b""


def _path_of(files: CheckedFiles, location: str) -> Path:
    return files.ledger.warehouse / (files.ledger.name_of(location) or "")


def _require_tree(files: CheckedFiles, manifest_list: str) -> None:
    name = files.ledger.name_of(manifest_list)
    if name is None or files.is_whole(name):
        return
    files.require([manifest_list], known=True)
    try:
        listed = (files.ledger.warehouse / name).read_bytes()
    except OSError:
        return  # as it never was committed here, nobody has promised that it is there
    manifests = [each.manifest_path for each in manifests_in(listed)]
    files.require(manifests, known=True)
    files.note_whole(name, (files.ledger.name_of(each) or "" for each in manifests))
