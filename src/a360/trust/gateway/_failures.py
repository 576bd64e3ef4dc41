"""Failures of an engine in our words, without its text, which may quote a value of a row."""

from a360.errors import A360Error, DataError, InternalError

# What a query can do about: a value that a cast or a function does not take. In a worker it is one of a row
# that the policy shows, as there are no others in there.
_OF_A_VALUE = frozenset({"Conversion", "OutOfRange", "InvalidInput"})
_WITHHELD = "its text is withheld: it may quote values of a row"


def failed(kind: str, what: str) -> A360Error:
    """A failure of a kind, as the engine calls it."""
    if kind in _OF_A_VALUE:
        return DataError(
            "engine-failed",
            "The query failed on a value of a row that it reads",
            found=f"{kind} ({_WITHHELD})",
            next_step="try_cast gives NULL where a value does not fit; or leave such rows out with WHERE",
        )
    return InternalError("engine-failed", what, found=f"{kind} ({_WITHHELD})")
