"""A server that runs while the policy is changed."""

import errno
import os
import shutil
import stat

import pytest

import a360
from a360.contract import default_contracts
from a360.errors import A360Error, DeniedError, OperatorError
from a360.lake import _served
from a360.trust.policy import Principal

ANALYST = Principal("analyst", ("analyst",))
ASKED = "SELECT count(*) AS n FROM gold.patient_360"
GRANT = "  - role: analyst\n    actions: [select, describe]\n    zones: [gold]\n"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with contracts of its own, that may be changed."""
    folder = tmp_path_factory.mktemp("in-force")
    shutil.copytree(default_contracts(), folder / "contracts")
    for path in (folder / "contracts").rglob("*"):
        path.chmod(path.stat().st_mode | stat.S_IWUSR)
    with a360.open(folder / "lake", contracts=folder / "contracts") as opened:
        yield opened, folder


def put_in_force(folder, text):
    """Have another `lake.yaml` in force, as any command of an operator does beside a server."""
    (folder / "contracts" / "lake.yaml").write_text(text)
    with a360.open(folder / "lake", contracts=folder / "contracts") as other:
        assert other._parts.policy


def may(served):
    """Whether the gateway lets an analyst ask."""
    try:
        served.gateway.query(ANALYST, ASKED, purpose="operations")
    except DeniedError:
        return False
    except A360Error:  # there is no such table yet
        return True


def test_a_server_goes_by_the_policy_in_force(lake, monkeypatch):
    """What a policy takes away is gone once it is applied; one that is not to be had answers nobody."""
    opened, folder = lake
    before = (folder / "contracts" / "lake.yaml").read_text()
    assert GRANT in before
    serving = opened.served()
    assert may(first := serving())
    assert serving() is first
    put_in_force(folder, before.replace(GRANT, GRANT.replace("zones: [gold]", "datasets: [gold.lot_trace]")))
    stricter = serving()
    assert not may(stricter)
    assert not stricter.policy.decide(ANALYST, "select", "gold.patient_360", purpose="operations").allowed
    assert stricter.door.sessions is first.door.sessions
    assert serving() is stricter
    # Somebody has put another policy in force than that of the contracts that the server reads.
    policy = folder / "lake" / "policy.json"
    known = policy.read_bytes()
    for other in (known.replace(b'"fingerprint"', b'"x"'), b"garbage", None):
        policy.unlink() if other is None else policy.write_bytes(other)
        for _ in range(2):
            with pytest.raises(OperatorError) as refused:
                serving()
            assert refused.value.code.slug == "policy-unknown"
    policy.write_bytes(known)
    assert serving() is stricter
    # Contracts that cannot be read at the moment are read a little later.
    (folder / "contracts" / "lake.yaml").write_text("garbage: [")
    policy.write_bytes(known.replace(stricter.policy.fingerprint.encode(), b"another"))
    with pytest.raises(OperatorError):
        serving()
    monkeypatch.setattr(_served, "_BETWEEN_SECONDS", 0.0)
    policy.write_bytes(known)
    os.utime(policy)
    assert serving() is stricter
    put_in_force(folder, before)
    assert may(serving())


@pytest.mark.parametrize("fault", [OSError(errno.EMFILE, "too many open files"), MemoryError()], ids=str)
def test_a_fault_that_is_not_ours_leaves_no_older_policy_in_force(lake, monkeypatch, fault):
    """While another policy cannot be read, for whatever reason, nobody is answered under the one before."""
    opened, folder = lake
    serving = opened.served()
    first = serving()
    os.utime(folder / "lake" / "policy.json")
    with monkeypatch.context() as patched:

        def broken(_path):
            raise fault

        patched.setattr(_served, "policy_on_record", broken)
        for _ in range(2):
            with pytest.raises(OperatorError) as refused:
                serving()
            assert refused.value.code.slug == "policy-unknown"
    with pytest.raises(OperatorError):
        serving()
    monkeypatch.setattr(_served, "_BETWEEN_SECONDS", 0.0)
    assert serving() is first
