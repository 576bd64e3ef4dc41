"""Sessions, API tokens, lockouts and rates."""

import json
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from a360.errors import DeniedError, OperatorError, UsageError
from a360.serve import make_app
from a360.trust.identity import ApiTokens, TokenIssuer
from a360.trust.policy import Policy

ELSEWHERE = "198.51.100.9"


def made_up(number=0):
    """What has the form of an API token, and is none."""
    return f"a360_{number:016x}_{'0' * 64}"


def status(house, secret, address="192.0.2.1"):
    """How somebody fares who says who they are."""
    return house.ask("GET", "/v1/session", secret, address).status_code


def always(served):
    """What a server asks for what it answers from."""
    return lambda: served


def other_secret(token):
    """The token with a secret that is not its own."""
    return token[:-1] + ("0" if token[-1] != "0" else "1")


def test_an_idle_session_ends_after_a_quarter_of_an_hour(house):
    """A session lasts while it is used, and ends 15 minutes after it was used last."""
    session = house.log_in()
    for _ in range(3):
        house.clock.now += 14 * 60 + 59
        assert status(house, session) == 200
    house.clock.now += 15 * 60
    assert status(house, session) == 401
    assert ("nobody", "denied", "the session has ended") in house.events("login")


def test_a_session_that_is_used_ends_after_half_a_day(house):
    """However busy, a session ends 12 hours after it began."""
    session = house.log_in()
    for _ in range(72):
        assert status(house, session) == 200
        house.clock.now += 10 * 60
    assert status(house, session) == 401


def test_a_session_that_was_ended_is_over(house):
    """Who logs out has no session any more, and it is on record."""
    session = house.log_in()
    assert house.ask("DELETE", "/v1/session", session).status_code == 204
    assert status(house, session) == 401
    assert house.events("logout")[-1] == ("nurse", "done", None)


def test_no_session_is_fixed_by_who_asks(house):
    """The server alone makes ids: a new one for each login, and none that a client brings along."""
    chosen = "a360s_" + "A" * 43
    body = {"session": chosen}
    headers = {"Cookie": f"session={chosen}; a360={chosen}", "X-Session": chosen}
    answer = house.ask("POST", "/v1/session", house.provider.token(), json=body, headers=headers)
    first, second = answer.json()["session"], house.log_in()
    assert len({chosen, first, second}) == 3
    assert status(house, chosen) == 401
    assert house.ask("POST", "/v1/session", first).status_code == 401
    assert status(house, first) == status(house, second) == 200


def test_a_session_is_told_in_one_place(house):
    """Neither a cookie nor a header of another name is looked at, and no cookie is set."""
    session = house.log_in()
    for headers in ({"Cookie": f"session={session}"}, {"X-Api-Key": session}, {"Authorization": session}):
        assert house.ask("GET", "/v1/session", headers=headers).status_code == 401
    assert "set-cookie" not in house.ask("GET", "/v1/session", session).headers


@pytest.mark.parametrize("name", ["token", "access_token", "Session", "API_KEY", "sql"])
def test_no_secret_is_taken_from_a_url(house, name):
    """A URL with a secret is refused, whatever the parameter is called, though the secret be good."""
    answer = house.ask("GET", "/v1/query", params={"sql": "SELECT 1", name: house.api_token()})
    assert answer.status_code == 400
    assert "revoke" in answer.json()["detail"]


def test_who_is_wrong_too_often_is_locked_out_by_address(house):
    """After ten failures nobody gets in from the address for 15 minutes; from others they do."""
    good = house.api_token()
    session = house.log_in()
    for number in range(10):
        assert status(house, made_up(number)) == 401
    locked = house.ask("GET", "/v1/session", good)
    assert (locked.status_code, locked.headers["retry-after"]) == (429, "900")
    assert house.ask("POST", "/v1/session", house.provider.token()).status_code == 429
    assert status(house, good, ELSEWHERE) == 200
    assert status(house, session) == 200
    assert house.events("lockout")[-1][:2] == ("nobody", "done")
    house.clock.now += 15 * 60
    assert status(house, good) == 200


def test_only_what_is_attacked_is_locked_out(house):
    """Ten wrong secrets for a token lock it where they come from, and neither its owner nor neighbours."""
    good, others = house.api_token("robot"), house.api_token("owner")
    for _ in range(10):
        assert status(house, other_secret(good)) == 401
    assert house.events("lockout")[-1][:2] == ("robot", "done")
    assert status(house, good) == status(house, other_secret(good)) == 429
    assert status(house, good, ELSEWHERE) == 200
    assert status(house, house.api_token("robot")) == status(house, others) == 200
    house.clock.now += 15 * 60
    assert status(house, good) == 200


