"""Who uses a column: models, rules, references, row filters and masks."""

from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from a360.contract._plan import LakePlan
from a360.contract._rules import Expression, Query
from a360.contract._sql import DIALECT, SqlError, condition_columns


def users_of(plan: LakePlan, dataset: str, column: str) -> list[str]:
    """Everything in a plan that names a column of a dataset, in plain words; `column` need not be planned."""
    found = [
        *_models(plan, dataset, column),
        *_rules(plan, dataset, column),
        *_references(plan, dataset, column),
        *_policy(plan, dataset, column),
    ]
    return list(dict.fromkeys(found))


def _models(plan: LakePlan, dataset: str, column: str) -> Iterator[str]:
    for step in plan.steps:
        if step.kind == "gold" and dataset in step.upstream and reads(step.sql, plan, dataset, column):
            yield f"the model {step.model} of {step.dataset}"


def _rules(plan: LakePlan, dataset: str, column: str) -> Iterator[str]:
    for step in plan.steps:
        for rule in step.rules:
            own = step.dataset == dataset
            if own and (column in rule.columns or _condition_reads(rule.check, column)):
                yield f"the rule {rule.name} of {step.dataset}"
        for measured in step.dataset_rules:
            query = measured.measure
            if not isinstance(query, Query) or dataset not in query.datasets:
                continue
            if reads(query.sql, plan, dataset, column):
                yield f"the rule {measured.name} of {step.dataset}"


def _condition_reads(check: object, column: str) -> bool:
    if not isinstance(check, Expression):
        return False
    try:
        return column in condition_columns(check.sql)
    except SqlError:
        return True  # what cannot be read is not known to leave the column alone


def _references(plan: LakePlan, dataset: str, column: str) -> Iterator[str]:
    for table in plan.tables:
        for reference in table.references:
            if (reference.dataset, reference.target_column) == (dataset, column):
                yield f"the foreign key {table.dataset}.{reference.column}"


def _policy(plan: LakePlan, dataset: str, column: str) -> Iterator[str]:
    for rule in plan.policy.filters:
        if dataset in rule.datasets and _condition_reads(Expression(rule.where), column):
            yield f"the row filter {rule.name} in lake.yaml"
    for mask in plan.policy.masks:
        if f"{dataset}.{column}" in mask.columns:
            yield f"the mask {mask.name} in lake.yaml"


def reads(sql: str, plan: LakePlan, dataset: str, column: str) -> bool:
    """Whether a query reads a column of a dataset; a query that cannot be followed is taken to."""
    try:
        query = qualify(
            sqlglot.parse_one(sql, dialect=DIALECT),
            dialect=DIALECT,
            schema=_schema(plan, dataset, column),
            expand_stars=False,
            validate_qualify_columns=False,
        )
        return any(_reads_here(scope, dataset, column) for scope in traverse_scope(query))
    except (SqlglotError, RecursionError):
        return True


def _schema(plan: LakePlan, dataset: str, column: str) -> dict[str, object]:
    """Every table's columns, and the one that is asked about."""
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for table in plan.tables:
        names = [*table.column_names, *([column] if table.dataset == dataset else [])]
        schema.setdefault(table.namespace, {})[table.name] = dict.fromkeys(names, "varchar")
    return {**schema}


def _reads_here(scope: Scope, dataset: str, column: str) -> bool:
    names = {
        alias
        for alias, source in scope.sources.items()
        if isinstance(source, exp.Table) and f"{source.db}.{source.name}" == dataset
    }
    return any(
        used.name == column and (used.table in names or (not used.table and names)) for used in scope.columns
    )
