"""The commands about what patients may ask for. What they do stands in `_rights`."""

# The bodies bring engines along, which `--help` must not wait for.
# ruff: noqa: PLC0415

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from a360.cli._command import command
from a360.cli._face import Face


class AnswerName(StrEnum):
    """What a request for amendment is answered with."""

    ACCEPTED = "accepted"
    DENIED = "denied"
    EXTENDED = "extended"
    DISAGREED = "disagreed"
    REBUTTED = "rebutted"


class BasisName(StrEnum):
    """Why a request may be denied, by 164.526(a)(2)."""

    NOT_CREATED_HERE = "not_created_here"
    NOT_IN_RECORD_SET = "not_in_record_set"
    NOT_FOR_ACCESS = "not_for_access"
    ACCURATE = "accurate"


As = Annotated[
    str | None,
    typer.Option("--as", metavar="PRINCIPAL", help="Act as a user or a role, if the policy lets you."),
]
Purpose = Annotated[str | None, typer.Option("--purpose", metavar="PURPOSE", help="What for.")]
Patient = Annotated[
    str, typer.Argument(metavar="PATIENT", help="The patient, by the token in silver.patient.patient_key.")
]
Request = Annotated[str, typer.Argument(metavar="ID", help="The request, as `amendment list` has it.")]
TextFile = Annotated[
    typer.FileText, typer.Option("--text", metavar="FILE", help="What is said; '-' is standard input.")
]

amendment = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Record what patients ask to be amended."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app)(export)
    app.add_typer(amendment, name="amendment")


def export(
    face: Face,
    patient: Patient,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder.")],
    recipient: Annotated[
        str, typer.Option("--recipient", metavar="NAME", help="Who gets it, where it is not the patient.")
    ] = "patient",
    principal: As = None,
    purpose: Purpose = None,
) -> int | None:
    """Hand out everything about one patient: FHIR, tables, files and a page to read.

    Nothing of anybody else is in it. What tells of several patients is withheld, and counted.
    """
    from a360.cli import _rights

    return _rights.export(face, patient, output, recipient, principal, purpose)


@command(amendment)
def add(
    face: Face, patient: Patient, text: TextFile, principal: As = None, purpose: Purpose = None
) -> int | None:
    """Record what a patient asks to be amended; it is due in 60 days."""
    from a360.cli import _rights

    return _rights.add(face, patient, text.read(), principal, purpose)


@command(amendment, "list")
def list_(
    face: Face,
    patient: Annotated[
        str | None, typer.Option("--patient", metavar="KEY", help="Of one patient, by their token.")
    ] = None,
    principal: As = None,
    purpose: Purpose = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that are decided, too.")] = False,
) -> int | None:
    """List the requests that wait, by when they are due."""
    from a360.cli import _rights

    return _rights.list_all(face, patient, principal, purpose, every=every)


@command(amendment)
def show(face: Face, request: Request, principal: As = None, purpose: Purpose = None) -> int | None:
    """Show a request with its texts, opened; it is on record."""
    from a360.cli import _rights

    return _rights.show(face, request, principal, purpose)


@command(amendment)
def decide(
    face: Face,
    request: Request,
    answer: Annotated[
        AnswerName,
        typer.Argument(
            metavar="ANSWER",
            help="accepted, denied, extended (by 30 days, once); of a denial: disagreed, rebutted.",
        ),
    ],
    text: TextFile,
    basis: Annotated[
        BasisName | None, typer.Option("--basis", help="Why it is denied, by 164.526(a)(2).")
    ] = None,
    principal: As = None,
    purpose: Purpose = None,
) -> int | None:
    """Answer a request, in words for the patient."""
    from a360.cli import _rights

    return _rights.decide(
        face, request, answer.value, text.read(), basis.value if basis else None, principal, purpose
    )
