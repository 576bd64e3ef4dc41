"""The commands about the audit log."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face


class ReportKind(StrEnum):
    """The reports over the log."""

    DISCLOSURES = "disclosures"
    BREACH = "breach"
    ACCESS = "access"
    ANOMALIES = "anomalies"


Log = Annotated[Path | None, typer.Option("--log", metavar="FOLDER", help="A copy of the log.")]
Principal = Annotated[str | None, typer.Option("--principal", metavar="NAME", help="Who asked.")]
Object = Annotated[
    str | None, typer.Option("--object", metavar="NAME", help="A dataset or a column, as gold.patient_360.")
]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="TIME", help="From then on, as 2026-11-01 or 2026-11-01T08:00."),
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before then.")]
Record = Annotated[
    str,
    typer.Argument(metavar="RECORD", help="A record's place in the log, or its id as 42-9fb65590f1991dd2."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    audit = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="See what was done, by whom.")
    app.add_typer(audit, name="audit")
    command(audit)(verify)
    command(audit)(search)
    command(audit)(show)
    command(audit)(report)
    command(audit)(checkpoint)
    command(audit)(prove)
    command(audit)(key)


def verify(
    face: Face,
    *,
    log: Log = None,
    checkpoints: Annotated[
        list[Path] | None,
        typer.Option("--checkpoints", metavar="FOLDER", help="Where checkpoints are; may be repeated."),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="KEY", help="The log's public key, or a file that holds it."),
    ] = None,
) -> int | None:
    """Find what was changed, removed, moved, doubled, cut off or rewritten.

    With --log, --checkpoints and --key it needs no lake and no secret: run it where the log's keeper cannot.
    """
    from a360.cli import _audit

    return _audit.verify(face, log, checkpoints or [], key)


def search(  # noqa: PLR0913 - one for each flag
    face: Face,
    *,
    principal: Principal = None,
    object_: Object = None,
    action: Annotated[
        str | None, typer.Option("--action", metavar="ACTION", help="What was done, as query or login.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", metavar="OUTCOME", help="allowed, denied, done or failed.")
    ] = None,
    purpose: Annotated[str | None, typer.Option("--purpose", metavar="PURPOSE", help="What for.")] = None,
    request: Annotated[
        str | None, typer.Option("--request", metavar="ID", help="All records of one request.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, help="How many records to show, the newest first.")
    ] = 50,
) -> int | None:
    """Find records.

    What is found is read as it stands; `a360 audit verify` says whether it is what was recorded.
    """
    from a360.cli import _audit

    wanted = _audit.wanted(principal, object_, since, until, action, outcome, purpose, request)
    return _audit.search(face, wanted, limit)


def show(face: Face, record: Record) -> int | None:
    """Show a record as it stands in the log."""
    from a360.cli import _audit

    return _audit.show(face, record)


def report(  # noqa: PLR0913 - one for each flag
    face: Face,
    kind: Annotated[
        ReportKind, typer.Argument(metavar="KIND", help="disclosures, breach, access or anomalies.")
    ],
    *,
    principal: Principal = None,
    object_: Object = None,
    since: Since = None,
    until: Until = None,
    patient: Annotated[
        str | None,
        typer.Option("--patient", metavar="KEY", help="disclosures: those that may concern a patient_key."),
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="disclosures: also for treatment, payment and operations."),
    ] = False,
    zone: Annotated[
        str, typer.Option("--zone", metavar="ZONE", help="anomalies: the time zone of the clinics.")
    ] = "UTC",
    hours: Annotated[
        str, typer.Option("--hours", metavar="FROM-TO", help="anomalies: when people work, Monday to Friday.")
    ] = "7-20",
) -> int | None:
    """Report who saw what: disclosures, breach, access or anomalies."""
    from a360.cli import _audit

    wanted = _audit.wanted(principal, object_, since, until)
    return _audit.report(
        face, kind.value, wanted, patient=patient, everything=everything, zone=zone, hours=hours
    )


def checkpoint(face: Face) -> int | None:
    """Sign the log as it stands."""
    from a360.cli import _audit

    return _audit.checkpoint(face)


def prove(face: Face, record: Record) -> int | None:
    """Prove that a record is in the log, to who has the checkpoint only."""
    from a360.cli import _audit

    return _audit.prove(face, record)


def key(face: Face) -> int | None:
    """Print the public key that the log's checkpoints verify under."""
    from a360.cli import _audit

    return _audit.key(face)
