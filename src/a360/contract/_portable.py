"""SQL that engines read alike: constructs that DuckDB, Spark and Trino take and understand differently.

Transpiling rewrites what is spelled differently. What is spelled alike and means something else passes
through it in silence, so models leave it out. docs/models.md says for each code what would differ.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlglot import exp
from sqlglot.errors import ErrorLevel, UnsupportedError

from a360.contract._dialect import AsciiLower, AsciiUpper, Engine, StableId, written_for
from a360.contract._portable_nodes import (
    BROKEN,
    INSTANTS,
    NUMBERS,
    TEXT,
    TIMES,
    WHOLE,
    T,
    Type,
    cast_around,
    text_of,
    type_of,
)
from a360.contract._portable_values import differing_number, differing_text, zero_divisor
from a360.contract._typed_sql import line_of

# What means the same everywhere, as far as no rule says otherwise.
_KNOWN: tuple[type[exp.Expr], ...] = (
    *(exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg),
    *(exp.Coalesce, exp.Nullif, exp.Case, exp.If, exp.Cast, exp.Exists),
    *(exp.Abs, exp.Round, exp.Floor, exp.Ceil, exp.Sqrt, exp.Exp, exp.Ln, exp.Sign, exp.Pow),
    *(exp.Trim, exp.Length, exp.Substring, exp.Replace, exp.StartsWith),
    *(exp.StrPosition, exp.MD5, StableId, AsciiUpper, AsciiLower),
    *(exp.Extract, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.DateTrunc, exp.TimestampTrunc),
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.Lag, exp.Lead, exp.Connector),
)
_ROUNDERS = (exp.Round, exp.Floor, exp.Ceil, exp.Trunc)
_DIFFERENCES = (
    exp.DateDiff,
    exp.DatetimeDiff,
    exp.TimestampDiff,
    exp.TimeDiff,
    exp.TsOrDsDiff,
    exp.MonthsBetween,
)
_REGEXES = (
    *(exp.RegexpLike, exp.RegexpILike, exp.RegexpExtract, exp.RegexpExtractAll, exp.RegexpReplace),
    *(exp.RegexpSplit, exp.RegexpInstr, exp.RegexpCount, exp.RegexpFullMatch, exp.SimilarTo),
)
_CHANCE = (exp.Rand, exp.Randn, exp.Uuid, exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp)
_CLOCKS = frozenset(
    {"now", "today", "nextval", "currval", "setseed", "txid_current", "get_current_timestamp"}
)
_ARBITRARY = (exp.AnyValue, exp.First, exp.Last, exp.FirstValue, exp.LastValue, exp.ArgMax, exp.ArgMin)
_GATHERING = (exp.ArrayAgg, exp.GroupConcat)
_PARSING = (exp.StrToTime, exp.StrToDate, exp.StrToUnix, exp.TsOrDsToDate, exp.TsOrDsToTimestamp)
_JSON = (exp.JSONExtract, exp.JSONExtractScalar, exp.JSONBExtract, exp.ParseJSON)
_OF_TIME = (exp.Extract, exp.Year, exp.Month, exp.Day, exp.Quarter, exp.DateTrunc, exp.TimestampTrunc)
_DATES = frozenset({"date_diff", "datediff", "date_sub", "datesub", "age"})


@dataclass(frozen=True, slots=True)
class Divergence:
    """A construct that engines read differently."""

    code: str
    line: int
    message: str
    fix: str


type _Rule = tuple[str, Callable[[exp.Expr], str | None], str]


def divergences(query: exp.Query, *, written: exp.Expr) -> Iterator[Divergence]:
    """What of a query engines read differently.

    Args:
        query: The query with types, as `typed_query` gives it.
        written: The same query as its author wrote it, before names were resolved.
    """
    for rules, tree in ((_AS_WRITTEN, written), (_AS_TYPED, query)):
        for node in tree.walk():
            for code, check, fix in rules:
                said = check(node)
                if said is not None:
                    yield Divergence(code, line_of(node), said, fix)
                    break
    yield from _unwritable(query)


def _unwritable(query: exp.Query) -> Iterator[Divergence]:
    engines: tuple[Engine, ...] = ("spark", "trino")
    for engine in engines:
        try:
            written_for(query, engine, ErrorLevel.RAISE)
        except UnsupportedError as error:
            said = str(error).splitlines()[0]
            yield Divergence(
                "C721", line_of(query), f"{engine} cannot be given the model: {said}", "say it otherwise"
            )


def _to_whole(node: exp.Expr) -> str | None:
    if not isinstance(node, exp.Cast) or node.to.this not in WHOLE or type_of(node.this) not in BROKEN:
        return None
    inner = node.this.unnest()
    return (
        None
        if isinstance(inner, _ROUNDERS)
        else f"{text_of(node)} rounds in DuckDB and Trino, and truncates in Spark"
    )


def _difference(node: exp.Expr) -> str | None:
    named = isinstance(node, exp.Anonymous) and node.name.lower() in _DATES
    if isinstance(node, _DIFFERENCES) or named:
        return f"{text_of(node)} counts boundaries in one engine and whole units in another"
    return None


def _list_length(node: exp.Expr) -> str | None:
    of_list = isinstance(node, exp.Length) and type_of(node.this) is T.ARRAY
    if of_list or isinstance(node, exp.ArraySize):
        return f"{text_of(node)} of NULL is NULL in DuckDB and Trino, and can be -1 in Spark"
    return None


def _list_index(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Bracket):
        return f"{text_of(node)} is NULL in DuckDB where the list ends before, and fails in Spark and Trino"
    return None


def _integer_division(node: exp.Expr) -> str | None:
    if isinstance(node, exp.IntDiv):
        return f"{text_of(node)} is not spelled in Trino, and rounds by each engine's way"
    if isinstance(node, exp.Div) and type_of(node.left) in WHOLE and type_of(node.right) in WHOLE:
        return f"{text_of(node)} has a fraction in DuckDB and Spark, and none in Trino"
    return None


def _decimal_division(node: exp.Expr) -> str | None:
    divided = isinstance(node, exp.Div) and T.DECIMAL in {type_of(node.left), type_of(node.right)}
    doubled = isinstance(node, exp.Div) and T.DOUBLE in {type_of(node.left), type_of(node.right)}
    averaged = isinstance(node, exp.Avg) and type_of(node.this) is T.DECIMAL
    if (divided and not doubled) or averaged:
        return f"{text_of(node)} is a double in DuckDB, and a decimal cut to a scale in Spark and Trino"
    return None


def _concat(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Concat):
        return f"{text_of(node)} leaves NULLs out in DuckDB, and is NULL in Spark and Trino"
    return None


def _regex(node: exp.Expr) -> str | None:
    if isinstance(node, _REGEXES):
        return f"{text_of(node)} is read by RE2 in DuckDB, by Java in Spark, and matches whole or part"
    return None


def _mixed(node: exp.Expr) -> str | None:
    if isinstance(node, exp.EQ | exp.NEQ | exp.GT | exp.GTE | exp.LT | exp.LTE | exp.NullSafeEQ | exp.DPipe):
        sides = [node.left, node.right]
    elif isinstance(node, StableId):
        sides = [node.this]
    elif isinstance(node, exp.In):
        sides = [node.this, *node.expressions]
    elif isinstance(node, exp.Between):
        sides = [node.this, node.args["low"], node.args["high"]]
    elif isinstance(node, exp.Coalesce):
        sides = [node.this, *node.expressions]
    elif isinstance(node, exp.Case):
        default = node.args.get("default")
        sides = [branch.args["true"] for branch in node.args["ifs"]] + ([default] if default else [])
    else:
        return None
    families = {_family(type_of(side)) for side in sides} - {None}
    if isinstance(node, exp.DPipe | StableId):
        families.add("text")
    if len(families) > 1:
        kinds = " beside ".join(sorted(map(str, families)))
        return f"{text_of(node)} puts {kinds}; each engine casts its own way"
    return None


def _family(kind: Type | None) -> str | None:
    families = (("text", TEXT), ("number", NUMBERS), ("time", TIMES), ("boolean", frozenset({T.BOOLEAN})))
    return next((name for name, kinds in families if kind in kinds), None)


def _zone(node: exp.Expr) -> str | None:
    cast = isinstance(node, exp.Cast) and type_of(node.this) in INSTANTS and node.to.this not in INSTANTS
    taken = isinstance(node, _OF_TIME)
    inner = node.args.get("expression") if isinstance(node, exp.Extract) else node.args.get("this")
    read = taken and isinstance(inner, exp.Expr) and type_of(inner) in INSTANTS
    if cast or read or isinstance(node, exp.AtTimeZone | exp.FromTimeZone):
        return f"{text_of(node)} depends on the time zone of the session"
    return None


def _to_time(node: exp.Expr) -> str | None:
    cast = isinstance(node, exp.Cast | exp.TryCast) and node.to.this in TIMES and type_of(node.this) in TEXT
    # A date written out in full is read alike everywhere.
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.to.this is T.DATE:
        return None
    if cast or isinstance(node, (*_PARSING, *_JSON)):
        return f"{text_of(node)}: engines differ on offsets, fractions and what is no date"
    return None


def _chance(node: exp.Expr) -> str | None:
    if isinstance(node, _CHANCE) or (isinstance(node, exp.Anonymous) and node.name.lower() in _CLOCKS):
        return f"{text_of(node)} is another value at each run"
    if isinstance(node, _ARBITRARY):
        return f"{text_of(node)} is any of several values"
    return None


def _any_order(node: exp.Expr) -> str | None:
    if isinstance(node, _GATHERING) and node.find(exp.Order) is None:
        return f"{text_of(node)} gathers in any order"
    if isinstance(node, exp.Select) and node.args.get("limit") and not node.args.get("order"):
        return "LIMIT without ORDER BY keeps any rows"
    if isinstance(node, exp.TableSample) or (isinstance(node, exp.Distinct) and node.args.get("on")):
        return f"{text_of(node)} keeps any of several rows"
    numbers = isinstance(node, exp.Window) and isinstance(node.this, exp.RowNumber | exp.Lag | exp.Lead)
    if numbers and not node.args.get("order"):
        return f"{text_of(node)} numbers rows in any order"
    return None


def _date_type(node: exp.Expr) -> str | None:
    moved = isinstance(node, exp.Add | exp.Sub) and isinstance(node.expression, exp.Interval)
    of_date = moved and type_of(node.this) is T.DATE
    if not of_date and not (
        isinstance(node, exp.DateTrunc | exp.TimestampTrunc) and type_of(node.this) is T.DATE
    ):
        return None
    if cast_around(node):
        return None
    return f"{text_of(node)} is a timestamp in one engine and a date in another"


def _extreme(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Greatest | exp.Least):
        return f"{text_of(node)} leaves NULLs out in DuckDB and Spark, and is NULL in Trino"
    return None


def _several_distinct(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        found = node.this.expressions
        if len(found) > 1 or (found and isinstance(found[0], exp.Tuple)):
            return f"{text_of(node)} counts rows with a NULL in DuckDB, and leaves them out in Spark"
    return None


_FOREIGN = (exp.Pivot, exp.Lateral, exp.Unnest, exp.Struct, exp.Lambda, exp.Collate, exp.Columns)
_UNITS = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"})
_TYPES = TEXT | {
    T.INT,
    T.BIGINT,
    T.DOUBLE,
    T.DECIMAL,
    T.DATE,
    T.TIMESTAMP,
    T.TIMESTAMPNTZ,
    T.TIMESTAMPTZ,
    T.BOOLEAN,
}


def _foreign(node: exp.Expr) -> str | None:
    joined = isinstance(node, exp.Join) and (
        (node.kind or "").upper() in {"ASOF", "POSITIONAL", "SEMI", "ANTI"}
        or (node.method or "").upper() in {"ASOF", "NATURAL"}
    )
    named = isinstance(node, exp.SetOperation) and bool(node.args.get("by_name"))
    share = isinstance(node, exp.Limit) and isinstance(node.args.get("limit_options"), exp.LimitOptions)
    typed = isinstance(node, exp.Cast) and node.to.this not in _TYPES
    if joined or named or share or typed or isinstance(node, _FOREIGN):
        return f"{text_of(node)} is not in every engine"
    return None


def _unknown(node: exp.Expr) -> str | None:
    if isinstance(node, StableId) and node.digits is None:
        return f"{text_of(node)} has no such length: STABLE_ID gives 52 bits, or 60 where 60 is written"
    unit = isinstance(node, exp.Extract) and node.name.upper() not in _UNITS
    if unit or (isinstance(node, exp.Func) and not isinstance(node, _KNOWN)):
        return f"{text_of(node)} is not known to mean the same in DuckDB, Spark and Trino"
    return None


def _qualify(node: exp.Expr) -> str | None:
    return (
        "QUALIFY is not in every engine; its rewriting leaks a column into SELECT *"
        if isinstance(node, exp.Qualify)
        else None
    )


def _star(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
        return "SELECT * changes with every column that is added upstream"
    return None


def _ordinal(node: exp.Expr) -> str | None:
    if not isinstance(node, exp.Group | exp.Order):
        return None
    word = "GROUP BY" if isinstance(node, exp.Group) else "ORDER BY"
    if node.args.get("all") or any(_is_all(each) for each in node.expressions):
        return f"{word} ALL is DuckDB's, and changes with every column"
    keys = [each.this if isinstance(each, exp.Ordered) else each for each in node.expressions]
    if any(isinstance(key, exp.Literal) and key.is_int for key in keys):
        return f"{word} a place number means another column when the columns are reordered, or a constant"
    return None


def _is_all(node: exp.Expr) -> bool:
    key = node.this if isinstance(node, exp.Ordered) else node
    return isinstance(key, exp.Column) and key.name.upper() == "ALL" and not key.table


_AS_WRITTEN: tuple[_Rule, ...] = (
    ("C705", _qualify, "number the rows in a subquery, and choose with WHERE outside of it"),
    ("C706", _star, "name the columns"),
    ("C712", _ordinal, "write out what to group or order by"),
)
_AS_TYPED: tuple[_Rule, ...] = (
    ("C701", _to_whole, "say how: CAST(FLOOR(x) AS BIGINT), or ROUND or CEIL"),
    (
        "C702",
        _difference,
        "subtract timestamps and take EXTRACT(DAY FROM …), or compare years, months and days",
    ),
    ("C703", _list_length, "count rows of a dataset with one row an item"),
    ("C704", _list_index, "number the rows of a dataset with one row an item, and choose one"),
    ("C707", _integer_division, "CAST(x AS DOUBLE) / y, or FLOOR of it for whole numbers"),
    ("C718", _decimal_division, "CAST(x AS DOUBLE) first, and the result to the decimal wanted"),
    ("C709", _concat, "write ||, with COALESCE(x, '') around what may be NULL"),
    ("C710", _regex, "use LIKE, SUBSTRING, TRANSLATE or a rule on the column, or match in the view"),
    ("C717", _to_time, "take a column that silver has typed; write a day as DATE '2026-01-31'"),
    ("C713", _zone, "take the _date column beside the timestamp, or subtract timestamps"),
    ("C711", _mixed, "cast one side, so that both have one type"),
    ("C714", _any_order, "order by a key wherever one of several is chosen"),
    ("C714", _chance, "take the day from the data, and MIN or MAX of several values"),
    ("C716", _date_type, "CAST(… AS DATE) around it"),
    ("C719", _extreme, "CASE WHEN, with what NULL shall mean"),
    ("C720", _several_distinct, "SELECT DISTINCT in a subquery, and COUNT(*) outside of it"),
    (
        "C722",
        differing_text,
        "ASCII_UPPER and ASCII_LOWER; places from 1; LIKE a text without a backslash",
    ),
    (
        "C723",
        differing_number,
        "sum and round decimals, and keep them; CAST(CAST(x AS DOUBLE) AS DECIMAL(18, 4)) rounds a double",
    ),
    ("C724", zero_divisor, "x / NULLIF(y, 0)"),
    ("C721", _foreign, "use the joins, types and clauses that all engines have"),
    ("C715", _unknown, "use a function of docs/models.md"),
)
