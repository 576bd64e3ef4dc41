"""Who gets in by an identity provider's token, and who does not."""

import asyncio
import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from a360.errors import OperatorError
from a360.trust.identity import BadTokenError, KeySet, Provider, TokenVerifier

OTHER_KEY = rsa.generate_private_key(65537, 2048)


def part(told):
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(told).encode()).rstrip(b"=").decode()


def now():
    """The time as tokens have it: what a file computes when it is loaded is long past by its last test."""
    return int(time.time())


def unsigned(provider, alg="none", signature="", **headers):
    """A token that nobody signed."""
    return f"{part({'alg': alg, 'kid': 'rsa', **headers})}.{part(provider.claims())}.{signature}"


def by_public_key(provider, form):
    """A token with a MAC under what everybody knows: the provider's public key."""
    if form == "pem":
        secret = provider.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    else:
        secret = provider.file.read_bytes()
    signing = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(provider.claims())}"
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(signing.encode(), secret)
    return f"{signing}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def of_others(provider, **headers):
    """A token that is signed by somebody else's key."""
    return provider.token(key=OTHER_KEY, headers={"kid": "rsa", **headers})


def with_claims(provider, **changes):
    """Another's claims under a good signature."""
    head, _, signature = provider.token().split(".")
    return f"{head}.{part(provider.claims(**changes))}.{signature}"


