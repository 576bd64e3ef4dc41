"""The last look at a dataset before its commit, or on the commit's branch where an engine writes branches."""

from collections.abc import Callable, Sequence

from a360.quality import RuleResult, require_unblocked

type Measure = Callable[[str], list[RuleResult]]
"""Measures rules on a relation that is the dataset as it will be."""


class Audit:
    """Measures the rules of a dataset and refuses it where they do not hold.

    `quality` has what was measured `before` as well.
    """

    def __init__(
        self,
        dataset: str,
        measure: Measure,
        before: Sequence[RuleResult] = (),
        *,
        rows_too: bool,
        next_step: str,
    ) -> None:
        self._dataset = dataset
        self._measure = measure
        self._before = before
        self._rows_too = rows_too
        self._next_step = next_step
        self.quality: list[RuleResult] = []
        self.done = False

    def __call__(self, rows: str) -> None:
        """Look at a relation; a commit that is tried again is looked at again.

        Raises:
            DataError: `rule-blocked`.
        """
        self.quality, self.done = [*self._before, *self._measure(rows)], True
        require_unblocked(self._dataset, self.quality, rows_too=self._rows_too, next_step=self._next_step)

    @property
    def unless_done(self) -> "Audit | None":
        """What is still to be carried out on a branch."""
        return None if self.done else self
