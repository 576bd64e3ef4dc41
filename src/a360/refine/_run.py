"""A run: the steps of a plan in order, then the references between what they made."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from a360.contract import DanglingRows, GoldStep, LakePlan, ReferenceStep, RefinedStep, SilverStep
from a360.engine import quote_table
from a360.quality import RuleResult
from a360.refine._context import RefineContext, StepOutcome, alive_sql
from a360.refine._gold import refine_gold
from a360.refine._held import HeldRows
from a360.refine._identities import refine_identities
from a360.refine._measuring import AFTERWARDS, measured
from a360.refine._silver import refine_silver

type Progress = Callable[[str, str, int, int | None], None]
"""Called with stage, detail, steps done and steps in all."""


@dataclass(frozen=True, slots=True)
class RefineResult:
    """What a run did, step by step, and how many references between datasets dangle."""

    outcomes: Sequence[StepOutcome]
    references: Sequence[RuleResult]

    @property
    def changed(self) -> bool:
        """Whether anything was committed."""
        return any(outcome.report.commit_id is not None for outcome in self.outcomes)


def selected_steps(plan: LakePlan, datasets: Sequence[str]) -> list[RefinedStep]:
    """The steps that make these datasets, and all they are made from, in the plan's order; by default all.

    Reference data is loaded, and no step of a run.

    Raises:
        UsageError: `unknown-dataset`.
    """
    steps = [step for step in plan.steps if not isinstance(step, ReferenceStep)]
    if not datasets:
        return steps
    made = {step.dataset: step for step in steps}
    wanted: set[str] = set()
    waiting = [plan.step(dataset).dataset for dataset in datasets]
    while waiting:
        dataset = waiting.pop()
        if dataset in made and dataset not in wanted:
            wanted.add(dataset)
            waiting.extend(_made_from(made[dataset]))
    return [step for step in steps if step.dataset in wanted]


def _made_from(step: RefinedStep) -> Sequence[str]:
    """The datasets a step reads, those included that it finds the targets of references in."""
    return [*step.upstream, *step.looks_up] if isinstance(step, SilverStep) else step.upstream


def refine(
    context: RefineContext,
    steps: Sequence[RefinedStep],
    *,
    full: bool = False,
    again: Collection[str] = (),
    progress: Progress | None = None,
    on_outcome: Callable[[StepOutcome], None] | None = None,
) -> RefineResult:
    """Carry out steps in order; `on_outcome` hears of each as it ends, so that a later failure hides none.

    What the datasets of `again` have refused is looked at once more.
    """
    try:
        return _refine(context, steps, full=full, again=again, progress=progress, on_outcome=on_outcome)
    finally:
        # What the steps worked in identifies patients, and the session may answer queries next.
        context.session.forget()
        context.merged.clear()


def _refine(
    context: RefineContext,
    steps: Sequence[RefinedStep],
    *,
    full: bool,
    again: Collection[str],
    progress: Progress | None,
    on_outcome: Callable[[StepOutcome], None] | None,
) -> RefineResult:
    outcomes: list[StepOutcome] = []

    def note(outcome: StepOutcome) -> None:
        outcomes.append(outcome)
        if on_outcome:
            on_outcome(outcome)

    if context.identities is not None:
        if progress:
            progress("run", context.identities.dataset, 0, len(steps))
        note(refine_identities(context, context.identities, full=full))
    held = HeldRows(context, [step for step in steps if isinstance(step, GoldStep)])
    for done, step in enumerate(steps):
        if progress:
            progress("run", step.dataset, done, len(steps))
        outcome = (
            refine_silver(context, step, full=full, again=step.dataset in again)
            if isinstance(step, SilverStep)
            else refine_gold(context, step, full=full, held=held)
        )
        note(outcome)
        if outcome.report.commit_id is not None:
            context.session.refresh()
    if progress:
        progress("run", "done", len(steps), len(steps))
    return RefineResult(outcomes, _references(context, outcomes))


def _references(context: RefineContext, outcomes: Sequence[StepOutcome]) -> list[RuleResult]:
    """Measure references and ages of every dataset that changed, or that names one that did."""
    changed = {outcome.report.dataset for outcome in outcomes if outcome.report.commit_id is not None}
    results: list[RuleResult] = []
    for step in context.plan.steps if changed else ():
        rules = [rule for rule in step.dataset_rules if isinstance(rule.measure, AFTERWARDS)]
        touched = step.dataset in changed or any(_target(rule.measure) in changed for rule in rules)
        if rules and touched and context.tables.current_snapshot_id(step.dataset) is not None:
            alive = alive_sql(context.plan.table(step.dataset))
            results += measured(context, step.dataset, rules, quote_table(step.dataset), alive=alive)
    return results


def _target(measure: object) -> str:
    return measure.dataset if isinstance(measure, DanglingRows) else ""
