"""What ends a view's query on purpose: the same error, whichever engine ran it."""

import re

from a360.errors import DataError

SEVERAL_VALUES = "several values where one is expected"
TOO_DEEP = "elements nest deeper than {depth} levels"

# The messages that the compiler puts into the SQL: each ends in a pointer into the view, and holds no data.
# Only what an engine gives as raised counts, not a text that quotes the SQL.
_RAISED = r"(?:^Invalid Input Error: |\[USER_RAISED_EXCEPTION\] )"
_PROBLEM = rf"({SEVERAL_VALUES}|{TOO_DEEP.format(depth=r'[0-9]+')})"
_STOP = re.compile(rf"{_RAISED}{_PROBLEM}: ((?:/[A-Za-z0-9_~-]*)+)")


class ViewStoppedError(DataError):
    """A resource does not fit what a view expects of it, so the query ended: no rows came of any resource."""

    def __init__(self, problem: str, pointer: str) -> None:
        self.pointer = pointer
        advice = (
            'write first(), or "collection": true in the column'
            if problem == SEVERAL_VALUES
            else "leave these resources out: no view goes deeper"
        )
        super().__init__(
            "view-stopped", "A resource ended the view", where=pointer, found=problem, next_step=advice
        )


def stopped_by(error: Exception) -> ViewStoppedError | None:
    """The error of the view that an engine's exception is about, if it is about one."""
    found = _STOP.search(str(error))
    return ViewStoppedError(found[1], found[2]) if found else None
