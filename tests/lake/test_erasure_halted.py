"""Holds and erasures that ended half way: what can be kept is kept, and what is gone is told."""

import json
from pathlib import Path

import pytest
from erasure_samples import REFUSED, RESOURCES, bring, bytes_under, everything, opened
from lakes import only, rows_of

import a360
from a360.errors import DeniedError
from a360.failpoints import ENV, FailpointError


@pytest.fixture(scope="module")
def lake(tmp_path_factory, contracts):
    """A lake of four patients, with a picture of none."""
    folder = tmp_path_factory.mktemp("halted")
    with a360.open(folder / "lake", contracts=contracts) as lake:
        bring(lake, folder / "in", [*RESOURCES, REFUSED])
        lake.run()
        yield lake


def cut_short(monkeypatch, place, work):
    """Have work die at a place."""
    monkeypatch.setenv(ENV, f"{place}=raise")
    with pytest.raises(FailpointError):
        work()
    monkeypatch.delenv(ENV)


@pytest.mark.parametrize("place", ["rows-taken", "recompute"])
def test_a_hold_withdraws_what_can_be_undone(lake, monkeypatch, place):
    """Nothing is gone for good yet: the hold has every row back, in bronze too, and the next run is quiet."""
    key = lake.erasures.key_of("default", "a")
    before, texts = everything(lake), sorted(opened(lake))
    cut_short(monkeypatch, f"erasure.{place}", lambda: lake.erasures.erase(key))
    held = lake.erasures.hold(key, "case 1/2026")
    assert only(held.halted).withdrawn
    assert everything(lake) == before
    assert sorted(opened(lake)) == texts
    assert lake.erasures.resume() == []
    assert not [step for step in lake.run().steps if step.commit_id]
    assert lake.tables.read("ops.erased").num_rows == 0
    record = rows_of(lake, "SELECT details FROM ops.audit WHERE action = 'erase' AND outcome = 'failed'")[-1]
    assert json.loads(record["details"])["withdrawn"] == "legal-hold"
    lake.erasures.release(held.hold.hold_id)


def test_a_hold_that_was_placed_stops_a_call_that_completes(lake, monkeypatch):
    """Where the hold itself ended half way, the next call asks for holds, and undoes what it can."""
    key = lake.erasures.key_of("default", "a")
    before = everything(lake)
    cut_short(monkeypatch, "erasure.take_rows", lambda: lake.erasures.erase(key))
    cut_short(monkeypatch, "erasure.rolled-back", lambda: lake.erasures.hold(key, "case 2/2026"))
    assert lake.erasures.resume() == []
    assert everything(lake) == before
    for hold in lake.erasures.holds:
        if hold.released_at is None:
            lake.erasures.release(hold.hold_id)


def test_what_others_wrote_since_is_never_undone(lake, monkeypatch, tmp_path):
    """Where somebody has committed meanwhile the erasure stops where it stands, and nothing is gone."""
    key = lake.erasures.key_of("default", "b")
    cut_short(monkeypatch, "erasure.take_rows", lambda: lake.erasures.erase(key))
    bring(lake, tmp_path / "more", [{"resourceType": "Patient", "id": "new"}])
    held = lake.erasures.hold(key, "case 3/2026")
    halted = only(held.halted)
    assert not halted.withdrawn
    assert (halted.keys, halted.objects, halted.tables) == (0, 0, 0)
    snapshots = {each.snapshot_id for each in lake.tables.snapshots("silver.patient")}
    with pytest.raises(DeniedError):
        lake.erasures.resume()
    assert {each.snapshot_id for each in lake.tables.snapshots("silver.patient")} == snapshots
    lake.erasures.release(held.hold.hold_id)
    assert only(lake.erasures.resume()).rows["silver.patient"] == 1


def test_what_is_gone_is_told_and_no_more_goes(lake, monkeypatch):
    """Past the first key nothing can be undone: the hold says what is gone, and all erasures wait for it."""
    key, other = (lake.erasures.key_of("default", each) for each in ("c", "d"))
    cut_short(monkeypatch, "erasure.table-purged", lambda: lake.erasures.erase(key))
    held = lake.erasures.hold(key, "case 4/2026")
    halted = only(held.halted)
    assert not halted.withdrawn
    assert halted.keys >= 1
    assert halted.tables == 1
    for work in (lake.erasures.resume, lambda: lake.erasures.erase(other), lake.erasures.erase_aged):
        with pytest.raises(DeniedError) as raised:
            work()
        assert raised.value.code.slug == "legal-hold"
        assert "1 tables" in str(raised.value)
    lake.erasures.release(held.hold.hold_id)
    done = only(lake.erasures.resume())
    assert json.loads(Path(done.certificate).read_text())["rows"]["silver.patient"] == 1
    assert not [text for text in bytes_under(lake.path) if key.encode() in text]


def test_a_withdrawn_erasure_leaves_known_what_another_has_erased(lake, monkeypatch):
    """Where a second erasure of somebody is withdrawn, the first goes on keeping them out."""
    key = lake.erasures.key_of("default", "c")
    before = sorted(rows_of(lake, "SELECT kind, digest, erasure_id FROM ops.erased"), key=str)
    assert before
    cut_short(monkeypatch, "erasure.suppress", lambda: lake.erasures.erase(key))
    held = lake.erasures.hold(key, "case 5/2026")
    assert only(held.halted).withdrawn
    assert sorted(rows_of(lake, "SELECT kind, digest, erasure_id FROM ops.erased"), key=str) == before
    lake.erasures.release(held.hold.hold_id)
