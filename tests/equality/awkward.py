"""Rows that engines are likely to read differently, for any table of a plan; the same for the same seed."""

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import sqlglot
from sqlglot import exp

from a360.contract import GoldStep, ValidValues
from a360.quality import verdict_sql

TEXTS = (
    *("", " ", "a", "A", "á", "á", "ß", "SS", "İ", "😀", "Zürich", "o'x", '"', "\\n", "\n", "%", "_"),
    *(
        "\u00a0x\u3000",
        "1",
        "01",
        "1.0",
        "-0",
        "1e3",
        "NaN",
        "null",
        "true",
        "2024-02-29",
        "a|b",
        "a b",
        " a ",
        "ab\tc",
        "ﬁ",
    ),
)
DATES = (
    *(dt.date(2024, 2, 29), dt.date(2023, 2, 28), dt.date(2023, 12, 31), dt.date(2024, 1, 1)),
    *(dt.date(2024, 12, 30), dt.date(2000, 2, 29), dt.date(1900, 3, 1), dt.date(2025, 3, 31)),
    *(dt.date(2024, 3, 10), dt.date(2024, 3, 31), dt.date(1969, 12, 31), dt.date(9999, 12, 31)),
)
TIMES = (
    *(dt.time(0, 0), dt.time(23, 59, 59, 999999), dt.time(12, 0, 0, 500000), dt.time(2, 30)),
    *(dt.time(0, 0, 0, 1), dt.time(22, 15)),
)
DOUBLES = (
    *(0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -2.5, 0.1, 1 / 3, 1e-308, 5e-324, 1e15, 0.30000000000000004),
    *(100.0, 99.5, math.nan, math.inf, -math.inf),
)
_LONGS = (0, 1, -1, 2, 3, 7, 59, 60, 61, 100, 2**31 - 1, -(2**31), 2**31)
_INTS = (0, 1, -1, 2, 3, 5, 12, 90, 365, 2**31 - 1, -(2**31))
_NULL_SHARE = 0.15
# Rules refuse most of what is drawn blindly.
_DRAWN = 20_000
# What joins find one another by is drawn from few values; what takes a row out of all models is rare.
_SHARED = {
    "source": ("north", "south"),
    "known_at": ("north", "south"),
    **dict.fromkeys(
        ("code", "concept_code", "source_code", "target_code"), ("8867-4", "J45", "á", "botox", "1")
    ),
    **dict.fromkeys(("system", "vocabulary_id", "source_system"), ("http://loinc.org", "LOINC", "urn:a", "")),
    **dict.fromkeys(("concept_id", "concept_id_1", "concept_id_2"), (0, 1, 2, 3, 8507)),
    **dict.fromkeys(("family_name_token", "given_name_token"), ("a", "á")),
    "standard_concept": ("S",),
    "currency": ("EUR", "USD"),
}
_MOSTLY = {"deleted": False, "is_current": True, "replaced_by": None, "invalid_reason": None}


def words_of(models):
    """The texts that models compare columns with, by the dataset that they read."""
    words = {}
    for model in models:
        tree = sqlglot.parse_one(model.sql, dialect="duckdb")
        texts = {each.name for each in tree.find_all(exp.Literal) if each.is_string}
        for dataset in model.upstream:
            words.setdefault(dataset, set()).update(texts)
    return {dataset: sorted(texts) for dataset, texts in words.items()}


