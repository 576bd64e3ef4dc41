"""Errors that say what was tried, where, what was found and what to do next.

Classes are split by who must act: the data's owner, the contract's author, the operator, or us.
Every error carries a stable code from `CODES`, under which `docs/errors.md` explains it.
"""

from a360.errors._codes import CODES, ErrorCode
from a360.errors._errors import (
    A360Error,
    ConflictError,
    ContractError,
    DataError,
    DeniedError,
    InternalError,
    OperatorError,
    UsageError,
)

__all__ = [
    "CODES",
    "A360Error",
    "ConflictError",
    "ContractError",
    "DataError",
    "DeniedError",
    "ErrorCode",
    "InternalError",
    "OperatorError",
    "UsageError",
]
