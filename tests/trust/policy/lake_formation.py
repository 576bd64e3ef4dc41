"""Lake Formation as its documentation has it, over the plain data that carries a policy.

Permissions only add up: there is no deny. A tag reaches from a database to its tables and their columns
unless one of them bears another value of the same key. A data cell filter shows the columns that it includes
in the rows that its expression lets through, which compares columns with constants and calls no function. A
view with its definer's rights shows what it says to whom it is granted, whatever they may see beneath.
"""

import re
from functools import cache

_CONSENT = re.compile(
    r'"patient_key" (NOT )?IN \(SELECT "patient_key" FROM "silver"."consent" WHERE "patient_key" IS NOT NULL'
    r" AND \(code = '\w+'\) AND \(status = '(active|stopped)'[^()]*\)\)"
)
_CONSTANTS = re.compile(r"(\(|\)|AND|OR|[a-z]\w* (=|<>) ('\w+'|\d+)|[a-z]\w* IN \([^()]*\)|\s)*")


def holds(conditions, world):
    """Whether all conditions hold for a row."""
    return all(_compiled(each)(world) for each in conditions)


@cache
def _compiled(condition):
    def consent(found):
        assert (found[1] == "NOT ") == (found[2] == "stopped")
        return "(not taken)" if found[1] else "given"

    text = _CONSENT.sub(consent, condition)
    assert "patient_key" not in text
    for sql, python in (
        (" = ", " == "),
        ("<>", "!="),
        (" AND ", " and "),
        (" OR ", " or "),
        (" IN ", " in "),
    ):
        text = text.replace(sql, python)
    code = compile(text.replace("false", "False"), condition, "eval")
    return lambda world: bool(eval(code, {"length": len}, dict(world)))


def forms(decision, column, world):
    """How a decision shows a cell of a row; None where it does not."""
    told = decision.columns[column]
    if not decision.allowed or not told.allowed or not holds(decision.where, world):
        return None
    if not told.cells:
        return told.mask or "clear"
    return next((cell.mask or "clear" for cell in told.cells if holds(cell.where, world)), None)


def seen(carriers, assignments, principal, dataset, column, world):
    """Every form in which a principal can see a cell: in the table, and in views of it."""
    zone = dataset.partition(".")[0]
    tags = {**assignments.get(zone, {}), **assignments.get(dataset, {})}
    tags |= assignments.get(f"{dataset}.{column}", {})
    for grant in carriers.tag_grants:
        if grant.principal == principal and all(tags.get(key) in values for key, values in grant.expression):
            yield "clear"
    for each in carriers.filters:
        if each.principal == principal and each.dataset == dataset and column in each.columns:
            assert each.rows is None or (_CONSTANTS.fullmatch(each.rows) and len(each.rows) < 2048)
            if each.rows is None or holds((each.rows,), world):
                yield "clear"
    for view in carriers.views:
        if view.principal == principal and view.decision.dataset == dataset:
            form = forms(view.decision, column, world)
            if form:
                yield form
