"""Refusals that must sound alike wherever they are made."""

from a360.errors import DeniedError


def no_table(dataset: str) -> DeniedError:
    """The same for a table that is not there and for one of which nothing may be seen."""
    return DeniedError(
        "denied",
        f"There is no table {dataset[:80]} of which you may see anything for this purpose",
        next_step="`a360 grants explain` tells what you may see, and why",
    )
