"""How changes of tables are shown: what happens, what readers and old snapshots see, and the way out."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from a360.cli._face import Face
from a360.cli._text import plain
from a360.errors import ContractError

if TYPE_CHECKING:
    from a360.contract import Finding, TableChange

_TOGETHER = 3  # findings of one kind that are told one by one


def show_changes(face: Face, changes: Sequence["TableChange"], after: str, more: str = "") -> int | None:
    """Tell every change; a refused one makes the command fail. `more` is where to look if a table changes."""
    actions = [each.action for each in changes]
    tally = ", ".join(f"{action}: {actions.count(action)}" for action in sorted(set(actions)))
    told = [plain(line) for change in changes for line in _lines(change)]
    refused = "refuse" in actions
    last = "Nothing is changed while anything is refused." if refused else after
    hint = [more] if more and {"evolve", "refuse"} & set(actions) else []
    face.emit([each.to_json() for each in changes], *told, tally, *hint, last)
    return ContractError.exit_code if refused else None


def _lines(change: "TableChange") -> Iterator[str]:
    if change.action == "nothing":
        return
    if change.action == "create":
        yield f"create   {change.table}: {'; '.join(each.what for each in change.findings)}"
        return
    yield f"{change.action:8} {change.table}" + (" (breaks readers)" if change.breaking else "")
    groups: dict[tuple[str, str, bool], list[Finding]] = {}
    for finding in change.findings:
        groups.setdefault((finding.kind, finding.readers, finding.refused), []).append(finding)
    for findings in groups.values():
        # Twenty new rules with one consequence are one paragraph.
        shown = [findings] if len(findings) > _TOGETHER else [[each] for each in findings]
        for each in shown:
            yield from _told(each)


def _told(findings: Sequence["Finding"]) -> Iterator[str]:
    first = findings[0]
    mark = "REFUSED  " if first.refused else ""
    yield f"  - {mark}{'; '.join(each.what for each in findings)}"
    if first.readers:
        yield f"      readers: {first.readers}"
    if first.snapshots:
        yield f"      snapshots: {first.snapshots}"
    if first.instead:
        yield f"      instead: {first.instead}"