def test_nobody_learns_which_tokens_there_are(house):
    """Ids of tokens that are there, are not and have expired are told alike, until they are locked."""
    expired = house.tokens.create("robot", timedelta(seconds=1e-6))[1]
    known = (house.api_token("robot"), made_up(), expired)
    for _ in range(11):
        answers = [house.ask("GET", "/v1/session", other_secret(each)) for each in known]
        assert len({(each.status_code, each.text) for each in answers}) == 1
    assert answers[0].status_code == 429
    told = house.new_door().ask("GET", "/v1/session", expired).json()["detail"]
    assert "the token has expired" in told


def test_a_user_is_locked_out_by_tokens_that_its_provider_signed(house):
    """A signed token that is sent again and again locks its user's logins, and no API token of its."""
    token, session = house.provider.token(), house.log_in()
    house.log_in(token, address=ELSEWHERE)
    for number in range(10):
        assert house.ask("POST", "/v1/session", token, address=f"203.0.113.{number}").status_code == 401
    assert house.ask("POST", "/v1/session", house.provider.token(), ELSEWHERE).status_code == 429
    assert status(house, session) == status(house, house.api_token(), ELSEWHERE) == 200


def test_a_session_ends_with_the_token_that_it_began_with(house):
    """Revoking a token, or its expiry, ends the sessions begun with it at once, and no others of its user."""
    now = [datetime.now(UTC)]
    house.tokens._clock = lambda: now[0]
    tokens = [house.tokens.create("nurse", timedelta(days=days)) for days in (1, 2, 3)]
    sessions = [house.log_in(text) for _, text in tokens]
    assert [status(house, each) for each in sessions] == [200] * 3
    house.tokens.revoke(tokens[1][0].id)
    assert [status(house, each) for each in sessions] == [200, 401, 200]
    assert house.events("login")[-1] == (
        "nurse",
        "denied",
        "what the session began with does not hold any more",
    )
    now[0] = tokens[0][0].expires_at
    assert [status(house, each) for each in sessions] == [401, 401, 200]
    now[0] = tokens[0][0].created_at
    assert [status(house, each) for each in sessions] == [401, 401, 200]


@pytest.mark.parametrize("by", ["token", "provider"])
def test_a_session_is_of_who_its_user_is_now(house, by):
    """A user that loses its roles has lost them in its sessions, and one that is gone has none any more."""
    session = house.log_in(house.api_token() if by == "token" else None)
    policy = house.served.plan.policy
    for users, seen in (
        ((replace(policy.user("nurse"), roles=("engineer",)),), (200, ["engineer"])),
        ((), (401, None)),
        (policy.users, (401, None)),
    ):
        plan = replace(house.served.plan, policy=replace(policy, users=users))
        served = replace(house.served, plan=plan, policy=Policy(plan), door=house.served.door.under(plan))
        house = replace(house, served=served, app=make_app(always(served)))
        answer = house.ask("GET", "/v1/session", session)
        assert (answer.status_code, answer.json().get("roles")) == seen


def test_nobody_is_locked_out_by_tokens_that_nobody_signed(house):
    """A token that names a user and is signed by somebody else counts for the address, not for the user."""
    forged = house.provider.token(key=house.provider.curve, alg="ES256", headers={"kid": "rsa"})
    for number in range(12):
        assert house.ask("POST", "/v1/session", forged, address=f"203.0.113.{number}").status_code == 401
    assert house.log_in(address="203.0.113.99")


def test_neighbours_in_a_network_of_ipv6_are_one(house):
    """Who has a network of 64 bits has no new tries with each of its addresses."""
    for number in range(10):
        assert status(house, "a360_x", f"2001:db8::{number:x}") == 401
    assert status(house, "a360_x", "2001:db8::ffff") == 429
    assert status(house, "a360_x", "2001:db8:0:1::1") == 401


def test_strangers_do_not_fill_the_log(house):
    """However often an address asks without credentials, only so many refusals are on record."""
    before = len(house.events("login"))
    told = [house.ask("GET", "/v1/tables").status_code for _ in range(60)]
    assert set(told) == {401, 429}
    assert len(house.events("login")) - before == told.count(401) == 30


def test_who_asks_too_often_is_locked_out_all_the_same(house):
    """Wrong secrets count where an address has used up its tries: nobody probes on unseen."""
    good = house.api_token()
    for _ in range(31):
        house.ask("GET", "/v1/tables")
    for number in range(10):
        assert status(house, made_up(number)) == 429
    assert status(house, good) == 429
    assert house.events("lockout")[-1][:2] == ("nobody", "done")


def test_a_principal_asks_so_often_and_no_more(house):
    """A principal that asks without pause is told to wait, and others are not."""
    session, other = house.log_in(), house.api_token("owner")
    told = [status(house, session) for _ in range(110)]
    assert told.count(429) == 10
    assert status(house, other) == 200
    house.clock.now += 1
    assert status(house, session) == 200


