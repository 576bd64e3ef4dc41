"""What a query may be built from, in the parser's terms: a list of what is known to be harmless."""

from sqlglot import exp

from a360.trust.gate._functions import FUNCTIONS, TABLE_FUNCTIONS

_STRUCTURE = """
Select Union Except Intersect Subquery From Join Lateral With CTE RecursiveWithSearch Values Tuple Table
TableAlias TableSample Where Group GroupingSets Cube Rollup Having Qualify Window WindowSpec Order Ordered
Limit LimitOptions Fetch Offset Distinct Filter WithinGroup IgnoreNulls RespectNulls HavingMax
HistoricalData PreWhere Cluster Column Identifier Star Alias Aliases Literal Null Boolean Var Paren Dot
Bracket Slice PropertyEQ Kwarg Lambda Comprehension Interval IntervalSpan DataType DataTypeParam ColumnDef
AtTimeZone Collate Any All In Between Is Like ILike SimilarTo Glob Escape Not Neg Add Sub Mul Div IntDiv
Mod Pow DPipe BitwiseAnd BitwiseOr BitwiseXor BitwiseNot BitwiseLeftShift BitwiseRightShift EQ NEQ GT GTE
LT LTE NullSafeEQ NullSafeNEQ
JSONKeyValue JSONPath JSONPathRoot JSONPathKey JSONPathSubscript JSONPathWildcard
JSONPathRecursive JSONPathSlice JSONPathUnion ArrayContainsAll ArrayContainedBy ArrayOverlaps RegexpILike
"""

# The functions of `FUNCTIONS` that the parser has a class of its own for; a test holds both lists together.
_CALLS = """
Abs Acos Acosh And AnyValue ApproxDistinct ApproxQuantile ApproxTopK ArgMax ArgMin Array ArrayAgg
ArrayAppend ArrayConcat ArrayContains ArrayDistinct ArrayFilter ArrayIntersect ArrayMax ArrayMin
ArrayPosition ArrayPrepend ArrayReverse ArraySize ArraySlice ArraySort ArrayToString Ascii Asin Asinh Atan
Atan2 Atanh Avg BitLength BitwiseAndAgg BitwiseOrAgg BitwiseXorAgg Case Cast CastToStrType Cbrt Ceil Chr
Coalesce Columns Concat ConcatWs Contains Corr Cos Cosh CosineDistance Cot Count CountIf CovarPop
CovarSamp CumeDist CurrentDate CurrentTime CurrentTimestamp DateAdd DateBin DateDiff DateFromParts Day
DayOfMonth DayOfWeek DayOfWeekIso DayOfYear Dayname Decode Degrees DenseRank Encode EndsWith
EuclideanDistance Exists Exp Explode Extract Factorial First FirstValue Flatten Floor Format FromBase64
FromJson GenerateSeries Getbit Greatest GroupConcat Grouping GroupingId Hex Hour If IsInf IsNan JSONArray
JSONExtract JSONExtractScalar JSONKeys JSONObject JSONType JarowinklerSimilarity Kurtosis Lag Last LastDay
LastValue Lead Least Left Length Levenshtein Ln Localtimestamp Log LogicalAnd LogicalOr Lower MD5 Map
MapFromEntries MapKeys Max Median Min Minute Mode Month Monthname NthValue Ntile Nullif Or Overlay Pad
ParseJSON PercentRank PercentileCont PercentileDisc Pi Pow Quantile Quarter Radians Rand Rank Reduce
RegexpExtract RegexpExtractAll RegexpFullMatch RegexpLike RegexpReplace RegexpSplit RegrAvgx RegrAvgy
RegrCount RegrIntercept RegrR2 RegrSlope RegrSxx RegrSxy RegrSyy Repeat Replace Reverse Right Round
RowNumber SHA SHA2 Second Sign Sin Sinh Skewness Split SplitPart Sqrt StartsWith Stddev StddevPop
StddevSamp StrPosition StrToTime Struct StructExtract Substring Sum Tan Tanh TimeFromParts TimeToStr
TimeToUnix TimestampFromParts TimestampTrunc ToBase64 ToBinary ToDays ToMap Transform Translate Trim Trunc
Try TryCast Typeof Unhex Unicode UnixToTime Unnest Upper Uuid Variance VariancePop Week WeekOfYear Xor
Year
"""

NODES = frozenset((_STRUCTURE + _CALLS).split())
"""The classes of the parser that a query may hold."""

_FROM_CALLS = frozenset({"GenerateSeries", "Unnest", "Explode"})

_TYPE_NAMES = """
ARRAY BIGDECIMAL BIGINT BIT BLOB BOOLEAN CHAR DATE DATETIME DECIMAL DOUBLE FLOAT HUGEINT INT INT128
INTERVAL JSON LIST MAP NCHAR NVARCHAR SMALLINT STRUCT TEXT TIME TIMESTAMP TIMESTAMPLTZ TIMESTAMPNTZ
TIMESTAMPTZ TIMESTAMP_MS TIMESTAMP_NS TIMESTAMP_S TIMETZ TINYINT UBIGINT UHUGEINT UINT UINT128 UINT256
USMALLINT UTINYINT UUID VARBINARY VARCHAR
"""


_TYPES = frozenset(_TYPE_NAMES.split())


def forbidden(node: exp.Expr) -> str | None:
    """What is wrong with a node of a query, in words for its author; None where nothing is."""
    kind = type(node).__name__
    if isinstance(node, exp.Anonymous):
        name = node.name.lower()
        return None if name in FUNCTIONS else f"the function {_shown(name)}"
    if kind not in NODES:
        return _words(node)
    if isinstance(node, exp.DataType):
        return None if node.this.name in _TYPES else "a type of another kind"
    if isinstance(node, exp.Table):
        return _forbidden_table(node)
    return None


def _forbidden_table(table: exp.Table) -> str | None:
    call = table.this
    if isinstance(call, exp.Identifier):
        return None
    if isinstance(call, exp.Anonymous) and call.name.lower() in TABLE_FUNCTIONS:
        return None
    if type(call).__name__ in _FROM_CALLS:
        return None
    return "a table function"


def _words(node: exp.Expr) -> str:
    if isinstance(node, exp.Func):
        return f"the function {_shown(node.sql_name().lower())}"
    if isinstance(node, exp.Placeholder | exp.Parameter | exp.SessionParameter):
        return "a parameter without a value"
    if isinstance(node, exp.Pivot):
        return "PIVOT or UNPIVOT"
    return f"{_shown(type(node).__name__)}, which no query needs"


def _shown(name: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in name[:40])
