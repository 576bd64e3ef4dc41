"""Runs the examples that stand beside a policy."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from a360.contract import Example, TableDecision
from a360.trust.policy._emergency import Emergency
from a360.trust.policy._policy import Policy
from a360.trust.policy._principal import Principal

_SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """An example, what was decided, and how that differs from what the example expects."""

    example: Example
    decision: TableDecision
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether all is as expected."""
        return not self.differences


def run_example(policy: Policy, example: Example) -> ExampleResult:
    """Ask the policy what an example asks, and compare."""
    now = datetime.now(UTC)
    principal = _principal(policy, example)
    emergency = None
    if example.emergency:
        ends = now + timedelta(minutes=1)
        emergency = Emergency(principal.name, example.emergency, example.purpose or "", now, ends, "example")
    decision = policy.decide(
        principal, example.action, example.dataset, purpose=example.purpose, at=now, emergency=emergency
    )
    return ExampleResult(example, decision, tuple(_differences(policy, example, decision)))


def _principal(policy: Policy, example: Example) -> Principal:
    user = policy.plan.policy.user(example.user or "")
    if user is not None:
        return Principal(user.name, user.roles, user.groups, {**user.attributes, **example.attributes})
    return Principal(example.user or _SOMEBODY, example.roles, example.groups, example.attributes)


def _differences(policy: Policy, example: Example, decision: TableDecision) -> Iterator[str]:
    if example.user and policy.plan.policy.user(example.user) is None:
        yield f"there is no user {example.user}"
    if example.allowed is not None and example.allowed != decision.allowed:
        yield f"allowed is {str(decision.allowed).lower()}: {decision.reason}"
    if example.columns is not None and set(example.columns) != set(decision.visible):
        yield from _sets("shows", set(decision.visible) - set(example.columns))
        yield from _sets("does not show", set(example.columns) - set(decision.visible))
    yield from _sets("does not show", set(example.shown) - set(decision.visible))
    yield from _sets("shows", set(example.hidden) & set(decision.visible))
    for name, expected in example.masks.items():
        column = decision.columns.get(name)
        shown: str = "hidden" if column is None or not column.allowed else column.mask or "clear"
        if column is not None and column.cells:
            shown = " or ".join(cell.mask or "clear" for cell in column.cells)
        if shown != expected:
            yield f"{name} is {shown}, not {expected}"
    if example.rows is not None and decision.allowed and set(example.rows) != set(decision.where):
        yield f"rows are those of {' and '.join(decision.where) or 'the whole table'}"


def _sets(verb: str, names: set[str]) -> Iterator[str]:
    if names:
        yield f"{verb} {', '.join(sorted(names))}"