class Awkward:
    """Makes rows of a plan's tables that find one another: few patients, ids that repeat, ties, nulls."""

    def __init__(self, plan, rows, seed=7):
        self._plan = plan
        self._rows = rows
        self._random = np.random.default_rng(seed)
        self._words = words_of(step for step in plan.steps if isinstance(step, GoldStep))
        self._valid = {step.dataset: _valid_values(step) for step in plan.steps}

    def table(self, dataset, schema, session):
        """Rows of a dataset in an Arrow schema, less those that its rules refuse, as `session` judges."""
        rows = self.drawn(dataset, schema)
        step = next((step for step in self._plan.steps if step.dataset == dataset), None)
        refusing = [rule for rule in getattr(step, "rules", ()) if rule.severity == "error"]
        if refusing:
            session.register("drawn", rows)
            rows = session.sql(f"SELECT * FROM drawn WHERE {verdict_sql(refusing)} = ''").cast(schema)
            session.unregister("drawn")
        key = self._plan.table(dataset).key
        return (_distinct(rows, key) if key else rows).slice(0, self._rows)

    def drawn(self, dataset, schema):
        """Rows of a dataset as they come, most of them such as its rules refuse."""
        table = self._plan.table(dataset)
        columns = {field.name: self._column(dataset, table.column(field.name), field) for field in schema}
        return pa.table(columns, schema=schema)

    def _column(self, dataset, column, field):
        pool, kind = self._pool(dataset, column, field.type), field.type
        if column.name in _MOSTLY:
            pool = [*pool[:1], *[_MOSTLY[column.name]] * 9 * len(pool[:1])]
        elif field.nullable:
            share = max(1, round(len(pool) * _NULL_SHARE))
            pool = [*pool, *[None] * share]
        return pa.array(pool, kind).take(pa.array(self._random.integers(len(pool), size=_DRAWN)))

    def _pool(self, dataset, column, kind):
        textual = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        shared = _SHARED.get(column.name)
        if shared and isinstance(shared[0], str) == textual:
            return list(shared)
        if textual:
            return self._texts(dataset, column)
        if pa.types.is_integer(kind):
            return self._numbers(dataset, column, kind)
        return next(list(pool(kind)) for fits, pool in _POOLS if fits(kind))

    def _numbers(self, dataset, column, kind):
        if column.name in self._plan.table(dataset).key:
            return list(range(self._rows))
        if column.name.endswith("_id"):
            return list(range(20))
        return list(_LONGS if kind.bit_width > _INT_BITS else _INTS)

    def _texts(self, dataset, column):
        """Ids that others name, or words: those that models and rules know, and awkward ones."""
        if column.name in {"patient_key", "person_source_value"} or any(
            each.target_column == "patient_key" for each in column.references
        ):
            return [f"p{number}" for number in range(max(2, self._rows // 8))]
        if column.references or column.name in self._plan.table(dataset).key:
            return [f"i{number}" for number in range(self._rows)]
        valid = self._valid.get(dataset, {}).get(column.name)
        # Mostly words that mean something: rules let few others pass, and conditions are to hold at times.
        known, times = (valid, 9) if valid else (self._words.get(dataset, ()), 2)
        return [*list(known) * max(1, times * len(TEXTS) // max(1, len(known))), *TEXTS]


def _valid_values(step):
    rules = [rule for rule in getattr(step, "rules", ()) if isinstance(rule.check, ValidValues)]
    return {rule.columns[0]: [str(value) for value in rule.check.values] for rule in rules}


def _decimals(kind):
    """Halves, signs, the smallest and the largest that the type holds."""
    unit = Decimal(1).scaleb(-kind.scale)
    # Larger ones would overflow in sums and products, which ends a query on every engine.
    largest = Decimal(10) ** min(kind.precision - kind.scale, 9) - unit
    halves = [Decimal(text) for text in ("0", "0.5", "1.5", "2.5", "-0.5", "-2.5", "0.05", "100", "99.99")]
    fitting = [each.quantize(unit) for each in halves if abs(each) <= largest]
    return [*fitting, unit, -unit, largest, -largest]


_INT_BITS = 32
_POOLS = (
    (pa.types.is_decimal, _decimals),
    (pa.types.is_date, lambda kind: DATES),
    (
        pa.types.is_timestamp,
        lambda kind: [dt.datetime.combine(day, time, dt.UTC) for day in DATES for time in TIMES],
    ),
    (pa.types.is_boolean, lambda kind: (True, False)),
    (pa.types.is_floating, lambda kind: DOUBLES),
    (pa.types.is_binary, lambda kind: (b"", b"\x00", b"\xff\x00a")),
    (pa.types.is_large_binary, lambda kind: (b"", b"\x00", b"\xff\x00a")),
)


def _distinct(rows, key):
    """The first row of each key."""
    seen, kept = set(), []
    for place, values in enumerate(zip(*(rows[name].to_pylist() for name in key), strict=True)):
        if values not in seen:
            seen.add(values)
            kept.append(place)
    return rows.take(pa.array(kept, pa.int64()))
