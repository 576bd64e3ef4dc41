"""What the commands about emergencies do: declare, list, review."""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from a360.cli import _render as render
from a360.cli._face import Face
from a360.cli._text import plain

if TYPE_CHECKING:
    from a360.trust.emergency import Declared


def declare(face: Face, rule: str, reason: str, minutes: int | None, purpose: str | None) -> int | None:
    """Declare an emergency, and say how long it holds."""
    with face.lake(purpose=purpose) as lake:
        made = lake.declare_emergency(rule, reason, minutes=minutes)
    told = {
        "id": made.id,
        "principal": made.principal,
        "rule": made.rule,
        "purpose": made.purpose,
        "begins": made.begins.isoformat(),
        "ends": made.ends.isoformat(),
    }
    until = f"{made.ends:%H:%M} UTC"
    face.emit(
        told,
        plain(f"Emergency {made.id} by {made.rule} holds for {made.principal} until {until}."),
        plain(f"Ask under it: a360 query --emergency {made.rule} SQL. Somebody else will review it."),
    )
    return None


def list_(face: Face, principal: str | None, *, every: bool) -> int | None:
    """List emergencies, oldest first."""
    with face.lake(principal=principal) as lake:
        found = [each for each in lake.emergencies() if every or each.open]
    told = [_told(each) for each in found]
    if not told:
        face.emit(told, "No emergency waits for review." if not every else "None was ever declared.")
        return None
    names = ["id", "when", "principal", "rule", "minutes", "reason"]
    more = ["finding", "reviewer", "remark"] if every else []
    rows = [
        [
            each.id,
            f"{each.begins:%Y-%m-%d %H:%M}",
            each.principal,
            each.rule,
            int((each.ends - each.begins).total_seconds() // 60),
            each.reason,
            *((each.finding or "open", each.reviewer, each.remark) if every else ()),
        ]
        for each in found
    ]
    face.emit(told, render.grid([*names, *more], rows, widest=120))
    return None


def review(
    face: Face,
    number: str,
    finding: Literal["justified", "unjustified"],
    remark: str,
    principal: str | None,
) -> int | None:
    """Close an emergency."""
    with face.lake(principal=principal) as lake:
        closed = lake.review_emergency(number, finding, remark)
    face.emit(_told(closed), plain(f"Emergency {closed.id} of {closed.principal} is {closed.finding}."))
    return None


def _told(each: "Declared") -> dict[str, Any]:
    names = (
        "id", "principal", "rule", "purpose", "begins", "ends", "reason", "reviewer", "finding", "remark",
    )  # fmt: skip
    values = {name: getattr(each, name) for name in names}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }
