"""No file, however wrong, breaks the linter."""

import copy
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from a360.contract import Fault, FaultyContractsError, assign_field_ids, lint
from a360.contract._yaml import walk

NAMES = ("silver/patient.yaml", "silver/encounter.yaml", "gold/visits.yaml", "lake.yaml", "field_ids.yaml")
WRONG = (
    st.none()
    | st.booleans()
    | st.integers(-3, 10**12)
    | st.floats(-1e3, 1e3)
    | st.sampled_from(["", "x", "silver.patient", "a.b", "domain:clinical", "phi", "SELECT 1", "(", "date"])
    | st.just([])
    | st.just({})
    | st.lists(st.just("x"), min_size=1, max_size=2)
    | st.dictionaries(st.sampled_from(["name", "property", "value", "x"]), st.just("a360.token"), min_size=1)
)


@pytest.fixture
def texts(small_lake):
    """Every file of a sound lake, by name."""
    files = (path for path in small_lake.folder.rglob("*") if path.is_file())
    return {str(path.relative_to(small_lake.folder)): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize("name", NAMES)
def test_any_wrong_value_anywhere_is_a_fault_and_no_crash(texts, name):
    """With values of a file replaced, removed or added at will, the linter still answers with faults."""
    sound = yaml.safe_load(texts[name])
    places = [loc for loc, _ in walk(sound) if loc]

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(places), WRONG, st.booleans()), min_size=1, max_size=3))
    def check(changes):
        data = copy.deepcopy(sound)
        for loc, value, remove in changes:
            change(data, loc, value, remove=remove)
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root, "contracts")
            for other, text in {**texts, name: yaml.safe_dump(data)}.items():
                (folder / other).parent.mkdir(parents=True, exist_ok=True)
                (folder / other).write_text(text, encoding="utf-8")
            faults = lint(folder)
            assert all(isinstance(fault, Fault) and fault.line >= 1 for fault in faults)
            with suppress(FaultyContractsError):  # which only a broken ledger raises
                assign_field_ids(folder)

    check()


def change(data, loc, value, *, remove: bool) -> None:
    """Put a value in a place, or take away what is there; a place that is gone already is left."""
    for step in loc[:-1]:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(data, dict) and remove:
        data.pop(loc[-1], None)
    elif isinstance(data, dict) or (
        isinstance(data, list) and isinstance(loc[-1], int) and loc[-1] < len(data)
    ):
        data[loc[-1]] = copy.deepcopy(value)
