"""Turns what a contract says about quality into rules, or into faults where it cannot be carried out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from a360.contract import _checks_of as checks_of
from a360.contract._derived import HISTORY_COLUMN, HOUSEKEEPING
from a360.contract._faults import Fault
from a360.contract._load import COLUMNS, Dataset, LakeContracts
from a360.contract._metrics import latency_of, measure_of, read_metric
from a360.contract._odcs import Column, Quality, Thresholds
from a360.contract._references import split_target
from a360.contract._rules import (
    DanglingRows,
    DatasetRule,
    Dimension,
    DuplicateRows,
    Expression,
    FailingRows,
    InCodes,
    Measure,
    NotNull,
    Operator,
    Query,
    Range,
    RowCheck,
    RowCount,
    RowRule,
    Severity,
    Unit,
)
from a360.contract._vocabularies import CODES, VOCABULARIES, loaded_sql
from a360.contract._yaml import Loc

ENGINE = "a360"
PRIMARY_KEY_RULE = "primary_key"
_OPERATORS: tuple[tuple[Operator, str], ...] = (
    ("mustBe", "must_be"),
    ("mustNotBe", "must_not_be"),
    ("mustBeGreaterThan", "must_be_greater_than"),
    ("mustBeGreaterOrEqualTo", "must_be_greater_or_equal_to"),
    ("mustBeLessThan", "must_be_less_than"),
    ("mustBeLessOrEqualTo", "must_be_less_or_equal_to"),
    ("mustBeBetween", "must_be_between"),
    ("mustNotBeBetween", "must_not_be_between"),
)
_DIMENSIONS: dict[str, Dimension] = {
    "not_null": "completeness",
    "not_missing": "completeness",
    "row_count": "coverage",
    "duplicate_rows": "uniqueness",
    "dangling_rows": "consistency",
    "query": "consistency",
    "latency": "timeliness",
    "volume_change": "coverage",
    "null_share_change": "completeness",
    "distribution_change": "accuracy",
}
_UNITS: tuple[Unit, ...] = ("rows", "percent")
_FILLED_BY_REFINE = frozenset(name for name, _, _ in (*HOUSEKEEPING, HISTORY_COLUMN))


@dataclass(slots=True)
class Rulebook:
    """The rules of one dataset, and the faults of those that are none."""

    rows: list[RowRule] = field(default_factory=list)
    dataset: list[DatasetRule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _At:
    """A rule as written, and where: at a column or, without one, at the dataset."""

    quality: Quality
    loc: Loc
    column: Column | None


def rulebook(contracts: LakeContracts, dataset: Dataset) -> Rulebook:
    """All rules of a dataset: written ones, and those its columns, key and relationships imply."""
    return _Writer(contracts, dataset).write()


def written(dataset: Dataset) -> Iterator[_At]:
    """Every rule a contract writes out, with its place."""
    for index, column in enumerate(dataset.columns):
        for number, quality in enumerate(column.quality):
            yield _At(quality, (*COLUMNS, index, "quality", number), column)
    for number, quality in enumerate(dataset.contract.table.quality):
        yield _At(quality, ("schema", 0, "quality", number), None)


class _Writer:
    def __init__(self, contracts: LakeContracts, dataset: Dataset) -> None:
        self.contracts = contracts
        self.of = dataset
        self.book = Rulebook()
        self.taken: set[str] = set()
        self.given: set[str] = set()

    def write(self) -> Rulebook:
        rules = [at for at in written(self.of) if self.of.sure(*at.loc) and at.quality.type != "text"]
        self._reserve(rules)
        self._key()
        for index, column in enumerate(self.of.columns):
            if column.name not in _FILLED_BY_REFINE:
                self._implied(column, (*COLUMNS, index))
        for at in rules:
            self._written(at)
        for column in self.of.columns:
            self._relationships(column)
        self._service_levels()
        self._unresolved()
        return self.book

    def _reserve(self, rules: list[_At]) -> None:
        """Names the author gave come first, so that a derived name never takes one of them."""
        for at in rules:
            name = at.quality.name
            if name in self.taken:
                self._fault("C605", f"another rule is named {name} too", at.loc, "give it a name of its own")
            elif name:
                self.taken.add(name)

    def _name(self, derived: str) -> str:
        name, number = derived, 1
        while name in self.taken:
            number += 1
            name = f"{derived}_{number}"
        self.taken.add(name)
        return name

    def _fault(self, code: str, message: str, loc: Loc, fix: str = "") -> None:
        self.book.faults.append(self.of.fault(code, message, *loc, fix=fix))

    def _key(self) -> None:
        key = key_of(self.of)
        if key:
            self._must_be_none(PRIMARY_KEY_RULE, DuplicateRows(key), key)

    def _must_be_none(self, name: str, measure: Measure, columns: tuple[str, ...], doc: str = "") -> None:
        severity: Severity = "warning" if isinstance(measure, DanglingRows) else "error"
        dimension = _DIMENSIONS[measure.kind]
        rule = DatasetRule(
            self._name(name), measure, "mustBe", (0.0,), "rows", severity, dimension, columns, doc
        )
        self.book.dataset.append(rule)

    def _unresolved(self) -> None:
        """Refine counts in each silver row the references that give no key; here they show."""
        leads = any(isinstance(rule.measure, DanglingRows) for rule in self.book.dataset)
        if leads and self.of.zone == "silver":
            name, doc = self._name("references_resolve"), "each reference leads to one resource"
            check, column = Range(maximum=0), ("unresolved_references",)
            self.book.rows.append(RowRule(name, column, check, "warning", "consistency", doc))

    def _implied(self, column: Column, loc: Loc) -> None:
        name = (column.name,)
        if column.required:
            rule = self._name(f"{column.name}_required")
            self.book.rows.append(RowRule(rule, name, NotNull(), "error", "completeness"))
        checks, problems = checks_of.options(column)
        if self.of.sure(*loc, "physicalType"):
            for problem in problems:
                self._fault("C601", problem, (*loc, "logicalTypeOptions"))
        for check in checks:
            rule = self._name(f"{column.name}_{check.kind}")
            self.book.rows.append(RowRule(rule, name, check, "error", "conformity"))
        if column.unique:
            self._must_be_none(f"{column.name}_unique", DuplicateRows(name), name)

    def _relationships(self, column: Column) -> None:
        for relationship in column.relationships:
            target, target_column = split_target(self.contracts, self.of, relationship.to)
            if target:
                measure = DanglingRows(column.name, target, target_column)
                name = f"{column.name}_references_{target.partition('.')[2]}"
                self._must_be_none(name, measure, (column.name,))

    def _written(self, at: _At) -> None:
        match at.quality.type:
            case "custom":
                self._custom(at)
            case "sql":
                self._sql(at)
            case _:
                self._library(at)

    def _service_levels(self) -> None:
        """A promised latency is measured, and never blocks: what is late would only come later."""
        for index, level in enumerate(self.of.contract.sla_properties):
            if self.of.zone == "bronze" or not self.of.sure("slaProperties", index):
                continue
            found = latency_of(level, self.of)
            if isinstance(found, str):
                self._fault("C601", found, ("slaProperties", index))
            elif found is not None:
                measure, hours = found
                name, doc = self._name(f"{measure.column}_latency"), level.description or ""
                rule = DatasetRule(
                    name,
                    measure,
                    "mustBeLessOrEqualTo",
                    (hours,),
                    "hours",
                    "warning",
                    "timeliness",
                    (measure.column,),
                    doc,
                )
                self.book.dataset.append(rule)

    def _custom(self, at: _At) -> None:
        quality = at.quality
        if isinstance(quality.implementation, dict) and quality.engine == ENGINE:
            self._metric(at, quality.implementation)
        elif quality.engine != ENGINE or not isinstance(quality.implementation, str):
            self._fault("C601", f"a custom rule has engine: {ENGINE} and an implementation in SQL", at.loc)
        elif self._operators(quality):
            self._fault("C601", "a custom rule is true or false; it takes no mustBe", at.loc, "remove it")
        else:
            self._row_rule(at, Expression(quality.implementation.strip()))

    def _metric(self, at: _At, implementation: Mapping[str, object]) -> None:
        metric = read_metric(implementation)
        if isinstance(metric, str):
            self._fault("C601", metric, (*at.loc, "implementation"))
            return
        measure, unit = measure_of(metric, at.column)
        if isinstance(measure, str):
            self._fault("C601", measure, (*at.loc, "implementation"))
        elif self._operators(at.quality):
            self._fault("C601", "what the metric must be stands in the implementation", at.loc)
        else:
            self._dataset_rule(at, measure, (unit,), metric, unit)

    def _sql(self, at: _At) -> None:
        from a360.contract import _sql  # noqa: PLC0415 - sqlglot is slow to import

        if not at.quality.query:
            self._fault("C112", "query is missing", at.loc, "write the query")
            return
        try:
            select = _sql.read_select(at.quality.query)
        except _sql.SqlError as error:
            self._fault("C602", f"the query cannot be read: {error}", (*at.loc, "query"))
            return
        self._dataset_rule(at, Query(at.quality.query.strip(), select.datasets))

    def _library(self, at: _At) -> None:
        metric = at.quality.metric
        if metric == "rowCount" and at.column is None:
            self._dataset_rule(at, RowCount(), allowed=("rows",))
        elif metric == "duplicateValues":
            self._duplicates(at)
        elif metric in {"nullValues", "missingValues", "invalidValues"} and at.column:
            self._values(at, at.column, metric)
        else:
            where = f"at column {at.column.name}" if at.column else "at the dataset"
            self._fault("C601", f"the metric {metric} is not supported {where}", at.loc)

    def _duplicates(self, at: _At) -> None:
        named, problem = checks_of.duplicate_columns(at.quality, at.column)
        unknown = [name for name in named if self.of.column(name) is None]
        if problem or unknown:
            self._fault("C601", problem or f"there is no column {unknown[0]}", (*at.loc, "arguments"))
        else:
            self._dataset_rule(at, DuplicateRows(named))

    def _values(self, at: _At, column: Column, metric: str) -> None:
        check, problem = checks_of.metric(at.quality, column, metric)
        if check is None:
            if self.of.sure(*self.of.place(column.name), "physicalType"):
                self._fault("C601", problem, at.loc)
        elif isinstance(check, InCodes) and (problem := self._cannot_look_up(check)):
            self._fault("C601", problem, (*at.loc, "arguments"))
        else:
            if at.quality.must_be == 0 and len(self._operators(at.quality)) == 1:
                self._row_rule(at, check)
            else:
                self._dataset_rule(at, FailingRows(column.name, check))
            if isinstance(check, InCodes):
                self._vocabulary(check, column)

    def _cannot_look_up(self, check: InCodes) -> str:
        if check.system_column is not None and self.of.column(check.system_column) is None:
            return f"there is no column {check.system_column}"
        known = {*self.contracts.datasets, *self.contracts.unreadable}
        missing = {VOCABULARIES, CODES[check.of]} - known
        return f"codes are looked up in {min(missing)}, which no contract declares" if missing else ""

    def _vocabulary(self, check: InCodes, column: Column) -> None:
        """A rule on codes judges nothing while their vocabulary is not loaded; this one says so."""
        query = loaded_sql(check)
        if any(isinstance(rule.measure, Query) and rule.measure.sql == query for rule in self.book.dataset):
            return
        name = self._name(f"{column.name}_vocabulary_loaded")
        doc = f"{check.uri} is loaded; until it is, codes are not looked up in it"
        rule = DatasetRule(
            name,
            Query(query, (VOCABULARIES,)),
            "mustBeGreaterThan",
            (0.0,),
            "rows",
            "warning",
            "coverage",
            (column.name,),
            doc,
        )
        self.book.dataset.append(rule)

    def _row_rule(self, at: _At, check: RowCheck) -> None:
        quality = at.quality
        columns = (at.column.name,) if at.column else ()
        name = self._name_of(at, check.kind)
        dimension = quality.dimension or _DIMENSIONS.get(check.kind, "conformity")
        doc = quality.description or ""
        self.book.rows.append(RowRule(name, columns, check, quality.severity, dimension, doc))

    def _dataset_rule(
        self,
        at: _At,
        measure: Measure,
        allowed: tuple[Unit, ...] = ("rows", "percent"),
        thresholds: Thresholds | None = None,
        unit: Unit | None = None,
    ) -> None:
        quality, operators = at.quality, self._operators(thresholds or at.quality)
        unit = unit or quality.unit
        if len(operators) != 1:
            self._fault("C601", f"a rule needs exactly one mustBe…, found {len(operators)}", at.loc)
            return
        if unit not in allowed:
            self._fault("C601", f"the unit {unit} does not fit this rule", (*at.loc, "unit"))
            return
        operator, threshold = operators[0]
        kind = measure.check.kind if isinstance(measure, FailingRows) else measure.kind
        dimension = quality.dimension or _DIMENSIONS.get(kind, "conformity")
        columns = measure.columns if isinstance(measure, DuplicateRows) else ()
        columns = columns or ((at.column.name,) if at.column else ())
        name, doc = self._name_of(at, kind), quality.description or ""
        self.book.dataset.append(
            DatasetRule(name, measure, operator, threshold, unit, quality.severity, dimension, columns, doc)
        )

    def _name_of(self, at: _At, kind: str) -> str:
        given = at.quality.name
        if given and given not in self.given:
            self.given.add(given)
            return given
        return self._name(f"{at.column.name}_{kind}" if at.column else kind)

    @staticmethod
    def _operators(quality: Thresholds) -> list[tuple[Operator, tuple[float, ...]]]:
        found: list[tuple[Operator, tuple[float, ...]]] = []
        for operator, attribute in _OPERATORS:
            value = getattr(quality, attribute)
            if value is not None:
                numbers = value if isinstance(value, tuple) else (value,)
                found.append((operator, tuple(float(number) for number in numbers)))
        return found


def key_of(dataset: Dataset) -> tuple[str, ...]:
    """The primary key's columns in their declared order."""
    keyed = [column for column in dataset.columns if column.primary_key]
    return tuple(column.name for column in sorted(keyed, key=lambda column: column.primary_key_position or 0))
