"""Whether a message holds what its kind needs, in an order that can be followed."""

from a360.hl7v2._message import Message, Note, Reject, Segment

# What a message of a kind is nothing without: of names joined by a bar one is enough.
_NEEDED = {
    "ADT": ("PID",),
    "SIU": ("SCH",),
    "ORU": ("OBR",),
    "OUL": ("OBR",),
    "OML": ("ORC|OBR",),
    "OMG": ("ORC|OBR",),
    "ORM": ("ORC|OBR",),
    "VXU": ("PID",),
    "MDM": ("TXA",),
    "RDE": ("RXE",),
    "RDS": ("RXD",),
    "DFT": ("FT1",),
    "BAR": ("PID",),
    "REF": ("PID",),
}
# Segments that mean nothing before one of these.
_PARENTS = {
    "RXR": ("RXO", "RXE", "RXD", "RXA", "RXG"),
    "RXC": ("RXO", "RXE", "RXD", "RXG"),
    "PV2": ("PV1",),
    "IN2": ("IN1",),
    "IN3": ("IN1",),
    "AIS": ("SCH",),
    "AIG": ("SCH",),
    "AIL": ("SCH",),
    "AIP": ("SCH",),
}
# Segments of the patient that come before all that is about the patient.
_PATIENT = ("PID", "PD1")
_FIRST = frozenset(
    ("MSH", "ARV", "SFT", "UAC", "EVN", "NTE", "SCH", "TQ1", "RF1", "AUT", "PRD", "CTD", "RGS")
)


def check(message: Message) -> tuple[Reject, ...]:
    """The rules the message breaks."""
    found: list[Reject] = []
    code = message.code
    if code not in _NEEDED:
        return (
            Reject("type-unsupported", "MSH", 9, "no mapping for messages of this type", message.position),
        )
    names = [segment.name for segment in message.segments]
    found += [
        Reject("segment-missing", choice.partition("|")[0], 0, f"{code} needs it", message.position)
        for choice in _NEEDED[code]
        if not any(name in names for name in choice.split("|"))
    ]
    seen: set[str] = set()
    for name in names:
        parents = _PARENTS.get(name)
        # One whose parent is nowhere says nothing and is passed over; one whose parent comes later is wrong.
        if parents and not seen.intersection(parents) and not set(parents).isdisjoint(names):
            found.append(
                Reject("segment-order", name, 0, f"comes before any {' or '.join(parents)}", message.position)
            )
            break
        seen.add(name)
    if names.count("PID") > 1 and _early(names) is not None:
        where = names[_early(names) or 0]
        found.append(
            Reject("segment-order", where, 0, "comes before PID, and there are several", message.position)
        )
    return tuple(found)


def in_order(segments: tuple[Segment, ...]) -> tuple[tuple[Segment, ...], list[Note]]:
    """The segments with the patient's own first, where something of the patient came before them."""
    names = [segment.name for segment in segments]
    early = _early(names)
    if early is None:
        return segments, []
    moved = [segment for segment in segments if segment.name in _PATIENT]
    rest = [segment for segment in segments if segment.name not in _PATIENT]
    note = Note("segment-moved", "PID", 0, f"came after {names[early]}")
    return (*rest[:early], *moved, *rest[early:]), [note]


def _early(names: list[str]) -> int | None:
    """Where something of the patient stands before the first PID."""
    if "PID" not in names:
        return None
    first = names.index("PID")
    return next((at for at, name in enumerate(names[:first]) if name not in _FIRST and name[0] != "Z"), None)
