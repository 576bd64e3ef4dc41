"""Row rules: which rules each row fails, found in the pass that prepares the row."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from a360.contract import RowRule
from a360.quality._checks import Dialect, failure_sql
from a360.quality._results import RuleResult, Scope

SEPARATOR = ","


def verdict_sql(rules: Sequence[RowRule], dialect: Dialect = "duckdb") -> str:
    """SQL that gives, for a row, the numbers of the rules it fails joined by commas; '' if it fails none.

    Numbers are positions in `rules`, so that neither a rule's name nor a value ever needs escaping.
    """
    if not rules:
        return "''"
    cases = ", ".join(
        f"CASE WHEN {failure_sql(rule.check, rule.columns, dialect)} THEN '{number}' END"
        for number, rule in enumerate(rules)
    )
    return f"concat_ws('{SEPARATOR}', {cases})"


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The rules of a dataset, and how to read what `verdict_sql` gave for its rows."""

    dataset: str
    rules: tuple[RowRule, ...]

    def errors(self, verdict: str) -> list[RowRule]:
        """The rules of severity `error` that a verdict names."""
        failed = (self.rules[int(number)] for number in verdict.split(SEPARATOR) if number)
        return [rule for rule in failed if rule.severity == "error"]

    def results(self, tally: Iterable[tuple[str, int]], scope: Scope = "dataset") -> list[RuleResult]:
        """One result a rule, from how many rows had each verdict."""
        counted = list(tally)
        checked = sum(rows for _, rows in counted)
        failed = [0] * len(self.rules)
        for verdict, rows in counted:
            for number in filter(None, verdict.split(SEPARATOR)):
                failed[int(number)] += rows
        return [
            RuleResult(
                dataset=self.dataset,
                rule=rule.name,
                kind=rule.kind,
                dimension=rule.dimension,
                severity=rule.severity,
                passed=count == 0,
                columns=rule.columns,
                checked=checked,
                failed=count,
                scope=scope,
                fingerprint=rule.fingerprint,
            )
            for rule, count in zip(self.rules, failed, strict=True)
        ]
