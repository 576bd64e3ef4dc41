"""What is raised where rules stop a commit: the results go with it, so that they can be put on record."""

from collections.abc import Sequence

from a360.errors import DataError
from a360.quality._results import RuleResult


class RuleBlockedError(DataError):
    """Rules of a dataset do not hold, and nothing was committed; `results` are all that was measured."""

    def __init__(
        self, dataset: str, results: Sequence[RuleResult], blocking: Sequence[RuleResult], next_step: str
    ) -> None:
        self.results = tuple(results)
        super().__init__(
            "rule-blocked",
            f"{len(blocking)} rule(s) of {dataset} do not hold; nothing was committed",
            where=f"{dataset}, rule {blocking[0].rule}",
            found=_found(blocking[0]),
            next_step=next_step,
        )


def _found(result: RuleResult) -> str:
    if result.operator is None:
        return f"{result.failed} row(s) fail"
    measured = "nothing" if result.measured is None else f"{result.measured:g}"
    asked = " and ".join(f"{limit:g}" for limit in result.threshold)
    return f"measured {measured}, asked {result.operator} {asked}"


def require_unblocked(dataset: str, results: Sequence[RuleResult], *, rows_too: bool, next_step: str) -> None:
    """Raise where a rule of severity `error` stops the commit.

    Args:
        dataset: The dataset.
        results: What was measured.
        rows_too: Whether a row rule stops it as well, since there is no quarantine for its rows.
        next_step: What to do about it.

    Raises:
        RuleBlockedError: with all results.
    """
    blocking = [
        result
        for result in results
        if result.blocks or (rows_too and result.operator is None and result.fails_as_error)
    ]
    if blocking:
        raise RuleBlockedError(dataset, results, blocking, next_step)
