"""What the commands about the vault do: reveal, count, list."""

from dataclasses import asdict

from rich.table import Table

from a360.cli import _render as render
from a360.cli._face import Face


def reveal(
    face: Face,
    patients: list[str],
    reason: str,
    columns: list[str] | None,
    purpose: str | None,
    principal: str | None,
    *,
    history: bool,
) -> int | None:
    """Tell who patients are."""
    with face.lake(principal=principal, purpose=purpose) as lake:
        revealed = lake.reveals.reveal(*patients, reason=reason, columns=columns, history=history)
    rows = revealed.values.to_pylist()
    told = [{**row, "known_at": row["known_at"].isoformat()} for row in rows]
    names = ["patient_key", "column", "value"] + (["known_at", "current"] if history else [])
    lines: list[Table | str] = (
        [render.grid(names, [[row[name] for name in names] for row in told], widest=120)] if told else []
    )
    unknown = len({*patients} - {row["patient_key"] for row in rows})
    if unknown:
        lines.append(f"The vault knows nothing of {unknown} of them.")
    face.emit({"request": revealed.request, "values": told}, *lines)
    return None


def status(face: Face) -> int | None:
    """Count people, versions and waiting keys."""
    with face.lake() as lake:
        counts = lake.vault.counts()
    face.emit(
        counts,
        f"{counts['people']:,} people in {counts['versions']:,} versions of their records; "
        f"{counts['waiting_keys']:,} keys wait to be swept by the next run.",
    )
    return None


def log(face: Face, principal: str | None) -> int | None:
    """List requests, oldest first."""
    with face.lake(principal=principal) as lake:
        found = lake.reveals.asked()
    told = [{**asdict(each), "at": each.at.isoformat()} for each in found]
    if not told:
        face.emit(told, "Nobody has learned who a patient is.")
        return None
    rows = [
        [
            f"{each.at:%Y-%m-%d %H:%M}",
            each.principal if each.acting_for is None else f"{each.principal} (by {each.acting_for})",
            each.purpose,
            each.patients,
            each.values,
            each.reason,
        ]
        for each in found
    ]
    names = ["when", "principal", "purpose", "patients", "values", "reason"]
    face.emit(told, render.grid(names, rows, widest=120))
    return None
