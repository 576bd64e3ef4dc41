"""Records that name several patients."""

from types import SimpleNamespace

import pyarrow as pa

from a360.contract import RecordPlan, SilverStep
from a360.engine.duckdb import BareSession
from a360.trust.rights import _shared


def test_a_record_that_names_somebody_else_is_told_from_those_that_do_not(monkeypatch):
    """So is one that silver does not have; a kind that can name one patient alone is not looked at."""
    monkeypatch.setattr(_shared, "quote_table", lambda dataset: dataset.partition(".")[2])
    rows = {
        "source": ["s"] * 3,
        "visit_id": ["1", "2", "3"],
        "patient_key": ["me"] * 3,
        "guardian_key": ["me", "her", None],
    }
    names = [("patient_key", "patient"), ("guardian_key", "patient"), ("visit_id", None)]
    columns = [SimpleNamespace(name=name, token=token) for name, token in names]
    tables = {"silver.visit": columns, "silver.lone": columns[:1]}
    steps = [
        SilverStep(name, (), (), (), (), (), records=RecordPlan(name.partition(".")[2], "visit_id", ()))
        for name in tables
    ]
    plan = SimpleNamespace(steps=steps, table=lambda name: SimpleNamespace(columns=tables[name]))
    asked = [{"source": "s", "kind": "visit", "id": each} for each in "1234"]
    with BareSession() as session:
        session.register("visit", pa.table(rows))
        session.register("mine", pa.table({"patient_key": ["me"]}))
        lake = SimpleNamespace(session=session, current_snapshot_id=lambda _: "1")
        found = _shared.told_of_others(
            plan, lake, [*asked, {"source": "s", "kind": "lone", "id": "9"}], "mine"
        )
    assert found == {("s", "visit", "2"), ("s", "visit", "4")}
