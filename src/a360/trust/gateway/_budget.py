"""What a query may use, by the roles of who asks."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import reduce

from a360.contract import BudgetPlan, PolicyPlan
from a360.errors import DeniedError

_GB = 1_000_000_000
_WAITING_FOR_EACH = 16


@dataclass(frozen=True, slots=True)
class Budget:
    """What one query may use; None is without bound.

    Attributes:
        seconds: How long until its last row is read.
        memory_bytes: What a worker may hold, the rows that it is given included.
        result_rows: How many rows it may answer.
        result_bytes: How large the answer may be, as Arrow.
        scanned_bytes: How large the files of the tables may be that it reads, together.
        concurrent: How many queries of a principal run at a time; a few more wait.
    """

    seconds: float | None = 300
    memory_bytes: int = 2 * _GB
    result_rows: int | None = None
    result_bytes: int | None = 4 * _GB
    scanned_bytes: int | None = None
    concurrent: int = 4

    def or_more(self, other: "Budget") -> "Budget":
        """The more generous of two, in each respect."""
        return Budget(
            _larger(self.seconds, other.seconds),
            max(self.memory_bytes, other.memory_bytes),
            _larger(self.result_rows, other.result_rows),
            _larger(self.result_bytes, other.result_bytes),
            _larger(self.scanned_bytes, other.scanned_bytes),
            max(self.concurrent, other.concurrent),
        )


_UNBOUND = Budget(seconds=None, result_bytes=None)


def _larger[N: (int, float)](one: N | None, other: N | None) -> N | None:
    return None if one is None or other is None else max(one, other)


def budget_of(budgets: Mapping[str, Budget], roles: Sequence[str], *, free: bool) -> Budget:
    """The budget of who has these roles: what the most generous of them gives.

    Where none of them has one, it is that of everybody; from whom nothing is hidden has no bounds then.
    """
    if not any(role in budgets for role in roles):
        return _UNBOUND if free else Budget()
    return reduce(Budget.or_more, (budgets.get(role, Budget()) for role in roles))


def budgets_in(policy: PolicyPlan) -> Mapping[str, Budget]:
    """The budgets of the roles that say something of theirs; what they leave unsaid is as everybody's."""
    return {
        role.name: Budget(**{name: value for name, value in asdict(role.budget).items() if value is not None})
        for role in policy.roles
        if role.budget != BudgetPlan()
    }


def exceeded(what: str, limit: str, next_step: str) -> DeniedError:
    """The end of a query that wanted more than its budget."""
    return DeniedError(
        "budget-exceeded", f"The query {what}", found=f"the budget is {limit}", next_step=next_step
    )


class Turns:
    """Lets each principal run a few queries at a time; those who come when too many wait are sent away."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running: dict[str, int] = defaultdict(int)
        self._waiting: dict[str, int] = defaultdict(int)

    @contextmanager
    def turn(self, principal: str, budget: Budget) -> Iterator[Callable[[], None]]:
        """Wait for a turn; what is yielded gives it back, and an error in here does."""
        self._take(principal, budget)
        given = threading.Lock()

        def back() -> None:
            if given.acquire(blocking=False):
                with self._changed:
                    self._running[principal] -= 1
                    self._changed.notify_all()

        try:
            yield back
        except BaseException:
            back()
            raise

    def _take(self, principal: str, budget: Budget) -> None:
        with self._changed:
            if self._waiting[principal] >= _WAITING_FOR_EACH * budget.concurrent:
                raise _too_many(budget)
            self._waiting[principal] += 1
            try:
                free = self._changed.wait_for(
                    lambda: self._running[principal] < budget.concurrent, timeout=budget.seconds
                )
            finally:
                self._waiting[principal] -= 1
            if not free:
                raise _too_many(budget)
            self._running[principal] += 1


def _too_many(budget: Budget) -> DeniedError:
    return exceeded(
        "would be one too many at a time",
        f"{budget.concurrent} at a time",
        "wait until others of yours have ended",
    )
