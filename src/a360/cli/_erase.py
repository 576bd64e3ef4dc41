"""What the commands of erasure and of legal holds do."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import number, plain, size

if TYPE_CHECKING:
    from rich.table import Table

    from a360.trust.erasure import Erasure, Halted

type Shown = "str | Table"

NOTHING = "No erasure waits to be completed; one that a hold withdrew is in the audit log"


def erase(
    face: Face, patients: Sequence[str], ids: Sequence[str], source: str, cause: str, *, yes: bool
) -> int | None:
    """Erase patients, once it is agreed to."""
    named = {source: ids} if ids else {}
    with face.lake() as lake:
        if yes:
            told = lake.erasures.erase(*patients, named=named, cause=cause)
        else:
            told = lake.erasures.look(*patients, named=named)
    face.emit(told.to_json(), *_shown(told))
    return None


def resume(face: Face) -> int | None:
    """Complete what was begun."""
    with face.lake() as lake:
        done = lake.erasures.resume()
    shown = [line for each in done for line in _shown(each)] or [NOTHING]
    face.emit([each.to_json() for each in done], *shown)
    return None


def retention(face: Face, *, yes: bool) -> int | None:
    """Let go of what is too old, once it is agreed to."""
    with face.lake() as lake:
        told = lake.erasures.erase_aged() if yes else lake.erasures.look_aged()
    if told is None or not told.rows:
        face.emit(told and told.to_json(), "No row is older than its contract keeps it")
    else:
        face.emit(told.to_json(), *_shown(told))
    return None


def _shown(told: "Erasure") -> list[Shown]:
    rows = [[plain(name), number(count)] for name, count in told.rows.items()]
    shown: list[Shown] = [render.grid(["dataset", "rows"], rows) if rows else "There is nothing of them"]
    parts = [
        f"{number(told.blocks)} blocks",
        f"{number(told.masked)} resources of others that name them",
        f"{number(told.objects)} files beside the tables",
        f"{number(told.keys)} keys",
    ]
    shown.append(", ".join(parts))
    if told.unnamed:
        shown.append(
            f"{number(told.unnamed)} known by key alone: texts that name them were not searched for it; "
            "--source and --id do"
        )
    if told.references:
        names = (f"{name} {each}" for name, listed in told.references.items() for each in listed)
        shown.append(f"Branches and tags that go, as they name older states: {plain(', '.join(names))}")
    files = f"{number(told.files)} files, {size(told.bytes)}"
    if told.certificate is None:
        return [*shown, f"{files} of tables are gone through; nothing was changed: --yes erases"]
    return [*shown, f"{files} of tables deleted", f"Certificate: {plain(told.certificate)}"]


def hold_add(face: Face, patients: Sequence[str], ids: Sequence[str], source: str, matter: str) -> int | None:
    """Place holds."""
    with face.lake() as lake:
        named = [lake.erasures.key_of(source, each) for each in ids]
        held = lake.erasures.hold(lake.erasures.one_of([*patients, *named]), matter)
    hold = held.hold
    lines = [f"Held for {plain(hold.matter)}: {hold.hold_id}", *map(_halted, held.halted)]
    face.emit(held.to_json(), *lines)
    return None


def _halted(halted: "Halted") -> str:
    if halted.withdrawn:
        return f"Erasure {halted.erasure_id} had begun: it is withdrawn, and everything is there as before"
    return (
        f"Erasure {halted.erasure_id} had begun, and goes no further. Gone for good: {halted.gone}. "
        "Earlier snapshots hold the rest"
    )


def hold_list(face: Face, *, released: bool) -> int | None:
    """List holds."""
    with face.lake() as lake:
        holds = [each for each in lake.erasures.holds if released or each.released_at is None]
    rows = [
        [each.hold_id, each.patient_key, plain(each.matter), plain(each.placed_by), each.placed_at.date()]
        for each in holds
    ]
    shown = render.grid(["hold", "patient", "matter", "by", "since"], rows) if rows else "No hold stands"
    face.emit([each.to_json() for each in holds], shown)
    return None


def hold_release(face: Face, hold_id: str) -> int | None:
    """Release a hold."""
    with face.lake() as lake:
        hold = lake.erasures.release(hold_id)
    face.emit(hold.to_json(), f"Released: {hold.hold_id}, which stood for {plain(hold.matter)}")
    return None
