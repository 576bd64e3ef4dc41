"""The benchmark of both engines runs, in sizes that say nothing of speed."""

import importlib
import json
from collections import Counter
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def scale(monkeypatch):
    """A module of the benchmark, by its name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return lambda name: importlib.import_module(f"scale.{name}")


@pytest.mark.parametrize(("name", "rows"), [("merge", 200), ("small_files", 200), ("partitions", 10)])
def test_tables_are_measured(scale, tmp_path, name, rows):
    """Each benchmark of bare tables checks what it wrote and read, and tells of every step."""
    figures = getattr(scale("tables"), name)("duckdb", rows, tmp_path)
    assert {each.rows for each in figures} == {rows}
    assert all(each.seconds > 0 for each in figures)


def test_a_heavy_patient_has_the_events_of_the_last(scale, tmp_path):
    """Generated lines are FHIR, each id once; events from the heavy one on are of one patient."""
    scale("resources").Events(0, 100, heavy=40).write(tmp_path / "made")
    made = {
        kind: [json.loads(line) for line in (tmp_path / "made" / f"{kind}.ndjson").read_text().splitlines()]
        for kind in ("Patient", "Procedure", "Observation")
    }
    assert {kind: len({each["id"] for each in found}) for kind, found in made.items()} == {
        "Patient": 3,
        "Procedure": 10,
        "Observation": 90,
    }
    owners = Counter(each["subject"]["reference"] for each in made["Procedure"] + made["Observation"])
    assert sorted(owners.values()) == [20, 20, 60]


def test_what_is_reckoned_agrees_with_itself(scale):
    """Where Spark is said to overtake one machine, both take as long."""
    cost = scale("cost")
    rates = cost.measured_rates()
    assert cost.crossing(64, 64, rates) is None
    resources = cost.crossing(4, 4_096, rates)
    machine = cost.Machine("", 4, 0, 0.0).seconds(resources, rates)
    busy = sum(resources / rates.spark[each].rows_per_second for each in cost.STEPS) / (4_096 * 0.6)
    serial = cost.on_spark(0, rates).seconds
    assert machine == pytest.approx(serial + busy)
