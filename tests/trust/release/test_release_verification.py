"""The files of a release, looked at once more."""

import pyarrow as pa
import pytest

from a360.trust.gateway import write_csv
from a360.trust.release import measured_again

LONG = "x" * 1_200_000
GROUPS = ["+", "-", "=1", "-5", "'-5", "\uff0bx", "a"]


@pytest.fixture
def verified(tmp_path):
    """What speaks against a CSV file of one column of listed values."""

    def verified(values, listed, *, content=None):
        path = tmp_path / "x.csv"
        with path.open("wb") as stream:
            write_csv(pa.table({"group": values}).to_reader(), stream)
        if content is not None:
            path.write_bytes(content)
        told = {
            "released_at": "2026-01-01T00:00:00+00:00",
            "dataset": "gold.x",
            "contract_version": "1.0.0",
            "profile": "safe_harbor",
            "columns": [
                {
                    "name": "group",
                    "type": "string",
                    "element": "value",
                    "leaves": "as it is",
                    "values": listed,
                }
            ],
            "quasi_identifiers": [],
            "sensitive": [],
            "required": {"k": 11, "l": 2, "suppress": "0"},
            "measured": {"k": None, "l": None, "classes": 0},
            "rows": len(values),
            "patients": None,
            "files": [{"name": path.name, "sha256": ""}],
        }
        return [*measured_again(tmp_path, told)]

    return verified


def test_what_csv_marks_as_a_formula_is_the_value_that_was_certified(verified):
    """The mark is undone; what began with one before keeps it, and a value on no list is found still."""
    assert verified(GROUPS, GROUPS) == []
    assert verified(["+", "++"], ["+"]) == ["x.csv: group: 1 values are not on the contract's list"]


def test_cells_may_be_large(verified):
    """Larger than what Arrow reads at once by itself."""
    assert verified([LONG, LONG], [LONG]) == []


@pytest.mark.parametrize("content", [b"", b'"group"\n"a","b"\n', b'"group"\n"\xff"\n'])
def test_what_cannot_be_read_is_a_fault(verified, content):
    """Without what it holds, and no error of Arrow's."""
    assert verified(["a"], ["a"], content=content) == [
        "x.csv: cannot be read as the columns that were certified"
    ]
