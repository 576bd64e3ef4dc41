"""Emergencies from declaration to review, kept in the audit log."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from a360.contract import (
    BreakGlassPlan,
    ColumnPlan,
    GrantPlan,
    LakePlan,
    PolicyPlan,
    RolePlan,
    TablePlan,
    Whom,
)
from a360.errors import ConflictError, DeniedError, OperatorError, UsageError
from a360.protect import LocalKeyStore, LocalSealer
from a360.trust.audit import LocalAuditLog, Search, search
from a360.trust.emergency import Emergencies
from a360.trust.policy import Policy, Principal

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ADA = Principal("ada", ("nurse",))
AUDITOR = Principal("eve", ("auditor",))
REASON = "Zebulon lies unconscious in room 3"


def _plan():
    seen = TablePlan("silver", "seen", (ColumnPlan("f1", "string", False, 1, "phi"),))
    log = TablePlan("ops", "audit", (ColumnPlan("details", "string", False, 1, "operational"),))
    grant = GrantPlan(
        "log", ("select",), ("ops.audit",), ("operational",), ("ops.audit.details",), role="auditor"
    )
    nurses = Whom(roles=("nurse",))
    policy = PolicyPlan(
        purposes=("treatment", "compliance"),
        roles=(RolePlan("nurse", ("treatment",)), RolePlan("auditor", ("compliance",))),
        grants=(grant,),
        break_glass=(BreakGlassPlan("crash", nurses, ("silver.seen.f1",), ("treatment",), 30),),
    )
    return LakePlan("small", "local", (), (seen,), (), policy, relations=(log,))


@pytest.fixture
def log(tmp_path):
    """An audit log."""
    (tmp_path / "audit").mkdir(mode=0o700)
    keys = LocalKeyStore.create(tmp_path / "keys")
    with LocalAuditLog.open(tmp_path / "audit", keys) as opened:
        opened.sealer, opened.keys = LocalSealer(keys), keys
        yield opened


@pytest.fixture
def emergencies(log):
    """The emergencies of a lake with nurses and auditors."""
    return _emergencies(log, log)


def _emergencies(audit, log):
    return Emergencies(Policy(_plan()), audit, log.sealer, lock=log.folder.parent / ".reviews")


def test_an_emergency_is_found_until_it_is_over(emergencies):
    """It lasts as long as its rule says at most, and another process finds it while it does."""
    made = emergencies.declare(ADA, "crash", REASON, minutes=600, at=NOW)
    assert made.ends - made.begins == timedelta(minutes=30)
    assert made.purpose == "treatment"
    assert emergencies.standing(ADA, "crash", at=NOW + timedelta(minutes=29)) == made
    other = Principal("ada", ("nurse",), acting_for="boss")
    for who, rule, after in (
        (ADA, "crash", 30),
        (ADA, "flood", 1),
        (AUDITOR, "crash", 1),
        (other, "crash", 1),
    ):
        with pytest.raises(DeniedError, match="that is not over"):
            emergencies.standing(who, rule, at=NOW + timedelta(minutes=after))


@pytest.mark.parametrize(
    ("who", "rule", "purpose"),
    [
        (AUDITOR, "crash", "treatment"),
        (ADA, "flood", None),
        (ADA, "crash", "compliance"),
        (Principal("ada", ("nurse",), acting_for="boss"), "crash", None),
    ],
)
def test_who_no_rule_names_declares_nothing(emergencies, log, who, rule, purpose):
    """Another principal, rule or purpose, and who acts for somebody, are refused on record."""
    with pytest.raises(DeniedError):
        emergencies.declare(who, rule, REASON, purpose=purpose)
    assert [row["outcome"] for row in _rows(log, "break-glass")] == ["denied"]


@pytest.mark.parametrize(
    ("reason", "minutes"), [("why", None), (" " * 20, None), ("x" * 1001, None), (REASON, 0)]
)
def test_an_emergency_needs_a_reason_and_time(emergencies, log, reason, minutes):
    """A reason that says nothing, or no time, makes no emergency and no record."""
    with pytest.raises(UsageError):
        emergencies.declare(ADA, "crash", reason, minutes=minutes)
    assert not _rows(log, "break-glass")


def test_somebody_else_reviews_it(emergencies, log):
    """It is open until one who may read the audit log, and did not declare it, closes it, once."""
    made = emergencies.declare(ADA, "crash", REASON, at=NOW)
    [waiting] = emergencies.declared(AUDITOR)
    assert (waiting.id, waiting.reason, waiting.open) == (made.id, REASON, True)
    hers = Principal("eve", ("auditor",), acting_for="ada")
    for who in (ADA, hers, Principal("visitor")):
        with pytest.raises(DeniedError):
            emergencies.review(who, made.id, "justified", "looked at the chart")
    with pytest.raises(UsageError, match="no such"):
        emergencies.review(AUDITOR, "7-0000000000000000", "justified", "looked at the chart")
    assert not emergencies.review(AUDITOR, made.id, "unjustified", "Zebulon was not here").open
    [closed] = emergencies.declared(AUDITOR)
    assert (closed.finding, closed.reviewer, closed.remark) == ("unjustified", "eve", "Zebulon was not here")
    with pytest.raises(ConflictError, match="has been reviewed"):
        emergencies.review(AUDITOR, made.id, "justified", "looked at the chart")
    assert next(row["rules"] for row in _rows(log, "break-glass")) == "break-glass crash"


def test_one_that_was_not_justified_is_over_at_once(emergencies):
    """What a review found unjustified shows nothing any more; what it found justified lasts its time."""
    first = emergencies.declare(ADA, "crash", REASON, at=NOW)
    second = emergencies.declare(ADA, "crash", REASON, at=NOW + timedelta(minutes=1))
    after = NOW + timedelta(minutes=2)
    emergencies.review(AUDITOR, second.id, "unjustified", "nobody was here", at=after)
    assert emergencies.standing(ADA, "crash", at=after).id == first.id
    emergencies.review(AUDITOR, first.id, "justified", "looked at the chart", at=after)
    assert emergencies.standing(ADA, "crash", at=after).id == first.id
    third = emergencies.declare(ADA, "crash", REASON, at=after + timedelta(minutes=29))
    emergencies.review(AUDITOR, third.id, "unjustified", "nobody was here", at=third.begins)
    with pytest.raises(DeniedError, match="that is not over"):
        emergencies.standing(ADA, "crash", at=third.begins)


def test_of_two_reviews_at_once_the_first_stands(emergencies, log):
    """Reviewers who do not know of each other close it once: one is told that the other was there."""
    made = emergencies.declare(ADA, "crash", REASON)
    gate = threading.Barrier(4)

    def review(number):
        gate.wait()
        try:
            return emergencies.review(AUDITOR, made.id, ("justified", "unjustified")[number % 2], REASON)
        except ConflictError as conflict:
            return conflict.code.slug

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(review, range(4)))
    assert told.count("emergency-reviewed") == 3
    [closed] = emergencies.declared(AUDITOR)
    [first] = [each for each in told if each != "emergency-reviewed"]
    assert closed.finding == first.finding
    done = [row for row in _rows(log, "break-glass.review") if row["outcome"] == "done"]
    assert len(done) == 1


def test_reasons_lie_sealed_and_their_opening_is_on_record(emergencies, log):
    """No file of the log has a word of a reason or remark; who may not read the log does not open them."""
    made = emergencies.declare(ADA, "crash", REASON)
    emergencies.review(AUDITOR, made.id, "justified", "Zebulon was brought in")
    with pytest.raises(DeniedError):
        emergencies.declared(ADA)
    emergencies.declared(AUDITOR)
    assert [(row["principal"], row["outcome"]) for row in _rows(log, "open")] == [
        ("ada", "denied"),
        ("eve", "allowed"),
    ]
    assert b"Zebulon" not in b"".join(path.read_bytes() for path in log.folder.glob("*.jsonl"))


def test_a_reason_can_be_erased(emergencies, log):
    """Who destroys its key takes the text of a reason, and nothing else of the record."""
    made = emergencies.declare(ADA, "crash", REASON)
    for key in log.keys.key_ids():
        log.keys.destroy(key)
    [waiting] = emergencies.declared(AUDITOR)
    assert (waiting.id, waiting.rule, waiting.reason) == (made.id, "crash", None)


def test_no_record_no_emergency(log):
    """Where the log takes no record there is no emergency."""

    class Full:
        def record(self, _event):
            raise OperatorError("audit-unwritable", "no space", next_step="make room")

    with pytest.raises(OperatorError, match="no space"):
        _emergencies(Full(), log).declare(ADA, "crash", REASON)


def _rows(log, action):
    rows = search(log.folder, Search(action=action)).read_all().to_pylist()
    return [row for row in rows if row["action"] == action]
