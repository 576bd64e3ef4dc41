"""Row checks from a column's options and from the library metrics of ODCS."""

import re
from datetime import date, datetime

from pydantic import JsonValue

from a360.contract._odcs import Column, Quality
from a360.contract._rules import (
    Bound,
    InCodes,
    Length,
    NotMissing,
    NotNull,
    Pattern,
    Range,
    RowCheck,
    Scalar,
    ValidValues,
)
from a360.contract._types import PhysicalType, parse_type

_CODE_SYSTEM, _VALUE_SET = "codeSystem", "valueSet"


def options(column: Column) -> tuple[list[RowCheck], list[str]]:
    """The checks a column's type options and enumeration ask for, and what is wrong with them."""
    chosen = column.logical_type_options
    checks: list[RowCheck] = []
    if chosen.pattern is not None:
        checks.append(Pattern(chosen.pattern))
    if chosen.min_length is not None or chosen.max_length is not None:
        checks.append(Length(chosen.min_length, chosen.max_length))
    limits = (chosen.minimum, chosen.maximum, chosen.exclusive_minimum, chosen.exclusive_maximum)
    if any(limit is not None for limit in limits):
        checks.append(Range(*limits))
    if column.enum:
        checks.append(ValidValues(tuple(entry.value for entry in column.enum)))
    problems = {check: _misfit(check, column) for check in checks}
    return [check for check in checks if not problems[check]], [text for text in problems.values() if text]


def metric(quality: Quality, column: Column, name: str) -> tuple[RowCheck | None, str]:
    """The check a library metric counts failures of; or none, and why."""
    arguments = dict(quality.arguments or {})
    if name == "invalidValues" and arguments.keys() & {_CODE_SYSTEM, _VALUE_SET}:
        return _codes(arguments, column)
    if name == "nullValues":
        return (None, "nullValues takes no arguments") if arguments else (NotNull(), "")
    wanted = {"missingValues"} if name == "missingValues" else {"validValues", "pattern"}
    if len(arguments) != 1 or not set(arguments) <= wanted:
        return None, f"{name} takes one argument: {' or '.join(sorted(wanted))}"
    ((argument, value),) = arguments.items()
    check: RowCheck
    if argument == "pattern":
        if not isinstance(value, str):
            return None, "pattern should be a text"
        check = Pattern(value)
    else:
        values = _scalars(value, null_too=argument == "missingValues")
        if values is None:
            return None, f"{argument} should be a list of plain values"
        check = NotMissing(values) if argument == "missingValues" else ValidValues(values)
    problem = _misfit(check, column)
    return (None, problem) if problem else (check, "")


def _codes(arguments: dict[str, JsonValue], column: Column) -> tuple[RowCheck | None, str]:
    """The check against a vocabulary; or none, and why."""
    if unknown := arguments.keys() - {_CODE_SYSTEM, _VALUE_SET, "systemColumn", "anyVersion"}:
        return None, f"{min(unknown)} is no argument of a rule on codes"
    if arguments.keys() >= {_CODE_SYSTEM, _VALUE_SET}:
        return None, "a rule on codes takes codeSystem or valueSet, not both"
    uri = arguments.get(_CODE_SYSTEM) or arguments.get(_VALUE_SET)
    system, old = arguments.get("systemColumn"), arguments.get("anyVersion", False)
    type_ = parse_type(column.physical_type)
    if not isinstance(uri, str) or not uri:
        return None, "codeSystem and valueSet name a URI, as text"
    if not isinstance(system, str | None) or not isinstance(old, bool):
        return None, "systemColumn names a column, and anyVersion is true or false"
    if type_ is not None and type_.name != "string":
        return None, f"a code is no matter of {type_}"
    return InCodes("code-system" if _CODE_SYSTEM in arguments else "value-set", uri, system, old), ""


def duplicate_columns(quality: Quality, column: Column | None) -> tuple[tuple[str, ...], str]:
    """The columns whose values must not repeat together; or what is wrong."""
    arguments = dict(quality.arguments or {})
    if column is not None:
        return (column.name,), "duplicateValues takes no arguments at a column" if arguments else ""
    named = _scalars(arguments.pop("properties", None), null_too=False)
    if not named or arguments or not all(isinstance(name, str) for name in named):
        return (), "duplicateValues takes `properties`, a list of columns"
    return tuple(str(name) for name in named), ""


def _scalars(value: object, *, null_too: bool) -> tuple[Scalar, ...] | None:
    """A list of plain values as a tuple, allowed nulls left out; none if it is no such list."""
    if not isinstance(value, list | tuple):
        return None
    items = [item for item in value if not (null_too and item is None)]
    if not all(isinstance(item, str | int | float | bool) for item in items):
        return None
    return tuple(items)


def _misfit(check: RowCheck, column: Column) -> str:
    """Why a check cannot be made on the column's type; empty where it can."""
    type_ = parse_type(column.physical_type)
    if type_ is None:
        return ""
    match check:
        case Pattern(regex):
            return _pattern_misfit(regex, type_)
        case Length():
            return "" if type_.name == "string" else f"a length is no matter of {type_}"
        case Range(low, high, above, below):
            limits = [limit for limit in (low, high, above, below) if limit is not None]
            return next((text for limit in limits if (text := _limit_misfit(limit, type_))), "")
        case ValidValues(values) | NotMissing(values):
            return next((text for value in values if (text := value_misfit(value, type_))), "")
        case _:
            return ""


def _pattern_misfit(regex: str, type_: PhysicalType) -> str:
    if type_.name != "string":
        return f"a pattern is no matter of {type_}"
    try:
        re.compile(regex)
    except re.error as error:
        return f"the pattern is no regular expression: {error}"
    return ""


def _limit_misfit(limit: Bound, type_: PhysicalType) -> str:
    if type_.is_numeric:
        return "" if not isinstance(limit, str) else f"the limit {limit!r} of {type_} should be a number"
    readers = {"date": date.fromisoformat, "timestamptz": datetime.fromisoformat}
    reader = readers.get(type_.name)
    if reader is None:
        return f"limits are no matter of {type_}"
    try:
        reader(str(limit))
    except ValueError:
        return f"the limit {limit!r} of {type_} should be an ISO 8601 text"
    return ""


def value_misfit(value: Scalar, type_: PhysicalType) -> str:
    """Why a value cannot be one of the type; empty where it can."""
    expected = {"string": str, "boolean": bool}.get(type_.name, int | float if type_.is_numeric else str)
    if isinstance(value, expected) and (type_.name == "boolean" or not isinstance(value, bool)):
        return ""
    return f"the value {value!r} is none of type {type_}"
