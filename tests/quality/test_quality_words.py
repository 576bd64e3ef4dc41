"""What rules found, in words."""

import pytest

from a360.quality import found


@pytest.mark.parametrize(
    ("failed", "checked", "told"),
    [
        (0, 5, "0 of 5 rows"),
        (2, 2, "2 of 2 rows (100 %)"),
        (1999, 2000, "1,999 of 2,000 rows (99 %)"),
        (197, 200, "197 of 200 rows (98 %)"),
        (1, 3, "1 of 3 rows (33 %)"),
        (1, 40_000, "1 of 40,000 rows (0.0025 %)"),
    ],
)
def test_a_share_is_a_plain_number(failed, checked, told):
    """A share is in two digits, and only all of the rows are 100 %."""
    rule = {"kind": "row", "judged": True, "failed": failed, "checked": checked}
    assert found(rule) == told