def test_a_token_is_kept_as_a_digest_that_only_the_owner_can_read(house):
    """The lake's folder holds no API token, and others of the machine cannot read what it holds."""
    text = house.api_token()
    identity, secret = re.fullmatch(r"a360_([0-9a-f]{16})_([0-9a-f]{64})", text).groups()
    file = house.lake.folder / "tokens" / f"{identity}.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert not any(secret in path.read_text("latin-1") for path in file.parent.iterdir())
    assert secret not in house.lake.records()


def test_a_token_ends_when_it_expires_or_is_revoked(house):
    """A token is void from the second it expires, and at once when it is revoked."""
    now = [datetime.now(UTC)]
    tokens = ApiTokens(house.lake.folder / "tokens", b"key", clock=lambda: now[0])
    token, text = tokens.create("nurse", timedelta(days=1))
    assert tokens.check(text).token == token
    now[0] = token.expires_at - timedelta(seconds=1)
    assert tokens.check(text).token
    now[0] = token.expires_at
    assert (tokens.check(text).token, tokens.check(text).reason) == (None, "the token has expired")
    now[0] = token.created_at
    tokens.revoke(token.id)
    assert tokens.check(text).token is None
    with pytest.raises(UsageError, match="no API token"):
        tokens.revoke(token.id)


def test_a_token_of_another_lake_is_none(house):
    """The digest is keyed: a token's file that is copied into another lake lets nobody in."""
    tokens = ApiTokens(house.lake.folder / "tokens", b"key")
    _, text = tokens.create("nurse", timedelta(days=1))
    assert ApiTokens(house.lake.folder / "tokens", b"another").check(text).token is None


@pytest.mark.parametrize("change", ["mode", "text", "name"])
def test_a_tokens_file_that_was_changed_lets_nobody_in(house, change):
    """A token's file that others may have written answers nobody: its operator has to look."""
    tokens = ApiTokens(house.lake.folder / f"changed-{change}", b"key")
    token, text = tokens.create("nurse", timedelta(days=1))
    file = house.lake.folder / f"changed-{change}" / f"{token.id}.json"
    if change == "mode":
        file.chmod(0o640)
    elif change == "text":
        file.write_text(json.dumps({"user": "owner"}))
    else:
        text = text.replace(token.id, "0" * 16)
        file.rename(file.with_stem("0" * 16))
    with pytest.raises(OperatorError, match="cannot be trusted"):
        tokens.check(text)


def test_tokens_are_for_users_and_purposes_of_the_policy(house):
    """A token is made on record, for a user and a purpose of lake.yaml and for a year at most."""
    issuer = TokenIssuer(house.tokens, house.served.policy, house.served.audit, "operator")
    for user, purpose, days in (("clinician", None, 1), ("nurse", "research", 1), ("nurse", None, 400)):
        with pytest.raises(UsageError):
            issuer.create(user, timedelta(days=days), purpose=purpose)
    token, text = issuer.create("nurse", timedelta(days=1), purpose="treatment")
    assert status(house, text) == 200
    issuer.revoke(token.id)
    assert status(house, text) == 401
    assert (
        house.events("token.create")[-1][:2] == house.events("token.revoke")[-1][:2] == ("operator", "done")
    )


def test_a_token_that_is_not_on_record_is_not_there(house):
    """Where the record fails, no token is left that anybody could use."""

    class Unwritable:
        def record(self, _):
            raise OperatorError("audit-unwritable", "The disk is full")

    before = house.tokens.all()
    with pytest.raises(OperatorError):
        TokenIssuer(house.tokens, house.served.policy, Unwritable(), "x").create("nurse", timedelta(days=1))
    assert house.tokens.all() == before


def test_tools_send_a_token_as_a_password(house):
    """Basic credentials are a user and its token; another user's name with it is refused."""
    text = house.api_token("robot")
    told = {
        name: house.ask("GET", "/v1/session", auth=(name, text)).status_code for name in ("robot", "owner")
    }
    assert told == {"robot": 200, "owner": 401}
    for value in ("Basic", "Basic !", "Basic /w==", "Bearer", "Negotiate abc"):
        assert house.ask("GET", "/v1/session", headers={"Authorization": value}).status_code == 401


def test_no_record_no_login(house):
    """Where it cannot be recorded that somebody logs in, nobody does."""

    def full(_):
        raise OperatorError("audit-unwritable", "The disk is full", where="/secret/path")

    secret, token = house.provider.token(), house.api_token()
    house.served.door._audit = type("Full", (), {"record": staticmethod(full)})()
    answer = house.ask("POST", "/v1/session", secret)
    assert answer.status_code == 503
    assert "secret" not in answer.text
    with pytest.raises(OperatorError):
        house.served.door.identify("a360_wrong", "192.0.2.1")
    with pytest.raises(DeniedError):
        house.new_door().served.door.login(secret, "192.0.2.1")
    assert token not in house.lake.records()