JWK = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key()))
ATTACKS = {
    "alg none": unsigned,
    "alg None": lambda provider: unsigned(provider, "None"),
    "alg nOnE with a signature": lambda provider: unsigned(provider, "nOnE", "AAAA"),
    "no alg": lambda provider: unsigned(provider, None),
    "alg is a list": lambda provider: unsigned(provider, ["RS256"]),
    "no signature": lambda provider: provider.token().rpartition(".")[0] + ".",
    "HS256 with the public key as PEM": lambda provider: by_public_key(provider, "pem"),
    "HS256 with the key set": lambda provider: by_public_key(provider, "jwks"),
    "an algorithm that is not allowed": lambda provider: provider.token(alg="RS512"),
    "PS256 with a key that may": lambda provider: provider.token(alg="PS256"),
    "another's key": of_others,
    "another's key as jwk": lambda provider: of_others(provider, jwk=JWK),
    "another's key by jku": lambda provider: of_others(provider, jku="https://evil.example/jwks.json"),
    "another's key by x5u": lambda provider: of_others(provider, x5u="https://evil.example/cert"),
    "a key id that is a path": lambda provider: of_others(provider, kid="../../../../dev/null"),
    "a key id that is a URL": lambda provider: of_others(provider, kid="https://evil.example/key"),
    "a key id that is SQL": lambda provider: of_others(provider, kid="x' UNION SELECT 'key' --"),
    "a key id that is empty": lambda provider: of_others(provider, kid=""),
    "no key id": lambda provider: provider.token(headers={}),
    "the id of a key of another kind": lambda provider: provider.token(headers={"kid": "ec"}),
    "ES256 by the id of an RSA key": lambda provider: provider.token(
        key=provider.curve, alg="ES256", headers={"kid": "rsa"}
    ),
    "extensions": lambda provider: provider.token(headers={"kid": "rsa", "crit": ["x"], "x": 1}),
    "other claims": lambda provider: with_claims(provider, sub="sub-temp"),
    "another issuer": lambda provider: provider.token(iss="https://evil.example"),
    "an issuer that begins so": lambda provider: provider.token(iss="https://id.clinic.example.evil.example"),
    "another audience": lambda provider: provider.token(aud="another"),
    "other audiences": lambda provider: provider.token(aud=["another", "a3600"]),
    "an audience that is an object": lambda provider: provider.token(aud={"a360": 1}),
    "no audience": lambda provider: provider.token(aud=None),
    "no issuer": lambda provider: provider.token(iss=None),
    "no subject": lambda provider: provider.token(sub=None),
    "no expiry": lambda provider: provider.token(exp=None),
    "no time of issue": lambda provider: provider.token(iat=None),
    "expired": lambda provider: provider.token(iat=now() - 1000, exp=now() - 120),
    "an expiry that is a text": lambda provider: with_claims(provider, exp="9999999999"),
    "of the future": lambda provider: provider.token(iat=now() + 600, exp=now() + 900),
    "not good yet": lambda provider: provider.token(nbf=now() + 600),
    "an unknown subject": lambda provider: provider.token(sub="sub-stranger"),
    "a subject in capitals": lambda provider: provider.token(sub="SUB-NURSE"),
    "an address that nobody verified": lambda provider: provider.token(sub="x", email="owner@clinic.example"),
    "an address that a text verified": lambda provider: provider.token(
        sub="x", email="owner@clinic.example", email_verified="true"
    ),
    "a group and no user": lambda provider: provider.token(sub="x", groups=["idp-engineers"]),
    "too long": lambda provider: provider.token(filler="x" * 20_000),
    "no token": lambda _: "let-me-in",
    "five parts": lambda provider: provider.token() + ".a.b",
    "bytes that are no text": lambda _: "\udcff.\udcff.\udcff".encode("utf-8", "surrogateescape").decode(
        "latin-1"
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_other_token_lets_in(house, attack):
    """A token is the provider's, for us, of now and a known user's: else the answer is 401, on record."""
    before = len(house.events("login"))
    token = ATTACKS[attack](house.provider)
    answer = house.ask("POST", "/v1/session", headers={"Authorization": b"Bearer " + token.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert "session" not in answer.json()
    [(_, outcome, reason)] = house.events("login")[before:]
    assert (outcome, bool(reason)) == ("denied", True)
    assert token[:40] not in house.lake.records()


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_good_token_begins_a_session(house, alg):
    """The provider's own token makes its user known, with the rights of lake.yaml and no others."""
    signed = {"key": house.provider.curve, "headers": {"kid": "ec"}} if alg == "ES256" else {}
    session = house.log_in(house.provider.token(alg=alg, roles=["engineer"], groups=["engineers"], **signed))
    who = house.ask("GET", "/v1/session", session).json()
    assert (who["principal"], who["roles"], who["groups"]) == ("nurse", ["clinician"], [])
    assert house.query("SELECT count(*) AS n FROM silver.patient", session).json() == [{"n": 3}]


def test_a_verified_address_names_a_user(house):
    """Who has no subject in lake.yaml is known by an address that was verified, whatever its capitals."""
    token = house.provider.token(sub="s-1", email="owner@CLINIC.example", email_verified=True)
    assert house.ask("GET", "/v1/session", house.log_in(token)).json()["principal"] == "owner"


@pytest.mark.parametrize("told", [["idp-engineers", "x"], "idp-engineers"])
def test_groups_count_as_far_as_lake_yaml_says(house, told):
    """A group of the provider makes its user a member of the group that claims it, and of none besides."""
    who = house.ask("GET", "/v1/session", house.log_in(house.provider.token(sub="sub-temp", groups=told)))
    assert (who.json()["groups"], who.json()["roles"]) == (["staff"], ["engineer"])
    who = house.ask(
        "GET", "/v1/session", house.log_in(house.provider.token(sub="sub-temp", groups=["staff"]))
    )
    assert (who.json()["groups"], who.json()["roles"]) == ([], [])


@pytest.mark.parametrize("jti", ["once", None])
def test_a_token_is_good_for_one_login(house, jti):
    """A token that was used is refused: elsewhere, after a restart and without an id of its own, too."""
    token = house.provider.token(jti=jti and f"{jti}-{time.time_ns()}")
    house.log_in(token)
    assert house.ask("POST", "/v1/session", token, address="192.0.2.7").status_code == 401
    assert house.new_door().ask("POST", "/v1/session", token).status_code == 401
    assert ("nurse", "denied", "the token was used before") in house.events("login")


def test_of_many_logins_at_once_one_succeeds(house):
    """Of rivals that use one token at the same time one begins a session."""
    token = house.provider.token()

    async def rivals():
        async with house.client(token) as client:
            return await asyncio.gather(*(client.post("/v1/session") for _ in range(8)))

    assert sorted(each.status_code for each in asyncio.run(rivals())) == [201] + [401] * 7


def test_a_providers_token_is_no_bearer_token(house):
    """A provider's token begins a session and does nothing else: it could be sent again by whoever saw it."""
    answer = house.query("SELECT 1", house.provider.token())
    assert answer.status_code == 401


def test_without_a_provider_nobody_logs_in(house):
    """A server that knows no provider takes API tokens only."""
    house = house.new_door(login=False)
    assert house.ask("POST", "/v1/session", house.provider.token()).status_code == 401
    assert house.log_in(house.api_token())


def test_a_provider_that_is_down_counts_against_nobody(house, tmp_path):
    """Where a provider's keys cannot be read the answer is 503, on record, and no failed login of anybody."""
    token, file = house.provider.token(), tmp_path / "jwks.json"
    house = house.new_door()
    keys = KeySet(str(file), clock=house.clock)
    house.served.door._login.verifier._keys = keys
    told = [house.ask("POST", "/v1/session", token).status_code for _ in range(12)]
    assert told == [503] * 12
    assert house.events("login")[-1][:2] == ("nobody", "failed")
    assert str(file) not in house.lake.records()
    file.write_bytes(house.provider.file.read_bytes())
    house.clock.now += 60
    assert house.log_in(token)


@pytest.mark.parametrize("algorithms", [("HS256",), ("RS256", "none"), ()])
def test_algorithms_are_asymmetric_ones(algorithms):
    """A verifier that could verify by a shared secret, or by nothing, cannot be made."""
    with pytest.raises(ValueError, match="algorithms"):
        TokenVerifier(Provider("i", "a", algorithms), KeySet("/nowhere"))


def test_secrets_and_weak_keys_of_a_key_set_are_left_out(tmp_path, house):
    """Shared secrets, private keys, short RSA keys and keys for encryption verify nothing."""
    weak = rsa.generate_private_key(65537, 1024)
    to_jwk = jwt.algorithms.RSAAlgorithm.to_jwk
    keys = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        {**json.loads(to_jwk(weak.public_key())), "kid": "weak"},
        {**json.loads(to_jwk(OTHER_KEY)), "kid": "private"},
        {**JWK, "kid": "encrypts", "use": "enc"},
        {**JWK, "kid": "other", "alg": "RS256"},
    ]
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": keys}))
    known = KeySet(str(file))
    found = {name: known.key(name) for name in ("oct", "weak", "private", "encrypts", "other")}
    assert [name for name, key in found.items() if key] == ["other"]
    assert found["other"].algorithms == {"RS256"}


def test_keys_are_read_anew_for_an_id_not_seen_before_and_not_for_each(tmp_path, house):
    """A key that the provider has added counts, and made-up ids do not make us ask the provider each time."""
    clock = [0.0]
    file = tmp_path / "jwks.json"
    file.write_text(json.dumps({"keys": [{**JWK, "kid": "one"}]}))
    known = KeySet(str(file), clock=lambda: clock[0])
    assert known.key("one")
    file.write_text(json.dumps({"keys": [{**JWK, "kid": "two"}]}))
    assert known.key("two") is None
    clock[0] = 31.0
    assert known.key("two")
    assert known.key("one") is None
    file.write_text("garbage")
    clock[0] = 90.0
    with pytest.raises(OperatorError, match="cannot be read"):
        known.key("three")
    assert known.key("two")
    clock[0] = 31.0 + 25 * 3600
    with pytest.raises(OperatorError, match="cannot be read"):
        known.key("two")


def test_a_clock_may_differ_by_a_minute_and_no_more(house):
    """Tokens are good for a minute after they expire by our clock, as clocks differ, and then no more."""
    verifier = TokenVerifier(
        Provider("https://id.clinic.example", "a360", ("RS256",)), KeySet(str(house.provider.file))
    )
    assert verifier.claims(house.provider.token(iat=now() - 300, exp=now() - 30))
    assert verifier.claims(house.provider.token(iat=now() + 30))
    with pytest.raises(BadTokenError, match="expired"):
        verifier.claims(house.provider.token(iat=now() - 300, exp=now() - 61))
    with pytest.raises(BadTokenError, match="future"):
        verifier.claims(house.provider.token(iat=now() + 90))
