"""What a rule found and what it asks for, in words; the same on a screen and in a report."""

import math
from collections.abc import Mapping
from typing import Any

from a360.quality._results import CHANGES


def found(rule: Mapping[str, Any]) -> str:
    """What was measured, of a result as its JSON has it."""
    if rule["kind"] in CHANGES and not rule["judged"]:
        return "too little history"
    if rule["failed"] is not None and rule["kind"] not in CHANGES:
        share = f" ({_percent(100 * rule['failed'] / rule['checked'])} %)" if rule["failed"] else ""
        return f"{rule['failed']:,} of {rule['checked']:,} rows{share}"
    return "nothing" if rule["measured"] is None else f"{_number(rule['measured'])}{_unit(rule)}"


def asked(rule: Mapping[str, Any]) -> str:
    """What it must be."""
    if rule["operator"] is None:
        return "none"
    limits = " and ".join(map(_number, rule["threshold"]))
    words = {
        "mustBe": "",
        "mustNotBe": "not ",
        "mustBeGreaterThan": "over ",
        "mustBeGreaterOrEqualTo": "at least ",
        "mustBeLessThan": "under ",
        "mustBeLessOrEqualTo": "at most ",
        "mustBeBetween": "between ",
        "mustNotBeBetween": "not between ",
    }
    return f"{words[rule['operator']]}{limits}{_unit(rule)}"


def _percent(share: float) -> str:
    """In two digits; all of them is 100, and what is not quite all is not."""
    return f"{share:.2g}" if share < 99 else f"{math.floor(share)}"  # noqa: PLR2004 - two digits round up to 100


def _number(value: float) -> str:
    if float(value).is_integer():
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 1 else f"{value:.3g}"


def _unit(rule: Mapping[str, Any]) -> str:
    return {"percent": " %", "hours": " h"}.get(rule["unit"] or "", "")
