"""The error classes, one for each party that must act."""

from typing import ClassVar

from a360.errors._codes import CODES, ErrorCode

DOCS = "docs/errors.md"


class A360Error(Exception):
    """An error with a code, what was tried, where, what was found and what to do next.

    Renders as text (`str`), as JSON (`to_json`) and as HTTP problem details (`to_problem`, RFC 9457).
    None of its fields may hold a patient's data: they reach logs and terminals.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(
        self, code: str, what: str, *, where: str = "", found: str = "", next_step: str = ""
    ) -> None:
        self.code: ErrorCode = CODES[code]
        self.what = what
        self.where = where
        self.found = found
        self.next_step = next_step
        super().__init__(self._text())

    def _text(self) -> str:
        lines = [f"{self.what} [{self.code.slug}]"]
        lines += [f"  {label}: {text}" for label, text in self._facts() if text]
        return "\n".join(lines)

    def _facts(self) -> tuple[tuple[str, str], ...]:
        return (("where", self.where), ("found", self.found), ("next", self.next_step))

    @property
    def anchor(self) -> str:
        """Where the documentation explains this code."""
        return f"{DOCS}#{self.code.slug}"

    def to_json(self) -> dict[str, str | int]:
        """The error as a flat JSON object, for `--json`."""
        return {
            "code": self.code.slug,
            "what": self.what,
            "where": self.where,
            "found": self.found,
            "next": self.next_step,
            "docs": self.anchor,
            "exit_code": self.exit_code,
        }

    def to_problem(self) -> dict[str, str | int]:
        """The error as HTTP problem details (RFC 9457, section 3.1)."""
        return {
            "type": self.anchor,
            "title": self.code.meaning,
            "status": self.code.http_status or self.http_status,
            "detail": str(self),
        }


class InternalError(A360Error):
    """Our fault: a broken promise of the software."""


class UsageError(A360Error):
    """The caller put the call together wrongly."""

    exit_code = 2
    http_status = 400


class ContractError(A360Error):
    """The author of a contract, view or model must act."""

    exit_code = 3
    http_status = 422


class DataError(A360Error):
    """The owner of the data must act."""

    exit_code = 4
    http_status = 422


class OperatorError(A360Error):
    """The operator of the machine or the lake must act."""

    exit_code = 5
    http_status = 503


class DeniedError(A360Error):
    """The principal may not do this."""

    exit_code = 6
    http_status = 403


class ConflictError(A360Error):
    """Someone else changed the same thing at the same time."""

    exit_code = 7
    http_status = 409
