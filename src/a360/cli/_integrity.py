"""What `a360 verify` shows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from a360.cli._face import Face
from a360.cli._text import number, plain, size
from a360.errors import DataError

if TYPE_CHECKING:
    from rich.console import RenderableType


def verify(face: Face, names: Sequence[str], sample: int | None) -> int | None:
    """Verify tables or the whole lake."""
    with face.lake() as lake, face.progress() as progress:
        found = lake.verify(*names, sample=sample, progress=progress)
    read = f"{number(found.files)} of {number(found.known)} files, {size(found.bytes)}"
    beside = "the catalog" if names else "the catalog, the keys and the audit log"
    if found.sound:
        face.emit(found.to_json(), f"Sound: {read}, and {beside} are what was committed.")
        return None
    shown: list[RenderableType] = [f"Read {read}, and {beside}."]
    for each in found.damage:
        whose = f"{each.table}, brought by snapshot {each.snapshot_id}" if each.snapshot_id else each.table
        facts = {each.kind: whose, "found": each.found, "restore": each.restore}
        shown += ["", plain(each.file)]
        shown += [f"  {name}: {plain(fact)}" for name, fact in facts.items() if fact]
    shown += ["", f"Damaged: {number(len(found.damage))}. What is damaged is not read until it is restored."]
    face.emit(found.to_json(), *shown)
    return DataError.exit_code
