"""The rules of a step's rows, and what they found: `candidate` has rows with verdicts, `rejected` units.

Both are temporary tables that a way of reading fills. A verdict has the numbers of the rules that a row
fails, errors first.
"""

from collections.abc import Sequence
from dataclasses import replace

from a360.contract import Expression, RowRule, SilverStep
from a360.engine import Dialect, EngineSession, quote_name
from a360.quality import RuleResult, Verdicts, verdict_sql
from a360.refine._reasons import TYPE
from a360.refine._shape import SilverShape, unreadable_flag
from a360.refine._typed import checked_casts

MISSHAPEN_FLAG, REUSED_FLAG = quote_name("#misshapen"), quote_name("#reused")
_SHAPE = RowRule(
    name="shape",
    columns=(),
    check=Expression(f"NOT {MISSHAPEN_FLAG}"),
    severity="error",
    dimension="conformity",
    doc="an element of the resource has another JSON type than FHIR says",
)
_RECORD_SHAPE = replace(_SHAPE, doc="a list or an object stands where a value should")
_REUSED = RowRule(
    name="key-reused",
    columns=(),
    check=Expression(f"NOT {REUSED_FLAG}"),
    severity="error",
    dimension="uniqueness",
    doc="the key names an event that happened longer before than keys are remembered",
)


class Judge:
    """Judges rows that have the step's columns, and flags for what cannot be seen in these."""

    def __init__(self, session: EngineSession, step: SilverStep, shape: SilverShape) -> None:
        self._session = session
        self.verdicts = Verdicts(step.dataset, _ordered_rules(step, shape))
        self._errors = sum(rule.severity == "error" for rule in self.verdicts.rules)
        self._shape_number = [rule.name for rule in self.verdicts.rules].index(_SHAPE.name)

    def verdict(self, dialect: Dialect) -> str:
        """SQL for the verdict on a row."""
        return verdict_sql(self.verdicts.rules, dialect)

    @property
    def refuses(self) -> str:
        """SQL for whether a verdict refuses the row."""
        return f"verdict <> '' AND CAST(split_part(verdict, ',', 1) AS INTEGER) < {self._errors}"

    def refused_shapes(self, without: str) -> str:
        """SQL for verdicts on units of another shape than they should have, but for those of a relation."""
        return (
            f"SELECT DISTINCT m.row_id, '{self._shape_number}' AS verdict FROM misshapen AS m "
            f"ANTI JOIN {without} AS r ON r.row_id = m.row_id"
        )

    def results(self) -> list[RuleResult]:
        """What the row rules measured over all rows that the step read, refused ones included."""
        tally = self._session.sql(
            "SELECT verdict, count(*) AS n FROM (SELECT verdict FROM candidate UNION ALL SELECT r.verdict "
            "FROM rejected AS r ANTI JOIN candidate AS c ON c.row_id = r.row_id) AS judged GROUP BY verdict"
        )
        counted = zip(tally["verdict"].to_pylist(), tally["n"].to_pylist(), strict=True)
        return self.verdicts.results(counted, "batch")


def _ordered_rules(step: SilverStep, shape: SilverShape) -> tuple[RowRule, ...]:
    """All rules of a row, errors first, so that a verdict's first number tells whether it holds one."""
    types = tuple(
        RowRule(
            name=f"{column.name}{TYPE}",
            columns=(column.name,),
            check=Expression(f"NOT {quote_name(unreadable_flag(column))}"),
            severity="error",
            dimension="conformity",
            doc=f"{column.name} cannot be read as {column.type}",
        )
        for column in checked_casts(shape)
    )
    shaped = _RECORD_SHAPE if shape.of_records else _SHAPE
    reused = (_REUSED,) if shape.has_window else ()
    rules: Sequence[RowRule] = (shaped, *reused, *types, *step.rules)
    return tuple(sorted(rules, key=lambda rule: rule.severity != "error"))
