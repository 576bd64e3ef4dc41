"""The kinds of data that a lake takes in, and what brings each of them in."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from a360.ingest import Inflow, Ingested, IngestReplay
    from a360.lake._parts import Parts

type _Bringer = Callable[["Parts", "Inflow", Sequence[Path]], "Ingested"]


def _fhir(_parts: "Parts", inflow: "Inflow", paths: Sequence[Path]) -> "Ingested":
    from a360.ingest import ingest_fhir  # noqa: PLC0415 -- most commands do not ingest

    return ingest_fhir(inflow, paths)


def _notes(_parts: "Parts", inflow: "Inflow", paths: Sequence[Path]) -> "Ingested":
    from a360.ingest import ingest_notes  # noqa: PLC0415 -- likewise

    return ingest_notes(inflow, paths)


def _hl7v2(parts: "Parts", inflow: "Inflow", paths: Sequence[Path]) -> "Ingested":
    from a360.ingest import hl7v2_options, ingest_hl7v2  # noqa: PLC0415 -- likewise

    return ingest_hl7v2(inflow, paths, hl7v2_options(parts.plan.hl7v2))


def _attachments(parts: "Parts", inflow: "Inflow", paths: Sequence[Path]) -> "Ingested":
    from a360.ingest import ATTACHMENT, ingest_attachments  # noqa: PLC0415 -- likewise

    known = [each for each in parts.plan.receptions if each.name == ATTACHMENT]
    return ingest_attachments(
        inflow,
        paths,
        parts.objects,
        most_bytes=parts.settings.attachment_mib << 20,
        reception=known[0] if known else None,
    )


def _of_records(kind: str) -> _Bringer:
    def bring(parts: "Parts", inflow: "Inflow", paths: Sequence[Path]) -> "Ingested":
        from a360.ingest import ingest_records  # noqa: PLC0415 -- likewise

        return ingest_records(inflow, paths, kind, parts.plan.receptions)

    return bring


RECORD_KINDS: tuple[str, ...] = ("csv", "parquet", "events")
"""The kinds whose files hold what contracts say of them."""
_BRINGERS: Mapping[str, _Bringer] = MappingProxyType(
    {
        "fhir": _fhir,
        "hl7v2": _hl7v2,
        **{kind: _of_records(kind) for kind in RECORD_KINDS},
        "notes": _notes,
        "attachments": _attachments,
    }
)
KINDS: tuple[str, ...] = tuple(_BRINGERS)
"""The kinds, as `a360 ingest` names them."""


def inflow_of(parts: "Parts") -> "Inflow":
    """What every kind of ingest works with in a lake."""
    from a360.ingest import Inflow  # noqa: PLC0415 -- likewise

    return Inflow(
        parts.tables,
        parts.tokenizer,
        parts.sealer,
        threads=parts.settings.threads,
        objects=parts.objects,
        attachment_bytes=parts.settings.attachment_mib << 20,
    )


def ingest_again(parts: "Parts") -> Sequence["IngestReplay"]:
    """Try what ingest has refused once more."""
    from a360.ingest import hl7v2_options, replay_refused  # noqa: PLC0415 -- likewise

    return replay_refused(inflow_of(parts), hl7v2_options(parts.plan.hl7v2), parts.plan.receptions)


def bring_in(kind: str, parts: "Parts", inflow: "Inflow", paths: Sequence[Path]) -> "Ingested":
    """Bring files or folders of a kind into bronze."""
    return _BRINGERS[kind](parts, inflow, paths)
