"""The words in which a refused row is told of: the rule, and for records the line and the columns."""

from a360.contract import RowRule, SilverStep
from a360.quality import Verdicts

TYPE = "-type"
"""How the names of rules end that ask whether a column's text can be read as its type."""


class Reasons:
    """Says why rows of a step are refused, in words that hold no value of the row."""

    def __init__(self, step: SilverStep) -> None:
        self._headers = {
            field.column: ".".join(field.path) or field.names[0]
            for field in (step.records.fields if step.records else ())
        }
        self._of_records = step.records is not None

    def of(
        self, verdicts: Verdicts, verdict: str, line: int | None, misshapen: str | None
    ) -> tuple[str, str]:
        """The first rule that a verdict names, and the reason; of a record all that is wrong with it.

        `misshapen` names the members of a record in whose place a list or an object stands.
        """
        rules = verdicts.errors(verdict)
        if not rules:
            return "unknown", "unknown"
        if not self._of_records:
            return rules[0].name, _doc(rules[0])
        unread = {rule.columns for rule in rules if rule.name.endswith(TYPE)}
        # What cannot be read is told of once, and not again by what asks for a value there.
        told = [rule for rule in rules if rule.columns not in unread or rule.name.endswith(TYPE)]
        words = (self._in_columns(rule, misshapen).removesuffix(".") for rule in told)
        wrong = "; ".join(words)
        return rules[0].name, f"line {line}: {wrong}" if line is not None else wrong

    def _in_columns(self, rule: RowRule, misshapen: str | None) -> str:
        """What a rule says, after the columns of the file that it looks at."""
        names = [self._headers[column] for column in rule.columns if column in self._headers]
        where = ", ".join(names) if rule.columns else misshapen
        if not where:
            return _doc(rule)
        return f"column{'s' * (', ' in where)} {where}: {_doc(rule)}"


def _doc(rule: RowRule) -> str:
    return rule.doc or rule.name
